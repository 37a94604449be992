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

use crate::bucket::{Held, Slot};
use crate::engine::Content;
use crate::hash::Rehash;
use crate::reclaim::Garbage;

/// The content of slots and its meaning.
pub(crate) trait Store: Content {
    /// The content of a bucket for one entry. A slot does not own its entry: the operation that unlinks it does.
    type Slot: Slot;

    /// Whether an entry has memory outside of its slot, to be freed once it is unlinked.
    const OWNS: bool;

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

    /// Writes the hashes of the keys of at most [`MOST_ENTRIES`](crate::bucket::MOST_ENTRIES) slots. Stores that do not
    /// keep hashes call `rehash`.
    ///
    /// # Safety
    /// - As for [`Self::may_have`], for each slot.
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

    /// Whether two slots hold the same entry, judged by its address. Called only if [`Self::OWNS`].
    fn is_same(one: &Self::Slot, other: &Self::Slot) -> bool;

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

    /// Prefetches a slot's entry, unless it is the slot itself. The slot may hold anything.
    fn prefetch(slot: &Self::Slot);

    /// The entry as garbage. Called only if [`Self::OWNS`].
    ///
    /// # Safety
    /// - The entry was unlinked, and no other thread turns it into garbage.
    unsafe fn garbage(slot: Self::Slot) -> Garbage;
}
