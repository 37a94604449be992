//! Changing a key: find its place, ask what to do, and do it by one CAS.
//!
//! [`change_at_once`] makes almost every change. It is compiled for each kind of change and has no loop. If the bucket
//! is busy, frozen or full, it gives up, and [`attempt`] does the whole operation from the top of the tree. [`attempt`]
//! is compiled once for each store and engine.
#![expect(unsafe_code, reason = "owns entries that are not yet published")]

use std::mem::ManuallyDrop;

use super::lookup::{self, is_it};
use super::node::{Collision, FAN_BITS, Node, View, Word};
use super::rebuild::{free_shell, rebuild, swing, to_word, unbuild};
use super::{Changed, Host, Pair, Place, Rehash, path_below};
use crate::bucket::{Hit, Room, Search, Seen};
use crate::engine::{Action, Change, Outcome};
use crate::entry::Store;
use crate::leaf::{Leaf, LeafDraft, Size};
use crate::request::Request;
use crate::sync::stall_point;

/// How often a writer looks at a busy bucket again before it revokes the claim. A claim lasts far shorter, unless its
/// owner is suspended.
const PATIENCE: u32 = if cfg!(any(miri, shuttle)) { 1 } else { 100 };

pub(crate) enum Step<T> {
    Done(T),
    /// Start again from the map's root.
    Retry,
}

/// A change of any kind.
pub(crate) type AnyRequest<'c, 'g, St> = Request<'g, St, dyn Change<'g, St> + 'c>;

/// An entry in a slot that is not yet published. Freed if the operation unwinds.
struct Unpublished<St: Store> {
    slot: St::Slot,
}

impl<St: Store> Unpublished<St> {
    #[inline]
    fn new(draft: St::Draft, birth: u64) -> Self {
        Self { slot: St::expose(draft, birth) }
    }

    /// The slot was published: the map now owns the entry.
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

/// What [`change_at_once`] leaves for [`finish`] to do.
pub(crate) enum Rest<T> {
    /// The change is done, and the bucket has become empty.
    Emptied(T),
    /// The bucket is busy, frozen or full, or a node on the way is.
    Blocked,
}

/// Does what [`change_at_once`] left to do. Takes the request by value, so that only this path stores it in memory.
#[inline(always)]
pub(crate) fn finish<'g, St: Store + 'g, C: Change<'g, St>>(
    rest: Rest<Changed<'g, St>>,
    mut request: Request<'g, St, C>,
    shrink: impl FnOnce(Rehash<'_, St>),
    persist: impl FnOnce(&mut AnyRequest<'_, 'g, St>) -> Changed<'g, St>,
) -> Changed<'g, St> {
    match rest {
        Rest::Emptied(outcome) => {
            shrink(&request.rehash());
            outcome
        }
        Rest::Blocked => persist(&mut request),
    }
}

/// Makes the change in the bucket of a leaf that `path` leads to, if nothing is in the way.
#[inline(always)]
pub(crate) fn change_at_once<'g, St: Store + 'g, H: Host<'g, St>, C: Change<'g, St>>(
    host: H,
    leaf: Leaf<'g, St::Slot>,
    path: u64,
    request: &mut Request<'g, St, C>,
) -> Result<Changed<'g, St>, Rest<Changed<'g, St>>> {
    let hash = request.hash;
    let bucket = leaf.bucket(path);
    bucket.prefetch_slots();
    let seen = bucket.load();
    if !seen.is_open() {
        return Err(Rest::Blocked);
    }
    // SAFETY:
    // - live, and reached under the guard, which keeps its entry.
    let hit = match seen.find(hash, |slot| unsafe { matches(request, slot) }) {
        Search::Found(hit) => Some(hit),
        Search::Absent => None,
        Search::Changed => return Err(Rest::Blocked),
    };
    let old = pair_of::<St>(hit);
    match request.ask(old) {
        Action::Keep => Ok(Outcome::Kept(old)),
        Action::Remove => {
            let (Some(hit), Some(old)) = (hit, old) else {
                return Ok(Outcome::Kept(None));
            };
            let Some(left) = seen.remove(hit) else { return Err(Rest::Blocked) };
            host.count_down();
            retire_entry::<St, _>(host, hit.slot.now);
            let outcome = Outcome::Removed(old);
            if left.is_empty() { Err(Rest::Emptied(outcome)) } else { Ok(outcome) }
        }
        Action::Put(draft) => {
            let put = match seen.room_at_home(hit) {
                Some(room) => put::<St, _>(host, seen, room, hash, draft, hit),
                None => put_in_spill::<St, _>(host, seen, leaf, hash, draft, hit),
            };
            match put {
                Ok(new) => Ok(Outcome::Put { old, new }),
                Err(draft) => {
                    request.spare = Some(draft);
                    Err(Rest::Blocked)
                }
            }
        }
    }
}

/// Publishes an entry by calling `publish`. If its key `is_new`, it is counted before that, and uncounted if `publish`
/// fails: see [`count`](crate::count).
#[inline(always)]
fn counted<'g, St: Store + 'g, T>(
    host: impl Host<'g, St>,
    is_new: bool,
    publish: impl FnOnce() -> Option<T>,
) -> Option<T> {
    if is_new {
        host.count_up();
    }
    let done = publish();
    if is_new && done.is_none() {
        host.count_down();
    }
    done
}

/// Puts an entry into a bucket, replacing `hit` if there is one. Returns the draft if the bucket has changed.
#[inline(always)]
fn put<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    seen: Seen<'g, St::Slot>,
    room: Room,
    hash: u64,
    draft: St::Draft,
    hit: Option<Hit<'g, St::Slot>>,
) -> Result<Pair<'g, St>, St::Draft> {
    let entry = Unpublished::<St>::new(draft, host.birth());
    let slot = entry.slot;
    if counted(host, hit.is_none(), || seen.put(room, hash, slot, hit)).is_none() {
        return Err(entry.into_draft());
    }
    entry.publish();
    if let Some(hit) = hit {
        retire_entry::<St, _>(host, hit.slot.now);
    }
    // SAFETY:
    // - published under the guard, so not freed for `'g`.
    Ok(unsafe { St::pair(slot) })
}

/// [`put`] into the spill bucket; takes one if the bucket has none. Returns the draft also if there is no room.
#[cold]
#[inline(never)]
fn put_in_spill<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    seen: Seen<'g, St::Slot>,
    leaf: Leaf<'g, St::Slot>,
    hash: u64,
    draft: St::Draft,
    hit: Option<Hit<'g, St::Slot>>,
) -> Result<Pair<'g, St>, St::Draft> {
    match seen.room_in_spill().or_else(|| leaf.take_spill(seen)) {
        Some(room) => put::<St, _>(host, seen, room, hash, draft, hit),
        None => Err(draft),
    }
}

#[inline]
fn pair_of<'g, St: Store + 'g>(hit: Option<Hit<'g, St::Slot>>) -> Option<Pair<'g, St>> {
    // SAFETY:
    // - a hit was live, and was reached under the operation's guard, which keeps its entry for `'g`.
    hit.map(|hit| unsafe { St::pair(hit.slot.now) })
}

/// Retires an entry that this operation just took out.
#[inline]
fn retire_entry<'g, St: Store + 'g, H: Host<'g, St>>(host: H, slot: St::Slot) {
    // SAFETY:
    // - the entry was reached under the guard, so it is not freed; this operation's CAS unlinked
    //   it, so no other thread retires it.
    unsafe { host.retire_entry(slot) };
}

/// One walk from the top of a tree, which is not frozen.
pub(crate) fn attempt<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    mut place: Place<'g, St::Slot>,
    request: &mut AnyRequest<'_, 'g, St>,
) -> Step<Changed<'g, St>> {
    loop {
        if place.word.is_older() {
            if let Some(found) = decide_before_copying(place, request) {
                return Step::Done(Outcome::Kept(found));
            }
            match rebuild(host, place, None, &request.rehash()) {
                Some(rebuilt) => place.word = rebuilt,
                None => return Step::Retry,
            }
            continue;
        }
        let Some(fan) = place.word.fan() else { break };
        let cell = fan.by_top_bits(path_below(request.hash, place.depth));
        let word = cell.load(host.guard());
        if word.is_frozen() {
            // Frozen in this generation by a collapse, or by a newer generation. In that case the word of the fan is
            // frozen too, and so on up to the root.
            rebuild(host, place, None, &request.rehash());
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

/// Asks for the decision before a frozen place, or one about to be frozen, is copied, unless the change is certain to
/// change something. If nothing changes, returns the present entry. Otherwise the answer is used once the place has
/// been copied, provided that the key still has the same entry.
pub(crate) fn decide_before_copying<'g, St: Store + 'g>(
    place: Place<'g, St::Slot>,
    request: &mut AnyRequest<'_, 'g, St>,
) -> Option<Option<Pair<'g, St>>> {
    if !request.peek {
        return None;
    }
    request.peek = false;
    let Place { word, depth, .. } = place;
    let mut eq = |key: &St::Key| request.is_key(key);
    let slot = lookup::find::<St>(word, View::Observed, depth, request.hash, &mut eq);
    // SAFETY:
    // - the entry was reached under the operation's guard, which keeps it for `'g`.
    let found = slot.map(|slot| unsafe { St::pair(slot.now) });
    request.ask_ahead(found)
}

/// Changes an empty place: puts a node with one entry there.
fn plant<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    place: Place<'g, St::Slot>,
    request: &mut AnyRequest<'_, 'g, St>,
) -> Step<Changed<'g, St>> {
    let Action::Put(draft) = request.ask(None) else {
        return Step::Done(Outcome::Kept(None));
    };
    let entry = Unpublished::<St>::new(draft, host.birth());
    let slot = entry.slot;
    let word = node_of_one::<St>(host.birth(), place.depth, request.hash, slot);
    // LINEARIZES insert into an empty place.
    if counted(host, true, || place.cell.replace(place.word, word).ok()).is_some() {
        entry.publish();
        // SAFETY:
        // - published under the guard, so not freed for `'g`.
        let new = unsafe { St::pair(slot) };
        return Step::Done(Outcome::Put { old: None, new });
    }
    // SAFETY:
    // - made above and not published.
    unsafe { unbuild::<St>(word) };
    request.spare = Some(entry.into_draft());
    Step::Retry
}

fn node_of_one<'n, St: Store>(
    birth: u64,
    depth: u32,
    hash: u64,
    slot: St::Slot,
) -> Word<'n, St::Slot> {
    if depth >= u64::BITS {
        return Collision::allocate(birth, &[slot]);
    }
    let mut leaf = LeafDraft::new(Size::SMALLEST, birth);
    let pushed = leaf.push(path_below(hash, depth), hash, slot);
    debug_assert!(pushed.is_ok());
    to_word(leaf)
}

/// Changes a key in the leaf at `place`.
fn edit_leaf<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    place: Place<'g, St::Slot>,
    leaf: Leaf<'g, St::Slot>,
    request: &mut AnyRequest<'_, 'g, St>,
) -> Step<Changed<'g, St>> {
    let hash = request.hash;
    let bucket = leaf.bucket(path_below(hash, place.depth));
    let mut waited: Option<(Seen<'g, St::Slot>, u32)> = None;
    // Each round reads the bucket again.
    loop {
        let seen = bucket.load();
        if seen.is_frozen() {
            rebuild(host, place, None, &request.rehash());
            return Step::Retry;
        }
        if seen.is_busy() && !request.peek {
            // The count of looks starts again whenever another claim has succeeded.
            let times = match waited {
                Some((before, times)) if before.is_version_of(seen) => times + 1,
                _ => 1,
            };
            if times > PATIENCE {
                rebuild(host, place, None, &request.rehash());
                return Step::Retry;
            }
            waited = Some((seen, times));
            std::hint::spin_loop();
            continue;
        }
        // SAFETY:
        // - live, and reached under the guard, which keeps its entry.
        let hit = match seen.find(hash, |slot| unsafe { matches(request, slot) }) {
            Search::Found(hit) => Some(hit),
            Search::Absent => None,
            Search::Changed => continue,
        };
        let old = pair_of::<St>(hit);
        let action = request.ask(old);
        // From here on there is something to change.
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
                    rebuild(host, place, Some(hash), &request.rehash());
                    return Step::Retry;
                }
                if let Some(left) = seen.remove(hit) {
                    host.count_down();
                    retire_entry::<St, _>(host, hit.slot.now);
                    if left.is_empty() {
                        host.shrink(hash, &request.rehash());
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
                    if !host.outgrows(place.depth, leaf, hash, &request.rehash()) {
                        rebuild(host, place, Some(hash), &request.rehash());
                    }
                    return Step::Retry;
                };
                match put::<St, _>(host, seen, room, hash, draft, hit) {
                    Ok(new) => return Step::Done(Outcome::Put { old, new }),
                    Err(draft) => request.spare = Some(draft),
                }
            }
        }
    }
}

/// Changes a key in the collision node at `place`, by replacing the node.
fn edit_collision<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    place: Place<'g, St::Slot>,
    node: Collision<'g, St::Slot>,
    request: &mut AnyRequest<'_, 'g, St>,
) -> Step<Changed<'g, St>> {
    // SAFETY:
    // - a slot of this node, reached under the guard, which keeps its entry.
    let at = node.slots().position(|slot| unsafe { matches(request, &slot.now) });
    let mut slots: Vec<St::Slot> = node.slots().map(|slot| slot.now).collect();
    let hit = at.and_then(|at| node.nth(at));
    // SAFETY:
    // - as above: not freed for `'g`.
    let old = hit.map(|slot| unsafe { St::pair(slot.now) });
    // SAFETY:
    // - this function owns the shell, but not its entries.
    let undo = |node| unsafe { free_shell::<St>(node) };
    match request.ask(old) {
        Action::Keep => Step::Done(Outcome::Kept(old)),
        Action::Remove => {
            let (Some(at), Some(hit), Some(old)) = (at, hit, old) else {
                return Step::Done(Outcome::Kept(None));
            };
            slots.swap_remove(at);
            let left = Collision::allocate(host.birth(), &slots);
            // LINEARIZES remove of an entry in a collision node.
            if swing(host, place, left, undo).is_none() {
                return Step::Retry;
            }
            host.count_down();
            retire_entry::<St, _>(host, hit.now);
            if left.is_empty() {
                host.shrink(request.hash, &request.rehash());
            }
            Step::Done(Outcome::Removed(old))
        }
        Action::Put(draft) => {
            let entry = Unpublished::<St>::new(draft, host.birth());
            let new = entry.slot;
            match at {
                Some(at) => slots[at] = new,
                None => slots.push(new),
            }
            let with_it = Collision::allocate(host.birth(), &slots);
            stall_point("unpublished collision node");
            // LINEARIZES insert and replace in a collision node.
            if counted(host, hit.is_none(), || swing(host, place, with_it, undo)).is_none() {
                request.spare = Some(entry.into_draft());
                return Step::Retry;
            }
            entry.publish();
            if let Some(hit) = hit {
                retire_entry::<St, _>(host, hit.now);
            }
            // SAFETY:
            // - published under the guard, so not freed for `'g`.
            Step::Done(Outcome::Put { old, new: unsafe { St::pair(new) } })
        }
    }
}

/// Whether a slot has the key of a request.
///
/// # Safety
/// - The slot was live, and its entry is not freed during the call.
#[inline]
unsafe fn matches<'g, St: Store + 'g, C: Change<'g, St> + ?Sized>(
    request: &Request<'g, St, C>,
    slot: &St::Slot,
) -> bool {
    let mut eq = |key: &St::Key| request.is_key(key);
    // SAFETY:
    // - promised by the caller.
    unsafe { is_it::<St>(slot, request.hash, &mut eq) }
}
