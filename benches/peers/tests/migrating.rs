//! The guide's page on migrating, line by line: the other map's call and this one's compile, and come to the same.
#![cfg(feature = "snaptrie")]

use papaya::Operation as Theirs;
use snaptrie::{Compute, FlatMap, Operation, Published, TrieMap, TrieSet};

fn sorted<T: Ord>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort();
    all
}

#[test]
fn from_dashmap() {
    let there: dashmap::DashMap<&str, i32> = [("a", 1), ("b", 2), ("c", 3)].into_iter().collect();
    let here = TrieMap::from([("a", 1), ("b", 2), ("c", 3)]);
    assert_eq!(there.get("a").map(|value| *value), here.pin().get("a").copied());
    assert_eq!(there.insert("a", 4), here.pin().insert("a", 4).copied());
    *there.entry("a").or_insert(0) += 1;
    here.pin().update_or_insert("a", |n| n + 1, 1);
    there.entry("d").or_insert_with(|| 5);
    here.pin().get_or_insert_with("d", || 5);
    if let Some(mut value) = there.get_mut("b") {
        *value += 1;
    }
    here.pin().update("b", |n| n + 1);
    there.alter("b", |_, n| n * 2);
    here.pin().update("b", |n| n * 2);
    assert_eq!(there.remove("c"), here.pin().remove_entry("c").map(|(k, v)| (*k, *v)));
    assert_eq!(
        there.remove_if("b", |_, v| *v == 0).is_some(),
        here.pin().remove_if("b", |_, v| *v == 0).is_some()
    );
    there.retain(|_, v| *v != 5);
    here.pin().retain(|_, v| *v != 5);
    let theirs = sorted(there.iter().map(|entry| (*entry.key(), *entry.value())));
    assert_eq!(theirs, sorted(here.snapshot().iter().map(|(k, v)| (*k, *v))));
    assert_eq!(there.len(), here.len());
    assert_eq!(there.view("a", |_, v| v * 2), here.pin().get("a").map(|v| v * 2));
    assert_eq!(there.contains_key("a"), here.pin().contains_key("a"));
    there.alter_all(|_, v| v + 1);
    there.iter_mut().for_each(|mut entry| *entry += 1);
    for (key, _) in &here.snapshot() {
        here.pin().update(*key, |v| v + 2);
    }
    there.entry("a").and_modify(|v| *v += 1).or_insert(5);
    here.pin().entry("a").and_modify(|v| v + 1).or_insert(5);
    match there.entry("a") {
        dashmap::Entry::Occupied(entry) if *entry.get() == 1 => drop(entry.remove()),
        dashmap::Entry::Occupied(mut entry) => *entry.get_mut() -= 1,
        dashmap::Entry::Vacant(_) => {}
    }
    here.pin().compute("a", |entry| match entry {
        Some((_, 1)) => Operation::Remove,
        Some((_, left)) => Operation::Insert(left - 1),
        None => Operation::Abort(()),
    });
    let (their_copy, copy) = (there.clone(), here.fork());
    there.clear();
    here.clear();
    assert_eq!((there.len(), their_copy.len()), (here.len(), copy.len()));
    let (fixed, ours) = (their_copy.clone().into_read_only(), copy.snapshot());
    assert_eq!((fixed.len(), fixed.get("a")), (ours.len(), ours.get("a")));
    let all = copy.take().into_iter();
    let all = sorted(all.map(|entry| (*entry.key(), *entry.value())));
    assert_eq!(sorted(their_copy), all);
    assert!(dashmap::DashMap::<u8, u8>::with_capacity(1000).capacity() >= 1000);
    assert!(FlatMap::<u8, u8>::with_capacity(1000).capacity() >= 1000);
    let (set, here) = (dashmap::DashSet::new(), TrieSet::new());
    assert_eq!(set.insert(1), here.pin().insert(1));
}

#[test]
fn from_papaya() {
    let there: papaya::HashMap<i32, i32> = (0..10).map(|i| (i, i)).collect();
    let here: TrieMap<i32, i32> = (0..10).map(|i| (i, i)).collect();
    let (theirs, ours) = (there.pin(), here.pin());
    assert_eq!(theirs.get(&1), ours.get(&1));
    assert_eq!(theirs.insert(1, 5), ours.insert(1, 5));
    assert_eq!(theirs.remove(&2), ours.remove(&2));
    assert_eq!(theirs.update(3, |n| n + 1), ours.update(3, |n| n + 1));
    assert_eq!(theirs.update_or_insert(2, |n| n + 1, 7), ours.update_or_insert(2, |n| n + 1, 7));
    assert_eq!(theirs.get_or_insert_with(20, || 1), ours.get_or_insert_with(20, || 1));
    assert_eq!(theirs.try_insert(20, 2).is_err(), ours.try_insert(20, 2).is_err());
    theirs.compute(4, |entry| match entry {
        Some(_) => Theirs::<i32, ()>::Remove,
        None => Theirs::Abort(()),
    });
    ours.compute(4, |entry| match entry {
        Some(_) => Operation::<i32, ()>::Remove,
        None => Operation::Abort(()),
    });
    let (error, ours) =
        (theirs.try_insert(20, 2).unwrap_err(), ours.try_insert(20, 2).unwrap_err());
    assert_eq!((error.current, error.not_inserted), (ours.current, ours.value));
    let ours = here.pin();
    let remove = |_: Option<(&i32, &i32)>| Theirs::<i32, ()>::Remove;
    let panics = std::panic::catch_unwind(|| _ = there.pin().compute(100, remove));
    assert!(panics.is_err());
    assert_eq!(ours.compute(100, |_| Operation::<i32, ()>::Remove), Compute::Absent);
    let guard = there.guard();
    assert_eq!(there.get(&5, &guard), here.pin().get(&5));
    assert_eq!(
        theirs.remove_if(&5, |_, v| *v == 5).ok().flatten().is_some(),
        ours.remove_if(&5, |_, v| *v == 5).is_some()
    );
    assert_eq!(there.pin_owned().len(), here.snapshot().len());
    let all = sorted(theirs.iter().map(|(k, v)| (*k, *v)));
    assert_eq!(all, sorted(here.snapshot().iter().map(|(k, v)| (*k, *v))));
}

#[test]
fn from_scc() {
    let (there, here) = (scc::HashMap::<i32, i32>::new(), TrieMap::new());
    assert_eq!(there.insert_sync(1, 1).is_ok(), here.pin().try_insert(1, 1).is_ok());
    assert_eq!(there.insert_sync(1, 2).is_ok(), here.pin().try_insert(1, 2).is_ok());
    assert_eq!(there.upsert_sync(1, 3), here.pin().insert(1, 3).copied());
    assert_eq!(there.read_sync(&1, |_, v| v * 2), here.pin().get(&1).map(|v| v * 2));
    there.update_sync(&1, |_, v| *v += 1);
    here.pin().update(1, |v| v + 1);
    let mut all = Vec::new();
    there.iter_sync(|k, v| {
        all.push((*k, *v));
        true
    });
    assert_eq!(all, sorted(here.snapshot().iter().map(|(k, v)| (*k, *v))));
    assert_eq!(
        there.remove_if_sync(&1, |v| *v == 4).is_some(),
        here.pin().remove_if(&1, |_, v| *v == 4).is_some()
    );
    for (key, value) in [(1, 1), (2, 2), (3, 3)] {
        there.upsert_sync(key, value);
        here.pin().insert(key, value);
    }
    assert_eq!(
        there.any_sync(|_, v| *v == 2).is_some(),
        here.snapshot().iter().any(|(_, v)| *v == 2)
    );
    assert_eq!(
        there.remove_sync(&3),
        here.pin().remove_entry(&3).map(|(key, value)| (*key, *value))
    );
    // `retain_async` comes to the same.
    there.retain_sync(|_, v| *v > 1);
    here.retain(|_, v| *v > 1);
    assert_eq!(there.len(), here.len());
    let (index, here) = (scc::HashIndex::<i32, i32>::new(), FlatMap::new());
    assert_eq!(index.insert_sync(1, 1).is_ok(), here.pin().try_insert(1, 1).is_ok());
    assert_eq!(index.peek(&1, &scc::Guard::new()), here.pin().get(&1));
}

#[test]
fn from_flurry() {
    let (there, here) = (flurry::HashMap::<i32, i32>::new(), TrieMap::new());
    let guard = there.guard();
    assert_eq!(there.insert(1, 1, &guard), here.pin().insert(1, 1));
    assert_eq!(there.get(&1, &guard), here.pin().get(&1));
    assert_eq!(there.pin().get(&1), here.pin().get(&1));
    there.compute_if_present(&1, |_, v| Some(v + 1), &guard);
    here.pin().compute(1, |entry| match entry {
        Some((_, v)) => Operation::Insert(v + 1),
        None => Operation::Abort(()),
    });
    assert_eq!(there.get(&1, &guard), here.pin().get(&1));
    there.retain(|_, v| *v > 2, &guard);
    here.pin().retain(|_, v| *v > 2);
    assert_eq!(there.len(), here.len());
}

#[test]
fn from_evmap() {
    let (mut writer, reader) = evmap::new::<i32, i32>();
    let here = TrieMap::new();
    writer.insert(1, 2);
    writer.publish();
    here.pin().insert(1, 2);
    let theirs = reader.get(&1).and_then(|bag| bag.get_one().copied());
    assert_eq!(theirs, here.pin().get(&1).copied());
    let seen = reader.enter().map(|all| all.len());
    assert_eq!(seen, Some(here.snapshot().len()));
    let published = Published::new(here.snapshot());
    writer.insert(2, 3);
    here.pin().insert(2, 3);
    assert_eq!(reader.len(), published.load().len());
    writer.publish();
    published.publish(here.snapshot());
    assert_eq!(reader.len(), published.load().len());
}

#[test]
fn from_im() {
    // `imbl` is what became of `im`.
    let there: imbl::HashMap<i32, i32> = imbl::HashMap::new().update(1, 2);
    let here = TrieMap::new();
    here.pin().insert(1, 2);
    let (their_copy, copy) = (there.clone(), here.fork());
    assert_eq!(their_copy.get(&1), copy.pin().get(&1));
    let (a, b) = (imbl::HashSet::unit(1), imbl::HashSet::unit(2));
    let union = sorted(a.union(b));
    let (a, b) = (TrieSet::from([1]), TrieSet::from([2]));
    let (a, b) = (a.snapshot(), b.snapshot());
    assert_eq!(union, sorted(a.union(&b).copied()));
    let joined: TrieSet<i32> = &a | &b;
    assert_eq!(joined.len(), union.len());
}
