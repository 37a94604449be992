//! Panics in a `TrieMap` with its entries inline, which hashes keys anew when it moves them.

use crate::support::Chosen;
use crate::support::hooks::CopyTouchy;

type TouchyMap = snaptrie::CopyTrieMap<CopyTouchy, u32, Chosen>;

/// Whether keys are hashed when their entries move.
const HASHES_ANEW: bool = true;

#[path = "copies.rs"]
mod copies;
