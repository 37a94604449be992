//! `TrieMap` with its entries inline.

pub(crate) use snaptrie::CopyTrieMap as Map;

type Value = u64;

#[path = "bodies.rs"]
mod bodies;
#[path = "versions.rs"]
mod versions;
