//! The nodes of a tree, and the words that lead to them.
//!
//! | file | holds |
//! |---|---|
//! | `word` | the indirection word: pointer, shape, `FROZEN`, `OLDER`; and the [`View`] it is read under |
//! | `fan` | a node of 16 indirection words |
//! | `kind` | the node that a word leads to, by its kind |
//! | `collision` | a node of entries whose hashes agree in every bit |
//!
//! The third kind of node is the [leaf](crate::leaf).
//!
//! # Bits of a hash
//!
//! The path takes four bits a level from the top. The highest of the remaining bits choose the bucket within a leaf;
//! the tag is the lowest byte. On deep paths these overlap. That only costs speed, and only with bad hashes.

mod collision;
mod fan;
mod kind;
mod word;

pub(crate) use collision::Collision;
pub(crate) use fan::{FAN_BITS, Fan, LEVELS};
pub(crate) use kind::{AnyNode, Node};
pub(crate) use word::{Detached, Indirection, View, Word};
