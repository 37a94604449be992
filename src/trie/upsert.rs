//! Changing: one loop that finds a key's place, asks what to do, and does it by one CAS.
#![expect(unsafe_code, reason = "owns entries between their making and their publication")]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::domain::{Dead, Fate};
use super::lookup::{self, is_it};
use super::node::{
    Chain, ChainHit, Claim, Exchange, FAN_BITS, Group, Held, Hit, Link, Node, Seen, Slot, View,
    Word,
};
use super::{Changed, Context, Pair, Place, Trie};
use crate::engine::{Action, Change, Outcome};
use crate::entry::Store;
use crate::reclaim::Guard;
use crate::request::Request;
use crate::sync::stall_point;

enum Step<T> {
    Done(T),
    /// Start again from the map's root.
    Retry,
}

/// How an entry fared that was to be published in a group.
enum Publication<'g, T: Slot> {
    Done(Held<'g, T>),
    /// Every slot of the group is taken.
    NoRoom,
    /// The key's entry changed, or the group was frozen.
    KeyChanged(Seen<'g, T>),
}

/// An entry in a slot that is not published: freed if the operation unwinds.
struct Unpublished<St: Store> {
    slot: St::Slot,
}

impl<St: Store> Unpublished<St> {
    fn new(draft: St::Draft, birth: u64) -> Self {
        Self { slot: St::expose(draft, birth) }
    }

    fn key(&self) -> &St::Key {
        // SAFETY:
        // - the entry belongs to this value, so it is not freed while it is borrowed.
        unsafe { St::key(&self.slot) }
    }

    /// The slot was published: the entry is the map's now.
    fn publish(self) {
        let _ = ManuallyDrop::new(self);
    }

    fn into_draft(self) -> St::Draft {
        let this = ManuallyDrop::new(self);
        // SAFETY:
        // - from `expose`, and not published: `publish` consumes the value.
        unsafe { St::retract(this.slot) }
    }
}

impl<St: Store> Drop for Unpublished<St> {
    fn drop(&mut self) {
        // SAFETY:
        // - as in `into_draft`.
        drop(unsafe { St::retract(self.slot) });
    }
}

impl<St: Store> Trie<St> {
    /// Looks a key up, lets `change` decide what to do with it, and does that in one atomic step
    /// with the look. `peek`: the change may decide to change nothing.
    ///
    /// LINEARIZES insert, remove, compute and all other changes: the CAS named at the place where it
    /// succeeds, below; a change that keeps things as they are: the read that found them so, as for
    /// [`lookup::find`].
    #[inline]
    pub(super) fn upsert<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, St>,
    ) -> Changed<'g, St> {
        let mut request = Request::new(hash, peek, change);
        loop {
            let context = self.root_or_first(guard);
            if let Step::Done(outcome) = self.attempt(context, &mut request) {
                return outcome;
            }
        }
    }

    /// One walk from a root.
    #[inline]
    fn attempt<'g, C: Change<'g, St>>(
        &'g self,
        context: Context<'g, St>,
        request: &mut Request<St, C>,
    ) -> Step<Changed<'g, St>> {
        let Context { root, guard } = context;
        let top = root.top.load(guard);
        if top.is_frozen() {
            // A snapshot was taken of this generation; its next root may not be there yet.
            self.advance(context);
            return Step::Retry;
        }
        // The place, in pieces: as a whole it would be written to memory at each level.
        let (mut cell, mut word, mut level) = (&root.top, top, 0);
        // What is left of the hash, at the top.
        let mut path = request.hash;
        loop {
            if !word.is_own_fan() {
                if !word.is_older() {
                    break;
                }
                let place = Place { cell, word, level };
                if request.peek {
                    if let Some(found) = request.decide_before_copying(place) {
                        return Step::Done(Outcome::Kept(found));
                    }
                }
                match self.rebuild(context, place, &request.rehash()) {
                    Some(rebuilt) => word = rebuilt,
                    None => return Step::Retry,
                }
                continue;
            }
            // SAFETY:
            // - it is: just tested.
            let next = unsafe { word.own_fan() }.by_top_bits(path);
            let child = next.load(guard);
            if child.is_frozen() {
                // Frozen in this generation by a collapse, or by a newer one: then the word of the
                // fan itself is frozen too, and so on up to the root.
                self.rebuild(context, Place { cell, word, level }, &request.rehash());
                return Step::Retry;
            }
            (cell, word, level) = (next, child, level + 1);
            path <<= FAN_BITS;
        }
        let place = Place { cell, word, level };
        let group = match word.own_wide_branch() {
            Some(branch) => branch.group(request.hash),
            None => match word.node() {
                None => return self.plant(context, place, request),
                Some(Node::Branch(branch)) => branch.group(request.hash),
                Some(Node::Chain(chain)) => return self.edit_chain(context, place, chain, request),
                Some(Node::Fan(_)) => unreachable!("the walk ends where there is no fan"),
            },
        };
        self.edit_group(context, place, group, request)
    }

    /// Changes an empty place: puts a branch with one entry there.
    fn plant<'g, C: Change<'g, St>>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        request: &mut Request<St, C>,
    ) -> Step<Changed<'g, St>> {
        let generation = context.root.generation;
        let Action::Put(draft) = request.ask(None) else {
            return Step::Done(Outcome::Kept(None));
        };
        let entry = Unpublished::<St>::new(draft, generation);
        let mover = St::mover(entry.slot, |_| request.hash);
        let word = Self::build(context, &mut [mover], place.level);
        let slot = Self::only_slot(word, context.guard);
        // LINEARIZES insert into an empty place.
        if place.cell.replace(place.word, word).is_ok() {
            entry.publish();
            // SAFETY:
            // - the entry is reached from the place under the guard, which keeps it for `'g`.
            return Step::Done(Outcome::Put { old: None, new: unsafe { St::pair(slot) } });
        }
        // SAFETY:
        // - made above and not published.
        unsafe { Self::unbuild(word) };
        request.spare = Some(entry.into_draft());
        Step::Retry
    }

    /// The slot of a node that was built of one.
    fn only_slot<'g>(word: Word<'g, St::Slot>, guard: &'g Guard) -> Held<'g, St::Slot> {
        let slot = match word.node() {
            Some(Node::Branch(branch)) => branch.nth_group(0).load().pop(),
            Some(Node::Chain(chain)) => {
                chain.next(View::Live(guard), 0).map(|(_, link)| link.slot())
            }
            Some(Node::Fan(_)) | None => None,
        };
        // PANICS: never: one slot needs no fan, and is in the first group of a one-group branch.
        slot.expect("the slot that the node was built of")
    }

    /// Changes a key in its group, which is part of the branch at `place`.
    #[inline]
    fn edit_group<'g, C: Change<'g, St>>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        group: Group<'g, St::Slot>,
        request: &mut Request<St, C>,
    ) -> Step<Changed<'g, St>> {
        let generation = context.root.generation;
        let hash = request.hash;
        group.prefetch(hash);
        let mut seen = group.load();
        let pair = |slot: Held<'g, St::Slot>| {
            // SAFETY:
            // - called with slots of this group, which were reached under the guard: it keeps their
            //   entries for `'g`.
            unsafe { St::pair(slot) }
        };
        // SAFETY:
        // - a slot of this node, reached under the guard, which keeps its entry.
        let mut hit = seen.find(hash, |slot| unsafe { request.matches(slot, None) });
        let mut claim = None;
        // Each round begins with what is known of the key in `seen`.
        loop {
            if seen.is_frozen() {
                self.rebuild(context, place, &request.rehash());
                return Step::Retry;
            }
            let old = hit.as_ref().map(|hit| pair(hit.slot));
            let now: Seen<'g, St::Slot> = match request.ask(old) {
                Action::Keep => return Step::Done(Outcome::Kept(old)),
                Action::Remove => {
                    let (Some(hit), Some(old)) = (&hit, old) else {
                        return Step::Done(Outcome::Kept(None));
                    };
                    // LINEARIZES remove.
                    match seen.remove(hit, context.guard.now()) {
                        Ok(left) => {
                            self.retire_entry(context, hit.slot.now);
                            let rehash = &request.rehash();
                            self.shrink_after_remove(context, place, left, hash, rehash);
                            return Step::Done(Outcome::Removed(old));
                        }
                        Err(now) => now,
                    }
                }
                Action::Put(draft) => {
                    let entry = Unpublished::<St>::new(draft, generation);
                    let publication =
                        Self::put(context, seen, hit.as_ref(), &mut claim, entry, request);
                    match publication {
                        Publication::Done(slot) => {
                            if let Some(hit) = &hit {
                                self.retire_entry(context, hit.slot.now);
                            }
                            return Step::Done(Outcome::Put { old, new: pair(slot) });
                        }
                        Publication::NoRoom => {
                            self.rebuild(context, place, &request.rehash());
                            return Step::Retry;
                        }
                        Publication::KeyChanged(now) => now,
                    }
                }
            };
            seen = now;
            // SAFETY:
            // - a slot of this node, reached under the guard, which keeps its entry.
            hit = seen.find(hash, |slot| unsafe { request.matches(slot, None) });
        }
    }

    /// Puts an entry into a group whose state `seen` was searched and had `hit` for its key: into the
    /// slot of the key's old entry, or, where that is sealed or there is none, into a free one.
    ///
    /// Goes on from newer states as long as the key is as it was. If not, the entry goes back to the
    /// request, and the slot that was claimed for it to `claim`.
    #[inline]
    fn put<'g, C: Change<'g, St>>(
        context: Context<'g, St>,
        mut seen: Seen<'g, St::Slot>,
        hit: Option<&Hit<'g, St::Slot>>,
        claim: &mut Option<Claim<'g, St::Slot>>,
        entry: Unpublished<St>,
        request: &mut Request<St, C>,
    ) -> Publication<'g, St::Slot>
    where
        St: 'g,
    {
        if let Some(hit) = hit {
            // LINEARIZES replace, in place.
            match seen.swap(hit, entry.slot) {
                Exchange::Done(slot) => {
                    entry.publish();
                    return Publication::Done(slot);
                }
                Exchange::Sealed(now) => seen = now,
                Exchange::Changed(now) => {
                    request.spare = Some(entry.into_draft());
                    return Publication::KeyChanged(now);
                }
            }
        }
        let again = claim.take().map(|mut claim| {
            claim.write(entry.slot);
            claim
        });
        let new = || seen.claim(request.hash, entry.slot, context.guard.now());
        let Some(mut mine) = again.or_else(new) else {
            request.spare = Some(entry.into_draft());
            return Publication::NoRoom;
        };
        stall_point("claimed slot");
        loop {
            // LINEARIZES insert, and replace where the old slot is sealed: the new entry becomes live and
            // the old one dead in one step, from exactly the state that was searched.
            let (now, back) = match seen.publish(mine, hit) {
                Ok(slot) => {
                    entry.publish();
                    return Publication::Done(slot);
                }
                Err(failed) => failed,
            };
            mine = back;
            // SAFETY:
            // - a slot of this group, reached under the guard, which keeps its entry.
            let matches = |slot: &St::Slot| unsafe { request.matches(slot, Some(entry.key())) };
            let as_it_was = match hit {
                Some(hit) => now.still_has(hit),
                None => now.find_since(seen, request.hash, matches).is_none(),
            };
            if now.is_frozen() || !as_it_was {
                request.spare = Some(entry.into_draft());
                *claim = Some(mine);
                return Publication::KeyChanged(now);
            }
            seen = now;
        }
    }

    /// Changes a key among others with the same hash.
    fn edit_chain<'g, C: Change<'g, St>>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        chain: Chain<'g, St::Slot>,
        request: &mut Request<St, C>,
    ) -> Step<Changed<'g, St>> {
        let Context { root, guard } = context;
        let hash = request.hash;
        let pair = |slot: Held<'g, St::Slot>| {
            // SAFETY:
            // - called with slots of this chain, which were reached under the guard: it keeps their
            //   entries for `'g`.
            unsafe { St::pair(slot) }
        };
        loop {
            // SAFETY:
            // - a slot of this node, reached under the guard, which keeps its entry.
            let matches = |slot: &St::Slot| unsafe { request.matches(slot, None) };
            let found = chain.find(View::Live(guard), matches);
            if found.as_ref().is_some_and(ChainHit::is_frozen) {
                self.rebuild(context, place, &request.rehash());
                return Step::Retry;
            }
            let old_link = found.as_ref().and_then(ChainHit::link);
            let old = old_link.map(|link| pair(link.slot()));
            match request.ask(old) {
                Action::Keep => return Step::Done(Outcome::Kept(old)),
                Action::Remove => {
                    let (Some(hit), Some(link), Some(old)) = (&found, old_link, old) else {
                        return Step::Done(Outcome::Kept(None));
                    };
                    // LINEARIZES remove from a chain.
                    if hit.remove().is_ok() {
                        self.retire_link(context, hit.cell(), link);
                        if chain.links(View::Live(guard)).next().is_none() {
                            self.shrink(guard, hash, &request.rehash());
                        }
                        return Step::Done(Outcome::Removed(old));
                    }
                }
                Action::Put(draft) => {
                    let Some(hit) = &found else {
                        request.spare = Some(draft);
                        self.rebuild(context, place, &request.rehash());
                        return Step::Retry;
                    };
                    let entry = Unpublished::<St>::new(draft, root.generation);
                    let link = Link::new(root.generation, entry.slot);
                    let link = NonNull::from(Box::leak(Box::new(link)));
                    stall_point("unpublished link");
                    // LINEARIZES insert and replace in a chain.
                    if hit.put(link).is_ok() {
                        entry.publish();
                        if let Some(old_link) = old_link {
                            self.retire_link(context, hit.cell(), old_link);
                        }
                        // SAFETY:
                        // - published under the guard, so not freed for `'g`.
                        let new = pair(unsafe { link.as_ref() }.slot());
                        return Step::Done(Outcome::Put { old, new });
                    }
                    // SAFETY:
                    // - made above, and not published.
                    drop(unsafe { Box::from_raw(link.as_ptr()) });
                    request.spare = Some(entry.into_draft());
                }
            }
        }
    }

    /// Retires an entry that this operation just took out.
    #[inline]
    fn retire_entry(&self, context: Context<'_, St>, slot: St::Slot) {
        // SAFETY:
        // - the entry was reached under the guard, so it is not freed; this operation's CAS unlinked
        //   it, so nobody else retires it.
        unsafe {
            let death = context.root.generation;
            context.domain().retire_entry(slot, death, context.guard);
        }
    }

    /// Retires a chain's cell and its entry, which this operation just took out.
    fn retire_link(
        &self,
        context: Context<'_, St>,
        cell: Option<NonNull<Link<St::Slot>>>,
        link: &Link<St::Slot>,
    ) {
        self.retire_entry(context, link.slot().now);
        if let Some(cell) = cell {
            // SAFETY:
            // - this operation's CAS unlinked the cell.
            unsafe { self.retire_cell(context, cell) };
        }
    }

    /// Retires a chain's cell without its entry.
    ///
    /// # Safety
    /// - This operation unlinked the cell.
    pub(super) unsafe fn retire_cell(
        &self,
        context: Context<'_, St>,
        cell: NonNull<Link<St::Slot>>,
    ) {
        let death = context.root.generation;
        let mut fate = Fate::Operation(context.guard);
        // SAFETY:
        // - not freed: it was reached under the guard; unlinked once: promised by the caller.
        unsafe {
            let birth = cell.as_ref().birth;
            context.domain().retire(Dead::Link(cell), birth, death, &mut fate);
        }
    }
}

impl<'g, St: Store + 'g, C: Change<'g, St>> Request<St, C> {
    /// Whether a slot has the key; `in_draft` is the key of a draft that the caller holds.
    ///
    /// # Safety
    /// - The slot's entry is not freed during the call.
    #[inline]
    unsafe fn matches(&self, slot: &St::Slot, in_draft: Option<&St::Key>) -> bool {
        let in_draft = in_draft.or(self.spare.as_ref().map(St::draft_key));
        let mut eq = |key: &St::Key| self.change.is_key(key, in_draft);
        // SAFETY:
        // - not freed: promised by the caller.
        unsafe { is_it::<St>(slot, self.hash, &mut eq) }
    }

    fn rehash(&self) -> impl Fn(&St::Key) -> u64 {
        |key| self.change.rehash(key)
    }

    /// Asks for a decision on what an older generation holds below `place`, before anything is
    /// copied for it. If it changes nothing, returns what is there; if it does, the answer is used
    /// once the path is of this generation, if the key still has the same entry then.
    fn decide_before_copying(
        &mut self,
        place: Place<'g, St::Slot>,
    ) -> Option<Option<Pair<'g, St>>> {
        self.peek = false;
        let Place { word, level, .. } = place;
        let mut eq = |key: &St::Key| self.is_key(key);
        let slot = lookup::find::<St>(word, View::Observed, level, self.hash, &mut eq);
        // SAFETY:
        // - the entry was reached under the operation's guard, which keeps it for `'g`.
        let found = slot.map(|slot| unsafe { St::pair(slot) });
        self.ask_ahead(found)
    }
}
