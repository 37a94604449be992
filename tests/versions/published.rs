//! Published versions.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use snaptrie::{Published, TrieMap};

use crate::support::{Counted, Ledger, PATIENCE, Tested, finish, panics, watched};

type Map = TrieMap<u64, u64>;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

#[test]
fn versions_only_go_forward() {
    let map = Map::from([(0, 0)]);
    let published = Published::new(map.snapshot());
    let mut views = Vec::new();
    for round in 1..10 {
        map.handle().insert(0, round);
        views.push(map.snapshot());
    }
    assert!(published.publish(views[5].clone()));
    assert!(!published.publish(views[3].clone()) && !published.publish(views[5].clone()));
    assert_eq!(published.load()[&0], 6);
    assert!(published.publish(map.snapshot()));
    assert_eq!(published.load()[&0], 9);
    assert!(!published.publish(map.snapshot()), "nothing was written");
    finish(map);
}

/// Wakes a count, and then panics.
struct Loud(Arc<Count>);

impl Wake for Loud {
    fn wake(self: Arc<Self>) {
        self.0.0.fetch_add(1, SeqCst);
        panic!("in a waker");
    }
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_waking() {
    let map = Map::from([(0, 0)]);
    let published = Published::new(map.snapshot());
    let count = Arc::new(Count::default());
    let mut newer: Vec<_> =
        (0..3).map(|_| Box::pin(published.newer_than(published.load().generation()))).collect();
    for (index, newer) in newer.iter_mut().enumerate() {
        let waker = match index {
            1 => Waker::from(Arc::new(Loud(count.clone()))),
            _ => Waker::from(count.clone()),
        };
        assert!(newer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    map.handle().insert(0, 1);
    assert!(panics(|| _ = published.publish(map.snapshot())), "the panic is not lost");
    assert_eq!(count.0.load(SeqCst), 3);
    assert_eq!(published.load()[&0], 1, "nor the version");
}

#[test]
fn other_maps_are_refused() {
    let (map, other) = (Map::from([(0, 0)]), Map::from([(0, 0)]));
    let published = Published::new(map.snapshot());
    assert!(panics(|| _ = published.publish(other.snapshot())));
    assert!(panics(|| _ = published.publish(map.fork().snapshot())));
    // Never written: any map may be the one.
    let published = Published::new(Map::new().snapshot());
    assert!(!published.publish(Map::new().snapshot()));
    assert!(published.publish(map.snapshot()));
    assert!(panics(|| _ = published.publish(other.snapshot())));
    // A commit is a version as any other.
    map.commit_with(|fork| _ = fork.handle().insert(1, 1));
    assert!(published.publish(map.snapshot()));
    assert_eq!(published.load().len(), 2);
}

/// Several publishers and readers: no reader ever sees an older version after a newer one.
#[test]
fn racing_publishers_never_go_back() {
    let map = Map::from([(0, 0)]);
    let published = Published::new(map.snapshot());
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let mut count = 0;
                    for _ in 0..2_000 {
                        map.handle().update(0, |value| value + 1);
                        count += u64::from(published.publish(map.snapshot()));
                    }
                    count
                })
            })
            .collect();
        for _ in 0..2 {
            scope.spawn(|| {
                let mut reader = published.reader();
                let mut before = (0, 0);
                while !done.load(SeqCst) {
                    let view = reader.latest();
                    let now = (view.generation(), view[&0]);
                    assert!(before <= now && before.1 <= now.1, "{before:?} and then {now:?}");
                    before = now;
                    let view = published.load();
                    let now = (view.generation(), view[&0]);
                    assert!(before <= now && before.1 <= now.1, "{before:?} and then {now:?}");
                    before = now;
                }
            });
        }
        let published: u64 = publishers.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(published > 0);
        done.store(true, SeqCst);
    });
    published.publish(map.snapshot());
    assert_eq!(published.load()[&0], 4_000);
    finish(map);
}

#[test]
fn publishers_count_writes() {
    let map = Map::new();
    let published = Published::new(map.snapshot());
    assert!(panics(|| drop(published.publisher(&map, 0))));
    let publisher = published.publisher(&map, 10);
    let mut seen = Vec::new();
    for key in 0..35 {
        publisher.map().handle().insert(key, key);
        publisher.wrote(1);
        seen.push(published.load().len());
    }
    seen.dedup();
    assert_eq!(seen, [0, 10, 20, 30]);
    publisher.wrote(25);
    assert_eq!(published.load().len(), 35);
    publisher.map().handle().insert(35, 35);
    publisher.wrote(1);
    drop(publisher);
    assert_eq!(published.load().len(), 36);
}

#[test]
fn who_waits_is_woken_once_by_each_version() {
    let map = Map::from([(0, 0)]);
    let published = Published::new(map.snapshot());
    let seen = published.load().generation();
    let counts: [Arc<Count>; 3] = std::array::from_fn(|_| Arc::default());
    let [first, second, gone] = counts.each_ref().map(|count| Waker::from(Arc::clone(count)));
    let mut waits = pin!(published.newer_than(seen));
    assert!(waits.as_mut().poll(&mut Context::from_waker(&first)).is_pending());
    // Another waker, for the same future: the first is forgotten.
    assert!(waits.as_mut().poll(&mut Context::from_waker(&second)).is_pending());
    {
        let mut cancelled = pin!(published.newer_than(seen));
        assert!(cancelled.as_mut().poll(&mut Context::from_waker(&gone)).is_pending());
    }
    assert!(!published.publish(map.snapshot()));
    map.handle().insert(0, 1);
    assert!(published.publish(map.snapshot()));
    assert!(published.publish({
        map.handle().insert(0, 2);
        map.snapshot()
    }));
    assert_eq!(counts.each_ref().map(|count| count.0.load(SeqCst)), [0, 1, 0]);
    let Poll::Ready(view) = waits.poll(&mut Context::from_waker(&first)) else {
        panic!("is there")
    };
    assert_eq!(view[&0], 2, "the latest, and not each");
    assert_eq!(counts.map(|count| Arc::strong_count(&count)), [2, 2, 2], "a waker is kept");
}

#[test]
fn waiting_ends_in_time() {
    let map = Map::from([(0, 0)]);
    let published = Published::new(map.snapshot());
    let seen = published.load().generation();
    assert!(published.wait_newer_than(seen, Duration::from_millis(5)).is_none());
    assert!(published.wait_newer_than(seen, Duration::ZERO).is_none());
    assert!(published.wait_newer_than(seen - 1, Duration::ZERO).is_some());
}

/// Waiters and a publisher in many short rounds: none of them sleeps through a version.
#[test]
fn no_wake_up_is_lost() {
    watched(|| {
        const ROUNDS: u64 = 3_000;
        let map = Map::from([(0, 0)]);
        let published = Published::new(map.snapshot());
        thread::scope(|scope| {
            let waiters: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let mut seen = 0;
                        let mut last = 0;
                        while last < ROUNDS {
                            let view = published.wait_newer_than(seen, PATIENCE).unwrap();
                            assert!(view.generation() > seen && view[&0] >= last);
                            (seen, last) = (view.generation(), view[&0]);
                        }
                    })
                })
                .collect();
            for round in 1..=ROUNDS {
                map.handle().insert(0, round);
                assert!(published.publish(map.snapshot()));
            }
            waiters.into_iter().for_each(|waiter| waiter.join().unwrap());
        });
    });
}

#[test]
fn a_refresher_publishes_until_it_is_dropped() {
    let map = Arc::new(Map::from([(0, 0)]));
    let published = Arc::new(Published::new(map.snapshot()));
    let refresher = published.refresh_every(&map, Duration::from_millis(1));
    let mut seen = published.load().generation();
    for round in 1..4 {
        map.handle().insert(0, round);
        loop {
            let view = published.wait_newer_than(seen, PATIENCE).expect("it publishes");
            seen = view.generation();
            if view[&0] == round {
                break;
            }
        }
    }
    drop(refresher);
    assert_eq!((Arc::strong_count(&map), Arc::strong_count(&published)), (1, 1));
    map.handle().insert(0, 9);
    assert!(published.wait_newer_than(seen, Duration::from_millis(20)).is_none());
}

#[test]
fn what_nobody_reads_any_more_is_dropped() {
    let ledger = Ledger::new();
    let map = TrieMap::<u64, Counted>::with_private_collector(Default::default());
    let published = Published::new(map.snapshot());
    for round in 0..10 {
        (0..10).for_each(|key| _ = map.handle().insert(key, ledger.make(round)));
        published.publish(map.snapshot());
    }
    let held = published.load();
    (0..10).for_each(|key| _ = map.handle().insert(key, ledger.make(10)));
    published.publish(map.snapshot());
    let mut refreshes = 0;
    while ledger.live() > 20 && refreshes < 200 {
        map.handle().refresh();
        refreshes += 1;
    }
    assert_eq!((ledger.live(), held[&0].tag()), (20, 9));
    drop(held);
    drop(map);
    assert_eq!(ledger.live(), 10);
    drop(published);
    assert_eq!(ledger.live(), 0);
}
