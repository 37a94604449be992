//! Maps that hand out copies: the operations on the map itself, and what differs from maps that lend references.

use std::cell::Cell;

use snaptrie::{Compute, OccupiedError, Operation};

use super::{AnyMap, Map};
use crate::support::alloc::allocations;
use crate::support::{Chosen, Numbered, eventually, finish, over_hashers, sort};

over_hashers!(
    operations_on_the_map_agree_with_those_of_a_handle,
    looking_up,
    inserting,
    updating,
    updates_keep_the_key,
    entries_are_inserted_or_modified,
    keys_are_made_only_if_they_are_absent,
    removing,
    computing,
    batches,
    walking,
    walks_hold_nothing_but_a_guard,
    closures_may_be_asked_again,
    operations_inside_walks,
    removals_of_many_ask_once,
);

fn filled(count: u32) -> Map<u32, u32> {
    (0..count).map(|key| (key, key * 10)).collect()
}

fn operations_on_the_map_agree_with_those_of_a_handle() {
    let (map, other) = (Map::<u32, u32>::default(), Map::<u32, u32>::default());
    let pinned = other.pin();
    for (index, key) in (0..600).chain(0..600).enumerate() {
        let value = index as u32;
        assert_eq!(map.get(&key), pinned.get(&key));
        assert_eq!(map.insert(key, value), pinned.insert(key, value));
        assert_eq!(map.update(&key, |v| v + 1), pinned.update(&key, |v| v + 1));
        assert_eq!(map.try_insert(key, 0), pinned.try_insert(key, 0));
        let goes = |key: &u32, _: &u32| key % 3 == 0;
        assert_eq!(map.remove_if(&key, goes), pinned.remove_if(&key, goes));
        assert_eq!((map.len(), map.is_empty()), (pinned.len(), pinned.is_empty()));
    }
    assert_eq!(sort(map.iter()), sort(pinned.iter()));
    assert!(std::ptr::eq(pinned.map(), &raw const other));
    drop(pinned);
    assert!(map == other);
    finish(map);
}

fn looking_up() {
    let map = filled(300);
    for key in 0..300 {
        assert_eq!(map.get(&key), Some(key * 10));
        assert_eq!(map.get_key_value(&key), Some((key, key * 10)));
        assert!(map.contains_key(&key));
    }
    assert_eq!((map.get(&300), map.get_key_value(&300)), (None, None));
    assert!(!map.contains_key(&300));
}

fn inserting() {
    let map = Map::<u32, u32>::default();
    assert_eq!(map.insert(1, 10), None);
    assert_eq!(map.insert(1, 11), Some(10));
    assert_eq!(map.try_insert(2, 20), Ok(20));
    let error = OccupiedError { current: 20, key: 2, value: 21 };
    assert_eq!(map.try_insert(2, 21), Err(error));
    assert_eq!(error.to_string(), "the key is in the map already");
    assert_eq!(map.try_insert_with(3, || 30), Ok(30));
    assert_eq!(map.try_insert_with(3, || unreachable!()), Err(30));
    assert_eq!((map.get_or_insert(4, 40), map.get_or_insert(4, 41)), (40, 40));
    assert_eq!(map.get_or_insert_with(4, || unreachable!()), 40);
    assert_eq!(map.get_or_default(5), 0);
    assert_eq!(map.get_or_try_insert_with(6, || Err("no")), Err("no"));
    assert_eq!(map.get_or_try_insert_with(6, || Ok::<_, &str>(60)), Ok(60));
    assert_eq!(sort(map.keys()), [1, 2, 3, 4, 5, 6]);
    finish(map);
}

fn updating() {
    let map = filled(100);
    for key in 0..100 {
        assert_eq!(map.update(&key, |value| value + 1), Some(key * 10 + 1));
        assert_eq!(map.update(&(key + 100), |_| unreachable!()), None);
        assert_eq!(map.update_or_insert(key, |value| value + 1, 0), key * 10 + 2);
        assert_eq!(map.update_or_insert(key + 1_000, |_| unreachable!(), 7), 7);
        assert_eq!(map.update_or_insert_with(key, |value| value, || unreachable!()), key * 10 + 2);
    }
    assert_eq!(map.len(), 200);
    finish(map);
}

fn updates_keep_the_key() {
    let map = Map::<Numbered, u32>::default();
    map.insert(Numbered(1, 10), 1);
    assert_eq!(map.update(&Numbered(1, 20), |value| value + 1), Some(2));
    assert_eq!(
        map.get_key_value(&Numbered(1, 0)).map(|(key, value)| (key.1, value)),
        Some((10, 2))
    );
    map.update_or_insert(Numbered(1, 30), |value| value + 1, 0);
    assert_eq!(
        map.get_key_value(&Numbered(1, 0)).map(|(key, value)| (key.1, value)),
        Some((30, 3))
    );
    finish(map);
}

fn entries_are_inserted_or_modified() {
    let map = Map::<u32, u32>::default();
    let pinned = map.pin();
    let add = |value: u32| value + 1;
    for round in 0..3 {
        for key in 0..300 {
            assert_eq!(map.entry(key).and_modify(add).or_insert(10), 10 + 2 * round);
            assert_eq!(pinned.entry(key).and_modify(add).or_insert(10), 11 + 2 * round);
            assert_eq!(map.entry(key).or_insert(0), 11 + 2 * round);
            assert_eq!(map.entry(key).or_insert_with(|| unreachable!()), 11 + 2 * round);
            assert_eq!(map.entry(key).or_insert_with_key(|_| unreachable!()), 11 + 2 * round);
            assert_eq!(map.entry(key + 1_000).and_modify(add).or_default(), round);
            assert_eq!(map.entry(key + 2_000).or_default(), 0);
            assert_eq!(map.entry(key + 3_000).or_insert_with_key(|key| key * 2), 2 * key + 6_000);
        }
    }
    assert_eq!((map.entry(7).key(), pinned.entry(7).key()), (7, 7));
    let seven = map.entry(7);
    assert_eq!(format!("{seven:?}"), "CopyEntry { key: 7, .. }");
    assert_eq!(format!("{:?}", seven.and_modify(add)), "CopyModifiedEntry { key: 7, .. }");
    assert_eq!(map.len(), 1_200);
    drop(pinned);
    finish(map);
}

/// A chain is one step: a change in between makes it start again, and is not lost.
#[test]
fn chains_see_changes_in_between() {
    let map = AnyMap::from([(1, 10)]);
    let asked = Cell::new(0);
    let modify = |value: u32| {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            map.insert(1, 1_000);
        }
        value + 1
    };
    assert_eq!(map.entry(1).and_modify(modify).or_insert(0), 1_001);
    assert_eq!((asked.get(), map.get(&1)), (2, Some(1_001)));
    let insert = || {
        map.insert(2, 20);
        21
    };
    assert_eq!((map.entry(2).or_insert_with(insert), map.get(&2)), (20, Some(20)));
}

fn keys_are_made_only_if_they_are_absent() {
    let map = Map::<[u8; 2], usize>::default();
    let made = Cell::new(0);
    for key in (0..300_u16).chain(0..300) {
        let make = |bytes: &[u8]| {
            made.set(made.get() + 1);
            bytes.try_into().unwrap()
        };
        let (value, bytes) = (usize::from(key) * 2, key.to_be_bytes());
        assert_eq!(map.get_or_insert_by(&bytes[..], make, || value), value);
        assert_eq!(map.pin().get_or_insert_by(&bytes[..], make, || unreachable!()), value);
    }
    assert_eq!((made.get(), map.len()), (300, 300));
    finish(map);
}

fn removing() {
    let map = filled(300);
    for key in 0..100 {
        assert_eq!(map.remove(&key), Some(key * 10));
        assert_eq!(map.remove_entry(&(key + 100)), Some((key + 100, key * 10 + 1_000)));
        assert_eq!(map.remove_if(&(key + 200), |_, value| *value == 0), None);
    }
    assert_eq!((map.remove(&0), map.remove_entry(&0)), (None, None));
    assert_eq!(map.len(), 100);
    map.clear();
    assert!(map.is_empty());
    map.flush();
    finish(map);
}

fn computing() {
    let map = Map::<u32, u32>::default();
    let step = |operation: Operation<u32, char>| map.compute(1, |_| operation);
    assert_eq!(step(Operation::Remove), Compute::Absent);
    assert_eq!(step(Operation::Insert(10)), Compute::Inserted(1, 10));
    assert_eq!(step(Operation::Insert(11)), Compute::Updated { old: (1, 10), new: (1, 11) });
    assert_eq!(step(Operation::Abort('x')), Compute::Aborted('x'));
    assert_eq!(step(Operation::Remove), Compute::Removed(1, 11));
    finish(map);
}

fn batches() {
    let map = Map::<u32, u32>::default();
    assert_eq!(map.insert_many((0..500).map(|key| (key, key))), 500);
    assert_eq!(map.insert_many((250..750).map(|key| (key, key))), 250);
    let keys: Vec<u32> = (700..800).collect();
    let found: Vec<Option<u32>> = map.get_many(&keys).collect();
    assert!(keys.iter().zip(found).all(|(key, value)| value == (*key < 750).then_some(*key)));
    let mut extended = Map::<u32, u32>::default();
    extended.extend(&map);
    assert!(extended == map);
    finish(map);
}

fn walking() {
    let map = filled(300);
    let entries: Vec<(u32, u32)> = (0..300).map(|key| (key, key * 10)).collect();
    assert_eq!(sort(map.iter()), entries);
    assert_eq!(sort(&map), entries);
    assert_eq!(sort(&map.pin()), entries);
    assert_eq!(sort(map.keys()), (0..300).collect::<Vec<_>>());
    assert_eq!(map.values().sum::<u32>(), 299 * 300 / 2 * 10);
    assert_eq!(format!("{:?}", map.iter()), "CopyIter { .. }");
    assert_eq!(map.iter().fold(0, |count, _| count + 1), 300);
}

/// An iterator outlives the handle that others would need, and entries freed meanwhile do not disturb it.
fn walks_hold_nothing_but_a_guard() {
    // A collector of its own: handles of other tests would keep its garbage.
    let map = Map::<u32, u32>::with_hasher(Chosen::default()).collecting_privately();
    map.insert_many((0..300).map(|key| (key, key * 10)));
    let mut iter = map.iter();
    let first = iter.next().unwrap();
    map.clear();
    for round in 0..2_000 {
        map.insert(round % 7, round);
    }
    map.flush();
    let mut seen: Vec<(u32, u32)> = std::iter::once(first).chain(iter).collect();
    seen.retain(|(key, value)| *key >= 7 || *value == key * 10);
    assert!(seen.iter().all(|(key, value)| *value == key * 10));
    assert!(eventually(|| map.flush()), "the iterator's guard is gone");
    finish(map);
}

/// A closure that changes its own key once decides anew.
fn closures_may_be_asked_again() {
    let map = filled(40);
    let asked = Cell::new(0);
    let update = |value: u32| {
        asked.set(asked.get() + 1);
        if asked.get() == 1 {
            map.insert(7, 1_000);
        }
        value + 1
    };
    assert_eq!(map.update(&7, update), Some(1_001));
    assert_eq!(asked.get(), 2);
    finish(map);
}

fn operations_inside_walks() {
    let map = filled(200);
    for (key, value) in &map {
        assert_eq!(map.remove(&key), Some(value));
        map.insert(key + 10_000, value);
        if key >= 10_000 {
            break;
        }
    }
    assert_eq!(map.len(), 200);
    finish(map);
}

fn removals_of_many_ask_once() {
    let map = filled(100);
    let mut asked = [0; 100];
    map.retain(|key, _| {
        asked[*key as usize] += 1;
        key % 5 != 0
    });
    assert_eq!(asked, [1; 100]);
    finish(map);
}

#[test]
fn lookups_on_the_map_allocate_nothing() {
    super::allocations::warm_up();
    let map: AnyMap<u32, u32> = (0..500).map(|key| (key, key)).collect();
    let read = || (0..1_000).for_each(|key| assert_eq!(map.get(&key), (key < 500).then_some(key)));
    assert_eq!(allocations(read), 0);
}
