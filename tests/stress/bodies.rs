//! What any map must stand.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;

use snaptrie::{Compute, FixedState, Operation};

use super::{Map, Value};
use crate::linear::{self, Clock, KEYS, Op, Output, State, assert_linearizable};
use crate::tested::Tested;
use crate::{Numbered, Random, THREADS, TruncatedState, on_threads, scaled};

/// Every thread replaces values by their successors; none is lost.
fn updates_are_exact<S: BuildHasher + Default + Clone + Sync>(keys: u64, operations: u64) {
    let live = Arc::new(AtomicI64::new(0));
    let map = Map::<u64, Value, S>::default();
    on_threads(|thread| {
        let mut random = Random(thread + 1);
        for index in 0..operations {
            let key = random.below(keys);
            let next = |old: &Value| Value::make(old.number() + 1, &live);
            match index % 3 {
                0 => map.handle().update_or_insert(key, next, Value::make(1, &live)).number(),
                1 => {
                    map.handle().update_or_insert_with(key, next, || Value::make(1, &live)).number()
                }
                _ => {
                    let pinned = map.handle();
                    let count = |entry: Option<(&u64, &Value)>| {
                        let old = entry.map_or(0, |(_, value)| value.number());
                        Operation::<_, ()>::Insert(Value::make(old + 1, &live))
                    };
                    match pinned.compute(key, count) {
                        Compute::Inserted(_, new) | Compute::Updated { new: (_, new), .. } => {
                            new.number()
                        }
                        _ => unreachable!("always inserts"),
                    }
                }
            };
        }
    });
    map.check();
    let total: u64 = map.handle().values().map(Numbered::number).sum();
    assert_eq!(total, THREADS * operations);
    drop(map);
    assert_eq!(live.load(Ordering::Relaxed), 0);
}

#[test]
fn updates_are_exact_with_few_keys() {
    updates_are_exact::<FixedState>(8, scaled(60_000));
}

#[test]
fn updates_are_exact_with_many_keys() {
    updates_are_exact::<FixedState>(5_000, scaled(60_000));
}

#[test]
fn updates_are_exact_with_truncated_hashes() {
    updates_are_exact::<TruncatedState>(100, scaled(20_000));
}

/// Inserts and removes of shared keys: what each thread was told adds up to what is there.
fn insert_and_remove_balance<S: BuildHasher + Default + Clone + Sync>(keys: u64, operations: u64) {
    let live = Arc::new(AtomicI64::new(0));
    let balance: Vec<AtomicI64> = (0..keys).map(|_| AtomicI64::new(0)).collect();
    let map = Map::<u64, Value, S>::default();
    on_threads(|thread| {
        let mut random = Random(thread + 77);
        for index in 0..operations {
            let key = random.below(keys);
            let change = if random.below(2) == 0 {
                i64::from(map.handle().try_insert(key, Value::make(index, &live)).is_ok())
            } else {
                -i64::from(map.handle().remove(&key).is_some())
            };
            balance[key as usize].fetch_add(change, Ordering::Relaxed);
        }
    });
    map.check();
    for (key, balance) in balance.iter().enumerate() {
        let there = i64::from(map.handle().contains_key(&(key as u64)));
        assert_eq!(balance.load(Ordering::Relaxed), there, "key {key}");
    }
    drop(map);
    assert_eq!(live.load(Ordering::Relaxed), 0);
}

#[test]
fn insert_and_remove_balance_over_many_sizes() {
    for keys in [1, 5, 40, 400, 10_000] {
        insert_and_remove_balance::<FixedState>(keys, scaled(40_000));
    }
}

#[test]
fn insert_and_remove_balance_with_truncated_hashes() {
    insert_and_remove_balance::<TruncatedState>(200, scaled(20_000));
}

/// The map grows and empties again and again under all threads.
#[test]
fn waves_of_growth_and_removal() {
    let live = Arc::new(AtomicI64::new(0));
    let map = Map::<u64, Value, FixedState>::default();
    let wave = scaled(8_000);
    on_threads(|thread| {
        for _ in 0..4 {
            let mine = || (0..wave).map(|i| i * THREADS + thread);
            for key in mine() {
                assert!(map.handle().insert(key, Value::make(key, &live)).is_none());
            }
            for key in mine() {
                assert_eq!(map.handle().get(&key).map(Numbered::number), Some(key));
            }
            for key in mine() {
                assert_eq!(map.handle().remove(&key).map(Numbered::number), Some(key));
            }
        }
    });
    map.check();
    assert!(map.is_empty());
    drop(map);
    assert_eq!(live.load(Ordering::Relaxed), 0);
}

/// A live iteration yields no key twice and misses none that is there throughout.
#[test]
fn live_iteration_under_writers() {
    let map: Map<u64, u64, FixedState> = (0..4_000).map(|key| (key, 0)).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|thread| {
                let map = &map;
                scope.spawn(move || {
                    let mut random = Random(thread + 5);
                    for round in 0..scaled(100_000) {
                        // Even keys are replaced and stay; odd ones come and go; so do new ones.
                        let key = random.below(8_000);
                        let stays = key % 2 == 0 && key < 4_000;
                        if stays || random.below(2) == 0 {
                            map.handle().insert(key, round);
                        } else {
                            map.handle().remove(&key);
                        }
                        if round % 1_000 == 0 {
                            let _version = map.version();
                        }
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) || rounds == 0 {
                let mut seen = HashMap::new();
                for (&key, _) in &map.handle() {
                    assert!(seen.insert(key, ()).is_none(), "key {key} twice");
                }
                for key in (0..4_000).step_by(2) {
                    assert!(seen.contains_key(&key), "key {key} missed");
                }
                rounds += 1;
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
    });
    map.check();
}

/// Short histories of real threads, each checked for an order that explains it.
#[test]
fn histories_are_linearizable() {
    for seed in 1..=scaled(2_000) {
        let map = Short::default();
        // Company that makes a trie deep, and a table move.
        map.handle().insert(200, 0);
        (&map).extend((10..(seed % 90) as u8 + 10).map(|key| (key, 0)));
        let clock = Clock::default();
        let mut history = Vec::new();
        thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|thread| {
                    let (map, clock) = (&map, &clock);
                    scope.spawn(move || run_history(map, clock, Random(seed * 31 + thread + 1)))
                })
                .collect();
            threads.into_iter().for_each(|thread| history.extend(thread.join().unwrap()));
        });
        assert_linearizable(&history);
        map.check();
    }
}

type Short = Map<u8, u16, TruncatedState>;

fn run_history(map: &Short, clock: &Clock, mut random: Random) -> Vec<linear::Event> {
    let whole = |version: <Short as Tested>::Version| -> Output {
        let mut state = State::default();
        for (key, value) in Short::entries(&version).filter(|(key, _)| usize::from(**key) < KEYS) {
            assert!(state[usize::from(*key)].replace(*value).is_none(), "key {key} twice");
        }
        Output::Whole(state)
    };
    // Only a map that has snapshots is asked for one.
    let kinds = if Short::VERSIONS { 12 } else { 10 };
    let mut events = Vec::new();
    for index in 0..12 {
        let (key, new) = (random.below(KEYS as u64) as u8, (random.below(60_000) + index) as u16);
        let pinned = map.handle();
        let op = match random.below(kinds) {
            0..=3 => Op::Insert(key, new),
            4 => Op::GetOrInsert(key, new),
            5 | 6 => Op::Remove(key),
            7..=9 => Op::Get(key),
            10 => Op::Snapshot,
            _ => Op::Take,
        };
        events.push(match op {
            Op::Snapshot => clock.record(op, || map.version(), whole),
            Op::Take => clock.record(op, || map.take(), whole),
            _ => linear::perform(clock, &pinned, op, |key| key, |new| new),
        });
        if random.below(3) == 0 {
            thread::yield_now();
        }
    }
    events
}
