//! Participants: guards that need no fence of their own.
//!
//! A thread that pins must make its pin visible before it reads on. A full fence does this, and costs more than the
//! rest of a lookup in the cache. With *asymmetric* fences a pin is a plain store (the light fence). The thread that
//! wants to advance the clock makes the system execute a fence on every processor that runs a thread of this process
//! (the heavy fence, `membarrier(2)`). "RCU via signal handling" in Desnoyers et al., "User-Level Implementations of
//! Read-Copy Update", IEEE TPDS 23(2), 2012, does the same with signals. With ordinary fences on both sides, all else
//! is the same.
//!
//! # Why an object is safe to free
//!
//! A *participant* records the clock's reading at the time its thread pinned. The clock advances from `n` to `n + 1`
//! if, after a heavy fence, each participant either has no guard or pinned at `n` ([`Participants::advance`]).
//!
//! Let A unlink an object, execute a SeqCst fence, and then read `t`, so that the object may be freed at `t + 3`
//! ([`GRACE`]). Let B hold a guard while the clock advances from `t + 2` to `t + 3`. There are two cases:
//!
//! - The scan found B without a guard. Then B's pin is not ordered before the heavy fence, so B's reads come after that
//!   fence. It comes after A's fence, since the thread that executed it had read `t + 2`.
//! - B pinned at `t + 2`. It acquired that reading from the thread that advanced the clock to it, which had executed a
//!   heavy fence after it read `t + 1`.
//!
//! In either case B cannot reach the object. It also follows that a guard under which the clock read `t` is gone at
//! `t + 2`.
//!
//! # When the fences become asymmetric
//!
//! Once, before the clock advances for the first time ([`Participants::decide`]). Each thread that advances the clock
//! has seen the decision, so it executes heavy fences if pins may have light ones. A pin that misses the decision
//! executes a full fence.
//!
//! # When the system refuses
//!
//! A sandbox that is entered while the program runs may forbid the heavy fence. From then on each pin executes a full
//! fence. A pin that was under way at that moment has none. So from then on a millisecond also passes between two
//! ticks: long enough for a store to reach the other processors.
#![expect(unsafe_code, reason = "participants are raw pointers, used by one thread at a time")]

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, compiler_fence};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::clock::Clock;
use super::membarrier;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, Ordering, fence, planted, stall_point};

/// Time between two ticks without heavy fences, in which every store is assumed to reach the other processors.
const STORE_DELAY: Duration = Duration::from_millis(1);

/// Pins execute ordinary fences, and the clock stands still, until the fences are decided.
const UNDECIDED: u8 = 0;
/// Pins and ticks execute ordinary fences.
const ORDINARY: u8 = 1;
/// Pins execute light fences, and ticks heavy ones.
const ASYMMETRIC: u8 = 2;
/// As [`ORDINARY`], since the system has refused a heavy fence.
const REFUSED: u8 = 3;

/// Ticks from the unlinking of an object until it may be freed.
pub(super) const GRACE: u64 = 3;

/// The record of one thread's guards.
pub(super) struct Participant {
    /// The clock's reading when the thread pinned; 0 while it holds no guard. Written by that thread alone.
    pinned: AtomicU64,
    /// The number of guards that the thread holds.
    guards: Cell<usize>,
    /// What to do when the last guard is gone: [`YIELD`], [`LEAVE`].
    afterwards: Cell<u8>,
    /// Whether it belongs to a thread.
    taken: AtomicBool,
    /// The next one in the list. Does not change once this one is in the list.
    next: AtomicPtr<Padded>,
}

/// The thread yields.
const YIELD: u8 = 1;
/// The thread is exiting, and gives its participant back.
const LEAVE: u8 = 2;

/// Each participant has cache lines of its own.
type Padded = CachePadded<Participant>;

/// The participants and the clock. The list only grows; threads take the participants of ended threads.
pub(crate) struct Participants {
    pub(super) clock: Clock,
    first: AtomicPtr<Padded>,
    fences: AtomicU8,
    /// The last tick since the system refused a heavy fence.
    last_tick: Mutex<Option<Instant>>,
}

// SAFETY:
// - Send and Sync: only the thread that a participant belongs to uses `guards` and `afterwards`; `taken` gives it to
//   one thread at a time, with an Acquire that pairs with the Release of the last one.
unsafe impl Sync for Participants {}
// SAFETY:
// - as for Sync.
unsafe impl Send for Participants {}

impl Participants {
    /// With ordinary fences.
    #[cfg(any(test, debug_assertions, snaptrie_check))]
    pub(super) fn new() -> Self {
        let mut participants = Self::undecided();
        *participants.fences.get_mut() = ORDINARY;
        participants
    }

    /// Whose fences are not [decided](Self::decide) yet.
    pub(super) const fn undecided() -> Self {
        Self {
            clock: Clock::new(),
            first: AtomicPtr::new(ptr::null_mut()),
            fences: AtomicU8::new(UNDECIDED),
            last_tick: Mutex::new(None),
        }
    }

    /// Makes the fences asymmetric, once, if the system lets the process register for heavy ones. Threads that arrive
    /// together all ask; the first answer counts.
    #[inline]
    pub(super) fn decide(&self) {
        // Acquire: the registration of the process; pairs with the Release below.
        if self.fences.load(Ordering::Acquire) == UNDECIDED {
            let fences = if membarrier::register() { ASYMMETRIC } else { ORDINARY };
            let (release, acquire) = (Ordering::Release, Ordering::Acquire);
            let _ = self.fences.compare_exchange(UNDECIDED, fences, release, acquire);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Participant> {
        // SAFETY:
        // - null, or a participant of this list, which is freed with it.
        let participant = |next: *mut Padded| unsafe { next.as_ref() };
        // Acquire: the participant and those behind it; pairs with the Release in `add`.
        let first = participant(self.first.load(Ordering::Acquire));
        // Relaxed: does not change any more.
        std::iter::successors(first, move |at| participant(at.next.load(Ordering::Relaxed)))
            .map(|participant| &**participant)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all().count()
    }

    /// A participant for the calling thread, until it [leaves](Self::leave).
    pub(super) fn join(&self) -> NonNull<Participant> {
        let free = self.all().find(|participant| {
            // Relaxed, then Acquire: what the last thread did with it; pairs with the Release in `finish`.
            !participant.taken.load(Ordering::Relaxed)
                && !participant.taken.swap(true, Ordering::Acquire)
        });
        free.map_or_else(|| self.add(), NonNull::from)
    }

    fn add(&self) -> NonNull<Participant> {
        let new = Box::into_raw(Box::new(CachePadded::new(Participant {
            pinned: AtomicU64::new(0),
            guards: Cell::new(0),
            afterwards: Cell::new(0),
            taken: AtomicBool::new(true),
            next: AtomicPtr::new(ptr::null_mut()),
        })));
        let mut first = self.first.load(Ordering::Relaxed);
        loop {
            // SAFETY:
            // - just made, and freed with the list.
            let participant: &Participant = unsafe { &*new };
            // Relaxed: published by the CAS.
            participant.next.store(first, Ordering::Relaxed);
            // Release: the participant; pairs with the Acquire in `all`.
            match self.first.compare_exchange(first, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return NonNull::from(participant),
                Err(now) => first = now,
            }
        }
    }

    /// Gives the calling thread's participant back, now or with its last guard.
    ///
    /// # Safety
    /// - From [`Self::join`] of this list, by this thread, which begins no other guard with it.
    pub(super) unsafe fn leave(participant: NonNull<Participant>) {
        // SAFETY:
        // - lives as long as the list: promised by the caller.
        let participant = unsafe { participant.as_ref() };
        participant.afterwards.set(LEAVE);
        if participant.guards.get() == 0 {
            participant.finish();
        }
    }

    /// The light fence: orders the caller's pin before its reads, for a thread that executes the heavy one.
    #[inline(always)]
    fn light_fence(&self) {
        // Relaxed: a pin that misses the decision executes a fence, and `STORE_DELAY` is there for those that miss the
        // first refusal.
        if self.fences.load(Ordering::Relaxed) == ASYMMETRIC {
            compiler_fence(Ordering::SeqCst);
        } else {
            fence(Ordering::SeqCst);
        }
    }

    /// Whether a thread holds a guard from before `reading`.
    fn is_held_back(&self, reading: u64) -> bool {
        self.all().any(|participant| {
            // Acquire: what the thread did under its last guard; pairs with the Release of `Visit`'s drop and of `pin`.
            let pinned = participant.pinned.load(Ordering::Acquire);
            pinned != 0 && pinned != reading && !planted("no_scan")
        })
    }

    /// Advances the clock, if no guard is older than its reading.
    pub(super) fn advance(&self) {
        let reading = self.clock.now();
        // A cheap first look: heavy fences interrupt other processors.
        if self.is_held_back(reading) {
            return;
        }
        // Nothing has decided yet if all maps were made by a `const fn`.
        self.decide();
        // SeqCst: comes after the fence of each thread that unlinked something and then read an older reading.
        fence(Ordering::SeqCst);
        // Relaxed: a thread that misses the refusal is refused itself.
        match self.fences.load(Ordering::Relaxed) {
            ORDINARY => self.tick(reading),
            ASYMMETRIC if membarrier::heavy_fence() => self.tick(reading),
            _ => self.advance_slowly(),
        }
    }

    fn tick(&self, reading: u64) {
        stall_point("fenced clock");
        if !self.is_held_back(reading) {
            stall_point("scanned participants");
            self.clock.tick(reading);
        }
    }

    /// [`Self::advance`] without heavy fences.
    ///
    /// Of the last two ticks before an object is freed, the second one looks at the participants [`STORE_DELAY`] after
    /// the first. The object was unlinked before the first, so an older pin is visible by then.
    #[cold]
    fn advance_slowly(&self) {
        // Relaxed: each pin that sees it executes a fence.
        self.fences.store(REFUSED, Ordering::Relaxed);
        // A thread that stalls with the lock holds a guard, which alone would stop the clock.
        let Ok(mut last_tick) = self.last_tick.try_lock() else { return };
        let last = *last_tick.get_or_insert_with(Instant::now);
        let reading = self.clock.now();
        fence(Ordering::SeqCst);
        if last.elapsed() >= STORE_DELAY {
            self.tick(reading);
            *last_tick = Some(Instant::now());
        }
    }
}

impl Drop for Participants {
    fn drop(&mut self) {
        let mut next = *self.first.get_mut();
        while !next.is_null() {
            // SAFETY:
            // - from a box, in this list alone; no guard is left, by the contract of `Visit::begin`.
            let mut participant = unsafe { Box::from_raw(next) };
            next = *participant.next.get_mut();
        }
    }
}

impl Participant {
    /// Does what was put off until the last guard was gone.
    #[cold]
    #[inline(never)]
    fn finish(&self) {
        let afterwards = self.afterwards.take();
        if afterwards & LEAVE != 0 {
            // Release: the cells; pairs with the Acquire in `join`.
            self.taken.store(false, Ordering::Release);
        }
        if afterwards & YIELD != 0 {
            thread::yield_now();
        }
    }

    #[inline(always)]
    fn pin(&self, participants: &Participants) {
        // Release: what was done under the last guard, for a scan that misses its end; pairs with the Acquire in
        // `is_held_back`. A relaxed store would not continue the release sequence. The fences order what comes later.
        let reading = participants.clock.now();
        stall_point("unpublished pin");
        self.pinned.store(reading, Ordering::Release);
        participants.light_fence();
    }
}

/// A guard of a participant.
///
/// INVARIANT: the participant is the calling thread's, and lives as long as this. A pointer is not `Send`.
pub(super) struct Visit(NonNull<Participant>);

impl Visit {
    /// # Safety
    /// - `participant` is from [`Participants::join`] of `participants`, by this thread, which did not leave. The
    ///   list outlives the guard.
    #[inline(always)]
    pub(super) unsafe fn begin(
        participant: NonNull<Participant>,
        participants: &Participants,
    ) -> Self {
        // Its drop counts down, which a panic must not do.
        let visit = ManuallyDrop::new(Self(participant));
        let participant = visit.participant();
        let guards = participant.guards.get();
        // Forgotten guards count too, so this must not wrap.
        participant.guards.set(guards.checked_add(1).expect("too many guards"));
        if guards == 0 {
            participant.pin(participants);
        }
        ManuallyDrop::into_inner(visit)
    }

    #[inline(always)]
    fn participant(&self) -> &Participant {
        // SAFETY:
        // - allocated: invariant of the type.
        unsafe { self.0.as_ref() }
    }

    /// Makes the thread yield once it holds no guard.
    pub(super) fn yield_afterwards(&self) {
        let participant = self.participant();
        participant.afterwards.set(participant.afterwards.get() | YIELD);
    }

    /// Ends this guard and begins another, unless the thread holds others.
    ///
    /// # Safety
    /// - `participants` is the list that the guard began in, whose clock waits for the guard.
    pub(super) unsafe fn renew(&mut self, participants: &Participants) {
        let participant = self.participant();
        if participant.guards.get() == 1 || planted("renewed_beside") {
            // Release: as in `drop`.
            participant.pinned.store(0, Ordering::Release);
            if participant.afterwards.get() == YIELD {
                participant.finish();
            }
            participant.pin(participants);
        }
    }
}

impl Drop for Visit {
    #[inline(always)]
    fn drop(&mut self) {
        let participant = self.participant();
        let guards = participant.guards.get() - 1;
        participant.guards.set(guards);
        if guards == 0 {
            // Release: what was done under the guard; pairs with the Acquire in `is_held_back`.
            participant.pinned.store(0, Ordering::Release);
            if participant.afterwards.get() != 0 {
                participant.finish();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    /// Forgetting a guard takes a few nanoseconds: where addresses have 32 bits a program can forget as many as count.
    #[test]
    fn a_guard_too_many_panics_and_ends_no_other() {
        let participants = Participants::new();
        let place = participants.join();
        // SAFETY:
        // - joined just now, by this thread, which leaves at the end; the list is dropped after all guards.
        let begin = || unsafe { Visit::begin(place, &participants) };
        let first = begin();
        let guards = &first.participant().guards;
        guards.set(usize::MAX);
        for _ in 0..3 {
            assert!(catch_unwind(AssertUnwindSafe(|| drop(begin()))).is_err());
        }
        assert_eq!(guards.get(), usize::MAX);
        guards.set(1);
        drop(first);
        // SAFETY:
        // - as above, and no guard is left.
        unsafe { Participants::leave(place) };
    }

    #[test]
    fn a_thread_that_lets_others_run_keeps_its_place() {
        let participants = Participants::new();
        let place = participants.join();
        // SAFETY:
        // - joined just now, by this thread, which leaves at the end; the list is dropped after all guards.
        let mut guard = unsafe { Visit::begin(place, &participants) };
        let afterwards = |guard: &Visit| guard.participant().afterwards.get();
        guard.yield_afterwards();
        assert_eq!(afterwards(&guard), YIELD);
        // SAFETY:
        // - begun in this list.
        unsafe { guard.renew(&participants) };
        assert_eq!(afterwards(&guard), 0, "done");
        guard.yield_afterwards();
        drop(guard);
        // SAFETY:
        // - lives as long as the list.
        assert_eq!(unsafe { place.as_ref() }.afterwards.get(), 0, "done");
        assert_ne!(participants.join(), place, "still this thread's");
        // SAFETY:
        // - as above, and no guard is left.
        unsafe { Participants::leave(place) };
        assert_eq!(participants.join(), place);
    }
}
