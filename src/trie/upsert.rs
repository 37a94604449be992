//! Changing a key: the paths from the root of the trie to a bucket.
#![expect(unsafe_code, reason = "retires what was unlinked")]

use super::Trie;
use super::raw::{Context, RawTrie, Typed};
use super::reclaimer::Fate;
use super::record::Dead;
use crate::engine::{Change, Outcome};
use crate::reclaim::{Garbage, Guard};
use crate::request::Request;
use crate::store::{SlotHashes, Store, TreeSlot};
use crate::tree::node::Word;
use crate::tree::{
    self, Changed, Host, Place, Rest, SlotChange, Step, change_at_once, finish, lookup,
};

impl<St: Store> Trie<St> {
    /// Looks a key up, lets `change` decide what to do with it, and does that, all in one atomic step. `peek`: the
    /// change may decide to change nothing.
    ///
    /// LINEARIZES insert, remove, compute and all other changes: the CAS marked in [`tree`] where it succeeds. A change
    /// that changes nothing: the read that found the entry, as for [`tree::lookup::find`].
    #[inline]
    pub(super) fn upsert<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, St>,
    ) -> Changed<'g, St> {
        let mut request = Request::new(hash, peek, change);
        match self.try_at_once(guard, &mut request) {
            Ok(outcome) => outcome,
            Err(rest) => {
                let raw = &self.raw;
                // SAFETY:
                // - over slots of this store.
                let shrink = |rehash: SlotHashes<'_, _>| unsafe {
                    raw.shrink::<St::Slot>(guard, hash, rehash);
                };
                // SAFETY:
                // - as above.
                finish(rest, request, shrink, |request| unsafe { raw.persist(guard, request) })
            }
        }
    }

    /// Makes the change on the fast path, if nothing is in the way.
    #[inline(always)]
    fn try_at_once<'g, C: Change<'g, St>>(
        &'g self,
        guard: &'g Guard,
        request: &mut Request<'g, St, C>,
    ) -> Result<Changed<'g, St>, Rest<Changed<'g, St>>> {
        let root = self.root(guard).ok_or(Rest::Blocked)?;
        let top = root.top().load(guard);
        let (leaf, path) = lookup::own_leaf(top, guard, request.hash).ok_or(Rest::Blocked)?;
        change_at_once(root, leaf, path, request)
    }
}

impl RawTrie {
    /// Makes the change in any case.
    ///
    /// # Safety
    /// - The trie is over slots of type `T`.
    #[cold]
    #[inline(never)]
    unsafe fn persist<'g, T: TreeSlot + 'g>(
        &'g self,
        guard: &'g Guard,
        request: &mut dyn SlotChange<T>,
    ) -> Outcome<T> {
        loop {
            // SAFETY:
            // - promised by the caller.
            let root = unsafe { self.root_or_first(guard).typed::<T>() };
            let cell = root.top();
            let word = cell.load(guard);
            if word.is_frozen() {
                // A snapshot of this generation was taken, and the next root may not exist yet.
                self.advance(root.context);
                continue;
            }
            let place = Place { cell, word, depth: 0 };
            if let Step::Done(outcome) = tree::attempt(root, place, request) {
                return outcome;
            }
        }
    }

    /// Gives memory back after a removal.
    ///
    /// # Safety
    /// - The trie is over slots of type `T`.
    #[cold]
    #[inline(never)]
    unsafe fn shrink<'g, T: TreeSlot + 'g>(
        &'g self,
        guard: &'g Guard,
        hash: u64,
        rehash: SlotHashes<'_, T>,
    ) {
        let Some(context) = self.root(guard) else { return };
        // SAFETY:
        // - promised by the caller.
        let root = unsafe { context.typed::<T>() };
        let cell = root.top();
        let place = Place { cell, word: cell.load(guard), depth: 0 };
        let _ = tree::shrink(root, place, hash, rehash);
    }
}

impl<'g, T: TreeSlot + 'g> Host<'g, T> for Typed<'g, T> {
    #[inline]
    fn guard(self) -> &'g Guard {
        self.context.guard
    }

    #[inline]
    fn birth(self) -> u64 {
        self.context.root.generation
    }

    #[inline]
    fn count_up(self) {
        self.context.root.count.up();
    }

    #[inline]
    fn count_down(self) {
        self.context.root.count.down();
    }

    #[inline]
    unsafe fn retire_entry(self, slot: T, garbage: impl FnOnce(T) -> Garbage) {
        let Context { root, guard, .. } = self.context;
        let reclaimer = &self.context.domain().reclaimer;
        // SAFETY:
        // - unlinked by this operation, and not freed: promised by the caller.
        unsafe { reclaimer.retire_entry(slot, root.generation, guard, garbage) };
    }

    unsafe fn garbage(self, slot: T) -> Garbage {
        // SAFETY: the same contract.
        unsafe { self.context.domain().reclaimer.garbage(slot.address()) }
    }

    unsafe fn retire_shell(self, word: Word<'_, T>) {
        let (Some(node), Some(birth)) = (word.raw_node(), word.birth()) else { return };
        let Context { root, guard, .. } = self.context;
        let (reclaimer, mut fate) = (&self.context.domain().reclaimer, Fate::Operation(guard));
        // SAFETY:
        // - unlinked once: promised by the caller.
        unsafe { reclaimer.retire(Dead::Node(node), birth, root.generation, &mut fate) };
    }

    fn shrink(self, hash: u64, rehash: SlotHashes<'_, T>) {
        // SAFETY:
        // - over such slots: invariant of `Typed`.
        unsafe { self.context.trie.shrink(self.context.guard, hash, rehash) };
    }
}
