//! Calls of a map's methods inside those of the same map: in closures, and while handles, iterators and snapshots are
//! held.
//!
//! No operation waits for another, so none of this can deadlock; every body runs under a watchdog.

use std::cell::Cell;

use super::Map;
use crate::support::{Tested, finish, over_hashers, verify, watched};

over_hashers!(
    closures_that_change_the_key_once,
    insertions_whose_closure_inserts_the_key,
    closures_that_clear_once,
    retain_with_a_busy_closure,
    iterators_amid_everything,
);

type Numbers = Map<u32, u32>;

fn numbered(count: u32) -> Numbers {
    (0..count).map(|key| (key, 0)).collect()
}

fn closures_that_change_the_key_once() {
    watched(|| {
        let map = numbered(40);
        let once = Cell::new(true);
        let update = |value: &u32| {
            if once.replace(false) {
                map.handle().insert(7, 100);
            }
            value + 1
        };
        assert_eq!(map.handle().update(7, update), Some(&101));
        once.set(true);
        assert_eq!(map.handle().update_or_insert(7, update, 0), &101);
        let condition = |_: &u32, value: &u32| {
            map.handle().insert(7, 0);
            *value == 101
        };
        assert_eq!(map.handle().remove_if(&7, condition), None, "the entry it asked about is gone");
        assert_eq!(map.handle().get(&7), Some(&0));
        finish(map);
    });
}

fn insertions_whose_closure_inserts_the_key() {
    watched(|| {
        for size in [0, 1, 4, 30, 180] {
            let map = numbered(size);
            let pinned = map.handle();
            let insert = |key, value| {
                pinned.insert(key, value);
                1_000
            };
            assert_eq!(pinned.get_or_insert_with(500, || insert(500, 1)), &1);
            assert_eq!(pinned.try_insert_with(501, || insert(501, 1)), Err(&1));
            assert_eq!(pinned.update_or_insert_with(502, |v| v + 5, || insert(502, 1)), &6);
            assert_eq!(pinned.len(), size as usize + 3);
            drop(pinned);
            finish(map);
        }
    });
}

fn closures_that_clear_once() {
    watched(|| {
        for size in [1, 4, 30, 180] {
            let map = numbered(size);
            map.handle().get_or_insert_with(1_000, || {
                map.clear();
                1
            });
            assert_eq!(map.handle().iter().next(), Some((&1_000, &1)));
            map.handle().update_or_insert_with(
                1_000,
                |value| {
                    if *value == 1 {
                        map.clear();
                    }
                    2
                },
                || 3,
            );
            // Cleared before the update or after it.
            let left: Vec<u32> = map.handle().values().copied().collect();
            assert!(left.is_empty() || left == [3], "{left:?}");
            finish(map);
        }
    });
}

fn retain_with_a_busy_closure() {
    watched(|| {
        let map = numbered(200);
        // Not those that the closure removes.
        let mut fresh = (1_000..).step_by(2);
        map.handle().retain(|key, _| {
            let next = fresh.next().unwrap();
            map.handle().insert(next, 0);
            map.handle().remove(&(key ^ 1));
            assert!(map.handle().contains_key(&next));
            key % 3 == 0
        });
        verify(&map);
        map.handle().retain(|_, _| {
            map.clear();
            false
        });
        assert!(map.is_empty());
        finish(map);
    });
}

fn iterators_amid_everything() {
    watched(|| {
        let map = numbered(200);
        let pinned = map.handle();
        let mut versions = Vec::new();
        for (steps, (key, _)) in pinned.iter().enumerate() {
            versions.push(map.version());
            pinned.remove(key);
            pinned.insert(key + 10_000, 0);
            if steps % 50 == 49 {
                versions.clear();
            }
            if steps == 150 {
                map.clear();
            }
        }
        drop(pinned);
        finish(map);
    });
}
