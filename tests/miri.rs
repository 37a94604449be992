//! Small runs for Miri: undefined behaviour and data races, on real threads.
//!
//! `MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks" \
//!  cargo +nightly miri test --test miri`. They pass without Miri too.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use snaptrie::{FixedState, TrieMap};

#[derive(Clone, Default)]
struct Constant;

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        3
    }
}

type ConstantState = BuildHasherDefault<Constant>;

/// Grows, shrinks, and keeps versions, on one thread.
fn versions<S: BuildHasher + Clone>(hasher: S, keys: u64) {
    let map = TrieMap::with_private_collector(hasher);
    for key in 0..keys {
        map.pin().insert(key, key.to_string());
    }
    let before = map.snapshot();
    let fork = before.fork();
    for key in 0..keys {
        match key % 3 {
            0 => drop(map.pin().remove(&key).cloned()),
            1 => drop(map.pin().insert(key, String::from("new")).cloned()),
            _ => drop(fork.pin().update(key, |value| format!("{value}!")).cloned()),
        }
    }
    assert_eq!(before.len() as u64, keys);
    assert!(before.iter().all(|(key, value)| *value == key.to_string()));
    let taken = map.take();
    assert!(map.is_empty());
    drop(map);
    assert_eq!(fork.len() as u64, keys);
    drop(before);
    assert_eq!(taken.values().filter(|value| *value == "new").count() as u64, (keys + 1) / 3);
    assert_eq!(fork.pin().values().filter(|value| value.ends_with('!')).count() as u64, keys / 3);
}

#[test]
fn versions_of_a_growing_map() {
    versions(FixedState::with_seed(1), 60);
}

#[test]
fn versions_of_a_map_past_one_branch() {
    versions(FixedState::with_seed(1), if cfg!(miri) { 300 } else { 3_000 });
}

#[test]
fn versions_of_a_collision_chain() {
    versions(ConstantState::default(), 40);
}

/// All operations from three threads at once.
fn races<S: BuildHasher + Clone + Sync + Send>(hasher: S, keys: u64) {
    let map = TrieMap::with_private_collector(hasher);
    let count = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (map, count) = (&map, &count);
            scope.spawn(move || {
                for round in 0..if cfg!(miri) { 40 } else { 4_000 } {
                    let key = (round * 7 + thread * 3) % keys;
                    let pinned = map.pin();
                    match (round + thread) % 8 {
                        0 | 1 => drop(pinned.insert(key, Box::new(round)).cloned()),
                        2 => drop(pinned.remove(&key).cloned()),
                        3 => drop(pinned.update(key, |old| Box::new(**old + 1)).cloned()),
                        4 => drop(pinned.get_or_insert_with(key, || Box::new(round)).clone()),
                        5 => drop(pinned.get(&key).cloned()),
                        6 => {
                            let view = map.snapshot();
                            drop(pinned);
                            let sum: u64 = view.values().map(|value| **value).sum();
                            count.fetch_add(sum, Ordering::Relaxed);
                        }
                        _ if round % 16 == 7 => {
                            let fork = map.fork();
                            fork.pin().insert(key, Box::new(0));
                            drop(map.take());
                        }
                        _ => {
                            let sum: u64 = pinned.iter().map(|(_, value)| **value).sum();
                            count.fetch_add(sum, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    #[cfg(any(debug_assertions, snaptrie_check))]
    map.check_structure();
}

#[test]
fn races_in_one_group() {
    races(FixedState::with_seed(1), 5);
}

#[test]
fn races_in_a_growing_map() {
    races(FixedState::with_seed(1), 60);
}

#[test]
fn races_in_a_collision_chain() {
    races(ConstantState::default(), 40);
}
