//! Readers: threads that mostly look, and whose guards cost no fence.
//!
//! Who pins an epoch must let others see that before it reads on: crossbeam-epoch does it by an instruction
//! that locks, which takes longer than the rest of a lookup whose memory is in the cache, and keeps the cache
//! misses of one lookup from overlapping with those of the next. A *reader* says once, with a full fence, that
//! from now on it may be looking at any time ([`Readers::join`]), and then tells by plain stores when it is
//! ([`Visit`]). The dearer part is left to who wants to know: it executes a [heavy fence](super::barrier)
//! first, once for a grace period of all garbage of the process, and only if there are other readers.
//!
//! So a call that is deferred while there are readers waits here until those that were looking have left. Then it
//! goes on to crossbeam-epoch, and waits for all others. While there is no reader it goes there at once.
#![expect(unsafe_code, reason = "parts are raw pointers, used by one thread at a time")]

use std::cell::Cell;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use super::barrier;
use super::inbox::Inbox;
use crate::sync::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence, stall_point};

/// What is called when a grace period is over.
pub(super) type Call = Box<dyn FnOnce() + Send>;

/// A heavy fence is followed by a time without one so many times as long as it took: 20 to 35 µs where another thread
/// runs, which it interrupts, and next to nothing where none does.
///
/// The less often, the more of what is freed has left the cache of who allocates it again. (In a prototype, two
/// threads, a million entries, half of the operations lookups: a `FlatMap` took 198 ns each, a `CopyFlatMap` 147 and
/// a `TrieMap` 235 so. With 5 instead of 30 it was 196, 151 and 242 where few were readers; 232, 180 and 305 where
/// all were.)
pub(super) const PAUSE: u32 = 30;

/// Steps of the epoch from a deferred call to the moment that it is made: two, and one that makes it.
const EPOCHS: usize = 3;

/// A reader's part: where it tells that it is looking.
pub(super) struct Reader {
    /// Odd while the thread holds guards. Only the thread that has the part writes it.
    visits: AtomicUsize,
    /// The visit that a grace period waits for, or 0. Only who has the lock of the period uses it.
    awaited: AtomicUsize,
    /// Guards that it holds. Only that thread looks.
    guards: Cell<usize>,
    /// Whether a thread has the part.
    taken: AtomicBool,
    /// The next in the list of all parts.
    next: AtomicPtr<Padded>,
}

/// Other threads' parts are in other cache lines.
type Padded = CachePadded<Reader>;

// SAFETY:
// - `guards` is used by the thread that has the part alone: by its `Visit`s, which do not leave it, and by `leave`.
//   `taken` lets one thread through at a time, with an Acquire that pairs with the Release of the last one.
unsafe impl Sync for Reader {}

impl Reader {
    /// Begins a visit, or ends one.
    #[inline(always)]
    fn turn(&self) {
        // Relaxed: only this thread writes it.
        let visits = self.visits.load(Ordering::Relaxed);
        // Release: what was done in the visit that ends; pairs with the Acquire in `visit`. When one begins too, for
        // who misses the end of the last one.
        self.visits.store(visits.wrapping_add(1), Ordering::Release);
    }

    #[inline(always)]
    fn begin(&self) {
        self.turn();
        // Between the store and what this thread looks at: either who executes a heavy fence after it unlinked
        // something sees the store, or this thread sees that it is unlinked.
        barrier::light();
    }

    /// The number of the visit that the reader is on, which is odd, or of the last one and one more.
    fn visit(&self) -> usize {
        // Acquire: pairs with the Release in `turn`.
        self.visits.load(Ordering::Acquire)
    }

    fn wait_for_visit(&self) {
        let visit = self.visit();
        // Relaxed, here and below: the lock orders it.
        self.awaited.store(if visit % 2 == 1 { visit } else { 0 }, Ordering::Relaxed);
    }

    /// Whether the visit that is waited for, if there is one, goes on.
    fn is_awaited(&self) -> bool {
        let awaited = self.awaited.load(Ordering::Relaxed);
        let goes_on = awaited != 0 && awaited == self.visit();
        if awaited != 0 && !goes_on {
            self.awaited.store(0, Ordering::Relaxed);
        }
        goes_on
    }

    fn is_taken(&self) -> bool {
        // Acquire: what was done by a thread that gave the part back; pairs with the Release in `leave`.
        self.taken.load(Ordering::Acquire)
    }
}

/// A guard of a reader. Those that a thread holds at a time share one visit.
///
/// INVARIANT: the part lives as long as the guard, and is the calling thread's. (A pointer is not `Send`.)
pub(super) struct Visit(NonNull<Reader>);

impl Visit {
    /// # Safety
    /// - The part is the calling thread's as long as the guard exists, and its [`Readers`] live as long.
    #[inline(always)]
    pub(super) unsafe fn new(reader: &Reader) -> Self {
        let guards = reader.guards.get();
        reader.guards.set(guards + 1);
        if guards == 0 {
            reader.begin();
        }
        Self(NonNull::from(reader))
    }

    #[inline(always)]
    pub(super) fn reader(&self) -> &Reader {
        // SAFETY:
        // - allocated: invariant of the type.
        unsafe { self.0.as_ref() }
    }

    /// Ends the visit and begins another one, if no other guard shares it.
    pub(super) fn renew(&mut self) {
        let reader = self.reader();
        if reader.guards.get() == 1 {
            reader.turn();
            reader.begin();
        }
    }
}

impl Drop for Visit {
    #[inline(always)]
    fn drop(&mut self) {
        let reader = self.reader();
        let guards = reader.guards.get() - 1;
        reader.guards.set(guards);
        if guards == 0 {
            reader.turn();
        }
    }
}

/// A part that is given back when this is dropped, unless a visit goes on.
///
/// INVARIANT: the part lives as long as this, and is the calling thread's.
pub(super) struct Part(NonNull<Reader>);

impl Part {
    /// # Safety
    /// - The [`Readers`] live as long as the part.
    pub(super) unsafe fn of(readers: &Readers) -> Self {
        Self(NonNull::from(readers.join()))
    }
}

impl Deref for Part {
    type Target = Reader;
    fn deref(&self) -> &Reader {
        // SAFETY:
        // - allocated: invariant of the type.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        Readers::leave(self);
    }
}

/// All readers of a collector, and what waits for them.
pub(super) struct Readers {
    parts: AtomicPtr<Padded>,
    /// Calls that no period has begun for.
    young: Inbox<Call>,
    /// Calls, of `young` and of the period.
    waiting: AtomicUsize,
    /// Steps of the epoch until what was passed on is called, unless somebody stays pinned.
    epochs_due: AtomicUsize,
    period: Mutex<Period>,
    /// A heavy fence, or none: see [`barrier::heavy`].
    fence: fn() -> bool,
    /// [`PAUSE`], or another one in tests.
    pause: u32,
}

/// A grace period of the readers, if one is under way: it waits for the visits that they were on when it began.
struct Period {
    /// What was deferred before.
    calls: Vec<Call>,
    /// The end of the last heavy fence, and how long it took.
    fenced: Option<(Instant, Duration)>,
}

impl Readers {
    pub(super) const fn new(fence: fn() -> bool, pause: u32) -> Self {
        Self {
            parts: AtomicPtr::new(ptr::null_mut()),
            young: Inbox::new(),
            waiting: AtomicUsize::new(0),
            epochs_due: AtomicUsize::new(0),
            period: Mutex::new(Period { calls: Vec::new(), fenced: None }),
            fence,
            pause,
        }
    }

    /// All parts. The list only grows.
    fn parts(&self) -> impl Iterator<Item = &Reader> {
        // SAFETY:
        // - null, or a part of this list, which is freed with it.
        let part = |next: *mut Padded| unsafe { next.as_ref() };
        // Acquire: the part, and all below it; pairs with the Release in `new_part` that made it the first, and with
        // those before, for a CAS continues what the last one released.
        let first = part(self.parts.load(Ordering::Acquire));
        // Relaxed: it does not change once the part is in the list.
        let below = move |above: &&Padded| part(above.next.load(Ordering::Relaxed));
        std::iter::successors(first, below).map(|part| &**part)
    }

    /// A part for the calling thread, which is a reader from now on.
    pub(super) fn join(&self) -> &Reader {
        let part = self.parts().find(|part| {
            // Acquire: the thread that had it is done with it; pairs with the Release in `leave`.
            !part.is_taken() && !part.taken.swap(true, Ordering::Acquire)
        });
        let part = part.unwrap_or_else(|| self.new_part());
        // SeqCst: between the part, which is taken, and what this thread will look at. Pairs with the fence of
        // `defer`: either the part is found there, or this thread sees what was unlinked before.
        fence(Ordering::SeqCst);
        part
    }

    fn new_part(&self) -> &Reader {
        let new = Box::into_raw(Box::new(CachePadded::new(Reader {
            visits: AtomicUsize::new(0),
            awaited: AtomicUsize::new(0),
            guards: Cell::new(0),
            taken: AtomicBool::new(true),
            next: AtomicPtr::new(ptr::null_mut()),
        })));
        // SAFETY:
        // - freed with the list.
        let part = unsafe { &*new };
        let mut top = self.parts.load(Ordering::Relaxed);
        loop {
            // Relaxed: the CAS publishes it.
            part.next.store(top, Ordering::Relaxed);
            // Release: the part; pairs with the Acquire in `parts`.
            match self.parts.compare_exchange(top, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return part,
                Err(now) => top = now,
            }
        }
    }

    /// Gives back the part of the calling thread, unless it holds guards. Returns whether it did.
    pub(super) fn leave(part: &Reader) -> bool {
        let done = part.guards.get() == 0;
        if done {
            // Release: what the thread did as a reader; pairs with the Acquire in `is_taken`.
            part.taken.store(false, Ordering::Release);
        }
        done
    }

    /// Sees to it that `call` is made when all guards are gone that are held now. Returns it if there are no
    /// readers.
    pub(super) fn defer<F: FnOnce() + Send + 'static>(&self, call: F) -> Result<(), F> {
        // SeqCst: between what was unlinked and the look at the parts, see `join`.
        fence(Ordering::SeqCst);
        if !self.parts().any(Reader::is_taken) {
            return Err(call);
        }
        // Relaxed: as in `are_awaited`.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.young.post(Box::new(call));
        Ok(())
    }

    /// Whether there are calls that wait for readers, about.
    pub(super) fn are_awaited(&self) -> bool {
        // Relaxed: a hint.
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Whether calls were passed on lately, which wait for epochs that readers do not see to in passing.
    pub(super) fn epochs_are_due(&self) -> bool {
        // Relaxed, both: a hint. Written only then, for readers share the line.
        let due = self.epochs_due.load(Ordering::Relaxed);
        if due > 0 {
            self.epochs_due.store(due - 1, Ordering::Relaxed);
        }
        due > 0
    }

    /// Goes on with the grace period, or begins one. Returns the calls of one that is over, which wait no more for
    /// readers. `own`: the calling thread's part.
    pub(super) fn go_on(&self, own: Option<&Reader>) -> Vec<Call> {
        let mut period = match self.period.try_lock() {
            Ok(period) => period,
            Err(TryLockError::Poisoned(period)) => period.into_inner(),
            // Another thread is at it; or this one, further up its stack. Nobody waits for it: while it holds the
            // lock it holds a guard too, so that no period would end.
            Err(TryLockError::WouldBlock) => return Vec::new(),
        };
        stall_point("readers' period");
        if period.calls.is_empty() {
            self.begin(&mut period, own);
        }
        // Those whose visit is over are not asked again.
        let mut over = true;
        self.parts().for_each(|part| over &= !part.is_awaited());
        if !over && !cfg!(snaptrie_planted = "no_visit") {
            return Vec::new();
        }
        // Relaxed, both: hints.
        self.waiting.fetch_sub(period.calls.len(), Ordering::Relaxed);
        if !period.calls.is_empty() {
            self.epochs_due.store(EPOCHS, Ordering::Relaxed);
        }
        std::mem::take(&mut period.calls)
    }

    fn begin(&self, period: &mut Period, own: Option<&Reader>) {
        let is_own = |part| own.is_some_and(|own| ptr::eq(own, part));
        let others = || self.parts().any(|part| part.is_taken() && !is_own(part));
        let too_soon = |(end, took): (Instant, Duration)| end.elapsed() < took * self.pause;
        if period.fenced.is_some_and(too_soon) && others() {
            return;
        }
        self.young.empty(|call| period.calls.push(call));
        // SeqCst: between what was unlinked before these calls were deferred and the look at the parts: who is
        // not a reader yet will see it, as in `defer`.
        fence(Ordering::SeqCst);
        if others() {
            let start = Instant::now();
            // Heavy: who is one sees it, or has told by now that it is looking. (This thread's own stores it sees.)
            if !(self.fence)() {
                // It worked once, and is forbidden now: until there is no other reader nothing is freed.
                period.calls.drain(..).for_each(|call| self.young.post(call));
                return;
            }
            period.fenced = Some((Instant::now(), start.elapsed()));
        }
        // Without looking whether they are taken: a part that is not is on no visit.
        self.parts().for_each(Reader::wait_for_visit);
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        let mut next = *self.parts.get_mut();
        while !next.is_null() {
            // SAFETY:
            // - from a box, and in this list alone; no visit is left, by the contract of `Visit::new`.
            let mut part = unsafe { Box::from_raw(next) };
            next = *part.next.get_mut();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize as Count;
    use std::sync::{Arc, Barrier};

    use crossbeam_utils::Backoff;

    use super::*;

    /// Readers of a collector of their own, and a way to see whether a call that was deferred was made.
    struct World {
        readers: Readers,
        collector: crossbeam_epoch::Collector,
        made: Arc<Count>,
    }

    impl World {
        fn new() -> Self {
            Self::with_fence(barrier::heavy, 0)
        }

        fn with_fence(fence: fn() -> bool, pause: u32) -> Self {
            barrier::settle();
            let readers = Readers::new(fence, pause);
            Self { readers, collector: crossbeam_epoch::Collector::new(), made: Arc::default() }
        }

        /// Returns whether the call waits for readers.
        fn defer(&self) -> bool {
            let made = Arc::clone(&self.made);
            let call = move || _ = made.fetch_add(1, Ordering::Relaxed);
            self.readers.defer(call).map_err(|call| self.pin().defer(call)).is_ok()
        }

        fn pin(&self) -> crossbeam_epoch::Guard {
            self.collector.register().pin()
        }

        /// Helps with all its might; returns the number of calls made so far.
        fn made(&self) -> usize {
            for _ in 0..20 {
                let guard = self.pin();
                self.readers.go_on(None).into_iter().for_each(|call| guard.defer(call));
                guard.flush();
            }
            self.made.load(Ordering::Relaxed)
        }

        fn parts(&self) -> usize {
            self.readers.parts().count()
        }
    }

    fn enter(reader: &Reader) -> Visit {
        // SAFETY:
        // - the tests drop their world last; each part is used by one thread.
        unsafe { Visit::new(reader) }
    }

    #[test]
    fn without_readers_a_call_waits_for_none() {
        let world = World::new();
        assert!(!world.defer());
        assert_eq!(world.made(), 1);
        // Nor does it for one that is gone.
        assert!(Readers::leave(world.readers.join()));
        assert!(!world.defer());
        assert_eq!(world.made(), 2);
    }

    #[test]
    fn a_call_waits_for_the_visits_of_its_time_and_for_no_others() {
        let world = World::new();
        let reader = world.readers.join();
        assert!(world.defer());
        assert_eq!(world.made(), 1, "nobody was looking");
        let visit = enter(reader);
        assert!(world.defer());
        assert_eq!(world.made(), 1, "made under a guard");
        drop(visit);
        let _later = enter(reader);
        assert_eq!(world.made(), 2, "the visit is over");
        assert!(world.defer());
        assert_eq!(world.made(), 2);
    }

    #[test]
    fn guards_held_at_once_share_a_visit_in_whatever_order_they_go() {
        let world = World::new();
        let reader = world.readers.join();
        let mut first = enter(reader);
        let second = enter(reader);
        world.defer();
        first.renew();
        assert_eq!(world.made(), 0, "the second guard holds the visit");
        drop(first);
        assert_eq!(world.made(), 0);
        assert!(!Readers::leave(reader), "a guard is held");
        let mut second = second;
        second.renew();
        assert_eq!(world.made(), 1, "renewed");
        world.defer();
        assert_eq!(world.made(), 1);
        drop(second);
        assert_eq!(world.made(), 2);
        assert!(Readers::leave(reader));
    }

    #[test]
    fn a_call_waits_for_epochs_too() {
        let world = World::new();
        let reader = world.readers.join();
        let (visit, epoch) = (enter(reader), world.pin());
        world.defer();
        drop(visit);
        assert_eq!(world.made(), 0);
        drop(epoch);
        assert_eq!(world.made(), 1);
    }

    #[test]
    fn parts_are_handed_on() {
        let world = World::new();
        let (first, second) = (world.readers.join(), world.readers.join());
        assert!(!ptr::eq(first, second));
        assert!(Readers::leave(first));
        assert!(ptr::eq(first, world.readers.join()));
        assert_eq!(world.parts(), 2);
    }

    #[test]
    fn parts_that_are_made_at_once_are_different_ones() {
        let world = World::new();
        let gate = Barrier::new(8);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    gate.wait();
                    let visit = enter(world.readers.join());
                    gate.wait();
                    assert_eq!(visit.reader().guards.get(), 1);
                });
            }
        });
        assert_eq!(world.parts(), 8);
    }

    #[test]
    fn heavy_fences_are_rare() {
        static FENCES: Count = Count::new(0);
        fn slow_fence() -> bool {
            FENCES.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(20));
            true
        }
        let fences = || FENCES.load(Ordering::Relaxed);
        let world = World::with_fence(slow_fence, 1_000);
        let own = world.readers.join();
        let deferred_and_left = || {
            world.defer();
            world.readers.go_on(Some(own));
            world.readers.waiting.load(Ordering::Relaxed)
        };
        // The thread's own visits need none.
        assert_eq!((deferred_and_left(), fences()), (0, 0));
        let other = world.readers.join();
        assert_eq!((deferred_and_left(), fences()), (0, 1));
        assert_eq!((deferred_and_left(), fences()), (1, 1), "too soon");
        assert_eq!((deferred_and_left(), fences()), (2, 1), "too soon");
        // Nor is one needed when the other is gone.
        assert!(Readers::leave(other));
        assert_eq!((deferred_and_left(), fences()), (0, 1));
    }

    #[test]
    fn after_a_while_there_is_another_heavy_fence() {
        let world = World::with_fence(|| true, 1);
        world.readers.join();
        for made in 1..=3 {
            world.defer();
            std::thread::sleep(Duration::from_millis(1));
            assert_eq!(world.made(), made);
        }
    }

    /// Where two threads wait for each other, without sleeping.
    #[derive(Default)]
    struct Meeting(Count);

    impl Meeting {
        fn wait(&self) {
            let meeting = self.0.fetch_add(1, Ordering::AcqRel) / 2;
            let backoff = Backoff::new();
            while self.0.load(Ordering::Acquire) / 2 <= meeting {
                backoff.snooze();
            }
        }
    }

    const ROUNDS: usize = if cfg!(miri) { 100 } else { 10_000 };

    /// Stores to memory that is in no cache: those that the thread does next are seen late, unless it executes a
    /// fence. (Without the kernel's part of the heavy fence, or the fence of `defer`, the tests below fail each time
    /// on x86, if they are optimised. Otherwise the steps that must be close to each other are too long.)
    struct Crowd(Vec<Count>);

    impl Crowd {
        const LINE: usize = 8;

        fn new() -> Self {
            let len = if cfg!(miri) { Self::LINE } else { 1 << 22 };
            Self(std::iter::repeat_with(Count::default).take(len).collect())
        }

        fn store(&self, round: usize) {
            let lines = self.0.len() / Self::LINE;
            for nth in 0..32 {
                // Far from each other and from those of the last rounds.
                let line = (round * 32 + nth).wrapping_mul(40_503) % lines;
                self.0[line * Self::LINE].store(round, Ordering::Relaxed);
            }
            linger(round / 4);
        }
    }

    /// So that the two are not always as far from each other.
    fn linger(round: usize) {
        (0..round % 256).for_each(|_| std::hint::spin_loop());
    }

    /// Rounds of two threads, each with a meeting at its start, one when both have looked, and one at its end.
    fn race(one: impl Fn(&Meeting, usize) + Sync, mut other: impl FnMut(&Meeting, usize)) {
        let meeting = Meeting::default();
        std::thread::scope(|scope| {
            scope.spawn(|| (1..=ROUNDS).for_each(|round| one(&meeting, round)));
            (1..=ROUNDS).for_each(|round| other(&meeting, round));
        });
    }

    #[test]
    fn who_visits_sees_what_was_unlinked_or_is_waited_for() {
        let (world, crowd) = (World::new(), Crowd::new());
        let reader = world.readers.join();
        let (unlinked, seen) = (Count::new(0), Count::new(0));
        let mut missed = 0;
        let visitor = |meeting: &Meeting, round| {
            meeting.wait();
            crowd.store(round);
            let visit = enter(reader);
            seen.store(unlinked.load(Ordering::Relaxed), Ordering::Relaxed);
            meeting.wait();
            drop(visit);
            meeting.wait();
        };
        race(visitor, |meeting, round| {
            assert!(world.defer());
            meeting.wait();
            linger(round);
            unlinked.store(round, Ordering::Relaxed);
            let is_over = !world.readers.go_on(None).is_empty();
            meeting.wait();
            missed += usize::from(is_over && seen.load(Ordering::Relaxed) != round);
            meeting.wait();
            world.readers.go_on(None);
        });
        assert_eq!(missed, 0, "freed under visits that can reach it");
        assert_eq!(world.readers.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn who_joins_sees_what_was_unlinked_or_is_found() {
        let (world, crowd) = (World::new(), Crowd::new());
        let (unlinked, seen) = (Count::new(0), Count::new(0));
        let mut missed = 0;
        let joiner = |meeting: &Meeting, round| {
            meeting.wait();
            linger(round);
            let reader = world.readers.join();
            seen.store(unlinked.load(Ordering::Relaxed), Ordering::Relaxed);
            meeting.wait();
            assert!(Readers::leave(reader));
            meeting.wait();
        };
        race(joiner, |meeting, round| {
            meeting.wait();
            crowd.store(round);
            unlinked.store(round, Ordering::Relaxed);
            let waits = world.readers.defer(|| ()).is_ok();
            meeting.wait();
            missed += usize::from(!waits && seen.load(Ordering::Relaxed) != round);
            meeting.wait();
            world.readers.go_on(None);
        });
        assert_eq!(missed, 0, "freed under readers that can reach it");
        assert_eq!(world.readers.waiting.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn where_the_fence_fails_calls_wait_until_the_readers_are_gone() {
        let world = World::with_fence(|| false, 0);
        let reader = world.readers.join();
        world.defer();
        assert_eq!(world.made(), 0);
        assert!(Readers::leave(reader));
        assert_eq!(world.made(), 1);
    }
}
