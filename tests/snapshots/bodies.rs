//! What any map with snapshots must stand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ScopedJoinHandle};

use super::{Map, Snapshot};
use crate::rounds;
use crate::tested::Tested;

/// Runs `write` on a thread each until `read` is done, and passes it the number of the round.
fn under_writers(
    map: &Map,
    writers: u64,
    write: impl Fn(&Map, u64, u64) + Sync,
    read: impl FnOnce(&Map),
) {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 0..writers {
            let (done, write) = (&done, &write);
            scope.spawn(move || {
                let mut round = 1;
                while !done.load(Ordering::Relaxed) {
                    write(map, writer, round);
                    round += 1;
                }
            });
        }
        // Also when a check panics, or the writers would go on for ever.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        read(map);
    });
    #[cfg(any(debug_assertions, snaptrie_check))]
    map.check_structure();
}

fn of(view: &Snapshot, key: u64) -> u64 {
    view.get(&key).copied().unwrap_or(0)
}

/// Keys that make the trie deep, away from those of the tests.
fn filled(entries: u64) -> Map {
    (0..entries).map(|key| (key + 1_000_000, key)).collect()
}

#[test]
fn two_keys_written_in_order_are_never_seen_in_the_other() {
    for entries in [0, 100, 20_000] {
        let map = filled(entries);
        let write = |map: &Map, writer, round| {
            map.handle().insert(writer * 2, round);
            map.handle().insert(writer * 2 + 1, round);
        };
        under_writers(&map, 2, write, |map| {
            for _ in 0..rounds(2_000) {
                let view = map.snapshot();
                for writer in 0..2 {
                    // The second first, so that a view that still changed would show it.
                    let (second, first) = (of(&view, writer * 2 + 1), of(&view, writer * 2));
                    assert!(second == first || second + 1 == first, "{first} then {second}");
                    assert_eq!((second, first), (of(&view, writer * 2 + 1), of(&view, writer * 2)));
                }
            }
        });
    }
}

#[test]
fn a_snapshot_iterated_twice_is_the_same() {
    let map = filled(2_000);
    let write = |map: &Map, writer, round: u64| {
        let key = 1_000_000 + (round * 7 + writer) % 4_000;
        if round % 3 == 0 {
            map.handle().remove(&key)
        } else {
            map.handle().insert(key, round)
        };
    };
    under_writers(&map, 2, write, |map| {
        for _ in 0..rounds(150) {
            let view = map.snapshot();
            let first: HashMap<u64, u64> = view.iter().map(|(k, v)| (*k, *v)).collect();
            assert_eq!(first.len(), view.len());
            thread::yield_now();
            let second: HashMap<u64, u64> = view.iter().map(|(k, v)| (*k, *v)).collect();
            assert_eq!(first, second);
            let iter = view.iter();
            assert_eq!((iter.len(), iter.count()), (first.len(), first.len()));
            assert!(first.iter().all(|(key, value)| view.get(key) == Some(value)));
        }
    });
}

/// Each writer moves amounts between keys of its own, so that between two of its writes the sum is
/// off by what it is moving: never by more, never for two moves at once.
#[test]
fn transfers_keep_their_invariant() {
    const ACCOUNTS: u64 = 16;
    const START: u64 = 1_000;
    let account = |writer: u64, index: u64| 1 + writer * 100 + index % ACCOUNTS;
    let map = filled(500);
    for writer in 0..2 {
        (&map).extend((0..ACCOUNTS).map(|index| (account(writer, index), START)));
    }
    let write = |map: &Map, writer, round: u64| {
        let (from, to) = (account(writer, round * 5), account(writer, round * 5 + 1 + round % 7));
        if from == to {
            return;
        }
        let pinned = map.handle();
        let amount = pinned[&from].min(1);
        pinned.insert(from, pinned[&from] - amount);
        pinned.insert(to, pinned[&to] + amount);
    };
    under_writers(&map, 2, write, |map| {
        for _ in 0..rounds(3_000) {
            let view = map.snapshot();
            for writer in 0..2 {
                let sum: u64 = (0..ACCOUNTS).map(|index| view[&account(writer, index)]).sum();
                assert!(sum == ACCOUNTS * START || sum == ACCOUNTS * START - 1, "sum {sum}");
            }
        }
    });
}

/// Every write of an ascending sequence ends up in exactly one of the takes, in order.
#[test]
fn takes_split_a_sequence_without_loss() {
    let map = Map::default();
    let last = rounds(30_000) * 2;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let map = &map;
                scope.spawn(move || {
                    for index in 0..last {
                        map.handle().insert(index * 2 + writer, index);
                    }
                })
            })
            .collect();
        let mut next = [0, 0];
        let mut account = |taken: Snapshot| {
            let mut keys: Vec<u64> = taken.keys().copied().collect();
            keys.sort_unstable();
            for key in keys {
                let writer = (key % 2) as usize;
                assert_eq!(key / 2, next[writer], "a gap in what writer {writer} wrote");
                next[writer] += 1;
            }
        };
        while !writers.iter().all(ScopedJoinHandle::is_finished) {
            account(Map::take(&map));
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        account(Map::take(&map));
        assert_eq!(next, [last, last]);
    });
    assert!(map.is_empty());
}

#[test]
fn forks_go_their_own_ways_under_writers() {
    let map = filled(1_000);
    let write = |map: &Map, writer, round| {
        map.handle().insert(1_000_000 + writer, round);
    };
    under_writers(&map, 2, write, |map| {
        for round in 0..rounds(200) {
            let view = map.snapshot();
            let fork = view.fork();
            for key in 1_000_000..1_000_050 {
                fork.handle().insert(key, u64::MAX - round);
            }
            fork.handle().remove(&1_000_050);
            assert_eq!(fork.len(), view.len() - 1);
            assert!(view.values().all(|&value| value != u64::MAX - round));
            assert_eq!(fork.snapshot().values().filter(|v| **v == u64::MAX - round).count(), 50);
            #[cfg(any(debug_assertions, snaptrie_check))]
            fork.check_structure();
        }
    });
}

/// Snapshots of later generations never hold less of an append-only map.
#[test]
fn later_snapshots_see_what_earlier_ones_saw() {
    let map = Map::default();
    let write = |map: &Map, writer, round: u64| {
        if round < 10_000 {
            map.handle().insert(round * 2 + writer, round);
        }
    };
    under_writers(&map, 2, write, |map| {
        let mut before = map.snapshot();
        for _ in 0..rounds(100) {
            let now = map.snapshot();
            assert!(before.generation() < now.generation() || before.is_empty());
            assert!(before.iter().all(|(key, value)| now.get(key) == Some(value)));
            assert!(before.len() <= now.len());
            before = now;
        }
    });
}
