//! Building a table from all its entries at once.
//!
//! No other thread can reach the table yet. So nothing is claimed, published or moved: the directory and each leaf are
//! made at their final size.

use super::Flat;
use super::directory::{Directory, index_of};
use super::moving::BIRTH;
use super::raw::RawFlat;
use crate::engine::{Builder, Division, HashedOf};
use crate::leaf::Size;
use crate::reclaim::Collector;
use crate::store::Store;
use crate::tree::node::Indirection;
use crate::tree::{Mover, build, movers};

impl<St: Store> Flat<St> {
    pub(super) const BUILD: Builder<Self> = Builder { part: Self::part, join: Self::join };

    /// A part of a table: the words of its entries in the directory of the whole table.
    fn part(collector: Collector, entries: HashedOf<Self>, division: Division) -> Self {
        if division.entries == 0 {
            return Self::new(collector);
        }
        let Division { bits, entries: all } = division;
        let depth = RawFlat::<St::Slot>::bits_for(all).max(bits);
        let own_bits = depth - bits;
        let mut directory = Directory::boxed(own_bits, Size::SMALLEST);
        let mut movers = movers::<St>(entries, BIRTH);
        let word_of = |mover: &Mover<St::Slot>| index_of(mover.0 << bits, own_bits);
        for entries in movers.chunk_by_mut(|one, other| word_of(one) == word_of(other)) {
            let index = word_of(&entries[0]);
            directory.words_mut()[index] = Indirection::new(build(BIRTH, entries, depth));
        }
        Self::built(collector, directory, movers.len())
    }

    /// The whole table, joined from its parts.
    fn join(collector: Collector, mut parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let count = parts.iter().map(|part| part.raw.count.sum()).sum();
        let roots = parts.iter_mut().filter_map(|part| part.raw.take_root());
        let words: Vec<_> = roots.flat_map(|root| root.into_words()).collect();
        Self::built(collector, Directory::of_words(words.into(), Size::SMALLEST), count)
    }

    fn built(collector: Collector, directory: Box<Directory<St::Slot>>, entries: usize) -> Self {
        let mut flat = Self::new(collector);
        *flat.raw.root.get_mut() = Box::into_raw(directory);
        flat.raw.count.change(entries as isize);
        flat
    }
}
