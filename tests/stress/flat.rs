//! `FlatMap`.

use crate::Counted;

pub(crate) use snaptrie::FlatMap as Map;

type Value = Counted;

#[path = "bodies.rs"]
mod bodies;
#[path = "counters.rs"]
mod counters;
#[path = "room.rs"]
mod room;
