//! The slot: one atomic word that holds an entry, or nothing, or the mark that something was here.
//!
//! ```text
//! fingerprint, 16 bits | address of the entry, 45 bits | REMOVED | FROZEN   (the low three bits are flags)
//! ```
//!
//! | word | means |
//! |---|---|
//! | zero | *empty*: a search ends here |
//! | an entry | *live* |
//! | `REMOVED` | a *tombstone*: an entry was here; a search goes on. Never used again |
//! | any of these with `FROZEN` | never changes again |
//!
//! A fingerprint of a live slot is never zero, so that an empty slot or a tombstone matches none.
//!
//! On a target whose addresses need more than 48 bits, or on which the topmost byte of an address may
//! carry a tag, a word is the address and the flags alone, and a search reads the hash that stands
//! with the entry. `--cfg snaptrie_wide_pointers` makes any target such a one, for tests.
#![allow(clippy::cast_possible_truncation, reason = "a fingerprint is part of a hash")]

use std::ptr::{self, NonNull};

use super::entry::Entry;
use crate::sync::{AtomicPtr, Ordering};

const FROZEN: usize = 1;
const REMOVED: usize = 2;
const FLAGS: usize = 0b111;

/// Whether a word has a fingerprint: where user space has 48 bits of addresses, and allocators
/// leave the rest zero.
///
/// - x86-64: 47 bits, unless a program asks the system for more with a hint. A tag (LAM) would have to
///   be asked for too.
/// - AArch64: 48 bits, likewise. Not on Android, whose allocator puts tags into the top byte.
/// - RISC-V (Sv39, Sv48), LoongArch: 47 bits at most by default.
///
/// An address that does not fit is refused where the entry is made: [`Word::assert_fits`].
pub(super) const FINGERPRINTS: bool = cfg!(all(
    target_pointer_width = "64",
    not(snaptrie_wide_pointers),
    any(
        target_arch = "x86_64",
        all(target_arch = "aarch64", not(target_os = "android")),
        target_arch = "riscv64",
        target_arch = "loongarch64",
    )
));

const PRINT_SHIFT: u32 = if FINGERPRINTS { 48 } else { 0 };

/// The bits of an address.
const ADDRESS: usize =
    if FINGERPRINTS { (1 << PRINT_SHIFT) - 1 - FLAGS } else { usize::MAX - FLAGS };

/// The fingerprint of a hash, in place: bits that neither the chunk nor the home slot depends on.
#[inline]
const fn print_of(hash: u64) -> usize {
    if !FINGERPRINTS {
        return 0;
    }
    let print = (hash >> 16) as u16;
    // Zero is kept for words that are not live.
    let print = if print == 0 { 1 } else { print };
    (print as usize) << PRINT_SHIFT
}

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

    /// # Panics
    /// If a word has no room for the address.
    #[inline]
    pub(super) fn assert_fits(entry: *const Entry<K, V>) {
        assert!(
            entry.addr() & !ADDRESS == 0,
            "an entry's address takes more than 48 bits; build with --cfg snaptrie_wide_pointers"
        );
    }

    #[inline]
    pub(super) fn live(entry: NonNull<Entry<K, V>>, hash: u64) -> Self {
        Self(entry.as_ptr().map_addr(|address| address | print_of(hash)))
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

    /// Whether this is a live word whose entry may have this hash: surely not, if not.
    #[inline]
    pub(super) fn may_be(self, hash: u64) -> bool {
        if FINGERPRINTS {
            (self.0.addr() ^ print_of(hash)) >> PRINT_SHIFT == 0
        } else {
            self.0.addr() & ADDRESS != 0
        }
    }

    /// The entry, if the word is live.
    #[inline]
    pub(super) fn entry(self) -> Option<NonNull<Entry<K, V>>> {
        NonNull::new(self.0.map_addr(|bits| bits & ADDRESS))
    }

    /// Where the entry is, for a prefetch.
    #[inline]
    pub(super) fn address(self) -> *const Entry<K, V> {
        self.0.map_addr(|bits| bits & ADDRESS)
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
