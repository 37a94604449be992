//! Reclamation: unlinked objects are freed once no operation in flight can look at them.
//!
//! | part | what it is |
//! |---|---|
//! | [`guard`] | what an operation holds, of one of two kinds |
//! | [`clock`] | ticks when a grace period has passed; why freeing is safe |
//! | [`limbo`] | the garbage of one map, and the bound on it |
//! | `process`, `participants`, `membarrier` | guards that need no fence of their own |
//! | `epoch` | guards of crossbeam-epoch |
//! | `garbage`, `threads` | an unlinked object and how to free it; the state of the calling thread |
//!
//! An operation pins a guard. It *retires* what it unlinks to its map's limbo. There the object waits until the clock
//! shows that every guard which may have seen it is gone. Later operations on the map free it: two objects for each one
//! that they retire.
//!
//! The garbage of a map stays with the map. So keys and values need no `'static` bound, and may borrow. A destructor
//! that panics does so in an operation on its own map, is caught there, and stops no other destructor. Garbage is freed
//! in small steps. The price is that it stays until the map is used again, [flushed](Limbo::flush), or dropped.

mod clock;
#[cfg(not(feature = "membarrier"))]
mod epoch;
mod garbage;
mod guard;
mod limbo;
#[cfg(any(feature = "membarrier", test))]
mod membarrier;
#[cfg(all(test, not(shuttle)))]
pub(crate) mod orderings;
#[cfg(any(feature = "membarrier", test))]
mod participants;
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
