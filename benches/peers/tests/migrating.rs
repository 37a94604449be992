//! The tables of the guide's page on migrating, row by row: what is called there and what is called here
//! compile, and come to the same.
#![cfg(feature = "snaptrie")]

use papaya::Operation as Theirs;
use snaptrie::{FlatMap, Operation, TrieMap, TrieSet};

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
    let (their_copy, copy) = (there.clone(), here.fork());
    there.clear();
    here.clear();
    assert_eq!((there.len(), their_copy.len()), (here.len(), copy.len()));
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
