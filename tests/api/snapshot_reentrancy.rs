//! Snapshots, takes and clears inside the closures of operations of the same map.

use std::cell::Cell;

use snaptrie::Operation;

use super::{Map, Snapshot};
use crate::support::{Tested, finish, over_hashers, watched};

over_hashers!(closures_that_clear_or_take_once, retain_with_a_closure_that_takes,);

type Numbers = Map<u32, u32>;

fn numbered(count: u32) -> Numbers {
    (0..count).map(|key| (key, 0)).collect()
}

fn closures_that_clear_or_take_once() {
    watched(|| {
        for size in [1, 4, 30, 180] {
            let map = numbered(size);
            let (once, mut calls, mut taken) = (Cell::new(true), Vec::new(), None);
            map.handle().compute::<()>(0, |entry| {
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
                0 => assert_eq!((map.len(), map.handle().get(&0)), (1, Some(&7))),
                7 => assert!(map.is_empty()),
                other => panic!("{other}"),
            }
            map.handle().get_or_insert_with(1, || {
                map.clear();
                1
            });
            assert_eq!(map.handle().iter().next(), Some((&1, &1)));
            map.handle().update_or_insert_with(
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
            let left: Vec<u32> = map.handle().values().copied().collect();
            assert!(left.is_empty() || left == [3], "{left:?}");
            finish(map);
        }
    });
}

fn retain_with_a_closure_that_takes() {
    watched(|| {
        let map = numbered(100);
        let mut taken = Vec::new();
        map.handle().retain(|_, _| {
            taken.push(map.take());
            true
        });
        assert!(map.is_empty());
        assert_eq!(taken.iter().map(Snapshot::len).sum::<usize>(), 100);
        finish(map);
    });
}
