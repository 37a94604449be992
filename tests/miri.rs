//! Small runs for Miri: undefined behaviour and data races, on real threads.
//!
//! `MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks" \
//!  cargo +nightly miri test --test miri`. They also pass without Miri.

#[path = "common/tested.rs"]
mod tested;

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use snaptrie::mode::Place;
use snaptrie::{CopyFlatMap, CopyTrieMap, FixedState, FlatMap, Snapshot, TrieMap};
use tested::{Handle, Tested};

#[derive(Clone, Default)]
struct Constant;

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        3
    }
}

type ConstantState = BuildHasherDefault<Constant>;

/// A value that is made of a number.
trait Item: Clone {
    fn make(number: u64) -> Self;
    fn number(&self) -> u64;
}

impl Item for String {
    fn make(number: u64) -> Self {
        number.to_string()
    }

    fn number(&self) -> u64 {
        self.parse().unwrap()
    }
}

impl Item for Box<u64> {
    fn make(number: u64) -> Self {
        Self::new(number)
    }

    fn number(&self) -> u64 {
        **self
    }
}

/// Of a size that is not that of words, and twice the same.
type Plain = [u8; 17];

impl Item for Plain {
    fn make(number: u64) -> Self {
        let mut bytes = [7; 17];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        bytes[8..16].copy_from_slice(&number.to_le_bytes());
        bytes
    }

    fn number(&self) -> u64 {
        assert_eq!((&self[..8], self[16]), (&self[8..16], 7));
        u64::from_le_bytes(self[..8].try_into().unwrap())
    }
}

/// Grows, shrinks, and keeps versions, on one thread. Returns whether there were nodes below nodes.
fn versions<V, S, M, L>(map: M, keys: u64) -> bool
where
    V: Item,
    S: BuildHasher + Clone,
    M: Tested<Key = u64, Value = V, Hasher = S, Version = Snapshot<u64, V, S, L>>,
    L: Place<u64, V, Map<S> = M>,
{
    const NEW: u64 = 1_000_000;
    const MORE: u64 = 2_000_000;
    for key in 0..keys {
        map.handle().insert(key, V::make(key));
    }
    let before = map.version();
    let is_deep = before.stats().depths.len() > 1;
    let fork = before.fork();
    for key in 0..keys {
        match key % 3 {
            0 => drop(map.handle().remove(&key).cloned()),
            1 => drop(map.handle().insert(key, V::make(NEW)).cloned()),
            _ => drop(fork.handle().update(key, |value| V::make(value.number() + MORE)).cloned()),
        }
    }
    assert_eq!(before.len() as u64, keys);
    assert!(before.iter().all(|(key, value)| value.number() == *key));
    let taken = map.take();
    assert!(map.is_empty());
    drop(map);
    assert_eq!(fork.len() as u64, keys);
    drop(before);
    assert_eq!(taken.values().filter(|value| value.number() == NEW).count() as u64, (keys + 1) / 3);
    let updated = fork.handle().values().filter(|value| value.number() >= MORE).count();
    assert_eq!(updated as u64, keys / 3);
    is_deep
}

/// Grows, replaces, shrinks, and keeps references, on one thread.
fn moves<M: Tested<Key = u64, Value: Item, Hasher: BuildHasher>>(map: &M, keys: u64) {
    let make = |key| M::Value::make(key);
    let pinned = map.handle();
    for key in 0..keys {
        pinned.insert(key, make(key));
    }
    let mut held: Vec<_> = pinned.iter().collect();
    for key in 0..keys {
        match key % 3 {
            0 => held.extend(pinned.remove_entry(&key)),
            1 => _ = pinned.insert(key, make(key + 1)),
            _ => _ = pinned.update(key, |value| M::Value::make(value.number() + 1)),
        }
    }
    map.reserve(2 * keys as usize);
    held.extend(pinned.iter());
    map.shrink_to_fit();
    map.clear();
    pinned.insert(keys, make(keys));
    assert!(held.iter().all(|(key, value)| (0..2).contains(&(value.number() - **key))));
    map.check();
}

/// All operations from three threads at once.
fn races<M>(map: M, keys: u64)
where
    M: Tested<Key = u64, Value: Item + Send + Sync, Hasher: BuildHasher> + Sync,
{
    let make = |number| M::Value::make(number);
    let count = AtomicU64::new(0);
    let sum = |entries: &mut dyn Iterator<Item = u64>| {
        count.fetch_add(entries.sum(), Ordering::Relaxed);
    };
    thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (map, sum) = (&map, &sum);
            scope.spawn(move || {
                for round in 0..if cfg!(miri) { 20 } else { 4_000 } {
                    let key = (round * 7 + thread * 3) % keys;
                    let pinned = map.handle();
                    match (round + thread) % 8 {
                        0 | 1 => drop(pinned.insert(key, make(round)).cloned()),
                        2 => drop(pinned.remove(&key).cloned()),
                        3 => drop(pinned.update(key, |old| make(old.number() + 1)).cloned()),
                        4 => drop(pinned.get_or_insert_with(key, || make(round)).clone()),
                        5 => drop(pinned.get(&key).cloned()),
                        6 => {
                            let view = map.version();
                            drop(pinned);
                            sum(&mut M::entries(&view).map(|(_, value)| value.number()));
                        }
                        _ if round % 16 == 7 => {
                            if let Some(fork) = map.fork() {
                                fork.handle().insert(key, make(0));
                            }
                            drop(map.take());
                            map.reserve(2 * keys as usize);
                        }
                        _ => sum(&mut pinned.iter().map(|(_, value)| value.number())),
                    }
                }
            });
        }
    });
    map.check();
}

fn boxed<V, S>(hasher: S) -> TrieMap<u64, V, S> {
    TrieMap::with_hasher(hasher).collecting_privately()
}

fn inline<S>(hasher: S) -> CopyTrieMap<u64, Plain, S> {
    CopyTrieMap::with_hasher(hasher).collecting_privately()
}

fn flat<V, S>(hasher: S) -> FlatMap<u64, V, S> {
    FlatMap::with_hasher(hasher).collecting_privately()
}

fn inline_flat<S>(hasher: S) -> CopyFlatMap<u64, Plain, S> {
    CopyFlatMap::with_hasher(hasher).collecting_privately()
}

fn good() -> FixedState {
    FixedState::with_seed(1)
}

#[test]
fn versions_of_a_growing_map() {
    const KEYS: u64 = if cfg!(miri) { 25 } else { 60 };
    assert!(!versions(boxed::<String, _>(good()), KEYS));
    assert!(!versions(inline(good()), KEYS));
}

#[test]
fn versions_of_a_map_past_one_branch() {
    const KEYS: u64 = if cfg!(miri) { 90 } else { 3_000 };
    assert!(versions(boxed::<String, _>(good()), KEYS));
    assert!(versions(inline(good()), KEYS));
}

#[test]
fn versions_of_a_collision_chain() {
    assert!(versions(boxed::<String, _>(ConstantState::default()), 18));
    assert!(versions(inline(ConstantState::default()), 18));
}

#[test]
fn snapshots_of_several_threads_dropped_in_any_order() {
    const COUNT: u64 = if cfg!(miri) { 5 } else { 1_000 };
    let map = boxed::<String, _>(good());
    map.pin().insert(1, String::make(0));
    thread::scope(|scope| {
        for turn in 0..3 {
            let map = &map;
            scope.spawn(move || {
                let mut held = Vec::new();
                for number in 0..COUNT {
                    let snapshot = map.snapshot();
                    map.pin().insert(1, String::make(number));
                    let seen = snapshot.get(&1).unwrap().number();
                    held.push((seen, snapshot));
                    if number % 3 == turn {
                        let index = number as usize * 7 % held.len();
                        held.swap_remove(index);
                    }
                    assert!(
                        held.iter().all(|(seen, view)| view.get(&1).unwrap().number() == *seen)
                    );
                }
            });
        }
    });
}

#[test]
fn moves_of_a_table() {
    moves(&flat::<String, _>(good()), if cfg!(miri) { 40 } else { 3_000 });
    moves(&inline_flat(good()), if cfg!(miri) { 40 } else { 3_000 });
}

#[test]
fn moves_of_a_bucket() {
    moves(&flat::<String, _>(ConstantState::default()), 18);
    moves(&inline_flat(ConstantState::default()), 18);
}

#[test]
fn races_in_one_group() {
    races(boxed::<Box<u64>, _>(good()), 5);
    races(inline(good()), 5);
    races(flat::<Box<u64>, _>(good()), 5);
    races(inline_flat(good()), 5);
}

#[test]
fn races_in_a_growing_map() {
    races(boxed::<Box<u64>, _>(good()), 60);
    races(inline(good()), 60);
    races(flat::<Box<u64>, _>(good()), 20);
    races(inline_flat(good()), 20);
}

#[test]
fn races_in_a_collision_chain() {
    races(boxed::<Box<u64>, _>(ConstantState::default()), 24);
    races(inline(ConstantState::default()), 24);
    races(flat::<Box<u64>, _>(ConstantState::default()), 12);
    races(inline_flat(ConstantState::default()), 12);
}

/// Moves iterators into functions that drop them, and with them what keeps their entries allocated.
fn by_value<I: Iterator>(iter: impl Fn() -> I) {
    drop(iter());
    let mut begun = iter();
    assert!(begun.next().is_some());
    drop(begun);
    assert!(iter().count() > 0);
    assert!(iter().fold(false, |_, _| true));
}

#[test]
fn iterators_that_own_their_guard_or_their_snapshot() {
    fn trie<S: BuildHasher + Clone>(hasher: S, keys: u64) {
        let map = inline(hasher);
        (0..keys).for_each(|key| _ = map.insert(key, Plain::make(key)));
        by_value(|| map.iter());
        by_value(|| map.values());
        by_value(|| map.snapshot().into_iter());
        by_value(|| map.fork().take().into_iter());
    }
    fn flat<S: BuildHasher + Clone>(hasher: S, keys: u64) {
        let map = inline_flat(hasher);
        (0..keys).for_each(|key| _ = map.insert(key, Plain::make(key)));
        by_value(|| map.iter());
        by_value(|| map.keys());
    }
    trie(good(), 2);
    trie(ConstantState::default(), 10);
    flat(good(), 2);
    flat(ConstantState::default(), 10);
}
