//! `TrieMap`.

use crate::Counted;

pub(crate) use snaptrie::TrieMap as Map;

type Value = Counted;

#[path = "bodies.rs"]
mod bodies;
#[path = "counters.rs"]
mod counters;
#[path = "versions.rs"]
mod versions;
