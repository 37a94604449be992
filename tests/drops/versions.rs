//! When a key or value is dropped that snapshots, forks or takes can see.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

use super::Map;
use super::threads::{self, churn};
use super::times::{filled, remove, write};
use crate::support::{Chosen, Counted, Ledger, over_hashers, refresh_until, sort};

over_hashers!(
    dropping_a_map_leaves_what_snapshots_see,
    dropping_all_snapshots_lets_their_entries_go,
    snapshots_keep_only_what_they_see,
    clear_and_take_let_entries_go,
    forks_keep_their_base_alone,
    entries_and_iterators_keep_their_snapshot,
    snapshots_within_values_of_the_same_map,
    everything_is_dropped_at_once,
);

fn dropping_a_map_leaves_what_snapshots_see() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let first = map.snapshot();
    write(&map, ledger, 0..50, 1_000);
    let second = map.snapshot();
    write(&map, ledger, 25..75, 2_000);
    remove(&map, ledger, 90..100);
    drop(map);
    // At once: what neither sees is gone.
    let values = |plus: u64, range: std::ops::Range<u64>| range.map(move |tag| tag + plus);
    let both: Vec<u64> =
        values(0, 0..100).chain(values(0, 0..100)).chain(values(0, 0..50)).collect();
    let expected = sort(both.into_iter().chain(values(1_000, 0..50)));
    assert_eq!(ledger.tags(), expected);
    // What only the first sees goes with it, and nothing else.
    drop(first);
    let expected = values(0, 0..100).chain(values(1_000, 0..50)).chain(values(0, 50..100));
    assert_eq!(ledger.tags(), sort(expected));
    assert!(second.iter().all(|(key, value)| value.tag() % 1_000 == key.tag()));
    drop(second);
    assert_eq!(ledger.live(), 0);
}

fn dropping_all_snapshots_lets_their_entries_go() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..500);
    let snapshots: Vec<_> = (1..5)
        .map(|round| {
            let snapshot = map.snapshot();
            write(&map, ledger, 0..100 * round, 1_000 * round);
            snapshot
        })
        .collect();
    assert!(!refresh_until(&map, 50, || ledger.live() <= 1_000), "snapshots lost entries");
    drop(snapshots);
    assert!(refresh_until(&map, 200, || ledger.live() == 1_000), "{}", ledger.live());
    assert_eq!(map.len(), 500);
}

fn snapshots_keep_only_what_they_see() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let old = map.snapshot();
    for round in 1..200 {
        write(&map, ledger, 0..100, round);
        let _short = map.snapshot();
    }
    // The keys and values of the map, and those that the old snapshot sees.
    assert!(refresh_until(&map, 1_000, || ledger.live() == 400), "{}", ledger.live());
    drop(map);
    assert_eq!(ledger.live(), 200);
    assert!(old.iter().all(|(key, value)| key.tag() == value.tag()));
}

fn clear_and_take_let_entries_go() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..300);
    map.clear();
    assert!(refresh_until(&map, 200, || ledger.live() == 0), "{}", ledger.live());
    write(&map, ledger, 0..300, 0);
    let taken = map.take();
    write(&map, ledger, 0..10, 0);
    assert!(!refresh_until(&map, 50, || ledger.live() != 620), "the take lost entries");
    drop(taken);
    assert!(refresh_until(&map, 200, || ledger.live() == 20), "{}", ledger.live());
    let taken = map.take();
    drop(map);
    assert_eq!(ledger.live(), 20);
    drop(taken);
    assert_eq!(ledger.live(), 0);
}

fn forks_keep_their_base_alone() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let fork = map.fork();
    write(&map, ledger, 0..100, 1_000);
    write(&fork, ledger, 0..10, 2_000);
    drop(map);
    // The base, and the fork's own.
    assert_eq!(ledger.live(), 200 + 20);
    let deeper = fork.fork();
    drop(fork);
    assert_eq!(ledger.live(), 220);
    assert!(deeper.pin().iter().all(|(key, value)| value.tag() % 1_000 == key.tag()));
    drop(deeper);
    assert_eq!(ledger.live(), 0);
}

fn entries_and_iterators_keep_their_snapshot() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let mut entries = map.snapshot().into_iter();
    let one = entries.next().unwrap();
    drop(map);
    assert_eq!(ledger.live(), 200);
    drop(entries);
    assert_eq!((ledger.live(), one.key().tag()), (200, one.value().tag()));
    let other = one.clone();
    drop(one);
    assert_eq!(ledger.live(), 200);
    drop(other);
    assert_eq!(ledger.live(), 0);
}

/// A map whose values hold its own earlier versions is no cycle: each snapshot ends with the entry
/// that holds it.
fn snapshots_within_values_of_the_same_map() {
    struct Version {
        _before: snaptrie::Snapshot<u64, Version, Chosen>,
        _counted: Counted,
    }
    let ledger = Ledger::new();
    let map = Map::<u64, Version>::default();
    for round in 0..100 {
        let version = Version { _before: map.snapshot(), _counted: ledger.make(round) };
        map.pin().insert(round % 7, version);
    }
    assert_eq!(ledger.live(), 100, "each version holds the one before");
    let last = map.snapshot();
    drop(map);
    assert_eq!(ledger.live(), 100);
    drop(last);
    assert_eq!(ledger.live(), 0);
}

/// Map, snapshots and forks dropped by several threads at the same time: when the last drop has
/// returned, everything is gone.
fn everything_is_dropped_at_once() {
    for round in 0..200 {
        let ledger = Ledger::new();
        let map = threads::CountedMap::default();
        churn(&map, ledger, round, 50);
        let first = map.snapshot();
        churn(&map, ledger, round + 1, 50);
        let second = map.snapshot();
        let fork = first.fork();
        churn(&fork, ledger, round + 2, 50);
        churn(&map, ledger, round + 3, 50);
        let taken = map.take();
        churn(&map, ledger, round + 4, 50);
        let start = AtomicUsize::new(0);
        let wait = || {
            start.fetch_add(1, SeqCst);
            while start.load(SeqCst) < 3 {
                thread::yield_now();
            }
        };
        let wait = &wait;
        thread::scope(|scope| {
            scope.spawn(move || {
                wait();
                drop(map);
                drop(first);
            });
            scope.spawn(move || {
                wait();
                drop(second);
                drop(fork);
            });
            scope.spawn(move || {
                wait();
                drop(taken);
            });
        });
        assert_eq!(ledger.live(), 0, "in round {round}");
    }
}
