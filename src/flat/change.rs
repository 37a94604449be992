//! Changing a key: the paths from the root to a bucket, and [`Host`] for trees in a flat table.
#![expect(unsafe_code, reason = "retires what an operation unlinked")]

use super::Flat;
use super::directory::{Directory, Units};
use super::moving::BIRTH;
use super::raw::{Context, RawFlat};
use crate::engine::{Change, Outcome};
use crate::leaf::{Leaf, Size};
use crate::reclaim::{Garbage, Guard};
use crate::request::Request;
use crate::store::{SlotHashes, Store, TreeSlot};
use crate::sync::planted;
use crate::tree::node::Word;
use crate::tree::{
    self, Changed, Host, Place, Rest, SlotChange, Step, change_at_once, decide_before_copying,
    finish, node_garbage,
};

/// Units that a slow operation moves while a move is under way.
const UNITS: usize = 1;

impl<St: Store> Flat<St> {
    /// Looks a key up, lets `change` decide what to do with it, and does that, all in one atomic step. `peek`: the
    /// change may decide to change nothing.
    ///
    /// LINEARIZES insert, remove, compute and all other changes: as for the trie, the CAS named in [`tree`]. A change
    /// that changes nothing: the read that found the entry.
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
                let shrink = |rehash: SlotHashes<'_, St::Slot>| raw.shrink(guard, hash, rehash);
                finish(rest, request, shrink, |request| raw.persist(guard, request))
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
        let directory = self.raw.root(guard).ok_or(Rest::Blocked)?;
        let word = directory.towards(request.hash).load(guard);
        let leaf = word.own_leaf().ok_or(Rest::Blocked)?;
        let context = Context { flat: &self.raw, directory, guard };
        change_at_once(context, leaf, request.hash << directory.bits(), request)
    }
}

impl<T: TreeSlot> RawFlat<T> {
    /// Makes the change in any case, and moves a unit if a move is under way.
    #[cold]
    #[inline(never)]
    fn persist<'g>(&'g self, guard: &'g Guard, request: &mut dyn SlotChange<T>) -> Outcome<T> {
        if self.root(guard).is_none() {
            // SAFETY:
            // - no slot.
            if unsafe { request.keeps(None) } {
                return Outcome::Kept(None);
            }
        }
        // Before the change, so that a panic of the hasher cannot leave it half done.
        self.go_on_moving(UNITS, guard, request.rehash());
        loop {
            let root = self.root_or_first(0, Size::SMALLEST, guard);
            if let Step::Done(outcome) = self.attempt(root, guard, request) {
                // Also after removals from a collision node, which empty no bucket.
                if matches!(outcome, Outcome::Removed(_)) {
                    self.shrink_if_due(guard);
                }
                return outcome;
            }
        }
    }

    /// One walk from a root.
    fn attempt<'g>(
        &'g self,
        mut directory: &'g Directory<T>,
        guard: &'g Guard,
        request: &mut dyn SlotChange<T>,
    ) -> Step<Outcome<T>> {
        loop {
            let cell = directory.towards(request.hash());
            let place = Place { cell, word: cell.load(guard), depth: directory.bits() };
            if !place.word.is_frozen() {
                let context = Context { flat: self, directory, guard };
                return tree::attempt(context, place, request);
            }
            if !place.word.is_moved() {
                if let Some(found) = decide_before_copying(place, request) {
                    return Step::Done(Outcome::Kept(found));
                }
                self.move_unit_of(directory, request.hash(), guard, request.rehash());
            }
            directory = Self::moved_to(directory, guard);
        }
    }

    #[cold]
    #[inline(never)]
    fn shrink<'g>(&'g self, guard: &'g Guard, hash: u64, rehash: SlotHashes<'_, T>) {
        let Some(mut directory) = self.root(guard) else { return };
        let place = loop {
            let cell = directory.towards(hash);
            let place = Place { cell, word: cell.load(guard), depth: directory.bits() };
            if !place.word.is_moved() {
                break place;
            }
            directory = Self::moved_to(directory, guard);
        };
        let _ = tree::shrink(Context { flat: self, directory, guard }, place, hash, rehash);
        self.shrink_if_due(guard);
        self.go_on_moving(UNITS, guard, rehash);
    }

    /// The directory that a word of this one has moved to, or will move to.
    pub(super) fn moved_to<'g>(directory: &'g Directory<T>, guard: &'g Guard) -> &'g Directory<T> {
        // PANICS: never: words are frozen only for a move.
        directory.next(guard).expect("the next directory")
    }

    /// Moves the unit that a hash belongs to.
    pub(super) fn move_unit_of(
        &self,
        directory: &Directory<T>,
        hash: u64,
        guard: &Guard,
        rehash: SlotHashes<'_, T>,
    ) {
        let next = Self::moved_to(directory, guard);
        let unit = Units::between(directory, next).of_word(directory.index(hash));
        self.move_unit(directory, next, unit, guard, Some(rehash));
    }
}

impl<'g, T: TreeSlot + 'g> Host<'g, T> for Context<'g, T> {
    #[inline]
    fn guard(self) -> &'g Guard {
        self.guard
    }

    #[inline]
    fn birth(self) -> u64 {
        BIRTH
    }

    #[inline]
    fn count_up(self) {
        self.flat.count.up();
    }

    #[inline]
    fn count_down(self) {
        self.flat.count.down();
    }

    #[inline]
    unsafe fn retire_entry(self, slot: T, garbage: impl FnOnce(T) -> Garbage) {
        if T::OWNS {
            self.flat.limbo.retire(self.guard, garbage(slot));
        }
    }

    unsafe fn garbage(self, slot: T) -> Garbage {
        // SAFETY: the same contract.
        unsafe { (self.flat.garbage)(slot) }
    }

    unsafe fn retire_shell(self, word: Word<'_, T>) {
        if let Some(node) = word.raw_node() {
            // SAFETY:
            // - unlinked by this operation alone: promised by the caller.
            self.flat.limbo.retire(self.guard, unsafe { node_garbage(node) });
        }
    }

    fn shrink(self, hash: u64, rehash: SlotHashes<'_, T>) {
        self.flat.shrink(self.guard, hash, rehash);
    }

    fn vacant<'n>(self) -> Word<'n, T> {
        if planted("unmade_again") { Word::EMPTY } else { Word::VACANT }
    }

    fn least(self) -> Size {
        self.directory.least
    }

    fn outgrows(self, depth: u32, leaf: Leaf<'g, T>, hash: u64, rehash: SlotHashes<'_, T>) -> bool {
        let Self { flat, directory, guard } = self;
        let most = Size::LARGEST.entries::<T>();
        if depth > directory.bits() || leaf.size() < Size::LARGEST && leaf.count() <= most {
            return false;
        }
        if directory.next(guard).is_none() && flat.is_full(directory) {
            flat.begin_move(directory, directory.bits() + 1, Size::SMALLEST, guard);
        }
        let Some(next) = directory.next(guard) else { return false };
        let unit = Units::between(directory, next).of_word(directory.index(hash));
        flat.move_unit(directory, next, unit, guard, Some(rehash))
    }
}
