//! Guides to using the maps. They exist only in the documentation. Each example runs as a test.
//!
//! | page | for |
//! |---|---|
//! | [`choosing`] | which map, which hasher, which handle |
//! | [`migrating`] | moving from dashmap, papaya, scc, flurry, evmap or im |
//! | [`sharing`] | borrows, `Arc`, statics, rayon |
//! | [`counting`] | counters, and other values that many threads change |
//! | [`keys`] | looking keys up by another type |
//! | [`caches`] | values that expire, that are made once, or that live as long as they are used |
//! | [`snapshots`] | checkpoints, forks, diffs, commits, history |
//! | [`holding`] | locks, long reads, long loops, and other things held for long |
//! | [`async_code`] | tasks, and waiting for changes |
//!
//! The [`internals`] pages describe how the crate works inside.

#[doc = include_str!("async_code.md")]
pub mod async_code {}
#[doc = include_str!("caches.md")]
pub mod caches {}
#[doc = include_str!("choosing.md")]
pub mod choosing {}
#[doc = include_str!("counting.md")]
pub mod counting {}
#[doc = include_str!("holding.md")]
pub mod holding {}
#[doc = include_str!("keys.md")]
pub mod keys {}
#[doc = include_str!("migrating.md")]
pub mod migrating {}
#[doc = include_str!("sharing.md")]
pub mod sharing {}
#[doc = include_str!("snapshots.md")]
pub mod snapshots {}

pub mod internals {
    //! How the crate works inside, for readers of the source.
    //!
    //! [`architecture`] describes the layers, the files and the ideas behind them. [`orderings`] lists every atomic
    //! word with its orderings and the tests of its races.

    #[doc = include_str!("architecture.md")]
    pub mod architecture {}
    #[doc = include_str!("orderings.md")]
    pub mod orderings {}
}
