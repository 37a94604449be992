//! Making a map from all its entries at once, before any other thread can reach it.
//!
//! The entries are divided by the first bits of their hashes, and each part is sorted by the rest. So entries with
//! equal keys become neighbours, and one of them stays. Then the engine is built at its final size.

use std::hash::{BuildHasher, Hash};

use super::base::Base;
use super::batch::Stays;
use crate::engine::{Division, Engine, Hashed};
use crate::hash;
use crate::reclaim::Collector;

/// Number of hash bits that choose the part.
const BITS: u32 = 8;

const PARTS: usize = 1 << BITS;

/// Up to this many entries form one part.
const FEW: usize = if cfg!(any(miri, shuttle)) { 64 } else { 4096 };

/// Up to this many entries are built as one part: their table has fewer words than there are parts.
const BUILT_AS_ONE: usize = 8 * FEW;

/// Items with their hashes, divided by the first bits of the hashes into [`PARTS`], or into one part if there are few.
pub(crate) struct Parts<T> {
    /// Each part is in the order of the input.
    parts: Vec<Vec<(u64, T)>>,
}

impl<T> Parts<T> {
    pub(crate) fn new() -> Self {
        Self { parts: vec![Vec::new()] }
    }

    #[inline]
    pub(crate) fn push(&mut self, hash: u64, item: T) {
        if self.parts.len() == 1 {
            if self.parts[0].len() < FEW {
                self.parts[0].push((hash, item));
                return;
            }
            self.divide();
        }
        self.parts[part(hash)].push((hash, item));
    }

    #[cold]
    fn divide(&mut self) {
        if self.parts.len() == 1 {
            let few = self.parts.pop().into_iter().flatten();
            self.parts.resize_with(PARTS, Vec::new);
            few.for_each(|(hash, item)| self.parts[part(hash)].push((hash, item)));
        }
    }

    fn len(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }

    /// The parts of several divisions, each as a list of pieces in the given order.
    pub(crate) fn gather(several: Vec<Self>) -> Vec<Vec<Vec<(u64, T)>>> {
        let count: usize = several.iter().map(Self::len).sum();
        let mut whole = Vec::new();
        whole.resize_with(if count > FEW { PARTS } else { 1 }, Vec::new);
        for mut parts in several {
            if count > FEW {
                parts.divide();
            }
            for (pieces, piece) in whole.iter_mut().zip(parts.parts) {
                pieces.push(piece);
            }
        }
        whole
    }
}

fn part(hash: u64) -> usize {
    (hash >> (u64::BITS - BITS)) as usize
}

/// Entries up to this many bytes are moved by the sort itself.
const SMALL: usize = 64;

/// Sorts a part by hashes and removes duplicates: of entries with equal keys, one stays.
pub(crate) fn unique<K: Eq, V>(pieces: Vec<Hashed<K, V>>, stays: Stays) -> Hashed<K, V> {
    let mut pieces = pieces.into_iter();
    let mut entries = pieces.next().unwrap_or_default();
    entries.extend(pieces.flatten());
    // Both sorts are stable, so entries with equal keys stay in order.
    if size_of::<(u64, (K, V))>() <= SMALL {
        entries.sort_by_key(|(hash, _)| *hash);
    } else {
        entries.sort_by_cached_key(|(hash, _)| *hash);
    }
    if entries.is_sorted_by(|(one, _), (other, _)| one < other) {
        return entries;
    }
    let mut kept: Hashed<K, V> = Vec::new();
    for (hash, entry) in entries {
        let mut same = kept.iter_mut().rev().take_while(|(known, _)| *known == hash);
        match (same.find(|(_, known)| known.0 == entry.0), stays) {
            (None, _) => kept.push((hash, entry)),
            (Some((_, known)), Stays::Last) => *known = entry,
            (Some(_), Stays::First) => {}
        }
    }
    kept
}

/// The parts as they are to be built. A few entries form one part.
pub(crate) fn to_build<K, V>(parts: Vec<Hashed<K, V>>) -> (Vec<Hashed<K, V>>, Division) {
    let entries = parts.iter().map(Vec::len).sum();
    if parts.len() > 1 && entries > BUILT_AS_ONE {
        return (parts, Division { bits: BITS, entries });
    }
    (vec![parts.into_iter().flatten().collect()], Division { bits: 0, entries })
}

impl<E: Engine<Key: Hash + Eq>, S: BuildHasher> Base<E, S> {
    /// A map of these entries.
    pub(crate) fn collect(
        hasher: S,
        entries: impl IntoIterator<Item = (E::Key, E::Value)>,
        stays: Stays,
    ) -> Self {
        let mut parts = Parts::new();
        for (key, value) in entries {
            parts.push(hash::of(&hasher, &key), (key, value));
        }
        let parts = Parts::gather(vec![parts]);
        let (parts, division) =
            to_build(parts.into_iter().map(|part| unique(part, stays)).collect());
        let built =
            parts.into_iter().map(|part| (E::BUILDER.part)(Collector::global(), part, division));
        Self { engine: (E::BUILDER.join)(Collector::global(), built.collect()), hasher }
    }
}
