//! The store for any key and value: a slot points to an allocated entry.
#![expect(unsafe_code, reason = "slots are raw pointers to entries")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::Store;
use crate::bucket::{Held, Slot};
use crate::engine::Content;
use crate::hash::Rehash;
use crate::prefetch;
use crate::reclaim::Garbage;
use crate::sync::{Ordering, planted};

/// The store for any key and value: a slot points to an allocated entry. `B` is the entry's birth, or `()`.
#[expect(missing_debug_implementations, reason = "public as a part of sealed traits alone")]
pub struct Boxed<K, V, B = u64>(PhantomData<(K, V, B)>);

/// The store for maps without snapshots.
pub(crate) type Undated<K, V> = Boxed<K, V, ()>;

/// The generation in which an entry was born, for maps that need it.
pub trait Birth: Copy + 'static {
    fn new(generation: u64) -> Self;
    fn generation(self) -> u64;
}

impl Birth for u64 {
    fn new(generation: u64) -> Self {
        generation
    }
    fn generation(self) -> u64 {
        self
    }
}

impl Birth for () {
    fn new(_: u64) {}
    fn generation(self) -> u64 {
        unreachable!("entries of maps without snapshots have no birth")
    }
}

/// An allocated entry. It keeps the hash, so that growth does not hash keys again.
pub(crate) struct Entry<K, V, B> {
    hash: u64,
    key: K,
    value: V,
    birth: B,
}

/// The slot of a [`Boxed`] store.
pub(crate) struct BoxedSlot<K, V, B>(*mut Entry<K, V, B>);

impl<K, V, B> Clone for BoxedSlot<K, V, B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V, B> Copy for BoxedSlot<K, V, B> {}

/// The memory of a [`BoxedSlot`]. The words of slots are always the standard library's atomics: the model checker
/// switches threads before a slot is read or written.
pub(crate) struct BoxedCell<K, V, B>(std::sync::atomic::AtomicPtr<Entry<K, V, B>>);

impl<K, V, B> Slot for BoxedSlot<K, V, B> {
    type Cell = BoxedCell<K, V, B>;

    #[inline]
    fn read(cell: &BoxedCell<K, V, B>) -> Self {
        // Relaxed: validated afterwards. The entry was published with the state in which the slot is live.
        Self(cell.0.load(Ordering::Relaxed))
    }

    #[inline]
    fn write(cell: &BoxedCell<K, V, B>, value: Self) {
        // Release: see `crate::bucket`, Orderings.
        let order = if planted("relaxed_slots") { Ordering::Relaxed } else { Ordering::Release };
        cell.0.store(value.0, order);
    }
}

impl<K, V, B: Birth> Content for Boxed<K, V, B> {
    type Key = K;
    type Value = V;
    type Draft = Box<Entry<K, V, B>>;
    type Pair<'g>
        = (&'g K, &'g V)
    where
        Self: 'g;

    #[inline]
    fn draft(hash: u64, key: K, value: V) -> Box<Entry<K, V, B>> {
        Box::new(Entry { hash, key, value, birth: B::new(0) })
    }

    fn into_pair(draft: Box<Entry<K, V, B>>) -> (K, V) {
        let entry = *draft;
        (entry.key, entry.value)
    }

    #[inline]
    fn draft_key(draft: &Box<Entry<K, V, B>>) -> &K {
        &draft.key
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

    /// An entry never moves while a thread can see it, so the address of its key identifies it.
    #[inline]
    fn same_entry<'g>(one: &(&'g K, &'g V), other: &(&'g K, &'g V)) -> bool
    where
        Self: 'g,
    {
        ptr::eq(one.0, other.0)
    }
}

impl<K, V, B: Birth> BoxedSlot<K, V, B> {
    /// # Safety
    /// - The slot was live, and its entry is not freed for `'g`.
    #[inline]
    unsafe fn entry<'g>(self) -> &'g Entry<K, V, B> {
        // SAFETY:
        // - came from a box, by `expose`, and is not freed: promised by the caller. A published entry does not change.
        unsafe { &*self.0 }
    }

    /// The key, and a mutable reference to the value.
    ///
    /// # Safety
    /// - The slot is live, and no other thread reaches its entry for `'a`.
    pub(crate) unsafe fn pair_mut<'a>(self) -> (&'a K, &'a mut V) {
        // SAFETY:
        // - came from a box, by `expose`, is not freed, and not shared: promised by the caller.
        let entry: &'a mut Entry<K, V, B> = unsafe { &mut *self.0 };
        (&entry.key, &mut entry.value)
    }
}

impl<K, V, B: Birth> Store for Boxed<K, V, B> {
    type Slot = BoxedSlot<K, V, B>;
    const OWNS: bool = true;
    const ENTRY_BYTES: usize = size_of::<Entry<K, V, B>>();

    #[inline]
    fn expose(mut draft: Box<Entry<K, V, B>>, birth: u64) -> BoxedSlot<K, V, B> {
        draft.birth = B::new(birth);
        BoxedSlot(Box::into_raw(draft))
    }

    #[inline]
    unsafe fn retract(slot: BoxedSlot<K, V, B>) -> Box<Entry<K, V, B>> {
        // SAFETY:
        // - from a box, by `expose`, and owned by the caller.
        unsafe { Box::from_raw(slot.0) }
    }

    #[inline]
    unsafe fn may_have(slot: &BoxedSlot<K, V, B>, hash: u64) -> bool {
        // SAFETY:
        // - not freed: promised by the caller.
        unsafe { slot.entry() }.hash == hash
    }

    #[inline]
    unsafe fn hashes(slots: &[BoxedSlot<K, V, B>], hashes: &mut [u64], _rehash: Rehash<'_, K>) {
        for (slot, hash) in slots.iter().zip(hashes) {
            // SAFETY:
            // - as above.
            *hash = unsafe { slot.entry() }.hash;
        }
    }

    #[inline]
    unsafe fn birth(slot: &BoxedSlot<K, V, B>) -> u64 {
        // SAFETY:
        // - as above.
        unsafe { slot.entry() }.birth.generation()
    }

    /// An entry never moves while a thread can see it, so its address identifies it.
    #[inline]
    fn is_same(one: &BoxedSlot<K, V, B>, other: &BoxedSlot<K, V, B>) -> bool {
        one.0 == other.0
    }

    #[inline]
    unsafe fn unchanged(one: &BoxedSlot<K, V, B>, other: &BoxedSlot<K, V, B>) -> bool {
        Self::is_same(one, other)
    }

    #[inline]
    unsafe fn key(slot: &BoxedSlot<K, V, B>) -> &K {
        // SAFETY:
        // - as above.
        &unsafe { slot.entry() }.key
    }

    #[inline]
    unsafe fn pair<'g>(slot: BoxedSlot<K, V, B>) -> (&'g K, &'g V)
    where
        Self: 'g,
    {
        // SAFETY:
        // - as above.
        let entry: &'g Entry<K, V, B> = unsafe { slot.entry() };
        (&entry.key, &entry.value)
    }

    #[inline]
    unsafe fn pair_ref<'g>(slot: Held<'g, BoxedSlot<K, V, B>>) -> (&'g K, &'g V)
    where
        K: 'g,
        V: 'g,
    {
        // SAFETY:
        // - as above.
        let entry: &'g Entry<K, V, B> = unsafe { slot.now.entry() };
        (&entry.key, &entry.value)
    }

    #[inline]
    fn prefetch(slot: &BoxedSlot<K, V, B>) {
        prefetch::read(slot.0);
    }

    #[inline]
    unsafe fn garbage(slot: BoxedSlot<K, V, B>) -> Garbage {
        // SAFETY:
        // - from a box, by `expose`, so not null; one free for each entry: the contract of this function.
        unsafe { Garbage::of_box(NonNull::new_unchecked(slot.0)) }
    }
}
