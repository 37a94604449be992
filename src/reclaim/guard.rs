//! Guards, and the collector that they come from: the [one of the process](super::global), or in tests a
//! [map's own](super::private).

use super::clock::Clock;
use super::global::{self, GlobalPin};
use super::participants;
use super::private::{ForTests, Home, PrivatePin};
use crate::sync::{Ordering, fence, planted};

/// While it exists, nothing that its thread can have reached since it was made is freed.
///
/// One word, so that it is returned in a register.
pub(crate) struct Guard(Pin);

enum Pin {
    Global(GlobalPin),
    Private(Box<PrivatePin>, ForTests),
}

/// Where the guards of a map come from.
#[derive(Clone)]
pub(crate) enum Collector {
    /// The one of the process.
    Global,
    /// A map's own.
    #[cfg_attr(
        not(any(test, debug_assertions, snaptrie_check)),
        expect(dead_code, reason = "for tests")
    )]
    Private(Home),
}

impl Collector {
    /// For a new map. The first one prepares the process, so that no operation has to. A `const fn` cannot do this, and
    /// uses [`Self::Global`].
    pub(crate) fn global() -> Self {
        global::prepare();
        Self::Global
    }

    #[cfg(any(test, debug_assertions, snaptrie_check))]
    pub(crate) fn private() -> Self {
        Self::Private(Home::new())
    }

    /// Inlined wherever a handle is made, so that the handle stays in registers.
    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        Guard(match self {
            Self::Global => Pin::Global(GlobalPin::new()),
            Self::Private(home) => Pin::Private(PrivatePin::new(home), home.1),
        })
    }
}

impl Guard {
    #[inline]
    fn clock(&self) -> &Clock {
        match &self.0 {
            Pin::Global(_) => global::clock(),
            Pin::Private(pin, _) => pin.clock(),
        }
    }

    /// The clock's reading, see [`super::clock`].
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock().now()
    }

    /// The reading at which what this thread has unlinked so far may be freed.
    pub(super) fn ripe_at(&self) -> u64 {
        // SeqCst: between the unlinking and the reading, see `participants.rs` and `epoch.rs`.
        fence(Ordering::SeqCst);
        let ticks = match &self.0 {
            _ if planted("early_free") => participants::GRACE - 2,
            Pin::Global(_) => global::GRACE,
            Pin::Private(..) => participants::GRACE,
        };
        self.now() + ticks
    }

    /// Advances the clock if no guard holds it back, unless an attempt was made just now. With `hurry`,
    /// tries even then.
    pub(super) fn advance(&self, hurry: bool) {
        self.clock().attempt(hurry, || match &self.0 {
            Pin::Global(pin) => pin.advance(),
            Pin::Private(pin, _) => pin.advance(),
        });
    }

    /// Ends this guard and begins another one in its place, unless the thread holds others.
    pub(crate) fn repin(&mut self) {
        match &mut self.0 {
            Pin::Global(pin) => pin.renew(),
            Pin::Private(pin, _) => pin.renew(),
        }
    }

    /// Makes the thread yield when this guard is gone: a preempted thread may hold a guard, which stops the clock.
    pub(super) fn yield_afterwards(&self) {
        match &self.0 {
            Pin::Global(pin) => pin.yield_afterwards(),
            // Threads of models are not threads of the system.
            Pin::Private(..) => {}
        }
    }
}
