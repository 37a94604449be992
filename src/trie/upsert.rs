//! Changing: find a key's place, ask what to do, and do it by one CAS.
//!
//! Almost every change is done by [`Trie::try_at_once`], which is compiled for each kind of change and has no loop. It
//! gives up wherever the way is not the usual one: a busy, frozen or full bucket, an older generation, no leaf yet. Then
//! [`Trie::persist`] does the operation from the beginning, and is compiled once for each store.
#![expect(unsafe_code, reason = "owns entries between their making and their publication")]

use std::mem::ManuallyDrop;

use super::lookup::{self, is_it, path_below};
use super::node::{Collision, FAN_BITS, LEVELS, Node, View, Word};
use super::rebuild::to_word;
use super::{Changed, Context, Pair, Place, Trie};
use crate::bucket::{Hit, Room, Search, Seen};
use crate::engine::{Action, Change, Outcome};
use crate::entry::Store;
use crate::leaf::{Leaf, LeafDraft, Size};
use crate::reclaim::Guard;
use crate::request::Request;
use crate::sync::stall_point;

/// How often a writer looks at a busy bucket again before it revokes the claim. A claim lasts some nanoseconds, unless
/// its owner was suspended.
const PATIENCE: u32 = if cfg!(any(miri, shuttle)) { 1 } else { 100 };

enum Step<T> {
    Done(T),
    /// Start again from the map's root.
    Retry,
}

/// What came of the usual way.
enum Attempt<T> {
    Done(T),
    /// Done, and the bucket has become empty.
    Emptied(T),
    /// Something is in the way.
    Blocked,
}

/// A change of any kind.
type AnyRequest<'c, 'g, St> = Request<'g, St, dyn Change<'g, St> + 'c>;

/// An entry in a slot that is not published: freed if the operation unwinds.
struct Unpublished<St: Store> {
    slot: St::Slot,
}

impl<St: Store> Unpublished<St> {
    #[inline]
    fn new(draft: St::Draft, birth: u64) -> Self {
        Self { slot: St::expose(draft, birth) }
    }

    /// The slot was published: the entry is the map's now.
    #[inline]
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
    /// succeeds; a change that keeps things as they are: the read that found them so, as for
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
        match self.try_at_once(guard, &mut request) {
            Attempt::Done(outcome) => outcome,
            Attempt::Emptied(outcome) => {
                let request = request;
                self.shrink(guard, hash, &request.rehash());
                outcome
            }
            Attempt::Blocked => {
                let mut request = request;
                self.persist(guard, &mut request)
            }
        }
    }

    /// Does the change the usual way, if nothing is in its way.
    #[inline(always)]
    fn try_at_once<'g, C: Change<'g, St>>(
        &'g self,
        guard: &'g Guard,
        request: &mut Request<'g, St, C>,
    ) -> Attempt<Changed<'g, St>> {
        let hash = request.hash;
        let Some(context) = self.root(guard) else { return Attempt::Blocked };
        let mut word = context.root.top.load(guard);
        let mut path = hash;
        while word.is_own_fan() {
            // SAFETY:
            // - it is: just tested.
            word = unsafe { word.own_fan() }.by_top_bits(path).load(guard);
            path <<= FAN_BITS;
        }
        let Some(leaf) = word.own_leaf() else { return Attempt::Blocked };
        let bucket = leaf.bucket(path);
        bucket.prefetch_slots();
        let seen = bucket.load();
        if !seen.is_open() {
            return Attempt::Blocked;
        }
        // SAFETY:
        // - live, and reached under the guard, which keeps its entry.
        let hit = match seen.find(hash, |slot| unsafe { request.matches(slot) }) {
            Search::Found(hit) => Some(hit),
            Search::Absent => None,
            Search::Changed => return Attempt::Blocked,
        };
        let old = Self::pair_of(hit);
        match request.ask(old) {
            Action::Keep => Attempt::Done(Outcome::Kept(old)),
            Action::Remove => {
                let (Some(hit), Some(old)) = (hit, old) else {
                    return Attempt::Done(Outcome::Kept(None));
                };
                let Some(left) = seen.remove(hit) else { return Attempt::Blocked };
                context.root.count.down();
                self.retire_entry(context, hit.slot.now);
                let outcome = Outcome::Removed(old);
                if left.is_empty() { Attempt::Emptied(outcome) } else { Attempt::Done(outcome) }
            }
            Action::Put(draft) => {
                let put = match seen.room_at_home(hit) {
                    Some(room) => self.put(context, seen, room, hash, draft, hit),
                    None => self.put_in_spill(context, seen, leaf, hash, draft, hit),
                };
                match put {
                    Ok(new) => Attempt::Done(Outcome::Put { old, new }),
                    Err(draft) => {
                        request.spare = Some(draft);
                        Attempt::Blocked
                    }
                }
            }
        }
    }

    /// Puts an entry into a bucket, in the place of `hit` if there is one; gives the draft back if the bucket has changed.
    #[inline(always)]
    fn put<'g>(
        &self,
        context: Context<'g, St>,
        seen: Seen<'g, St::Slot>,
        room: Room,
        hash: u64,
        draft: St::Draft,
        hit: Option<Hit<'g, St::Slot>>,
    ) -> Result<Pair<'g, St>, St::Draft> {
        let entry = Unpublished::<St>::new(draft, context.root.generation);
        let slot = entry.slot;
        if seen.put(room, hash, slot, hit).is_none() {
            return Err(entry.into_draft());
        }
        entry.publish();
        match hit {
            Some(hit) => self.retire_entry(context, hit.slot.now),
            None => context.root.count.up(),
        }
        // SAFETY:
        // - published under the guard, so not freed for `'g`.
        Ok(unsafe { St::pair(slot) })
    }

    /// [`Self::put`] into the spill bucket, which is taken for it if the bucket has none; gives the draft back too if there
    /// is no room.
    #[cold]
    #[inline(never)]
    fn put_in_spill<'g>(
        &self,
        context: Context<'g, St>,
        seen: Seen<'g, St::Slot>,
        leaf: Leaf<'g, St::Slot>,
        hash: u64,
        draft: St::Draft,
        hit: Option<Hit<'g, St::Slot>>,
    ) -> Result<Pair<'g, St>, St::Draft> {
        match seen.room_in_spill().or_else(|| leaf.take_spill(seen)) {
            Some(room) => self.put(context, seen, room, hash, draft, hit),
            None => Err(draft),
        }
    }

    #[inline]
    fn pair_of<'g>(hit: Option<Hit<'g, St::Slot>>) -> Option<Pair<'g, St>>
    where
        St: 'g,
    {
        // SAFETY:
        // - a hit was live, and was reached under the operation's guard, which keeps its entry for `'g`.
        hit.map(|hit| unsafe { St::pair(hit.slot.now) })
    }

    /// Does the change in any case.
    #[cold]
    #[inline(never)]
    fn persist<'g>(
        &'g self,
        guard: &'g Guard,
        request: &mut AnyRequest<'_, 'g, St>,
    ) -> Changed<'g, St> {
        loop {
            let context = self.root_or_first(guard);
            if let Step::Done(outcome) = self.attempt(context, request) {
                return outcome;
            }
        }
    }

    /// One walk from a root.
    fn attempt<'g>(
        &'g self,
        context: Context<'g, St>,
        request: &mut AnyRequest<'_, 'g, St>,
    ) -> Step<Changed<'g, St>> {
        let Context { root, guard } = context;
        let word = root.top.load(guard);
        if word.is_frozen() {
            // A snapshot was taken of this generation; its next root may not be there yet.
            self.advance(context);
            return Step::Retry;
        }
        let mut place = Place { cell: &root.top, word, level: 0 };
        loop {
            if place.word.is_older() {
                if request.peek {
                    if let Some(found) = request.decide_before_copying(place) {
                        return Step::Done(Outcome::Kept(found));
                    }
                }
                match self.rebuild(context, place, None, &request.rehash()) {
                    Some(rebuilt) => place.word = rebuilt,
                    None => return Step::Retry,
                }
                continue;
            }
            let Some(fan) = place.word.fan() else { break };
            let cell = fan.towards(request.hash, place.level);
            let word = cell.load(guard);
            if word.is_frozen() {
                // Frozen in this generation by a collapse, or by a newer one: then the word of the
                // fan itself is frozen too, and so on up to the root.
                self.rebuild(context, place, None, &request.rehash());
                return Step::Retry;
            }
            place = Place { cell, word, level: place.level + 1 };
        }
        match place.word.node() {
            None => self.plant(context, place, request),
            Some(Node::Leaf(leaf)) => self.edit_leaf(context, place, leaf, request),
            Some(Node::Collision(node)) => self.edit_collision(context, place, node, request),
            Some(Node::Fan(_)) => unreachable!("the walk ends where there is no fan"),
        }
    }

    /// Changes an empty place: puts a node with one entry there.
    fn plant<'g>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        request: &mut AnyRequest<'_, 'g, St>,
    ) -> Step<Changed<'g, St>> {
        let Action::Put(draft) = request.ask(None) else {
            return Step::Done(Outcome::Kept(None));
        };
        let entry = Unpublished::<St>::new(draft, context.root.generation);
        let slot = entry.slot;
        let word = Self::node_of_one(context, place.level, request.hash, slot);
        // LINEARIZES insert into an empty place.
        if place.cell.replace(place.word, word).is_ok() {
            entry.publish();
            context.root.count.up();
            // SAFETY:
            // - published under the guard, so not freed for `'g`.
            let new = unsafe { St::pair(slot) };
            return Step::Done(Outcome::Put { old: None, new });
        }
        // SAFETY:
        // - made above and not published.
        unsafe { Self::unbuild(word) };
        request.spare = Some(entry.into_draft());
        Step::Retry
    }

    fn node_of_one<'n>(
        context: Context<'_, St>,
        level: u32,
        hash: u64,
        slot: St::Slot,
    ) -> Word<'n, St::Slot> {
        let birth = context.root.generation;
        if level == LEVELS {
            return Collision::allocate(birth, &[slot]);
        }
        let mut leaf = LeafDraft::new(Size::SMALLEST, birth);
        let pushed = leaf.push(path_below(hash, level), hash, slot);
        debug_assert!(pushed.is_ok());
        to_word(leaf)
    }

    /// Changes a key in the leaf at `place`.
    fn edit_leaf<'g>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        leaf: Leaf<'g, St::Slot>,
        request: &mut AnyRequest<'_, 'g, St>,
    ) -> Step<Changed<'g, St>> {
        let hash = request.hash;
        let bucket = leaf.bucket(path_below(hash, place.level));
        let mut waited: Option<(Seen<'g, St::Slot>, u32)> = None;
        // Each round begins with a new look at the bucket.
        loop {
            let seen = bucket.load();
            if seen.is_frozen() {
                self.rebuild(context, place, None, &request.rehash());
                return Step::Retry;
            }
            if seen.is_busy() && !request.peek {
                // Patience begins anew whenever another claim has succeeded.
                let times = match waited {
                    Some((before, times)) if before.is_version_of(seen) => times + 1,
                    _ => 1,
                };
                if times > PATIENCE {
                    self.rebuild(context, place, None, &request.rehash());
                    return Step::Retry;
                }
                waited = Some((seen, times));
                std::hint::spin_loop();
                continue;
            }
            // SAFETY:
            // - live, and reached under the guard, which keeps its entry.
            let hit = match seen.find(hash, |slot| unsafe { request.matches(slot) }) {
                Search::Found(hit) => Some(hit),
                Search::Absent => None,
                Search::Changed => continue,
            };
            let old = Self::pair_of(hit);
            let action = request.ask(old);
            // From here on something is to be changed.
            let busy = seen.is_busy();
            match action {
                Action::Keep => return Step::Done(Outcome::Kept(old)),
                Action::Remove => {
                    let (Some(hit), Some(old)) = (hit, old) else {
                        return Step::Done(Outcome::Kept(None));
                    };
                    if busy {
                        request.peek = false;
                        continue;
                    }
                    if seen.is_worn_out() {
                        self.rebuild(context, place, Some(hash), &request.rehash());
                        return Step::Retry;
                    }
                    if let Some(left) = seen.remove(hit) {
                        context.root.count.down();
                        self.retire_entry(context, hit.slot.now);
                        if left.is_empty() {
                            self.shrink(context.guard, hash, &request.rehash());
                        }
                        return Step::Done(Outcome::Removed(old));
                    }
                }
                Action::Put(draft) => {
                    if busy {
                        request.spare = Some(draft);
                        request.peek = false;
                        continue;
                    }
                    let room = seen
                        .room_at_home(hit)
                        .or_else(|| seen.room_in_spill())
                        .or_else(|| leaf.take_spill(seen))
                        .filter(|_| !seen.is_worn_out());
                    let Some(room) = room else {
                        request.spare = Some(draft);
                        self.rebuild(context, place, Some(hash), &request.rehash());
                        return Step::Retry;
                    };
                    match self.put(context, seen, room, hash, draft, hit) {
                        Ok(new) => return Step::Done(Outcome::Put { old, new }),
                        Err(draft) => request.spare = Some(draft),
                    }
                }
            }
        }
    }

    /// Changes a key in the collision node at `place`: puts another one there.
    fn edit_collision<'g>(
        &'g self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        node: Collision<'g, St::Slot>,
        request: &mut AnyRequest<'_, 'g, St>,
    ) -> Step<Changed<'g, St>> {
        let birth = context.root.generation;
        // SAFETY:
        // - a slot of this node, reached under the guard, which keeps its entry.
        let at = node.slots().position(|slot| unsafe { request.matches(&slot.now) });
        let mut slots: Vec<St::Slot> = node.slots().map(|slot| slot.now).collect();
        let hit = at.and_then(|at| node.nth(at));
        // SAFETY:
        // - as above: not freed for `'g`.
        let old = hit.map(|slot| unsafe { St::pair(slot.now) });
        match request.ask(old) {
            Action::Keep => Step::Done(Outcome::Kept(old)),
            Action::Remove => {
                let (Some(at), Some(hit), Some(old)) = (at, hit, old) else {
                    return Step::Done(Outcome::Kept(None));
                };
                slots.swap_remove(at);
                let left = Collision::allocate(birth, &slots);
                // SAFETY:
                // - the shell is this function's; its entries are not.
                let undo = |left| unsafe { Self::free_shell(left) };
                // LINEARIZES remove, of an entry whose hash others have too.
                if self.swing(context, place, left, undo).is_none() {
                    return Step::Retry;
                }
                context.root.count.down();
                self.retire_entry(context, hit.now);
                if left.is_empty() {
                    self.shrink(context.guard, request.hash, &request.rehash());
                }
                Step::Done(Outcome::Removed(old))
            }
            Action::Put(draft) => {
                let entry = Unpublished::<St>::new(draft, birth);
                let new = entry.slot;
                match at {
                    Some(at) => slots[at] = new,
                    None => slots.push(new),
                }
                let with_it = Collision::allocate(birth, &slots);
                stall_point("unpublished collision node");
                // SAFETY:
                // - the shell is this function's; its entries are not.
                let undo = |with_it| unsafe { Self::free_shell(with_it) };
                // LINEARIZES insert and replace, of an entry whose hash others have too.
                if self.swing(context, place, with_it, undo).is_none() {
                    request.spare = Some(entry.into_draft());
                    return Step::Retry;
                }
                entry.publish();
                match hit {
                    Some(hit) => self.retire_entry(context, hit.now),
                    None => context.root.count.up(),
                }
                // SAFETY:
                // - published under the guard, so not freed for `'g`.
                Step::Done(Outcome::Put { old, new: unsafe { St::pair(new) } })
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
}

impl<'g, St: Store + 'g, C: Change<'g, St> + ?Sized> Request<'g, St, C> {
    /// Whether a slot has the key.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed during the call.
    #[inline]
    unsafe fn matches(&self, slot: &St::Slot) -> bool {
        let mut eq = |key: &St::Key| self.is_key(key);
        // SAFETY:
        // - promised by the caller.
        unsafe { is_it::<St>(slot, self.hash, &mut eq) }
    }

    fn rehash(&self) -> impl Fn(&[&St::Key], &mut [u64]) {
        |keys, hashes| self.change.rehash_all(keys, hashes)
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
        let found = slot.map(|slot| unsafe { St::pair(slot.now) });
        self.ask_ahead(found)
    }
}
