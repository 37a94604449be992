//! Changing a key: the paths from the root of the trie to a bucket.
#![expect(unsafe_code, reason = "retires what was unlinked")]

use super::domain::{Dead, Fate};
use super::{Context, Trie};
use crate::engine::Change;
use crate::entry::Store;
use crate::reclaim::Guard;
use crate::request::Request;
use crate::tree::node::Word;
use crate::tree::{
    self, AnyRequest, Changed, Host, Place, Rehash, Rest, Step, change_at_once, finish, lookup,
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
                let shrink = |rehash: Rehash<'_, St>| self.shrink(guard, hash, rehash);
                finish(rest, request, shrink, |request| self.persist(guard, request))
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
        let context = self.root(guard).ok_or(Rest::Blocked)?;
        let top = context.root.top.load(guard);
        let (leaf, path) = lookup::own_leaf(top, guard, request.hash).ok_or(Rest::Blocked)?;
        change_at_once(context, leaf, path, request)
    }

    /// Makes the change in any case.
    #[cold]
    #[inline(never)]
    fn persist<'g>(
        &'g self,
        guard: &'g Guard,
        request: &mut AnyRequest<'_, 'g, St>,
    ) -> Changed<'g, St> {
        loop {
            let context = self.root_or_first(guard);
            let cell = &context.root.top;
            let word = cell.load(guard);
            if word.is_frozen() {
                // A snapshot of this generation was taken, and the next root may not exist yet.
                self.advance(context);
                continue;
            }
            let place = Place { cell, word, depth: 0 };
            if let Step::Done(outcome) = tree::attempt(context, place, request) {
                return outcome;
            }
        }
    }
}

impl<St: Store> Trie<St> {
    #[cold]
    #[inline(never)]
    fn shrink<'g>(&'g self, guard: &'g Guard, hash: u64, rehash: Rehash<'_, St>) {
        let Some(context) = self.root(guard) else { return };
        let cell = &context.root.top;
        let place = Place { cell, word: cell.load(guard), depth: 0 };
        tree::shrink(context, place, hash, rehash);
    }
}

impl<'g, St: Store + 'g> Host<'g, St> for Context<'g, St> {
    #[inline]
    fn guard(self) -> &'g Guard {
        self.guard
    }

    #[inline]
    fn birth(self) -> u64 {
        self.root.generation
    }

    #[inline]
    fn count_up(self) {
        self.root.count.up();
    }

    #[inline]
    fn count_down(self) {
        self.root.count.down();
    }

    #[inline]
    unsafe fn retire_entry(self, slot: St::Slot) {
        // SAFETY:
        // - unlinked by this operation, and not freed: promised by the caller.
        unsafe { self.domain().retire_entry(slot, self.root.generation, self.guard) };
    }

    unsafe fn retire_shell(self, word: Word<'_, St::Slot>) {
        let (Some(node), Some(birth)) = (word.raw_node(), word.birth()) else { return };
        let mut fate = Fate::Operation(self.guard);
        // SAFETY:
        // - unlinked once: promised by the caller.
        unsafe {
            self.domain().retire(Dead::Node(node), birth, self.root.generation, &mut fate);
        }
    }

    fn shrink(self, hash: u64, rehash: Rehash<'_, St>) {
        self.trie.shrink(self.guard, hash, rehash);
    }
}
