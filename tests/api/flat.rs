//! Everything that maps do, on a `FlatMap`; and what it alone does.

pub(crate) use snaptrie::FlatMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, crate::support::Chosen>;

/// A key at which things happen, as this map may have it.
type TouchyKey = crate::support::hooks::Touchy;

#[path = "allocations.rs"]
mod allocations;
#[path = "changes.rs"]
mod changes;
#[path = "closures.rs"]
mod closures;
#[path = "collection.rs"]
mod collection;
#[path = "constructors.rs"]
mod constructors;
#[path = "entries.rs"]
mod entries;
#[path = "iterators.rs"]
mod iterators;
#[path = "nesting.rs"]
mod nesting;
#[path = "owned.rs"]
mod owned;
#[path = "ownership.rs"]
mod ownership;
#[path = "reentrancy.rs"]
mod reentrancy;
#[path = "strings.rs"]
mod strings;

#[path = "conversions.rs"]
mod conversions;
#[path = "room.rs"]
mod room;
