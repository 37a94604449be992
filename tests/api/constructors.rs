//! The ways to make a map.

use std::hash::BuildHasher;

use snaptrie::{FixedState, RandomState};

use super::AnyMap;
use crate::support::alloc::allocations;
use crate::support::{finish, sorted};

#[test]
fn constructors() {
    let map = AnyMap::<u32, u32>::new();
    assert!(map.is_empty());
    let map: AnyMap<u32, u32, RandomState> = AnyMap::default();
    assert!(map.is_empty());
    let map = AnyMap::<u32, u32, _>::with_hasher(FixedState::with_seed(3));
    let expected = FixedState::with_seed(3).hash_one(7);
    assert_eq!(map.hasher().hash_one(7), expected);
    assert_eq!(map.clone().hasher().hash_one(7), expected);
    let map = AnyMap::<u32, u32, _>::with_hasher(FixedState::default()).collecting_privately();
    map.pin().insert(1, 1);
    assert_eq!(sorted(&map), [(1, 1)]);
}

#[test]
fn random_hashers_differ() {
    let hash = || AnyMap::<u32, u32>::new().hasher().hash_one(7);
    assert_ne!(hash(), hash());
}

#[test]
fn from_an_array() {
    let map = AnyMap::from([(1, 'a'), (2, 'b'), (1, 'c')]);
    assert_eq!(sorted(&map), [(1, 'c'), (2, 'b')]);
    finish(map);
    finish(AnyMap::<u32, u32>::from([]));
}

#[test]
fn new_allocates_nothing() {
    // The first random hasher of a process draws its seed, from the address of an allocation.
    let _ = RandomState::default();
    assert_eq!(allocations(|| drop(AnyMap::<String, String>::new())), 0);
}
