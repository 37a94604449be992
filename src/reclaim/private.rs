//! A map's own source of guards, for tests.
//!
//! Its guards depend on no other map and on no thread's history, and models can use it: their threads are not the
//! system's. They are those of participants, with ordinary fences.
//!
//! Maps of users have none. A guard would have to find its thread's place in the right list each time, which takes
//! longer than a lookup. And what it would buy, that a handle held for long keeps no garbage of other maps, is had
//! by not holding handles for long: see the guide.
#![expect(unsafe_code, reason = "guards outlive the borrow of what they hold on to")]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use super::clock::Clock;
use super::participants::{Participant, Participants, Visit};

pub(crate) struct Private {
    pub(super) clock: Clock,
    pub(super) participants: Participants,
}

impl Private {
    pub(super) fn new() -> Self {
        Self { clock: Clock::new(), participants: Participants::new() }
    }
}

/// A guard, with a place of its own.
pub(crate) struct PrivatePin {
    visit: ManuallyDrop<Visit>,
    place: NonNull<Participant>,
    pub(super) home: Arc<Private>,
}

impl PrivatePin {
    #[cold]
    pub(super) fn new(home: &Arc<Private>) -> Box<Self> {
        let place = home.participants.join();
        // SAFETY:
        // - joined by this thread; the list lives as long as the home.
        let visit = unsafe { Visit::begin(place, &home.participants, &home.clock) };
        Box::new(Self { visit: ManuallyDrop::new(visit), place, home: Arc::clone(home) })
    }

    #[cold]
    pub(super) fn unpin(mut self) {
        // SAFETY:
        // - the guard is dropped once, and then its place is given back.
        unsafe {
            ManuallyDrop::drop(&mut self.visit);
            Participants::leave(self.place);
        }
    }

    pub(super) fn attempt(&self, now: bool) {
        let Private { clock, participants } = &*self.home;
        clock.attempt(now, || participants.advance(clock));
    }

    pub(super) fn repin(&mut self) {
        let Private { clock, participants } = &*self.home;
        self.visit.renew(participants, clock, || {});
    }
}
