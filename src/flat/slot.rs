//! The slot: one atomic word that holds an entry, or nothing, or the mark that something was here.
//!
//! ```text
//! address of the entry | CELL | REMOVED | FROZEN   (the low three bits are flags)
//! hash of the key      |
//! ```
//!
//! | word | means |
//! |---|---|
//! | zero | *empty*: a search ends here |
//! | an address | *live*: the entry is there |
//! | a hash with `CELL` | *live*: the entry is in the slot's cell, see the [store](super::store) |
//! | `REMOVED` | a *tombstone*: an entry was here; a search goes on. Never used again |
//! | any of these with `FROZEN` | never changes again |
//!
//! All entries that a slot ever has are of one key: a slot that is not empty is never empty again, and
//! an entry is only replaced by another one of its key. Which slots may have a key, the tags of the
//! [line](super::line) tell.

use std::ptr::{self, NonNull};

use super::store::Store;
use crate::sync::{AtomicPtr, Ordering, planted};

const FROZEN: usize = 1;
const REMOVED: usize = 2;
const CELL: usize = 4;
const FLAGS: usize = 0b111;

/// Number of the low bits of a hash that nobody uses: a word has its flags there.
pub(super) const UNUSED_BITS: u32 = FLAGS.count_ones();

/// Whether two hashes are the same, as far as they are used.
#[inline]
pub(super) fn same_hash(one: u64, other: u64) -> bool {
    (one ^ other) >> UNUSED_BITS == 0
}

/// What a slot holds. Promises nothing about the entry: it may have been freed.
pub(crate) struct Word<S: Store>(*mut S::Entry);

impl<S: Store> Clone for Word<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Store> Copy for Word<S> {}

impl<S: Store> Word<S> {
    pub(super) const EMPTY: Self = Self(ptr::null_mut());
    pub(super) const TOMBSTONE: Self = Self(ptr::without_provenance_mut(REMOVED));

    /// Of an entry in an allocation of its own.
    #[inline]
    pub(super) fn pointing(entry: NonNull<S::Entry>) -> Self {
        debug_assert!(entry.addr().get() & FLAGS == 0);
        Self(entry.as_ptr())
    }

    /// Of an entry in the slot's cell, whose key has this hash.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "there are cells where a word has 64 bits")]
    pub(super) fn in_cell(hash: u64) -> Self {
        Self(ptr::without_provenance_mut(hash as usize & !FLAGS | CELL))
    }

    /// Whether the word is live, and its entry in the slot's cell.
    #[inline]
    pub(super) fn is_in_cell(self) -> bool {
        self.0.addr() & CELL != 0
    }

    /// The hash of the key whose entry is in the slot's cell, but for the low bits.
    #[inline]
    pub(super) fn cell_hash(self) -> u64 {
        (self.0.addr() & !FLAGS) as u64
    }

    #[inline]
    pub(super) fn is_frozen(self) -> bool {
        self.0.addr() & FROZEN != 0
    }

    /// Whether an entry was here.
    #[inline]
    pub(super) fn is_tombstone(self) -> bool {
        self.0.addr() & REMOVED != 0
    }

    /// Whether nothing was ever here, apart from `FROZEN`.
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.0.addr() & !FROZEN == 0
    }

    /// Whether the word is live.
    #[inline]
    pub(super) fn is_live(self) -> bool {
        !self.is_empty() && !self.is_tombstone()
    }

    /// The entry, if the word is live, of one that is not in a cell.
    #[inline]
    pub(super) fn pointer(self) -> Option<NonNull<S::Entry>> {
        debug_assert!(!self.is_in_cell());
        NonNull::new(self.0.map_addr(|bits| bits & !FLAGS))
    }

    /// This word without `FROZEN`.
    #[inline]
    pub(super) fn thawed(self) -> Self {
        Self(self.0.map_addr(|bits| bits & !FROZEN))
    }

    #[inline]
    fn frozen(self) -> Self {
        Self(self.0.map_addr(|bits| bits | FROZEN))
    }
}

/// A slot. All bits zero is a valid slot, an empty one: tables are made of zeroed memory.
#[repr(transparent)]
pub(super) struct Slot<S: Store>(AtomicPtr<S::Entry>);

impl<S: Store> Slot<S> {
    #[inline]
    pub(super) fn load(&self) -> Word<S> {
        // Acquire: the entry; pairs with the Release of `replace`. And, if the word is frozen, that a
        // table has a next one; pairs with the Release of `freeze`.
        Word(self.0.load(Ordering::Acquire))
    }

    /// Puts `new` in the place of exactly `old`.
    #[inline]
    pub(super) fn replace(&self, old: Word<S>, new: Word<S>) -> Result<(), Word<S>> {
        if planted("blind_publish") && old.0.is_null() {
            self.0.store(new.0, Ordering::Release);
            return Ok(());
        }
        // Release: publishes the entry; pairs with the Acquire of `load`. Relaxed on failure: who
        // wants to know more loads the slot again.
        match self.0.compare_exchange(old.0, new.0, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Ok(()),
            Err(now) => Err(Word(now)),
        }
    }

    /// Keeps the slot from ever changing again. Returns what it holds.
    pub(super) fn freeze(&self) -> Word<S> {
        let mut word = self.load();
        while !word.is_frozen() {
            // AcqRel: Release, so that who reads `FROZEN` knows why, as `load` says. Acquire, and
            // that on failure too: the entry, whose hash the caller reads.
            let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
            match self.0.compare_exchange(word.0, word.frozen().0, success, failure) {
                Ok(_) => return word.frozen(),
                Err(now) => word = Word(now),
            }
        }
        word
    }

    /// Fills a slot that nobody else can see.
    pub(super) fn fill(&mut self, word: Word<S>) {
        *self.0.get_mut() = word.0;
    }
}
