//! The maps on a machine of 32 bits that has no threads, no clock and no system.

use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap};

const KEYS: u64 = 10_000;

/// Fills, changes and empties a map of each kind. A failed assertion traps.
#[unsafe(no_mangle)]
pub extern "C" fn run() {
    let trie = TrieMap::<u64, String>::new();
    let flat = FlatMap::<u64, String>::new();
    let copy_trie = CopyTrieMap::<u64, u64>::new();
    let copy_flat = CopyFlatMap::<u64, u64>::new();
    for round in 0..3 {
        for key in 0..KEYS {
            trie.pin().insert(key, (key + round).to_string());
            flat.pin().insert(key, (key + round).to_string());
            copy_trie.insert(key, key + round);
            copy_flat.insert(key, key + round);
        }
    }
    let snapshot = trie.snapshot();
    for key in 0..KEYS {
        let value = (key + 2).to_string();
        assert_eq!(trie.pin().remove(&key), Some(&value));
        assert_eq!(flat.pin().remove(&key), Some(&value));
        assert_eq!(copy_trie.remove(&key), Some(key + 2));
        assert_eq!(copy_flat.remove(&key), Some(key + 2));
    }
    assert!(trie.is_empty() && flat.is_empty() && copy_trie.is_empty() && copy_flat.is_empty());
    assert_eq!(snapshot.iter().count() as u64, KEYS);
    assert_eq!(snapshot[&7], "9");
    drop(snapshot);
    let pinned = trie.pin();
    pinned.insert(1, String::new());
    pinned.remove(&1);
    assert!(!trie.flush(), "this thread's handle keeps what it removed");
    drop(pinned);
    assert!(trie.flush() && flat.flush());
}
