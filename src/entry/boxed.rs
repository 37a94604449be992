//! The store for any key and value: a slot is the hash and a pointer to an entry of its own.
#![expect(unsafe_code, reason = "slots are raw pointers to entries")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::{Compare, Mover, Store};
use crate::engine::{Content, Lent};
use crate::prefetch;
use crate::reclaim::Garbage;
use crate::sync::{AtomicPtr, Ordering};
use crate::trie::{Held, Slot, Swap};

/// The store for any key and value: a slot is the hash and a pointer to an entry of its own.
///
/// The hash stands in the slot and not with the entry. So growth moves entries without touching
/// them, a lookup that meets another key with the same tag does not touch it either, and an entry
/// of two words takes 32 bytes of glibc's heap and not 48.
pub(crate) struct Boxed<K, V>(PhantomData<(K, V)>);

/// An allocated key and value. (With the birth behind them hits were no faster, and removals slower.)
pub(crate) struct Entry<K, V> {
    birth: u64,
    key: K,
    value: V,
}

/// The slot of a [`Boxed`] store.
pub(crate) struct BoxedSlot<K, V> {
    hash: u64,
    entry: NonNull<Entry<K, V>>,
}

impl<K, V> Clone for BoxedSlot<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V> Copy for BoxedSlot<K, V> {}

/// The memory of a [`BoxedSlot`]: the pointer can be replaced, the hash stays.
#[repr(C)]
pub(crate) struct BoxedCell<K, V> {
    hash: u64,
    entry: AtomicPtr<Entry<K, V>>,
}

/// The bit of a cell's pointer that seals it.
const SEALED: usize = 1;

fn sealed<K, V>(entry: *mut Entry<K, V>) -> *mut Entry<K, V> {
    const { assert!(align_of::<Entry<K, V>>() > SEALED) };
    entry.map_addr(|address| address | SEALED)
}

impl<K, V> BoxedCell<K, V> {
    fn slot(&self, raw: *mut Entry<K, V>) -> BoxedSlot<K, V> {
        // SAFETY:
        // - not null: a cell holds pointers from `expose`, with `SEALED` or without.
        let entry = unsafe { NonNull::new_unchecked(raw.map_addr(|address| address & !SEALED)) };
        BoxedSlot { hash: self.hash, entry }
    }
}

impl<K, V> Slot for BoxedSlot<K, V> {
    type Cell = BoxedCell<K, V>;
    const SWAPS: bool = true;

    #[inline]
    fn into_cell(self) -> BoxedCell<K, V> {
        BoxedCell { hash: self.hash, entry: AtomicPtr::new(self.entry.as_ptr()) }
    }

    #[inline]
    fn read(cell: &BoxedCell<K, V>) -> Self {
        // Acquire: the entry; pairs with the Release of `swap`. (That of the first entry came with
        // the live bit.)
        cell.slot(cell.entry.load(Ordering::Acquire))
    }

    fn seal(cell: &BoxedCell<K, V>) -> Self {
        let mut raw = cell.entry.load(Ordering::Acquire);
        while raw.addr() & SEALED == 0 {
            // Acquire: as in `read`. Release: goes on the release sequence of the last `swap`, which
            // the next reader synchronises with.
            let (release, acquire) = (Ordering::AcqRel, Ordering::Acquire);
            match cell.entry.compare_exchange(raw, sealed(raw), release, acquire) {
                Ok(_) => break,
                Err(now) => raw = now,
            }
        }
        cell.slot(raw)
    }

    fn seal_as(cell: &BoxedCell<K, V>, now: Self) -> bool {
        let raw = now.entry.as_ptr();
        // Release: as in `seal`. Relaxed on failure: of another entry nothing is read, and `now` was read with
        // Acquire before.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        match cell.entry.compare_exchange(raw, sealed(raw), release, relaxed) {
            Ok(_) => true,
            Err(other) => other == sealed(raw),
        }
    }

    #[inline]
    fn swap(cell: &BoxedCell<K, V>, old: Self, new: Self) -> Swap {
        debug_assert_eq!(old.hash, new.hash);
        let (old, new) = (old.entry.as_ptr(), new.entry.as_ptr());
        // Release: the new entry; pairs with the Acquire of `read`. No ABA: the caller found `old`
        // under the guard that it still holds, so that address has not become another entry's.
        match cell.entry.compare_exchange(old, new, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => Swap::Done,
            Err(now) if now == sealed(old) => Swap::Sealed,
            Err(_) => Swap::Changed,
        }
    }
}

/// The draft of a [`Boxed`] store.
pub(crate) struct BoxedDraft<K, V> {
    hash: u64,
    entry: Box<Entry<K, V>>,
}

impl<K, V> Content for Boxed<K, V> {
    type Key = K;
    type Value = V;
    type Draft = BoxedDraft<K, V>;
    type Pair<'g>
        = (&'g K, &'g V)
    where
        Self: 'g;

    #[inline]
    fn draft(hash: u64, key: K, value: V) -> BoxedDraft<K, V> {
        BoxedDraft { hash, entry: Box::new(Entry { birth: 0, key, value }) }
    }

    fn into_pair(draft: BoxedDraft<K, V>) -> (K, V) {
        let entry = *draft.entry;
        (entry.key, entry.value)
    }

    #[inline]
    fn draft_key(draft: &BoxedDraft<K, V>) -> &K {
        &draft.entry.key
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
    fn identity<'g>(pair: &(&'g K, &'g V)) -> Option<*const ()>
    where
        Self: 'g,
    {
        Some(ptr::from_ref(pair.0).cast())
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
    type Slot = BoxedSlot<K, V>;
    type Mover = BoxedSlot<K, V>;
    const OWNS: bool = true;

    #[inline]
    fn expose(mut draft: BoxedDraft<K, V>, birth: u64) -> BoxedSlot<K, V> {
        draft.entry.birth = birth;
        let entry = NonNull::from(Box::leak(draft.entry));
        BoxedSlot { hash: draft.hash, entry }
    }

    unsafe fn retract(slot: BoxedSlot<K, V>) -> BoxedDraft<K, V> {
        // SAFETY:
        // - from a box, by `expose`, and exclusively this caller's by the contract.
        let entry = unsafe { Box::from_raw(slot.entry.as_ptr()) };
        BoxedDraft { hash: slot.hash, entry }
    }

    #[inline]
    fn may_have(slot: &BoxedSlot<K, V>, hash: u64) -> bool {
        slot.hash == hash
    }

    fn mover(slot: BoxedSlot<K, V>, _rehash: impl FnOnce(&K) -> u64) -> BoxedSlot<K, V> {
        slot
    }

    /// An entry never moves while anybody can see it, so its address tells which one it is.
    #[inline]
    fn is_same(one: &BoxedSlot<K, V>, other: &BoxedSlot<K, V>) -> bool {
        one.entry == other.entry
    }

    #[inline]
    unsafe fn birth(slot: &BoxedSlot<K, V>) -> u64 {
        // SAFETY:
        // - not freed, by the contract; an entry's birth does not change once it is published.
        unsafe { slot.entry.as_ref() }.birth
    }

    #[inline]
    unsafe fn key(slot: &BoxedSlot<K, V>) -> &K {
        // SAFETY:
        // - not freed during the borrow, by the contract; only shared references exist to a published
        //   entry.
        &unsafe { slot.entry.as_ref() }.key
    }

    #[inline]
    unsafe fn pair<'g>(slot: Held<'g, BoxedSlot<K, V>>) -> (&'g K, &'g V)
    where
        Self: 'g,
    {
        // SAFETY:
        // - the same contract.
        unsafe { Self::pair_ref(slot) }
    }

    #[inline]
    unsafe fn pair_ref<'g>(slot: Held<'g, BoxedSlot<K, V>>) -> (&'g K, &'g V)
    where
        K: 'g,
        V: 'g,
    {
        // SAFETY:
        // - not freed for `'g`, by the contract; only shared references exist to a published entry.
        let entry: &'g Entry<K, V> = unsafe { slot.now.entry.as_ref() };
        (&entry.key, &entry.value)
    }

    const ENTRY_BYTES: usize = size_of::<Entry<K, V>>();

    #[inline]
    fn prefetch(slot: &BoxedSlot<K, V>) {
        prefetch::read(slot.entry.as_ptr());
    }

    unsafe fn garbage(slot: BoxedSlot<K, V>) -> Garbage {
        // SAFETY:
        // - from a box, by `expose`; one free for each entry: the contract of this function.
        unsafe { Garbage::of_box(slot.entry) }
    }
}

impl<K, V> Mover for BoxedSlot<K, V> {
    type Slot = Self;

    fn slot(self) -> Self {
        self
    }

    fn hash(self) -> u64 {
        self.hash
    }
}

impl<K, V> Compare for Boxed<K, V> {
    #[inline]
    fn unchanged(one: &BoxedSlot<K, V>, other: &BoxedSlot<K, V>) -> bool {
        Self::is_same(one, other)
    }
}
