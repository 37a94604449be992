//! The maps of small plain pairs.

use std::borrow::Borrow;
use std::convert::identity;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{RefUnwindSafe, UnwindSafe};

use equivalent::Equivalent;

use super::access::Access;
use super::base::Base;
use super::batch::{Found, Group, lookups, results};
use super::collection::collection;
use super::copy_batch::batches;
use super::copy_operations::operations;
use super::flat_operations::flat_operations;
use super::mode::{self, Inline, Kind, Place, TrieBase};
use super::trie_operations::trie_operations;
use super::{
    CommitError, CommitFailure, Compute, CopyEntry, CopyIter, CopyKeys, CopyValues, FlatStats,
    IntoIter, IterMut, OccupiedError, Operation, OwnedDiff, Snapshot, Stays, TrieStats, ValuesMut,
};
use crate::RandomState;
use crate::engine::{Engine, Shared};
use crate::flat::Flat;
use crate::hash;
use crate::plain::Plain;
use crate::reclaim::{Collector, Guard};
use crate::store::{self, Birth};
use crate::trie::Trie;

/// A concurrent hash map of small plain pairs that returns copies.
///
/// It has two kinds: [`CopyTrieMap`], the counterpart of [`TrieMap`](crate::TrieMap), and [`CopyFlatMap`], the
/// counterpart of [`FlatMap`](crate::FlatMap). The map keeps entries in its own nodes. So an entry needs no allocation,
/// and reaching it takes one cache miss less. The guarantees are those of its counterpart.
///
/// Keys and values are copied in and out, so operations need no handle: they are methods of the map itself. Each makes
/// a handle for its duration. A loop can share one handle between many operations: [`pin`](Self::pin).
///
/// # Examples
/// ```
/// use snaptrie::CopyTrieMap;
///
/// let stock = CopyTrieMap::from([(17, 3), (18, 0)]);
/// assert_eq!(stock.get(&17), Some(3));
/// assert_eq!(stock.update(&17, |count| count - 1), Some(2));
/// assert_eq!(stock.insert(19, 7), None);
/// assert_eq!(stock.len(), 3);
/// ```
///
/// # Closures
///
/// A closure that decides about a key may run again if another operation changed the key before the decision took
/// effect. So it should do nothing but decide. An entry that was replaced by one with the same bytes counts as
/// unchanged. A closure that makes a value to insert runs at most once.
///
/// # Limits
///
/// Keys and values are [`Plain`]. Key and value together take at most 64 bytes, with an alignment of at most 16. Larger
/// ones do not compile:
///
/// ```
/// # use snaptrie::{CopyFlatMap, CopyTrieMap};
/// #[derive(Clone, Copy)]
/// #[repr(align(16))]
/// struct Wide([u64; 2]);
/// // SAFETY: two words, with no room between them or behind.
/// unsafe impl snaptrie::Plain for Wide {}
///
/// CopyTrieMap::new().insert(1_u64, [0_u64; 7]);
/// CopyTrieMap::new().insert(1_u64, Wide([0; 2]));
/// # CopyFlatMap::new().insert(1_u64, [0_u64; 7]);
/// # CopyFlatMap::new().insert(1_u64, Wide([0; 2]));
/// ```
///
/// ```compile_fail
/// # use snaptrie::CopyTrieMap;
/// CopyTrieMap::new().insert(1_u64, [0_u64; 8]);
/// ```
///
/// ```compile_fail
/// # use snaptrie::CopyTrieMap;
/// #[derive(Clone, Copy)]
/// #[repr(align(32))]
/// struct Wide([u64; 4]);
/// # unsafe impl snaptrie::Plain for Wide {}
///
/// CopyTrieMap::new().insert(1_u64, Wide([0; 4]));
/// ```
///
/// ```compile_fail
/// # use snaptrie::CopyTrieMap;
/// CopyTrieMap::new().insert(1_u64, String::new());
/// ```
///
/// ```compile_fail
/// # use snaptrie::CopyFlatMap;
/// CopyFlatMap::new().insert(1_u64, [0_u64; 8]);
/// ```
///
/// ```compile_fail
/// # use snaptrie::CopyFlatMap;
/// CopyFlatMap::new().insert(1_u64, String::new());
/// ```
///
/// When a node is rebuilt, its keys are hashed again. So an inconsistent hasher may make keys unreachable. A hasher
/// that panics may do so in an operation on another key, which may or may not have taken effect.
pub struct CopyMap<K: Plain, V: Plain, S = RandomState, M: Kind<K, V, Inline> = mode::Trie> {
    pub(crate) base: Base<M::Engine, S>,
}

/// A [`CopyMap`] with snapshots in constant time: a [`TrieMap`](crate::TrieMap) of small plain pairs.
///
/// # Examples
/// ```
/// use snaptrie::CopyTrieMap;
///
/// let squares: CopyTrieMap<u64, u64> = (0..1_000).map(|i| (i, i * i)).collect();
/// let snapshot = squares.snapshot();
/// squares.insert(30, 0);
/// assert_eq!(squares.get(&30), Some(0));
/// assert_eq!(snapshot.get(&30), Some(&900)); // snapshots lend references
/// ```
pub type CopyTrieMap<K, V, S = RandomState> = CopyMap<K, V, S, mode::Trie>;

/// A [`CopyMap`] for read-heavy loads: a [`FlatMap`](crate::FlatMap) of small plain pairs.
///
/// A lookup takes one cache miss, where a [`FlatMap`](crate::FlatMap) takes two, one after the other. An insertion
/// allocates nothing unless a leaf or the table grows. An entry of two words takes 40 to 80 bytes, depending on how
/// full the table is.
///
/// # Examples
/// ```
/// use snaptrie::CopyFlatMap;
///
/// let squares: CopyFlatMap<u64, u64> = (0..1_000).map(|i| (i, i * i)).collect();
/// assert_eq!(squares.get(&30), Some(900));
/// ```
pub type CopyFlatMap<K, V, S = RandomState> = CopyMap<K, V, S, mode::Flat>;

impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> CopyMap<K, V, RandomState, M> {
    /// An empty map. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyFlatMap::<u64, u64>::new();
    /// assert!(map.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }
}

operations!(CopyMap[], "");

impl<K: Plain, V: Plain, S, M: Kind<K, V, Inline>> CopyMap<K, V, S, M> {
    /// For tests: gives an empty map a private collector. Not a constructor, because the compiler might suggest that to
    /// users.
    #[cfg(any(debug_assertions, snaptrie_check))]
    #[doc(hidden)]
    pub fn collecting_privately(self) -> Self {
        Self { base: Base::private(self.base.hasher) }
    }

    /// The map's hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
    /// assert_eq!(map.hasher().hash_one(1), map.hasher().hash_one(1));
    /// ```
    pub const fn hasher(&self) -> &S {
        &self.base.hasher
    }

    /// Iterates over the entries, in no particular order. Weakly consistent, see [`CopyIter`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
    /// assert_eq!(map.iter().map(|(_, value)| value).sum::<i32>(), 30);
    /// ```
    pub fn iter(&self) -> CopyIter<'_, K, V, M> {
        CopyIter::new(&self.base)
    }

    /// Frees the memory of unused nodes now, as far as possible. Returns true if none is left.
    ///
    /// Otherwise it is freed by later changes of the map, so a map that is left alone keeps some. This waits a few
    /// milliseconds for handles of other threads, to any map, and returns false if some are still held then. It cannot
    /// free what was given up since this thread made a handle that it still holds.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::CopyTrieMap<u32, u32> = (0..1_000).map(|i| (i, i)).collect();
    /// map.clear();
    /// map.flush();
    /// assert!(map.is_empty());
    /// ```
    pub fn flush(&self) -> bool {
        self.base.engine.flush()
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> &Base<M::Engine, S> {
        &self.base
    }

    #[inline(always)]
    fn guard(&self) -> Guard {
        self.base.pin()
    }

    fn perform_all<T>(
        &self,
        items: impl IntoIterator<Item = (u64, T)>,
        each: impl FnMut(Access<'_, M::Engine, S>, u64, T),
    ) {
        self.base.perform_all(items, each);
    }
}

impl<K: Plain + Hash + Eq, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>> CopyMap<K, V, S, M> {
    /// Removes the entries for which the closure returns false, and frees memory as it goes. O(n).
    ///
    /// The closure's answer and the removal are one atomic step. So the closure is called at least twice for an entry
    /// that is removed: see [closures](Self#closures). It may not be called for entries that other threads insert
    /// during the call.
    ///
    /// # Panics
    /// If the closure, `Hash` or `Eq` panics. Entries that were removed before stay removed.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::CopyTrieMap<u32, u32> = (0..10).map(|i| (i, i * i)).collect();
    /// map.retain(|key, _| key % 2 == 0);
    /// assert_eq!(map.len(), 5);
    /// ```
    pub fn retain(&self, keep: impl FnMut(&K, &V) -> bool) {
        self.base.retain(keep);
    }
}

batches!(CopyMap[], "");
collection!(CopyMap, M: Inline, Plain);
trie_operations!(CopyTrieMap, Inline, Plain);
flat_operations!(CopyFlatMap, CopyTrieMap, identity, Plain);

#[expect(private_interfaces, reason = "as for the trait")]
impl<K: Plain, V: Plain> Kind<K, V, Inline> for mode::Trie {
    type Birth = u64;
    type Engine = Trie<store::Inline<K, V>>;
    type Map<S> = CopyTrieMap<K, V, S>;

    #[inline(always)]
    fn base<S>(map: &CopyTrieMap<K, V, S>) -> &Base<Self::Engine, S> {
        &map.base
    }
}

#[expect(private_interfaces, reason = "as for the trait")]
impl<K: Plain, V: Plain> Kind<K, V, Inline> for mode::Flat {
    type Birth = ();
    type Engine = Flat<store::Inline<K, V>>;
    type Map<S> = CopyFlatMap<K, V, S>;

    #[inline(always)]
    fn base<S>(map: &CopyFlatMap<K, V, S>) -> &Base<Self::Engine, S> {
        &map.base
    }
}

#[expect(private_interfaces, reason = "as for the trait")]
impl<K: Plain, V: Plain> Place<K, V> for Inline {
    type Store<B: Birth> = store::Inline<K, V>;
    type Map<S> = CopyTrieMap<K, V, S>;

    fn base<S>(map: &CopyTrieMap<K, V, S>) -> &TrieBase<K, V, S, Self> {
        &map.base
    }

    fn map<S>(base: TrieBase<K, V, S, Self>) -> CopyTrieMap<K, V, S> {
        CopyTrieMap { base }
    }
}

impl<'p, K: Plain, V: Plain, S, M: Kind<K, V, Inline>> IntoIterator for &'p CopyMap<K, V, S, M> {
    type Item = (K, V);
    type IntoIter = CopyIter<'p, K, V, M>;

    fn into_iter(self) -> CopyIter<'p, K, V, M> {
        self.iter()
    }
}
