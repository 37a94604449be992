//! Pairs of every size and alignment that a map may hold inline, and the ways to make such a map.

use std::hash::{BuildHasher, Hash};

use snaptrie::{FixedState, RandomState};

use super::{AnyMap, Map};
use crate::support::alloc::allocations;
use crate::support::{Tested, finish, over_hashers, sort, sorted, verify};

over_hashers!(
    units,
    unit_values,
    bytes,
    three_bytes_to_five,
    odd_pairs,
    wide,
    wide_to_byte,
    largest
);

#[test]
fn constructors() {
    // The first random hasher of a process draws its seed, from the address of an allocation.
    let _ = RandomState::default();
    assert_eq!(allocations(|| drop(AnyMap::<u32, u32>::new())), 0);
    let map: AnyMap<u32, u32, RandomState> = AnyMap::default();
    assert!(map.is_empty());
    let map = AnyMap::<u32, u32, _>::with_hasher(FixedState::with_seed(3));
    assert_eq!(map.hasher().hash_one(7), FixedState::with_seed(3).hash_one(7));
    let map = AnyMap::<u32, u32, _>::with_hasher(FixedState::default()).collecting_privately();
    map.handle().insert(1, 1);
    assert_eq!(sorted(&map), [(1, 1)]);
}

static SEEN: AnyMap<u64, u32, FixedState> = AnyMap::with_hasher(FixedState::with_seed(7));

#[test]
fn a_static_map() {
    std::thread::scope(|scope| {
        for id in 0..4 {
            scope.spawn(move || {
                for i in 0..100 {
                    SEEN.handle().insert(id << 32 | i, 0);
                    SEEN.handle().update_or_insert(u64::MAX, |sum| sum + i as u32, i as u32);
                }
            });
        }
    });
    assert_eq!((SEEN.len(), SEEN.handle()[&u64::MAX]), (401, 4 * 4950));
}

/// Fills a map, keeps a version, replaces all values, removes half, and looks at everything.
fn fill<K, V>(key: impl Fn(u16) -> K, value: impl Fn(u16) -> V, count: u16)
where
    K: snaptrie::Plain + Hash + Eq + Ord + std::fmt::Debug,
    V: snaptrie::Plain + Ord + std::fmt::Debug,
{
    let map = Map::<K, V>::default();
    let pairs = |shift| sort((0..count).map(|i| (key(i), value(i + shift))));
    for i in 0..count {
        assert_eq!(map.handle().insert(key(i), value(i)), None);
    }
    verify(&map);
    let (before, fork) = (map.version(), Tested::fork(&map));
    for i in 0..count {
        assert_eq!(map.handle().insert(key(i), value(i + 7)), Some(&value(i)));
    }
    assert_eq!((sorted(&map), map.len()), (pairs(7), usize::from(count)));
    let aligned = |key: &K, value: &V| {
        std::ptr::from_ref(key).is_aligned() && std::ptr::from_ref(value).is_aligned()
    };
    assert!(map.handle().iter().all(|(key, value)| aligned(key, value)));
    verify(&map);
    for i in (0..count).step_by(2) {
        assert_eq!(map.handle().remove(&key(i)), Some(&value(i + 7)));
        assert_eq!(map.handle().get(&key(i)), None);
    }
    verify(&map);
    assert_eq!(map.len(), usize::from(count / 2));
    if let Some(fork) = fork {
        (0..count).for_each(|i| {
            assert_eq!(fork.handle().remove_entry(&key(i)), Some((&key(i), &value(i))));
        });
        assert!(fork.is_empty());
        let held = Map::entries(&before).map(|(key, value)| (*key, *value));
        assert_eq!(sort(held), pairs(0));
        finish(fork);
    }
    map.reserve(2_000);
    assert_eq!(map.len(), usize::from(count / 2));
    assert!(map.handle().iter().all(|(key, value)| aligned(key, value)));
    finish(map);
}

const MANY: u16 = 400;

fn units() {
    fill(|_| (), |_| (), 1);
}

fn unit_values() {
    fill(|i| i, |_| (), MANY);
}

fn bytes() {
    fill(|i| i as u8, |i| i as u8, 256);
}

fn three_bytes_to_five() {
    fill(|i| [i as u8, (i >> 8) as u8, 3], |i| [1, 2, 3, i as u8, (i >> 8) as u8], MANY);
}

fn odd_pairs() {
    fill(u64::from, |i| (i as u8, (i >> 8) as u8, 1_u8), MANY);
}

/// As aligned as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(align(16))]
struct Wide([u16; 8]);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - numbers alone, which fill it.
unsafe impl snaptrie::Plain for Wide {}

fn wide_of(number: u16) -> Wide {
    Wide([number; 8])
}

fn wide() {
    fill(wide_of, wide_of, MANY);
}

fn wide_to_byte() {
    fill(|i| i, wide_of, MANY);
    fill(wide_of, |i| i as u8, MANY);
}

/// As large as a pair may be.
fn largest() {
    fill(u64::from, |i| [u64::from(i); 7], MANY);
    fill(|i| [u64::from(i); 6], |i| u128::from(i).to_ne_bytes(), MANY);
    fill(|i| [i; 31], |i| i, MANY);
}
