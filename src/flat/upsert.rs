//! Changing: one loop that finds a key's slot, asks what to do, and does it by one CAS of the slot.
#![expect(unsafe_code, reason = "retires entries")]

use super::bucket::{Chunk, Trusted, Truth};
use super::probe::{Find, Hit, Vacant};
use super::raw::Pages;
use super::shape::Shape;
use super::slot::Word;
use super::store::Store;
use super::table::{Spot, Table};
use super::{Flat, Pair};
use crate::engine::{Action, Change, Outcome};
use crate::reclaim::Guard;
use crate::request::Request;

/// How far a change came.
enum Step<'g, S: Store> {
    Done(Outcome<Pair<'g, S>>),
    /// Search again: another operation changed the slot, or the chunk has other slots now.
    Again,
    /// The chunk has moved: go on in the next table.
    Next(&'g Table<S>),
}

impl<S: Store> Flat<S> {
    /// Looks a key up, lets `change` decide what to do with it, and does that in one atomic step
    /// with the look. `peek`: the change may decide to change nothing.
    ///
    /// LINEARIZES insert, remove, compute and all other changes: the CAS of the slot, or the setting of
    /// its tag, named at the place where it succeeds, below; a change that keeps things as they are: the
    /// read that found them so, as for [`Self::lookup`].
    #[inline]
    pub(super) fn upsert<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, S>,
    ) -> Outcome<Pair<'g, S>> {
        let mut request = Request::new(hash, peek, change);
        let first = match self.root(guard) {
            Some(table) => table,
            None if !request.wants_room() => return Outcome::Kept(None),
            None => self.root_or_first(Shape::LEAST, guard),
        };
        let mut table = first;
        let outcome = loop {
            match self.attempt(table, &mut request, guard) {
                Step::Done(outcome) => break outcome,
                Step::Next(next) => table = next,
                Step::Again => {}
            }
        };
        if !matches!(outcome, Outcome::Kept(_)) {
            self.move_some(first, guard);
        }
        outcome
    }

    /// Makes a change in one table.
    #[inline]
    fn attempt<'g, C: Change<'g, S>>(
        &'g self,
        table: &'g Table<S>,
        request: &mut Request<'g, S, C>,
        guard: &'g Guard,
    ) -> Step<'g, S> {
        let index = table.shape.chunk_of(request.hash);
        let chunk = match table.spot(index) {
            Spot::Here(chunk) => chunk,
            Spot::Moved => return Step::Next(table.moved_to()),
            Spot::Absent if !request.wants_room() => return Step::Done(Outcome::Kept(None)),
            Spot::Absent => match table.chunk_or_new(index, Pages::Now) {
                Some(chunk) => chunk,
                None => return Step::Next(table.moved_to()),
            },
        };
        let mut lines = chunk.own();
        loop {
            let step = match lines.find(request.hash, |key| request.is_key(key)) {
                Find::Hit(hit) => self.change_entry(&hit, request, guard),
                Find::Vacant(vacant) => self.insert(&vacant, request),
                Find::Full if !request.wants_room() => Step::Done(Outcome::Kept(None)),
                Find::Full => match self.make_room(table, index, chunk, guard) {
                    Some(next) => Step::Next(next),
                    None => Step::Again,
                },
                Find::Frozen => match chunk.truth() {
                    Truth::Moved => Step::Next(table.moved_to()),
                    Truth::Here(trusted) if !trusted.lines().is(lines) => {
                        lines = trusted.lines();
                        Step::Again
                    }
                    Truth::Here(trusted) => self.thaw(table, chunk, trusted, request, guard),
                },
            };
            if !matches!(step, Step::Again) {
                return step;
            }
        }
    }

    /// Changes a key that is there.
    #[inline]
    fn change_entry<'g, C: Change<'g, S>>(
        &'g self,
        hit: &Hit<'g, S>,
        request: &mut Request<'g, S, C>,
        guard: &'g Guard,
    ) -> Step<'g, S> {
        let old = S::pair(hit.entry);
        match request.ask(Some(old)) {
            Action::Keep => Step::Done(Outcome::Kept(Some(old))),
            // LINEARIZES remove.
            Action::Remove if hit.remove() => {
                self.retire_entry(hit.word, guard);
                self.count_removed(guard);
                Step::Done(Outcome::Removed(old))
            }
            Action::Remove => Step::Again,
            // LINEARIZES replace.
            Action::Put(draft) => match hit.replace(draft) {
                Ok(new) => {
                    self.retire_entry(hit.word, guard);
                    Step::Done(Outcome::Put { old: Some(old), new: S::pair(new) })
                }
                Err(draft) => {
                    request.spare = Some(draft);
                    Step::Again
                }
            },
        }
    }

    /// Changes a key that is not there, and belongs into this empty slot.
    #[inline]
    fn insert<'g, C: Change<'g, S>>(
        &'g self,
        vacant: &Vacant<'g, S>,
        request: &mut Request<'g, S, C>,
    ) -> Step<'g, S> {
        let Action::Put(draft) = request.ask(None) else {
            return Step::Done(Outcome::Kept(None));
        };
        // No slot before this one can have got the key meanwhile.
        match vacant.fill(request.hash, draft) {
            Ok(new) => {
                // LINEARIZES insert, unless somebody set the tag before.
                vacant.set_tag(request.hash);
                self.count.up();
                Step::Done(Outcome::Put { old: None, new: S::pair(new) })
            }
            Err(draft) => {
                request.spare = Some(draft);
                Step::Again
            }
        }
    }

    /// Retires an entry that this operation just took out of its slot.
    fn retire_entry(&self, word: Word<S>, guard: &Guard) {
        // SAFETY:
        // - published once, so from the store; taken out of its slot by this operation's CAS, and the slot
        //   was not frozen, so it was the entry's only one: nobody else retires it.
        if let Some(garbage) = unsafe { S::garbage(word) } {
            self.limbo.retire(guard, garbage);
        }
    }

    /// Gets a change past frozen slots: helps what they are frozen for.
    #[cold]
    fn thaw<'g, C: Change<'g, S>>(
        &'g self,
        table: &'g Table<S>,
        chunk: Chunk<'g, S>,
        slots: Trusted<'g, S>,
        request: &mut Request<'g, S, C>,
        guard: &'g Guard,
    ) -> Step<'g, S> {
        if request.peek {
            if let Some(found) = request.decide_before_moving(slots) {
                return Step::Done(Outcome::Kept(found));
            }
        }
        if let Some(next) = table.next() {
            self.move_unit_of(table, next, table.shape.chunk_of(request.hash), guard);
            return Step::Next(next);
        }
        self.renew(table, chunk, slots, guard);
        Step::Again
    }
}

impl<'g, S: Store + 'g, C: Change<'g, S>> Request<'g, S, C> {
    /// Asks for a decision about a key that is not there. If it is to be inserted, the draft waits in
    /// the request until there is room for it.
    fn wants_room(&mut self) -> bool {
        self.ask_ahead(None).is_none()
    }

    /// Asks for a decision on what is in frozen slots, before they are moved for it. If it changes
    /// nothing, returns what is there; if it does, the answer is used once they have moved, if the
    /// key still has the same entry then.
    fn decide_before_moving(&mut self, slots: Trusted<'g, S>) -> Option<Option<Pair<'g, S>>> {
        self.peek = false;
        let found = slots.find(self.hash, |key| self.is_key(key)).map(S::pair);
        self.ask_ahead(found)
    }
}
