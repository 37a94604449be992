//! A handle to a map that returns copies.

use std::borrow::Borrow;
use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::access::Access;
use super::base::Base;
use super::batch::{Found, Group, lookups, results};
use super::copy_batch::batches;
use super::copy_operations::operations;
use super::local::Local;
use super::mode::{Flat, Inline, Kind, Trie};
use super::{
    Compute, CopyEntry, CopyIter, CopyKeys, CopyMap, CopyValues, OccupiedError, Operation, Stays,
};
use crate::RandomState;
use crate::engine::Engine;
use crate::hash;
use crate::plain::Plain;
use crate::reclaim::Guard;

/// A handle to a [`CopyMap`] for the calling thread, from [`CopyMap::pin`].
///
/// It has the operations of the map, for loops: sharing one handle saves a few nanoseconds per operation. While a
/// handle exists, entries that any thread removes from *any* map of the process are not freed. So drop it before the
/// thread waits for anything, and [refresh](Self::refresh) it in long loops. Any method may be called while other
/// handles, iterators or snapshots are held, and inside any closure.
///
/// A handle belongs to its thread:
///
/// ```compile_fail
/// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
/// let pinned = map.pin();
/// std::thread::scope(|scope| { scope.spawn(move || pinned.len()); });
/// ```
/// ```
/// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
/// std::thread::scope(|scope| { scope.spawn(|| map.len()); });
/// ```
///
/// # Examples
/// ```
/// let map = snaptrie::CopyTrieMap::new();
/// let pinned = map.pin();
/// for letter in "banana".chars() {
///     pinned.update_or_insert(letter, |count| count + 1, 1);
/// }
/// assert_eq!(pinned.get(&'a'), Some(3));
/// ```
pub struct CopyPinned<'m, K: Plain, V: Plain, S = RandomState, M: Kind<K, V, Inline> = Trie> {
    map: &'m CopyMap<K, V, S, M>,
    guard: Local<Guard>,
}

/// A handle to a [`CopyFlatMap`](crate::CopyFlatMap): a [`CopyPinned`] of that kind.
///
/// # Examples
/// ```
/// use snaptrie::{CopyFlatMap, CopyFlatPinned};
///
/// fn total(handle: &CopyFlatPinned<'_, u32, u64>) -> u64 {
///     handle.values().sum()
/// }
/// assert_eq!(total(&CopyFlatMap::from([(1, 10), (2, 20)]).pin()), 30);
/// ```
pub type CopyFlatPinned<'m, K, V, S = RandomState> = CopyPinned<'m, K, V, S, Flat>;

impl<K: Plain, V: Plain, S, M: Kind<K, V, Inline>> CopyMap<K, V, S, M> {
    /// A handle for the calling thread, with the same operations at a lower cost each.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::CopyTrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let pinned = map.pin();
    /// assert_eq!((0..10).filter_map(|i| pinned.get(&i)).sum::<u32>(), 285);
    /// ```
    #[doc(alias("guard", "handle"))]
    #[inline(always)]
    pub fn pin(&self) -> CopyPinned<'_, K, V, S, M> {
        CopyPinned::new(self)
    }
}

impl<'m, K: Plain, V: Plain, S, M: Kind<K, V, Inline>> CopyPinned<'m, K, V, S, M> {
    #[inline(always)]
    pub(super) fn new(map: &'m CopyMap<K, V, S, M>) -> Self {
        Self { map, guard: Local::new(map.base.pin()) }
    }
}

operations!(CopyPinned['_], ".pin()");

impl<'m, K: Plain, V: Plain, S, M: Kind<K, V, Inline>> CopyPinned<'m, K, V, S, M> {
    /// The map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::from([('a', 1)]);
    /// let pinned = map.pin();
    /// assert_eq!(pinned.map().snapshot().len(), 1);
    /// ```
    pub fn map(&self) -> &'m CopyMap<K, V, S, M> {
        self.map
    }

    /// Renews the handle, and frees the garbage of the map that is due.
    ///
    /// A handle keeps all memory that was given up since it was made or last refreshed. After this call, later
    /// operations can free that memory, unless the thread holds another handle, to any map.
    ///
    /// This looks at all garbage of the map. Call it every few hundred operations.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::new();
    /// let mut pinned = map.pin();
    /// for i in 0..10_000 {
    ///     pinned.insert('n', i);
    ///     if i % 1_000 == 0 {
    ///         pinned.refresh();
    ///     }
    /// }
    /// ```
    pub fn refresh(&mut self) {
        self.guard.repin();
        self.map.base.engine.refresh(&self.guard);
    }

    /// For models: the clock of the map's guards.
    #[cfg(shuttle)]
    #[doc(hidden)]
    pub fn clock(&self) -> u64 {
        self.guard.now()
    }

    /// Iterates over the entries, in no particular order. Weakly consistent, see [`CopyIter`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
    /// assert_eq!(map.pin().iter().map(|(_, value)| value).sum::<i32>(), 30);
    /// ```
    pub fn iter(&self) -> CopyIter<'_, K, V, M> {
        CopyIter::under(&self.map.base, &self.guard)
    }

    #[inline(always)]
    pub(crate) fn base(&self) -> &'m Base<M::Engine, S> {
        &self.map.base
    }

    #[inline(always)]
    pub(crate) fn guard(&self) -> &Guard {
        &self.guard
    }

    fn perform_all<T>(
        &self,
        items: impl IntoIterator<Item = (u64, T)>,
        each: impl FnMut(Access<'_, M::Engine, S>, u64, T),
    ) {
        self.map.base.with(&self.guard).perform_all(items, each);
    }
}

impl<K: Plain + Hash + Eq, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>>
    CopyPinned<'_, K, V, S, M>
{
    /// Removes the entries for which the closure returns false. O(n). Like [`CopyMap::retain`], which frees memory on
    /// the way, but this handle keeps that memory until it is dropped.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::CopyTrieMap<u32, u32> = (0..10).map(|i| (i, i * i)).collect();
    /// map.pin().retain(|key, _| key % 2 == 0);
    /// assert_eq!(map.len(), 5);
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.map.base.with(&self.guard).retain(&mut keep);
    }
}

batches!(CopyPinned['_], ".pin()");

impl<'p, K: Plain, V: Plain, S, M: Kind<K, V, Inline>> IntoIterator
    for &'p CopyPinned<'_, K, V, S, M>
{
    type Item = (K, V);
    type IntoIter = CopyIter<'p, K, V, M>;

    fn into_iter(self) -> CopyIter<'p, K, V, M> {
        self.iter()
    }
}

/// Lists the entries, weakly consistent.
impl<K, V, S, M> fmt::Debug for CopyPinned<'_, K, V, S, M>
where
    K: Plain + fmt::Debug,
    V: Plain + fmt::Debug,
    M: Kind<K, V, Inline>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}
