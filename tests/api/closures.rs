//! How often closures run. A map that moves its entries may ask a closure again when it did: these
//! tests are not for such a map.

use std::cell::Cell;

use snaptrie::{Compute, Operation};

use super::Map;
use crate::support::{Tested, finish, over_hashers, watched};

over_hashers!(closures_run_once_if_nobody_else_changes_the_key, closures_that_change_other_keys,);

/// "The closure may run again, when another thread changed the key meanwhile": not when only the
/// map has to grow, or a snapshot was taken.
fn closures_run_once_if_nobody_else_changes_the_key() {
    let map = Map::<u32, u32>::default();
    let runs = Cell::new(0);
    let count = || runs.set(runs.get() + 1);
    let mut calls = 0;
    for round in 0..3 {
        for key in 0..200 {
            let pinned = map.pin();
            pinned.update_or_insert(
                key,
                |value| {
                    count();
                    value + 1
                },
                0,
            );
            pinned.update(key, |value| {
                count();
                value + 1
            });
            pinned.compute::<()>(key, |_| {
                count();
                Operation::Insert(7)
            });
            pinned.remove_if(&key, |_, _| {
                count();
                false
            });
            calls += if round == 0 { 3 } else { 4 };
            assert_eq!(runs.get(), calls, "at key {key} in round {round}");
        }
        let _version = map.version();
    }
    finish(map);
}

fn closures_that_change_other_keys() {
    watched(|| {
        let map: Map<u32, u32> = [(0, 0)].into_iter().collect();
        let busy = |value: u32| {
            for key in 100..400 {
                map.pin().insert(key, value);
            }
            for key in 200..300 {
                map.pin().remove(&key);
            }
            value
        };
        assert_eq!(map.pin().update(0, |value| busy(value + 1)), Some(&1));
        assert_eq!(map.pin().update_or_insert_with(1, |_| busy(2), || busy(3)), &3);
        assert_eq!(map.pin().get_or_insert_with(2, || busy(4)), &4);
        let outcome =
            map.pin().compute::<()>(3, |_| Operation::Insert(busy(5))) == Compute::Inserted(&3, &5);
        assert!(outcome);
        assert!(map.pin().remove_if(&3, |_, value| busy(*value) == 5).is_some());
        assert_eq!(map.len(), 3 + 200);
        finish(map);
    });
}
