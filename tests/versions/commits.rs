//! Commits of forks: what is in the map afterwards, and why they are refused.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

use snaptrie::CommitFailure;

use super::diffs::{content, size};
use crate::support::{
    Numbers, Tested, finish, over_hashers, panic_on_purpose, panics, sort, sorted, verify,
};

over_hashers!(
    commits_match_a_model,
    a_map_that_was_written_refuses,
    snapshots_meanwhile_are_no_writes,
    forks_with_snapshots_are_refused,
    forks_of_other_maps_are_refused,
    commits_to_maps_that_are_empty,
    a_fork_that_was_emptied,
    commit_with_begins_anew,
    transfers_between_threads,
);

type Map = super::Map<u32, u32>;

fn commits_match_a_model() {
    for seed in 0..6 {
        let mut numbers = Numbers(seed);
        let map = Map::default();
        let mut model = BTreeMap::new();
        let mut views = Vec::new();
        for round in 0..30 {
            let fork = map.fork();
            let mut changed = model.clone();
            let count = [0, 1, 30, 900][numbers.below(4)].min(size() as usize / 3);
            for _ in 0..count {
                let key = numbers.below(size() as usize) as u32;
                if numbers.below(3) == 0 {
                    fork.handle().remove(&key);
                    changed.remove(&key);
                } else {
                    fork.handle().insert(key, round);
                    changed.insert(key, round);
                }
                // The fork's generations run ahead of the map's.
                if numbers.below(40) == 0 {
                    drop(fork.snapshot());
                }
            }
            match numbers.below(10) {
                0 => {
                    fork.handle().retain(|key, _| key % 40 == 0);
                    changed.retain(|key, _| key % 40 == 0);
                }
                1 => {
                    fork.clear();
                    changed.clear();
                }
                _ => {}
            }
            // The map's too.
            for _ in 0..numbers.below(4) {
                views.push((map.snapshot(), model.clone()));
            }
            let conflict = numbers.below(4) == 0;
            if conflict {
                map.handle().insert(size(), round);
                model.insert(size(), round);
            }
            match map.try_commit(fork) {
                Ok(()) => model = changed,
                Err(error) => {
                    assert!(error.is_conflict());
                    assert_eq!(content(&error.fork.snapshot()), changed);
                    finish(error.fork);
                }
            }
            verify(&map);
            assert_eq!(sorted(&map), sort(model.iter().map(|(key, value)| (*key, *value))));
            views.push((map.snapshot(), model.clone()));
            while views.len() > 6 {
                views.swap_remove(numbers.below(views.len()));
            }
            assert!(views.iter().all(|(view, model)| content(view) == *model));
        }
        finish(map);
        assert!(views.iter().all(|(view, model)| content(view) == *model));
    }
}

fn a_map_that_was_written_refuses() {
    let writes: [fn(&Map); 6] = [
        |map| _ = map.handle().insert(1, 9),
        |map| _ = map.handle().insert(1, 1),
        |map| _ = map.handle().remove(&1),
        |map| map.clear(),
        |map| drop(map.take()),
        |map| map.commit_with(|fork| _ = fork.handle().insert(2, 0)),
    ];
    for write in writes {
        let map: Map = (0..size()).map(|key| (key, key)).collect();
        let fork = map.fork();
        fork.handle().insert(0, 0);
        write(&map);
        let error = map.try_commit(fork).unwrap_err();
        assert_eq!(error.failure, CommitFailure::Conflict);
        assert_eq!(error.to_string(), "the map was written since the fork was taken");
        finish(map);
    }
}

fn snapshots_meanwhile_are_no_writes() {
    let map: Map = (0..100).map(|key| (key, key)).collect();
    let fork = map.fork();
    fork.handle().insert(0, 7);
    let views: Vec<_> = (0..5).map(|_| map.snapshot()).collect();
    let other = map.fork();
    assert_eq!(map.handle().get(&0), Some(&0));
    assert_eq!(map.handle().remove(&1_000), None);
    map.try_commit(fork).unwrap();
    assert_eq!((map.handle()[&0], map.len()), (7, 100));
    let newest = map.snapshot();
    for view in &views {
        assert_eq!(view[&0], 0);
        assert!(view.generation() < newest.generation());
        assert_eq!(view.diff(&newest).count(), 1);
    }
    assert!(map.try_commit(other).unwrap_err().is_conflict());
    finish(map);
}

fn forks_with_snapshots_are_refused() {
    let map: Map = (0..100).map(|key| (key, key)).collect();
    let fork = map.fork();
    fork.handle().insert(0, 7);
    let view = fork.snapshot();
    let error = map.try_commit(fork).unwrap_err();
    assert_eq!(error.failure, CommitFailure::Shared);
    drop(view);
    let deeper = error.fork.fork();
    let error = map.try_commit(error.fork).unwrap_err();
    assert_eq!(error.failure, CommitFailure::Shared);
    drop(deeper);
    map.try_commit(error.fork).unwrap();
    assert_eq!(map.handle()[&0], 7);
    assert!(panics(|| drop(map.commit_with(Map::snapshot))));
    assert_eq!(map.len(), 100);
    finish(map);
}

fn forks_of_other_maps_are_refused() {
    let fill = || -> Map { (0..100).map(|key| (key, key)).collect() };
    let (map, other) = (fill(), fill());
    let unrelated = |fork: Map| {
        let error = map.try_commit(fork).unwrap_err();
        assert_eq!(error.failure, CommitFailure::Unrelated);
    };
    unrelated(other.fork());
    unrelated(fill());
    unrelated(Map::default());
    // A fork of a fork is one of the fork's.
    let fork = map.fork();
    unrelated(fork.fork());
    fork.try_commit(fork.fork()).unwrap();
    map.try_commit(fork).unwrap();
    finish(map);
    assert_eq!(
        Map::default().try_commit(fill()).unwrap_err().failure,
        CommitFailure::Unrelated,
        "to a map that was never written"
    );
}

fn commits_to_maps_that_are_empty() {
    // Never written.
    let map = Map::default();
    map.commit_with(|fork| _ = fork.handle().insert(1, 1));
    assert_eq!(sorted(&map), [(1, 1)]);
    // Emptied.
    map.clear();
    let fork = map.fork();
    for key in 0..size() {
        fork.handle().insert(key, key);
    }
    // Written and emptied again: the map is as the fork found it.
    map.handle().insert(1, 1);
    map.handle().remove(&1);
    map.try_commit(fork).unwrap();
    assert_eq!(map.len(), size() as usize);
    // Not empty any more.
    let fork = Map::default().fork();
    assert!(map.try_commit(fork).is_err());
    finish(map);
}

fn a_fork_that_was_emptied() {
    for clear in [true, false] {
        let map: Map = (0..size()).map(|key| (key, key)).collect();
        let view = map.snapshot();
        map.commit_with(
            |fork| if clear { fork.clear() } else { fork.handle().retain(|_, _| false) },
        );
        assert!(map.is_empty());
        verify(&map);
        map.handle().insert(1, 1);
        assert_eq!(view.len(), size() as usize);
        finish(map);
    }
    // Counting began anew in the fork, and goes on in the map.
    let map: Map = (0..size()).map(|key| (key, key)).collect();
    map.commit_with(|fork| {
        fork.clear();
        fork.handle().insert(1, 1);
    });
    assert_eq!(map.len(), 1);
    finish(map);
}

fn commit_with_begins_anew() {
    let map: Map = [(1, 1)].into_iter().collect();
    let mut rounds = 0;
    let seen = map.commit_with(|fork| {
        rounds += 1;
        if rounds < 4 {
            map.handle().insert(1, rounds * 10);
        }
        let seen = fork.handle()[&1];
        fork.handle().insert(2, seen);
        seen
    });
    assert_eq!((rounds, seen), (4, 30));
    assert_eq!(sorted(&map), [(1, 30), (2, 30)]);
    assert!(panics(|| map.commit_with(|fork| {
        fork.handle().insert(3, 3);
        panic_on_purpose(1);
    })));
    assert_eq!(sorted(&map), [(1, 30), (2, 30)]);
    finish(map);
}

/// Threads move amounts between accounts; whoever looks sees no amount under way.
fn transfers_between_threads() {
    let map: Map = (0..8).map(|key| (key, 100)).collect();
    let done = AtomicBool::new(false);
    let total = |map: &Map| map.snapshot().values().sum::<u32>();
    thread::scope(|scope| {
        let movers: Vec<_> = (0..3)
            .map(|seed| {
                let map = &map;
                scope.spawn(move || {
                    let mut numbers = Numbers(seed);
                    for _ in 0..300 {
                        let (from, to) = (numbers.below(8) as u32, numbers.below(8) as u32);
                        map.commit_with(|fork| {
                            let fork = fork.handle();
                            let amount = fork[&from].min(7);
                            fork.insert(from, fork[&from] - amount);
                            fork.insert(to, fork[&to] + amount);
                        });
                    }
                })
            })
            .collect();
        let watcher = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(SeqCst) || looks == 0 {
                assert_eq!(total(&map), 800);
                looks += 1;
            }
        });
        movers.into_iter().for_each(|mover| mover.join().unwrap());
        done.store(true, SeqCst);
        watcher.join().unwrap();
    });
    assert_eq!(total(&map), 800);
    finish(map);
}
