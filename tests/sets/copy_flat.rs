//! What flat sets do with elements in their lines, on a `CopyFlatSet`.

use snaptrie::{CopyFlatSet, CopyTrieSet, FixedState, TrieSet};

use crate::support::{Chosen, over_hashers, verify};

/// The set of most tests, with the hash that the test is about, and its map.
pub(crate) type Set<K> = CopyFlatSet<K, Chosen>;
type Map<K> = snaptrie::CopyFlatMap<K, (), Chosen>;

fn check(set: &Set<u8>) {
    verify(set.as_map());
}

#[path = "numbers.rs"]
mod numbers;
#[path = "plain.rs"]
mod plain;
#[path = "standard.rs"]
mod standard;
#[path = "tables.rs"]
mod tables;

over_hashers!(from_a_trie);

fn from_a_trie() {
    let boxed: TrieSet<u32, Chosen> = (0..100).collect();
    let inline: CopyTrieSet<u32, Chosen> = (0..100).collect();
    let sets = [boxed.snapshot().to_copy_flat(), inline.snapshot().to_copy_flat()];
    assert!(sets.iter().all(|set| *set == (0..100).collect()));
    sets.iter().for_each(|set| verify(set.as_map()));
}

#[test]
fn constructors() {
    static STATIC: CopyFlatSet<u32, FixedState> =
        CopyFlatSet::with_hasher(FixedState::with_seed(1));
    assert!(STATIC.pin().insert(1) && CopyFlatSet::new().insert(1));
    assert!(CopyFlatSet::<u32>::with_capacity(500).capacity() >= 500);
    let set = CopyFlatSet::<u32, _>::with_capacity_and_hasher(500, FixedState::with_seed(3));
    assert!(set.capacity() >= 500 && set.is_empty());
}
