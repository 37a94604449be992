//! The public maps. They forward to the engines and contain no algorithm and no unsafe code, except in `local` and
//! `copy_iter`.
//!
//! | file | holds |
//! |---|---|
//! | `trie_map`, `flat_map` | [`TrieMap`] and [`FlatMap`], which return references |
//! | `local` | keeping handles on their thread |
//! | `owned` | iterators over the entries of a map that nothing else can reach |
//! | `pinned`, `iter`, `entry` | the handle [`Pinned`] of both, its iterators and [`Entry`] |
//! | `copy_map` | [`CopyMap`], which returns copies |
//! | `copy_pinned`, `copy_iter`, `copy_entry` | its handle [`CopyPinned`], its iterator and [`CopyEntry`] |
//! | `copy_operations` | the operations of both, written once |
//! | `access` | the operations on a live map, in terms of the pairs that an engine returns |
//! | `change` | how these operations tell the engine what to do with a key |
//! | `batch` | operations on many keys at once, in the same terms |
//! | `batches`, `copy_batch` | their public versions: with references, and with copies |
//! | `build` | making a map from all its entries at once |
//! | `writer`, `number` | the [`Writer`], which queues changes, and the numbers that it adds to |
//! | `base` | the common part of every map |
//! | `collection` | what all maps have in common |
//! | `trie_operations`, `flat_operations` | what `TrieMap` and `CopyTrieMap`, or `FlatMap` and `CopyFlatMap`, have in common |
//! | `compute` | the types of `compute` and `try_insert` |
//! | `mode` | the kinds of map, as parameters of shared types |
//! | `snapshot` | [`Snapshot`] |
//! | `flat_stats` | memory and shape of a flat map |
//! | [`versions`] | operations on snapshots and forks |

// In this order, so that the page of each type begins with its basic operations.
mod pinned;
mod snapshot;

mod entry;

mod copy_map;
mod copy_pinned;
mod flat_map;
mod iter;
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
mod copy_entry;
mod copy_iter;
mod copy_operations;
mod flat_operations;
mod flat_stats;
mod local;
pub(crate) mod mode;
mod number;
mod owned;
mod trie_operations;
mod versions;
mod writer;

#[cfg(feature = "rayon")]
pub(crate) use base::Base;
pub(crate) use batch::Stays;
pub use compute::{Compute, OccupiedError, Operation};
pub use copy_entry::{CopyEntry, CopyModifiedEntry};
pub use copy_iter::{CopyIter, CopyKeys, CopyValues};
pub use copy_map::{CopyFlatMap, CopyMap, CopyTrieMap};
pub use copy_pinned::{CopyFlatPinned, CopyPinned};
pub use entry::{Entry, ModifiedEntry};
pub use flat_map::FlatMap;
#[cfg(feature = "rayon")]
pub(crate) use flat_map::cloned;
pub use flat_stats::{FlatStats, MoveStats};
pub use iter::{Iter, Keys, Values};
pub use local::HandleStaysOnItsThread;
pub use number::Number;
pub use owned::{IntoIter, IntoKeys, IterMut, ValuesMut};
pub use pinned::{FlatPinned, Pinned};
pub use snapshot::{
    CopySnapshot, Snapshot, SnapshotEntry, SnapshotIntoIter, SnapshotIter, SnapshotKeys,
    SnapshotValues,
};
pub use trie_map::TrieMap;
pub use versions::{
    Change, CommitError, CommitFailure, Conflict, Current, Diff, History, HistoryIter, Newer,
    NodeStats, OwnedDiff, Published, Publisher, Reader, Refresher, Resolution, TrieStats,
};
pub use writer::{Writable, Writer};
