//! The guards of the process with the feature `membarrier`: [participants](super::participants).
#![expect(unsafe_code, reason = "participants are raw pointers, used by one thread at a time")]

use super::clock::Clock;
pub(super) use super::participants::GRACE;
use super::participants::{Participants, Visit};
use super::threads::THREAD;

static PARTICIPANTS: Participants = Participants::undecided();

pub(super) fn clock() -> &'static Clock {
    &PARTICIPANTS.clock
}

/// Decides on the fences.
pub(super) fn prepare() {
    PARTICIPANTS.decide();
}

pub(super) struct GlobalPin(Visit);

impl GlobalPin {
    #[inline(always)]
    pub(super) fn new() -> Self {
        match THREAD.with(|thread| thread.place.get()) {
            // SAFETY:
            // - this thread's, in a list that is a static.
            Some(place) => Self(unsafe { Visit::begin(place, &PARTICIPANTS) }),
            None => Self::without_place(),
        }
    }

    /// The first guard of a thread, and each guard of a thread that is exiting.
    #[inline(never)]
    fn without_place() -> Self {
        let place = PARTICIPANTS.join();
        // SAFETY:
        // - as above; if the thread is exiting, it gives the participant back with this guard.
        unsafe {
            let visit = Visit::begin(place, &PARTICIPANTS);
            if LEAVE.try_with(|_| THREAD.with(|thread| thread.place.set(Some(place)))).is_err() {
                Participants::leave(place);
            }
            Self(visit)
        }
    }

    pub(super) fn advance(&self) {
        PARTICIPANTS.advance();
    }

    /// Ends the guard and begins another, unless the thread holds others.
    pub(super) fn renew(&mut self) {
        // SAFETY:
        // - begun in this list.
        unsafe { self.0.renew(&PARTICIPANTS) };
    }

    pub(super) fn yield_afterwards(&self) {
        self.0.yield_afterwards();
    }
}

thread_local! {
    /// Gives the thread's participant back when it exits.
    static LEAVE: Leave = const { Leave };
}

struct Leave;

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(place) = THREAD.with(|thread| thread.place.take()) {
            // SAFETY:
            // - joined by this thread, which has just forgotten it.
            unsafe { Participants::leave(place) };
        }
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
                drop([GlobalPin::new(), GlobalPin::new()]);
            }
        }
        thread_local! {
            static LATE: Late = const { Late };
        }
        for _ in 0..200 {
            let ends = || LATE.with(|_| drop(GlobalPin::new()));
            thread::spawn(ends).join().expect("a thread that ends");
        }
        // Other tests of this process have some.
        assert!(PARTICIPANTS.len() < 100);
    }
}
