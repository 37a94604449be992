//! Changing a key: find its place, ask what to do, and do it by one CAS.
//!
//! [`change_at_once`] does almost every change. It is compiled for each kind of change and has no loop. It gives up at
//! a busy, frozen or full bucket. [`attempt`](super::attempt()) then does the whole operation from the top of the tree.
//! It is compiled once for each type of slots and each engine.
#![expect(unsafe_code, reason = "owns entries that are not yet published")]

use std::mem::ManuallyDrop;

use super::attempt::{SlotChange, counted, put_in_spill};
use super::lookup::is_it;
use super::{Changed, Host, Pair};
use crate::bucket::{Hit, Search};
use crate::engine::{Action, Change, Outcome};
use crate::leaf::Leaf;
use crate::request::Request;
use crate::store::{ByKey, HashSlots, SlotHashes, Store};

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
    shrink: impl FnOnce(SlotHashes<'_, St::Slot>),
    persist: impl FnOnce(&mut dyn SlotChange<St::Slot>) -> Outcome<St::Slot>,
) -> Changed<'g, St> {
    match rest {
        Rest::Emptied(outcome) => {
            emptied(&request, shrink);
            outcome
        }
        Rest::Blocked => blocked(&mut request, persist),
    }
}

#[cold]
#[inline(never)]
fn emptied<'g, St: Store + 'g>(
    request: &AnyRequest<'_, 'g, St>,
    shrink: impl FnOnce(SlotHashes<'_, St::Slot>),
) {
    shrink(&ByKey::<St>(&request.rehash()));
}

#[cold]
#[inline(never)]
fn blocked<'g, St: Store + 'g>(
    request: &mut AnyRequest<'_, 'g, St>,
    persist: impl FnOnce(&mut dyn SlotChange<St::Slot>) -> Outcome<St::Slot>,
) -> Changed<'g, St> {
    // SAFETY:
    // - reached under the operation's guard, or published under it, so not freed for `'g`.
    persist(&mut SlotRequest(request)).map(|slot| unsafe { St::pair(slot) })
}

/// A request, as trees see it.
pub(crate) struct SlotRequest<'r, 'c, 'g, St: Store>(&'r mut AnyRequest<'c, 'g, St>);

impl<'g, St: Store + 'g> HashSlots<St::Slot> for SlotRequest<'_, '_, 'g, St> {
    unsafe fn hashes(&self, slots: &[St::Slot], hashes: &mut [u64]) {
        // SAFETY: the same contract.
        unsafe { ByKey::<St>(&self.0.rehash()).hashes(slots, hashes) };
    }
}

impl<'g, St: Store + 'g> SlotChange<St::Slot> for SlotRequest<'_, '_, 'g, St> {
    fn hash(&self) -> u64 {
        self.0.hash
    }

    fn peeks(&self) -> bool {
        self.0.peek
    }

    fn peek_no_more(&mut self) {
        self.0.peek = false;
    }

    unsafe fn is_it(&self, slot: &St::Slot) -> bool {
        // SAFETY: the same contract.
        unsafe { matches(self.0, slot) }
    }

    fn rehash(&self) -> SlotHashes<'_, St::Slot> {
        self
    }

    unsafe fn ask(&mut self, current: Option<St::Slot>) -> Action<()> {
        // SAFETY:
        // - not freed before the operation ends: promised by the caller.
        match self.0.ask(current.map(|slot| unsafe { St::pair(slot) })) {
            Action::Keep => Action::Keep,
            Action::Remove => Action::Remove,
            Action::Put(draft) => {
                self.0.spare = Some(draft);
                Action::Put(())
            }
        }
    }

    unsafe fn keeps(&mut self, current: Option<St::Slot>) -> bool {
        // SAFETY:
        // - as above.
        self.0.ask_ahead(current.map(|slot| unsafe { St::pair(slot) })).is_some()
    }

    fn expose(&mut self, birth: u64) -> St::Slot {
        // PANICS: never: called after an answer that put a draft there.
        let draft = self.0.spare.take().expect("a draft");
        St::expose(draft, birth)
    }

    unsafe fn retract(&mut self, slot: St::Slot) {
        // SAFETY: the same contract.
        self.0.spare = Some(unsafe { St::retract(slot) });
    }
}

/// Makes the change in the bucket of a leaf that `path` leads to, if nothing is in the way.
#[inline(always)]
pub(crate) fn change_at_once<'g, St: Store + 'g, H: Host<'g, St::Slot>, C: Change<'g, St>>(
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
            let emptied = left.is_empty() && leaf.may_be_far_too_large(path);
            if emptied { Err(Rest::Emptied(outcome)) } else { Ok(outcome) }
        }
        Action::Put(draft) => {
            let entry = Unpublished::<St>::new(draft, host.birth());
            let slot = entry.slot;
            let put = match seen.room_at_home(hit) {
                Some(room) => counted(host, hit.is_none(), || seen.put(room, hash, slot, hit)),
                None => put_in_spill(host, seen, leaf, hash, slot, hit),
            };
            if put.is_none() {
                request.spare = Some(entry.into_draft());
                return Err(Rest::Blocked);
            }
            entry.publish();
            if let Some(hit) = hit {
                retire_entry::<St, _>(host, hit.slot.now);
            }
            // SAFETY:
            // - published under the guard, so not freed for `'g`.
            Ok(Outcome::Put { old, new: unsafe { St::pair(slot) } })
        }
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
fn retire_entry<'g, St: Store + 'g, H: Host<'g, St::Slot>>(host: H, slot: St::Slot) {
    // SAFETY:
    // - the entry was reached under the guard, so it is not freed; this operation's CAS unlinked
    //   it, so no other thread retires it.
    unsafe { host.retire_entry(slot, |slot| St::garbage(slot)) };
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
