//! Writers on several threads.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use snaptrie::{FlatMap, TrieMap};

use crate::support::{Handle, Numbers as Random, stress};
use crate::{Numbers, over_maps};

over_maps!(nothing_that_is_added_is_lost, the_changes_of_a_writer_show_in_order);

fn rounds() -> u64 {
    (20_000.0 * stress()) as u64
}

/// Two writers, and a reader that sees each sum grow.
fn nothing_that_is_added_is_lost<M: Numbers + Sync>() {
    const KEYS: u64 = 40;
    let map = M::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers = [1, 2].map(|seed| {
            let map = &map;
            scope.spawn(move || {
                let mut random = Random(seed);
                let mut writer = map.writer();
                for _ in 0..rounds() {
                    writer.add(random.next() % KEYS, 1);
                }
            })
        });
        scope.spawn(|| {
            let mut before = [0; KEYS as usize];
            while !done.load(Relaxed) {
                let pinned = map.handle();
                for (key, before) in before.iter_mut().enumerate() {
                    let now = pinned.get(&(key as u64)).copied().unwrap_or(0);
                    assert!(now >= *before);
                    *before = now;
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Relaxed);
    });
    assert_eq!(map.handle().values().sum::<u64>(), 2 * rounds());
    map.check();
}

/// One writer counts two keys up, one after the other: the second is never ahead.
fn the_changes_of_a_writer_show_in_order<M: Numbers + Sync>() {
    let map = M::default();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                let pinned = map.handle();
                let second = pinned.get(&2).copied().unwrap_or(0);
                let first = pinned.get(&1).copied().unwrap_or(0);
                assert!(first >= second, "{first} and {second}");
            }
        });
        let mut writer = map.writer();
        for round in 0..rounds() {
            writer.insert(1, round);
            // So that the two are not always of one group.
            (0..round % 3).for_each(|other| writer.remove(other + 10));
            writer.merge(2, round, |old, new| *old.max(new));
        }
        drop(writer);
        done.store(true, Relaxed);
    });
}

#[test]
fn atomic_counters_lose_nothing_either() {
    let (trie, table) = (TrieMap::<u32, AtomicU64>::new(), FlatMap::<u32, AtomicU64>::new());
    thread::scope(|scope| {
        for seed in 1..4 {
            let (trie, table) = (&trie, &table);
            scope.spawn(move || {
                let mut random = Random(seed);
                let (mut one, mut other) = (trie.writer(), table.writer());
                for _ in 0..rounds() {
                    let key = (random.next() % 200) as u32;
                    one.add(key, 1);
                    other.add(key, 1);
                }
            });
        }
        // Takes what is there now and then: what was taken counts on.
        scope.spawn(|| (0..100).for_each(|_| drop(trie.snapshot())));
    });
    let sum = |values: &mut dyn Iterator<Item = &AtomicU64>| -> u64 {
        values.map(|value| value.load(Relaxed)).sum()
    };
    assert_eq!(sum(&mut trie.pin().values()), 3 * rounds());
    assert_eq!(sum(&mut table.pin().values()), 3 * rounds());
}
