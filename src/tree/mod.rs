//! The tree below an indirection word: leaves, fans of words, and collision nodes. Both engines are made of such trees.
//!
//! | file | holds |
//! |---|---|
//! | [`node`] | the words, and the nodes that they lead to |
//! | `lookup` | the way from a word to an entry |
//! | `change` | changing one key on the fast path: two CASes of the state of one bucket |
//! | `attempt` | changing one key in every other case |
//! | `rebuild` | the one step behind growth, renewal and helping: freeze a node, copy it as it should be, swing its word |
//! | `shrink` | giving memory back after removals |
//! | `iter` | walking over all entries |
//! | `check` | verifies all of it, for tests |
//!
//! An engine implements [`Host`] to say what it does with counts and garbage, and how to start again from its root. The
//! trie has one word at the top, the flat table an array of words.
//!
//! *Depth*: the number of hash bits used above a word; a fan takes four. *Path*: the remaining bits of a hash, at the
//! top of a `u64`.
#![expect(unsafe_code, reason = "declares what a caller that retires must promise")]

mod attempt;
mod change;
#[cfg(any(debug_assertions, snaptrie_check))]
mod check;
mod iter;
pub(crate) mod lookup;
pub(crate) mod node;
mod rebuild;
mod shrink;

pub(crate) use attempt::{SlotChange, Step, attempt, decide_before_copying};
pub(crate) use change::{Rest, change_at_once, finish};
#[cfg(any(debug_assertions, snaptrie_check))]
pub(crate) use check::Walk;
pub(crate) use iter::{Iter, Pairs};
pub(crate) use rebuild::{
    build, collect, divide, each_node, each_slot, freeze, movers, node_garbage, sort_by_word,
    unbuild,
};
pub(crate) use shrink::shrink;

use crate::engine::{Content, Outcome};
use crate::leaf::{Leaf, Size};
use crate::reclaim::{Garbage, Guard};
use crate::store::{SlotHashes, TreeSlot};
use node::{Indirection, Word};

/// A key and value, as an operation under a guard returns them.
pub(crate) type Pair<'g, St> = <St as Content>::Pair<'g>;

/// The outcome of an operation on a key.
pub(crate) type Changed<'g, St> = Outcome<Pair<'g, St>>;

/// A slot on its way to another node, with its hash.
pub(crate) type Mover<T> = (u64, T);

/// The context of an engine's operation: its root, and what keeps the root alive.
pub(crate) trait Host<'g, T: TreeSlot + 'g>: Copy {
    fn guard(self) -> &'g Guard;

    /// The generation of the nodes and entries that the operation makes.
    fn birth(self) -> u64;

    /// Counts an entry that is about to be put into the map.
    fn count_up(self);

    /// Uncounts an entry that was taken out, or that was not put into the map after all.
    fn count_down(self);

    /// Retires an entry, if it has memory outside of its slot. `garbage` makes garbage of it.
    ///
    /// # Safety
    /// - This operation unlinked the entry, and reached it under the guard.
    unsafe fn retire_entry(self, slot: T, garbage: impl FnOnce(T) -> Garbage);

    /// An entry of the map as garbage.
    ///
    /// # Safety
    /// - The entry is something besides its slot, was unlinked, and no other thread turns it into garbage.
    unsafe fn garbage(self, slot: T) -> Garbage;

    /// Retires a node without its children.
    ///
    /// # Safety
    /// - This operation unlinked the node, and reached it under the guard.
    unsafe fn retire_shell(self, word: Word<'_, T>);

    /// Gives memory back, starting at the root. Called after a removal that emptied the bucket of a hash.
    fn shrink(self, hash: u64, rehash: SlotHashes<'_, T>);

    /// The word of an empty place.
    fn vacant<'n>(self) -> Word<'n, T> {
        Word::EMPTY
    }

    /// The size that leaves get once they outgrow the smallest one, and keep until they are empty.
    fn least(self) -> Size {
        Size::SMALLEST
    }

    /// Called when the leaf of a hash has no room for another entry. Returns whether the engine has made room in
    /// another way. If so, the operation must start again.
    fn outgrows(
        self,
        _depth: u32,
        _leaf: Leaf<'g, T>,
        _hash: u64,
        _rehash: SlotHashes<'_, T>,
    ) -> bool {
        false
    }
}

/// An indirection word and the unfrozen content read from it: where an operation may put a node of its own generation.
pub(crate) struct Place<'g, T> {
    pub(crate) cell: &'g Indirection<T>,
    pub(crate) word: Word<'g, T>,
    pub(crate) depth: u32,
}

impl<T> Clone for Place<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Place<'_, T> {}

/// The bits of a hash below this depth, at the top.
#[inline]
pub(crate) fn path_below(hash: u64, depth: u32) -> u64 {
    hash.checked_shl(depth).unwrap_or(0)
}
