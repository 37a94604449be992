//! The root of one generation.

use std::ptr::NonNull;

use super::domain::Domain;
use super::node::{Indirection, Word};
use crate::entry::Store;

/// The entrance to the trie for one generation: a map points to its newest root.
pub(crate) struct Root<St: Store> {
    pub(super) generation: u64,
    pub(super) top: Indirection<St::Slot>,
    /// The map's domain. Not counted: the map holds one reference for as long as it has a root.
    pub(super) domain: NonNull<Domain<St>>,
}

impl<St: Store> Root<St> {
    pub(super) fn boxed(
        generation: u64,
        top: Word<'_, St::Slot>,
        domain: NonNull<Domain<St>>,
    ) -> Box<Self> {
        Box::new(Self { generation, top: Indirection::new(top), domain })
    }

    /// The generation of the root that follows this one, whose top word was frozen as `top`.
    ///
    /// Above this root's, and above the birth of whatever is below `top`: a tree that was committed
    /// has nodes of its fork's generations, none of them younger than its top node, since a write
    /// begins by renewing that. Every thread that makes the next root comes to the same number.
    pub(super) fn generation_after(&self, top: Word<'_, St::Slot>) -> u64 {
        self.generation.max(top.birth().unwrap_or(0)) + 1
    }
}
