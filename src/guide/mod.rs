//! Guides to using the maps. Only in the documentation; each example is run as a test.
//!
//! | page | for |
//! |---|---|
//! | [`choosing`] | which map, which hasher, which handle |
//! | [`migrating`] | those who come from dashmap, papaya, scc, flurry, evmap or im |
//! | [`sharing`] | borrows, `Arc`, statics, rayon |
//! | [`counting`] | counters, and other values that many threads change |
//! | [`keys`] | looking keys up by another type |
//! | [`caches`] | values that expire, that are made once, that live as long as they are used |
//! | [`snapshots`] | checkpoints, forks, diffs, commits, history |
//! | [`holding`] | locks, long reads and loops, and other things held for long |
//! | [`async_code`] | tasks, and waiting for changes |
//!
//! How the crate is made: [`internals`].

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
    //! How the crate is made, for readers of the source.
    //!
    //! [`architecture`]: layers, files, and the ideas behind them. [`orderings`]: every atomic word, who writes and
    //! reads it, and which test runs the race.

    #[doc = include_str!("architecture.md")]
    pub mod architecture {}
    #[doc = include_str!("orderings.md")]
    pub mod orderings {}
}
