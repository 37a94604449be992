//! Guards, and where they come from.
#![expect(unsafe_code, reason = "guards outlive the borrow of what they hold on to")]

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread;

use super::clock::{self, Clock};
use super::participants;
use super::private::{Private, PrivatePin};

/// As long as it exists, nothing is freed that its thread can have reached since it was made.
pub(crate) struct Guard {
    pin: ManuallyDrop<Pin>,
    /// Whether the thread lets others run when the guard is gone.
    yields: Cell<bool>,
}

enum Pin {
    #[cfg(feature = "membarrier")]
    Participant(Visit),
    Epoch(crossbeam_epoch::Guard),
    Private(Box<PrivatePin>),
}

/// Where the guards of a map come from.
#[derive(Clone)]
pub(crate) enum Collector {
    /// The one of the process.
    Global,
    /// A map's own, for tests: its guards depend on no other map and on no thread's history.
    Private(Arc<Private>),
}

/// The clock of the process.
static CLOCK: Clock = Clock::new();

impl Collector {
    pub(crate) fn private() -> Self {
        Self::Private(Arc::new(Private::new()))
    }

    /// Inlined wherever a handle is made, so that the handle needs no place in memory.
    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        let pin = match self {
            Self::Global => pin_global(),
            Self::Private(home) => Pin::Private(PrivatePin::new(home)),
        };
        Guard { pin: ManuallyDrop::new(pin), yields: Cell::new(false) }
    }
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY:
        // - the value is dropped, and not used again.
        match unsafe { ManuallyDrop::take(&mut self.pin) } {
            #[cfg(feature = "membarrier")]
            Pin::Participant(visit) => drop(visit),
            Pin::Epoch(guard) => drop(guard),
            Pin::Private(pin) => pin.unpin(),
        }
        if self.yields.get() {
            thread::yield_now();
        }
    }
}

impl Guard {
    /// The clock's reading, see [`super::clock`].
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock().now()
    }

    /// The reading at which what this thread has unlinked so far may be freed.
    pub(super) fn ripe_at(&self) -> u64 {
        // SeqCst: between the unlinking and the reading, see `clock.rs`.
        crate::sync::fence(crate::sync::Ordering::SeqCst);
        let ticks = match &*self.pin {
            Pin::Epoch(_) => clock::GRACE,
            _ => participants::GRACE,
        };
        self.clock().now() + ticks
    }

    #[inline]
    fn clock(&self) -> &Clock {
        match &*self.pin {
            Pin::Private(pin) => &pin.home.clock,
            _ => &CLOCK,
        }
    }

    /// Moves the clock on if it can be moved, unless an attempt was made just now.
    pub(crate) fn advance(&self) {
        self.attempt(false);
    }

    /// [`Self::advance`], however recent the last attempt.
    pub(super) fn advance_now(&self) {
        self.attempt(true);
    }

    fn attempt(&self, now: bool) {
        match &*self.pin {
            #[cfg(feature = "membarrier")]
            Pin::Participant(_) => {
                CLOCK.attempt(now, || PARTICIPANTS.advance(&CLOCK));
            }
            Pin::Epoch(guard) => CLOCK.attempt(now, || Clock::probe(&CLOCK, guard)),
            Pin::Private(pin) => pin.attempt(now),
        }
    }

    /// Ends this guard and begins another one in its place, unless the thread holds others.
    pub(crate) fn repin(&mut self) {
        let yields = self.yields.take();
        let between = || {
            if yields {
                thread::yield_now();
            }
        };
        match &mut *self.pin {
            #[cfg(feature = "membarrier")]
            Pin::Participant(visit) => visit.renew(&PARTICIPANTS, &CLOCK, between),
            Pin::Epoch(guard) if yields => guard.repin_after(between),
            Pin::Epoch(guard) => guard.repin(),
            Pin::Private(pin) => pin.repin(),
        }
    }

    /// Makes the thread let others run once, when this guard is gone and it holds no other: for threads that were
    /// suspended with a guard, which keep the clock from moving.
    pub(super) fn yield_afterwards(&self) {
        let alone = match &*self.pin {
            #[cfg(feature = "membarrier")]
            Pin::Participant(visit) => visit.is_only(),
            Pin::Epoch(_) => true,
            Pin::Private(_) => false,
        };
        self.yields.set(alone);
    }
}

#[cfg(not(feature = "membarrier"))]
#[inline(always)]
fn pin_global() -> Pin {
    Pin::Epoch(pin_epoch())
}

thread_local! {
    /// This thread's part in crossbeam-epoch: what `crossbeam_epoch::pin` has too, but that is not inlined.
    static HANDLE: crossbeam_epoch::LocalHandle = crossbeam_epoch::default_collector().register();
}

#[inline(always)]
fn pin_epoch() -> crossbeam_epoch::Guard {
    // Release: what was done under the last guard. crossbeam-epoch 0.9 pins with a relaxed store, and a scan that
    // sees it may have missed the end of that guard.
    crate::sync::fence(crate::sync::Ordering::Release);
    // The thread may be exiting, and its handle gone.
    HANDLE.try_with(crossbeam_epoch::LocalHandle::pin).unwrap_or_else(|_| pin_epoch_once())
}

#[cold]
fn pin_epoch_once() -> crossbeam_epoch::Guard {
    crossbeam_epoch::default_collector().register().pin()
}

#[cfg(feature = "membarrier")]
use {
    super::participants::Visit,
    with_participants::{PARTICIPANTS, pin_global},
};

#[cfg(feature = "membarrier")]
mod with_participants {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::super::membarrier;
    use super::super::participants::{Participants, Visit};
    use super::super::threads::THREAD;
    use super::{CLOCK, Pin, pin_epoch};

    /// All threads that have pinned.
    pub(super) static PARTICIPANTS: Participants = Participants::new();

    /// Which kind of guards the process has: decided by its first one, for good.
    static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);
    const UNDECIDED: u8 = 0;
    const EPOCHS: u8 = 1;
    const PARTICIPANTS_CHOSEN: u8 = 2;

    fn has_participants() -> bool {
        // Acquire: the process is registered; pairs with the Release below.
        match CHOICE.load(Ordering::Acquire) {
            UNDECIDED => decide(),
            choice => choice == PARTICIPANTS_CHOSEN,
        }
    }

    /// Threads that come here at once all ask the system; the first answer counts.
    #[cold]
    fn decide() -> bool {
        let choice = if cfg!(miri) {
            // Miri knows no such system call. With ordinary fences the rest is what it is elsewhere.
            PARTICIPANTS_CHOSEN
        } else if membarrier::register() {
            PARTICIPANTS.use_heavy_fences();
            PARTICIPANTS_CHOSEN
        } else {
            EPOCHS
        };
        let (release, acquire) = (Ordering::AcqRel, Ordering::Acquire);
        match CHOICE.compare_exchange(UNDECIDED, choice, release, acquire) {
            Ok(_) => choice == PARTICIPANTS_CHOSEN,
            Err(other) => other == PARTICIPANTS_CHOSEN,
        }
    }

    thread_local! {
        /// Gives the thread's place back when it exits.
        static LEAVE: Leave = const { Leave };
    }

    struct Leave;

    impl Drop for Leave {
        fn drop(&mut self) {
            if let Some(participant) = THREAD.with(|thread| thread.place.take()) {
                // SAFETY:
                // - joined by this thread, which has just forgotten it.
                unsafe { Participants::leave(participant) };
            }
        }
    }

    #[inline(always)]
    pub(super) fn pin_global() -> Pin {
        match THREAD.with(|thread| thread.place.get()) {
            // SAFETY:
            // - this thread's, in a list that is a static.
            Some(place) => Pin::Participant(unsafe { Visit::begin(place, &PARTICIPANTS, &CLOCK) }),
            None => pin_without_place(),
        }
    }

    /// The first guard of a thread, each guard of one that is exiting, and all where the system has no heavy fences.
    #[inline(never)]
    fn pin_without_place() -> Pin {
        if !has_participants() {
            return Pin::Epoch(pin_epoch());
        }
        let place = PARTICIPANTS.join();
        // SAFETY:
        // - as above; if the thread is exiting, the place goes with this guard.
        unsafe {
            let visit = Visit::begin(place, &PARTICIPANTS, &CLOCK);
            match LEAVE.try_with(|_| THREAD.with(|thread| thread.place.set(Some(place)))) {
                Ok(()) => {}
                Err(_) => Participants::leave(place),
            }
            Pin::Participant(visit)
        }
    }
}
