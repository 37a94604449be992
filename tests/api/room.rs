//! How much room a table has: what grows it, what shrinks it, and what can be said beforehand.

use super::Map;
use crate::support::{Chosen, Tested, finish, over_hashers, panics, sorted, verify};

over_hashers!(
    capacity_is_room_for_so_many,
    reserving_changes_no_entry,
    reserving_nothing_allocates_nothing,
    shrinking_changes_no_entry,
    emptied_maps_shrink,
    clear_gives_the_table_back,
    churn_does_not_grow,
    room_for_more_than_there_can_be,
);

fn filled(count: u32) -> Map<u32, u32> {
    (0..count).map(|key| (key, key)).collect()
}

fn expected(count: u32) -> Vec<(u32, u32)> {
    (0..count).map(|key| (key, key)).collect()
}

fn capacity_is_room_for_so_many() {
    assert_eq!(Map::<u32, u32>::default().capacity(), 0);
    for wanted in [0, 1, 7, 8, 9, 100, 1_000, 5_000] {
        let map = super::with_room(wanted);
        let capacity = map.capacity();
        assert!(capacity >= wanted, "{capacity} for {wanted}");
        assert!(capacity <= 4 * wanted + 400, "{capacity} for {wanted}");
        // A bad hash may fill parts of the table that would hold more of a good one.
        if Chosen::default() == Chosen::Good && wanted > 0 {
            for key in 0..wanted as u32 {
                map.handle().insert(key, key);
            }
            assert_eq!(map.capacity(), capacity, "moved although there was room");
        }
        finish(map);
    }
}

fn reserving_changes_no_entry() {
    for count in [0, 1, 10, 300] {
        let map = filled(count);
        for additional in [1, 100, 3_000] {
            map.reserve(additional);
            assert!(map.capacity() >= count as usize + additional);
            verify(&map);
            assert_eq!(sorted(&map), expected(count));
        }
        let before = map.capacity();
        map.reserve(10);
        assert_eq!(map.capacity(), before, "there was room");
        finish(map);
    }
}

fn reserving_nothing_allocates_nothing() {
    use crate::support::alloc::allocations;
    super::allocations::warm_up();
    let map = Map::<u32, u32>::default();
    assert_eq!(allocations(|| map.reserve(0)), 0);
    assert_eq!(allocations(|| map.shrink_to_fit()), 0);
    assert_eq!(allocations(|| (&mut &map).extend([(0, 0); 0])), 0);
    assert_eq!(map.capacity(), 0);
}

fn shrinking_changes_no_entry() {
    for count in [0, 1, 10, 300] {
        let map = filled(count);
        map.reserve(5_000);
        let before = map.capacity();
        map.shrink_to_fit();
        assert!(map.capacity() < before && map.capacity() >= count as usize);
        verify(&map);
        assert_eq!(sorted(&map), expected(count));
        map.handle().insert(count, count);
        assert_eq!(map.len(), count as usize + 1);
        finish(map);
    }
}

/// After mass removal the map gets smaller by itself.
fn emptied_maps_shrink() {
    let count = if Chosen::default() == Chosen::Good { 20_000 } else { 1_500 };
    let map = filled(count);
    let full = map.capacity();
    for key in 10..count {
        assert_eq!(map.handle().remove(&key), Some(&key));
    }
    // Writes carry the moves out, each a part of one.
    for round in 0..20_000 {
        map.handle().insert(0, 0);
        map.handle().insert(1 + round % 3, 1 + round % 3);
    }
    assert!(map.capacity() <= full / 4, "{} of {full}", map.capacity());
    assert_eq!(sorted(&map), expected(10));
    finish(map);
}

fn clear_gives_the_table_back() {
    let map = filled(1_500);
    let full = map.capacity();
    map.clear();
    assert!(map.is_empty() && map.capacity() <= full / 4, "{} of {full}", map.capacity());
    map.handle().insert(1, 1);
    assert_eq!(sorted(&map), [(1, 1)]);
    finish(map);
}

/// Keys come and go, as many at a time as ever: dead slots are used again, and no table grows for them.
fn churn_does_not_grow() {
    let map = filled(200);
    let before = map.capacity();
    for key in 200..if Chosen::default() == Chosen::Good { 100_000 } else { 10_000 } {
        map.handle().insert(key, key);
        map.handle().remove(&(key - 200));
    }
    assert!(map.capacity() <= 4 * before, "{} from {before}", map.capacity());
    assert_eq!(map.len(), 200);
    finish(map);
}

fn room_for_more_than_there_can_be() {
    assert!(panics(|| drop(super::with_room(usize::MAX))));
    let map = filled(10);
    assert!(panics(|| map.reserve(usize::MAX)));
    assert!(panics(|| map.reserve(usize::MAX / 2)));
    assert_eq!(sorted(&map), expected(10));
    finish(map);
}
