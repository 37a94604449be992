//! Everything that maps do, on a `TrieMap` that keeps its entries inline; and what it alone does.

use crate::support::Chosen;

pub(crate) use snaptrie::CopyTrieMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

/// The kind of map, and its snapshots.
type Mode = snaptrie::mode::Inline;
type Snapshot<K, V> = snaptrie::Snapshot<K, V, Chosen, Mode>;

/// A key at which things happen, as this map may have it.
type TouchyKey = crate::support::hooks::CopyTouchy;

#[path = "allocations.rs"]
mod allocations;
#[path = "changes.rs"]
mod changes;
#[path = "collection.rs"]
mod collection;
#[path = "entries.rs"]
mod entries;
#[path = "iterators.rs"]
mod iterators;
#[path = "nesting.rs"]
mod nesting;
#[path = "ownership.rs"]
mod ownership;
#[path = "reentrancy.rs"]
mod reentrancy;

#[path = "snapshot_iterators.rs"]
mod snapshot_iterators;
#[path = "snapshot_reentrancy.rs"]
mod snapshot_reentrancy;
#[path = "snapshots.rs"]
mod snapshots;

#[path = "copies.rs"]
mod copies;
#[path = "moves.rs"]
mod moves;
#[path = "sizes.rs"]
mod sizes;
