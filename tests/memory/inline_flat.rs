//! `FlatMap` with its entries inline: what takes memory besides the table, and for how long.

use snaptrie::FixedState;

use crate::support::alloc::{allocations, live};
use crate::support::{Chosen, one_at_a_time, verify};
use crate::warm_up;

/// The map of these tests.
type Map<S> = snaptrie::CopyFlatMap<u64, u64, S>;

/// An old table and the one that it moves to, once both are twice as large as the first.
const TABLES: isize = 4;

#[path = "tables.rs"]
mod tables;

const KEYS: u64 = 10_000;

fn with_room() -> Map<FixedState> {
    Map::with_capacity_and_hasher(2 * KEYS as usize, FixedState::with_seed(1))
}

/// But for the leaves: two for each word, a small one and the one that there is room for.
#[test]
fn new_keys_allocate_next_to_nothing_where_there_is_room() {
    let _turn = one_at_a_time();
    warm_up();
    let map = with_room();
    let insert = |key| assert_eq!(map.insert(key, !key), None);
    let all = allocations(|| (0..KEYS).for_each(insert));
    let stats = map.stats();
    assert!(all <= 8 * stats.words, "{all} allocations, {stats}");
    assert_eq!(allocations(|| (0..KEYS).for_each(|key| _ = map.get_or_insert(key, 0))), 0);
    assert_eq!(map.stats().entry_bytes, 0);
    verify(&map);
}

#[test]
fn overwriting_allocates_nothing() {
    let _turn = one_at_a_time();
    warm_up();
    let map = with_room();
    (0..KEYS).for_each(|key| _ = map.pin().insert(key, 0));
    let start = live();
    for round in 1..100 {
        let overwrite = |key| assert_eq!(map.insert(key, round), Some(round - 1));
        assert_eq!(allocations(|| (0..KEYS).for_each(overwrite)), 0);
    }
    assert!(live() <= start);
    verify(&map);
}

/// Exactly: with a collector of its own a map leaves nothing behind.
#[test]
fn a_map_that_grew_and_shrank_leaves_nothing() {
    let _turn = one_at_a_time();
    warm_up();
    for (hash, keys) in [(Chosen::Good, KEYS), (Chosen::Truncated, 1_000), (Chosen::Constant, 300)]
    {
        for last in [0, keys / 3, keys] {
            let before = live();
            let map = Map::with_hasher(hash).collecting_privately();
            for key in 0..keys {
                map.pin().insert(key, 0);
                map.pin().insert(key / 2, 1);
            }
            (last..keys).for_each(|key| _ = map.pin().remove(&key));
            (0..last).for_each(|key| _ = map.pin().insert(key, 2));
            map.shrink_to_fit();
            (0..last).step_by(2).for_each(|key| _ = map.pin().insert(key, 3));
            assert_eq!(map.len() as u64, last);
            drop(map);
            assert_eq!(live() - before, 0, "{hash:?}, {last} of {keys} keys left");
        }
    }
}
