//! `TrieMap`.

use snaptrie::{FixedState, TrieMap};

type Map = TrieMap<u64, u64, FixedState>;
type Snapshot = snaptrie::Snapshot<u64, u64, FixedState>;

#[path = "bodies.rs"]
mod bodies;
