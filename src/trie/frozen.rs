//! A frozen tree: the content of a snapshot.
#![expect(unsafe_code, reason = "ties the lifetime of a tree to its handle")]

use std::ptr::NonNull;
use std::sync::Arc;

use super::PairRef;
use super::domain::{Dead, Domain, Record};
use crate::entry::Store;
use crate::sync::{AtomicUsize, Ordering};
use crate::tree::node::{Detached, View, Word};
use crate::tree::{Iter, lookup};

/// The tree of one generation, as it was when that generation ended.
///
/// INVARIANT: while this exists, its record is in the registry of the domain, or the tree is empty. So everything that
/// can be reached from `top` through frozen words stays allocated.
pub(crate) struct Frozen<St: Store> {
    /// `None` if the map was never written, and after the tree was dismantled.
    domain: Option<Arc<Domain<St>>>,
    record: Option<Arc<Record<St>>>,
    top: Detached<St::Slot>,
    generation: u64,
    /// The tree was taken out of its map, so nothing else retires its nodes and entries.
    owns_tree: bool,
    /// Number of entries, once it was counted.
    count: AtomicUsize,
}

const NOT_COUNTED: usize = usize::MAX;

// SAFETY:
// - Send and Sync: a frozen tree lends keys and values on any thread, hence `Sync`; the thread that drops the last
//   handle drops them, hence `Send`. The words it reads are atomic.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for Frozen<St> {}
// SAFETY:
// - as for Send.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for Frozen<St> {}

impl<St: Store> Frozen<St> {
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
        domain: Arc<Domain<St>>,
        record: Arc<Record<St>>,
        top: Word<'_, St::Slot>,
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

    pub(super) fn domain(&self) -> Option<&Arc<Domain<St>>> {
        self.domain.as_ref()
    }

    pub(super) fn top(&self) -> Word<'_, St::Slot> {
        // SAFETY:
        // - stays allocated while the record is registered, which is as long as this exists.
        unsafe { self.top.attach() }
    }

    pub(crate) fn get(
        &self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
    ) -> Option<PairRef<'_, St>> {
        let slot = lookup::find::<St>(self.top(), View::Observed, 0, hash, &mut eq)?;
        // SAFETY:
        // - the entry is in the tree, so it is not freed while this exists.
        Some(unsafe { St::pair_ref(slot) })
    }

    /// [`Self::get`] for many hashes, see [`Engine::get_many`](crate::engine::Engine::get_many).
    pub(crate) fn get_many<'s>(
        &'s self,
        hashes: &[u64],
        eq: impl FnMut(usize, &St::Key) -> bool,
        mut found: impl FnMut(usize, Option<PairRef<'s, St>>),
    ) {
        // SAFETY:
        // - in the tree, so it is not freed while this exists.
        let pair = |slot| unsafe { St::pair_ref(slot) };
        let found = |index, slot: Option<_>| found(index, slot.map(pair));
        let start = |hash| (self.top(), View::Observed, hash);
        lookup::find_many::<St>(start, hashes, eq, found);
    }

    pub(crate) fn iter(&self) -> FrozenIter<'_, St> {
        FrozenIter(Iter::new(self.top(), View::Observed))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().0.next_slot().is_none()
    }

    /// Number of entries: O(nodes) the first time, then O(1).
    pub(crate) fn len(&self) -> usize {
        // Relaxed: every thread that counts gets the same number.
        let known = self.count.load(Ordering::Relaxed);
        if known != NOT_COUNTED {
            return known;
        }
        let count = lookup::count::<St>(self.top(), View::Observed);
        self.count.store(count, Ordering::Relaxed);
        count
    }

    /// Whether nothing else holds the domain, neither the map nor a snapshot, and the domain owns the whole tree.
    pub(super) fn is_alone(&mut self) -> bool {
        // Synchronizes with the drops of all other handles to the domain.
        self.domain
            .as_mut()
            .is_none_or(|domain| Arc::get_mut(domain).is_some_and(|domain| domain.base.is_none()))
    }

    /// Takes the record's list from a snapshot that [is alone](Self::is_alone). Returns the list, and whether the
    /// caller owns the tree too. If not, the tree is on the list.
    pub(super) fn disband(&mut self) -> (Vec<Dead<St>>, bool) {
        let record = self.domain.as_ref().zip(self.record.take());
        let kept = record.map_or_else(Vec::new, |(domain, record)| domain.empty(&record));
        (kept, std::mem::take(&mut self.owns_tree))
    }

    /// Gives up the tree and the objects that its record keeps. Returns the domain, for a caller that must drop it
    /// without deep recursion; `None` if this was done before.
    pub(super) fn dismantle(&mut self) -> Option<Arc<Domain<St>>> {
        let domain = self.domain.take()?;
        let mut fate = domain.fate_of_drop();
        if let Some(record) = self.record.take() {
            domain.withdraw(&record, &mut fate);
        }
        // Without `owns_tree` the tree may be gone by now.
        if let Some(birth) = self.owns_tree.then(|| self.top().birth()).flatten() {
            let tree = Dead::Tree(self.top);
            // SAFETY:
            // - unlinked once: `owns_tree` says that this snapshot's making unlinked the tree.
            unsafe { domain.retire(tree, birth, self.generation + 1, &mut fate) };
        }
        domain.settle(fate);
        Some(domain)
    }
}

impl<St: Store> Drop for Frozen<St> {
    fn drop(&mut self) {
        self.dismantle();
    }
}

/// An iterator over a frozen tree. Holds no guard.
pub(crate) struct FrozenIter<'s, St: Store>(Iter<'s, St>);

impl<St: Store> Clone for FrozenIter<'_, St> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(feature = "rayon")]
impl<St: Store> FrozenIter<'_, St> {
    /// Gives away about half of the rest, or nothing if that is too little to share.
    pub(crate) fn split(&mut self) -> Option<Self> {
        self.0.split().map(Self)
    }
}

impl<'s, St: Store> Iterator for FrozenIter<'s, St>
where
    St::Key: 's,
    St::Value: 's,
{
    type Item = PairRef<'s, St>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY:
        // - in a frozen tree, which is kept for `'s`.
        self.0.next_slot().map(|slot| unsafe { St::pair_ref(slot) })
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        // SAFETY:
        // - as in `next`.
        self.0.fold_slots(init, |result, slot| f(result, unsafe { St::pair_ref(slot) }))
    }
}

// SAFETY:
// - Send: besides atomics and plain numbers it holds shared references to nodes and entries of a
//   frozen tree, for which the bounds of `Frozen: Sync` suffice.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for FrozenIter<'_, St> {}
// SAFETY:
// - Sync: a shared reference to an iterator allows no operation.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for FrozenIter<'_, St> {}

/// An iterator over a frozen tree that keeps the tree alive.
pub(crate) struct OwnedIter<St: Store + 'static> {
    /// Borrows from `tree`; declared first, so that it is dropped first.
    iter: FrozenIter<'static, St>,
    tree: Arc<Frozen<St>>,
}

impl<St: Store + 'static> OwnedIter<St> {
    pub(crate) fn new(tree: Arc<Frozen<St>>) -> Self {
        // SAFETY:
        // - the tree is behind an `Arc` that this value holds as long as the iterator, and that is never lent mutably;
        //   each item of `next` holds the `Arc` too.
        let iter = unsafe { FrozenIter(Iter::new(tree.top.attach(), View::Observed)) };
        Self { iter, tree }
    }

    pub(crate) fn tree(&self) -> &Arc<Frozen<St>> {
        &self.tree
    }

    pub(crate) fn next(&mut self) -> Option<OwnedPair<St>> {
        let (key, value) = self.iter.next()?;
        Some(OwnedPair { key: key.into(), value: value.into(), tree: Arc::clone(&self.tree) })
    }
}

/// An entry of a frozen tree that keeps the tree alive.
///
/// INVARIANT: key and value are in the tree.
pub(crate) struct OwnedPair<St: Store> {
    key: NonNull<St::Key>,
    value: NonNull<St::Value>,
    tree: Arc<Frozen<St>>,
}

impl<St: Store> OwnedPair<St> {
    pub(crate) fn pair(&self) -> (&St::Key, &St::Value) {
        // SAFETY:
        // - not freed: they are in the tree, which this value keeps; never mutably borrowed.
        unsafe { (self.key.as_ref(), self.value.as_ref()) }
    }
}

impl<St: Store> Clone for OwnedPair<St> {
    fn clone(&self) -> Self {
        Self { key: self.key, value: self.value, tree: Arc::clone(&self.tree) }
    }
}

// SAFETY:
// - Send and Sync: a share of a frozen tree and two references into it, with the bounds of `Frozen`.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for OwnedPair<St> {}
// SAFETY:
// - as for Send.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for OwnedPair<St> {}
