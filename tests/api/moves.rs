//! Entries that move because their node is rebuilt or their table moves.

use std::cell::Cell;

use snaptrie::Operation;

use super::Map;
use crate::support::{Tested, finish, over_hashers, sorted, watched};

over_hashers!(
    closures_are_asked_once_though_entries_move,
    closures_that_fill_the_map_once,
    references_stay_while_entries_move,
);

/// Each operation asks once, also where it has to move the entry before.
fn closures_are_asked_once_though_entries_move() {
    let map = Map::<u32, u32>::default();
    let runs = Cell::new(0);
    for round in 0..20_u32 {
        for key in 0..200 {
            let pinned = map.handle();
            let (entry, value) = (pinned.get_key_value(&key), Cell::new(None));
            runs.set(0);
            let new = pinned.update_or_insert_with(
                key,
                |old| {
                    runs.set(runs.get() + 1);
                    value.set(Some(*old));
                    old + 1
                },
                || 0,
            );
            assert_eq!((*new, value.get()), (round, round.checked_sub(1)));
            assert_eq!(runs.get(), u32::from(entry.is_some()), "asked about {entry:?}");
        }
    }
    finish(map);
}

/// What the closure does moves the entry that it was asked about.
fn closures_that_fill_the_map_once() {
    watched(|| {
        for size in [1, 4, 13, 30, 180] {
            let map: Map<u32, u32> = (0..size).map(|key| (key, 0)).collect();
            let once = Cell::new(true);
            let fill = || {
                if once.replace(false) {
                    (1_000..1_300).for_each(|key| _ = map.handle().insert(key, 1));
                    (1_000..1_200).for_each(|key| _ = map.handle().remove(&key));
                }
            };
            let pinned = map.handle();
            let add = |value: &u32| {
                fill();
                value + 1
            };
            assert_eq!(pinned.update(0, add), Some(&1));
            once.set(true);
            assert_eq!(pinned.update_or_insert(0, add, 9), &2);
            once.set(true);
            pinned.compute::<()>(0, |entry| {
                fill();
                Operation::Insert(entry.unwrap().1 + 1)
            });
            assert_eq!(pinned.get(&0), Some(&3));
            once.set(true);
            let removed = pinned.remove_if(&0, |_, value| {
                fill();
                *value == 3
            });
            assert_eq!(removed, Some((&0, &3)));
            assert_eq!(pinned.len(), 100 + size as usize - 1);
            drop(pinned);
            finish(map);
        }
    });
}

/// A reference is to the place that the entry was in, however often that is replaced.
fn references_stay_while_entries_move() {
    const ROUNDS: u64 = 12;
    let map: Map<u32, [u64; 4]> = (0..300).map(|key| (key, [u64::from(key); 4])).collect();
    let pinned = map.handle();
    let mut held: Vec<(&u32, &[u64; 4])> = pinned.iter().collect();
    for round in 1..ROUNDS {
        for key in 0..300 {
            let value = [u64::from(key) + 1_000 * round; 4];
            held.push((pinned.get_key_value(&key).unwrap().0, pinned.insert(key, value).unwrap()));
        }
        if round % 10 == 0 {
            drop(map.version());
        }
        map.reserve(1_000 * round as usize);
        map.handle().refresh();
    }
    for (index, (key, value)) in held.iter().enumerate().skip(300) {
        let round = (index as u64 - 300) / 300;
        assert_eq!(**value, [u64::from(**key) + 1_000 * round; 4]);
    }
    held.truncate(300);
    assert!(held.iter().all(|(key, value)| **value == [u64::from(**key); 4]));
    let last = (0..300).map(|key| (key, [u64::from(key) + 1_000 * (ROUNDS - 1); 4]));
    assert_eq!(sorted(&map), last.collect::<Vec<_>>());
    drop(held);
    drop(pinned);
    finish(map);
}
