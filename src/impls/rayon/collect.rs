//! Parallel `collect` and `extend`.
//!
//! Threads that insert into the same part of a map wait for each other's cache lines, and repeat steps in which another
//! thread was first. So the entries are first divided by the topmost bits of their hashes, which choose the place in
//! both kinds of map. Then one thread inserts or builds each part. A part keeps the order of the input, so of equal
//! keys the same one stays as in sequential code.

use std::collections::LinkedList;
use std::hash::{BuildHasher, Hash};

use rayon::iter::{FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator};

use crate::engine::Engine;
use crate::map::build::{Parts, to_build, unique};
use crate::map::{Base, Stays};
use crate::plain::Plain;
use crate::reclaim::Collector;
use crate::{
    CopyFlatMap, CopyFlatSet, CopyTrieMap, CopyTrieSet, FlatMap, FlatSet, TrieMap, TrieSet, hash,
};

/// Divides items into parts, each in pieces in the order of the input.
fn divide<T: Send, U: Send>(
    items: impl ParallelIterator<Item = T>,
    hashed: impl Fn(T) -> (u64, U) + Sync + Send,
) -> Vec<Vec<Vec<(u64, U)>>> {
    let push = |mut parts: Parts<U>, item| {
        let (hash, item) = hashed(item);
        parts.push(hash, item);
        parts
    };
    let pieces = items.fold(Parts::new, push).map(|parts| LinkedList::from([parts]));
    let pieces = pieces.reduce(LinkedList::new, |mut pieces, mut more| {
        pieces.append(&mut more);
        pieces
    });
    Parts::gather(pieces.into_iter().collect())
}

/// Inserts entries, each part by one thread.
fn fill<E, S>(
    map: &Base<E, S>,
    entries: impl ParallelIterator<Item = (E::Key, E::Value)>,
    stays: Stays,
) where
    E: Engine<Key: Hash + Eq + Send, Value: Send> + Sync,
    S: BuildHasher + Sync,
{
    let parts = divide(entries, |(key, value)| (hash::of(&map.hasher, &key), (key, value)));
    map.expect(parts.iter().flatten().map(Vec::len).sum());
    parts.into_par_iter().for_each(|part| {
        let entries = part.into_iter().flatten();
        map.insert_all_hashed(entries.map(|(hash, (key, value))| (hash, key, value)), stays);
    });
}

/// A map of these entries. One thread builds each part.
pub(super) fn collect<E, S>(
    hasher: S,
    entries: impl ParallelIterator<Item = (E::Key, E::Value)>,
    stays: Stays,
) -> Base<E, S>
where
    E: Engine<Key: Hash + Eq + Send, Value: Send> + Send + Sync,
    S: BuildHasher + Sync,
{
    let parts = divide(entries, |(key, value)| (hash::of(&hasher, &key), (key, value)));
    let parts = parts.into_par_iter().map(|part| unique(part, stays)).collect();
    let (parts, division) = to_build(parts);
    let build = |part| (E::BUILDER.part)(Collector::global(), part, division);
    let built = parts.into_par_iter().map(build);
    let built = built.collect();
    Base { engine: (E::BUILDER.join)(Collector::global(), built), hasher }
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
            /// Of entries with equal keys, the last one stays.
            fn from_par_iter<I: IntoParallelIterator<Item = (K, V)>>(entries: I) -> Self {
                let base = collect(S::default(), entries.into_par_iter(), Stays::Last);
                Self { base }
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

        /// Extends a shared map: `(&map).par_extend(entries)`. Each entry is inserted separately.
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
    ($Set:ident, $Map:ident $(, $bound:ident)?) => {
        impl<K, S> FromParallelIterator<K> for $Set<K, S>
        where
            K: Hash + Eq + Send + Sync $(+ $bound)?,
            S: BuildHasher + Default + Send + Sync,
        {
            /// Of equal elements, the first one stays.
            fn from_par_iter<I: IntoParallelIterator<Item = K>>(elements: I) -> Self {
                let entries = elements.into_par_iter().map(|element| (element, ()));
                let base = collect(S::default(), entries, Stays::First);
                Self::from($Map { base })
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

        /// Extends a shared set: `(&set).par_extend(elements)`. Each element is inserted separately.
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
set!(TrieSet, TrieMap);
set!(FlatSet, FlatMap);
set!(CopyTrieSet, CopyTrieMap, Plain);
set!(CopyFlatSet, CopyFlatMap, Plain);
