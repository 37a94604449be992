//! The guards of the process without the feature `membarrier`: those of crossbeam-epoch. A deferred call, the *probe*,
//! ticks the clock; at most one is in flight ([`GlobalPin::advance`]).
//!
//! # Why two ticks are enough
//!
//! Let A unlink an object, execute a SeqCst fence, and read `t`. The tick to `t + 1` comes after that read in the
//! counter's modification order. The probe for `t + 2` is deferred by a thread that has seen the tick to `t + 1`
//! (Acquire), and crossbeam-epoch seals deferred calls behind a SeqCst fence. So that fence comes after A's. Now take
//! any guard. If it was held when the probe was sealed, crossbeam-epoch promises that it is gone when the probe runs.
//! Otherwise the SeqCst fence of its pin comes after the probe's, hence after A's, and its thread cannot reach the
//! object any more.
#![expect(unsafe_code, reason = "guards end at a time of their own")]

use std::mem::ManuallyDrop;
use std::thread;

use super::clock::Clock;
use super::threads::THREAD;
use crate::sync::{AtomicBool, Ordering, fence, stall_point};

/// Ticks from the unlinking of an object until it may be freed.
pub(super) const GRACE: u64 = 2;

static CLOCK: Clock = Clock::new();

/// Whether a probe is in flight.
static PROBING: AtomicBool = AtomicBool::new(false);

pub(super) fn clock() -> &'static Clock {
    &CLOCK
}

pub(super) fn prepare() {}

thread_local! {
    /// The thread's handle. `crossbeam_epoch::pin` has one too, but is not inlined.
    static HANDLE: crossbeam_epoch::LocalHandle = crossbeam_epoch::default_collector().register();
}

pub(super) struct GlobalPin(ManuallyDrop<crossbeam_epoch::Guard>);

#[inline(always)]
fn epoch_guard() -> ManuallyDrop<crossbeam_epoch::Guard> {
    // Release: what was done under the last guard. crossbeam-epoch 0.9 pins with a relaxed store, and a scan that sees
    // that store may have missed the end of the last guard.
    fence(Ordering::Release);
    // The thread may be exiting, and its handle gone.
    let guard = HANDLE
        .try_with(crossbeam_epoch::LocalHandle::pin)
        .unwrap_or_else(|_| crossbeam_epoch::default_collector().register().pin());
    ManuallyDrop::new(guard)
}

impl GlobalPin {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self(epoch_guard())
    }

    /// Defers a probe, unless one is in flight, and lets crossbeam-epoch collect.
    ///
    /// A thread that stalls between the two steps below holds a guard, which alone would stop the clock.
    pub(super) fn advance(&self) {
        // Acquire: the last tick, so that this probe is sealed after it; pairs with the Release below.
        if !PROBING.swap(true, Ordering::Acquire) {
            stall_point("probe");
            self.0.defer(|| {
                CLOCK.tick(CLOCK.now());
                // Release: the tick.
                PROBING.store(false, Ordering::Release);
            });
        }
        self.0.flush();
    }

    /// Ends the guard and begins another.
    ///
    /// crossbeam-epoch's `repin` has no fence: the next loads could come before it reads the epoch, and see what was
    /// unlinked two epochs before the new one ends. Its `repin_after` needs the thread's handle, which may be gone.
    pub(super) fn renew(&mut self) {
        /// Pinning may run deferred calls of other crates. If one panics, no guard is left to go on with.
        struct Abort;
        impl Drop for Abort {
            fn drop(&mut self) {
                std::process::abort();
            }
        }
        let abort = Abort;
        // SAFETY:
        // - dropped once: a new one takes its place, and a panic in between aborts.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        yield_if_asked();
        self.0 = epoch_guard();
        std::mem::forget(abort);
    }

    pub(super) fn yield_afterwards(&self) {
        THREAD.with(|thread| thread.yields.set(true));
    }
}

impl Drop for GlobalPin {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY:
        // - dropped once.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        yield_if_asked();
    }
}

/// Yields if an operation under the guard that has just ended asked for it.
#[inline]
fn yield_if_asked() {
    if THREAD.with(|thread| thread.yields.take()) {
        thread::yield_now();
    }
}
