//! What flat sets do, and tries do not. Compiled for each kind of flat set.

use super::{Map, Set};
use crate::support::{over_hashers, plain, sort, verify};

over_hashers!(room, a_clone_has_its_own_elements, to_a_trie);

fn room() {
    let set = Set::<u32>::default();
    set.reserve(1_000);
    let capacity = set.capacity();
    assert!(capacity >= 1_000);
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
    let map: Map<u32> = [(1, ()), (2, ())].into_iter().collect();
    let trie = Set::from(map).to_trie();
    assert_eq!(sort(trie.pin().iter().map(plain::<u32>)), [1, 2]);
}
