//! Reclamation of what operations in flight may still be looking at.
//!
//! The crate's own small facade over crossbeam-epoch. An operation holds a [`Guard`]; memory that
//! it unlinks goes to its map's [`Limbo`] and is freed after a *grace period*: once every guard that
//! was held when it was unlinked is gone.
//!
//! crossbeam-epoch tells when a grace period is over, and that is all it does here: the only thing
//! ever deferred to it is "set this flag". Keys, values and nodes stay in the limbo of their own map
//! and are freed by operations on that map, or when the map is dropped. This buys:
//!
//! - no `'static` bound: nothing of a map outlives it (and its snapshots), so keys and values may
//!   borrow; tests count drops without waiting for other threads' epochs;
//! - a destructor that panics does so in an operation on the map it belongs to, is caught there, and
//!   takes no other destructor with it;
//! - frees come a few at a time, not in lumps of hundreds.
//!
//! Its price: what was retired stays until the map is used again ([`Limbo::turn`]) or dropped.

mod limbo;

pub(crate) use crossbeam_epoch::Guard;
use crossbeam_epoch::LocalHandle;
pub(crate) use limbo::{Fallout, Garbage, Limbo, OnceBox, shard_count, thread_index};

/// Where the guards of a map come from.
pub(crate) enum Collector {
    /// The collector that the whole process shares.
    Global,
    /// A collector of the map's own. Each guard registers anew, so that its epochs depend on no
    /// thread's history: slow, for tests.
    Private(crossbeam_epoch::Collector),
}

impl Collector {
    pub(crate) fn private() -> Self {
        Self::Private(crossbeam_epoch::Collector::new())
    }

    /// Holds the current epoch until the guard is dropped. Inlined wherever a handle is made, so that
    /// the handle needs no place in memory.
    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        match self {
            Self::Global => pin_global(),
            Self::Private(collector) => pin_private(collector),
        }
    }
}

thread_local! {
    /// This thread's part in the collector that the process shares: what `crossbeam_epoch::pin` has
    /// too, but that one is not inlined.
    static HANDLE: LocalHandle = crossbeam_epoch::default_collector().register();
}

#[inline(always)]
fn pin_global() -> Guard {
    match HANDLE.try_with(LocalHandle::pin) {
        Ok(guard) => guard,
        // The thread is exiting, and its part is gone.
        Err(_) => pin_private(crossbeam_epoch::default_collector()),
    }
}

#[cold]
#[inline(never)]
fn pin_private(collector: &crossbeam_epoch::Collector) -> Guard {
    collector.register().pin()
}

impl Clone for Collector {
    fn clone(&self) -> Self {
        match self {
            Self::Global => Self::Global,
            Self::Private(collector) => Self::Private(collector.clone()),
        }
    }
}
