//! The slot: one atomic word that holds an entry, or nothing, or the mark that something was here.
//!
//! ```text
//! address of the entry | REMOVED | FROZEN   (the low three bits are flags)
//! ```
//!
//! | word | means |
//! |---|---|
//! | zero | *empty*: a search ends here |
//! | an entry | *live* |
//! | `REMOVED` | a *tombstone*: an entry was here; a search goes on. Never used again |
//! | any of these with `FROZEN` | never changes again |
//!
//! All entries that a slot ever has are of one key: a slot that is not empty is never empty again, and
//! an entry is only replaced by another one of its key. Which slots may have a key, the tags of the
//! [line](super::line) tell.

use std::ptr::{self, NonNull};

use super::entry::Entry;
use crate::sync::{AtomicPtr, Ordering};

const FROZEN: usize = 1;
const REMOVED: usize = 2;
const FLAGS: usize = 0b111;

/// What a slot holds. Promises nothing about the entry: it may have been freed.
pub(crate) struct Word<K, V>(*mut Entry<K, V>);

impl<K, V> Clone for Word<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V> Copy for Word<K, V> {}

impl<K, V> Word<K, V> {
    pub(super) const EMPTY: Self = Self(ptr::null_mut());
    pub(super) const TOMBSTONE: Self = Self(ptr::without_provenance_mut(REMOVED));

    #[inline]
    pub(super) fn live(entry: NonNull<Entry<K, V>>) -> Self {
        Self(entry.as_ptr())
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

    /// The entry, if the word is live.
    #[inline]
    pub(super) fn entry(self) -> Option<NonNull<Entry<K, V>>> {
        NonNull::new(self.0.map_addr(|bits| bits & !FLAGS))
    }

    /// Where the entry is, for a prefetch.
    #[inline]
    pub(super) fn address(self) -> *const Entry<K, V> {
        self.0.map_addr(|bits| bits & !FLAGS)
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
pub(super) struct Slot<K, V>(AtomicPtr<Entry<K, V>>);

impl<K, V> Slot<K, V> {
    #[inline]
    pub(super) fn load(&self) -> Word<K, V> {
        // Acquire: the entry; pairs with the Release of `replace`. And, if the word is frozen, that a
        // table has a next one; pairs with the Release of `freeze`.
        Word(self.0.load(Ordering::Acquire))
    }

    /// Puts `new` in the place of exactly `old`.
    #[inline]
    pub(super) fn replace(&self, old: Word<K, V>, new: Word<K, V>) -> Result<(), Word<K, V>> {
        // A bug on purpose, see `tests/planted`.
        #[cfg(snaptrie_planted = "blind_publish")]
        if old.0.is_null() {
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
    pub(super) fn freeze(&self) -> Word<K, V> {
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
    pub(super) fn fill(&mut self, word: Word<K, V>) {
        *self.0.get_mut() = word.0;
    }
}
