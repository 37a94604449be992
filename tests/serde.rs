//! The feature `serde`: round trips through a text format and one that writes lengths first, also
//! while other threads write; and inputs that lie.
#![cfg(feature = "serde")]

mod support;

use std::fmt::Debug;

use serde_core::de::DeserializeOwned;
use serde_core::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde_core::{Deserialize, Serialize};
use snaptrie::{
    CopyFlatMap, CopyFlatSet, CopyTrieMap, CopyTrieSet, FlatMap, FlatSet, RandomState, TrieMap,
    TrieSet,
};
use support::{Chosen, Handle, Tested, beside_a_writer, over_hashers};

over_hashers!(maps_come_back, sets_come_back, equal_keys, snapshots_of_forks);

fn through_both<T: Serialize + DeserializeOwned + PartialEq + Debug>(what: &T) {
    let json = serde_json::to_string(what).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), what);
    let bytes = postcard::to_allocvec(what).unwrap();
    let (back, rest) = postcard::take_from_bytes::<T>(&bytes).unwrap();
    assert!(rest.is_empty());
    assert_eq!(&back, what);
}

fn maps_come_back() {
    for count in [0, 1, 5, 300] {
        let entries = || (0..count).map(|key| (key, format!("value {key}")));
        through_both(&entries().collect::<TrieMap<u32, String, Chosen>>());
        through_both(&entries().collect::<FlatMap<u32, String, Chosen>>());
        let pairs = || (0..count).map(|key| (key, !key));
        through_both(&pairs().collect::<CopyTrieMap<u32, u32, Chosen>>());
        through_both(&pairs().collect::<CopyFlatMap<u32, u32, Chosen>>());
    }
}

fn sets_come_back() {
    for count in [0, 1, 5, 300] {
        through_both(&(0..count).map(|i| i.to_string()).collect::<TrieSet<String, Chosen>>());
        through_both(&(0..count).map(|i| i.to_string()).collect::<FlatSet<String, Chosen>>());
        through_both(&(0..count).collect::<CopyTrieSet<u32, Chosen>>());
        through_both(&(0..count).collect::<CopyFlatSet<u32, Chosen>>());
    }
}

/// What a map has of the sequence `1 a 2 b 1 c`.
fn equal_keys() {
    let text = r#"{"1":"a","2":"b","1":"c"}"#;
    let trie: TrieMap<u32, String, Chosen> = serde_json::from_str(text).unwrap();
    let flat: FlatMap<u32, String, Chosen> = serde_json::from_str(text).unwrap();
    assert_eq!(trie.pin().get(&1).map(String::as_str), Some("c"));
    assert_eq!(flat.pin().get(&1).map(String::as_str), Some("c"));
    assert_eq!((trie.len(), flat.len()), (2, 2));
    let copies: CopyFlatMap<u32, char, Chosen> = serde_json::from_str(text).unwrap();
    assert_eq!((copies.get(&1), copies.len()), (Some('c'), 2));
    let set: TrieSet<u32, Chosen> = serde_json::from_str("[1,2,1]").unwrap();
    assert_eq!(set.len(), 2);
    let set: CopyFlatSet<u32, Chosen> = serde_json::from_str("[1,2,1]").unwrap();
    assert_eq!(set.len(), 2);
}

fn snapshots_of_forks() {
    let map: TrieMap<u32, u32, Chosen> = (0..100).map(|key| (key, 0)).collect();
    let fork = map.fork();
    fork.pin().insert(100, 1);
    let (before, after) = (map.take(), fork.snapshot());
    let back: TrieMap<u32, u32, Chosen> =
        serde_json::from_value(serde_json::to_value(&before).unwrap()).unwrap();
    assert_eq!(back.snapshot(), before);
    let bytes = postcard::to_allocvec(&after).unwrap();
    assert_eq!(postcard::from_bytes::<FlatMap<u32, u32, Chosen>>(&bytes).unwrap().len(), 101);
    assert_eq!(postcard::from_bytes::<CopyFlatMap<u32, u32, Chosen>>(&bytes).unwrap().len(), 101);
    let keys: TrieSet<u32, Chosen> = (0..3).collect();
    let bytes = postcard::to_allocvec(&keys.snapshot()).unwrap();
    assert_eq!(postcard::from_bytes::<TrieSet<u32, Chosen>>(&bytes).unwrap(), keys);
}

/// Each number is in `a` before it is in `b`: an instant shows the same in both, or `a` one ahead.
#[test]
fn a_trie_is_written_as_it_is_at_one_instant() {
    // Enough that others write while it is walked over.
    const KEYS: u64 = 20_000;
    let map: TrieMap<u64, u64> = (0..KEYS).chain([u64::MAX]).map(|key| (key, 0)).collect();
    let write = |number| {
        let number = u64::from(number);
        map.pin().insert(u64::MAX, number);
        map.pin().insert(number % KEYS, number);
        map.pin().remove(&((number + KEYS / 2) % KEYS));
    };
    let save = || {
        let bytes = postcard::to_allocvec(&map).unwrap();
        let (back, rest) = postcard::take_from_bytes::<TrieMap<u64, u64>>(&bytes).unwrap();
        assert!(rest.is_empty(), "the length that was written is not that of what was written");
        let ahead = back.pin()[&u64::MAX];
        let newest = back.pin().iter().filter(|(key, _)| **key != u64::MAX).map(|(_, v)| *v).max();
        assert!(newest == Some(ahead) || newest == Some(ahead - 1), "{newest:?} of {ahead}");
    };
    beside_a_writer(write, || (0..100).for_each(|_| save()));
}

#[test]
fn a_flat_map_has_the_length_that_is_written() {
    let flip = |set: &FlatSet<u64>, key| {
        if !set.pin().remove(&key) {
            set.pin().insert(key);
        }
    };
    let has_all = |set: &FlatSet<u64>| (0..100).all(|key| set.pin().contains(&key));
    has_the_length_that_is_written::<FlatMap<u64, u64>, _>(flip, has_all);
    let flip = |set: &CopyFlatSet<u64>, key| {
        if !set.remove(&key) {
            set.insert(key);
        }
    };
    let has_all = |set: &CopyFlatSet<u64>| (0..100).all(|key| set.contains(&key));
    has_the_length_that_is_written::<CopyFlatMap<u64, u64>, _>(flip, has_all);
}

fn has_the_length_that_is_written<M, T>(flip: impl Fn(&T, u64) + Sync, has_all: impl Fn(&T) -> bool)
where
    M: Tested<Key = u64, Value = u64, Hasher = RandomState> + FromIterator<(u64, u64)> + Sync,
    M: Serialize + DeserializeOwned,
    T: FromIterator<u64> + Serialize + DeserializeOwned + Sync,
{
    let map: M = (0..100).map(|key| (key, key)).collect();
    let set: T = (0..100).collect();
    let write = |number| {
        let number = u64::from(number);
        let key = 100 + number * 7 % 1_000;
        if map.handle().remove(&key).is_none() {
            map.handle().insert(key, number);
        }
        flip(&set, key);
    };
    let save = || {
        let bytes = postcard::to_allocvec(&map).unwrap();
        let (back, rest) = postcard::take_from_bytes::<M>(&bytes).unwrap();
        assert!(rest.is_empty() && (0..100).all(|key| back.handle().get(&key) == Some(&key)));
        let bytes = postcard::to_allocvec(&set).unwrap();
        let (back, rest) = postcard::take_from_bytes::<T>(&bytes).unwrap();
        assert!(rest.is_empty() && has_all(&back));
    };
    beside_a_writer(write, || (0..100).for_each(|_| save()));
}

/// A sequence that says that it is as long as can be.
struct Endless(std::ops::Range<u32>);

impl Iterator for Endless {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, Some(usize::MAX))
    }
}

#[test]
fn lengths_are_not_believed() {
    let pairs = || MapDeserializer::<_, Error>::new(Pairs(0..5));
    assert_eq!(FlatMap::<u32, u32>::deserialize(pairs()).unwrap().len(), 5);
    assert_eq!(CopyFlatMap::<u32, u32>::deserialize(pairs()).unwrap().len(), 5);
    assert_eq!(TrieMap::<u32, u32>::deserialize(pairs()).unwrap().len(), 5);
    let elements = || SeqDeserializer::<_, Error>::new(Endless(0..5));
    let set = FlatSet::<u32>::deserialize(elements()).unwrap();
    assert!(set.len() == 5 && set.capacity() < 1 << 20, "{}", set.capacity());
    let set = CopyFlatSet::<u32>::deserialize(elements()).unwrap();
    assert!(set.len() == 5 && set.capacity() < 1 << 20, "{}", set.capacity());
    assert_eq!(TrieSet::<u32>::deserialize(elements()).unwrap().len(), 5);
    // A length of 2^62 in eight bytes of input, and then nothing.
    let mut hostile = vec![0x80_u8; 8];
    hostile.push(0x40);
    assert!(postcard::from_bytes::<FlatMap<u64, u64>>(&hostile).is_err());
    assert!(postcard::from_bytes::<CopyFlatMap<u64, u64>>(&hostile).is_err());
    assert!(postcard::from_bytes::<TrieMap<u64, u64>>(&hostile).is_err());
    assert!(postcard::from_bytes::<FlatSet<u64>>(&hostile).is_err());
}

struct Pairs(std::ops::Range<u32>);

impl Iterator for Pairs {
    type Item = (u32, u32);

    fn next(&mut self) -> Option<(u32, u32)> {
        self.0.next().map(|key| (key, key))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (usize::MAX, Some(usize::MAX))
    }
}

#[test]
fn errors_come_through() {
    let wrong = r#"{"1":1,"2":"two"}"#;
    assert!(serde_json::from_str::<TrieMap<u32, u32>>(wrong).is_err());
    assert!(serde_json::from_str::<FlatMap<u32, u32>>(wrong).is_err());
    assert!(serde_json::from_str::<TrieSet<u32>>(r#"[1,"two"]"#).is_err());
    assert!(serde_json::from_str::<FlatSet<u32>>("[1,2").is_err());
    let error = serde_json::from_str::<TrieMap<u32, u32>>("[1]").unwrap_err().to_string();
    assert!(error.contains("expected a map"), "{error}");
    let error = serde_json::from_str::<FlatSet<u32>>("{}").unwrap_err().to_string();
    assert!(error.contains("expected a sequence"), "{error}");
}

#[test]
fn keys_that_json_has() {
    let map = TrieMap::from([("a".to_string(), 1)]);
    assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"a":1}"#);
    assert_eq!(serde_json::to_string(&FlatSet::from([1])).unwrap(), "[1]");
}
