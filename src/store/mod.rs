//! Where keys and values live: the stores.
//!
//! Buckets hold slots of plain words, and a store gives the words their meaning. [`Boxed`], the general one, allocates
//! each entry separately. An entry never moves while a thread can see it. So keys and values need no bounds, and a
//! value can be an `AtomicU64`. [`Inline`] keeps small plain pairs in the slots themselves.
#![expect(unsafe_code, reason = "declares what a reader of a slot must promise")]

mod boxed;
mod inline;

pub(crate) use boxed::{Birth, Boxed, Undated};
pub(crate) use inline::Inline;

use std::mem::MaybeUninit;

use crate::bucket::{Held, MOST_ENTRIES, Slot};
use crate::engine::Content;
use crate::hash::Rehash;
use crate::reclaim::Garbage;

/// What a tree needs from a slot. A tree knows neither keys nor values, so all maps with one type of slots share its
/// code. All boxed maps do.
pub(crate) trait TreeSlot: Slot {
    /// Whether an entry has memory outside of its slot, to be freed once it is unlinked. Such slots know their hashes.
    const OWNS: bool;

    /// The hashes of at most [`MOST_ENTRIES`] slots. Slots that do not know theirs ask `rehash`.
    ///
    /// # Safety
    /// - The slots were live, and their entries are not freed.
    unsafe fn hashes(slots: &[Self], hashes: &mut [u64], rehash: SlotHashes<'_, Self>);

    /// The hash of a slot.
    ///
    /// # Safety
    /// - As for [`Self::hashes`].
    unsafe fn hash(&self, rehash: SlotHashes<'_, Self>) -> u64 {
        let mut hash = [0];
        // SAFETY: the same contract.
        unsafe { Self::hashes(std::slice::from_ref(self), &mut hash, rehash) };
        hash[0]
    }

    /// The generation of the operation that published the entry. Called only if [`Self::OWNS`].
    ///
    /// # Safety
    /// - As for [`Self::hashes`].
    unsafe fn birth(&self) -> u64;

    /// Whether two slots hold the same entry, judged by its address. Called only if [`Self::OWNS`].
    fn is_same(&self, other: &Self) -> bool;

    /// Prefetches the entry, if it is outside of the slot. The slot need not be valid.
    fn prefetch(&self);

    /// The address of the entry. Called only if [`Self::OWNS`].
    fn address(self) -> *mut ();

    /// The slot of the entry at an address.
    ///
    /// # Safety
    /// - From [`Self::address`], of a slot of this type.
    unsafe fn at(address: *mut ()) -> Self;
}

/// Computes the hashes of slots that do not know theirs.
pub(crate) trait HashSlots<T> {
    /// As [`TreeSlot::hashes`].
    ///
    /// # Safety
    /// - The slots were live, and their entries are not freed.
    unsafe fn hashes(&self, slots: &[T], hashes: &mut [u64]);
}

/// Called through a pointer, so that trees are not compiled for each hasher.
pub(crate) type SlotHashes<'a, T> = &'a dyn HashSlots<T>;

/// Computes the hashes of a store's slots from their keys.
pub(crate) struct ByKey<'a, St: Store>(pub(crate) Rehash<'a, St::Key>);

impl<St: Store> HashSlots<St::Slot> for ByKey<'_, St> {
    unsafe fn hashes(&self, slots: &[St::Slot], hashes: &mut [u64]) {
        if St::Slot::OWNS {
            unreachable!("such slots know their hashes");
        }
        let mut keys = [const { MaybeUninit::uninit() }; MOST_ENTRIES];
        // Not `zip`: the compiler would make vector operations of it, which take twice as long.
        for (index, slot) in slots.iter().enumerate() {
            // SAFETY:
            // - was live: promised by the caller.
            keys[index].write(unsafe { St::key(slot) });
        }
        // SAFETY:
        // - as many were written as there are slots; `MaybeUninit<&K>` has the layout of `&K`.
        (self.0)(unsafe { &*(&raw const keys[..slots.len()] as *const [&St::Key]) }, hashes);
    }
}

/// Stands for the hasher where all slots know their hashes.
pub(crate) struct KnownHashes;

impl<T> HashSlots<T> for KnownHashes {
    unsafe fn hashes(&self, _slots: &[T], _hashes: &mut [u64]) {
        unreachable!("such slots know their hashes")
    }
}

/// The content of slots and its meaning.
pub(crate) trait Store: Content {
    /// The content of a bucket for one entry. A slot does not own its entry: the operation that unlinks it does.
    type Slot: TreeSlot;

    /// Bytes of an entry outside of its slot.
    const ENTRY_BYTES: usize;

    /// Turns a draft into a slot that an operation of generation `birth` may publish. The holder of the slot now owns
    /// the entry.
    fn expose(draft: Self::Draft, birth: u64) -> Self::Slot;

    /// Turns a slot that was never published back into a draft.
    ///
    /// # Safety
    /// - `slot` came from [`Self::expose`] and no other thread has seen it.
    unsafe fn retract(slot: Self::Slot) -> Self::Draft;

    /// Whether a slot may hold a key with this hash, without looking at the key.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed.
    unsafe fn may_have(slot: &Self::Slot, hash: u64) -> bool;

    /// Whether an entry is unchanged between two versions of a map, as far as can be told.
    ///
    /// # Safety
    /// - As for [`Self::may_have`], for both slots.
    unsafe fn unchanged(one: &Self::Slot, other: &Self::Slot) -> bool;

    /// The key of a slot.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed while the slot is borrowed.
    unsafe fn key(slot: &Self::Slot) -> &Self::Key;

    /// The key and value of a slot, as an operation on the live map returns them.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed for `'g`.
    unsafe fn pair<'g>(slot: Self::Slot) -> Self::Pair<'g>
    where
        Self: 'g;

    /// The key and value of a slot in a frozen bucket, or in a collision node.
    ///
    /// # Safety
    /// - The slot is live there; node and entry are not freed for `'g`.
    unsafe fn pair_ref<'g>(slot: Held<'g, Self::Slot>) -> (&'g Self::Key, &'g Self::Value)
    where
        Self::Key: 'g,
        Self::Value: 'g;

    /// The key of a slot, and a mutable reference to its value.
    ///
    /// # Safety
    /// - The slot is live in a map of this store, and nothing else reaches its node or its entry for `'a`.
    unsafe fn pair_mut<'a>(slot: Held<'_, Self::Slot>) -> (&'a Self::Key, &'a mut Self::Value)
    where
        Self::Key: 'a,
        Self::Value: 'a;

    /// The entry as garbage. Called only if [`TreeSlot::OWNS`].
    ///
    /// # Safety
    /// - The entry was unlinked, and no other thread turns it into garbage.
    unsafe fn garbage(slot: Self::Slot) -> Garbage;
}
