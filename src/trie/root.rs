//! The root of one generation.

use std::ptr::NonNull;
use std::sync::Arc;

use super::domain::Domain;
use crate::count::Counter;
use crate::tree::node::{Indirection, Word};

/// The entry point of the trie for one generation. A map points to its newest root.
pub(crate) struct Root {
    pub(super) generation: u64,
    pub(super) top: Indirection<()>,
    /// The map's domain. Not counted: the map holds one reference for as long as it has a root.
    pub(super) domain: NonNull<Domain>,
    pub(super) count: Arc<Count>,
}

/// The number of entries of a map, shared by its roots from one `take` to the next.
///
/// A `take` empties the map at one instant, but late writers of the taken tree still count. So the next root has a new
/// count. A commit replaces entries, and counts the difference.
pub(crate) struct Count {
    /// Whether the map began with the entries of its base. They are counted on the first `len()`.
    has_base: bool,
    changes: Counter,
}

impl Count {
    pub(super) fn new(has_base: bool) -> Arc<Self> {
        Arc::new(Self { has_base, changes: Counter::new() })
    }

    pub(super) fn begun_with(entries: usize) -> Arc<Self> {
        let count = Self::new(false);
        count.changes.change(entries as isize);
        count
    }

    /// Counts an entry that was put into the map.
    #[inline]
    pub(super) fn up(&self) {
        self.changes.up();
    }

    /// Counts an entry that was taken out.
    #[inline]
    pub(super) fn down(&self) {
        self.changes.down();
    }

    /// Counts the changes of a fork that was committed to the map.
    pub(super) fn commit(&self, fork: &Self, domain: &Domain) {
        let base = if fork.has_base { 0 } else { domain.base_len() as isize };
        self.changes.change(fork.changes.net() - base);
    }

    /// Number of entries: exact while no write is in flight. O(processors); for a fork O(nodes) the first time.
    pub(super) fn len(&self, domain: &Domain) -> usize {
        let base = if self.has_base { domain.base_len() as isize } else { 0 };
        // While writes are in flight it may be below zero.
        (base + self.changes.net()).max(0) as usize
    }
}

impl Root {
    pub(super) fn boxed(
        generation: u64,
        top: Word<'_, ()>,
        domain: NonNull<Domain>,
        count: Arc<Count>,
    ) -> Box<Self> {
        Box::new(Self { generation, top: Indirection::new(top), domain, count })
    }

    /// The count of the root that follows this one.
    pub(super) fn count_after(&self, top: Word<'_, ()>) -> Arc<Count> {
        // No thread can write below an empty frozen word.
        if top.is_empty() { Count::new(false) } else { Arc::clone(&self.count) }
    }

    /// The generation of the root that follows this one, whose top word was frozen as `top`.
    ///
    /// It is above this root's generation and above all births below `top`. A committed tree has nodes of its fork's
    /// generations, none of them younger than its top node, because every write first renews the top node. Every thread
    /// that makes the next root computes the same number.
    pub(super) fn generation_after(&self, top: Word<'_, ()>) -> u64 {
        self.generation.max(top.birth().unwrap_or(0)) + 1
    }
}
