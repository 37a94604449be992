//! The feature `rayon`: parallel operations.
//!
//! | file | holds |
//! |---|---|
//! | `iter` | parallel iteration over snapshots and pinned flat maps |
//! | `collect` | collecting and extending; no two threads write to the same part of a map |
//! | `to_flat` | [`Snapshot::par_to_flat`](crate::Snapshot::par_to_flat) |

mod collect;
mod iter;
mod to_flat;

pub use iter::{CopyParIter, ParIter, SnapshotParIter};
