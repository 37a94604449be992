//! Everything that sets do, on a `FlatSet`; and what it alone does.

pub(crate) use snaptrie::FlatSet as AnySet;

use crate::support::{Chosen, over_hashers, verify};

/// The set of most tests, with the hash that the test is about, and its map.
pub(crate) type Set<K> = AnySet<K, Chosen>;
type Map<K> = snaptrie::FlatMap<K, (), Chosen>;

fn check(set: &Set<u8>) {
    verify(set.as_map());
}

fn into_elements<K: std::fmt::Debug>(set: Set<K>) -> snaptrie::IntoKeys<K> {
    set.into_iter()
}

#[path = "direct.rs"]
mod direct;
#[path = "elements.rs"]
mod elements;
#[path = "numbers.rs"]
mod numbers;
#[path = "standard.rs"]
mod standard;
#[path = "tables.rs"]
mod tables;

over_hashers!(room_from_the_beginning);

fn room_from_the_beginning() {
    let set = Set::<u32>::with_capacity_and_hasher(100, Chosen::default());
    assert!(set.capacity() >= 100 && AnySet::<u32>::with_capacity(100).capacity() >= 100);
    verify(set.as_map());
}
