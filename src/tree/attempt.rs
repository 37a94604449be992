//! Changing a key where the fast path gave up: at a busy, frozen or full bucket, or where there is no leaf.
//!
//! This code sees only slots, and the change as a [`SlotChange`]. So it is compiled once for each type of slots.
#![expect(unsafe_code, reason = "owns entries between their making and their publication")]

use std::mem::ManuallyDrop;

use super::lookup::{self, IsIt};
use super::node::{Collision, FAN_BITS, Node, View, Word};
use super::rebuild::{free_shell, rebuild, swing, to_word, unbuild};
use super::{Host, Place, path_below};
use crate::bucket::{Hit, Search, Seen};
use crate::engine::{Action, Outcome};
use crate::leaf::{Leaf, LeafDraft, Size};
use crate::store::{SlotHashes, TreeSlot};
use crate::sync::stall_point;

/// How often a writer looks at a busy bucket before it revokes the claim: a running thread takes less time to publish.
const PATIENCE: u32 = if cfg!(any(miri, shuttle)) { 1 } else { 100 };

pub(crate) enum Step<T> {
    Done(T),
    /// Start again from the map's root.
    Retry,
}

/// A change of one key, in terms of slots.
pub(crate) trait SlotChange<T> {
    fn hash(&self) -> u64;

    /// Whether to ask before a node is copied, because the change may decide to change nothing.
    fn peeks(&self) -> bool;

    fn peek_no_more(&mut self);

    /// Whether a slot has the key.
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed during the call.
    unsafe fn is_it(&self, slot: &T) -> bool;

    /// Computes the hashes of slots that do not know theirs.
    fn rehash(&self) -> SlotHashes<'_, T>;

    /// Decides what to do, given the present slot of the key. After a `Put` there is a draft to [expose](Self::expose).
    ///
    /// # Safety
    /// - The slot was live, and its entry is not freed during the operation.
    unsafe fn ask(&mut self, current: Option<T>) -> Action<()>;

    /// Decides before there is a place to carry the decision out. Returns whether nothing changes.
    ///
    /// # Safety
    /// - As for [`Self::ask`].
    unsafe fn keeps(&mut self, current: Option<T>) -> bool;

    /// Turns the draft into a slot.
    ///
    /// # Panics
    /// If there is no draft.
    fn expose(&mut self, birth: u64) -> T;

    /// Takes a slot back that was not published.
    ///
    /// # Safety
    /// - From [`Self::expose`], and no other thread has seen it.
    unsafe fn retract(&mut self, slot: T);
}

/// A slot that is not published. If it is dropped, the change takes it back.
struct Unpublished<'r, T: TreeSlot> {
    change: &'r mut dyn SlotChange<T>,
    slot: T,
}

impl<'r, T: TreeSlot> Unpublished<'r, T> {
    fn of(change: &'r mut dyn SlotChange<T>, birth: u64) -> Self {
        let slot = change.expose(birth);
        Self { change, slot }
    }

    /// Called once the slot is published, so that the map owns the entry.
    fn publish(self) -> T {
        ManuallyDrop::new(self).slot
    }
}

impl<T: TreeSlot> Drop for Unpublished<'_, T> {
    fn drop(&mut self) {
        // SAFETY:
        // - from `expose`, and not published: `publish` consumes the value.
        unsafe { self.change.retract(self.slot) };
    }
}

/// One walk from the top of a tree, which is not frozen.
pub(crate) fn attempt<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    mut place: Place<'g, T>,
    request: &mut dyn SlotChange<T>,
) -> Step<Outcome<T>> {
    loop {
        if place.word.is_older() {
            if let Some(found) = decide_before_copying(place, request) {
                return Step::Done(Outcome::Kept(found));
            }
            match rebuild(host, place, None, request.rehash()) {
                Some(rebuilt) => place.word = rebuilt,
                None => return Step::Retry,
            }
            continue;
        }
        let Some(fan) = place.word.fan() else { break };
        let cell = fan.by_top_bits(path_below(request.hash(), place.depth));
        let word = cell.load(host.guard());
        if word.is_frozen() {
            // Frozen by a collapse of this generation, or by a newer generation. In the second case the words above are
            // frozen too, up to the root.
            rebuild(host, place, None, request.rehash());
            return Step::Retry;
        }
        place = Place { cell, word, depth: place.depth + FAN_BITS };
    }
    match place.word.node() {
        None => plant(host, place, request),
        Some(Node::Leaf(leaf)) => edit_leaf(host, place, leaf, request),
        Some(Node::Collision(node)) => edit_collision(host, place, node, request),
        Some(Node::Fan(_)) => unreachable!("the walk ends where there is no fan"),
    }
}

/// Asks for the decision before a frozen place is copied, unless the change is sure to change something. If nothing is
/// to change, returns the present entry. Otherwise the decision is used after the copying, if the key still has the
/// same entry then.
pub(crate) fn decide_before_copying<T: TreeSlot>(
    place: Place<'_, T>,
    request: &mut dyn SlotChange<T>,
) -> Option<Option<T>> {
    if !request.peeks() {
        return None;
    }
    request.peek_no_more();
    let (hash, path) = (request.hash(), path_below(request.hash(), place.depth));
    // SAFETY:
    // - not freed: reached under the operation's guard.
    let mut is_it = |slot: &T| unsafe { request.is_it(slot) };
    let is_it: &mut IsIt<'_, T> = &mut is_it;
    let slot = lookup::find_below(place.word, View::Observed, path, hash, is_it);
    let found = slot.map(|slot| slot.now);
    // SAFETY:
    // - reached under the operation's guard, which keeps the entry.
    unsafe { request.keeps(found) }.then_some(found)
}

/// Changes an empty place: puts a node with one entry there.
fn plant<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    request: &mut dyn SlotChange<T>,
) -> Step<Outcome<T>> {
    // SAFETY:
    // - no slot.
    let Action::Put(()) = (unsafe { request.ask(None) }) else {
        return Step::Done(Outcome::Kept(None));
    };
    let hash = request.hash();
    let entry = Unpublished::of(request, host.birth());
    let word = node_of_one(host.birth(), place.depth, hash, entry.slot);
    // LINEARIZES insert into an empty place.
    if counted(host, true, || place.cell.replace(place.word, word).ok()).is_some() {
        return Step::Done(Outcome::Put { old: None, new: entry.publish() });
    }
    // SAFETY:
    // - made above and not published.
    unsafe { unbuild(word.erased()) };
    Step::Retry
}

fn node_of_one<'n, T: TreeSlot>(birth: u64, depth: u32, hash: u64, slot: T) -> Word<'n, T> {
    if depth >= u64::BITS {
        return Collision::allocate(birth, &[slot]);
    }
    let mut leaf = LeafDraft::new(Size::SMALLEST, birth);
    let pushed = leaf.push(path_below(hash, depth), hash, slot);
    debug_assert!(pushed.is_ok());
    to_word(leaf)
}

/// Changes a key in the leaf at `place`.
fn edit_leaf<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    leaf: Leaf<'g, T>,
    request: &mut dyn SlotChange<T>,
) -> Step<Outcome<T>> {
    let hash = request.hash();
    let bucket = leaf.bucket(path_below(hash, place.depth));
    let mut waited: Option<(Seen<'g, T>, u32)> = None;
    // Each round reads the bucket again.
    loop {
        let seen = bucket.load();
        if seen.is_frozen() {
            rebuild(host, place, None, request.rehash());
            return Step::Retry;
        }
        if seen.is_busy() && !request.peeks() {
            // The count starts again whenever another claim has succeeded.
            let times = match waited {
                Some((before, times)) if before.is_version_of(seen) => times + 1,
                _ => 1,
            };
            if times > PATIENCE {
                rebuild(host, place, None, request.rehash());
                return Step::Retry;
            }
            waited = Some((seen, times));
            std::hint::spin_loop();
            continue;
        }
        // SAFETY:
        // - live, and reached under the guard, which keeps its entry.
        let hit = match seen.find(hash, |slot| unsafe { request.is_it(slot) }) {
            Search::Found(hit) => Some(hit),
            Search::Absent => None,
            Search::Changed => continue,
        };
        let old = hit.map(|hit| hit.slot.now);
        // SAFETY:
        // - live, and reached under the guard.
        let action = unsafe { request.ask(old) };
        // From here on something is to be changed.
        let busy = seen.is_busy();
        match action {
            Action::Keep => return Step::Done(Outcome::Kept(old)),
            Action::Remove => {
                let (Some(hit), Some(old)) = (hit, old) else {
                    return Step::Done(Outcome::Kept(None));
                };
                if busy {
                    request.peek_no_more();
                    continue;
                }
                if seen.is_worn_out() {
                    rebuild(host, place, Some(hash), request.rehash());
                    return Step::Retry;
                }
                if let Some(left) = seen.remove(hit) {
                    host.count_down();
                    retire_entry(host, old);
                    if left.is_empty() {
                        host.shrink(hash, request.rehash());
                    }
                    return Step::Done(Outcome::Removed(old));
                }
            }
            Action::Put(()) => {
                if busy {
                    request.peek_no_more();
                    continue;
                }
                let room = seen
                    .room_at_home(hit)
                    .or_else(|| seen.room_in_spill())
                    .or_else(|| leaf.take_spill(seen))
                    .filter(|_| !seen.is_worn_out());
                let Some(room) = room else {
                    if !host.outgrows(place.depth, leaf, hash, request.rehash()) {
                        rebuild(host, place, Some(hash), request.rehash());
                    }
                    return Step::Retry;
                };
                let entry = Unpublished::of(request, host.birth());
                let put = || seen.put(room, hash, entry.slot, hit);
                if counted(host, hit.is_none(), put).is_some() {
                    let new = entry.publish();
                    old.into_iter().for_each(|old| retire_entry(host, old));
                    return Step::Done(Outcome::Put { old, new });
                }
            }
        }
    }
}

/// Changes a key in the collision node at `place`, by replacing the node.
fn edit_collision<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    node: Collision<'g, T>,
    request: &mut dyn SlotChange<T>,
) -> Step<Outcome<T>> {
    // SAFETY:
    // - a slot of this node, reached under the guard, which keeps its entry.
    let at = node.slots().position(|slot| unsafe { request.is_it(&slot.now) });
    let mut slots: Vec<T> = node.slots().map(|slot| slot.now).collect();
    let old = at.and_then(|at| node.nth(at)).map(|slot| slot.now);
    // SAFETY:
    // - this function owns the shell, but not its entries.
    let undo = |node: Word<'g, T>| unsafe { free_shell(node.erased()) };
    // SAFETY:
    // - as above: not freed during the operation.
    match unsafe { request.ask(old) } {
        Action::Keep => Step::Done(Outcome::Kept(old)),
        Action::Remove => {
            let (Some(at), Some(old)) = (at, old) else {
                return Step::Done(Outcome::Kept(None));
            };
            slots.swap_remove(at);
            let left = Collision::allocate(host.birth(), &slots);
            // LINEARIZES remove, of an entry whose hash other entries have too.
            if swing(host, place, left, undo).is_none() {
                return Step::Retry;
            }
            host.count_down();
            retire_entry(host, old);
            if left.is_empty() {
                host.shrink(request.hash(), request.rehash());
            }
            Step::Done(Outcome::Removed(old))
        }
        Action::Put(()) => {
            let entry = Unpublished::of(request, host.birth());
            match at {
                Some(at) => slots[at] = entry.slot,
                None => slots.push(entry.slot),
            }
            let with_it = Collision::allocate(host.birth(), &slots);
            stall_point("unpublished collision node");
            // LINEARIZES insert and replace, of an entry whose hash other entries have too.
            if counted(host, old.is_none(), || swing(host, place, with_it, undo)).is_none() {
                return Step::Retry;
            }
            let new = entry.publish();
            old.into_iter().for_each(|old| retire_entry(host, old));
            Step::Done(Outcome::Put { old, new })
        }
    }
}

/// Publishes an entry by `publish`. If its key `is_new`, counts it before (see [`count`](crate::count)), and uncounts
/// it if `publish` fails.
#[inline(always)]
pub(super) fn counted<'g, T: TreeSlot + 'g, R>(
    host: impl Host<'g, T>,
    is_new: bool,
    publish: impl FnOnce() -> Option<R>,
) -> Option<R> {
    if is_new {
        host.count_up();
    }
    let done = publish();
    if is_new && done.is_none() {
        host.count_down();
    }
    done
}

/// Puts an entry into the spill bucket. If there is none, takes one. Fails if there is no room, or the bucket has
/// changed.
#[cold]
#[inline(never)]
pub(super) fn put_in_spill<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    seen: Seen<'g, T>,
    leaf: Leaf<'g, T>,
    hash: u64,
    slot: T,
    hit: Option<Hit<'g, T>>,
) -> Option<()> {
    let room = seen.room_in_spill().or_else(|| leaf.take_spill(seen))?;
    counted(host, hit.is_none(), || seen.put(room, hash, slot, hit))
}

/// Retires an entry that this operation just took out.
fn retire_entry<'g, T: TreeSlot + 'g, H: Host<'g, T>>(host: H, slot: T) {
    // SAFETY:
    // - the entry was reached under the guard, so it is not freed; this operation's CAS unlinked
    //   it, so no other thread retires it.
    unsafe { host.retire_entry(slot, |slot| host.garbage(slot)) };
}
