//! Guards, and the collector that they come from: those of participants (`process.rs`), or without the feature
//! `membarrier` those of crossbeam-epoch (`epoch.rs`).

#[cfg(not(feature = "membarrier"))]
use super::epoch as kind;
#[cfg(feature = "membarrier")]
use super::process as kind;
use crate::sync::{Ordering, fence, planted};

pub(crate) use kind::{Collector, Guard};

impl Guard {
    /// The clock's reading, see [`super::clock`].
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        self.clock().now()
    }

    /// The reading at which what this thread has unlinked so far may be freed.
    pub(super) fn ripe_at(&self) -> u64 {
        // SeqCst: between the unlinking and the reading, see `participants.rs` and `epoch.rs`.
        fence(Ordering::SeqCst);
        self.now() + if planted("early_free") { kind::GRACE - 2 } else { kind::GRACE }
    }

    /// Advances the clock if no guard holds it back, unless an attempt was made just now. With `hurry`,
    /// tries even then.
    pub(super) fn advance(&self, hurry: bool) {
        self.clock().attempt(hurry, || self.try_to_advance());
    }
}
