//! The store for any key and value: a slot points to an allocated entry.
#![expect(unsafe_code, reason = "slots are raw pointers to entries")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::{SlotHashes, Store, TreeSlot};
use crate::bucket::{Held, Slot};
use crate::engine::Content;
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
///
/// In this order, so that it begins with its head.
#[repr(C)]
pub(crate) struct Entry<K, V, B> {
    head: Head<B>,
    key: K,
    value: V,
}

/// What an entry has whatever its key and value.
#[repr(C)]
struct Head<B> {
    hash: u64,
    birth: B,
}

/// The slot of a [`Boxed`] store: the address of an entry, of whatever key and value.
pub(crate) struct BoxedSlot<B>(*mut Head<B>);

impl<B> Clone for BoxedSlot<B> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<B> Copy for BoxedSlot<B> {}

/// The memory of a [`BoxedSlot`]. The words of slots are always the standard library's atomics: the model checker
/// switches threads before a slot is read or written.
pub(crate) struct BoxedCell<B>(std::sync::atomic::AtomicPtr<Head<B>>);

impl<B> Slot for BoxedSlot<B> {
    type Cell = BoxedCell<B>;

    /// Half: a free slot costs one word, and copying an entry a cache miss, to read its hash.
    const FILL: usize = 50;

    #[inline]
    fn read(cell: &BoxedCell<B>) -> Self {
        // Relaxed: validated afterwards. The entry was published with the state in which the slot is live.
        Self(cell.0.load(Ordering::Relaxed))
    }

    #[inline]
    fn write(cell: &BoxedCell<B>, value: Self) {
        // Release: see `crate::bucket`, Orderings.
        let order = if planted("relaxed_slots") { Ordering::Relaxed } else { Ordering::Release };
        cell.0.store(value.0, order);
    }
}

impl<B: Birth> BoxedSlot<B> {
    /// # Safety
    /// - The slot was live, and its entry is not freed for `'a`.
    #[inline]
    unsafe fn head<'a>(self) -> &'a Head<B> {
        // SAFETY:
        // - an entry begins with its head, and is not freed: promised by the caller. A published entry does not change.
        unsafe { &*self.0 }
    }
}

impl<B: Birth> TreeSlot for BoxedSlot<B> {
    const OWNS: bool = true;

    #[inline]
    unsafe fn hashes(slots: &[Self], hashes: &mut [u64], _rehash: SlotHashes<'_, Self>) {
        for (slot, hash) in slots.iter().zip(hashes) {
            // SAFETY: the same contract.
            *hash = unsafe { slot.head() }.hash;
        }
    }

    #[inline]
    unsafe fn birth(&self) -> u64 {
        // SAFETY: the same contract.
        unsafe { self.head() }.birth.generation()
    }

    /// An entry never moves while a thread can see it, so its address identifies it.
    #[inline]
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    #[inline]
    fn prefetch(&self) {
        prefetch::read(self.0);
    }

    fn address(self) -> *mut () {
        self.0.cast()
    }

    unsafe fn at(address: *mut ()) -> Self {
        Self(address.cast())
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
        Box::new(Entry { head: Head { hash, birth: B::new(0) }, key, value })
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

impl<K, V, B: Birth> Boxed<K, V, B> {
    /// # Safety
    /// - The slot was live in a map of this store, and its entry is not freed for `'g`.
    #[inline]
    unsafe fn entry<'g>(slot: BoxedSlot<B>) -> &'g Entry<K, V, B> {
        // SAFETY:
        // - came from a box of an entry, by `expose`, and is not freed: promised by the caller. A published entry does
        //   not change.
        unsafe { &*slot.0.cast() }
    }
}

impl<K, V, B: Birth> Store for Boxed<K, V, B> {
    type Slot = BoxedSlot<B>;
    const ENTRY_BYTES: usize = size_of::<Entry<K, V, B>>();

    #[inline]
    fn expose(mut draft: Box<Entry<K, V, B>>, birth: u64) -> BoxedSlot<B> {
        draft.head.birth = B::new(birth);
        BoxedSlot(Box::into_raw(draft).cast())
    }

    #[inline]
    unsafe fn retract(slot: BoxedSlot<B>) -> Box<Entry<K, V, B>> {
        // SAFETY:
        // - from a box, by `expose`, and owned by the caller.
        unsafe { Box::from_raw(slot.0.cast()) }
    }

    #[inline]
    unsafe fn may_have(slot: &BoxedSlot<B>, hash: u64) -> bool {
        // SAFETY:
        // - not freed: promised by the caller.
        unsafe { slot.head() }.hash == hash
    }

    #[inline]
    unsafe fn unchanged(one: &BoxedSlot<B>, other: &BoxedSlot<B>) -> bool {
        one.is_same(other)
    }

    #[inline]
    unsafe fn key(slot: &BoxedSlot<B>) -> &K {
        // SAFETY:
        // - an entry of this store, which is not freed: promised by the caller.
        unsafe { &(*slot.0.cast::<Entry<K, V, B>>()).key }
    }

    #[inline]
    unsafe fn pair<'g>(slot: BoxedSlot<B>) -> (&'g K, &'g V)
    where
        Self: 'g,
    {
        // SAFETY:
        // - as above.
        let entry: &'g Entry<K, V, B> = unsafe { Self::entry(slot) };
        (&entry.key, &entry.value)
    }

    #[inline]
    unsafe fn pair_ref<'g>(slot: Held<'g, BoxedSlot<B>>) -> (&'g K, &'g V)
    where
        K: 'g,
        V: 'g,
    {
        // SAFETY:
        // - as above.
        let entry: &'g Entry<K, V, B> = unsafe { Self::entry(slot.now) };
        (&entry.key, &entry.value)
    }

    unsafe fn pair_mut<'a>(slot: Held<'_, BoxedSlot<B>>) -> (&'a K, &'a mut V)
    where
        K: 'a,
        V: 'a,
    {
        // SAFETY:
        // - came from a box, by `expose`, is not freed, and not shared: promised by the caller.
        let entry: &'a mut Entry<K, V, B> = unsafe { &mut *slot.now.0.cast() };
        (&entry.key, &mut entry.value)
    }

    #[inline]
    unsafe fn garbage(slot: BoxedSlot<B>) -> Garbage {
        // SAFETY:
        // - from a box, by `expose`, so not null; one free for each entry: the contract of this function.
        unsafe { Garbage::of_box(NonNull::new_unchecked(slot.0.cast::<Entry<K, V, B>>())) }
    }
}
