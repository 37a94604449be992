//! Everything that maps do, on a `FlatMap`; and what it alone does.

use snaptrie::mode::Place;
use snaptrie::{FixedState, Snapshot};

use crate::support::Chosen;

pub(crate) use snaptrie::FlatMap as AnyMap;

/// The map of most tests, with the hash that the test is about.
pub(crate) type Map<K, V> = AnyMap<K, V, Chosen>;

/// A key at which things happen, as this map may have it.
type TouchyKey = crate::support::hooks::Touchy;

fn with_room(capacity: usize) -> Map<u32, u32> {
    Map::with_capacity_and_hasher(capacity, Chosen::default())
}

fn converted<M: Place<u32, u32>, S: Clone + std::hash::BuildHasher>(
    snapshot: &Snapshot<u32, u32, S, M>,
) -> AnyMap<u32, u32, S> {
    snapshot.to_flat()
}

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
#[path = "direct.rs"]
mod direct;
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

#[path = "chains.rs"]
mod chains;
#[path = "clones.rs"]
mod clones;
#[path = "conversions.rs"]
mod conversions;
#[path = "room.rs"]
mod room;

/// The map that it is converted to and from without another look at the entries.
type Trie<K, V> = snaptrie::TrieMap<K, V, Chosen>;

#[test]
fn constructors_with_room() {
    let map = AnyMap::<u32, u32>::with_capacity(500);
    assert!(map.capacity() >= 500);
    let map = AnyMap::<u32, u32, _>::with_capacity_and_hasher(500, FixedState::with_seed(3));
    assert!(map.capacity() >= 500 && map.is_empty());
    assert!(crate::support::panics(|| drop(AnyMap::<u32, u32>::with_capacity(usize::MAX))));
}

/// A map that no thread writes to any more while its table moves.
fn left_in_a_move() -> AnyMap<u32, u32> {
    let map = AnyMap::default();
    for key in 0.. {
        map.pin().insert(key, key);
        if key > 1_000 && map.stats().moving.is_some() {
            break;
        }
    }
    map
}

#[test]
fn lookups_alone_bring_moves_to_their_end() {
    let is_moving = |map: &AnyMap<u32, u32>| map.stats().moving.is_some();
    let map = left_in_a_move();
    // Of what has moved: of another word there is nothing to gain.
    map.pin().refresh();
    for _ in 0..100 {
        let keys = 0..map.len() as u32;
        keys.for_each(|key| assert_eq!(map.pin().get(&key), Some(&key)));
    }
    assert!(!is_moving(&map));
}
