//! Parallel iteration: over snapshots, and over flat maps through a handle.
//!
//! A trie is split by subtrees, and a flat table by ranges of words, as long as there are threads without work.
//!
//! A live trie has no parallel iterator, because a snapshot has one, costs next to nothing, and is exact. A flat map
//! has no snapshot. Its iterator borrows a [`Pinned`] of the calling thread, whose guard protects the entries for all
//! threads.

use std::fmt;

use rayon::iter::plumbing::{Folder, UnindexedConsumer, UnindexedProducer, bridge_unindexed};
use rayon::iter::{IntoParallelIterator, Map, ParallelIterator};

use crate::flat::SharedIter;
use crate::mode::{Boxed, Flat, Place};
use crate::plain::Plain;
use crate::store::{self, Store};
use crate::trie::FrozenIter;
use crate::{CopyPinned, CopyPinnedSet, Pinned, PinnedSet, SetSnapshot, Snapshot};

/// An iterator that can be split.
trait Split: Iterator + Send + Sized {
    /// Gives away about half of the rest, or nothing if that is too little to share.
    fn split(&mut self) -> Option<Self>;
}

impl<'s, St> Split for FrozenIter<'s, St>
where
    St: Store<Key: Send + Sync + 's, Value: Send + Sync + 's>,
{
    fn split(&mut self) -> Option<Self> {
        FrozenIter::split(self)
    }
}

impl<'g, St> Split for SharedIter<'g, St>
where
    St: Store<Key: Send + Sync + 'g, Value: Send + Sync + 'g> + 'g,
{
    fn split(&mut self) -> Option<Self> {
        SharedIter::split(self)
    }
}

struct Producer<I>(I);

impl<I: Split> UnindexedProducer for Producer<I> {
    type Item = I::Item;

    fn split(mut self) -> (Self, Option<Self>) {
        let given = self.0.split().map(Self);
        (self, given)
    }

    fn fold_with<F: Folder<I::Item>>(self, folder: F) -> F {
        folder.consume_iter(self.0)
    }
}

/// A parallel iterator over the entries of a snapshot, from its `par_iter`. Yields each exactly once.
///
/// # Examples
/// ```
/// use rayon::prelude::*;
///
/// let map: snaptrie::TrieMap<u64, u64> = (0..1_000).map(|i| (i, i)).collect();
/// let snapshot = map.snapshot(); // other threads may write
/// assert_eq!(snapshot.par_iter().map(|(_, value)| value).sum::<u64>(), 499_500);
/// ```
pub struct SnapshotParIter<'s, K: 's, V: 's, M: Place<K, V> + 's = Boxed> {
    entries: FrozenIter<'s, M::Store<u64>>,
}

/// A parallel iterator over the entries of a live [`FlatMap`](crate::FlatMap), from the `par_iter` of a
/// [`Pinned`]. Weakly consistent, see [`Iter`](crate::Iter).
///
/// # Examples
/// ```
/// use rayon::prelude::*;
///
/// let map: snaptrie::FlatMap<u64, u64> = (0..1_000).map(|i| (i, i)).collect();
/// assert_eq!(map.pin().par_iter().map(|(_, value)| value).sum::<u64>(), 499_500);
/// ```
pub struct ParIter<'p, K: 'p, V: 'p> {
    entries: SharedIter<'p, store::Undated<K, V>>,
}

/// A parallel iterator over the entries of a live [`CopyFlatMap`](crate::CopyFlatMap), from the `par_iter` of its
/// handle. Weakly consistent, see [`CopyIter`](crate::CopyIter).
///
/// # Examples
/// ```
/// use rayon::prelude::*;
///
/// let map: snaptrie::CopyFlatMap<u64, u64> = (0..1_000).map(|i| (i, i)).collect();
/// assert_eq!(map.pin().par_iter().map(|(_, value)| value).sum::<u64>(), 499_500);
/// ```
pub struct CopyParIter<'p, K: Plain + 'p, V: Plain + 'p> {
    entries: SharedIter<'p, store::Inline<K, V>>,
}

impl<'s, K, V, M> ParallelIterator for SnapshotParIter<'s, K, V, M>
where
    K: Send + Sync,
    V: Send + Sync,
    M: Place<K, V>,
{
    type Item = (&'s K, &'s V);

    fn drive_unindexed<C: UnindexedConsumer<Self::Item>>(self, consumer: C) -> C::Result {
        bridge_unindexed(Producer(self.entries), consumer)
    }
}

impl<'p, K, V> ParallelIterator for ParIter<'p, K, V>
where
    K: Send + Sync,
    V: Send + Sync,
{
    type Item = (&'p K, &'p V);

    fn drive_unindexed<C: UnindexedConsumer<Self::Item>>(self, consumer: C) -> C::Result {
        bridge_unindexed(Producer(self.entries), consumer)
    }
}

impl<K, V> ParallelIterator for CopyParIter<'_, K, V>
where
    K: Plain + Send + Sync,
    V: Plain + Send + Sync,
{
    type Item = (K, V);

    fn drive_unindexed<C: UnindexedConsumer<Self::Item>>(self, consumer: C) -> C::Result {
        bridge_unindexed(Producer(self.entries), consumer)
    }
}

impl<K, V, M: Place<K, V>> fmt::Debug for SnapshotParIter<'_, K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotParIter").finish_non_exhaustive()
    }
}

impl<K, V> fmt::Debug for ParIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParIter").finish_non_exhaustive()
    }
}

impl<K: Plain, V: Plain> fmt::Debug for CopyParIter<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyParIter").finish_non_exhaustive()
    }
}

impl<'s, K, V, S, M> IntoParallelIterator for &'s Snapshot<K, V, S, M>
where
    K: Send + Sync,
    V: Send + Sync,
    M: Place<K, V>,
{
    type Item = (&'s K, &'s V);
    type Iter = SnapshotParIter<'s, K, V, M>;

    fn into_par_iter(self) -> SnapshotParIter<'s, K, V, M> {
        SnapshotParIter { entries: self.tree().iter() }
    }
}

impl<K: Send + Sync, V: Send + Sync, S, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// Iterates over the keys on the threads of the current rayon pool.
    ///
    /// # Examples
    /// ```
    /// use rayon::prelude::*;
    ///
    /// let map: snaptrie::TrieMap<u64, u64> = (0..1_000).map(|i| (i, 2 * i)).collect();
    /// assert_eq!(map.snapshot().par_keys().max(), Some(&999));
    /// ```
    pub fn par_keys(&self) -> impl ParallelIterator<Item = &K> {
        self.into_par_iter().map(|(key, _)| key)
    }

    /// Iterates over the values on the threads of the current rayon pool.
    ///
    /// # Examples
    /// ```
    /// use rayon::prelude::*;
    ///
    /// let map: snaptrie::TrieMap<u64, u64> = (0..1_000).map(|i| (i, 2 * i)).collect();
    /// assert_eq!(map.snapshot().par_values().max(), Some(&1_998));
    /// ```
    pub fn par_values(&self) -> impl ParallelIterator<Item = &V> {
        self.into_par_iter().map(|(_, value)| value)
    }
}

impl<'p, K, V, S> IntoParallelIterator for &'p Pinned<'_, K, V, S, Flat>
where
    K: Send + Sync,
    V: Send + Sync,
{
    type Item = (&'p K, &'p V);
    type Iter = ParIter<'p, K, V>;

    fn into_par_iter(self) -> ParIter<'p, K, V> {
        ParIter { entries: self.shared_iter() }
    }
}

impl<'p, K, V, S> IntoParallelIterator for &'p CopyPinned<'_, K, V, S, Flat>
where
    K: Plain + Send + Sync,
    V: Plain + Send + Sync,
{
    type Item = (K, V);
    type Iter = CopyParIter<'p, K, V>;

    fn into_par_iter(self) -> CopyParIter<'p, K, V> {
        CopyParIter { entries: self.base().engine.shared_iter(self.guard()) }
    }
}

/// Returns the element of an entry.
type Element<'s, K> = fn((&'s K, &'s ())) -> &'s K;

fn element<'s, K>((element, ()): (&'s K, &'s ())) -> &'s K {
    element
}

impl<'s, K, S, M> IntoParallelIterator for &'s SetSnapshot<K, S, M>
where
    K: Send + Sync,
    M: Place<K, ()>,
{
    type Item = &'s K;
    type Iter = Map<SnapshotParIter<'s, K, (), M>, Element<'s, K>>;

    fn into_par_iter(self) -> Self::Iter {
        self.as_map().into_par_iter().map(element)
    }
}

impl<'p, K, S> IntoParallelIterator for &'p PinnedSet<'_, K, S, Flat>
where
    K: Send + Sync,
{
    type Item = &'p K;
    type Iter = Map<ParIter<'p, K, ()>, Element<'p, K>>;

    fn into_par_iter(self) -> Self::Iter {
        self.as_pinned_map().into_par_iter().map(element)
    }
}

impl<'p, K, S> IntoParallelIterator for &'p CopyPinnedSet<'_, K, S, Flat>
where
    K: Plain + Send + Sync,
{
    type Item = K;
    type Iter = Map<CopyParIter<'p, K, ()>, fn((K, ())) -> K>;

    fn into_par_iter(self) -> Self::Iter {
        self.as_pinned_map().into_par_iter().map(|(element, ())| element)
    }
}
