//! A concurrent hash map for write-heavy loads, with consistent snapshots in constant time.
mod entry;
mod hash;
mod map;
mod reclaim;
mod sync;
mod trie;

pub use foldhash::fast::{FixedState, RandomState};
pub use map::*;
#[cfg(any(debug_assertions, snaptrie_check))]
#[doc(hidden)]
pub use trie::Structure;
