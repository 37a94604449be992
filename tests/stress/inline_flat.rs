//! `FlatMap` with its entries inline.

pub(crate) use snaptrie::CopyFlatMap as Map;

type Value = u64;

#[path = "bodies.rs"]
mod bodies;
#[path = "room.rs"]
mod room;
