//! Iterators over live maps.

use std::collections::{BTreeSet, HashSet};
use std::iter::FusedIterator;

use super::Map;
use crate::support::{Numbers, Tested, finish, over_hashers, scaled, sort};

over_hashers!(
    iterators_yield_each_entry_once,
    finished_iterators_stay_finished,
    debug_of_iterators,
    live_iterators_see_what_stays,
    live_iterators_yield_no_key_twice,
    live_iterators_end_while_the_map_grows,
    several_iterators_at_once,
);

fn filled(count: u32) -> Map<u32, u32> {
    (0..count).map(|key| (key, key + 1_000_000)).collect()
}

fn iterators_yield_each_entry_once() {
    for count in [0, 1, 2, 14, 30, 61, 150, 400] {
        let map = filled(count);
        let entries: Vec<_> = (0..count).map(|key| (key, key + 1_000_000)).collect();
        let keys: Vec<_> = (0..count).collect();
        let values: Vec<_> = keys.iter().map(|key| key + 1_000_000).collect();
        let pinned = map.handle();
        let copied = |(key, value): (&u32, &u32)| (*key, *value);

        assert_eq!(sort(pinned.iter().map(copied)), entries);
        assert_eq!(sort((&pinned).into_iter().map(copied)), entries);
        assert_eq!(sort(pinned.keys().copied()), keys);
        assert_eq!(sort(pinned.values().copied()), values);
        drop(pinned);
        finish(map);
    }
}

fn finished_iterators_stay_finished() {
    fn assert_fused<I: FusedIterator>(_: &I) {}
    let map = filled(3);
    let pinned = map.handle();
    let (mut iter, mut keys, mut values) = (pinned.iter(), pinned.keys(), pinned.values());
    assert_fused(&iter);
    assert_fused(&keys);
    assert_fused(&values);
    assert_eq!((iter.by_ref().count(), keys.by_ref().count(), values.by_ref().count()), (3, 3, 3));
    for key in 3..200 {
        pinned.insert(key, key);
        assert!(iter.next().is_none() && keys.next().is_none() && values.next().is_none());
    }
}

fn debug_of_iterators() {
    let map = filled(3);
    let pinned = map.handle();
    let (iter, keys, values) = (pinned.iter(), pinned.keys(), pinned.values());
    let shown = format!("{iter:?} {keys:?} {values:?}").replace("Copy", "");
    assert_eq!(shown, "Iter { .. } Keys { .. } Values { .. }");
}

/// Changes the map before each step of an iterator; keys from 1,000 on are left alone.
fn iterate_amid_changes(seed: u64) -> (Map<u32, u32>, Vec<u32>) {
    let map: Map<u32, u32> = (0..60).chain(1_000..1_060).map(|key| (key, 0)).collect();
    let (pinned, mut numbers, mut seen) = (map.handle(), Numbers(seed), Vec::new());
    let mut versions = Vec::new();
    for key in pinned.keys() {
        seen.push(*key);
        for _ in 0..30 {
            let key = numbers.below(120) as u32;
            match numbers.below(200) {
                0 => versions.push(map.version()),
                1 => _ = versions.pop(),
                2..100 => _ = pinned.insert(key, 1),
                _ => _ = pinned.remove(&key),
            }
        }
    }
    drop(pinned);
    (map, seen)
}

fn live_iterators_see_what_stays() {
    for seed in 0..scaled(8) {
        let (map, seen) = iterate_amid_changes(seed);
        let seen: HashSet<u32> = seen.into_iter().collect();
        assert!((1_000..1_060).all(|key| seen.contains(&key)), "with seed {seed}");
        assert!(seen.iter().all(|key| *key < 120 || *key >= 1_000));
        finish(map);
    }
}

/// "Yields no key twice", though keys are removed and inserted again meanwhile.
fn live_iterators_yield_no_key_twice() {
    for seed in 0..scaled(8) {
        let (_, seen) = iterate_amid_changes(seed);
        let distinct: BTreeSet<u32> = seen.iter().copied().collect();
        assert_eq!(distinct.len(), seen.len(), "with seed {seed}: {:?}", sort(seen));
    }
}

fn live_iterators_end_while_the_map_grows() {
    let map = filled(100);
    let pinned = map.handle();
    let mut fresh = 1_000..;
    for (index, _) in pinned.iter().enumerate() {
        assert!(index < 2_000, "the iterator follows the insertions for ever");
        for key in fresh.by_ref().take(2) {
            pinned.insert(key, 0);
        }
    }
    drop(pinned);
    finish(map);
}

fn several_iterators_at_once() {
    let map = filled(100);
    let (pinned, other) = (map.handle(), map.handle());
    let pairs = pinned.iter().flat_map(|(left, _)| other.keys().map(move |right| (left, right)));
    assert_eq!(pairs.map(|(left, right)| u64::from(left * right)).sum::<u64>(), 4950 * 4950);
    let mut one = pinned.iter();
    let two = pinned.iter();
    assert!(one.next().is_some());
    assert_eq!((one.count(), two.count()), (99, 100));
}
