//! Everything that maps do, on a `TrieMap` that keeps its entries inline; and what it alone does.

use std::hash::Hash;

use snaptrie::{IterMut, Plain, Shared};

use crate::support::{Chosen, finish, over_hashers};

pub(crate) use snaptrie::CopyTrieMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

/// The kind of map, and its snapshots.
type Mode = snaptrie::mode::Inline;
type Snapshot<K, V> = snaptrie::Snapshot<K, V, Chosen, Mode>;

/// A key at which things happen, as this map may have it.
type TouchyKey = crate::support::hooks::CopyTouchy;

fn in_place<K: Plain, V: Plain>(map: &mut Map<K, V>) -> IterMut<'_, K, V> {
    map.iter_mut().unwrap()
}

fn value_mut<'a, K: Plain + Hash + Eq, V: Plain>(
    map: &'a mut Map<K, V>,
    key: &K,
) -> Option<&'a mut V> {
    map.get_mut(key).unwrap()
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

#[path = "snapshot_iterators.rs"]
mod snapshot_iterators;
#[path = "snapshot_reentrancy.rs"]
mod snapshot_reentrancy;
#[path = "snapshots.rs"]
mod snapshots;

#[path = "copies.rs"]
mod copies;
#[path = "in_place.rs"]
mod in_place;
#[path = "moves.rs"]
mod moves;
#[path = "sizes.rs"]
mod sizes;

over_hashers!(shared_values_are_not_changed_in_place);

fn shared_values_are_not_changed_in_place() {
    let mut map: Map<u32, u32> = (0..600).map(|key| (key, key)).collect();
    let before = map.snapshot();
    assert_eq!(map.iter_mut().err(), Some(Shared));
    assert!(map.get_mut(&1).is_err() && map.values_mut().is_err());
    // An entry keeps its snapshot, which it lends.
    let mut entries = before.into_iter();
    let entry = entries.next().unwrap();
    drop(entries);
    assert!(map.values_mut().is_err());
    drop(entry);
    // The snapshot froze what it read: nothing of that is in the way.
    map.values_mut().unwrap().for_each(|value| *value += 1_000);
    let after = map.snapshot();
    assert!(after.iter().all(|(key, value)| *value == key + 1_000));
    map.insert(7, 7);
    assert_eq!(after.diff(&map.snapshot()).count(), 1);
    drop(after);

    let mut fork = map.fork();
    assert!(fork.get_mut(&1).is_err() && map.get_mut(&1).is_err());
    drop(fork);
    map.commit_with(|fork| _ = fork.insert(8, 8));
    *map.get_mut(&9).unwrap().unwrap() = 9;
    assert_eq!([7, 8, 9, 10].map(|key| map.get(&key)), [7, 8, 9, 1_010].map(Some));
    finish(map);
}
