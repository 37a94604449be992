//! Flat maps made of snapshots, on all processors.
//!
//! The parts of a trie have no hash in common, so the threads do not meet in the flat map either.

use std::hash::{BuildHasher, Hash};

use crate::entry::Store;
use crate::flat::Flat;
use crate::map::mode::Place;
use crate::map::{Base, Stays, cloned};
use crate::plain::Plain;
use crate::reclaim::Collector;
use crate::trie::FrozenIter;
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
        let engine = Flat::with_capacity(self.len(), Collector::global());
        let map = Base { engine, hasher: self.hasher().clone() };
        // Eight parts and more a thread: the last to end do not keep the others waiting for long.
        let halvings = rayon::current_num_threads().ilog2() + 4;
        fill(&map, self.tree().iter(), halvings);
        map
    }
}

/// Inserts clones of the entries, after halving them this many times if there are enough.
fn fill<K, V, S, T, St>(map: &Base<Flat<T>, S>, mut entries: FrozenIter<'_, St>, halvings: u32)
where
    T: Store<Key = K, Value = V>,
    St: Store<Key = K, Value = V>,
    K: Clone + Hash + Eq + Send + Sync,
    V: Clone + Send + Sync,
    S: BuildHasher + Sync,
{
    match (halvings > 0).then(|| entries.split()).flatten() {
        Some(half) => {
            let left = halvings - 1;
            rayon::join(|| fill(map, entries, left), || fill(map, half, left));
        }
        None => map.insert_all(entries.map(cloned), Stays::Last),
    }
}
