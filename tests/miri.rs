//! Small runs for Miri: undefined behaviour and data races, on real threads.
//!
//! `MIRIFLAGS="-Zmiri-tree-borrows -Zmiri-permissive-provenance -Zmiri-ignore-leaks" \
//!  cargo +nightly miri test --test miri`. They pass without Miri too.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use snaptrie::mode::TrieMode;
use snaptrie::{CopyTrieMap, FixedState, TrieMap};

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

/// With padding, and twice the same.
type Plain = (u8, u64, u64);

impl Item for Plain {
    fn make(number: u64) -> Self {
        (7, number, number)
    }

    fn number(&self) -> u64 {
        assert_eq!((self.0, self.1), (7, self.2));
        self.1
    }
}

/// Grows, shrinks, and keeps versions, on one thread.
fn versions<V: Item, S: BuildHasher + Clone, M: TrieMode<u64, V>>(
    map: TrieMap<u64, V, S, M>,
    keys: u64,
) {
    const NEW: u64 = 1_000_000;
    const MORE: u64 = 2_000_000;
    for key in 0..keys {
        map.pin().insert(key, V::make(key));
    }
    let before = map.snapshot();
    let fork = before.fork();
    for key in 0..keys {
        match key % 3 {
            0 => drop(map.pin().remove(&key).cloned()),
            1 => drop(map.pin().insert(key, V::make(NEW)).cloned()),
            _ => drop(fork.pin().update(key, |value| V::make(value.number() + MORE)).cloned()),
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
    let updated = fork.pin().values().filter(|value| value.number() >= MORE).count();
    assert_eq!(updated as u64, keys / 3);
}

/// All operations from three threads at once.
fn races<V, S, M>(map: TrieMap<u64, V, S, M>, keys: u64)
where
    V: Item + Send + Sync,
    S: BuildHasher + Clone + Sync + Send,
    M: TrieMode<u64, V>,
    TrieMap<u64, V, S, M>: Sync,
{
    let count = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..3_u64 {
            let (map, count) = (&map, &count);
            scope.spawn(move || {
                for round in 0..if cfg!(miri) { 20 } else { 4_000 } {
                    let key = (round * 7 + thread * 3) % keys;
                    let pinned = map.pin();
                    match (round + thread) % 8 {
                        0 | 1 => drop(pinned.insert(key, V::make(round)).cloned()),
                        2 => drop(pinned.remove(&key).cloned()),
                        3 => drop(pinned.update(key, |old| V::make(old.number() + 1)).cloned()),
                        4 => drop(pinned.get_or_insert_with(key, || V::make(round)).clone()),
                        5 => drop(pinned.get(&key).cloned()),
                        6 => {
                            let view = map.snapshot();
                            drop(pinned);
                            let sum: u64 = view.values().map(V::number).sum();
                            count.fetch_add(sum, Ordering::Relaxed);
                        }
                        _ if round % 16 == 7 => {
                            let fork = map.fork();
                            fork.pin().insert(key, V::make(0));
                            drop(map.take());
                        }
                        _ => {
                            let sum: u64 = pinned.iter().map(|(_, value)| value.number()).sum();
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

fn boxed<V, S>(hasher: S) -> TrieMap<u64, V, S> {
    TrieMap::with_private_collector(hasher)
}

fn inline<S>(hasher: S) -> CopyTrieMap<u64, Plain, S> {
    TrieMap::inline_with_private_collector(hasher)
}

fn good() -> FixedState {
    FixedState::with_seed(1)
}

#[test]
fn versions_of_a_growing_map() {
    versions(boxed::<String, _>(good()), 60);
    versions(inline(good()), 60);
}

#[test]
fn versions_of_a_map_past_one_branch() {
    versions(boxed::<String, _>(good()), if cfg!(miri) { 300 } else { 3_000 });
    versions(inline(good()), if cfg!(miri) { 300 } else { 3_000 });
}

#[test]
fn versions_of_a_collision_chain() {
    versions(boxed::<String, _>(ConstantState::default()), 40);
    versions(inline(ConstantState::default()), 40);
}

#[test]
fn races_in_one_group() {
    races(boxed::<Box<u64>, _>(good()), 5);
    races(inline(good()), 5);
}

#[test]
fn races_in_a_growing_map() {
    races(boxed::<Box<u64>, _>(good()), 60);
    races(inline(good()), 60);
}

#[test]
fn races_in_a_collision_chain() {
    races(boxed::<Box<u64>, _>(ConstantState::default()), 40);
    races(inline(ConstantState::default()), 40);
}
