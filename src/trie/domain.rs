//! What a map shares with its snapshots and forks: its domain, and the trees that snapshots keep.
//!
//! Each refers to the other. A kept tree refers to the domain of its map, where it is registered. The domain of a fork
//! refers to the tree that the fork began with. So a chain of forks is kept from the newest to the oldest.
#![expect(unsafe_code, reason = "ties the lifetime of a tree to its handle")]

use std::sync::Arc;

use super::reclaimer::{Entries, Reclaimer};
use super::record::{Dead, Record};
use crate::reclaim::Collector;
use crate::sync::{AtomicU64, AtomicUsize, Ordering};
use crate::tree::lookup;
use crate::tree::node::{Detached, View, Word};

/// State shared by a map, its snapshots and its roots.
pub(crate) struct Domain {
    pub(super) lineage: Lineage,
    /// The tree that a fork began with.
    pub(super) base: Option<Arc<KeptTree>>,
    pub(super) reclaimer: Reclaimer,
}

/// The origin of a map. The maps of a family are forks, or forks of forks, of one map. They have its hasher, and may
/// share nodes.
///
/// The numbers have 64 bits on every target, so that none is used twice.
#[derive(Clone, Copy)]
pub(super) struct Lineage {
    /// Unique to this map.
    id: u64,
    /// The map that this one was forked from, or zero.
    pub(super) parent: u64,
    pub(super) family: u64,
}

impl Lineage {
    pub(super) fn first() -> Self {
        let id = Self::new_id();
        Self { id, parent: 0, family: id }
    }

    /// The lineage of a fork of this map.
    pub(super) fn child(self) -> Self {
        Self { id: Self::new_id(), parent: self.id, family: self.family }
    }

    pub(super) fn is_parent_of(self, fork: Self) -> bool {
        fork.parent == self.id
    }

    fn new_id() -> u64 {
        // Relaxed: the read-modify-write alone makes the number unique.
        NEXT_ID.fetch_add(1, Ordering::Relaxed)
    }
}

/// The number of the next map.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Domain {
    pub(super) fn new(
        collector: Collector,
        lineage: Lineage,
        base: Option<Arc<KeptTree>>,
        entries: Option<Entries>,
    ) -> Self {
        let floor = base.as_ref().map_or(0, |base| base.generation());
        Self { lineage, base, reclaimer: Reclaimer::new(collector, floor, entries) }
    }

    /// The number of entries that a fork began with.
    pub(super) fn base_len(&self) -> usize {
        self.base.as_ref().map_or(0, |base| base.len())
    }
}

impl Drop for Domain {
    fn drop(&mut self) {
        // Forks of forks form a chain. Dropping each base inside the drop of the one above it would need stack in
        // proportion to its length.
        let mut base = self.base.take();
        while let Some(tree) = base {
            base = Arc::into_inner(tree)
                .and_then(|mut tree| tree.dismantle())
                .and_then(Arc::into_inner)
                .and_then(|mut domain| domain.base.take());
        }
    }
}

/// The tree of one generation, as it was when that generation ended.
///
/// INVARIANT: while this exists, its record is in the registry of the domain, or the tree is empty. So everything that
/// can be reached from `top` through frozen words stays allocated.
pub(crate) struct KeptTree {
    /// `None` if the map was never written, and once this is dismantled.
    domain: Option<Arc<Domain>>,
    record: Option<Arc<Record>>,
    top: Detached<()>,
    generation: u64,
    /// Whether the tree was taken out of its map, so that nothing else retires its content.
    owns_tree: bool,
    /// The number of entries, once they were counted.
    count: AtomicUsize,
}

const NOT_COUNTED: usize = usize::MAX;

impl KeptTree {
    /// The snapshot of a map that was never written.
    pub(super) fn empty() -> Self {
        Self {
            domain: None,
            record: None,
            top: Word::EMPTY.detach(),
            generation: 0,
            owns_tree: false,
            count: AtomicUsize::new(0),
        }
    }

    /// # Safety
    /// - `record` was registered with `domain` before the top word of its generation's root was
    ///   frozen as `top`, by this thread; and with `owns_tree`, that thread unlinked the tree.
    pub(super) unsafe fn new(
        domain: Arc<Domain>,
        record: Arc<Record>,
        top: Word<'_, ()>,
        owns_tree: bool,
    ) -> Self {
        Self {
            generation: record.generation(),
            domain: Some(domain),
            record: Some(record),
            top: top.thawed().detach(),
            owns_tree,
            count: AtomicUsize::new(NOT_COUNTED),
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(super) fn domain(&self) -> Option<&Arc<Domain>> {
        self.domain.as_ref()
    }

    pub(super) fn top(&self) -> Word<'_, ()> {
        // SAFETY:
        // - stays allocated while the record is registered, which is as long as this exists.
        unsafe { self.top.attach() }
    }

    /// Number of entries: O(nodes) the first time, then O(1).
    pub(crate) fn len(&self) -> usize {
        // Relaxed: every thread that counts gets the same number.
        let known = self.count.load(Ordering::Relaxed);
        if known != NOT_COUNTED {
            return known;
        }
        let count = lookup::count(self.top(), View::Observed);
        self.count.store(count, Ordering::Relaxed);
        count
    }

    /// Whether nothing else holds the domain, and no part of the tree belongs to another map.
    pub(super) fn is_alone(&mut self) -> bool {
        // `get_mut` acquires what others did to the domain before they released it.
        self.domain
            .as_mut()
            .is_none_or(|domain| Arc::get_mut(domain).is_some_and(|domain| domain.base.is_none()))
    }

    /// Takes the dead list from a snapshot that [is alone](Self::is_alone). Returns it, and whether the caller also
    /// owns the tree. If not, the parts of the tree are on the list.
    pub(super) fn disband(&mut self) -> (Vec<Dead>, bool) {
        let record = self.domain.as_ref().zip(self.record.take());
        let kept = record.map_or_else(Vec::new, |(domain, record)| domain.reclaimer.empty(&record));
        (kept, std::mem::take(&mut self.owns_tree))
    }

    /// Gives up the tree and what its record keeps. Returns the domain, for a caller that must not drop it recursively;
    /// `None` if this was done before.
    pub(super) fn dismantle(&mut self) -> Option<Arc<Domain>> {
        let domain = self.domain.take()?;
        let mut fate = domain.reclaimer.fate_of_drop();
        if let Some(record) = self.record.take() {
            domain.reclaimer.withdraw(&record, &mut fate);
        }
        // Without `owns_tree`, the tree may be freed by now.
        if let Some(birth) = self.owns_tree.then(|| self.top().birth()).flatten() {
            let tree = Dead::Tree(self.top().detach());
            // SAFETY:
            // - unlinked once: `owns_tree` says that this snapshot's making unlinked the tree.
            unsafe { domain.reclaimer.retire(tree, birth, self.generation + 1, &mut fate) };
        }
        domain.reclaimer.settle(fate);
        Some(domain)
    }
}

impl Drop for KeptTree {
    fn drop(&mut self) {
        self.dismantle();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forking takes a fraction of a microsecond, so some programs do it four billion times.
    #[test]
    fn numbers_of_maps_do_not_come_again_after_32_bits() {
        const LATE: u64 = u32::MAX as u64 - 1;
        let early = Lineage::first();
        NEXT_ID.store(LATE, Ordering::Relaxed);
        let mut late = [(); 4].map(|()| Lineage::first()).map(|lineage| lineage.id);
        late.sort_unstable();
        assert!(late.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(late.iter().all(|id| LATE <= *id && *id != early.id), "{late:?}");
    }
}
