//! The chain: a collision branch, below the last bit of the hash (the paper's L-node).
//!
//! All its entries have the same hash, so there is nothing to distribute them by; a chain is
//! searched whole. It is an array of atomic words, each empty, a [`Link`], or a tombstone:
//!
//! - a new key goes into the *first* empty word, by CAS;
//! - a replacement is a CAS of the word that holds the key;
//! - a removal is a CAS of that word to a tombstone. No word becomes empty again.
//!
//! So whoever has walked from the start to the first empty word has seen every key of the chain,
//! and its CAS there fails if a key was added meanwhile: no key is ever in two words. Each
//! operation is O(n) in the length of the chain and leaves no garbage but what it removed. A full
//! chain is frozen word by word and copied into a larger one.
#![expect(unsafe_code, reason = "a chain is an array of words of run-time length")]

use std::ptr::{self, NonNull};

use super::header::{HEADER_BYTES, Header, Shape, allocate_node};
use super::slot::{Held, Slot};
use super::word::{View, Word};
use crate::sync::{AtomicPtr, Ordering};

const FROZEN: usize = 1;
const REMOVED: usize = 2;

/// The cell of one entry of a chain; the slot type itself may be too large for an atomic word.
#[repr(align(8))]
pub(crate) struct Link<T: Slot> {
    pub(crate) birth: u64,
    cell: T::Cell,
}

impl<T: Slot> Link<T> {
    pub(crate) fn new(birth: u64, slot: T) -> Self {
        Self { birth, cell: slot.into_cell() }
    }

    /// The slot, which never changes.
    pub(crate) fn slot(&self) -> Held<'_, T> {
        Held::read(&self.cell)
    }
}

type Cell<T> = AtomicPtr<Link<T>>;

pub(super) const fn node_bytes(capacity: usize) -> usize {
    HEADER_BYTES + capacity * size_of::<AtomicPtr<()>>()
}

/// A reference to a chain.
pub(crate) struct Chain<'g, T: Slot> {
    cells: &'g [Cell<T>],
}

impl<T: Slot> Clone for Chain<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Chain<'_, T> {}

/// What a search of a chain ended at.
pub(crate) struct ChainHit<'g, T: Slot> {
    cell: &'g Cell<T>,
    raw: *mut Link<T>,
    link: Option<&'g Link<T>>,
}

impl<'g, T: Slot> ChainHit<'g, T> {
    /// The entry that was found; none if the search ended at an empty word.
    pub(crate) fn link(&self) -> Option<&'g Link<T>> {
        self.link
    }

    /// The cell that was found, as it was allocated.
    pub(crate) fn cell(&self) -> Option<NonNull<Link<T>>> {
        NonNull::new(self.raw.map_addr(|bits| bits & !(FROZEN | REMOVED)))
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.raw.addr() & FROZEN != 0
    }

    /// Puts a link where the search ended: replaces the entry, or adds a new one.
    pub(crate) fn put(&self, link: NonNull<Link<T>>) -> Result<(), ()> {
        self.swing(link.as_ptr())
    }

    /// Takes the entry out.
    pub(crate) fn remove(&self) -> Result<(), ()> {
        debug_assert!(self.link.is_some());
        self.swing(ptr::without_provenance_mut(REMOVED))
    }

    fn swing(&self, new: *mut Link<T>) -> Result<(), ()> {
        debug_assert!(!self.is_frozen());
        // Release: publishes the link; pairs with the Acquire of `Chain::read`. No ABA: the caller
        // holds a guard since before it read `raw`, so that link's address is not reused.
        self.cell
            .compare_exchange(self.raw, new, Ordering::Release, Ordering::Relaxed)
            .map(drop)
            .map_err(drop)
    }
}

impl<'g, T: Slot> Chain<'g, T> {
    /// # Safety
    /// - `node` is a chain over `T`, and stays allocated for `'g`.
    pub(super) unsafe fn from_header(node: NonNull<Header>) -> Self {
        // SAFETY:
        // - the node is readable and its `capacity` words were initialised by `allocate`.
        let cells = unsafe {
            let first = node.cast::<u8>().add(HEADER_BYTES).cast::<Cell<T>>();
            std::slice::from_raw_parts(first.as_ptr(), node.as_ref().capacity as usize)
        };
        Self { cells }
    }

    /// Number of words.
    pub(crate) fn capacity(self) -> usize {
        self.cells.len()
    }

    /// Makes a chain of these links with room for as many again, and returns the word for it.
    pub(crate) fn allocate<'n>(birth: u64, links: &[NonNull<Link<T>>]) -> Word<'n, T> {
        let capacity = (links.len() * 2).max(4);
        // PANICS: only past four billion entries with one hash.
        let capacity = u32::try_from(capacity).expect("length of a collision chain");
        let node = allocate_node::<T>(Shape::Chain, birth, capacity);
        let padded =
            links.iter().map(|link| link.as_ptr()).chain(std::iter::repeat(ptr::null_mut()));
        // SAFETY:
        // - in bounds and aligned: the allocation has `capacity` words behind the header.
        // - the word is for a chain over `T` that lives until it is freed as one.
        unsafe {
            let first = node.cast::<u8>().add(HEADER_BYTES).cast::<Cell<T>>();
            for (index, link) in padded.take(capacity as usize).enumerate() {
                first.add(index).write(Cell::new(link));
            }
            Word::to_node(node, Shape::Chain)
        }
    }

    /// Reads a word as `view` allows; `None` for a tombstone.
    fn read(cell: &'g Cell<T>, view: View<'g>) -> Option<ChainHit<'g, T>> {
        // Acquire: the link's content; pairs with the Release of `ChainHit::swing`.
        let mut raw = cell.load(Ordering::Acquire);
        while matches!(view, View::Observed) && raw.addr() & FROZEN == 0 {
            let frozen = raw.map_addr(|bits| bits | FROZEN);
            match cell.compare_exchange(raw, frozen, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => raw = frozen,
                Err(now) => raw = now,
            }
        }
        if raw.addr() & REMOVED != 0 {
            return None;
        }
        let link = NonNull::new(raw.map_addr(|bits| bits & !FROZEN));
        // SAFETY:
        // - the link is allocated for `'g`: it is reached from a node that is, under the view that
        //   protects what is reached; links never change once published.
        let link = link.map(|link| unsafe { link.as_ref() });
        Some(ChainHit { cell, raw, link })
    }

    /// Searches for the entry for which `is_it` holds. Ends at that entry or at the first empty
    /// word; none if the chain is full and does not have it.
    pub(crate) fn find(
        self,
        view: View<'g>,
        mut is_it: impl FnMut(&T) -> bool,
    ) -> Option<ChainHit<'g, T>> {
        let mut occupied = self.cells.iter().filter_map(|cell| Self::read(cell, view));
        occupied.find(|hit| hit.link.is_none_or(|link| is_it(&link.slot().now)))
    }

    /// The entry at or after word `from`, and where to go on.
    pub(crate) fn next(self, view: View<'g>, from: usize) -> Option<(usize, &'g Link<T>)> {
        (from..self.cells.len()).find_map(|index| {
            Self::read(&self.cells[index], view)?.link.map(|link| (index + 1, link))
        })
    }

    /// The index of the first empty word.
    pub(crate) fn end(self, view: View<'g>) -> usize {
        let empty = |cell| Self::read(cell, view).is_some_and(|hit| hit.link.is_none());
        self.cells.iter().position(empty).unwrap_or(self.cells.len())
    }

    /// The entries, in order.
    pub(crate) fn links(self, view: View<'g>) -> impl Iterator<Item = &'g Link<T>> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (next, link) = self.next(view, from)?;
            from = next;
            Some(link)
        })
    }

    /// The entries, every word being frozen first, with the addresses they were allocated at.
    pub(crate) fn observe(self) -> Vec<NonNull<Link<T>>> {
        let words = self.cells.iter().filter_map(|cell| Self::read(cell, View::Observed));
        words.filter_map(|hit| hit.cell()).collect()
    }
}
