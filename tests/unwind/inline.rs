//! Panics in a `TrieMap` with its entries inline, which hashes keys anew when it moves them.

use crate::support::Chosen;
use crate::support::hooks::CopyTouchy;

type TouchyMap = snaptrie::CopyTrieMap<CopyTouchy, u32, Chosen>;

#[path = "copies.rs"]
mod copies;
