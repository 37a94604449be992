//! Where keys and values live: the stores.
//!
//! The trie's nodes hold slots of any `T: Copy`. A store says what a slot is. [`Boxed`], the general
//! one, keeps each entry in an allocation of its own, which never moves while anybody can see it:
//! keys and values need no bound at all, and `&V` and `AtomicU64` values just work. [`Inline`] keeps
//! small plain pairs in the slots themselves.
#![expect(unsafe_code, reason = "declares what who reads a slot must promise")]

mod boxed;
mod inline;

pub(crate) use boxed::Boxed;
pub(crate) use inline::Inline;

use crate::engine::Content;
use crate::reclaim::Garbage;
use crate::trie::{Held, Slot};

/// What a slot of the trie holds, and what it means.
pub(crate) trait Store: Content {
    /// What a node holds for an entry. A slot does not own its entry: who unlinks it, does.
    type Slot: Slot;
    type Mover: Mover<Slot = Self::Slot>;

    /// Whether an entry is something besides its slot, to be freed once it is unlinked.
    const OWNS: bool;

    /// Turns a draft into a slot that an operation of generation `birth` may publish. The entry now
    /// belongs to whoever holds the slot.
    fn expose(draft: Self::Draft, birth: u64) -> Self::Slot;

    /// Takes a slot back that was never published.
    ///
    /// # Safety
    /// - `slot` came from [`Self::expose`] and no other thread has seen it.
    unsafe fn retract(slot: Self::Slot) -> Self::Draft;

    /// Whether a slot may be that of a key with this hash, as far as can be told without its key.
    fn may_have(slot: &Self::Slot, hash: u64) -> bool;

    /// A slot on its way to another node. `rehash` tells a key's hash, for slots that do not.
    fn mover(slot: Self::Slot, rehash: impl FnOnce(&Self::Key) -> u64) -> Self::Mover;

    /// The generation of the operation that published the entry. Called only if [`Self::OWNS`].
    ///
    /// # Safety
    /// - The slot's entry is not freed.
    unsafe fn birth(slot: &Self::Slot) -> u64;

    /// Whether two slots hold the same entry, told by where it is. Called only if [`Self::OWNS`].
    fn is_same(one: &Self::Slot, other: &Self::Slot) -> bool;

    /// The key of a slot.
    ///
    /// # Safety
    /// - The slot's entry is not freed while the slot is borrowed.
    unsafe fn key(slot: &Self::Slot) -> &Self::Key;

    /// What an operation on the live map hands out of a slot in its node.
    ///
    /// # Safety
    /// - The slot's entry is not freed for `'g`.
    unsafe fn pair<'g>(slot: Held<'g, Self::Slot>) -> Self::Pair<'g>
    where
        Self: 'g;

    /// The key and value of a slot in a node of a frozen tree.
    ///
    /// # Safety
    /// - The slot's entry is not freed for `'g`.
    unsafe fn pair_ref<'g>(slot: Held<'g, Self::Slot>) -> (&'g Self::Key, &'g Self::Value)
    where
        Self::Key: 'g,
        Self::Value: 'g;

    /// Bytes that an entry takes besides its slot.
    const ENTRY_BYTES: usize;

    /// Asks for the memory of a slot's entry, if that is not the slot itself.
    fn prefetch(slot: &Self::Slot);

    /// The entry as garbage. Called only if [`Self::OWNS`].
    ///
    /// # Safety
    /// - The entry was unlinked, and nobody else turns it into garbage.
    unsafe fn garbage(slot: Self::Slot) -> Garbage;
}

/// A store whose entries can be compared across versions of a map.
pub(crate) trait Compare: Store {
    /// Whether nothing was done to an entry between two versions, as far as anybody can tell.
    fn unchanged(one: &Self::Slot, other: &Self::Slot) -> bool;
}

/// A slot that is being moved, with its hash.
pub(crate) trait Mover: Copy {
    type Slot;

    fn slot(self) -> Self::Slot;
    fn hash(self) -> u64;
}
