//! What allocates nothing.

use std::borrow::Borrow;
use std::hint::black_box;

use snaptrie::FixedState;

use super::{AnyMap, Map};
use crate::support::alloc::allocations;
use crate::support::{Chosen, Tested, over_hashers};

over_hashers!(
    new_maps_allocate_nothing,
    lookups_allocate_nothing,
    hits_of_get_or_insert_allocate_nothing,
);

/// Lets this thread register with the epoch collector, which allocates once.
pub(super) fn warm_up() {
    let map = AnyMap::<u32, u32, _>::with_hasher(FixedState::default());
    for i in 0..1_000 {
        map.pin().insert(i % 10, i);
        map.pin().refresh();
    }
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| ()), 0);
}

fn new_maps_allocate_nothing() {
    warm_up();
    let hasher = Chosen::default();
    assert_eq!(allocations(|| drop(Map::<u32, u32>::with_hasher(hasher))), 0);
    assert_eq!(allocations(|| drop(Map::<u32, u32>::default())), 0);
    let map = Map::<u32, u32>::default();
    assert_eq!(allocations(|| assert_eq!(map.pin().get(&1), None)), 0);
    assert_eq!(allocations(|| assert!(map.is_empty() && !map.pin().contains_key(&1))), 0);
    assert_eq!(allocations(|| map.clear()), 0);
}

fn lookups_allocate_nothing() {
    warm_up();
    let map: Map<u32, u32> = (0..500).map(|key| (key, key)).collect();
    // Handles are made outside: now and then making one frees garbage, with some bookkeeping.
    let reads = |map: &Map<u32, u32>| {
        let pinned = map.pin();
        let read = |key| assert_eq!(pinned.get(&key).is_some(), key < 500);
        allocations(|| (0..1_000).for_each(read))
    };
    assert_eq!(reads(&map), 0);
    let _version = map.version();
    assert_eq!(reads(&map), 0, "after a snapshot");
    assert_eq!(allocations(|| assert_eq!(map.len(), 500)), 0);
}

/// A number, or a reference to one.
pub(super) fn number(number: impl Borrow<u32>) -> u32 {
    *number.borrow()
}

fn hits_of_get_or_insert_allocate_nothing() {
    warm_up();
    let map: Map<u32, u32> = (0..500).map(|key| (key, key)).collect();
    let hits = |map: &Map<u32, u32>| {
        let pinned = map.pin();
        let hit = |key| {
            assert_eq!(number(pinned.get_or_insert(key, 7)), key);
            assert_eq!(number(pinned.get_or_insert_with(key, || unreachable!())), key);
            assert_eq!(pinned.try_insert_with(key, || unreachable!()).err().map(number), Some(key));
        };
        allocations(|| (0..500).for_each(hit))
    };
    assert_eq!(hits(&map), 0);
    let _version = map.version();
    assert_eq!(hits(&map), 0, "after a snapshot");
    map.pin().insert(0, 0);
    assert_eq!(hits(&map), 0, "after the write that follows a snapshot");
}
