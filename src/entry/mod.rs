//! Where keys and values live: the stores.
//!
//! Buckets hold slots of plain words, and a store gives the words their meaning. [`Boxed`], the general one, keeps each
//! entry in an allocation of its own, which never moves while a thread can see it. So keys and values need no bounds, and
//! a value can be an `AtomicU64`. [`Inline`] keeps small plain pairs in the slots themselves.
#![expect(unsafe_code, reason = "declares what who reads a slot must promise")]

mod boxed;
mod inline;

pub(crate) use boxed::{Birth, Boxed, Undated};
pub(crate) use inline::Inline;

use crate::bucket::{Held, Slot};
use crate::engine::Content;
use crate::hash::Rehash;
use crate::reclaim::Garbage;

/// What a slot holds, and what it means.
pub(crate) trait Store: Content {
    /// What a bucket holds for an entry. A slot does not own its entry: the operation that unlinks it does.
    type Slot: Slot;

    /// Whether an entry is something besides its slot, to be freed once it is unlinked.
    const OWNS: bool;

    /// Bytes that an entry takes besides its slot.
    const ENTRY_BYTES: usize;

    /// Turns a draft into a slot that an operation of generation `birth` may publish. The entry now belongs to the holder
    /// of the slot.
    fn expose(draft: Self::Draft, birth: u64) -> Self::Slot;

    /// Takes a slot back that was never published.
    ///
    /// # Safety
    /// - `slot` came from [`Self::expose`] and no other thread has seen it.
    unsafe fn retract(slot: Self::Slot) -> Self::Draft;

    /// Whether a slot may hold a key with this hash, without looking at the key.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed.
    unsafe fn may_have(slot: &Self::Slot, hash: u64) -> bool;

    /// The hashes of the keys of some slots, [`MOST_ENTRIES`](crate::bucket::MOST_ENTRIES) at most. Stores that do not
    /// keep hashes call `rehash`.
    ///
    /// # Safety
    /// - As for [`Self::may_have`], for each.
    unsafe fn hashes(slots: &[Self::Slot], hashes: &mut [u64], rehash: Rehash<'_, Self::Key>);

    /// The hash of a slot's key.
    ///
    /// # Safety
    /// - As for [`Self::may_have`].
    unsafe fn hash(slot: &Self::Slot, rehash: Rehash<'_, Self::Key>) -> u64 {
        let mut hash = [0];
        // SAFETY: the same contract.
        unsafe { Self::hashes(std::slice::from_ref(slot), &mut hash, rehash) };
        hash[0]
    }

    /// The generation of the operation that published the entry. Called only if [`Self::OWNS`].
    ///
    /// # Safety
    /// - As for [`Self::may_have`].
    unsafe fn birth(slot: &Self::Slot) -> u64;

    /// Whether two slots hold the same entry, told by where it is. Called only if [`Self::OWNS`].
    fn is_same(one: &Self::Slot, other: &Self::Slot) -> bool;

    /// Whether nothing was done to an entry between two versions of a map, as far as can be told.
    ///
    /// # Safety
    /// - As for [`Self::may_have`], for both.
    unsafe fn unchanged(one: &Self::Slot, other: &Self::Slot) -> bool;

    /// The key of a slot.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed while the slot is borrowed.
    unsafe fn key(slot: &Self::Slot) -> &Self::Key;

    /// What an operation on the live map hands out of a slot.
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

    /// Asks for the memory of a slot's entry, if that is not the slot itself. The slot may be anything.
    fn prefetch(slot: &Self::Slot);

    /// The entry as garbage. Called only if [`Self::OWNS`].
    ///
    /// # Safety
    /// - The entry was unlinked, and no other thread turns it into garbage.
    unsafe fn garbage(slot: Self::Slot) -> Garbage;
}
