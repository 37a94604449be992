//! `TrieMap` with its entries inline.

use snaptrie::{CopyTrieMap, FixedState, mode};

type Map = CopyTrieMap<u64, u64, FixedState>;
type Snapshot = snaptrie::Snapshot<u64, u64, FixedState, mode::Inline>;

#[path = "bodies.rs"]
mod bodies;
