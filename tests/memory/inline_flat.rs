//! `FlatMap` with its entries inline: what takes memory besides the table, and for how long.

use snaptrie::FixedState;

use crate::support::alloc::{allocations, live, peak, reset_peak};
use crate::support::{Chosen, one_at_a_time, refresh_until, verify};
use crate::{LEFT, SLACK, warm_up};

/// The map of these tests.
type Map<S> = snaptrie::CopyFlatMap<u64, u64, S>;

/// An old table and the one that it moves to, once both are twice as large as the first.
const TABLES: isize = 4;

#[path = "tables.rs"]
mod tables;

/// A pair and its hash, which is what a value that replaced another takes.
const OUTSIDE: usize = 24;

const KEYS: u64 = 10_000;

fn with_room() -> Map<FixedState> {
    let map = Map::with_capacity_and_hasher(2 * KEYS as usize, FixedState::with_seed(1));
    // So that its segments are there.
    (0..100).for_each(|key| _ = map.pin().insert(u64::MAX - key, 0));
    map
}

#[test]
fn new_keys_allocate_nothing_where_there_is_room() {
    let _turn = one_at_a_time();
    warm_up();
    let map = with_room();
    let start = live();
    let pinned = map.pin();
    let insert = |key| assert_eq!(pinned.insert(key, !key), None);
    assert_eq!(allocations(|| (0..KEYS).for_each(insert)), 0);
    let first = |key| assert_eq!(pinned.get_or_insert_with(key, || !key), !key);
    assert_eq!(allocations(|| (0..2 * KEYS).step_by(2).for_each(first)), 0);
    let remove = |key: u64| assert_eq!(pinned.remove(&key), Some(!key));
    assert_eq!(allocations(|| (0..KEYS).for_each(remove)), 0);
    drop(pinned);
    assert!(live() <= start);
    assert_eq!(map.stats().entry_bytes, 0);
    verify(&map);
}

/// The first time, each value gets an allocation of its own, and from then on another one.
#[test]
fn overwriting_allocates_one_entry_each() {
    let _turn = one_at_a_time();
    warm_up();
    let map = with_room();
    (0..KEYS).for_each(|key| _ = map.pin().insert(key, 0));
    let start = live();
    let pinned = map.pin();
    let overwrite = |key| assert_eq!(pinned.insert(key, 1), Some(0));
    assert_eq!(allocations(|| (0..KEYS).for_each(overwrite)), KEYS as usize);
    drop(pinned);
    let outside = OUTSIDE * KEYS as usize;
    assert_eq!(live() - start, outside as isize);
    reset_peak();
    for round in 2..100 {
        (0..KEYS).for_each(|key| _ = map.pin().insert(key, round));
        assert_eq!(map.stats().entry_bytes, outside);
    }
    assert!(peak() - start < outside as isize + SLACK, "{} bytes", peak() - start);
    refresh_until(&map, 1_000, || false);
    assert!(live() - start <= outside as isize + LEFT, "{} bytes", live() - start);
    verify(&map);
}

/// Copies of entries are in the lines that they move to, and what they were copied from goes.
#[test]
fn moves_bring_entries_back_into_lines() {
    let _turn = one_at_a_time();
    for (hash, keys) in [(Chosen::Good, KEYS), (Chosen::Truncated, 1_000), (Chosen::Constant, 300)]
    {
        warm_up();
        let map = Map::with_hasher(hash);
        let start = live();
        (0..2 * keys).for_each(|key| _ = map.pin().insert(key % keys, key));
        assert!(map.stats().entry_bytes > 0);
        for _ in 0..4 {
            map.reserve(2 * map.capacity());
            refresh_until(&map, 1_000, || false);
            let stats = map.stats();
            assert_eq!((stats.entries as u64, stats.entry_bytes), (keys, 0));
            let (told, counted) = (stats.table_bytes as isize, live() - start);
            assert!(told <= counted + LEFT && counted <= told + 2 * LEFT, "{counted}: {stats:?}");
            (0..keys).step_by(3).for_each(|key| _ = map.pin().insert(key, key));
            assert_eq!(map.stats().entry_bytes as u64, OUTSIDE as u64 * keys.div_ceil(3));
        }
        verify(&map);
    }
}

/// Exactly: with a collector of its own a map leaves nothing behind.
#[test]
fn a_map_that_grew_and_shrank_leaves_nothing() {
    let _turn = one_at_a_time();
    for (hash, keys) in [(Chosen::Good, KEYS), (Chosen::Truncated, 1_000), (Chosen::Constant, 300)]
    {
        for last in [0, keys / 3, keys] {
            let before = live();
            let map = Map::with_private_collector(hash);
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
