//! Where a table has its entries: [`Boxed`] in allocations of their own, [`Inline`] in its lines.
#![expect(unsafe_code, reason = "a trait whose methods ask for promises")]

mod boxed;
mod inline;

use std::ptr::NonNull;

pub(crate) use boxed::Boxed;
pub(crate) use inline::Inline;

use super::Pair;
use super::bucket::Live;
use super::slot::Word;
use crate::engine::Content;
use crate::reclaim::Garbage;

/// How a flat table keeps its entries: what a slot's word leads to, and what becomes of that when the slot's
/// content goes to another slot.
///
/// An entry is never changed where it is: readers hold references to it.
pub(crate) trait Store: Content + Sized {
    /// A key and its value, where they are.
    type Entry;

    /// What a line has besides its words: a place for each slot, or nothing. All bits zero is valid.
    type Cells;

    /// Whether an entry stays where it is when its word goes to another slot. If not, the other slot gets a
    /// copy, and what is left behind is garbage.
    const STAYS: bool;

    /// Lines of a segment, in a table of more than one, as a power of two. Allocating or freeing one is a few
    /// microseconds, and the directory of a table of ten million entries has some KiB.
    const SEGMENT_LINES_LOG: u32;

    /// Bytes of an entry that is not in a line.
    const ENTRY_BYTES: usize;

    fn key(entry: &Self::Entry) -> &Self::Key;

    fn pair<'g>(entry: &'g Self::Entry) -> Pair<'g, Self>
    where
        Self: 'g;

    /// The entry of a slot with this word, if the word is live. Promises nothing: it may have been freed.
    fn entry(word: Word<Self>, cells: &Self::Cells, slot: usize) -> Option<NonNull<Self::Entry>>;

    /// The hash of an entry's key, but for [the bits that nobody uses](super::slot::UNUSED_BITS).
    ///
    /// # Safety
    /// - `entry` is that of a slot with this word, and not freed.
    unsafe fn hash(word: Word<Self>, entry: NonNull<Self::Entry>) -> u64;

    /// Whether somebody claimed the cell of a slot.
    #[cfg(any(debug_assertions, snaptrie_check))]
    fn is_claimed(cells: &Self::Cells, slot: usize) -> bool;

    /// Asks for the cells of a line that is about to be read.
    fn prefetch(cells: &Self::Cells);

    /// The word for a slot, whose key has this hash; an entry in an allocation of its own, which belongs to
    /// whoever holds the word.
    fn expose(draft: Self::Draft) -> Word<Self>;

    /// The word for an empty slot; the entry is in its cell, if there are some and nobody else has claimed it.
    fn settle(draft: Self::Draft, cells: &Self::Cells, slot: usize) -> Word<Self>;

    /// Takes back a word that was never put into a slot.
    ///
    /// # Safety
    /// - The word came from [`Self::expose`], [`Self::settle`], or [`Self::carry`] where it makes a copy, for
    ///   this slot; no other thread has seen it.
    unsafe fn retract(word: Word<Self>, cells: &Self::Cells, slot: usize) -> Self::Draft;

    /// The word for an empty slot that is to have this entry too: the word that it has, or that of a copy.
    ///
    /// # Safety
    /// - The entry is not freed.
    unsafe fn carry(live: &Live<Self>, cells: &Self::Cells, slot: usize) -> Word<Self>;

    /// Frees what [`Self::carry`] made, if anything.
    ///
    /// # Safety
    /// - The word came from there, for this slot, and no other thread has seen it or will use it.
    unsafe fn drop_carried(word: Word<Self>, cells: &Self::Cells, slot: usize) {
        if !Self::STAYS {
            // SAFETY:
            // - the contract of this function; a copy is settled as a draft is.
            drop(unsafe { Self::retract(word, cells, slot) });
        }
    }

    /// An entry that is garbage now, if it has an allocation of its own.
    ///
    /// # Safety
    /// - The word came from [`Self::expose`], [`Self::settle`] or [`Self::carry`], nobody reaches the entry by
    ///   a slot any more, and nobody else turns it into garbage.
    unsafe fn garbage(word: Word<Self>) -> Option<Garbage>;
}
