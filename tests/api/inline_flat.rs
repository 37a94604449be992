//! Everything that maps do, on a `FlatMap` that keeps its entries inline; and what it alone does.

use std::hash::Hash;

use snaptrie::mode::Place;
use snaptrie::{IterMut, Plain, Snapshot};

use crate::support::Chosen;

pub(crate) use snaptrie::CopyFlatMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

/// A key at which things happen, as this map may have it.
type TouchyKey = crate::support::hooks::CopyTouchy;

fn with_room(capacity: usize) -> Map<u32, u32> {
    Map::with_capacity_and_hasher(capacity, Chosen::default())
}

fn converted<M: Place<u32, u32>, S: Clone + std::hash::BuildHasher>(
    snapshot: &Snapshot<u32, u32, S, M>,
) -> AnyMap<u32, u32, S> {
    snapshot.to_copy_flat()
}

fn in_place<K: Plain, V: Plain>(map: &mut Map<K, V>) -> IterMut<'_, K, V> {
    map.into_iter()
}

fn value_mut<'a, K: Plain + Hash + Eq, V: Plain>(
    map: &'a mut Map<K, V>,
    key: &K,
) -> Option<&'a mut V> {
    map.get_mut(key)
}

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

#[path = "moves.rs"]
mod moves;
#[path = "sizes.rs"]
mod sizes;

#[path = "copies.rs"]
mod copies;
#[path = "in_place.rs"]
mod in_place;

#[path = "conversions.rs"]
mod conversions;
#[path = "room.rs"]
mod room;

/// The map that it is converted to and from without another look at the entries.
type Trie<K, V> = snaptrie::CopyTrieMap<K, V, Chosen>;

#[test]
fn constructors_with_room() {
    let map = AnyMap::<u32, u32>::with_capacity(500);
    assert!(map.capacity() >= 500 && map.is_empty());
    assert!(crate::support::panics(|| drop(AnyMap::<u32, u32>::with_capacity(usize::MAX))));
}
