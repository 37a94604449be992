//! Iterators over snapshots.

use std::iter::FusedIterator;

use snaptrie::{SnapshotIntoIter, SnapshotIter, SnapshotKeys, SnapshotValues};

use super::{Map, Mode};
use crate::support::{Tested, finish, over_hashers, sort};

over_hashers!(
    snapshot_iterators_yield_each_entry_once,
    snapshot_iterators_know_their_length,
    snapshot_iterators_keep_their_order,
    owned_entries_outlive_everything,
    debug_of_snapshot_iterators,
);

fn filled(count: u32) -> Map<u32, u32> {
    (0..count).map(|key| (key, key + 1_000_000)).collect()
}

fn snapshot_iterators_yield_each_entry_once() {
    for count in [0, 1, 2, 14, 30, 61, 150, 400] {
        let map = filled(count);
        let entries: Vec<_> = (0..count).map(|key| (key, key + 1_000_000)).collect();
        let keys: Vec<_> = (0..count).collect();
        let values: Vec<_> = keys.iter().map(|key| key + 1_000_000).collect();
        let snapshot = map.snapshot();
        let copied = |(key, value): (&u32, &u32)| (*key, *value);

        assert_eq!(sort(snapshot.iter().map(copied)), entries);
        assert_eq!(sort((&snapshot).into_iter().map(copied)), entries);
        assert_eq!(sort(snapshot.keys().copied()), keys);
        assert_eq!(sort(snapshot.values().copied()), values);
        assert_eq!(sort(snapshot.into_iter().map(|entry| copied(entry.pair()))), entries);
        finish(map);
    }
}

fn counts_down(mut iter: impl ExactSizeIterator + FusedIterator, len: usize) {
    for left in (0..=len).rev() {
        assert_eq!((iter.len(), iter.size_hint()), (left, (left, Some(left))));
        assert_eq!(iter.next().is_some(), left > 0);
    }
    assert!(iter.next().is_none());
    assert_eq!((iter.len(), iter.size_hint()), (0, (0, Some(0))));
}

fn snapshot_iterators_know_their_length() {
    for count in [0, 1, 50, 300] {
        let map = filled(count as u32);
        let snapshot = map.snapshot();
        // The first is asked before anybody counted the snapshot.
        counts_down(snapshot.iter(), count);
        counts_down((&snapshot).into_iter(), count);
        counts_down(snapshot.keys(), count);
        counts_down(snapshot.values(), count);
        counts_down(snapshot.into_iter(), count);
        let late = map.snapshot();
        let mut iter = late.iter();
        iter.by_ref().take(count / 2).for_each(drop);
        assert_eq!(iter.len(), count - count / 2, "counted in the middle");
    }
}

fn snapshot_iterators_keep_their_order() {
    let map = filled(300);
    let snapshot = map.snapshot();
    let first: Vec<(u32, u32)> = snapshot.iter().map(|(key, value)| (*key, *value)).collect();
    map.handle().retain(|key, _| key % 2 == 0);
    map.handle().insert(1_000, 0);
    let second = snapshot.iter().map(|(key, value)| (*key, *value));
    assert!(second.eq(first.iter().copied()));
    assert!(snapshot.keys().copied().eq(first.iter().map(|(key, _)| *key)));
    assert!(snapshot.values().copied().eq(first.iter().map(|(_, value)| *value)));
    let owned = snapshot.clone().into_iter().map(|entry| (*entry.key(), *entry.value()));
    assert!(owned.eq(first));
}

fn owned_entries_outlive_everything() {
    let map: Map<u32, u64> = (0..100).map(|key| (key, u64::from(key))).collect();
    let mut entries = map.snapshot().into_iter();
    let first = entries.next().unwrap();
    finish(map);
    let copy = first.clone();
    assert_eq!((u64::from(*first.key()), first.value()), (*copy.value(), copy.value()));
    assert_eq!(format!("{first:?}"), format!("SnapshotEntry({}, {:?})", copy.key(), copy.value()));
    let rest: Vec<_> = entries.collect();
    assert_eq!(rest.len(), 99);
    drop(first);
    assert!(rest.iter().chain([&copy]).all(|entry| u64::from(*entry.key()) == *entry.value()));
}

fn debug_of_snapshot_iterators() {
    let map = filled(3);
    let snapshot = map.snapshot();
    let mut iter: SnapshotIter<'_, u32, u32, Mode> = snapshot.iter();
    assert_eq!(format!("{iter:?}"), "SnapshotIter { left: 3 }");
    iter.next();
    assert_eq!(format!("{iter:?}"), "SnapshotIter { left: 2 }");
    let keys: SnapshotKeys<'_, u32, u32, Mode> = snapshot.keys();
    let values: SnapshotValues<'_, u32, u32, Mode> = snapshot.values();
    assert_eq!(format!("{keys:?}"), "SnapshotKeys { left: 3 }");
    assert_eq!(format!("{values:?}"), "SnapshotValues { left: 3 }");
    let owned: SnapshotIntoIter<u32, u32, Mode> = snapshot.into_iter();
    assert_eq!(format!("{owned:?}"), "SnapshotIntoIter { left: 3 }");
}
