//! From one kind of map to the other.

use std::hash::BuildHasher;

use snaptrie::{CopyTrieMap, FixedState, Snapshot, TrieMap, mode::Place};

use super::{Map, Trie, converted};
use crate::support::{Chosen, Handle, Tested, finish, over_hashers, sorted};

over_hashers!(
    from_a_trie_and_back,
    from_an_inline_trie_and_back,
    conversions_of_nothing,
    extending_one_kind_by_the_other,
);

fn from_a_trie_and_back() {
    there_and_back::<TrieMap<u32, u32, Chosen>, _>();
}

fn from_an_inline_trie_and_back() {
    there_and_back::<CopyTrieMap<u32, u32, Chosen>, _>();
}

fn there_and_back<T, M>()
where
    T: Tested<Key = u32, Value = u32, Hasher = Chosen, Version = Snapshot<u32, u32, Chosen, M>>
        + FromIterator<(u32, u32)>,
    M: Place<u32, u32>,
{
    let trie: T = (0..500).map(|key| (key, key * 2)).collect();
    let snapshot = trie.version();
    trie.handle().insert(1_000, 0);
    let flat = converted(&snapshot);
    assert_eq!(flat.len(), 500);
    assert!(flat.handle().iter().all(|(key, value)| snapshot.get(key) == Some(value)));
    let flat = converted(&trie.version());
    assert_eq!(flat.handle().get(&1_000), Some(&0));
    let trie = flat.to_trie();
    assert_eq!(sorted(&trie), sorted(&flat));
    flat.handle().insert(2_000, 0);
    assert!(!trie.handle().contains_key(&2_000), "a map of its own");
    assert_eq!(Trie::from(flat).len(), 502);
    finish(trie);
}

fn conversions_of_nothing() {
    let flat = converted(&Trie::<u32, u32>::default().snapshot());
    assert!(flat.is_empty());
    assert!(flat.to_trie().is_empty() && flat.clone().is_empty());
    finish(flat);
}

fn extending_one_kind_by_the_other() {
    let mut flat = Map::<u32, u32>::default();
    let mut trie: Trie<u32, u32> = (0..100).map(|key| (key, key)).collect();
    flat.extend(&trie.snapshot());
    flat.extend(&trie.pin());
    assert_eq!(sorted(&flat), sorted(&trie));
    flat.handle().insert(7, 8);
    trie.extend(&flat.pin());
    assert_eq!(trie.handle().get(&7), Some(&8));
}

#[test]
fn conversions_keep_the_hasher() {
    let trie = TrieMap::<u32, u32, _>::with_hasher(FixedState::with_seed(3));
    let flat = converted(&trie.snapshot());
    let hashes = [trie.hasher(), flat.hasher(), flat.to_trie().hasher()].map(|h| h.hash_one(7));
    assert_eq!(hashes, [FixedState::with_seed(3).hash_one(7); 3]);
}
