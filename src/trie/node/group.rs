//! One group of a branch: a state word, a tag for each slot, and the slots.
//!
//! ```text
//! state = FROZEN | OPEN | live bitmap  the word that CASes change which keys are here
//! tags  = a byte of hash for each slot; zero means unclaimed
//! stamp = when a slot was last claimed or an entry taken out, in grace periods
//! slots = [T]
//! ```
//!
//! A slot is *claimed* (CAS of its tag byte), *written* once its owner has a value, and *published* at
//! most once (CAS of the state that sets its live bit). When its entry is taken out it is dead, and so
//! it is if its owner loses or stalls. Nobody claims it again before every guard of that time is gone:
//! within one guard slots are append-only. Hence, to an operation, two states of a group that are
//! equal have the same entries, and its CAS knows no ABA.
//!
//! # Handing dead slots back
//!
//! A group without a free slot is rebuilt, unless [`Group::hand_back`] finds that all its dead slots have
//! rested for long enough: it makes them free again. So where entries come and go at a constant size
//! next to nothing is rebuilt. It asks the clock, [`Guard::now`]. Once another thread reads two more than
//! an operation did, that operation's guard is gone, and all it did is seen.
//!
//! An operation that is about to claim a slot or to take an entry out reads `now` and stores it as the *stamp*,
//! plainly. So a late one may overwrite a newer stamp, but one that is newer by 1 at most: had `now` gone on
//! by two, the late one's guard would be gone. Let `hand_back` read `now`, find the stamp older by 4
//! ([`REST`]) or more, and then read state and tags. Of a slot that has a tag and is not live there:
//!
//! - *It was claimed* after a stamp of at most the stamp + 1, and by `now`, three more, the guard of its owner is
//!   gone: nobody is about to publish it, and if it was published, that is seen.
//! - *Its entry was taken out* after a stamp of at most the stamp + 1. That guard is gone when the count is
//!   two more, and a guard that begins under that count sees the removal. The older ones are gone with one
//!   more: no thread reads the slot, or has a state in which it was live.
//! - *Nobody else hands it back*: the stamp goes to `now` by CAS before any tag is touched, and while this
//!   operation's guard is there nobody reads 4 more. A stamp that came between fails the CAS; or it is
//!   the old one again, by two that were late, and then both were over before `now` was read.
//!
//! That the last stamp of those seen is seen too is by orderings: a stamp is stored before the Release of
//! the claim or of the removal, which are read with Acquire before the CAS. Frozen groups have no part in
//! this: which of their slots are live never changes, and no other is read.
//! Models: `slots_are_handed_back_*`; planted: `no_rest`.
//!
//! [`Guard::now`]: crate::reclaim::Guard::now
//!
//! # Replacing in place
//!
//! Where a slot has its pointer in one atomic word ([`Slot::SWAPS`]) an entry is replaced by a CAS of
//! that word, and the state stays as it is. Three rules keep this in step with the state:
//!
//! 1. The first replacement sets `OPEN` in the state, for ever. The state of a group that is not open
//!    tells everything: a CAS of it fails if the group was opened meanwhile.
//! 2. In an open group, who takes an entry out *seals* its slot first; then no replacement can come
//!    between the look at the entry and the CAS of the state. (If that CAS fails, the slot stays
//!    sealed, and its entry is replaced by publishing another slot.)
//! 3. Who reads a slot of an open group whose state must be frozen for it (a snapshot, an operation of
//!    a newer generation, a rebuild) seals the slot, as it froze the state: the slot's pointer is one
//!    more word under the rule of [`crate::trie`].
//!
//! So insertions and removals are ordered by the state, replacements by the slot, and no replacement
//! comes after the sealing that a removal, a copy or a snapshot began with.
//! Models: `replacements_against_removal`, `first_replacement_against_removal`,
//! `replacement_against_snapshot`, `replacement_against_growth`.
//!
//! # Who may read or write a slot
//!
//! Until it is published, a claimed slot belongs to the thread that claimed it. From then on it is
//! shared memory, and whoever saw its live bit with Acquire may read it, under the guard that it was
//! seen under, or in a frozen group. A slot whose owner stalls or loses stays claimed and dead; that
//! costs one slot, until it is handed back, and blocks nobody.
#![expect(unsafe_code, reason = "slots are plain memory that the state word protects")]

use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

use super::branch::Geometry;
use super::slot::{Held, Slot, Swap};
use super::tags;
use super::word::View;
use crate::prefetch;
use crate::sync::{AtomicU64, Ordering, fence, planted, stall_point};

/// Grace periods from a group's last claim or removal until its dead slots are handed back.
const REST: u64 = 4;

const FROZEN: u64 = 1 << 63;
const OPEN: u64 = 1 << 62;

/// The memory of a slot.
pub(super) type RawSlot<T> = UnsafeCell<MaybeUninit<<T as Slot>::Cell>>;

/// A reference to a group.
pub(crate) struct Group<'g, T: Slot> {
    state: &'g AtomicU64,
    tags: &'g [tags::Pair],
    stamp: &'g AtomicU64,
    slots: &'g [RawSlot<T>],
}

impl<T: Slot> Clone for Group<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Group<'_, T> {}

/// A group together with a state that was read from it, with Acquire.
///
/// INVARIANT: `bits` was read from `group.state` or is what this thread's own CAS wrote there, under the
/// guard that is still held, or frozen: so every slot whose bit is set in it was published, is not claimed
/// anew, and may be read.
pub(crate) struct Seen<'g, T: Slot> {
    group: Group<'g, T>,
    bits: u64,
}

impl<T: Slot> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Seen<'_, T> {}

/// A live slot that a search found.
pub(crate) struct Hit<'g, T: Slot> {
    index: u32,
    pub(crate) slot: Held<'g, T>,
}

/// How the replacement of an entry in place went.
pub(crate) enum Exchange<'g, T: Slot> {
    Done(Held<'g, T>),
    /// The slot is sealed, or its type has no such replacement: a new slot must be published.
    Sealed(Seen<'g, T>),
    /// The group or the entry changed; here is the present state.
    Changed(Seen<'g, T>),
}

/// A slot that this thread claimed and wrote, and that is not published.
///
/// INVARIANT: made only by [`Group::claim`], once for each time that a slot was free; initialised.
pub(crate) struct Claim<'g, T: Slot> {
    index: u32,
    slot: &'g RawSlot<T>,
    value: T,
}

impl<T: Slot> Claim<'_, T> {
    /// Writes the slot anew.
    pub(crate) fn write(&mut self, value: T) {
        // SAFETY:
        // - exclusive: the slot is claimed by this value alone, and nobody reads it before its live
        //   bit is set, which consumes the claim.
        unsafe { (*self.slot.get()).write(value.into_cell()) };
        self.value = value;
    }
}

impl<'g, T: Slot> Group<'g, T> {
    pub(super) fn new(
        state: &'g AtomicU64,
        tags: &'g [tags::Pair],
        stamp: &'g AtomicU64,
        slots: &'g [RawSlot<T>],
    ) -> Self {
        Self { state, tags, stamp, slots }
    }

    /// Reads the state as `view` allows.
    #[inline]
    pub(crate) fn read(self, view: View<'g>) -> Seen<'g, T> {
        match view {
            View::Live(_) => self.load(),
            View::Observed if planted("no_freeze") => self.load(),
            View::Observed => self.observe(),
        }
    }

    /// Reads the state as it is.
    #[inline]
    pub(crate) fn load(self) -> Seen<'g, T> {
        // Acquire: the tags and slots behind the live bits; pairs with the Release of `publish`.
        // Every later change of the state is a CAS, so the release sequence of each publishing CAS
        // goes on: this one load synchronises with the publisher of every live bit it sees.
        Seen { group: self, bits: self.state.load(Ordering::Acquire) }
    }

    /// Freezes the state if it is not frozen yet, and reads it.
    #[inline]
    pub(crate) fn observe(self) -> Seen<'g, T> {
        let seen = self.load();
        if seen.is_frozen() {
            return seen;
        }
        // AcqRel: Acquire as in `load`. Release: the freeze goes on the release sequences above.
        let before = self.state.fetch_or(FROZEN, Ordering::AcqRel);
        Seen { group: self, bits: before | FROZEN }
    }

    /// Asks for the cache lines that an operation on this hash is about to touch: the state's, and
    /// two of slots, since an entry whose home line was full is mostly on the next one.
    #[inline]
    pub(crate) fn prefetch(self, hash: u64) {
        let home = self.slots[self.home(hash)].get();
        prefetch::read(self.state);
        prefetch::read(home);
        prefetch::read(home.cast::<u8>().wrapping_add(64));
    }

    /// The slots with this tag, as a bitmap; bits past the last slot may be set.
    #[inline]
    fn tagged(self, tag: u8) -> u64 {
        match const { Geometry::<T>::FULL.div_ceil(16) } {
            1 => tags::matching::<1>(self.tags, tag),
            2 => tags::matching::<2>(self.tags, tag),
            _ => tags::matching::<{ tags::MOST_PAIRS }>(self.tags, tag),
        }
    }

    /// A bit for each slot.
    fn in_range(self) -> u64 {
        !0 >> (64 - self.slots.len())
    }

    /// Of the free slots, one on the cache line that a search for the hash prefetches, else the next
    /// one after it.
    #[inline]
    fn nearest(self, free: u64, hash: u64) -> u32 {
        let per_line = const {
            match size_of::<T>() {
                0 => 64,
                1..=64 => 64 / size_of::<T>(),
                _ => 1,
            }
        };
        let first = self.home(hash) / per_line * per_line;
        let from_there = free >> first << first;
        if from_there == 0 { free } else { from_there }.trailing_zeros()
    }

    /// Where a hash's entry would like to be.
    #[inline]
    fn home(self, hash: u64) -> usize {
        (((hash >> 11) & 0xf_ffff) as usize * self.slots.len()) >> 20
    }

    /// Claims a free slot for an entry with this hash, near its home, and writes it; none if every
    /// slot is taken. `live` are slots that are not free.
    #[inline]
    fn claim(self, live: u64, hash: u64, value: T, now: u64) -> Option<Claim<'g, T>> {
        // In a group that nothing was removed from, the slots that are not live are free, unless
        // another thread claims one at this moment.
        let mut free = !live & self.in_range();
        while free != 0 {
            let index = self.nearest(free, hash);
            if self.set_tag(index, tags::of(hash), now) {
                let mut claim = Claim { index, slot: &self.slots[index as usize], value };
                claim.write(value);
                return Some(claim);
            }
            // There are dead slots, then. Handing them back is tried before it is too late: it may have to
            // wait, for operations nearby that are not long ago.
            free = self.free();
            if are_few(free) && self.hand_back(now) {
                free = self.free();
            }
        }
        None
    }

    /// Makes the slots free that are claimed and not live, if they have rested for long enough. Returns
    /// whether it did, and there are any.
    #[cold]
    fn hand_back(self, now: u64) -> bool {
        // Relaxed: the CAS below decides whether it is the last one.
        let stamp = self.stamp.load(Ordering::Relaxed);
        if now < stamp + REST && !planted("no_rest") {
            return false;
        }
        // After `now`: of the operations that it tells to be over all is seen.
        let seen = self.load();
        let dead = !self.free() & self.in_range() & !seen.live();
        // Acquire: the stamps that came before the claims and removals that were just seen, so that the
        // CAS meets the last of them.
        fence(Ordering::Acquire);
        if seen.is_frozen() || dead == 0 {
            return false;
        }
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        if self.stamp.compare_exchange(stamp, now, acquire, relaxed).is_err() {
            return false;
        }
        stall_point("slots handed back");
        for (index, word) in self.tags.iter().flatten().enumerate() {
            let bits = dead >> (8 * index) & 0xff;
            if bits != 0 {
                // A byte of ones for each bit.
                let bytes = (0..8).filter(|bit| bits >> bit & 1 == 1);
                let mask = bytes.fold(0_u64, |mask, bit| mask | 0xff << (8 * bit));
                // Release: what was done with the slots; pairs with the Acquire of `set_tag`.
                word.fetch_and(!mask, Ordering::Release);
            }
        }
        true
    }

    /// The slots that nobody has claimed.
    #[inline]
    fn free(self) -> u64 {
        self.tagged(tags::FREE) & self.in_range()
    }

    /// Says that an operation is about to claim a slot of the group, or to take an entry out.
    #[inline]
    fn set_stamp(self, now: u64) {
        // Relaxed: comes before the claim or removal by the Release of that.
        self.stamp.store(now, Ordering::Relaxed);
    }

    /// Sets the tag of a slot if it is still free.
    #[inline]
    fn set_tag(self, index: u32, tag: u8, now: u64) -> bool {
        let word = &self.tags[index as usize / 16][index as usize / 8 % 2];
        let shift = index % 8 * 8;
        // The read-modify-write alone decides who owns the slot, and the owner's publishing CAS makes
        // the tag visible before the live bit is.
        let mut current = word.load(Ordering::Relaxed);
        while (current >> shift) as u8 == tags::FREE {
            self.set_stamp(now);
            let new = current | u64::from(tag) << shift;
            // Release: the stamp; Acquire: what was done with the slot before it was free. Both pair
            // with `hand_back`.
            match word.compare_exchange(current, new, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => current = now,
            }
        }
        false
    }
}

/// The bits without the lowest two.
///
/// Few bits are counted so and not by a population count, which takes eighteen instructions where the
/// processor is not known to have one.
#[inline]
fn without_two(bits: u64) -> u64 {
    let without_lowest = |bits: u64| bits & bits.wrapping_sub(1);
    without_lowest(without_lowest(bits))
}

/// Whether there are three bits or fewer.
#[inline]
fn are_few(bits: u64) -> bool {
    let rest = without_two(bits);
    rest & rest.wrapping_sub(1) == 0
}

/// Filling a group that no other thread can see yet, without atomic read-modify-writes.
impl<T: Slot> Group<'_, T> {
    /// Puts an entry into a slot that is not in `live`, and adds it there.
    ///
    /// # Panics
    /// If the group is full.
    ///
    /// # Safety
    /// - No other thread sees the group yet, and it has no entries but those of `live`.
    #[inline]
    pub(super) unsafe fn place(self, live: &mut u64, hash: u64, item: T) {
        let free = !*live & self.in_range();
        assert_ne!(free, 0, "`shape_for` chooses a shape whose groups have room");
        let index = self.nearest(free, hash);
        *live |= 1 << index;
        // Relaxed, for all: the node is published as a whole, by the CAS of an indirection word.
        let tags = &self.tags[index as usize / 16][index as usize / 8 % 2];
        let tag = u64::from(tags::of(hash)) << (index % 8 * 8);
        tags.store(tags.load(Ordering::Relaxed) | tag, Ordering::Relaxed);
        // SAFETY:
        // - exclusive: promised by the caller, and no slot is placed in twice.
        unsafe { (*self.slots[index as usize].get()).write(item.into_cell()) };
    }

    /// Copies the entries of a frozen group of the same layout, each to the same slot, and makes them live.
    /// Other slots are free, also where they were claimed.
    ///
    /// # Safety
    /// - No other thread sees the group yet, and it has no entries.
    pub(super) unsafe fn copy(self, from: Seen<'_, T>) {
        debug_assert!(from.is_frozen() && self.slots.len() == from.group.slots.len());
        let mut tags = [[0_u64; 2]; tags::MOST_PAIRS];
        let mut rest = from.live();
        while rest != 0 {
            let index = rest.trailing_zeros();
            rest &= rest - 1;
            tags[index as usize / 16][index as usize / 8 % 2] |= 0xff << (index % 8 * 8);
            // SAFETY:
            // - live in `from`: so it is a slot of that group, and of this one, which has as many.
            // - exclusive: promised by the caller.
            unsafe {
                let item = from.slot(index).now;
                (*self.slots.get_unchecked(index as usize).get()).write(item.into_cell());
            }
        }
        // Relaxed, for all: the tags of live slots were set before these were published, see
        // `tags::matching`; and the node is published as a whole, by the CAS of an indirection word.
        let pairs = self.tags.iter().zip(from.group.tags).zip(tags);
        for ((to, from), live) in pairs {
            for ((to, from), live) in to.iter().zip(from).zip(live) {
                to.store(from.load(Ordering::Relaxed) & live, Ordering::Relaxed);
            }
        }
        self.state.store(from.live(), Ordering::Relaxed);
    }

    /// Makes the entries live that were placed.
    ///
    /// # Safety
    /// - No other thread sees the group yet, and `live` is what [`Self::place`] made of it.
    pub(super) unsafe fn set_live(self, live: u64) {
        self.state.store(live, Ordering::Relaxed);
    }
}

impl<'g, T: Slot> Seen<'g, T> {
    pub(crate) fn is_frozen(self) -> bool {
        self.bits & FROZEN != 0
    }

    fn live(self) -> u64 {
        self.bits & !(FROZEN | OPEN)
    }

    /// Number of entries.
    pub(crate) fn count(self) -> usize {
        self.live().count_ones() as usize
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.live() == 0
    }

    /// Whether more than seven of eight slots have an entry.
    pub(crate) fn is_nearly_full(self) -> bool {
        self.count() * 8 > self.group.slots.len() * 7
    }

    /// Whether there are exactly three entries.
    #[inline]
    pub(crate) fn has_three(self) -> bool {
        are_few(self.live()) && without_two(self.live()) != 0
    }

    /// The memory of a slot that is live in this state.
    ///
    /// # Safety
    /// - Its live bit is set.
    #[inline]
    unsafe fn cell(self, index: u32) -> &'g T::Cell {
        debug_assert!(self.live() >> index & 1 == 1);
        // SAFETY:
        // - in bounds: only `publish` and `place` set live bits, of slots that there are.
        // - initialised, and from now on only shared references to it exist: its bit is set in a
        //   state that was read with Acquire (invariant of `Seen`), so the slot is published.
        unsafe {
            debug_assert!((index as usize) < self.group.slots.len());
            let slot = self.group.slots.get_unchecked(index as usize);
            (*slot.get()).assume_init_ref()
        }
    }

    /// Reads a slot that is live in this state; seals it first if the state is frozen and entries of
    /// the group may have been replaced in place, so that all who read it see the same.
    ///
    /// # Safety
    /// - Its live bit is set.
    #[inline]
    unsafe fn slot(self, index: u32) -> Held<'g, T> {
        // SAFETY:
        // - live: promised by the caller.
        let cell = unsafe { self.cell(index) };
        if T::SWAPS && self.bits & (FROZEN | OPEN) == FROZEN | OPEN {
            Held::seal(cell)
        } else {
            Held::read(cell)
        }
    }

    /// [`Self::find`] without the slots of `known`.
    #[inline]
    fn find_besides(
        self,
        known: u64,
        hash: u64,
        mut is_it: impl FnMut(&T) -> bool,
    ) -> Option<Hit<'g, T>> {
        // Tags of slots that there are not may match, but those have no live bit; nor may the two
        // flags, since a group has fewer slots than their places.
        let mut candidates = self.group.tagged(tags::of(hash)) & self.live() & !known;
        while candidates != 0 {
            let index = candidates.trailing_zeros();
            // SAFETY:
            // - live: a candidate is.
            let slot = unsafe { self.slot(index) };
            if is_it(&slot.now) {
                return Some(Hit { index, slot });
            }
            candidates &= candidates - 1;
        }
        None
    }

    /// The live slot whose tag is the hash's and for which `is_it` holds.
    #[inline]
    pub(crate) fn find(self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<Hit<'g, T>> {
        self.find_besides(0, hash, is_it)
    }

    /// [`Self::find`] among the slots that became live since `before` was read.
    pub(crate) fn find_since(
        self,
        before: Self,
        hash: u64,
        is_it: impl FnMut(&T) -> bool,
    ) -> Option<Hit<'g, T>> {
        self.find_besides(before.live(), hash, is_it)
    }

    /// Whether an entry found in an earlier state of the group is still live.
    pub(crate) fn still_has(self, hit: &Hit<'_, T>) -> bool {
        self.bits >> hit.index & 1 == 1
    }

    /// Claims a free slot of the group, see [`Group::claim`].
    #[inline]
    pub(crate) fn claim(self, hash: u64, value: T, now: u64) -> Option<Claim<'g, T>> {
        self.group.claim(self.live(), hash, value, now)
    }

    /// The live slots.
    pub(crate) fn iter(self) -> impl Iterator<Item = Held<'g, T>> {
        let mut rest = self;
        std::iter::from_fn(move || rest.pop())
    }

    /// Forgets, of two groups' states, the live slots that have the same place in both and for which
    /// `same` holds. Both are frozen.
    pub(crate) fn forget_common(&mut self, other: &mut Self, same: impl Fn(&T, &T) -> bool) {
        debug_assert!(self.is_frozen() && other.is_frozen());
        let mut both = self.live() & other.live();
        while both != 0 {
            let index = both.trailing_zeros();
            let bit = 1 << index;
            // SAFETY:
            // - live in both.
            let (one, two) = unsafe { (self.slot(index), other.slot(index)) };
            if same(&one.now, &two.now) {
                self.bits &= !bit;
                other.bits &= !bit;
            }
            both &= both - 1;
        }
    }

    /// Takes the first of the live slots that this value still remembers.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Held<'g, T>> {
        let live = self.live();
        if live == 0 {
            return None;
        }
        // SAFETY:
        // - live, as the lowest bit that is set.
        let slot = unsafe { self.slot(live.trailing_zeros()) };
        self.bits &= self.bits - 1;
        Some(slot)
    }

    /// Publishes a claimed slot, and in the same step takes the entry `replaced` out, whose slot is
    /// sealed (see [`Exchange::Sealed`]). Succeeds only if the state is still the one that was seen;
    /// otherwise returns the present one and the claim.
    #[inline]
    pub(crate) fn publish(
        self,
        claim: Claim<'g, T>,
        replaced: Option<&Hit<'g, T>>,
    ) -> Result<Held<'g, T>, (Self, Claim<'g, T>)> {
        debug_assert!(std::ptr::eq(&raw const self.group.slots[claim.index as usize], claim.slot));
        let removed = replaced.map_or(0, |hit| 1 << hit.index);
        if planted("blind_publish") && replaced.is_none() {
            let before = self.group.state.fetch_or(1 << claim.index, Ordering::AcqRel);
            let live = Self { bits: before | 1 << claim.index, ..self };
            // SAFETY:
            // - live since just now.
            return Ok(Held { cell: unsafe { live.cell(claim.index) }, now: claim.value });
        }
        match self.change((self.bits | 1 << claim.index) & !removed) {
            // Not read again: it may have been replaced by now.
            // SAFETY:
            // - live since just now.
            Ok(live) => Ok(Held { cell: unsafe { live.cell(claim.index) }, now: claim.value }),
            Err(now) => Err((now, claim)),
        }
    }

    /// Replaces an entry where it is.
    #[inline]
    pub(crate) fn swap(self, hit: &Hit<'g, T>, new: T) -> Exchange<'g, T> {
        if !T::SWAPS {
            return Exchange::Sealed(self);
        }
        let seen = if self.bits & OPEN != 0 {
            self
        } else {
            match self.change(self.bits | OPEN) {
                Ok(open) => open,
                Err(now) => return Exchange::Changed(now),
            }
        };
        stall_point("open group");
        let Held { cell, now } = hit.slot;
        match T::swap(cell, now, new) {
            Swap::Done => Exchange::Done(Held { cell, now: new }),
            Swap::Changed => Exchange::Changed(self.group.load()),
            Swap::Sealed => Exchange::Sealed(seen),
        }
    }

    /// Takes an entry out. Returns the state that this left, or, if the state or the entry is not the
    /// one that was seen any more, the present state.
    pub(crate) fn remove(self, hit: &Hit<'g, T>, now: u64) -> Result<Self, Self> {
        self.group.set_stamp(now);
        // Where entries are replaced in place, what is removed must be the entry that was seen.
        if self.bits & OPEN != 0 && !T::seal_as(hit.slot.cell, hit.slot.now) {
            return Err(self.group.load());
        }
        stall_point("sealed slot");
        self.change(self.bits & !(1 << hit.index))
    }

    #[inline]
    fn change(self, new: u64) -> Result<Self, Self> {
        debug_assert!(!self.is_frozen());
        // Release: publishes the tag and slot of a claim; pairs with the Acquire of `load`.
        // Acquire: what others published meanwhile, for a search of the state that is returned.
        let state = self.group.state;
        match state.compare_exchange(self.bits, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Self { bits: new, ..self }),
            Err(bits) => Err(Self { bits, ..self }),
        }
    }

    /// Checks what must hold between state and tags; `hash` tells a slot's hash.
    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(crate) fn check(self, hash: impl Fn(&T) -> u64) {
        let slots = self.group.slots.len();
        assert_eq!(self.live() >> slots, 0, "a live bit without a slot");
        let unclaimed = self.group.tagged(tags::FREE);
        assert_eq!(self.live() & unclaimed, 0, "a live slot that nobody claimed");
        for index in (0..slots as u32).filter(|index| self.bits >> index & 1 == 1) {
            // SAFETY:
            // - live: filtered above.
            let slot = unsafe { self.slot(index) };
            let tagged = self.group.tagged(tags::of(hash(&slot.now)));
            assert!(tagged >> index & 1 == 1, "a slot with another hash's tag");
        }
    }
}
