//! Versions of maps with their pairs in the nodes.

use crate::support::Chosen;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = snaptrie::CopyTrieMap<K, V, Chosen>;
type Mode = snaptrie::mode::Inline;

#[path = "commits.rs"]
mod commits;
#[path = "diffs.rs"]
mod diffs;
#[path = "history.rs"]
mod history;
#[path = "merges.rs"]
mod merges;
#[path = "stats.rs"]
mod stats;
