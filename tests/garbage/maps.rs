//! Many maps: each keeps little garbage, and a map that is no longer used keeps none after `flush`.

use std::sync::mpsc::{Sender, TryRecvError, channel};

use crate::support::alloc::{live, peak, reset_peak};
use crate::support::{Handle, scaled, verify};
use crate::{
    Alive, Block, CopyFlat, CopyTrie, Flat, Fresh, KIB, MIB, Subject, Trie, alive, begin, overwrite,
};

#[test]
fn tries_used_in_turn_keep_little() {
    maps_used_in_turn_keep_little::<Trie<Block>>();
}

#[test]
fn flat_maps_used_in_turn_keep_little() {
    maps_used_in_turn_keep_little::<Flat<Block>>();
}

#[test]
fn copy_tries_used_in_turn_keep_little() {
    maps_used_in_turn_keep_little::<CopyTrie>();
}

#[test]
fn copy_flat_maps_used_in_turn_keep_little() {
    maps_used_in_turn_keep_little::<CopyFlat>();
}

fn maps_used_in_turn_keep_little<M: Subject<Value: Fresh>>() {
    const MAPS: usize = 200;
    // Optimised, a map retires more in one pause of the clock.
    const MOST: isize = if cfg!(debug_assertions) { 25 * MIB } else { 30 * MIB };
    let overwrites = scaled(1_000);
    let _turn = begin();
    // Each map once and then the next; and each for a while and then never again.
    for at_once in [1, overwrites] {
        let before = live();
        let maps: Vec<M> = (0..MAPS).map(|_| M::default()).collect();
        reset_peak();
        for _ in 0..overwrites / at_once {
            maps.iter().for_each(|map| overwrite(map, 4, at_once));
        }
        let most = peak() - before;
        assert!(most < MOST, "{} KiB, {at_once} overwrites at once", most / KIB);
        assert!(maps.iter().all(M::flush));
        let entries: usize = maps.iter().map(M::len).sum();
        assert!(alive() == 0 || alive() == entries, "{} alive, {entries} entries", alive());
    }
}

#[test]
fn an_emptied_trie_keeps_next_to_nothing() {
    an_emptied_map_keeps_next_to_nothing::<Trie<Alive<u64>>>();
}

#[test]
fn an_emptied_flat_map_keeps_next_to_nothing() {
    an_emptied_map_keeps_next_to_nothing::<Flat<Alive<u64>>>();
}

#[test]
fn an_emptied_copy_trie_keeps_next_to_nothing() {
    an_emptied_map_keeps_next_to_nothing::<CopyTrie>();
}

#[test]
fn an_emptied_copy_flat_map_keeps_next_to_nothing() {
    an_emptied_map_keeps_next_to_nothing::<CopyFlat>();
}

/// On average over many, so that what the collector keeps for all of them does not matter.
fn an_emptied_map_keeps_next_to_nothing<M: Subject<Value: Fresh>>() {
    const MAPS: usize = 500;
    /// Bytes of the heap, for each.
    const MOST: isize = 300;
    let _turn = begin();
    for cleared in [true, false] {
        let mut maps: Vec<M> = Vec::with_capacity(MAPS);
        let before = live();
        for _ in 0..MAPS {
            let map = M::default();
            overwrite(&map, 1, 2);
            if cleared {
                map.clear();
            } else {
                assert!(map.handle().remove(&0).is_some());
            }
            assert!(map.flush(), "garbage is left, cleared: {cleared}");
            assert_eq!(alive(), 0, "a dead value is kept, cleared: {cleared}");
            verify(&map);
            maps.push(map);
        }
        let each = (live() - before) / MAPS as isize;
        assert!(each <= MOST, "{each} bytes for each map, cleared: {cleared}");
    }
}

#[test]
fn a_sender_removed_from_a_trie_disconnects() {
    a_removed_sender_disconnects::<Trie<Sender<u64>>>();
}

#[test]
fn a_sender_removed_from_a_flat_map_disconnects() {
    a_removed_sender_disconnects::<Flat<Sender<u64>>>();
}

fn a_removed_sender_disconnects<M: Subject<Value = Sender<u64>>>() {
    let _turn = begin();
    let map = M::default();
    let receivers: Vec<_> = (0..3)
        .map(|key| {
            let (sender, receiver) = channel();
            map.handle().insert(key, sender);
            receiver
        })
        .collect();
    let disconnected = |key: usize| receivers[key].try_recv() == Err(TryRecvError::Disconnected);
    // Removed, replaced, and kept.
    assert!(map.handle().remove(&0).is_some());
    map.handle().insert(1, channel().0);
    assert!(map.flush());
    assert_eq!([0, 1, 2].map(disconnected), [true, true, false]);
    map.clear();
    assert!(map.flush());
    assert!(disconnected(2));
}
