//! Versions of a map: operations on its snapshots and forks.
//!
//! | file | holds |
//! |---|---|
//! | `stats` | memory and shape of a snapshot, and of what another one does not share |
//! | `commit` | the errors of commits |
//! | `diff` | the differences between two snapshots |
//! | `merge` | merging two forks |
//! | `published` | [`Published`]: the latest snapshot for many readers |
//! | `history` | [`History`]: the most recent snapshots |

// In this order, so that the page of each type begins with its basic operations.
mod stats;

mod diff;

mod commit;
mod history;
mod merge;
mod published;

pub use commit::{CommitError, CommitFailure};
pub use diff::{Change, Diff, OwnedDiff};
pub use history::{History, HistoryIter};
pub use merge::{Conflict, Resolution};
pub use published::{Current, Newer, Published, Publisher, Reader, Refresher};
pub use stats::{NodeStats, TrieStats};
