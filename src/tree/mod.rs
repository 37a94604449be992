//! The tree below an indirection word: leaves, fans of words, and collision nodes. Both engines are made of such trees.
//!
//! | file | holds |
//! |---|---|
//! | [`node`] | the words, and the nodes that they lead to |
//! | `lookup` | the way from a word to an entry |
//! | `change` | changing one key: almost always two CASes of the state of one bucket |
//! | `rebuild` | the one step behind growth, renewal and helping: freeze a node, copy it as it should be, swing its word |
//! | `shrink` | giving memory back after removals |
//! | `iter` | walking over all entries |
//! | `check` | verifies all of it, for tests |
//!
//! An engine implements [`Host`] to say what it does with counts and garbage, and how to start again from its root. The
//! trie has one word at the top, the flat table an array of words.
//!
//! *Depth*: the number of hash bits used above a word; a fan takes four. *Path*: the remaining bits of a hash, at the top
//! of a `u64`.
#![expect(unsafe_code, reason = "declares what a caller that retires must promise")]

mod change;
#[cfg(any(debug_assertions, snaptrie_check))]
mod check;
mod iter;
pub(crate) mod lookup;
pub(crate) mod node;
mod rebuild;
mod shrink;

pub(crate) use change::{
    AnyRequest, Rest, Step, attempt, change_at_once, decide_before_copying, finish,
};
#[cfg(any(debug_assertions, snaptrie_check))]
pub(crate) use check::Walk;
pub(crate) use iter::Iter;
pub(crate) use rebuild::{
    build, collect, each_node, free_shell, freeze, movers, node_garbage, unbuild,
};
pub(crate) use shrink::shrink;

use crate::engine::{Content, Outcome};
use crate::entry::Store;
use crate::leaf::{Leaf, Size};
use crate::reclaim::Guard;
use node::{Indirection, Word};

/// A key and value, as an operation under a guard returns them.
pub(crate) type Pair<'g, St> = <St as Content>::Pair<'g>;

/// The outcome of an operation on a key.
pub(crate) type Changed<'g, St> = Outcome<Pair<'g, St>>;

/// Computes the hashes of keys, where a store does not keep them.
pub(crate) type Rehash<'a, St> = crate::hash::Rehash<'a, <St as Content>::Key>;

/// A slot on its way to another node, with its hash.
pub(crate) type Mover<T> = (u64, T);

/// The context of an engine's operation: its root, and what keeps the root alive.
pub(crate) trait Host<'g, St: Store + 'g>: Copy {
    fn guard(self) -> &'g Guard;

    /// The generation of the nodes and entries that the operation makes.
    fn birth(self) -> u64;

    /// Counts an entry that is about to be put into the map.
    fn count_up(self);

    /// Uncounts an entry that was taken out, or that was not put into the map after all.
    fn count_down(self);

    /// Retires an entry, if it has memory outside of its slot.
    ///
    /// # Safety
    /// - This operation unlinked the entry, and reached it under the guard.
    unsafe fn retire_entry(self, slot: St::Slot);

    /// Retires a node without its children.
    ///
    /// # Safety
    /// - This operation unlinked the node, and reached it under the guard.
    unsafe fn retire_shell(self, word: Word<'_, St::Slot>);

    /// Gives memory back, starting at the root. Called after a removal that emptied the bucket of a hash.
    fn shrink(self, hash: u64, rehash: Rehash<'_, St>);

    /// The word of an empty place.
    fn vacant<'n>(self) -> Word<'n, St::Slot> {
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
        _leaf: Leaf<'g, St::Slot>,
        _hash: u64,
        _rehash: Rehash<'_, St>,
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
