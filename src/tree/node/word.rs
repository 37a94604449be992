//! The indirection word, the only way to reach a node.
//!
//! In the paper (Prokopec, Bronson, Bagwell, Odersky, PPoPP 2012, section 3) an I-node is an object
//! of its own between two C-nodes. Here it is one atomic word embedded in the parent, which saves a
//! dependent load a level:
//!
//! ```text
//! address of the node (64-byte aligned) | OLDER | FROZEN | shape, 4 bits
//! ```
//!
//! `FROZEN`: the word never changes again. `OLDER`: the node was born in an earlier generation than
//! the node (or root) that holds this word, and so was everything below it.
#![expect(unsafe_code, reason = "reads the headers of nodes")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crate::bucket::Slot;
use crate::leaf::{self, NODE_ALIGN, RawNode, Shape, Size};
use crate::prefetch;
use crate::reclaim::Guard;
use crate::sync::{AtomicPtr, Ordering};
use crate::unprotected::Unprotected;

/// The codes of shapes: zero for no node; for a leaf, the code of its size.
pub(super) const SHAPE: usize = 0b1111;
pub(super) const FAN: usize = 14;
const COLLISION: usize = 15;
const FROZEN: usize = 1 << 4;
const OLDER: usize = 1 << 5;
pub(super) const BITS: usize = FROZEN | OLDER | SHAPE;
const _: () = assert!(BITS < NODE_ALIGN && Size::CODES == FAN);

/// The content of an indirection word: a node or nothing, and the bits.
///
/// INVARIANT: the node, if any, and all that can be reached from it, stays allocated for `'g`: a
/// word is read under a [`View`], or belongs to a tree that no other thread can see.
#[repr(transparent)]
pub(crate) struct Word<'g, T> {
    pub(super) raw: *mut u8,
    _node: PhantomData<&'g T>,
}

impl<T> Clone for Word<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Word<'_, T> {}

impl<T> PartialEq for Word<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
    }
}

/// A word whose node may have been freed.
pub(crate) struct Detached<T> {
    raw: *mut u8,
    _node: PhantomData<*const T>,
}

impl<T> Clone for Detached<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Detached<T> {}

impl<T> Detached<T> {
    /// The word again, where its node is known to be allocated.
    ///
    /// # Safety
    /// - The node, if any, and all that can be reached from it, stays allocated for `'g`.
    #[inline]
    pub(crate) unsafe fn attach<'g>(self) -> Word<'g, T> {
        Word { raw: self.raw, _node: PhantomData }
    }
}

impl<'g, T> Word<'g, T> {
    /// No node, no bits.
    pub(crate) const EMPTY: Self = Self { raw: ptr::null_mut(), _node: PhantomData };

    /// In a flat table, a place that was installed and is empty. One that was not installed yet is [`Self::EMPTY`].
    pub(crate) const VACANT: Self =
        Self { raw: ptr::without_provenance_mut(COLLISION), _node: PhantomData };

    /// The word for a node of the holder's own generation.
    ///
    /// # Safety
    /// - `node` is a node over `T` of this shape, and stays allocated for `'g`.
    pub(crate) unsafe fn to_node(node: RawNode, shape: Shape) -> Self {
        let code = match shape {
            Shape::Leaf(size) => size.code(),
            Shape::Fan => FAN,
            Shape::Collision => COLLISION,
        };
        let raw = node.body().as_ptr().map_addr(|address| address | code);
        Self { raw, _node: PhantomData }
    }

    /// The bare word, which may be kept longer than the view it was read under.
    pub(crate) fn detach(self) -> Detached<T> {
        Detached { raw: self.raw, _node: PhantomData }
    }

    pub(super) fn bits(self) -> usize {
        self.raw.addr() & BITS
    }

    /// The shape of the node, if there is one.
    #[inline]
    pub(super) fn shape(self) -> Shape {
        match self.bits() & SHAPE {
            FAN => Shape::Fan,
            COLLISION => Shape::Collision,
            code => Shape::Leaf(Size::of_code(code)),
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.raw.addr() & !BITS == 0
    }

    pub(crate) fn is_frozen(self) -> bool {
        self.bits() & FROZEN != 0
    }

    pub(crate) fn is_older(self) -> bool {
        self.bits() & OLDER != 0
    }

    /// This word as a node of a newer generation holds it: not frozen, and `OLDER` if there is a node.
    pub(crate) fn to_older(self) -> Self {
        if self.is_empty() {
            return Self::EMPTY;
        }
        Self { raw: self.raw.map_addr(|bits| (bits & !FROZEN) | OLDER), ..self }
    }

    /// This word without `FROZEN`.
    pub(crate) fn thawed(self) -> Self {
        Self { raw: self.raw.map_addr(|bits| bits & !FROZEN), ..self }
    }

    /// Whether nothing was ever installed here, not even [`Self::VACANT`].
    pub(crate) fn is_unmade(self) -> bool {
        self.raw.is_null()
    }

    /// Whether the node of this word has been moved to another directory. A flat table has no older generations, so
    /// `OLDER` with `FROZEN` means this.
    pub(crate) fn is_moved(self) -> bool {
        self.bits() & (FROZEN | OLDER) == FROZEN | OLDER
    }

    /// This frozen word, marked as moved.
    pub(crate) fn moved(self) -> Self {
        debug_assert!(self.is_frozen());
        Self { raw: self.raw.map_addr(|bits| bits | OLDER), ..self }
    }

    /// Whether both lead to the same node, or neither to any.
    pub(crate) fn same_node(self, other: Self) -> bool {
        self.raw_node() == other.raw_node()
    }

    /// This word with `FROZEN`.
    pub(crate) fn frozen(self) -> Self {
        Self { raw: self.raw.map_addr(|bits| bits | FROZEN), ..self }
    }

    /// An empty frozen word: a `take` leaves it in the root that it empties.
    pub(crate) fn taken() -> Self {
        Self::EMPTY.frozen()
    }

    /// The bare node, as it was allocated.
    pub(crate) fn raw_node(self) -> Option<RawNode> {
        let body = NonNull::new(self.raw.map_addr(|address| address & !BITS))?;
        // SAFETY:
        // - `to_node` is the only place where a word gets an address.
        Some(unsafe { RawNode::from_body(body) })
    }

    /// The generation of the node.
    pub(crate) fn birth(self) -> Option<u64> {
        // SAFETY:
        // - the node is allocated for `'g` by the invariant of `Word`.
        self.raw_node().map(|node| unsafe { node.header() }.birth)
    }

    /// The same word, for code that does not look at slots.
    #[inline]
    pub(crate) fn erased(self) -> Word<'g, ()> {
        Word { raw: self.raw, _node: PhantomData }
    }

    /// The shape of the node, and its bytes.
    pub(crate) fn shape_and_bytes(self) -> Option<(Shape, usize)> {
        // SAFETY:
        // - the node is allocated for `'g` by the invariant of `Word`.
        let header = unsafe { self.raw_node()?.header() };
        Some((self.shape(), leaf::allocated_bytes(header)))
    }
}

impl<'g> Word<'g, ()> {
    /// The same word, for code that looks at slots.
    ///
    /// # Safety
    /// - What it leads to is over slots of type `T`.
    #[inline]
    pub(crate) unsafe fn typed<T>(self) -> Word<'g, T> {
        Word { raw: self.raw, _node: PhantomData }
    }
}

impl<T: Slot> Word<'_, T> {
    /// Prefetches the node, for a caller that is about to walk over it.
    #[inline]
    pub(crate) fn prefetch(self) {
        if let Some(node) = self.raw_node() {
            prefetch::read_all(node.body().as_ptr(), leaf::bytes_to_read::<T>(self.shape()));
        }
    }
}

/// How an operation may look at shared words: the rule of freeze on observe.
///
/// An operation reads words of its own generation as they are. Below a word that is `OLDER`, and
/// in a snapshot everywhere, it may use a word only once that word is frozen, and freezes it if
/// needed. So what was observed once under a newer generation can never change.
#[derive(Clone, Copy)]
pub(crate) enum View<'g> {
    /// Inside the operation's own generation. The guard keeps everything it reaches allocated.
    Live(Unprotected<'g, Guard>),
    /// In an older generation. Everything behind frozen words is kept by its snapshot or, for an operation on the live
    /// map, by the guard that the view began with.
    Observed,
}

impl<'g> View<'g> {
    #[inline]
    pub(crate) fn live(guard: &'g Guard) -> Self {
        Self::Live(Unprotected::new(guard))
    }

    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(crate) fn is_observed(self) -> bool {
        matches!(self, Self::Observed)
    }

    /// The view that holds below `word`.
    #[inline]
    pub(crate) fn below<T>(self, word: Word<'_, T>) -> View<'g> {
        if word.is_older() { View::Observed } else { self }
    }
}

/// The atomic word itself (the paper's I-node).
#[repr(transparent)]
pub(crate) struct Indirection<T> {
    raw: AtomicPtr<u8>,
    _node: PhantomData<*const T>,
}

impl<T> Indirection<T> {
    pub(crate) fn new(word: Word<'_, T>) -> Self {
        Self { raw: AtomicPtr::new(word.raw), _node: PhantomData }
    }

    /// The same word, for code that looks at slots.
    ///
    /// # Safety
    /// - What it leads to is over slots of type `U`, now and later.
    #[inline]
    pub(crate) unsafe fn typed<U>(&self) -> &Indirection<U> {
        // SAFETY:
        // - the layout does not depend on the slots.
        unsafe { &*ptr::from_ref(self).cast() }
    }

    /// Reads the word as `view` allows.
    #[inline]
    pub(crate) fn read<'g>(&'g self, view: View<'g>) -> Word<'g, T> {
        match view {
            View::Live(guard) => self.load(guard.get()),
            View::Observed => self.observe(),
        }
    }

    /// Prefetches the node, for a caller that is about to walk over it.
    #[inline]
    pub(crate) fn prefetch(&self)
    where
        T: Slot,
    {
        // Relaxed: nothing is read through it.
        Word::<T> { raw: self.raw.load(Ordering::Relaxed), _node: PhantomData }.prefetch();
    }

    /// Reads the word as it is. The guard keeps the node from being freed.
    #[inline]
    pub(crate) fn load<'g>(&'g self, _guard: &'g Guard) -> Word<'g, T> {
        // Acquire: the node's content; pairs with the Release of `replace`, which published it.
        let raw = self.raw.load(Ordering::Acquire);
        Word { raw, _node: PhantomData }
    }

    /// Whether all of these are empty. Without a branch for each: a table may be almost empty.
    pub(crate) fn are_empty(words: &[Self], _guard: &Guard) -> bool {
        // Acquire: as in `load`.
        let any = words.iter().fold(0, |any, word| any | word.raw.load(Ordering::Acquire).addr());
        any & !BITS == 0
    }

    /// Freezes the word if it is not frozen yet, and reads it. The result bears `FROZEN`.
    #[inline]
    pub(crate) fn observe<'g>(&'g self) -> Word<'g, T> {
        self.freeze().frozen()
    }

    /// Sets `FROZEN` and returns the word as it was just before. The thread that gets a word without the bit is the one
    /// that froze it.
    pub(crate) fn freeze<'g>(&'g self) -> Word<'g, T> {
        // Acquire: as in `load`.
        let mut raw = self.raw.load(Ordering::Acquire);
        while raw.addr() & FROZEN == 0 {
            let frozen = raw.map_addr(|bits| bits | FROZEN);
            // AcqRel: Release, so that threads that act on the bit see what this one did before, such as a snapshot's
            // registration; Acquire for the node, as in `load`.
            match self.raw.compare_exchange(raw, frozen, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => break,
                Err(now) => raw = now,
            }
        }
        Word { raw, _node: PhantomData }
    }

    /// Swings the word from exactly `current` to `new`.
    ///
    /// No ABA: the caller holds a guard since before it read `current`, so the node of `current`
    /// is not freed and its address cannot come back as another node.
    pub(crate) fn replace(&self, current: Word<'_, T>, new: Word<'_, T>) -> Result<(), ()> {
        // Release: publishes the new node's content; pairs with the Acquire of `load`.
        // Relaxed on failure: the caller starts again and does not use what it found.
        self.raw
            .compare_exchange(current.raw, new.raw, Ordering::Release, Ordering::Relaxed)
            .map(drop)
            .map_err(drop)
    }

    /// The word, when no other thread can reach it.
    pub(crate) fn get_mut(&mut self) -> Word<'_, T> {
        Word { raw: *self.raw.get_mut(), _node: PhantomData }
    }
}

#[cfg(all(test, not(shuttle)))]
mod orderings {
    //! As `src/reclaim/orderings.rs`. The words lead to no node, but to plain memory beside them.

    use std::slice;

    use super::*;
    use crate::reclaim::Collector;
    use crate::reclaim::orderings::{Plain, at_once, until};

    #[derive(Default)]
    struct Published {
        raw: AtomicPtr<u8>,
        plain: Plain,
    }

    impl Published {
        fn word(&self) -> &Indirection<()> {
            // SAFETY:
            // - the same layout.
            unsafe { &*(&raw const self.raw).cast() }
        }

        /// Waits until the word has such bits, which tells nothing else.
        fn wait_for(&self, bits: usize) {
            until(|| self.raw.load(Ordering::Relaxed).addr() & bits != 0);
        }
    }

    #[test]
    fn a_frozen_word_tells_what_came_before() {
        let published = Published::default();
        let looks = || {
            published.wait_for(FROZEN);
            assert!(published.word().freeze().is_frozen());
            assert_eq!(published.plain.read(), 1);
        };
        let freezes = || {
            published.plain.write(1);
            assert!(!published.word().freeze().is_frozen());
        };
        at_once(freezes, looks);
    }

    #[test]
    fn a_word_that_is_frozen_meanwhile_tells_what_came_before() {
        let published: [Published; 8] = std::array::from_fn(|_| Published::default());
        let freezes = || {
            for one in &published {
                one.plain.write(1);
                one.word().freeze();
            }
        };
        let looks = || {
            for one in &published {
                if one.word().freeze().is_frozen() {
                    assert_eq!(one.plain.read(), 1);
                }
            }
        };
        at_once(freezes, looks);
    }

    #[test]
    fn words_that_are_empty_tell_what_came_before() {
        let published = Published::default();
        let collector = Collector::private();
        let empties = || {
            published.plain.write(1);
            published.word().replace(Word::EMPTY, Word::VACANT).expect("an empty word");
        };
        let looks = || {
            let guard = collector.pin();
            published.wait_for(!0);
            assert!(Indirection::are_empty(slice::from_ref(published.word()), &guard));
            assert_eq!(published.plain.read(), 1);
        };
        at_once(empties, looks);
    }
}
