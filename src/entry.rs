//! Where keys and values live: the stores.
//!
//! The trie's nodes hold slots of any `T: Copy`. A store says what a slot is. [`Boxed`], the general
//! one, keeps each entry in an allocation of its own, which never moves while anybody can see it:
//! keys and values need no bound at all, and `&V` and `AtomicU64` values just work.
#![expect(unsafe_code, reason = "slots are raw pointers to entries")]

use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::engine::Content;
use crate::reclaim::Garbage;

/// What a slot of the trie holds, and what it means.
pub(crate) trait Store: Content {
    /// What a node holds for an entry. A slot does not own its entry: who unlinks it, does.
    type Slot: Copy;

    /// Turns a draft into a slot that an operation of generation `birth` may publish. The entry now
    /// belongs to whoever holds the slot.
    fn expose(draft: Self::Draft, birth: u64) -> Self::Slot;

    /// Takes a slot back that was never published.
    ///
    /// # Safety
    /// - `slot` came from [`Self::expose`] and no other thread has seen it.
    unsafe fn retract(slot: Self::Slot) -> Self::Draft;

    fn hash(slot: &Self::Slot) -> u64;

    /// The generation of the operation that published the entry.
    ///
    /// # Safety
    /// - The slot's entry is not freed.
    unsafe fn birth(slot: &Self::Slot) -> u64;

    /// The key and value of a slot.
    ///
    /// # Safety
    /// - The slot's entry is not freed while the slot is borrowed.
    unsafe fn pair(slot: &Self::Slot) -> (&Self::Key, &Self::Value);

    /// The entry as garbage.
    ///
    /// # Safety
    /// - The entry was unlinked, and nobody else turns it into garbage.
    unsafe fn garbage(slot: Self::Slot) -> Garbage;
}

/// The store for any key and value: a slot is the hash and a pointer to an entry of its own.
///
/// The hash stands in the slot and not with the entry. So growth moves entries without touching
/// them, a lookup that meets another key with the same tag does not touch it either, and an entry
/// of two words takes 32 bytes of glibc's heap and not 48.
pub(crate) struct Boxed<K, V>(PhantomData<(K, V)>);

/// An allocated key and value.
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

/// The draft of a [`Boxed`] store.
pub(crate) struct BoxedDraft<K, V> {
    hash: u64,
    entry: Box<Entry<K, V>>,
}

impl<K, V> Content for Boxed<K, V> {
    type Key = K;
    type Value = V;
    type Draft = BoxedDraft<K, V>;

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
}

impl<K, V> Store for Boxed<K, V> {
    type Slot = BoxedSlot<K, V>;

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
    fn hash(slot: &BoxedSlot<K, V>) -> u64 {
        slot.hash
    }

    #[inline]
    unsafe fn birth(slot: &BoxedSlot<K, V>) -> u64 {
        // SAFETY:
        // - not freed, by the contract; an entry's birth does not change once it is published.
        unsafe { slot.entry.as_ref() }.birth
    }

    #[inline]
    unsafe fn pair(slot: &BoxedSlot<K, V>) -> (&K, &V) {
        // SAFETY:
        // - not freed during the borrow, by the contract; only shared references exist to a published
        //   entry.
        let entry = unsafe { slot.entry.as_ref() };
        (&entry.key, &entry.value)
    }

    unsafe fn garbage(slot: BoxedSlot<K, V>) -> Garbage {
        unsafe fn free<K, V>(entry: *mut ()) {
            // SAFETY:
            // - from a box, by `expose`; freed once, by the contract of `Garbage`.
            drop(unsafe { Box::from_raw(entry.cast::<Entry<K, V>>()) });
        }
        // SAFETY:
        // - one free for each entry: the contract of this function.
        unsafe { Garbage::new(slot.entry.as_ptr().cast(), free::<K, V>) }
    }
}
