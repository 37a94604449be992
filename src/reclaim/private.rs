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

use super::participants::{Participant, Participants, Visit};

/// A guard, with a place of its own.
pub(super) struct PrivatePin {
    pub(super) visit: ManuallyDrop<Visit>,
    place: NonNull<Participant>,
    pub(super) home: Arc<Participants>,
}

impl PrivatePin {
    #[cold]
    #[inline(never)]
    pub(super) fn new(home: &Arc<Participants>) -> Box<Self> {
        let place = home.join();
        // SAFETY:
        // - joined by this thread; the list lives as long as the home.
        let visit = ManuallyDrop::new(unsafe { Visit::begin(place, home) });
        Box::new(Self { visit, place, home: Arc::clone(home) })
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
