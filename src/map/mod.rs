//! What users see. Forwards to the engine; holds no algorithm and no unsafe code.
//!
//! | file | holds |
//! |---|---|
//! | `trie_map`, `flat_map` | [`TrieMap`] and [`FlatMap`], which hand out references |
//! | `local` | what keeps handles on their thread, and tells why |
//! | `owned` | iterators over the entries of a map that nothing else can reach |
//! | `pinned`, `iter`, `entry` | their handle [`Pinned`], its iterators and [`Entry`] |
//! | `copy_map` | [`CopyMap`], which hands out copies |
//! | `copy_pinned`, `copy_iter` | its handle [`CopyPinned`] and its iterator |
//! | `copy_operations` | the operations of both, written once |
//! | `access` | the operations on a live map, in terms of what an engine hands out |
//! | `change` | how those say to the engine what they want done with a key |
//! | `batch` | operations on many keys at once, in terms of what an engine hands out |
//! | `batches`, `copy_batch` | those that lend references, and those that hand out copies |
//! | `build` | making a map of many entries at once |
//! | `writer`, `number` | the [`Writer`], which queues changes, and what it adds to |
//! | `base` | what every map holds |
//! | `collection`, `room` | what all maps and those with a table have alike |
//! | `compute` | the types of `compute` and `try_insert` |
//! | `mode` | the kinds of map, by which shared types are written once |
//! | `snapshot` | [`Snapshot`] |
//! | [`versions`] | what is done with snapshots and forks |
//! | `stats` | what maps are made of |

// First what begins the page of each type in the documentation.
mod copy_map;
mod copy_pinned;
mod flat_map;
mod pinned;
mod snapshot;
mod trie_map;

mod access;
mod base;
mod batch;
mod batches;
pub(crate) mod build;
mod change;
mod collection;
mod compute;
mod copy_batch;
mod copy_iter;
mod copy_operations;
mod entry;
mod iter;
mod local;
pub(crate) mod mode;
mod number;
mod owned;
mod room;
mod stats;
mod versions;
mod writer;

#[cfg(feature = "rayon")]
pub(crate) use base::Base;
pub(crate) use batch::Stays;
pub use compute::{Compute, OccupiedError, Operation};
pub use copy_iter::{CopyIter, CopyKeys, CopyValues};
pub use copy_map::{CopyFlatMap, CopyMap, CopyTrieMap};
pub use copy_pinned::CopyPinned;
pub use entry::{Entry, ModifiedEntry};
pub use flat_map::FlatMap;
#[cfg(feature = "rayon")]
pub(crate) use flat_map::cloned;
pub use iter::{Iter, Keys, Values};
pub use local::HandleStaysOnItsThread;
pub use number::Number;
pub use owned::{IntoIter, IntoKeys, IterMut, ValuesMut};
pub use pinned::Pinned;
pub use snapshot::{
    Snapshot, SnapshotEntry, SnapshotIntoIter, SnapshotIter, SnapshotKeys, SnapshotValues,
};
pub use stats::{FlatStats, MoveStats, NodeStats, TrieStats};
pub use trie_map::TrieMap;
pub use versions::{
    Change, CommitError, CommitFailure, Conflict, Current, Diff, History, HistoryIter, Newer,
    OwnedDiff, Published, Publisher, Reader, Refresher, Resolution,
};
pub use writer::{Writable, Writer};
