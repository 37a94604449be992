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

/// Elsewhere than in tests this has no value. So a choice between the process's collector and a map's own is none.
#[derive(Clone, Copy)]
pub(super) enum ForTests {
    #[cfg(any(test, debug_assertions, snaptrie_check))]
    Yes,
}

/// A map's own collector.
#[derive(Clone)]
pub(crate) struct Home(Arc<Participants>, pub(super) ForTests);

impl Home {
    #[cfg(any(test, debug_assertions, snaptrie_check))]
    pub(super) fn new() -> Self {
        Self(Arc::new(Participants::new()), ForTests::Yes)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A guard, with a place of its own.
pub(super) struct PrivatePin {
    visit: ManuallyDrop<Visit>,
    place: NonNull<Participant>,
    home: Arc<Participants>,
}

impl PrivatePin {
    #[cold]
    #[inline(never)]
    pub(super) fn new(home: &Home) -> Box<Self> {
        let place = home.0.join();
        // SAFETY:
        // - joined by this thread; the list lives as long as the home.
        let visit = ManuallyDrop::new(unsafe { Visit::begin(place, &home.0) });
        Box::new(Self { visit, place, home: Arc::clone(&home.0) })
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.home.clock
    }

    pub(super) fn advance(&self) {
        self.home.advance();
    }

    pub(super) fn renew(&mut self) {
        // SAFETY:
        // - begun in its home.
        unsafe { self.visit.renew(&self.home) };
    }
}

impl Drop for PrivatePin {
    #[cold]
    #[inline(never)]
    fn drop(&mut self) {
        // SAFETY:
        // - the guard is dropped once, and then its place is given back.
        unsafe {
            ManuallyDrop::drop(&mut self.visit);
            Participants::leave(self.place);
        }
    }
}
