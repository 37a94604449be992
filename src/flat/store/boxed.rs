//! The store for any key and value: each entry has an allocation of its own, where it stays.
//!
//! The hash stands with it, so that a move of the table calls no user code. It stands last, and lookups do
//! not read it: an allocator that puts 24 bytes at 16 past a multiple of 32, as glibc's does, lets every second
//! entry of two words straddle two cache lines, and so it is only the hash that is on the other one. (Among a
//! million entries a hit took 74 ns and not 89 with a handle held, and 40 and not 47 in batches: medians of two
//! binaries, run by turns. With a handle for each lookup the difference is within the spread.)
#![expect(unsafe_code, reason = "words are raw pointers to entries")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::Store;
use crate::engine::{Content, Lent};
use crate::flat::bucket::Live;
use crate::flat::slot::Word;
use crate::reclaim::Garbage;

/// The store for any key and value.
pub(crate) struct Boxed<K, V>(PhantomData<(K, V)>);

/// An allocated key and value. Aligned so that a word has room for its flags in the low bits.
#[repr(align(8))]
pub(crate) struct Entry<K, V> {
    key: K,
    value: V,
    hash: u64,
}

/// An entry that is in no slot (yet).
pub(crate) struct Draft<K, V>(Box<Entry<K, V>>);

impl<K, V> Content for Boxed<K, V> {
    type Key = K;
    type Value = V;
    type Draft = Draft<K, V>;
    type Pair<'g>
        = (&'g K, &'g V)
    where
        Self: 'g;

    #[inline]
    fn draft(hash: u64, key: K, value: V) -> Draft<K, V> {
        Draft(Box::new(Entry { key, value, hash }))
    }

    fn into_pair(draft: Draft<K, V>) -> (K, V) {
        let entry = *draft.0;
        (entry.key, entry.value)
    }

    #[inline]
    fn draft_key(draft: &Draft<K, V>) -> &K {
        &draft.0.key
    }

    #[inline]
    fn pair_key<'a, 'g>(pair: &'a (&'g K, &'g V)) -> &'a K
    where
        Self: 'g,
    {
        pair.0
    }

    #[inline]
    fn pair_value<'a, 'g>(pair: &'a (&'g K, &'g V)) -> &'a V
    where
        Self: 'g,
    {
        pair.1
    }

    /// An entry never moves while anybody can see it: the address of its key tells which one it is.
    #[inline]
    fn same_entry<'g>(one: &(&'g K, &'g V), other: &(&'g K, &'g V)) -> bool
    where
        Self: 'g,
    {
        ptr::eq(one.0, other.0)
    }
}

impl<K, V> Boxed<K, V> {
    /// The key, and the value to be changed where it is.
    ///
    /// # Safety
    /// - A live entry, which nobody else reaches for `'a`.
    pub(in crate::flat) unsafe fn pair_mut<'a>(
        mut entry: NonNull<Entry<K, V>>,
    ) -> (&'a K, &'a mut V) {
        // SAFETY:
        // - from a box, not freed, and not shared: promised by the caller.
        let Entry { key, value, .. } = unsafe { entry.as_mut() };
        (key, value)
    }
}

impl<K, V> Lent for Boxed<K, V> {
    #[inline]
    fn refs<'g>(pair: (&'g K, &'g V)) -> (&'g K, &'g V)
    where
        Self: 'g,
    {
        pair
    }
}

impl<K, V> Store for Boxed<K, V> {
    type Entry = Entry<K, V>;
    type Cells = ();
    const STAYS: bool = true;
    /// 256 KiB. (With segments of 64 KiB the slowest insertion of a thousand, while a map grew to four million
    /// entries, took 0.2 to 0.5 µs more, and the slowest of ten thousand as long: medians of alternating runs.)
    const SEGMENT_LINES_LOG: u32 = if cfg!(shuttle) { 2 } else { 12 };
    const ENTRY_BYTES: usize = size_of::<Entry<K, V>>();

    #[inline]
    fn key(entry: &Entry<K, V>) -> &K {
        &entry.key
    }

    #[inline]
    fn pair<'g>(entry: &'g Entry<K, V>) -> (&'g K, &'g V)
    where
        Self: 'g,
    {
        (&entry.key, &entry.value)
    }

    #[inline]
    fn entry(word: Word<Self>, (): &(), _slot: usize) -> Option<NonNull<Entry<K, V>>> {
        word.pointer()
    }

    #[inline]
    unsafe fn hash(_word: Word<Self>, entry: NonNull<Entry<K, V>>) -> u64 {
        // SAFETY:
        // - not freed, by the contract.
        unsafe { entry.as_ref() }.hash
    }

    #[cfg(any(debug_assertions, snaptrie_check))]
    fn is_claimed((): &(), _slot: usize) -> bool {
        false
    }

    #[inline]
    fn prefetch((): &()) {}

    #[inline]
    fn expose(draft: Draft<K, V>) -> Word<Self> {
        Word::pointing(NonNull::from(Box::leak(draft.0)))
    }

    #[inline]
    fn settle(draft: Draft<K, V>, (): &(), _slot: usize) -> Word<Self> {
        Self::expose(draft)
    }

    unsafe fn retract(word: Word<Self>, (): &(), _slot: usize) -> Draft<K, V> {
        // PANICS: never: an exposed draft is a pointer.
        let entry = word.pointer().expect("a word from `expose`");
        // SAFETY:
        // - from a box, by `expose`, and exclusively this caller's by the contract.
        Draft(unsafe { Box::from_raw(entry.as_ptr()) })
    }

    #[inline]
    unsafe fn carry(live: &Live<Self>, (): &(), _slot: usize) -> Word<Self> {
        live.word
    }

    unsafe fn garbage(word: Word<Self>) -> Option<Garbage> {
        // SAFETY:
        // - from a box, by `expose`; one free for each entry: the contract of this function.
        word.pointer().map(|entry| unsafe { Garbage::of_box(entry) })
    }
}
