//! Versions of maps with an allocation for each entry.

use crate::support::Chosen;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = snaptrie::TrieMap<K, V, Chosen>;
type Mode = snaptrie::mode::Boxed;

#[path = "commits.rs"]
mod commits;
#[path = "diffs.rs"]
pub(super) mod diffs;
#[path = "history.rs"]
mod history;
#[path = "merges.rs"]
mod merges;
#[path = "stats.rs"]
mod stats;

#[path = "owned.rs"]
mod owned;
#[path = "published.rs"]
mod published;
#[path = "traits.rs"]
mod traits;
#[path = "wakers.rs"]
mod wakers;
