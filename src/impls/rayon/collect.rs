//! Parallel `collect` and `extend`.
//!
//! Threads that insert into the same part of a map wait for each other's cache lines, and repeat what
//! another thread's change has overtaken. So the entries are hashed and scattered first, each part of
//! the input on its own, into buckets by the topmost bits of the hash, by which both kinds of map place
//! their entries. Then each bucket is inserted by one thread. The parts of a bucket come in the order
//! of the input, so that of equal keys the same one stays as without threads.

use crate::plain::Plain;
use std::collections::LinkedList;
use std::hash::{BuildHasher, Hash};

use rayon::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};

use crate::engine::Engine;
use crate::map::{Base, Stays};
use crate::{
    CopyFlatMap, CopyFlatSet, CopyTrieMap, CopyTrieSet, FlatMap, FlatSet, TrieMap, TrieSet, hash,
};

/// An entry and its hash.
type Hashed<E> = (u64, <E as Engine>::Key, <E as Engine>::Value);

/// Buckets for each thread: enough that the last to end do not keep the others waiting for long, and
/// few enough that one cache holds the ends of all.
const BUCKETS_PER_THREAD: usize = 16;

/// Scatters the entries, and inserts each bucket as one.
fn fill<E, S>(
    map: &Base<E, S>,
    entries: impl ParallelIterator<Item = (E::Key, E::Value)>,
    stays: Stays,
) where
    E: Engine<Key: Hash + Eq + Send, Value: Send> + Sync,
    S: BuildHasher + Sync,
{
    let hasher = &map.hasher;
    let buckets = (rayon::current_num_threads() * BUCKETS_PER_THREAD).next_power_of_two();
    let scatter = |mut part: Vec<Vec<Hashed<E>>>, (key, value)| {
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
    let mut whole: Vec<Vec<Vec<Hashed<E>>>> = Vec::new();
    whole.resize_with(buckets, Vec::new);
    let mut count = 0;
    for part in parts {
        for (bucket, entries) in whole.iter_mut().zip(part) {
            count += entries.len();
            bucket.push(entries);
        }
    }
    map.expect(count);
    whole.into_par_iter().for_each(|bucket| {
        map.insert_all_hashed(bucket.into_iter().flatten(), stays);
    });
}

/// Implements the parallel traits of a map.
macro_rules! map {
    ($Map:ident $(, $bound:ident)?) => {
        impl<K, V, S> FromParallelIterator<(K, V)> for $Map<K, V, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            V: Send + Sync $(+ $bound)?,
            S: BuildHasher + Default + Send + Sync,
        {
            /// Of entries with equal keys the last one stays.
            fn from_par_iter<I: IntoParallelIterator<Item = (K, V)>>(entries: I) -> Self {
                let mut map = Self::default();
                map.par_extend(entries);
                map
            }
        }

        impl<K, V, S> ParallelExtend<(K, V)> for $Map<K, V, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            V: Send + Sync $(+ $bound)?,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = (K, V)>>(&mut self, entries: I) {
                (&*self).par_extend(entries);
            }
        }

        /// Extends a shared map: `(&map).par_extend(entries)`. Each entry is inserted by itself.
        impl<K, V, S> ParallelExtend<(K, V)> for &$Map<K, V, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            V: Send + Sync $(+ $bound)?,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = (K, V)>>(&mut self, entries: I) {
                fill(&self.base, entries.into_par_iter(), Stays::Last);
            }
        }
    };
}

/// Implements the parallel traits of a set.
macro_rules! set {
    ($Set:ident $(, $bound:ident)?) => {
        impl<K, S> FromParallelIterator<K> for $Set<K, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            S: BuildHasher + Default + Send + Sync,
        {
            /// Of equal elements the first one stays.
            fn from_par_iter<I: IntoParallelIterator<Item = K>>(elements: I) -> Self {
                let mut set = Self::default();
                set.par_extend(elements);
                set
            }
        }

        impl<K, S> ParallelExtend<K> for $Set<K, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = K>>(&mut self, elements: I) {
                (&*self).par_extend(elements);
            }
        }

        /// Extends a shared set: `(&set).par_extend(elements)`. Each is inserted by itself.
        impl<K, S> ParallelExtend<K> for &$Set<K, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            S: BuildHasher + Send + Sync,
        {
            fn par_extend<I: IntoParallelIterator<Item = K>>(&mut self, elements: I) {
                let entries = elements.into_par_iter().map(|element| (element, ()));
                fill(&self.as_map().base, entries, Stays::First);
            }
        }
    };
}

map!(TrieMap);
map!(FlatMap);
map!(CopyTrieMap, Plain);
map!(CopyFlatMap, Plain);
set!(TrieSet);
set!(FlatSet);
set!(CopyTrieSet, Plain);
set!(CopyFlatSet, Plain);
