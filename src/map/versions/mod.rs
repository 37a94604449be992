//! Versions of a map: what is done with its snapshots and forks.
//!
//! | file | holds |
//! |---|---|
//! | `operations` | the operations of maps that have versions, written once for both |
//! | `commit` | why a fork's content was not made the map's |
//! | `diff` | what differs between two snapshots |
//! | `merge` | two forks made one |
//! | `published` | [`Published`]: the latest snapshot for many readers |
//! | `history` | [`History`]: the latest snapshots |

// First what begins the page of each type in the documentation.
mod diff;

mod commit;
mod history;
mod merge;
mod operations;
mod published;

pub use commit::{CommitError, CommitFailure};
pub use diff::{Change, Diff, OwnedDiff};
pub use history::{History, HistoryIter};
pub use merge::{Conflict, Resolution};
pub(super) use operations::versions;
pub use published::{Current, Newer, Published, Publisher, Reader, Refresher};
