//! Guards, and where they come from.
//!
//! Of a process all guards are of one kind, which its first map decides ([`with_membarrier`]): participants, if the
//! feature `membarrier` is on and the system has heavy fences; else those of crossbeam-epoch.
#![expect(unsafe_code, reason = "guards outlive the borrow of what they hold on to")]

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::thread;

use super::clock::{self, Clock};
use super::participants::{self, Participants};
use super::private::PrivatePin;
use super::threads::THREAD;
use crate::sync::{Ordering, fence, planted};

/// As long as it exists, nothing is freed that its thread can have reached since it was made.
pub(crate) struct Guard(ManuallyDrop<Pin>);

enum Pin {
    #[cfg(feature = "membarrier")]
    Participant(participants::Visit),
    Epoch(EpochPin),
    Private(Box<PrivatePin>),
}

/// One word, as the other kinds: so a guard is returned in registers.
struct EpochPin(ManuallyDrop<crossbeam_epoch::Guard>);

/// Where the guards of a map come from.
#[derive(Clone)]
pub(crate) enum Collector {
    /// The one of the process.
    Global,
    /// A map's own, for tests.
    #[cfg_attr(
        not(any(test, debug_assertions, snaptrie_check)),
        expect(dead_code, reason = "for tests")
    )]
    Private(Arc<Participants>),
}

/// Those of the process. Its clock is the clock of the process, whichever guards there are.
static PARTICIPANTS: Participants = Participants::new();

impl Collector {
    /// For a new map. The first one decides which kind of guards the process has, so that no operation waits for that.
    /// A map made by a constant function has [`Self::Global`]: if it comes first, its first guard decides.
    pub(crate) fn global() -> Self {
        #[cfg(feature = "membarrier")]
        with_membarrier::has_participants();
        Self::Global
    }

    #[cfg(any(test, debug_assertions, snaptrie_check))]
    pub(crate) fn private() -> Self {
        Self::Private(Arc::new(Participants::new()))
    }

    /// Inlined wherever a handle is made, so that the handle needs no place in memory.
    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        Guard(ManuallyDrop::new(match self {
            Self::Global => pin_global(),
            Self::Private(home) => Pin::Private(PrivatePin::new(home)),
        }))
    }
}

impl Drop for Guard {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY:
        // - the value is dropped, and not used again.
        match unsafe { ManuallyDrop::take(&mut self.0) } {
            #[cfg(feature = "membarrier")]
            Pin::Participant(visit) => drop(visit),
            Pin::Epoch(pin) => drop(pin),
            Pin::Private(pin) => drop(pin),
        }
    }
}

impl Guard {
    #[inline]
    fn clock(&self) -> &Clock {
        match &*self.0 {
            Pin::Private(pin) => &pin.home.clock,
            _ => &PARTICIPANTS.clock,
        }
    }

    /// The clock's reading, see [`super::clock`].
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock().now()
    }

    /// The reading at which what this thread has unlinked so far may be freed.
    pub(super) fn ripe_at(&self) -> u64 {
        // SeqCst: between the unlinking and the reading, see `clock.rs`.
        fence(Ordering::SeqCst);
        let ticks = match &*self.0 {
            _ if planted("early_free") => participants::GRACE - 2,
            Pin::Epoch(_) => clock::GRACE,
            _ => participants::GRACE,
        };
        self.now() + ticks
    }

    /// Moves the clock on if it can be moved, unless an attempt was made just now. `hurry`: even then.
    pub(super) fn advance(&self, hurry: bool) {
        self.clock().attempt(hurry, || match &*self.0 {
            #[cfg(feature = "membarrier")]
            Pin::Participant(_) => PARTICIPANTS.advance(),
            Pin::Epoch(pin) => PARTICIPANTS.clock.probe(&pin.0),
            Pin::Private(pin) => pin.home.advance(),
        });
    }

    /// Ends this guard and begins another one in its place, unless the thread holds others.
    pub(crate) fn repin(&mut self) {
        match &mut *self.0 {
            #[cfg(feature = "membarrier")]
            // SAFETY:
            // - `pin_global` begins guards in this list alone.
            Pin::Participant(visit) => unsafe { visit.renew(&PARTICIPANTS) },
            // Not crossbeam-epoch's `repin`, which has no fence: the next loads could come before its look at the epoch,
            // and see what was unlinked two epochs before the new one is over.
            Pin::Epoch(pin) => pin.renew(),
            // SAFETY:
            // - begun in its home, by `PrivatePin::new`.
            Pin::Private(pin) => unsafe { pin.visit.renew(&pin.home) },
        }
    }

    /// Makes the thread let others run when this guard is gone: some may have been suspended with a guard, and keep
    /// the clock from moving.
    pub(super) fn yield_afterwards(&self) {
        match &*self.0 {
            #[cfg(feature = "membarrier")]
            Pin::Participant(visit) => visit.yield_afterwards(),
            Pin::Epoch(_) => THREAD.with(|thread| thread.yields.set(true)),
            // Threads of models are not the system's.
            Pin::Private(_) => {}
        }
    }
}

thread_local! {
    /// This thread's part in crossbeam-epoch: what `crossbeam_epoch::pin` has too, but that is not inlined.
    static HANDLE: crossbeam_epoch::LocalHandle = crossbeam_epoch::default_collector().register();
}

#[inline(always)]
fn pin_epoch() -> Pin {
    Pin::Epoch(EpochPin(ManuallyDrop::new(epoch_guard())))
}

#[inline(always)]
fn epoch_guard() -> crossbeam_epoch::Guard {
    // Release: what was done under the last guard. crossbeam-epoch 0.9 pins with a relaxed store, and a scan that
    // sees it may have missed the end of that guard.
    fence(Ordering::Release);
    // The thread may be exiting, and its handle gone.
    HANDLE
        .try_with(crossbeam_epoch::LocalHandle::pin)
        .unwrap_or_else(|_| crossbeam_epoch::default_collector().register().pin())
}

impl EpochPin {
    /// Ends the guard and begins another.
    fn renew(&mut self) {
        /// Pinning may run what other crates have deferred. If that panics, there is no guard to go on with.
        struct Abort;
        impl Drop for Abort {
            fn drop(&mut self) {
                std::process::abort();
            }
        }
        let abort = Abort;
        // SAFETY:
        // - dropped once: another takes its place, and a panic before ends the process.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        yield_if_asked();
        self.0 = ManuallyDrop::new(epoch_guard());
        std::mem::forget(abort);
    }
}

impl Drop for EpochPin {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY:
        // - dropped once.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        yield_if_asked();
    }
}

/// Lets other threads run, if an operation under a guard that has just ended asked for it.
#[inline]
fn yield_if_asked() {
    if THREAD.with(|thread| thread.yields.take()) {
        thread::yield_now();
    }
}

#[cfg(not(feature = "membarrier"))]
use pin_epoch as pin_global;
#[cfg(feature = "membarrier")]
use with_membarrier::pin_global;

#[cfg(feature = "membarrier")]
mod with_membarrier {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::super::membarrier;
    use super::super::participants::{Participants, Visit};
    use super::super::threads::THREAD;
    use super::{PARTICIPANTS, Pin, pin_epoch};

    /// Which kind of guards the process has.
    static CHOICE: AtomicU8 = AtomicU8::new(UNDECIDED);
    const UNDECIDED: u8 = 0;
    const CROSSBEAM: u8 = 1;
    const OURS: u8 = 2;

    pub(super) fn has_participants() -> bool {
        // Acquire: the process is registered; pairs with the Release in `decide`.
        match CHOICE.load(Ordering::Acquire) {
            UNDECIDED => decide() == OURS,
            choice => choice == OURS,
        }
    }

    /// Threads that come here at once all ask the system; the first answer counts.
    #[cold]
    fn decide() -> u8 {
        let choice = if cfg!(miri) {
            // Miri knows no such system call. With ordinary fences the rest is what it is elsewhere.
            OURS
        } else if membarrier::register() {
            PARTICIPANTS.use_heavy_fences();
            OURS
        } else {
            CROSSBEAM
        };
        let (release, acquire) = (Ordering::AcqRel, Ordering::Acquire);
        CHOICE
            .compare_exchange(UNDECIDED, choice, release, acquire)
            .map_or_else(|other| other, |_| choice)
    }

    thread_local! {
        /// Gives the thread's place back when it exits.
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

    #[inline(always)]
    pub(super) fn pin_global() -> Pin {
        match THREAD.with(|thread| thread.place.get()) {
            // SAFETY:
            // - this thread's, in a list that is a static.
            Some(place) => Pin::Participant(unsafe { Visit::begin(place, &PARTICIPANTS) }),
            None => pin_without_place(),
        }
    }

    /// The first guard of a thread, each guard of one that is exiting, and all where the system has no heavy fences.
    #[inline(never)]
    fn pin_without_place() -> Pin {
        if !has_participants() {
            return pin_epoch();
        }
        let place = PARTICIPANTS.join();
        // SAFETY:
        // - as above; if the thread is exiting, the place goes with this guard.
        unsafe {
            let visit = Visit::begin(place, &PARTICIPANTS);
            if LEAVE.try_with(|_| THREAD.with(|thread| thread.place.set(Some(place)))).is_err() {
                Participants::leave(place);
            }
            Pin::Participant(visit)
        }
    }
}
