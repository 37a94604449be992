//! The fan: an array of indirection words, one for each value of the next four hash bits.
//!
//! The upper levels of the trie (the paper's C-nodes that hold only I-nodes). A fan is immutable
//! but for its words.
#![expect(unsafe_code, reason = "a fan is built in raw memory")]

use super::header::{self, HEADER_BYTES, Header, Shape, allocate_node};
use super::slab::{self, Slab};
use super::word::{Indirection, Word};

/// Hash bits a level consumes. The authors of Go's hash trie measured that 16 children are the sweet
/// spot: fewer lose half the speed or more, 32 gain about 1 % (`internal/sync/hashtriemap.go`). And
/// 32 would double what the first write after a snapshot copies.
pub(crate) const FAN_BITS: u32 = 4;
pub(crate) const FAN_WIDTH: usize = 1 << FAN_BITS;

/// Levels of fans until the bits of a hash are used up. Below are collision branches.
pub(crate) const LEVELS: u32 = u64::BITS / FAN_BITS;

pub(super) const NODE_BYTES: usize = HEADER_BYTES + FAN_WIDTH * size_of::<usize>();

/// A node of indirection words.
#[repr(C)]
pub(crate) struct Fan<T> {
    header: Header,
    words: [Indirection<T>; FAN_WIDTH],
}

impl<T> Fan<T> {
    const _SIZE: () = assert!(size_of::<Self>() == NODE_BYTES);

    /// Makes a fan of `level` with these words and returns the word for it.
    pub(crate) fn allocate<'g>(
        slab: &Slab,
        level: u32,
        birth: u64,
        words: [Word<'_, T>; FAN_WIDTH],
    ) -> Word<'g, T> {
        let () = Self::_SIZE;
        let header = if slab::serves(level) {
            header::fan_in_slab(slab.allocate(), birth)
        } else {
            allocate_node::<T>(Shape::Fan, birth, 0)
        };
        // SAFETY:
        // - in bounds and aligned: the allocation has `NODE_BYTES` and 32-byte alignment.
        // - the word is for a fan over `T` that lives until it is freed as one.
        unsafe {
            (&raw mut (*header.cast::<Self>().as_ptr()).words).write(words.map(Indirection::new));
            Word::to_node(header, Shape::Fan)
        }
    }

    /// Which word of a fan at `level` leads towards `hash`.
    #[inline]
    pub(crate) fn index(hash: u64, level: u32) -> usize {
        debug_assert!(level < LEVELS);
        (hash >> (u64::BITS - FAN_BITS - FAN_BITS * level)) as usize % FAN_WIDTH
    }

    /// The word that the topmost bits of `path` lead to.
    #[inline]
    pub(crate) fn by_top_bits(&self, path: u64) -> &Indirection<T> {
        &self.words[(path >> (u64::BITS - FAN_BITS)) as usize]
    }

    /// The word of a fan at `level` that leads towards `hash`.
    #[inline]
    pub(crate) fn towards(&self, hash: u64, level: u32) -> &Indirection<T> {
        &self.words[Self::index(hash, level)]
    }

    pub(crate) fn words(&self) -> &[Indirection<T>; FAN_WIDTH] {
        &self.words
    }
}
