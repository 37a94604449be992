//! What a node is in memory. Nothing here knows keys, hashing or snapshots' lifetimes: a slot is
//! any [`Slot`], a hash is a `u64`.
//!
//! | file | holds |
//! |---|---|
//! | `word` | the indirection word: pointer, shape, `FROZEN`, `OLDER`; and the [`View`] it is read under |
//! | `fan` | a node of 16 indirection words |
//! | `slab` | pages for the lower fans |
//! | `branch` | a node of entries: one to eight groups, by shape |
//! | `group` | one group: state word, tags, slots; claim, publish, clear, freeze |
//! | `slot` | what a group holds for an entry, and its replacement in place |
//! | `chain` | the collision branch below the last hash bit |
//! | `tags` | matching one byte of hash against a whole group at once |
//! | `header` | what all nodes begin with, and their allocation |
//!
//! # Bits of a hash
//!
//! The path takes four bits a level from the top; the tag is the lowest byte; the group within a
//! branch is the next three bits above it; the home slot comes from bits 11 to 31. On deep paths
//! these overlap, which costs speed on hashes that are bad anyway, and nothing else.

mod branch;
mod chain;
mod fan;
mod group;
mod header;
mod slab;
mod slot;
mod tags;
mod word;

pub(crate) use branch::{Branch, WideBranch, is_far_too_large, shape_for};
pub(crate) use chain::{Chain, ChainHit, Link};
pub(crate) use fan::{FAN_BITS, FAN_WIDTH, Fan, LEVELS};
pub(crate) use group::{Claim, Exchange, Group, Hit, Seen};
pub(crate) use header::{Header, Shape, allocated_bytes, free_node};
pub(crate) use slab::Slab;
pub(crate) use slot::{Held, Slot, Swap};
pub(crate) use word::{Detached, Indirection, Node, View, Word};
