//! The collision node: entries whose hashes agree in every bit (the paper's L-node).
//!
//! It is immutable: each change makes a new one. That is O(n) in the number of such entries, and rare.
#![expect(unsafe_code, reason = "the length of a collision node is known only at run time")]

use super::word::Word;
use crate::bucket::{Held, Slot};
use crate::leaf::{RawNode, Shape, allocate};
use crate::unprotected::Unprotected;

/// A reference to a collision node.
pub(crate) struct Collision<'g, T: Slot> {
    cells: Unprotected<'g, [T::Cell]>,
}

impl<T: Slot> Clone for Collision<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Collision<'_, T> {}

impl<'g, T: Slot> Collision<'g, T> {
    /// # Safety
    /// - `node` is a collision node over `T`, and stays allocated for `'g`.
    pub(super) unsafe fn new(node: RawNode) -> Self {
        // SAFETY:
        // - not freed for `'g`; its cells were written by `allocate`, and never again.
        let cells = unsafe {
            let entries = node.header::<'g>().entries as usize;
            std::slice::from_raw_parts(node.body().cast::<T::Cell>().as_ptr(), entries)
        };
        Self { cells: Unprotected::new(cells) }
    }

    /// Makes a node of these slots and returns the word for it; an empty word if there are none.
    pub(crate) fn allocate<'n>(birth: u64, slots: &[T]) -> Word<'n, T> {
        if slots.is_empty() {
            return Word::EMPTY;
        }
        // PANICS: only past four billion entries with one hash.
        let entries = u32::try_from(slots.len()).expect("number of entries with one hash");
        let node = allocate::<T>(Shape::Collision, birth, entries);
        // SAFETY:
        // - in bounds and aligned: the body has a cell for each entry. A cell consists of atomic words, so any content
        //   is valid.
        // - the word is for a node that lives until it is freed as one.
        unsafe {
            let first = node.body().cast::<T::Cell>();
            for (index, slot) in slots.iter().enumerate() {
                T::write(first.add(index).as_ref(), *slot);
            }
            Word::to_node(node, Shape::Collision)
        }
    }

    /// The entries.
    pub(crate) fn slots(self) -> impl ExactSizeIterator<Item = Held<'g, T>> {
        self.cells.get().iter().map(|cell| Held { cell, now: T::read(cell) })
    }

    /// The entry at this place, in no particular order.
    pub(crate) fn nth(self, index: usize) -> Option<Held<'g, T>> {
        self.cells.get().get(index).map(|cell| Held { cell, now: T::read(cell) })
    }

    pub(crate) fn len(self) -> usize {
        self.cells.get().len()
    }

    /// The entry for which `is_it` returns true.
    pub(crate) fn find(self, mut is_it: impl FnMut(&T) -> bool) -> Option<Held<'g, T>> {
        self.slots().find(|slot| is_it(&slot.now))
    }
}
