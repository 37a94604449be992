//! Entries: a key and its value in an allocation of their own, which never moves.
//!
//! The hash stands with them, so that a move of the table calls no user code. It stands last, and lookups do
//! not read it: an allocator that puts 24 bytes at 16 past a multiple of 32, as glibc's does, lets every second
//! entry of two words straddle two cache lines, and so it is only the hash that is on the other one. (Among a
//! million entries a hit took 74 ns and not 89 with a handle held, and 40 and not 47 in batches: medians of two
//! binaries, run by turns. With a handle for each lookup the difference is within the spread.)
#![expect(unsafe_code, reason = "an entry as garbage is a raw pointer")]

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::slot::Word;
use crate::engine::Content;
use crate::reclaim::Garbage;

/// An allocated key and value. Aligned so that a slot has room for its flags in the low bits.
#[repr(align(8))]
pub(crate) struct Entry<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    pub(super) hash: u64,
}

impl<K, V> Entry<K, V> {
    pub(super) fn pair(&self) -> (&K, &V) {
        (&self.key, &self.value)
    }

    /// An entry as garbage.
    ///
    /// # Safety
    /// - The entry came from [`Draft::expose`], was taken out of its slot, and nobody else turns it
    ///   into garbage.
    pub(super) unsafe fn garbage(entry: NonNull<Self>) -> Garbage {
        unsafe fn free<K, V>(entry: *mut ()) {
            // SAFETY:
            // - from a box, by `expose`; freed once, by the contract of `Garbage`.
            drop(unsafe { Box::from_raw(entry.cast::<Entry<K, V>>()) });
        }
        // SAFETY:
        // - one free for each entry: the contract of this function.
        unsafe { Garbage::new(entry.as_ptr().cast(), free::<K, V>) }
    }
}

/// An entry that is in no slot (yet).
pub(crate) struct Draft<K, V>(Box<Entry<K, V>>);

impl<K, V> Draft<K, V> {
    #[inline]
    pub(super) fn key(&self) -> &K {
        &self.0.key
    }

    /// The word for a slot. The entry belongs to whoever holds the word.
    pub(super) fn expose(self) -> Word<K, V> {
        Word::live(NonNull::from(Box::leak(self.0)))
    }

    /// Takes back a word that was never put into a slot.
    ///
    /// # Safety
    /// - The word came from [`Self::expose`], and no other thread has seen it.
    pub(super) unsafe fn retract(word: Word<K, V>) -> Option<Self> {
        // SAFETY:
        // - from a box, by `expose`, and exclusively this caller's by the contract.
        word.entry().map(|entry| Self(unsafe { Box::from_raw(entry.as_ptr()) }))
    }
}

/// What a flat table keeps, in the map layer's terms.
pub(crate) struct Pairs<K, V>(PhantomData<(K, V)>);

impl<K, V> Content for Pairs<K, V> {
    type Key = K;
    type Value = V;
    type Draft = Draft<K, V>;

    #[inline]
    fn draft(hash: u64, key: K, value: V) -> Draft<K, V> {
        Draft(Box::new(Entry { hash, key, value }))
    }

    fn into_pair(draft: Draft<K, V>) -> (K, V) {
        let entry = *draft.0;
        (entry.key, entry.value)
    }

    #[inline]
    fn draft_key(draft: &Draft<K, V>) -> &K {
        draft.key()
    }
}
