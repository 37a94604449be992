//! Where snapshots and their entries may live: in futures, on other threads, over borrowed data.

use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use snaptrie::{FixedState, Snapshot, TrieMap};

use super::Map;
use crate::support::{Chosen, finish, over_hashers, sort};

over_hashers!(
    snapshots_may_borrow,
    snapshots_may_stay_on_their_thread,
    entries_go_to_other_threads,
    a_future_that_holds_a_snapshot_is_send,
    snapshots_cross_a_caught_panic,
    snapshots_of_maps_of_maps,
);

fn snapshots_may_borrow() {
    let text = "the cat and the dog".to_string();
    let cells: Vec<Cell<u32>> = text.split(' ').map(|_| Cell::new(0)).collect();
    let map = Map::<&str, &Cell<u32>>::default();
    for (word, cell) in text.split(' ').zip(&cells) {
        let pinned = map.pin();
        let counter = pinned.get_or_insert(word, cell);
        counter.set(counter.get() + 1);
    }
    let snapshot = map.snapshot();
    map.clear();
    drop(map);
    let counts = sort(snapshot.iter().map(|(word, counter)| (*word, counter.get())));
    assert_eq!(counts, [("and", 1), ("cat", 1), ("dog", 1), ("the", 2)]);
}

fn snapshots_may_stay_on_their_thread() {
    use std::rc::Rc;
    let map = Map::<u32, Rc<u32>>::default();
    let value = Rc::new(7);
    for key in 0..100 {
        map.pin().insert(key, Rc::clone(&value));
    }
    let snapshot = map.snapshot();
    let fork = map.fork();
    fork.pin().retain(|key, _| key % 2 == 0);
    map.clear();
    assert!(snapshot.values().all(|value| **value == 7));
    drop((map, snapshot));
    assert_eq!((fork.len(), Rc::strong_count(&value)), (50, 101));
    drop(fork);
    assert_eq!(Rc::strong_count(&value), 1);
}

fn entries_go_to_other_threads() {
    let map: Map<u32, String> = (0..200).map(|key| (key, key.to_string())).collect();
    let mut entries = map.snapshot().into_iter();
    let first: Vec<_> = entries.by_ref().take(100).collect();
    drop(map);
    let there = thread::spawn(move || first.into_iter().map(|entry| *entry.key()).collect());
    let iterating = thread::spawn(move || entries.map(|entry| entry.value().len()).sum::<usize>());
    let keys: Vec<u32> = there.join().unwrap();
    let digits: usize = keys.iter().map(|key| key.to_string().len()).sum();
    assert_eq!(iterating.join().unwrap() + digits, 10 + 2 * 90 + 3 * 100);
}

/// Pending once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Polls a future to its end, each time on another thread.
fn run<T: Send>(mut future: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> (T, u32) {
    let mut polls = 0;
    loop {
        polls += 1;
        let poll = || future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        if let Poll::Ready(result) = thread::scope(|scope| scope.spawn(poll).join().unwrap()) {
            return (result, polls);
        }
    }
}

fn a_future_that_holds_a_snapshot_is_send() {
    let map: Arc<Map<u32, u32>> = Arc::new((0..20).map(|key| (key, key)).collect());
    let by_reference = async {
        let snapshot = map.snapshot();
        let mut sum = 0;
        for (key, value) in &snapshot {
            map.pin().remove(key);
            Yield(false).await;
            sum += value;
        }
        sum
    };
    assert_eq!(run(Box::pin(by_reference)), (190, 21));
    assert!(map.is_empty());

    map.pin().insert(1, 1);
    map.pin().insert(2, 2);
    let by_value = async {
        let entries = map.take().into_iter();
        let mut sum = 0;
        for entry in entries {
            Yield(false).await;
            sum += entry.value() + *entry.key();
        }
        sum
    };
    assert_eq!(run(Box::pin(by_value)), (6, 3));
}

fn snapshots_cross_a_caught_panic() {
    let map: Map<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let snapshot = map.snapshot();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let pinned = map.pin();
        let held = pinned.iter().zip(&snapshot).nth(50);
        pinned.insert(1_000, 1_000);
        assert!(held.is_none(), "on purpose");
    }));
    assert!(result.is_err());
    assert_eq!((map.len(), snapshot.len()), (101, 100));
    finish(map);
}

fn snapshots_of_maps_of_maps() {
    let map = Map::<u32, Map<u32, u32>>::default();
    for key in 0..50 {
        map.pin().insert(key, (0..key).map(|i| (i, key)).collect());
    }
    // A snapshot freezes which maps there are, not what they hold.
    let snapshot = map.snapshot();
    map.pin()[&10].clear();
    assert_eq!((snapshot[&10].len(), snapshot[&20].len()), (0, 20));
    // A map may hold snapshots of others.
    let history = Map::<u32, Snapshot<u32, u32, Chosen>>::default();
    for key in 0..50 {
        history.pin().insert(key, map.pin()[&key].snapshot());
    }
    map.clear();
    drop((map, snapshot));
    let sizes = history.pin().iter().map(|(_, snapshot)| snapshot.len()).collect::<Vec<_>>();
    assert_eq!(sort(sizes), sort((0..50).map(|key| if key == 10 { 0 } else { key })));
    finish(history);
}

#[test]
fn a_snapshot_does_not_freeze_the_inside_of_values() {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
    let map = TrieMap::with_hasher(FixedState::default());
    map.pin().insert("counter", AtomicU32::new(1));
    let snapshot = map.snapshot();
    map.pin()["counter"].store(2, Relaxed);
    assert_eq!(snapshot["counter"].load(Relaxed), 2);
    map.pin().insert("counter", AtomicU32::new(3));
    assert_eq!(snapshot["counter"].load(Relaxed), 2);
}
