//! The guards of the process without the feature `membarrier`: those of crossbeam-epoch. A deferred call, the *probe*,
//! ticks the clock; at most one is in flight ([`Guard::try_to_advance`]).
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

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::panic::catch_unwind;
use std::thread;

use super::clock::Clock;
use crate::sync::{AtomicBool, Ordering, fence, stall_point};

/// Ticks from the unlinking of an object until it may be freed.
pub(super) const GRACE: u64 = 2;

static CLOCK: Clock = Clock::new();

/// Whether a probe is in flight.
static PROBING: AtomicBool = AtomicBool::new(false);

/// Where the guards of a map come from.
#[derive(Clone)]
pub(crate) enum Collector {
    /// That of crossbeam-epoch.
    Global,
}

/// While it exists, nothing that its thread can have reached since it was made is freed.
pub(crate) struct Guard(ManuallyDrop<crossbeam_epoch::Guard>);

thread_local! {
    /// Whether the thread yields after its guard. Without a destructor, so that it works inside those of other
    /// thread-locals.
    static YIELDS: Cell<bool> = const { Cell::new(false) };

    /// The thread's handle. `crossbeam_epoch::pin` has one too, but is not inlined.
    static HANDLE: crossbeam_epoch::LocalHandle = crossbeam_epoch::default_collector().register();
}

impl Collector {
    pub(crate) fn global() -> Self {
        Self::Global
    }

    /// The same: tests that count garbage run one at a time.
    #[cfg(any(test, debug_assertions, snaptrie_check))]
    pub(crate) fn private() -> Self {
        Self::Global
    }

    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        Guard(epoch_guard())
    }
}

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

impl Guard {
    #[inline]
    pub(super) fn clock(&self) -> &Clock {
        &CLOCK
    }

    /// Defers a probe, unless one is in flight, and lets crossbeam-epoch collect.
    ///
    /// A thread that stalls between the two steps below holds a guard, which alone would stop the clock.
    pub(super) fn try_to_advance(&self) {
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

    /// Ends this guard and begins another one in its place.
    ///
    /// crossbeam-epoch's `repin` has no fence: the next loads could come before it reads the epoch, and see what was
    /// unlinked two epochs before the new one ends. Its `repin_after` needs the thread's handle, which may be gone.
    pub(crate) fn repin(&mut self) {
        // SAFETY:
        // - dropped once: a new one takes its place, and nothing in between unwinds.
        unsafe { ManuallyDrop::drop(&mut self.0) };
        yield_if_asked();
        // Pinning may run deferred calls of other crates. If one panics, no guard is left to go on with.
        self.0 = catch_unwind(epoch_guard).unwrap_or_else(|_| std::process::abort());
    }

    /// Makes the thread yield when this guard is gone: a preempted thread may hold a guard, which stops the clock.
    pub(super) fn yield_afterwards(&self) {
        YIELDS.set(true);
    }
}

impl Drop for Guard {
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
    if YIELDS.take() {
        thread::yield_now();
    }
}
