//! Keys and values of odd sizes and kinds, and many keys with one hash.

use std::collections::HashSet;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::time::Duration;

use snaptrie::{Compute, Operation};

use super::Map;
use crate::support::{Chosen, Tested, finish, over_hashers, verify, watched_for};

over_hashers!(
    no_key_and_no_value,
    no_key,
    no_value,
    bytes,
    aligned_values,
    aligned_keys,
    large_values,
    trait_objects,
    boxed_slices_and_strings,
    tuples_arrays_and_options,
);

/// Puts a map with these keys and values through everything.
fn try_out<K, V>(keys: impl Iterator<Item = K> + Clone, value: impl Fn(u32) -> V)
where
    K: Clone + Debug + Eq + Hash + 'static,
    V: Clone + Debug + PartialEq + 'static,
{
    let (map, count) = (Map::<K, V>::default(), keys.clone().count());
    for round in 0..3_u32 {
        for key in keys.clone() {
            let before = round.checked_sub(1).map(&value);
            assert_eq!(map.pin().insert(key, value(round)).cloned(), before);
        }
        assert_eq!(map.len(), count);
    }
    let version = map.version();
    let held = || <Map<K, V> as Tested>::entries(&version);
    let in_version = if <Map<K, V> as Tested>::VERSIONS { count } else { 0 };
    for key in keys.clone() {
        let pinned = map.pin();
        assert_eq!(pinned.get(&key), Some(&value(2)));
        assert!(aligned(pinned.get_key_value(&key)));
        assert_eq!(pinned.update(key.clone(), |_| value(3)), Some(&value(3)));
        assert!(pinned.try_insert(key.clone(), value(4)).is_err());
        let outcome = pinned.compute::<()>(key.clone(), |_| Operation::Insert(value(5)));
        assert_eq!(outcome, Compute::Updated { old: (&key, &value(3)), new: (&key, &value(5)) });
    }
    verify(&map);
    map.pin().retain(|_, there| *there == value(5));
    let removed = keys.clone().step_by(2).filter(|key| map.pin().remove(key).is_some()).count();
    assert_eq!(map.len(), count - removed);
    assert!(held().count() == in_version && held().all(|(_, there)| *there == value(2)));
    assert!(held().all(|entry| aligned(Some(entry))));
    assert!(map.pin().iter().all(|entry| aligned(Some(entry)) && *entry.1 == value(5)));
    let clone = map.clone();
    let taken = map.take();
    let mut left = <Map<K, V> as Tested>::entries(&taken);
    assert!(left.all(|(_, there)| *there == value(5)));
    finish(map);
    assert_eq!(clone.len(), count - removed);
    finish(clone);
}

fn aligned<K, V>(entry: Option<(&K, &V)>) -> bool {
    entry.is_some_and(|(key, value)| {
        std::ptr::from_ref(key).is_aligned() && std::ptr::from_ref(value).is_aligned()
    })
}

fn no_key_and_no_value() {
    let map = Map::<(), ()>::default();
    assert_eq!(map.pin().insert((), ()), None);
    assert_eq!(map.pin().insert((), ()), Some(&()));
    assert_eq!((map.len(), map.pin().get(&())), (1, Some(&())));
    let _version = map.version();
    assert_eq!(map.pin().remove(&()), Some(&()));
    assert!(map.is_empty());
    for _ in 0..1_000 {
        map.pin().insert((), ());
    }
    finish(map);
}

fn no_key() {
    // One key; its value changes.
    try_out([()].into_iter(), |round| round);
    try_out([()].into_iter(), |round| round.to_string());
}

/// A value that takes no room, and tells nothing.
#[derive(Clone, Debug)]
struct Nothing;

impl PartialEq for Nothing {
    fn eq(&self, Self: &Self) -> bool {
        true
    }
}

fn no_value() {
    try_out(0..500_u32, |_| Nothing);
    try_out((0..200_u32).map(|i| i.to_string()), |_| Nothing);
}

fn bytes() {
    try_out(0..=255_u8, |round| round as u8);
    try_out([false, true].into_iter(), |round| round % 2 == 0);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(align(128))]
struct Aligned(u32);

fn aligned_values() {
    try_out(0..300_u32, Aligned);
    try_out(0..255_u8, Aligned);
    try_out([()].into_iter(), Aligned);
}

fn aligned_keys() {
    try_out((0..300).map(Aligned), |round| round as u8);
    try_out((0..300).map(Aligned), |_| Nothing);
}

fn large_values() {
    try_out(0..300_u32, |round| [round; 1024]);
    try_out((0..50).map(|i| [i as u8; 4096]), |round| round);
}

fn trait_objects() {
    let map = Map::<Box<str>, Box<dyn Display + Send + Sync>>::default();
    for i in 0..200 {
        map.pin().insert(i.to_string().into(), Box::new(i));
        map.pin().insert(format!("{i}!").into(), Box::new(format!("<{i}>")));
    }
    let pinned = map.pin();
    assert_eq!(pinned["7"].to_string() + &pinned["7!"].to_string(), "7<7>");
    drop(pinned);
    finish(map);
    // Values that can be called.
    let map = Map::<u32, Box<dyn Fn(u32) -> u32>>::default();
    for i in 0..100 {
        map.pin().insert(i, Box::new(move |other| i + other));
    }
    assert_eq!(map.pin().values().map(|add| add(1)).sum::<u32>(), 4950 + 100);
    finish(map);
}

fn boxed_slices_and_strings() {
    try_out((0..200).map(|i| vec![i as u8; i].into_boxed_slice()), |round| vec![round; 10]);
    try_out((0..200).map(|i| "x".repeat(i)), |round| Some(Box::new(round)));
}

fn tuples_arrays_and_options() {
    try_out((0..200_u32).map(|i| (i, Some(i.to_string()))), |round| (round, 'c'));
    try_out((0..200_u64).map(|i| [i; 3]), Ok::<u32, String>);
    try_out((0..100_i128).map(|i| Some(-i)).chain([None]), u128::from);
}

/// Each operation on such keys is linear in their number, and no worse.
#[test]
fn thousands_of_keys_with_one_hash() {
    const COUNT: u32 = 1_500;
    watched_for(Duration::from_secs(20), || {
        let map = Map::<u32, u32>::with_hasher(Chosen::Constant);
        (0..COUNT).for_each(|key| assert_eq!(map.pin().insert(key, 0), None));
        (0..COUNT).for_each(|key| assert_eq!(map.pin().get(&key), Some(&0)));
        (0..COUNT).for_each(|key| assert_eq!(map.pin().insert(key, 1), Some(&0)));
        assert_eq!((map.len(), map.pin().iter().map(|(_, value)| value).sum()), (1_500, COUNT));
        verify(&map);
        assert_eq!(map.pin().keys().collect::<HashSet<_>>().len(), 1_500);
        (0..COUNT).for_each(|key| assert_eq!(map.pin().remove(&key), Some(&1)));
        assert!(map.is_empty());
        finish(map);
    });
}
