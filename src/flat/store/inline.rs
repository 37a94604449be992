//! The store for small plain keys and values: an entry is in its slot's line.
//!
//! Each slot has a *cell*, a place for one pair. Who fills an empty slot claims its cell, writes the pair
//! there, and publishes the slot's word: the hash and [`CELL`](crate::flat::slot), for a pair in the cell.
//! So a lookup takes one cache miss where a boxed entry takes two, one after the other, and a move needs neither
//! the entry nor its key's hasher.
//!
//! *A cell is written once, by who claimed it, before the word is published.* Readers hold plain references
//! to it. So what would need the cell a second time goes to an allocation of its own, with its hash, like a
//! boxed entry:
//!
//! - a value that replaces another. The lookups of its key take a second miss, until the chunk is copied;
//! - an entry of who lost the claim: whoever won it may stall before it fills the slot, and nobody waits.
//!
//! When a chunk is copied, to another table or to a bucket, each of its entries gets a cell there, or (if
//! another helper has claimed it) an allocation. What it leaves is garbage from when the copy is announced:
//! the thread that announced it retires the chunk's allocations, and the cells go with their segment
//! or bucket. An operation hands out copies, so it does not matter where an entry is.
//!
//! Where a pointer has fewer than 64 bits a word has no room for the hash: there every entry has an allocation
//! of its own.
#![expect(unsafe_code, reason = "cells are written through shared references")]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::Store;
use crate::engine::Content;
use crate::flat::bucket::Live;
use crate::flat::line::LINE_SLOTS;
use crate::flat::slot::Word;
use crate::plain::{self, Plain};
use crate::prefetch;
use crate::reclaim::Garbage;
use crate::sync::{AtomicU64, Ordering, stall_point};

/// The store for pairs of plain types.
pub(crate) struct Inline<K, V>(PhantomData<(K, V)>);

/// A key and a value: what a cell has, and what an allocation begins with.
#[derive(Clone, Copy)]
pub(crate) struct Entry<K, V> {
    key: K,
    value: V,
}

/// An entry with its hash: what is allocated, and what is in no slot (yet). The alignment leaves a word
/// room for its flags in the low bits.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Hashed<K, V> {
    entry: Entry<K, V>,
    hash: u64,
}

/// Whether there are cells: whether a word has room for a hash.
const CELLS: bool = cfg!(target_pointer_width = "64");

/// The cells of a line. They begin on a cache line.
#[repr(C, align(64))]
pub(crate) struct Cells<K, V> {
    cells: [UnsafeCell<MaybeUninit<Entry<K, V>>>; if CELLS { LINE_SLOTS } else { 0 }],
    /// A bit for each cell that belongs to somebody. Behind the cells, where pairs of most sizes leave room on
    /// their last cache line.
    claims: AtomicU64,
}

impl<K, V> Cells<K, V> {
    /// Claims a cell. True once in the line's life.
    #[inline]
    fn claim(&self, slot: usize) -> bool {
        stall_point("unclaimed cell");
        let bit = 1 << slot;
        // Relaxed: who gets it has it for itself, and what is written there others read by the slot's word.
        let claimed = self.claims.fetch_or(bit, Ordering::Relaxed) & bit == 0;
        stall_point("claimed cell");
        claimed
    }

    #[inline]
    fn at(&self, slot: usize) -> NonNull<Entry<K, V>> {
        // PANICS: never: a slot's number is less than `LINE_SLOTS`, and without cells nobody asks.
        let cell: &UnsafeCell<MaybeUninit<Entry<K, V>>> = &self.cells[slot];
        // SAFETY:
        // - the address of a reference is not null.
        unsafe { NonNull::new_unchecked(cell.get().cast()) }
    }
}

impl<K: Plain, V: Plain> Content for Inline<K, V> {
    type Key = K;
    type Value = V;
    type Draft = Hashed<K, V>;
    type Pair<'g>
        = (K, V)
    where
        Self: 'g;

    #[inline]
    fn draft(hash: u64, key: K, value: V) -> Hashed<K, V> {
        const { assert!(K::CHECKED && V::CHECKED, "keys and values of plain pairs have no padding") };
        const { assert!(size_of::<Entry<K, V>>() <= 64, "a pair in a line has at most 64 bytes") };
        const { assert!(align_of::<Entry<K, V>>() <= 16, "and at most 16-byte alignment") };
        Hashed { entry: Entry { key, value }, hash }
    }

    fn into_pair(draft: Hashed<K, V>) -> (K, V) {
        (draft.entry.key, draft.entry.value)
    }

    #[inline]
    fn draft_key(draft: &Hashed<K, V>) -> &K {
        &draft.entry.key
    }

    #[inline]
    fn pair_key<'a, 'g>(pair: &'a (K, V)) -> &'a K
    where
        Self: 'g,
    {
        &pair.0
    }

    #[inline]
    fn pair_value<'a, 'g>(pair: &'a (K, V)) -> &'a V
    where
        Self: 'g,
    {
        &pair.1
    }

    #[inline]
    fn same_entry<'g>(one: &(K, V), other: &(K, V)) -> bool
    where
        Self: 'g,
    {
        plain::is_same(&one.0, &other.0) && plain::is_same(&one.1, &other.1)
    }
}

impl<K: Plain, V: Plain> Store for Inline<K, V> {
    type Entry = Entry<K, V>;
    type Cells = Cells<K, V>;
    const STAYS: bool = false;
    /// 96 KiB for pairs of two words: less than what glibc's allocator asks the system for each time. (With eight
    /// times as many, inserting 100 000 pairs took 246 ns each and not 198, and inserting and removing at that
    /// size 173 and not 104: medians of alternating runs.)
    const SEGMENT_LINES_LOG: u32 = if cfg!(shuttle) { 2 } else { 9 };
    const ENTRY_BYTES: usize = size_of::<Hashed<K, V>>();

    #[inline]
    fn key(entry: &Entry<K, V>) -> &K {
        &entry.key
    }

    #[inline]
    fn pair<'g>(entry: &'g Entry<K, V>) -> (K, V)
    where
        Self: 'g,
    {
        (entry.key, entry.value)
    }

    #[inline]
    fn entry(word: Word<Self>, cells: &Cells<K, V>, slot: usize) -> Option<NonNull<Entry<K, V>>> {
        if word.is_in_cell() { Some(cells.at(slot)) } else { word.pointer() }
    }

    #[inline]
    unsafe fn hash(word: Word<Self>, entry: NonNull<Entry<K, V>>) -> u64 {
        if word.is_in_cell() {
            return word.cell_hash();
        }
        // SAFETY:
        // - not freed, by the contract. Not in a cell, so it is the beginning of a `Hashed`: of what
        //   `expose` leaked, and the word's pointer is that to the whole.
        unsafe { (*entry.cast::<Hashed<K, V>>().as_ptr()).hash }
    }

    #[cfg(any(debug_assertions, snaptrie_check))]
    fn is_claimed(cells: &Cells<K, V>, slot: usize) -> bool {
        // Relaxed: nobody changes it meanwhile.
        cells.claims.load(Ordering::Relaxed) & 1 << slot != 0
    }

    #[inline]
    fn prefetch(cells: &Cells<K, V>) {
        // All of them, if they are two cache lines at most: which one is wanted, their line tells too late.
        // (Among a million pairs a hit took 83 ns with both, 99 with the first line and 104 with none.)
        prefetch::read_all(cells, size_of_val(cells).min(128));
    }

    fn expose(draft: Hashed<K, V>) -> Word<Self> {
        Word::pointing(NonNull::from(Box::leak(Box::new(draft))).cast())
    }

    #[inline]
    fn settle(draft: Hashed<K, V>, cells: &Cells<K, V>, slot: usize) -> Word<Self> {
        if CELLS && cells.claim(slot) {
            // SAFETY:
            // - in bounds. Nobody reads it before there is a word that says it is here, and nobody else writes
            //   it: only this caller can claim it.
            unsafe { cells.at(slot).write(draft.entry) };
            return Word::in_cell(draft.hash);
        }
        Self::expose(draft)
    }

    unsafe fn retract(word: Word<Self>, cells: &Cells<K, V>, slot: usize) -> Hashed<K, V> {
        if word.is_in_cell() {
            // SAFETY:
            // - `settle` wrote it, for this caller, by the contract.
            return Hashed { entry: unsafe { cells.at(slot).read() }, hash: word.cell_hash() };
        }
        // PANICS: never: what is not in a cell is a pointer.
        let entry = word.pointer().expect("a word from `expose`");
        // SAFETY:
        // - from a box, by `expose`, and exclusively this caller's by the contract.
        *unsafe { Box::from_raw(entry.cast::<Hashed<K, V>>().as_ptr()) }
    }

    unsafe fn carry(live: &Live<Self>, cells: &Cells<K, V>, slot: usize) -> Word<Self> {
        // SAFETY:
        // - not freed, by the contract; a published entry does not change.
        let entry = unsafe { live.entry.read() };
        Self::settle(Hashed { entry, hash: live.hash }, cells, slot)
    }

    unsafe fn garbage(word: Word<Self>) -> Option<Garbage> {
        if word.is_in_cell() {
            return None;
        }
        // SAFETY:
        // - the beginning of a `Hashed` from a box, by `expose`; one free for each entry: the contract of
        //   this function.
        word.pointer().map(|entry| unsafe { Garbage::of_box(entry.cast::<Hashed<K, V>>()) })
    }
}
