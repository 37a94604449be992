//! From one kind of map to the other.

use std::hash::BuildHasher;

use snaptrie::{FixedState, FlatMap, TrieMap};

use super::Map;
use crate::support::{Chosen, Counted, Ledger, finish, over_hashers, sorted};

over_hashers!(
    from_a_trie_and_back,
    conversions_clone_the_entries,
    conversions_of_nothing,
    extending_one_kind_by_the_other,
);

type Trie<K, V> = TrieMap<K, V, Chosen>;

fn from_a_trie_and_back() {
    let trie: Trie<u32, u32> = (0..500).map(|key| (key, key * 2)).collect();
    let snapshot = trie.snapshot();
    trie.pin().insert(1_000, 0);
    let flat: Map<u32, u32> = snapshot.to_flat();
    assert_eq!(flat.len(), 500);
    assert!(flat.pin().iter().all(|(key, value)| snapshot.get(key) == Some(value)));
    assert_eq!(flat, Map::from(&snapshot));
    let flat = Map::from(trie);
    assert_eq!(flat.pin().get(&1_000), Some(&0));
    let trie = flat.to_trie();
    assert_eq!(sorted(&trie), sorted(&flat));
    flat.pin().insert(2_000, 0);
    assert!(!trie.pin().contains_key(&2_000), "a map of its own");
    assert_eq!(Trie::from(flat).len(), 502);
    finish(trie);
}

/// Snapshots keep theirs.
fn conversions_clone_the_entries() {
    let ledger = Ledger::new();
    let trie: Trie<Counted, Counted> =
        (0..100).map(|tag| (ledger.make(tag), ledger.make(tag))).collect();
    let snapshot = trie.snapshot();
    let flat = Map::from(trie);
    assert_eq!(ledger.live(), 400);
    let first = flat.pin().iter().next().map(|(key, value)| (key.id(), value.id()));
    let in_snapshot = snapshot.iter().any(|(key, value)| Some((key.id(), value.id())) == first);
    assert!(first.is_some() && !in_snapshot);
    drop(snapshot);
    assert_eq!(ledger.live(), 200);
    let clone = flat.clone();
    assert_eq!(ledger.live(), 400);
    drop((flat, clone));
    assert_eq!(ledger.live(), 0);
}

fn conversions_of_nothing() {
    let flat = Trie::<u32, u32>::default().snapshot().to_flat();
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
    flat.pin().insert(7, 8);
    trie.extend(&flat.pin());
    assert_eq!(trie.pin().get(&7), Some(&8));
}

#[test]
fn conversions_keep_the_hasher() {
    let trie = TrieMap::<u32, u32, _>::with_hasher(FixedState::with_seed(3));
    let flat: FlatMap<_, _, _> = trie.snapshot().to_flat();
    let hashes = [trie.hasher(), flat.hasher(), flat.to_trie().hasher()].map(|h| h.hash_one(7));
    assert_eq!(hashes, [FixedState::with_seed(3).hash_one(7); 3]);
}
