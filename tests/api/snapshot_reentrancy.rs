//! Snapshots, takes and clears inside the closures of operations of the same map.

use std::cell::Cell;

use snaptrie::{Operation, Snapshot};

use super::Map;
use crate::support::{finish, over_hashers, watched};

over_hashers!(
    closures_that_clear_or_take_once,
    closures_that_take_a_snapshot_each_time,
    closures_that_read_a_snapshot_each_time,
    retain_with_a_closure_that_takes,
);

type Numbers = Map<u32, u32>;

fn numbered(count: u32) -> Numbers {
    (0..count).map(|key| (key, 0)).collect()
}

fn closures_that_clear_or_take_once() {
    watched(|| {
        for size in [1, 4, 30, 180] {
            let map = numbered(size);
            let (once, mut calls, mut taken) = (Cell::new(true), Vec::new(), None);
            map.pin().compute::<()>(0, |entry| {
                calls.push(entry.is_some());
                if once.replace(false) {
                    taken = Some(map.take());
                }
                Operation::Insert(7)
            });
            // Either the take has the change, or the map.
            let taken = taken.unwrap();
            assert_eq!(taken.len(), size as usize);
            match taken[&0] {
                0 => assert_eq!((map.len(), map.pin().get(&0)), (1, Some(&7))),
                7 => assert!(map.is_empty()),
                other => panic!("{other}"),
            }
            map.pin().get_or_insert_with(1, || {
                map.clear();
                1
            });
            assert_eq!(map.pin().iter().next(), Some((&1, &1)));
            map.pin().update_or_insert_with(
                1,
                |value| {
                    if *value == 1 {
                        map.clear();
                    }
                    2
                },
                || 3,
            );
            // Cleared before the update or after it.
            let left: Vec<u32> = map.pin().values().copied().collect();
            assert!(left.is_empty() || left == [3], "{left:?}");
            finish(map);
        }
    });
}

/// Calls of a closure that must be enough.
const ENOUGH: usize = 1_000;

/// Runs each operation that takes a closure with one that does `inside` every time.
fn with_each_closure(inside: impl Fn(&Numbers)) {
    for (size, key) in [(0, 0), (1, 0), (1, 9), (20, 3), (20, 99), (400, 7), (400, 999)] {
        let map = numbered(size);
        map.pin().remove(&1_000);
        let pinned = map.pin();
        let calls = Cell::new(0);
        let run = || {
            calls.set(calls.get() + 1);
            assert!(calls.get() < ENOUGH, "called for ever, of {size} keys for {key}");
            inside(&map);
            1
        };
        let there = key < size;
        assert_eq!(pinned.update(key, |_| run()).is_some(), there);
        assert_eq!(pinned.update_or_insert_with(key, |_| run(), run), &1);
        pinned.compute::<()>(key, |_| Operation::Insert(run()));
        pinned.remove_if(&key, |_, _| run() == 1);
        assert!(!pinned.contains_key(&key));
        pinned.compute::<()>(key, |_| Operation::Insert(run()));
        pinned.compute::<()>(key, |_| {
            run();
            Operation::Remove
        });
        assert_eq!(pinned.get_or_insert_with(key, run), &1);
        assert_eq!(
            pinned.len(),
            size.max(key.min(size) + u32::from(there)) as usize + usize::from(!there)
        );
        drop(pinned);
        finish(map);
    }
}

fn closures_that_take_a_snapshot_each_time() {
    watched(|| with_each_closure(|map| drop(map.snapshot())));
}

/// A value computed from a consistent view of the whole map.
fn closures_that_read_a_snapshot_each_time() {
    watched(|| {
        with_each_closure(|map| {
            let snapshot = map.snapshot();
            assert_eq!(snapshot.iter().count(), snapshot.len());
        });
    });
}

fn retain_with_a_closure_that_takes() {
    watched(|| {
        let map = numbered(100);
        let mut taken = Vec::new();
        map.pin().retain(|_, _| {
            taken.push(map.take());
            true
        });
        assert!(map.is_empty());
        assert_eq!(taken.iter().map(Snapshot::len).sum::<usize>(), 100);
        finish(map);
    });
}
