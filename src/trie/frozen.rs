//! A frozen tree, read: what a snapshot holds.
#![expect(unsafe_code, reason = "ties the lifetime of a tree to its handle")]

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use super::domain::{Domain, KeptTree};
use crate::engine::PairRef;
use crate::store::Store;
use crate::tree::node::{View, Word};
use crate::tree::{Iter, lookup};

/// The tree of one generation, as it was when that generation ended. Clones are of one tree.
pub(crate) struct Frozen<St: Store> {
    /// INVARIANT: its entries are of this store.
    kept: Arc<KeptTree>,
    _owns: PhantomData<(St::Key, St::Value)>,
}

impl<St: Store> Clone for Frozen<St> {
    fn clone(&self) -> Self {
        Self { kept: Arc::clone(&self.kept), _owns: PhantomData }
    }
}

// SAFETY:
// - Send and Sync: a frozen tree lends keys and values on any thread, hence `Sync`; the thread that drops the last
//   handle drops them, hence `Send`. The words it reads are atomic.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for Frozen<St> {}
// SAFETY:
// - as for Send.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for Frozen<St> {}

impl<St: Store> Frozen<St> {
    /// # Safety
    /// - The entries are of this store.
    #[expect(
        clippy::arc_with_non_send_sync,
        reason = "its typed handles are, as far as keys and values allow"
    )]
    pub(super) unsafe fn of(kept: KeptTree) -> Self {
        Self { kept: Arc::new(kept), _owns: PhantomData }
    }

    pub(super) fn kept(&self) -> &Arc<KeptTree> {
        &self.kept
    }

    /// The tree, if this is the only handle.
    pub(super) fn into_kept(self) -> Result<KeptTree, Self> {
        Arc::try_unwrap(self.kept).map_err(|kept| Self { kept, _owns: PhantomData })
    }

    /// Whether both are handles of one tree.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kept, &other.kept)
    }

    pub(crate) fn generation(&self) -> u64 {
        self.kept.generation()
    }

    pub(super) fn domain(&self) -> Option<&Arc<Domain>> {
        self.kept.domain()
    }

    pub(super) fn top(&self) -> Word<'_, St::Slot> {
        // SAFETY:
        // - over slots of this store.
        unsafe { self.kept.top().typed() }
    }

    pub(crate) fn get(
        &self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
    ) -> Option<PairRef<'_, St>> {
        // SAFETY:
        // - of this store; in the tree, so it is not freed while this exists.
        unsafe {
            let slot = lookup::find::<St>(self.top(), View::Observed, 0, hash, &mut eq)?;
            Some(St::pair_ref(slot))
        }
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
        // SAFETY:
        // - of this store.
        unsafe { lookup::find_many::<St>(start, hashes, eq, found) };
    }

    pub(crate) fn iter(&self) -> FrozenIter<'_, St> {
        FrozenIter { slots: Iter::new(self.top(), View::Observed), _store: PhantomData }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.iter().slots.next_slot().is_none()
    }

    /// Number of entries: O(nodes) the first time, then O(1).
    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }
}

/// An iterator over a frozen tree. Holds no guard.
///
/// INVARIANT: the entries are of this store.
pub(crate) struct FrozenIter<'s, St: Store> {
    slots: Iter<'s, St::Slot>,
    _store: PhantomData<St>,
}

impl<St: Store> Clone for FrozenIter<'_, St> {
    fn clone(&self) -> Self {
        Self { slots: self.slots.clone(), _store: PhantomData }
    }
}

#[cfg(feature = "rayon")]
impl<St: Store> FrozenIter<'_, St> {
    /// Gives away about half of the rest, or nothing if that is too little to share.
    pub(crate) fn split(&mut self) -> Option<Self> {
        self.slots.split().map(|slots| Self { slots, _store: PhantomData })
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
        // - of this store, in a frozen tree, which is kept for `'s`.
        self.slots.next_slot().map(|slot| unsafe { St::pair_ref(slot) })
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        // SAFETY:
        // - as in `next`.
        self.slots.fold_slots(init, |result, slot| f(result, unsafe { St::pair_ref(slot) }))
    }
}

// SAFETY:
// - Send: besides atomics and plain numbers it holds shared references to nodes and entries of a
//   frozen tree, for which the bounds of `Frozen: Sync` suffice.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for FrozenIter<'_, St> {}
// SAFETY:
// - Sync: a shared reference to an iterator can only clone it; as for Send.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for FrozenIter<'_, St> {}

/// An iterator over a frozen tree that keeps the tree alive.
pub(crate) struct OwnedIter<St: Store + 'static> {
    /// Borrows from `tree`, by pointers and `Unprotected` references. Declared first, so that it is dropped first.
    iter: FrozenIter<'static, St>,
    tree: Frozen<St>,
}

impl<St: Store + 'static> OwnedIter<St> {
    pub(crate) fn new(tree: Frozen<St>) -> Self {
        // SAFETY:
        // - this value holds the tree as long as the iterator, and never gives it out mutably; `next` ties what it
        //   yields to a handle of its own.
        let top = unsafe { tree.top().detach().attach() };
        let slots = Iter::new(top, View::Observed);
        Self { iter: FrozenIter { slots, _store: PhantomData }, tree }
    }

    pub(crate) fn tree(&self) -> &Frozen<St> {
        &self.tree
    }

    pub(crate) fn next(&mut self) -> Option<OwnedPair<St>> {
        let (key, value) = self.iter.next()?;
        Some(OwnedPair { key: key.into(), value: value.into(), tree: self.tree.clone() })
    }
}

/// An entry of a frozen tree that keeps the tree alive.
///
/// INVARIANT: key and value are in the tree.
pub(crate) struct OwnedPair<St: Store> {
    key: NonNull<St::Key>,
    value: NonNull<St::Value>,
    tree: Frozen<St>,
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
        Self { key: self.key, value: self.value, tree: self.tree.clone() }
    }
}

// SAFETY:
// - Send and Sync: a share of a frozen tree and two references into it, with the bounds of `Frozen`.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for OwnedPair<St> {}
// SAFETY:
// - as for Send.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for OwnedPair<St> {}
