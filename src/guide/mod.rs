//! Guides: how to use the maps, and how they are made. Only in the documentation; each example is run
//! as a test.
//!
//! For users: [`choosing`] a map, [`counting`], [`snapshots`] and checkpoints, locks and other things
//! held for long ([`holding`]), [`async_code`], [`migrating`] from other maps.
//!
//! For readers of the source: the [`architecture`], and all atomic words with their [`orderings`].

#[doc = include_str!("architecture.md")]
pub mod architecture {}
#[doc = include_str!("async_code.md")]
pub mod async_code {}
#[doc = include_str!("choosing.md")]
pub mod choosing {}
#[doc = include_str!("counting.md")]
pub mod counting {}
#[doc = include_str!("holding.md")]
pub mod holding {}
#[doc = include_str!("migrating.md")]
pub mod migrating {}
#[doc = include_str!("orderings.md")]
pub mod orderings {}
#[doc = include_str!("snapshots.md")]
pub mod snapshots {}
