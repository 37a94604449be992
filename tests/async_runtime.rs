//! Maps, snapshots and published versions in tasks of a work-stealing runtime.
#![cfg(not(any(miri, shuttle)))]

use std::collections::HashSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::ThreadId;
use std::time::Duration;

use snaptrie::{OwnedDiff, Published, Snapshot, TrieMap};
use tokio::task::{JoinSet, yield_now};

type Map = TrieMap<u64, u64>;

const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test on a runtime of several threads, with a limit.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(PATIENCE, test).await.expect("tasks that hang");
    });
}

/// Iterations that wander from thread to thread while the map is written see one instant.
#[test]
fn snapshots_are_iterated_across_awaits() {
    run(async {
        let mut rounds = 0..100;
        while !iterate_in_tasks().await {
            assert!(rounds.next().is_some(), "no task ever went on in another thread");
        }
    });
}

/// Returns whether an iteration went on in another thread than it began in.
async fn iterate_in_tasks() -> bool {
    let map: Arc<Map> = Arc::new((0..1_000).map(|key| (key, 1)).collect());
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let view = map.snapshot();
        let expected: u64 = view.values().sum();
        tasks.spawn(async move {
            let (mut sum, mut threads) = (0, HashSet::<ThreadId>::new());
            for entry in view {
                sum += *entry.value();
                yield_now().await;
                threads.insert(std::thread::current().id());
            }
            assert_eq!(sum, expected, "a snapshot changed");
            threads.len() > 1
        });
        let map = Arc::clone(&map);
        tasks.spawn(async move {
            for key in 0..1_000 {
                map.pin().insert(key * 3 % 2_000, key);
                if key % 16 == 0 {
                    yield_now().await;
                }
            }
            false
        });
    }
    tasks.join_all().await.contains(&true)
}

/// A borrowing iterator is fine too, where its snapshot is in the same task.
#[test]
fn borrowing_iterators_live_across_awaits() {
    run(async {
        let map: Map = (0..1_000).map(|key| (key, key)).collect();
        let (view, flat) = (map.snapshot(), map.snapshot().to_flat());
        let task = tokio::spawn(async move {
            let mut count = 0;
            for (key, value) in &view {
                yield_now().await;
                assert_eq!(flat.pin().get(key), Some(value));
                count += 1;
            }
            count
        });
        map.clear();
        assert_eq!(task.await.unwrap(), 1_000);
    });
}

/// Replicas that wait for versions and apply the differences end up as the map.
#[test]
fn watchers_follow_a_map() {
    const LAST: u64 = u64::MAX;
    async fn follow(published: Arc<Published<u64, u64>>, mut seen: Snapshot<u64, u64>) -> Map {
        let replica: Map = seen.iter().map(|(key, value)| (*key, *value)).collect();
        while !seen.contains_key(&LAST) {
            let now = published.newer_than(seen.generation()).await;
            assert!(now.generation() > seen.generation(), "versions only go forward");
            replica.apply(seen.diff(&now).collect::<OwnedDiff<_, _>>());
            seen = now;
        }
        replica
    }
    run(async {
        let map = Arc::new(Map::new());
        let published = Arc::new(Published::new(map.snapshot()));
        let mut followers = JoinSet::new();
        for _ in 0..5 {
            followers.spawn(follow(Arc::clone(&published), published.load().clone()));
        }
        let mut writers = JoinSet::new();
        for writer in 0..3 {
            let (map, published) = (Arc::clone(&map), Arc::clone(&published));
            writers.spawn(async move {
                for round in 0..500 {
                    map.pin().insert(writer * 100 + round % 50, round);
                    map.pin().remove(&(writer * 100 + round * 7 % 50));
                    published.publish(map.snapshot());
                    yield_now().await;
                }
            });
        }
        writers.join_all().await;
        map.pin().insert(LAST, 0);
        assert!(published.publish(map.snapshot()));
        for replica in followers.join_all().await {
            assert_eq!(replica, *map);
        }
    });
}

/// A task that stops waiting is forgotten, and keeps no other from being woken.
#[test]
fn waiting_can_be_cancelled() {
    run(async {
        let map = Map::from([(0, 0)]);
        let published = Arc::new(Published::new(map.snapshot()));
        let seen = published.load().generation();
        for _ in 0..100 {
            let next = published.newer_than(seen);
            assert!(tokio::time::timeout(Duration::from_micros(10), next).await.is_err());
        }
        let waiter = Arc::clone(&published);
        let stays = tokio::spawn(async move { waiter.newer_than(seen).await.len() });
        yield_now().await;
        let waiter = Arc::clone(&published);
        let goes = tokio::spawn(async move { waiter.newer_than(seen).await.len() });
        yield_now().await;
        goes.abort();
        assert!(goes.await.is_err());
        map.pin().insert(1, 1);
        published.publish(map.snapshot());
        assert_eq!(stays.await.unwrap(), 2);
    });
}

/// Commits from many tasks, with forks that are worked on across awaits.
#[test]
fn commits_from_tasks_lose_nothing() {
    run(async {
        let map = Arc::new(Map::from([(0, 0)]));
        let conflicts = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for task in 1..=4 {
            let (map, conflicts) = (Arc::clone(&map), Arc::clone(&conflicts));
            tasks.spawn(async move {
                let mut done = 0;
                while done < 50 {
                    let fork = map.fork();
                    let before = *fork.pin().get(&0).unwrap();
                    yield_now().await;
                    fork.pin().insert(0, before + 1);
                    fork.pin().insert(task * 1_000 + done, before);
                    match map.try_commit(fork) {
                        Ok(()) => done += 1,
                        Err(error) => {
                            assert!(error.is_conflict());
                            conflicts.fetch_add(1, Relaxed);
                        }
                    }
                }
            });
        }
        tasks.join_all().await;
        assert_eq!((map.pin()[&0], map.len()), (200, 201));
    });
}
