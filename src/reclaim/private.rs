//! A collector of one map, for tests.
//!
//! Its guards are those of participants, with ordinary fences. They depend on no other map, and work in models, whose
//! threads are not threads of the system.
//!
//! Users' maps have no collector of their own. Each guard would have to find its thread's participant in the right
//! list, which takes longer than a lookup. In return, a handle held for long would not keep the garbage of other maps.
//! The guide shows how to avoid holding handles for long.
#![expect(unsafe_code, reason = "guards outlive the borrow of what they hold on to")]

use std::mem::ManuallyDrop;
use std::ptr::NonNull;
use std::sync::Arc;

use super::clock::Clock;
use super::participants::{Participant, Participants, Visit};

/// Has no value except in tests, so that the compiler removes the choice between two collectors.
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

/// A guard with a participant of its own.
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
        // - joined by this thread; the list lives as long as this value, which drops the guard first.
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
        // - the guard is dropped once, and then its participant is given back.
        unsafe {
            ManuallyDrop::drop(&mut self.visit);
            Participants::leave(self.place);
        }
    }
}
