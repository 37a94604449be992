//! What is dropped when, of what commits, merges and histories touch.

use std::sync::Arc;
use std::thread;

use snaptrie::{History, Shared, TrieMap};

use super::diffs::size;
use crate::support::{
    Chosen, Counted, Ledger, Tested, finish, over_hashers, permutations, refresh_until,
};

over_hashers!(
    what_a_commit_replaces_is_dropped,
    what_the_fork_replaced_itself_is_dropped,
    snapshots_keep_what_a_commit_replaces,
    drops_in_any_order,
    a_refused_fork_is_whole,
    commits_to_forks,
    commits_beside_writers,
    what_falls_out_of_a_history_is_dropped,
    what_is_shared_is_not_cloned,
    shared_entries_are_not_taken,
    a_snapshot_gives_its_entries_once_it_is_alone,
    a_snapshot_that_is_alone_drops_what_is_not_its_own,
);

type CountedMap = TrieMap<u64, Counted, Chosen>;

/// A map of these keys with values of the same tags. Its epochs are its own.
fn counted(ledger: Ledger, keys: std::ops::Range<u64>) -> CountedMap {
    let map = TrieMap::with_private_collector(Chosen::default());
    keys.for_each(|key| _ = map.handle().insert(key, ledger.make(key)));
    map
}

fn put(map: &CountedMap, ledger: Ledger, keys: std::ops::Range<u64>) {
    keys.for_each(|key| _ = map.handle().insert(key, ledger.make(key)));
}

fn what_a_commit_replaces_is_dropped() {
    let ledger = Ledger::new();
    let keys = u64::from(size());
    let map = counted(ledger, 0..keys);
    for round in 0..4 {
        map.commit_with(|fork| {
            put(fork, ledger, 0..keys / 4);
            put(fork, ledger, keys..keys + 10);
            fork.handle().retain(|key, _| key % 7 != round);
        });
        let len = map.len();
        assert!(refresh_until(&map, 200, || ledger.live() == len), "{} > {len}", ledger.live());
    }
    assert!(map.handle().iter().all(|(key, value)| value.tag() == *key));
    map.commit_with(TrieMap::clear);
    assert!(refresh_until(&map, 200, || ledger.live() == 0), "{}", ledger.live());
    finish(map);
}

fn what_the_fork_replaced_itself_is_dropped() {
    let ledger = Ledger::new();
    let map = counted(ledger, 0..100);
    let fork = map.fork();
    for _ in 0..5 {
        put(&fork, ledger, 0..50);
        drop(fork.snapshot());
        put(&fork, ledger, 25..75);
    }
    map.try_commit(fork).unwrap();
    assert!(refresh_until(&map, 200, || ledger.live() == 100), "{}", ledger.live());
    finish(map);
    assert_eq!(ledger.live(), 0);
}

fn snapshots_keep_what_a_commit_replaces() {
    let ledger = Ledger::new();
    let map = counted(ledger, 0..100);
    let before = map.snapshot();
    let fork = map.fork();
    put(&fork, ledger, 0..50);
    let between = map.snapshot();
    map.try_commit(fork).unwrap();
    assert!(!refresh_until(&map, 50, || ledger.live() != 150), "{}", ledger.live());
    drop(before);
    assert!(!refresh_until(&map, 50, || ledger.live() != 150), "{}", ledger.live());
    let after = map.snapshot();
    put(&map, ledger, 0..100);
    assert_eq!(ledger.live(), 250);
    drop(between);
    assert!(refresh_until(&map, 200, || ledger.live() == 200), "{}", ledger.live());
    drop(map);
    assert_eq!(ledger.live(), 100);
    assert!(after.iter().all(|(key, value)| value.tag() == *key));
    drop(after);
    assert_eq!(ledger.live(), 0);
}

/// Map, snapshots from before and after two commits, and another fork: whatever goes first.
fn drops_in_any_order() {
    permutations::<5>(|order| {
        let ledger = Ledger::new();
        let map = counted(ledger, 0..20);
        let before = map.snapshot();
        let other = map.fork();
        put(&other, ledger, 5..15);
        map.commit_with(|fork| put(fork, ledger, 0..10));
        let between = map.snapshot();
        map.commit_with(|fork| {
            drop(fork.snapshot());
            put(fork, ledger, 5..8);
            (15..20).for_each(|key| _ = fork.handle().remove(&key));
        });
        let after = map.snapshot();
        put(&map, ledger, 0..3);
        let mut all: [Option<Box<dyn std::any::Any>>; 5] = [
            Some(Box::new(map)),
            Some(Box::new(before)),
            Some(Box::new(other)),
            Some(Box::new(between)),
            Some(Box::new(after)),
        ];
        for index in order {
            all[index] = None;
            for left in all.iter().flatten() {
                if let Some(view) = left.downcast_ref::<snaptrie::Snapshot<u64, Counted, Chosen>>()
                {
                    assert!(view.iter().all(|(key, value)| value.tag() == *key));
                }
            }
        }
        assert_eq!(ledger.live(), 0, "in order {order:?}");
    });
}

fn a_refused_fork_is_whole() {
    let ledger = Ledger::new();
    let map = counted(ledger, 0..100);
    let fork = map.fork();
    put(&fork, ledger, 0..50);
    put(&map, ledger, 0..1);
    let fork = map.try_commit(fork).unwrap_err().fork;
    put(&fork, ledger, 25..75);
    assert!(fork.handle().iter().all(|(key, value)| value.tag() == *key));
    drop(map);
    // The base, and what the fork has of its own.
    assert!(refresh_until(&fork, 200, || ledger.live() == 100 + 75), "{}", ledger.live());
    finish(fork);
    assert_eq!(ledger.live(), 0);
}

fn commits_to_forks() {
    let ledger = Ledger::new();
    let map = counted(ledger, 0..100);
    let fork = map.fork();
    fork.commit_with(|deeper| {
        put(deeper, ledger, 0..50);
        deeper.commit_with(|deepest| put(deepest, ledger, 25..75));
    });
    assert_eq!(ledger.live(), 100 + 75);
    map.try_commit(fork).unwrap();
    assert!(refresh_until(&map, 200, || ledger.live() == 100), "{}", ledger.live());
    finish(map);
    assert_eq!(ledger.live(), 0);
}

/// No write of a plain writer is lost to a commit, and no commit is lost to a writer.
fn commits_beside_writers() {
    const ROUNDS: u64 = 400;
    let ledger = Ledger::new();
    let map = counted(ledger, 0..50);
    thread::scope(|scope| {
        for writer in 0..2 {
            let map = &map;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    map.handle().insert(1_000 * (writer + 1) + round, ledger.make(0));
                    if round % 4 == 0 {
                        // Time for a commit.
                        thread::sleep(std::time::Duration::from_micros(200));
                    }
                }
            });
        }
        scope.spawn(|| {
            for round in 0..ROUNDS / 4 {
                map.commit_with(|fork| {
                    fork.handle().insert(5_000 + round, ledger.make(0));
                    fork.handle().insert(6_000 + round, ledger.make(0));
                });
            }
        });
    });
    let len = 50 + 2 * ROUNDS as usize + 2 * ROUNDS as usize / 4;
    assert_eq!(map.len(), len);
    assert!(refresh_until(&map, 1_000, || ledger.live() == len), "{} > {len}", ledger.live());
    finish(map);
    assert_eq!(ledger.live(), 0);
}

fn what_falls_out_of_a_history_is_dropped() {
    let ledger = Ledger::new();
    let map = TrieMap::<u32, Counted, Chosen>::with_private_collector(Chosen::default());
    let mut history = History::new(3);
    for round in 0..20 {
        (0..30).for_each(|key| _ = map.handle().insert(key, ledger.make(round)));
        history.push(map.snapshot());
    }
    assert!(refresh_until(&map, 200, || ledger.live() == 90), "{}", ledger.live());
    assert!((17..20).zip(&history).all(|(round, version)| version[&0].tag() == round));
    drop(history);
    assert!(refresh_until(&map, 200, || ledger.live() == 30), "{}", ledger.live());
    finish(map);
}

fn what_is_shared_is_not_cloned() {
    let map: TrieMap<u32, Arc<u32>, Chosen> = (0..size()).map(|key| (key, Arc::new(key))).collect();
    let base = map.snapshot();
    let right = base.fork();
    right.handle().insert(0, Arc::new(7));
    map.handle().insert(1, Arc::new(7));
    let merged = base.merge(&map.snapshot(), &right.snapshot(), |_| unreachable!());
    let cloned = merged.handle().values().filter(|value| Arc::strong_count(value) > 1).count();
    assert_eq!(cloned, 1);
    finish(merged);
}

fn shared_entries_are_not_taken() {
    let ledger = Ledger::new();
    let mut map = counted(ledger, 0..100);
    let snapshot = map.snapshot();
    assert_eq!(map.iter_mut().err(), Some(Shared));
    assert!(map.get_mut(&1).is_err() && map.values_mut().is_err());
    map = map.try_into_iter().unwrap_err();
    drop(snapshot);
    // The snapshot froze what it read: nothing of that is in the way.
    map.values_mut().unwrap().for_each(|value| *value = ledger.make(value.tag() + 1));
    put(&map, ledger, 0..10);

    // A fork shares what it began with, and owns what it was given when empty.
    let mut fork = map.fork();
    assert!(fork.get_mut(&1).is_err() && map.get_mut(&1).is_err());
    fork = fork.try_into_iter().unwrap_err();
    fork.clear();
    assert!(fork.try_into_iter().is_err(), "still a fork");
    let fork = TrieMap::<u64, Counted, Chosen>::default().fork();
    put(&fork, ledger, 0..10);
    assert_eq!(fork.try_into_iter().unwrap().len(), 10);

    // What was committed is the map's own.
    map.commit_with(|fork| put(fork, ledger, 50..60));
    let taken = map.take();
    put(&map, ledger, 0..5);
    assert!(map.get_mut(&1).is_err());
    drop(taken);
    assert_eq!(map.get_mut(&1).unwrap().map(|value| value.tag()), Some(1));
    put(&map, ledger, 0..300);
    map.commit_with(|fork| put(fork, ledger, 50..60));
    let mut tags: Vec<u64> = map.try_into_iter().unwrap().map(|(_, value)| value.tag()).collect();
    tags.sort_unstable();
    assert!(tags.into_iter().eq(0..300));
    assert_eq!(ledger.live(), 0);
}

fn a_snapshot_gives_its_entries_once_it_is_alone() {
    let ledger = Ledger::new();
    let map = counted(ledger, 0..300);
    let older = map.snapshot();
    put(&map, ledger, 50..60);
    let mut snapshot = map.snapshot();
    put(&map, ledger, 40..70);
    snapshot = snapshot.try_into_iter().unwrap_err();
    drop(map);
    snapshot = snapshot.try_into_iter().unwrap_err();
    drop(older);
    let clone = snapshot.clone();
    snapshot = snapshot.try_into_iter().unwrap_err();
    drop(clone);
    let fork = snapshot.fork();
    snapshot = snapshot.try_into_iter().unwrap_err();
    put(&fork, ledger, 0..10);
    let of_fork = fork.snapshot();
    drop(fork);
    let of_fork = of_fork.try_into_iter().unwrap_err();
    snapshot = snapshot.try_into_iter().unwrap_err();
    drop(of_fork);
    assert_eq!(ledger.live(), 300);
    let mut entries = snapshot.try_into_iter().unwrap();
    let (key, first) = entries.next().unwrap();
    assert_eq!((ledger.live(), first.tag()), (300, key));
    // What is left of an iteration goes with it.
    drop(entries);
    assert_eq!((ledger.live(), first.tag()), (1, key));
    drop(first);

    // All that a map had, taken at one instant.
    let map = counted(ledger, 0..300);
    let taken = map.take().try_into_iter().unwrap_err();
    put(&map, ledger, 0..5);
    drop(map);
    let mut tags: Vec<u64> = taken.try_into_iter().unwrap().map(|(_, value)| value.tag()).collect();
    tags.sort_unstable();
    assert!(tags.into_iter().eq(0..300));
    assert_eq!(ledger.live(), 0);

    let never_written = CountedMap::default().snapshot();
    assert_eq!(never_written.try_into_iter().unwrap().len(), 0);
}

/// A snapshot of a generation that a fork used too keeps what the fork made and the map lost: see the commit's module.
fn a_snapshot_that_is_alone_drops_what_is_not_its_own() {
    let keys = u64::from(size());
    // The map loses it entry by entry, all at once, or with its own end.
    for loses in [CountedMap::clear, |map: &CountedMap| drop(map.take()), |_: &CountedMap| ()] {
        for removed in [0, keys / 2, keys] {
            let ledger = Ledger::new();
            let map = counted(ledger, 0..keys);
            let fork = map.fork();
            let snapshot = map.snapshot();
            put(&fork, ledger, keys / 2..keys * 2);
            map.try_commit(fork).expect("a map that was not written");
            (keys..keys + removed).for_each(|key| _ = map.handle().remove(&key));
            loses(&map);
            drop(map);
            let entries = snapshot.try_into_iter().expect("a snapshot that is alone");
            assert_eq!(entries.len() as u64, keys);
            assert_eq!(ledger.live() as u64, keys, "besides those of the snapshot");
            assert!(entries.map(|(key, value)| (key, value.tag())).all(|(key, tag)| key == tag));
            assert_eq!(ledger.live(), 0);
        }
    }
}
