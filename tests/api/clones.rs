//! Conversions by `From`, and what happens to the entries.

use snaptrie::TrieMap;

use super::Map;
use crate::support::{Chosen, Counted, Ledger, over_hashers};

over_hashers!(conversions_clone_the_entries, from_what_is_a_trie);

type Trie<K, V> = TrieMap<K, V, Chosen>;

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

fn from_what_is_a_trie() {
    let trie: Trie<u32, u32> = (0..500).map(|key| (key, key * 2)).collect();
    let snapshot = trie.snapshot();
    assert_eq!(snapshot.to_flat(), Map::from(&snapshot));
    assert_eq!(snapshot.to_flat(), Map::from(trie));
}
