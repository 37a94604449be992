//! Reclamation of what operations in flight may still be looking at.
//!
//! | part | what it is |
//! |---|---|
//! | [`guard`] | what an operation holds |
//! | [`global`] | the guards of the process, from `process.rs` or `epoch.rs` |
//! | [`clock`] | moves on when a grace period has passed; what makes freeing safe |
//! | [`limbo`] | the garbage of one map, and the bound on it |
//! | `process`, [`participants`], [`membarrier`] | guards that can do without a fence of their own |
//! | `epoch` | guards of crossbeam-epoch |
//! | [`private`] | a collector of one map, for tests |
//!
//! An operation pins a guard. What it unlinks it *retires* to its map's limbo, with the guard. There it waits until
//! the clock has moved on so far that all guards are gone that may have seen it. Later operations on the map free
//! it, two objects for each that they retire.
//!
//! Nothing of a map is ever handed to another owner. So keys and values need no `'static` bound, and may borrow; a
//! destructor that panics does so in an operation on the map that it belongs to, is caught there, and takes no
//! other destructor with it; and nothing is freed in lumps. The price: what a map has retired stays until the map
//! is used again, is [flushed](Limbo::flush), or is dropped.

mod clock;
#[cfg(not(feature = "membarrier"))]
mod epoch;
mod garbage;
mod global;
mod guard;
mod limbo;
mod membarrier;
mod participants;
mod private;
#[cfg(feature = "membarrier")]
mod process;
#[cfg(test)]
mod races;
#[cfg(test)]
mod tests;
mod threads;

pub(crate) use garbage::Garbage;
pub(crate) use guard::{Collector, Guard};
pub(crate) use limbo::Limbo;
pub(crate) use threads::{shard_count, thread_index};
