//! Panics in a `TrieMap` with its entries inline, which hashes keys anew when it moves them.

use crate::support::Chosen;
use crate::support::hooks::CopyTouchy;

type TouchyMap = snaptrie::CopyTrieMap<CopyTouchy, u32, Chosen>;

fn values_mut(map: &mut TouchyMap) -> snaptrie::ValuesMut<'_, CopyTouchy, u32> {
    map.values_mut().unwrap()
}

#[path = "copies.rs"]
mod copies;
