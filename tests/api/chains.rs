//! Chains of calls on an entry, and keys made when they are absent, of maps that hand out references. Those of maps that
//! hand out copies are in `copies.rs`.

use std::cell::Cell;

use super::Map;
use crate::support::{finish, over_hashers};

over_hashers!(entries_are_inserted_or_modified, keys_are_made_only_if_they_are_absent);

fn entries_are_inserted_or_modified() {
    let map = Map::<u32, u32>::default();
    let pinned = map.pin();
    for round in 0..3 {
        for key in 0..300 {
            let add = |value: &u32| value + 1;
            assert_eq!(*pinned.entry(key).and_modify(add).or_insert(10), 10 + round);
            assert_eq!(*pinned.entry(key).or_insert(0), 10 + round);
            assert_eq!(*pinned.entry(key).or_insert_with(|| unreachable!()), 10 + round);
            assert_eq!(*pinned.entry(key).or_insert_with_key(|_| unreachable!()), 10 + round);
            assert_eq!(
                *pinned.entry(key + 4_000).or_insert_with_key(|key| key * 2),
                2 * key + 8_000
            );
            assert_eq!(*pinned.entry(key + 1_000).and_modify(add).or_default(), round);
            assert_eq!(*pinned.entry(key + 2_000).or_default(), 0);
            assert_eq!(*pinned.get_or_default(key + 3_000), 0);
        }
    }
    assert_eq!(pinned.entry(7).key(), &7);
    assert_eq!(pinned.len(), 1_500);
    drop(pinned);
    finish(map);
}

fn keys_are_made_only_if_they_are_absent() {
    let map = Map::<u32, u32>::default();
    let made = Cell::new(0);
    for key in (0..300).chain(0..300) {
        let pinned = map.pin();
        let make = |key: &u32| {
            made.set(made.get() + 1);
            *key
        };
        assert_eq!(*pinned.get_or_insert_by(&key, make, || key * 2), key * 2);
    }
    assert_eq!((made.get(), map.len()), (300, 300));
    finish(map);
}
