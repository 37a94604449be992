//! What users see. Forwards to the engine; holds no algorithm and no unsafe code.
//!
//! | file | holds |
//! |---|---|
//! | `trie_map` | [`TrieMap`]: construction, versions, the traits of a collection |
//! | `flat_map` | [`FlatMap`]: construction, room, the traits of a collection |
//! | `pinned` | [`Pinned`]: the operations on a live map |
//! | `batch` | operations on many keys at once |
//! | `change` | how those say to the engine what they want done with a key |
//! | `mode` | the kinds of map, by which `Pinned` and the iterators are written once for all |
//! | `collection` | the traits of a collection, for all maps |
//! | `compute` | the types of [`Pinned::compute`] |
//! | `entry` | [`Pinned::entry`] |
//! | `diff` | what differs between two snapshots |
//! | `merge` | two forks made one |
//! | `commit` | a fork's content made the map's |
//! | `snapshot` | [`Snapshot`] |
//! | `stats` | what maps are made of |
//! | `iter` | the iterators of both |

// First what begins the page of each type in the documentation.
mod flat_map;
mod pinned;
mod snapshot;
mod trie_map;

mod batch;
mod change;
mod collection;
mod commit;
mod compute;
mod diff;
mod entry;
mod iter;
mod merge;
pub(crate) mod mode;
mod stats;

pub(crate) use batch::Stays;
pub use commit::{CommitError, CommitFailure};
pub use compute::{Compute, OccupiedError, Operation};
pub use diff::{Change, Diff, OwnedDiff};
pub use entry::{Entry, ModifiedEntry};
#[cfg(feature = "rayon")]
pub(crate) use flat_map::cloned;
pub use flat_map::{CopyFlatMap, FlatMap};
pub use iter::{Iter, Keys, Values};
pub use merge::{Conflict, Resolution};
pub use pinned::Pinned;
pub use snapshot::{IntoIter, Snapshot, SnapshotEntry, SnapshotIter, SnapshotKeys, SnapshotValues};
pub use stats::{FlatStats, MoveStats, NodeStats, TrieStats};
pub use trie_map::{CopyTrieMap, TrieMap};
