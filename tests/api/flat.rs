//! Everything that maps do, on a `FlatMap`; and what it alone does.

pub(crate) use snaptrie::FlatMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, crate::support::Chosen>;

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

#[path = "conversions.rs"]
mod conversions;
#[path = "room.rs"]
mod room;
