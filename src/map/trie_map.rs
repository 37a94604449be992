//! The map with snapshots.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::base::Base;
use super::collection::{by_reference, collection};
use super::mode::{self, Boxed};
use super::versions::versions;
use super::{CommitError, CommitFailure, OwnedDiff, Pinned, Snapshot, Stays, TrieStats};
use crate::RandomState;
use crate::engine::Engine;
use crate::entry;
use crate::hash;
use crate::reclaim::Collector;
use crate::trie::Trie;

/// A concurrent hash map for write-heavy loads, with snapshots in constant time.
///
/// A lock-free hash trie: it grows and shrinks branch by branch, so that no operation ever waits for
/// a resize or for another thread. All operations take `&self`; those on entries are methods of the
/// handle that [`pin`](Self::pin) returns.
///
/// | operation | cost | consistency |
/// |---|---|---|
/// | [`get`](Pinned::get) and other lookups | O(log₁₆ n) | linearizable |
/// | [`insert`](Pinned::insert), [`remove`](Pinned::remove), [`compute`](Pinned::compute) and the like | O(log₁₆ n), one allocation | linearizable |
/// | [`snapshot`](Self::snapshot), [`fork`](Self::fork), [`take`](Self::take) | O(1) | one instant across all keys |
/// | [`iter`](Pinned::iter), [`len`](Pinned::len) on the live map | O(n) | weak: no key twice, what is there throughout is seen |
/// | the same on a snapshot | O(n), `len` O(1) from the second call on | exact |
///
/// # Reclamation
///
/// An entry that is replaced or removed is dropped once no handle of its time and no snapshot can
/// see it, by a later change of the same map or by [`flush`](Self::flush). It is dropped at the latest
/// when the map and the last of its snapshots and forks are: nothing of a map outlives it, so keys and
/// values need not be `'static`. A destructor that panics inside another operation's reclamation is caught there (the
/// panic hook reports it) and stops no other destructor; one that panics while the map or a snapshot
/// is dropped is passed on after all others ran.
///
/// # Examples
/// ```
/// use snaptrie::TrieMap;
///
/// let map = TrieMap::new();
/// map.pin().insert("a", 1);
/// let before = map.snapshot();
/// map.pin().insert("b", 2);
/// assert_eq!(before.len(), 1);
/// assert_eq!(map.snapshot().len(), 2);
/// ```
pub struct TrieMap<K, V, S = RandomState> {
    pub(crate) base: Base<Trie<entry::Boxed<K, V>>, S>,
}

by_reference!(TrieMap, mode::Trie);
versions!(TrieMap, Boxed);
collection!(TrieMap);
