//! After the JSR-166 TCK: what a plain map owes to one thread.

use crate::hashers::Chosen;
use crate::{Subject, conform, scaled};

conform!(
    a_new_map_is_empty,
    put_returns_what_was_there,
    put_if_absent_leaves_what_is_there,
    replace_needs_the_old_value,
    remove_needs_the_value_if_one_is_given,
    size_follows_every_change,
    clear_removes_all,
    retain_keeps_what_it_is_told,
    a_copy_equals_and_is_independent,
    compute_adds_only_to_what_is_there,
);

/// The map that most of those tests begin with.
fn five<M: Subject>(hashing: Chosen) -> M {
    let map = M::new(hashing);
    (1..=5).for_each(|key| assert_eq!(map.insert(key, key * 10), None));
    map
}

fn a_new_map_is_empty<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    assert_eq!((map.len(), map.walk(), map.get(1)), (0, vec![], None));
}

fn put_returns_what_was_there<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    assert_eq!(map.insert(6, 60), None);
    assert_eq!(map.insert(6, 61), Some(60));
    assert_eq!((map.get(6), map.get(7)), (Some(61), None));
}

fn put_if_absent_leaves_what_is_there<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    assert_eq!(map.get_or_insert(1, 7), (10, false));
    assert_eq!(map.get_or_insert(6, 7), (7, true));
    assert_eq!((map.get(1), map.get(6)), (Some(10), Some(7)));
}

fn replace_needs_the_old_value<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    assert!(!map.replace_if(1, 11, 12) && !map.replace_if(6, 60, 61));
    assert!(map.replace_if(1, 10, 12));
    assert_eq!((map.get(1), map.get(6)), (Some(12), None));
}

fn remove_needs_the_value_if_one_is_given<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    assert!(!map.remove_if(1, 11) && !map.remove_if(6, 60) && map.remove_if(1, 10));
    assert_eq!((map.remove(1), map.remove(2), map.remove(2)), (None, Some(20), None));
    assert_eq!(map.entries(), [(3, 30), (4, 40), (5, 50)]);
}

fn size_follows_every_change<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 2_000));
    for key in 0..size {
        map.insert(key, 0);
        map.insert(key, 1);
        assert_eq!(map.len() as u64, key + 1);
    }
    for key in 0..size {
        map.remove(key);
        map.remove(key);
        assert_eq!(map.len() as u64, size - key - 1);
    }
}

fn clear_removes_all<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    map.clear();
    map.clear();
    assert_eq!((map.len(), map.get(1)), (0, None));
    assert_eq!(map.insert(1, 1), None);
}

fn retain_keeps_what_it_is_told<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 2_000));
    (0..size).for_each(|key| assert_eq!(map.insert(key, key % 7), None));
    let mut asked = 0;
    map.retain(|key, value| {
        asked += 1;
        assert_eq!(value, key % 7);
        value == 3
    });
    // An inline map may ask again for an entry that was moved.
    assert!(asked >= size);
    let left: Vec<_> = (0..size).filter(|key| key % 7 == 3).map(|key| (key, 3)).collect();
    assert_eq!(map.entries(), left);
}

fn a_copy_equals_and_is_independent<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    let copy = map.fork();
    assert_eq!(map.entries(), copy.entries());
    copy.insert(1, 0);
    map.remove(2);
    assert_eq!(map.entries(), [(1, 10), (3, 30), (4, 40), (5, 50)]);
    assert_eq!(copy.entries(), [(1, 0), (2, 20), (3, 30), (4, 40), (5, 50)]);
}

fn compute_adds_only_to_what_is_there<M: Subject>(hashing: Chosen) {
    let map = five::<M>(hashing);
    assert_eq!((map.add(1, 5), map.add(6, 5), map.get(6)), (Some(15), None, None));
}
