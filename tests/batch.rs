//! Operations on many keys at once do what as many single ones do.

mod support;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use snaptrie::TrieMap;
use support::Chosen;

/// Around the size of a group, and many groups.
const SIZES: [u64; 7] = [0, 1, 31, 32, 33, 64, 1_000];

fn behaves_like_single_operations(most: u64) {
    for size in SIZES.into_iter().filter(|&size| size <= most) {
        let map = TrieMap::<u64, u64, Chosen>::default();
        let entries = || (0..size).map(|i| (i * 7 % size.max(1), i));
        let mut expected: HashMap<u64, u64> = (0..size / 2).map(|i| (i, 9_999)).collect();
        map.pin().insert_many(expected.clone());
        let before = map.snapshot();
        let known = expected.len();
        expected.extend(entries());
        assert_eq!(map.pin().insert_many(entries()), expected.len() - known);
        map.check_structure();

        let keys: Vec<u64> = (0..2 * size).rev().collect();
        let pinned = map.pin();
        let found: Vec<_> = pinned.get_many(&keys).collect();
        assert_eq!(found, keys.iter().map(|key| expected.get(key)).collect::<Vec<_>>());
        let after = map.snapshot();
        assert_eq!(after.get_many(&keys).collect::<Vec<_>>(), found);
        let old: Vec<_> = keys.iter().map(|key| before.get(key)).collect();
        assert_eq!(before.get_many(&keys).collect::<Vec<_>>(), old);
    }
}

#[test]
fn batches_behave_like_single_operations() {
    Chosen::Good.during(|| behaves_like_single_operations(1_000));
    Chosen::Truncated.during(|| behaves_like_single_operations(1_000));
    Chosen::Constant.during(|| behaves_like_single_operations(64));
}

#[test]
fn of_equal_keys_in_a_batch_the_last_one_stays() {
    let map = TrieMap::new();
    assert_eq!(map.pin().insert_many([("a", 1), ("b", 2), ("a", 3), ("a", 4)]), 2);
    assert_eq!((map.pin()["a"], map.pin()["b"]), (4, 2));
}

#[test]
fn borrowed_keys_are_looked_up() {
    let map: TrieMap<String, u32> = [("one".to_string(), 1), ("two".to_string(), 2)].into();
    let pinned = map.pin();
    assert_eq!(pinned.get_many(["two", "none"]).collect::<Vec<_>>(), [Some(&2), None]);
}

#[test]
fn lookups_are_lazy() {
    let map = TrieMap::from([(1, 1)]);
    let pinned = map.pin();
    let mut values = pinned.get_many(&[1, 2]);
    assert_eq!(values.next(), Some(Some(&1)));
    map.pin().insert(2, 2);
    assert_eq!(values.next(), Some(Some(&2)));
    assert_eq!(values.next(), None);
}

#[test]
fn what_came_before_a_panic_of_the_iterator_is_there() {
    let map = TrieMap::new();
    let entries = (0..100).map(|i| if i == 70 { panic!("no more") } else { (i, i) });
    let result = catch_unwind(AssertUnwindSafe(|| map.pin().insert_many(entries)));
    assert!(result.is_err());
    assert_eq!(map.len(), 70);
    map.check_structure();
}
