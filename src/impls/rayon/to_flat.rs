//! Making flat maps from snapshots, in parallel.

use std::hash::{BuildHasher, Hash};

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::collect::collect;
use crate::flat::Flat;
use crate::map::mode::Place;
use crate::map::{Base, Stays, cloned};
use crate::plain::Plain;
use crate::store::Store;
use crate::{CopyFlatMap, FlatMap, Snapshot};

impl<K, V, S, M> Snapshot<K, V, S, M>
where
    M: Place<K, V>,
    K: Clone + Hash + Eq + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Clone + Sync,
{
    /// [`Self::to_flat`] on the threads of the current rayon pool.
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::TrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let serve = ingest.snapshot().par_to_flat();
    /// assert_eq!(serve, ingest.snapshot().to_flat());
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn par_to_flat(&self) -> FlatMap<K, V, S> {
        FlatMap { base: self.par_to_table() }
    }

    /// [`Self::to_copy_flat`] on the threads of the current rayon pool.
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::CopyTrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let serve = ingest.snapshot().par_to_copy_flat();
    /// assert_eq!(serve, ingest.snapshot().to_copy_flat());
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn par_to_copy_flat(&self) -> CopyFlatMap<K, V, S>
    where
        K: Plain,
        V: Plain,
    {
        CopyFlatMap { base: self.par_to_table() }
    }

    fn par_to_table<T>(&self) -> Base<Flat<T>, S>
    where
        T: Store<Key = K, Value = V>,
    {
        collect(self.hasher().clone(), self.into_par_iter().map(cloned), Stays::Last)
    }
}
