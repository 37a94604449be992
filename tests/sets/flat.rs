//! Everything that sets do, on a `FlatSet`; and what it alone does.

use snaptrie::FlatMap;
pub(crate) use snaptrie::FlatSet as AnySet;

use crate::support::{Chosen, over_hashers, sort, verify};

/// The set of most tests, with the hash that the test is about.
pub(crate) type Set<K> = AnySet<K, Chosen>;

fn check(set: &Set<u8>) {
    verify(set.as_map());
}

#[path = "elements.rs"]
mod elements;
#[path = "standard.rs"]
mod standard;

over_hashers!(room, a_clone_has_its_own_elements, to_a_trie);

fn room() {
    let set = Set::<u32>::with_capacity_and_hasher(100, Chosen::default());
    let capacity = set.capacity();
    assert!(capacity >= 100 && AnySet::<u32>::with_capacity(100).capacity() >= 100);
    set.pin().insert(1);
    set.shrink_to_fit();
    assert!(set.capacity() < capacity);
    set.reserve(100);
    assert!(set.capacity() >= 101);
    verify(set.as_map());
}

fn a_clone_has_its_own_elements() {
    let set: Set<u32> = (0..100).collect();
    let clone = set.clone();
    assert_eq!(clone, set);
    clone.pin().insert(100);
    assert_eq!((set.len(), clone.len()), (100, 101));
}

fn to_a_trie() {
    let map: FlatMap<u32, (), Chosen> = [(1, ()), (2, ())].into_iter().collect();
    let trie = Set::from(map).to_trie();
    assert_eq!(sort(trie.pin().iter().copied()), [1, 2]);
}
