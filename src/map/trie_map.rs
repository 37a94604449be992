//! The map with snapshots.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{RefUnwindSafe, UnwindSafe};

use equivalent::Equivalent;

use super::base::Base;
use super::collection::{by_reference, collection};
use super::mode::{self, Boxed, Kind, Place, TrieBase};
use super::trie_operations::trie_operations;
use super::{
    CommitError, CommitFailure, IntoIter, IterMut, OwnedDiff, Pinned, Snapshot, Stays, TrieStats,
    ValuesMut,
};
use crate::RandomState;
use crate::engine::{Engine, Shared};
use crate::hash;
use crate::reclaim::Collector;
use crate::store::{self, Birth};
use crate::trie::Trie;

/// A concurrent hash map for write-heavy loads, with snapshots in constant time.
///
/// A lock-free hash trie. It grows and shrinks branch by branch, so no operation on entries ever waits for a resize or
/// for another thread. All concurrent operations take `&self`. Those that return references are methods of the handle
/// that [`pin`](Self::pin) returns.
///
/// | operation | cost | consistency |
/// |---|---|---|
/// | [`get`](Pinned::get) and other lookups | O(log₁₆ n) | linearizable |
/// | [`insert`](Pinned::insert), [`remove`](Pinned::remove), [`compute`](Pinned::compute) and the like | O(log₁₆ n), one allocation for a new entry | linearizable |
/// | [`snapshot`](Self::snapshot), [`fork`](Self::fork), [`take`](Self::take) | O(1) | one instant across all keys |
/// | [`iter`](Pinned::iter) on the live map | O(n) | weak: no key twice, every entry that is present throughout |
/// | [`len`](Pinned::len) on the live map | O(processors) | a sum of counters, exact if no write is in flight |
/// | the same on a snapshot | O(n), `len` O(1) from the second call on | exact |
///
/// # Reclamation
///
/// A replaced or removed entry is dropped once the handles that existed then are gone and no snapshot sees it: by a
/// later change of the same map, by [`flush`](Self::flush), or at the latest when the map and its last snapshot and
/// fork are dropped. Nothing of a map outlives these, so keys and values need not be `'static`.
///
/// A destructor may panic. If an operation runs it, the panic is caught and only the panic hook reports it. If it runs
/// because the map or a snapshot is dropped, the panic continues after all other destructors have run.
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
    pub(crate) base: Base<Trie<store::Boxed<K, V>>, S>,
}

by_reference!(TrieMap, mode::Trie);
trie_operations!(TrieMap, Boxed);
collection!(TrieMap);

#[expect(private_interfaces, reason = "as for the trait")]
impl<K, V> Kind<K, V, Boxed> for mode::Trie {
    type Birth = u64;
    type Engine = Trie<store::Boxed<K, V>>;
    type Map<S> = TrieMap<K, V, S>;

    #[inline(always)]
    fn base<S>(map: &TrieMap<K, V, S>) -> &Base<Self::Engine, S> {
        &map.base
    }
}

#[expect(private_interfaces, reason = "as for the trait")]
impl<K, V> Place<K, V> for Boxed {
    type Store<B: Birth> = store::Boxed<K, V, B>;
    type Map<S> = TrieMap<K, V, S>;

    fn base<S>(map: &TrieMap<K, V, S>) -> &TrieBase<K, V, S, Self> {
        &map.base
    }

    fn map<S>(base: TrieBase<K, V, S, Self>) -> TrieMap<K, V, S> {
        TrieMap { base }
    }
}

impl<'m, K, V, S> Pinned<'m, K, V, S> {
    /// The map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// let pinned = map.pin();
    /// assert_eq!(pinned.map().snapshot().len(), 1);
    /// ```
    pub fn map(&self) -> &'m TrieMap<K, V, S> {
        self.map
    }
}
