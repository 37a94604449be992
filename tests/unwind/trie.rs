//! Panics and odd keys in a `TrieMap`.

use snaptrie::TrieMap;

use crate::support::Chosen;

/// The map of these tests, with the hash that the test is about.
pub(crate) type Map<K, V> = TrieMap<K, V, Chosen>;

#[path = "destructors.rs"]
mod destructors;
#[path = "fuses.rs"]
mod fuses;
#[path = "nonsense.rs"]
mod nonsense;
#[path = "types.rs"]
mod types;

#[path = "hashers.rs"]
mod hashers;
#[path = "versions.rs"]
mod versions;
