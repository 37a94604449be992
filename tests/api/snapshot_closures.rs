//! Closures that take a snapshot of their own map every time they run. Not for a map that may ask
//! again because its entries moved.

use std::cell::Cell;

use snaptrie::Operation;

use super::Map;
use crate::support::{finish, over_hashers, watched};

over_hashers!(closures_that_take_a_snapshot_each_time, closures_that_read_a_snapshot_each_time);

type Numbers = Map<u32, u32>;

fn numbered(count: u32) -> Numbers {
    (0..count).map(|key| (key, 0)).collect()
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
