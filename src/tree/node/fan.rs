//! The fan: an array of indirection words, one for each value of the next four hash bits.
//!
//! The upper levels of the trie (the paper's C-nodes that hold only I-nodes). Only the words of a fan change.
#![expect(unsafe_code, reason = "a fan is built in raw memory")]

use std::ptr;

use super::word::{Indirection, Word};
use crate::bucket::Slot;
use crate::leaf::{FAN_WIDTH, RawNode, Shape, allocate};

/// Hash bits that a level uses up. With five, the first write after a snapshot would copy twice as much.
pub(crate) const FAN_BITS: u32 = FAN_WIDTH.trailing_zeros();

/// Levels of fans until the bits of a hash are used up. Collision nodes are below that.
pub(crate) const LEVELS: u32 = u64::BITS / FAN_BITS;

/// The words of a fan.
#[repr(transparent)]
pub(crate) struct Fan<T> {
    words: [Indirection<T>; FAN_WIDTH],
}

impl<T: Slot> Fan<T> {
    /// Makes a fan with these words and returns the word for it.
    pub(crate) fn allocate<'g>(birth: u64, words: [Word<'_, T>; FAN_WIDTH]) -> Word<'g, T> {
        let node: RawNode = allocate::<T>(Shape::Fan, birth, 0);
        // SAFETY:
        // - the layout of words does not depend on the slots; the body of a fan has room for its words.
        // - the word is for a fan that lives until it is freed as one.
        unsafe {
            write(node, &*(&raw const words).cast());
            Word::to_node(node, Shape::Fan)
        }
    }
}

/// Writes the words of a fan.
///
/// # Safety
/// - `node` is a fan that no other thread can see yet.
unsafe fn write(node: RawNode, words: &[Word<'_, ()>; FAN_WIDTH]) {
    let body = node.body().cast::<Indirection<()>>();
    // Loops, here and below: `map` of an array would be unrolled.
    for (index, word) in words.iter().enumerate() {
        // SAFETY:
        // - in bounds and aligned: the body of a fan has room for its words.
        unsafe { body.add(index).write(Indirection::new(*word)) };
    }
}

fn observe(cells: &[Indirection<()>; FAN_WIDTH]) -> [Word<'_, ()>; FAN_WIDTH] {
    let mut words = [Word::EMPTY; FAN_WIDTH];
    for (word, cell) in words.iter_mut().zip(cells) {
        *word = cell.observe();
    }
    words
}

impl<T> Fan<T> {
    /// Freezes the words. Returns their final content.
    pub(crate) fn observe(&self) -> [Word<'_, T>; FAN_WIDTH] {
        // SAFETY:
        // - the layout of words does not depend on the slots; what these lead to is over such slots.
        unsafe {
            let words = observe(&*(&raw const self.words).cast());
            (&raw const words).cast::<[Word<'_, T>; FAN_WIDTH]>().read()
        }
    }

    /// Which word the topmost bits of `path` lead to.
    #[inline]
    pub(crate) fn index(path: u64) -> usize {
        (path >> (u64::BITS - FAN_BITS)) as usize
    }

    /// The word that the topmost bits of `path` lead to.
    #[inline]
    pub(crate) fn by_top_bits(&self, path: u64) -> &Indirection<T> {
        &self.words[Self::index(path)]
    }

    /// The same fan, for code that does not look at slots.
    pub(crate) fn erased(&self) -> &Fan<()> {
        // SAFETY:
        // - the layout of words does not depend on the slots.
        unsafe { &*ptr::from_ref(self).cast() }
    }

    pub(crate) fn words(&self) -> &[Indirection<T>; FAN_WIDTH] {
        &self.words
    }
}
