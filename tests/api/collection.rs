//! The traits that collections have.

use super::entries::{Marked, marked};
use super::{AnyMap, Map};
use crate::support::{Placed, Tested, finish, over_hashers, sort, sorted, verify};
use std::collections::HashMap;

over_hashers!(
    of_equal_keys_the_last_one_stays,
    extend_a_map,
    extend_a_shared_map,
    extend_by_references,
    extending_keeps_what_came_before_a_panic,
    maps_are_equal_by_content,
    clones_are_independent,
    debug_lists_the_entries,
    clear_empties_the_map,
    growing_and_shrinking,
);

fn of_equal_keys_the_last_one_stays() {
    let entries = (0..1_000).map(|i| (marked(i % 300, i), i));
    let map: Map<Marked, u32> = entries.collect();
    assert_eq!(map.len(), 300);
    for key in 0..300 {
        let last = if key < 100 { 900 + key } else { 600 + key };
        let pinned = map.handle();
        let (stored, value) = pinned.get_key_value(&marked(key, 0)).unwrap();
        assert_eq!((stored.mark, *value), (last, last));
    }
    finish(map);
}

fn extend_a_map() {
    let mut map: Map<u32, u32> = (0..10).map(|i| (i, 1)).collect();
    map.extend((5..15).map(|i| (i, 2)));
    map.extend::<[(u32, u32); 0]>([]);
    assert_eq!(map.len(), 15);
    let pinned = map.handle();
    assert!((0..15).all(|i| pinned[&i] == if i < 5 { 1 } else { 2 }));
    drop(pinned);
    finish(map);
}

fn extend_a_shared_map() {
    let map = Map::<u32, u64>::default();
    let pinned = map.handle();
    let mut shared = &map;
    shared.extend((0..200).map(|i| (i, u64::from(i))));
    assert_eq!(pinned.len(), 200);
    drop(pinned);
    finish(map);
}

fn extend_by_references() {
    let source: HashMap<u32, u32> = (0..200).map(|i| (i, i + 1)).collect();
    let mut map = Map::<u32, u32>::default();
    map.extend(&source);
    assert_eq!(map.len(), 200);
    // Of a live handle.
    let copy = Map::<u32, u32>::default();
    (&mut &copy).extend(&map.handle());
    assert_eq!(copy, map);
    // Of the map itself.
    (&mut &map).extend(&map.handle());
    assert_eq!(copy, map);
    finish(map);
}

fn extending_keeps_what_came_before_a_panic() {
    let map = Map::<u32, u32>::default();
    let failing = (0..100).map(|i| if i < 70 { (i, i) } else { panic!("no more") });
    assert!(crate::support::panics(|| (&mut &map).extend(failing)));
    assert_eq!(sorted(&map), (0..70).map(|i| (i, i)).collect::<Vec<_>>());
    finish(map);
}

fn maps_are_equal_by_content() {
    let one: Map<u32, u32> = (0..200).map(|i| (i, i)).collect();
    let two: Map<u32, u32> = (0..200).rev().map(|i| (i, i)).collect();
    assert_eq!(one, two);
    two.handle().insert(7, 8);
    assert_ne!(one, two);
    two.handle().insert(7, 7);
    two.handle().insert(200, 200);
    assert!(one != two, "one entry more");
    assert!(two != one, "one entry less");
    two.handle().remove(&0);
    assert!(one != two, "as many entries, other keys");
    assert!(two != one, "the same, the other way round");
    one.clear();
    two.clear();
    assert!(one == two && one == AnyMap::default());
    // Partial equality only, where the values have no more.
    let not_itself: Map<u32, f32> = [(1, f32::NAN)].into_iter().collect();
    let (one, same) = (&not_itself, &not_itself);
    assert!(one != same);
}

fn clones_are_independent() {
    let map: Map<u32, u32> = (0..200).map(|i| (i, i)).collect();
    let clone = map.clone();
    assert_eq!(map, clone);
    clone.handle().insert(0, 100);
    map.handle().remove(&1);
    assert_eq!((map.handle().get(&0), map.handle().get(&1)), (Some(&0), None));
    assert_eq!((clone.handle().get(&0), clone.handle().get(&1)), (Some(&100), Some(&1)));
    finish(map);
    assert_eq!(clone.len(), 200);
    finish(clone);
}

fn debug_lists_the_entries() {
    let map = Map::<u32, char>::default();
    assert_eq!(format!("{map:?} {:?}", map.handle()), "{} {}");
    map.handle().insert(1, 'a');
    let text = "{1: 'a'}";
    assert_eq!(format!("{map:?}"), text);
    assert_eq!(format!("{:?}", map.handle()), text);
    map.handle().insert(2, 'b');
    let both = ["{1: 'a', 2: 'b'}", "{2: 'b', 1: 'a'}"];
    assert!(both.contains(&format!("{map:?}").as_str()));
}

fn clear_empties_the_map() {
    let map = Map::<u32, u32>::default();
    map.clear();
    for round in 0..3 {
        for i in 0..500 {
            map.handle().insert(i, round);
        }
        map.clear();
        assert!(map.is_empty() && map.handle().is_empty() && map.handle().iter().next().is_none());
        assert_eq!((map.handle().get(&0), map.handle().remove(&0)), (None, None));
        map.clear();
        verify(&map);
    }
    finish(map);
}

fn growing_and_shrinking() {
    let map = Map::<u32, u32>::default();
    let sizes = [1, 10, 3, 100, 4, 800, 7, 60, 0, 300];
    for (size, next) in sizes.iter().zip(&sizes[1..]) {
        for i in 0..*size {
            map.handle().insert(i, *size);
        }
        verify(&map);
        (*next..*size).for_each(|i| assert_eq!(map.handle().remove(&i), Some(size)));
        verify(&map);
        let left = (0..*size.min(next)).map(|i| (i, *size));
        assert_eq!(sorted(&map), left.collect::<Vec<_>>());
    }
    finish(map);
}

/// Hashes that agree in all but a few bits, at either end.
#[test]
fn keys_whose_hashes_agree() {
    let low_bits = (0..300_u64).map(|i| (0xabc << 52) | i);
    let high_bits = (0..300_u64).map(|i| (i << 55) | 7);
    let ends = [0, u64::MAX, 1, 1 << 63];
    for keys in [low_bits.collect::<Vec<_>>(), high_bits.collect(), ends.to_vec()] {
        let map: AnyMap<u64, u64, Placed> = keys.iter().map(|key| (*key, !*key)).collect();
        verify(&map);
        assert_eq!(sorted(&map), sort(keys.iter().map(|key| (*key, !*key))));
        keys.iter().for_each(|key| assert_eq!(map.handle().remove(key), Some(&!*key)));
        assert!(map.is_empty());
        finish(map);
    }
}
