//! The guards of [participants](super::participants): one list for the process, and in tests some for single maps.
//!
//! A map of a user has no list of its own. Each guard would have to find its thread's participant in the right list,
//! which takes longer than a lookup. In return, a handle held for long would not keep the garbage of other maps. The
//! guide shows how to avoid holding handles for long.
#![expect(unsafe_code, reason = "participants are raw pointers, used by one thread at a time")]

use std::cell::Cell;
use std::ptr::NonNull;
#[cfg(any(test, debug_assertions, snaptrie_check))]
use std::sync::Arc;

use super::clock::Clock;
pub(super) use super::participants::GRACE;
use super::participants::{Participant, Participants, Visit};

static PARTICIPANTS: Participants = Participants::undecided();

/// Where the guards of a map come from.
#[derive(Clone)]
pub(crate) enum Collector {
    /// The participants of the process.
    Global,
    /// A map's own, for tests. Their guards have ordinary fences. They depend on no other map, and work in models, whose
    /// threads are not threads of the system.
    #[cfg(any(test, debug_assertions, snaptrie_check))]
    Private(Arc<Participants>),
}

/// While it exists, nothing that its thread can have reached since it was made is freed.
///
/// One word, so that it is returned in a register.
pub(crate) struct Guard {
    // Dropped before the list.
    visit: Visit,
    /// INVARIANT: the visit began in its list.
    collector: Collector,
}

#[cfg(not(any(test, debug_assertions, snaptrie_check)))]
const _: () = assert!(size_of::<Guard>() == size_of::<usize>());

thread_local! {
    /// The thread's participant of the process, if it has one. Without a destructor, so that it works inside those of
    /// other thread-locals.
    static PLACE: Cell<Option<NonNull<Participant>>> = const { Cell::new(None) };

    /// Gives the participant back when the thread exits.
    static LEAVE: Leave = const { Leave };
}

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(place) = PLACE.take() {
            // SAFETY:
            // - joined by this thread, which has just forgotten it.
            unsafe { Participants::leave(place) };
        }
    }
}

impl Collector {
    /// For a new map. The first one decides on the fences, so that no operation has to. A `const fn` cannot do this, and
    /// uses [`Self::Global`].
    pub(crate) fn global() -> Self {
        PARTICIPANTS.decide();
        Self::Global
    }

    #[cfg(any(test, debug_assertions, snaptrie_check))]
    pub(crate) fn private() -> Self {
        Self::Private(Arc::new(Participants::new()))
    }

    #[inline(always)]
    fn participants(&self) -> &Participants {
        match self {
            Self::Global => &PARTICIPANTS,
            #[cfg(any(test, debug_assertions, snaptrie_check))]
            Self::Private(participants) => participants,
        }
    }

    /// Inlined wherever a handle is made, so that the handle stays in registers.
    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        match self {
            Self::Global => {
                if let Some(place) = PLACE.get() {
                    // SAFETY:
                    // - this thread's, in this list.
                    return unsafe { self.begin(place) };
                }
            }
            #[cfg(any(test, debug_assertions, snaptrie_check))]
            Self::Private(_) => {}
        }
        self.pin_without_place()
    }

    /// The first guard of a thread, each guard of a thread that is exiting, and each guard of a private collector.
    #[inline(never)]
    fn pin_without_place(&self) -> Guard {
        let place = self.participants().join();
        // SAFETY:
        // - joined just now, by this thread; if it does not keep the participant, it gives it back with this guard.
        unsafe {
            let guard = self.begin(place);
            let keeps =
                matches!(self, Self::Global) && LEAVE.try_with(|_| PLACE.set(Some(place))).is_ok();
            if !keeps {
                Participants::leave(place);
            }
            guard
        }
    }

    /// # Safety
    /// - `place` is from [`Participants::join`] of this collector's list, by this thread, which did not leave.
    #[inline(always)]
    unsafe fn begin(&self, place: NonNull<Participant>) -> Guard {
        // SAFETY:
        // - promised by the caller; the guard keeps the list.
        let visit = unsafe { Visit::begin(place, self.participants()) };
        Guard { visit, collector: self.clone() }
    }
}

impl Guard {
    #[inline]
    pub(super) fn clock(&self) -> &Clock {
        &self.collector.participants().clock
    }

    pub(super) fn try_to_advance(&self) {
        self.collector.participants().advance();
    }

    /// Ends this guard and begins another one in its place, unless the thread holds others.
    pub(crate) fn repin(&mut self) {
        // SAFETY:
        // - begun in this list: invariant of the type.
        unsafe { self.visit.renew(self.collector.participants()) };
    }

    /// Makes the thread yield when this guard is gone: a preempted thread may hold a guard, which stops the clock.
    pub(super) fn yield_afterwards(&self) {
        self.visit.yield_afterwards();
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn threads_that_end_give_their_places_back() {
        /// Pins when the thread's place is gone.
        struct Late;
        impl Drop for Late {
            fn drop(&mut self) {
                drop([Collector::Global.pin(), Collector::Global.pin()]);
            }
        }
        thread_local! {
            static LATE: Late = const { Late };
        }
        for _ in 0..200 {
            let ends = || LATE.with(|_| drop(Collector::Global.pin()));
            thread::spawn(ends).join().expect("a thread that ends");
        }
        // Other tests of this process have some.
        assert!(PARTICIPANTS.len() < 100);
    }

    #[test]
    fn places_are_taken_again() {
        let collector = Collector::private();
        let pins = |many: usize| (0..many).map(|_| collector.pin()).collect::<Vec<_>>();
        drop(pins(3));
        drop(pins(3));
        assert_eq!(collector.participants().len(), 3);
        drop(pins(5));
        assert_eq!(collector.participants().len(), 5);
    }

    #[test]
    fn the_clock_stands_still_while_a_guard_is_held_that_is_older_than_its_reading() {
        let collector = Collector::private();
        let reader = collector.pin();
        let start = reader.now();
        (0..100).for_each(|_| collector.pin().advance(true));
        assert_eq!(reader.now(), start + 1);
        drop(reader);
        for ticks in 2..10 {
            collector.pin().advance(true);
            assert_eq!(collector.pin().now(), start + ticks);
        }
    }

    #[test]
    fn a_guard_that_is_renewed_holds_no_tick_back() {
        let mut guard = Collector::private().pin();
        for _ in 0..10 {
            let before = guard.now();
            guard.repin();
            guard.advance(true);
            assert_eq!(guard.now(), before + 1);
        }
    }
}
