//! Reclamation of what operations in flight may still be looking at.
//!
//! The crate's own small facade over crossbeam-epoch. An operation holds a [`Guard`]; memory that
//! it unlinks goes to its map's [`Limbo`] and is freed after a *grace period*: once every guard that
//! was held when it was unlinked is gone.
//!
//! There are two kinds of guards: those of crossbeam-epoch, and cheaper ones for threads that mostly look
//! ([`readers`]). Together they tell when a grace period is over, and that is all they do: the only thing
//! ever deferred is "set this flag". Keys, values and nodes stay in the limbo of their own map
//! and are freed by operations on that map, or when the map is dropped. This buys:
//!
//! - no `'static` bound: nothing of a map outlives it (and its snapshots), so keys and values may
//!   borrow; tests count drops without waiting for other threads' epochs;
//! - a destructor that panics does so in an operation on the map it belongs to, is caught there, and
//!   takes no other destructor with it;
//! - frees come a few at a time, not in lumps of hundreds.
//!
//! Its price: what was retired stays until the map is used again ([`Limbo::turn`]) or dropped.

mod barrier;
mod guard;
mod inbox;
mod limbo;
mod readers;

pub(crate) use guard::{Collector, Guard, look_back};
pub(crate) use limbo::{Fallout, Garbage, Limbo, OnceBox, shard_count, thread_index};
