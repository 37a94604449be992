//! Parallel `collect` and `extend`.
//!
//! Threads that insert into the same part of a map wait for each other's cache lines, and repeat what
//! another thread's change has overtaken. So the entries are hashed and scattered first, each part of
//! the input on its own, into buckets by the topmost bits of the hash, by which both kinds of map place
//! their entries. Then each bucket is inserted by one thread. The parts of a bucket come in the order
//! of the input, so that of equal keys the same one stays as without threads.

use std::collections::LinkedList;
use std::hash::{BuildHasher, Hash};

use rayon::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};

use crate::map::Stays;
use crate::mode::{Flat, FlatMode, Mode, TrieMode};
use crate::{FlatMap, FlatSet, Pinned, TrieMap, TrieSet, hash};

/// An entry and its hash.
type Hashed<K, V> = (u64, K, V);

/// Buckets for each thread: enough that the last to end do not keep the others waiting for long, and
/// few enough that one cache holds the ends of all.
const BUCKETS_PER_THREAD: usize = 16;

/// Scatters the entries, and inserts each bucket as one.
fn fill<K, V, S, M>(map: &M::Map<S>, entries: impl ParallelIterator<Item = (K, V)>, stays: Stays)
where
    K: Hash + Eq + Send,
    V: Send,
    S: BuildHasher + Sync,
    M: Mode<K, V, Map<S>: Sync>,
{
    let hasher = M::hasher(map);
    let buckets = (rayon::current_num_threads() * BUCKETS_PER_THREAD).next_power_of_two();
    let scatter = |mut part: Vec<Vec<Hashed<K, V>>>, (key, value)| {
        let hash = hash::of(hasher, &key);
        // The topmost bits; there are two buckets at least.
        let bucket = (hash >> (u64::BITS - buckets.ilog2())) as usize;
        part.resize_with(buckets, Vec::new);
        part[bucket].push((hash, key, value));
        part
    };
    let parts = entries.fold(Vec::new, scatter).map(|part| LinkedList::from([part])).reduce(
        LinkedList::new,
        |mut parts, mut more| {
            parts.append(&mut more);
            parts
        },
    );
    let mut whole: Vec<Vec<Vec<Hashed<K, V>>>> = Vec::new();
    whole.resize_with(buckets, Vec::new);
    let mut count = 0;
    for part in parts {
        for (bucket, entries) in whole.iter_mut().zip(part) {
            count += entries.len();
            bucket.push(entries);
        }
    }
    Pinned::<K, V, S, M>::new(map).expect(count);
    whole.into_par_iter().for_each(|bucket| {
        Pinned::<K, V, S, M>::new(map).insert_all_hashed(bucket.into_iter().flatten(), stays);
    });
}

/// Implements the parallel traits of a map.
macro_rules! map {
    ($Map:ident<$M:ident: $Mode:ident>, $mode:ty) => {
        impl<K, V, S, $M: $Mode<K, V>> FromParallelIterator<(K, V)> for $Map<K, V, S, $M>
        where
            K: Hash + Eq + Send + Sync,
            V: Send + Sync,
            S: BuildHasher + Default + Send + Sync,
        {
            /// Of entries with equal keys the last one stays.
            fn from_par_iter<I: IntoParallelIterator<Item = (K, V)>>(entries: I) -> Self {
                let mut map = Self::default();
                map.par_extend(entries);
                map
            }
        }

        impl<K, V, S, $M: $Mode<K, V>> ParallelExtend<(K, V)> for $Map<K, V, S, $M>
        where
            K: Hash + Eq + Send + Sync,
            V: Send + Sync,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = (K, V)>>(&mut self, entries: I) {
                (&*self).par_extend(entries);
            }
        }

        /// Extends a shared map: `(&map).par_extend(entries)`. Each entry is inserted by itself.
        impl<K, V, S, $M: $Mode<K, V>> ParallelExtend<(K, V)> for &$Map<K, V, S, $M>
        where
            K: Hash + Eq + Send + Sync,
            V: Send + Sync,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = (K, V)>>(&mut self, entries: I) {
                fill::<_, _, _, $mode>(*self, entries.into_par_iter(), Stays::Last);
            }
        }
    };
}

/// Implements the parallel traits of a set.
macro_rules! set {
    ($Set:ident<$M:ident: $Mode:ident>, $mode:ty) => {
        impl<K, S, $M: $Mode<K, ()>> FromParallelIterator<K> for $Set<K, S, $M>
        where
            K: Hash + Eq + Send + Sync,
            S: BuildHasher + Default + Send + Sync,
        {
            /// Of equal elements the first one stays.
            fn from_par_iter<I: IntoParallelIterator<Item = K>>(elements: I) -> Self {
                let mut set = Self::default();
                set.par_extend(elements);
                set
            }
        }

        impl<K, S, $M: $Mode<K, ()>> ParallelExtend<K> for $Set<K, S, $M>
        where
            K: Hash + Eq + Send + Sync,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = K>>(&mut self, elements: I) {
                (&*self).par_extend(elements);
            }
        }

        /// Extends a shared set: `(&set).par_extend(elements)`. Each is inserted by itself.
        impl<K, S, $M: $Mode<K, ()>> ParallelExtend<K> for &$Set<K, S, $M>
        where
            K: Hash + Eq + Send + Sync,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = K>>(&mut self, elements: I) {
                let entries = elements.into_par_iter().map(|element| (element, ()));
                fill::<_, _, _, $mode>(self.as_map(), entries, Stays::First);
            }
        }
    };
}

map!(TrieMap<M: TrieMode>, M);
map!(FlatMap<M: FlatMode>, Flat<M>);
set!(TrieSet<M: TrieMode>, M);
set!(FlatSet<M: FlatMode>, Flat<M>);
