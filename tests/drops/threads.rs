//! Drops on other threads, at the end of threads, and of what several threads share.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;

use snaptrie::FixedState;

use super::{AnyMap, Map};
use crate::support::{
    Chosen, Counted, Ledger, Numbers, Tested, catch, one_at_a_time, over_hashers, refresh_until,
};

over_hashers!(
    garbage_of_threads_that_ended,
    maps_that_move_to_other_threads,
    the_last_owner_may_be_any_thread,
    thousands_of_short_threads,
);

pub(super) type CountedMap = Map<u64, Counted>;

pub(super) fn churn(map: &CountedMap, ledger: Ledger, seed: u64, steps: usize) {
    let mut numbers = Numbers(seed);
    for _ in 0..steps {
        let key = numbers.below(100) as u64;
        match numbers.below(8) {
            0..5 => _ = map.pin().insert(key, ledger.make(key)),
            5 => _ = map.pin().remove(&key),
            6 => {
                let version = map.version();
                let mut entries = CountedMap::entries(&version);
                assert!(entries.all(|(key, value)| *key == value.tag()));
            }
            _ => assert!(map.pin().get(&key).is_none_or(|value| value.tag() == key)),
        }
    }
}

fn garbage_of_threads_that_ended() {
    let _turn = one_at_a_time();
    let ledger = Ledger::new();
    let map = CountedMap::default();
    for round in 0..10 {
        thread::scope(|scope| {
            for id in 0..4 {
                let map = &map;
                scope.spawn(move || churn(map, ledger, round * 4 + id, 500));
            }
        });
    }
    let wanted = map.len();
    assert!(refresh_until(&map, 10_000, || ledger.live() == wanted), "{}", ledger.live());
    drop(map);
    assert_eq!(ledger.live(), 0);
}

fn maps_that_move_to_other_threads() {
    let ledger = Ledger::new();
    let mut map = CountedMap::default();
    for id in 0..50 {
        map = thread::spawn(move || {
            churn(&map, ledger, id, 200);
            map
        })
        .join()
        .unwrap();
    }
    let version = map.version();
    map.clear();
    thread::spawn(move || drop(map)).join().unwrap();
    assert_eq!(ledger.live(), CountedMap::entries(&version).count());
    thread::spawn(move || drop(version)).join().unwrap();
    assert_eq!(ledger.live(), 0);
}

fn the_last_owner_may_be_any_thread() {
    for round in 0..50 {
        let ledger = Ledger::new();
        let map = Arc::new(CountedMap::default());
        let threads: Vec<_> = (0..4)
            .map(|id| {
                let map = Arc::clone(&map);
                thread::spawn(move || churn(&map, ledger, round * 4 + id, 100))
            })
            .collect();
        drop(map);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(ledger.live(), 0);
    }
}

fn thousands_of_short_threads() {
    let ledger = Ledger::new();
    let map = CountedMap::default();
    for batch in 0..200 {
        thread::scope(|scope| {
            for id in 0..10 {
                let map = &map;
                scope.spawn(move || churn(map, ledger, batch * 10 + id, 5));
            }
        });
    }
    drop(map);
    assert_eq!(ledger.live(), 0);
}

type Task = Box<dyn FnOnce() + Send>;

/// Runs a task when its thread ends.
struct AtExit(RefCell<Option<Task>>);

impl Drop for AtExit {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|run| run());
    }
}

fn use_everything(map: &AnyMap<u64, Counted, FixedState>, ledger: Ledger) {
    map.clear();
    for key in 0..300 {
        map.pin().insert(key, ledger.make(key));
    }
    let _version = map.version();
    map.pin().retain(|key, _| key % 2 == 0);
    let clone = map.clone();
    let _taken = map.take();
    for key in 0..300 {
        clone.pin().update_or_insert_with(key, |_| ledger.make(0), || ledger.make(1));
        map.pin().refresh();
    }
    assert_eq!((map.len(), clone.len()), (0, 300));
    map.pin().insert(1_000, ledger.make(1_000));
}

/// Destructors of thread-locals run in some order: the map's own thread-locals may be gone already
/// or not. So once with the destructor registered before the map is first used, and once after.
#[test]
fn in_destructors_of_thread_locals() {
    thread_local! {
        static EARLY: AtExit = const { AtExit(RefCell::new(None)) };
        static LATE: AtExit = const { AtExit(RefCell::new(None)) };
    }
    for (early, late) in [(true, false), (false, true), (true, true)] {
        let ledger = Ledger::new();
        let map = Arc::new(AnyMap::with_hasher(FixedState::default()));
        let succeeded = Arc::new(AtomicUsize::new(0));
        let body = || -> Task {
            let (map, succeeded) = (Arc::clone(&map), Arc::clone(&succeeded));
            Box::new(move || {
                // A panic here would abort the process.
                let result = catch(|| use_everything(&map, ledger));
                succeeded.fetch_add(usize::from(result.is_ok()), SeqCst);
            })
        };
        let (at_first, at_last) = (early.then(body), late.then(body));
        let shared = Arc::clone(&map);
        let thread = thread::spawn(move || {
            EARLY.with(|exit| *exit.0.borrow_mut() = at_first);
            shared.pin().insert(0, ledger.make(0));
            LATE.with(|exit| *exit.0.borrow_mut() = at_last);
        });
        thread.join().unwrap();
        assert_eq!(succeeded.load(SeqCst), usize::from(early) + usize::from(late));
        assert_eq!(map.len(), 1);
        drop(map);
        assert_eq!(ledger.live(), 0);
    }
}

#[test]
fn maps_in_thread_locals() {
    thread_local! {
        static MAP: RefCell<Option<CountedMap>> = const { RefCell::new(None) };
    }
    let ledger = Ledger::new();
    let threads: Vec<_> = (0..10)
        .map(|id| {
            thread::spawn(move || {
                let map = CountedMap::with_hasher(Chosen::Good);
                churn(&map, ledger, id, 500);
                MAP.set(Some(map));
                MAP.with_borrow(|map| churn(map.as_ref().unwrap(), ledger, id + 1, 500));
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(ledger.live(), 0);
}

/// A map in a static, of which every value is gone once it was cleared and refreshed.
#[test]
fn maps_in_statics() {
    static MAP: CountedMap = AnyMap::with_hasher(Chosen::Good);
    let _turn = one_at_a_time();
    let ledger = Ledger::new();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> =
            (0..3).map(|id| scope.spawn(move || churn(&MAP, ledger, id, 2_000))).collect();
        scope.spawn(|| {
            while !done.load(SeqCst) {
                assert!(MAP.pin().iter().all(|(key, value)| *key == value.tag()));
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, SeqCst);
    });
    MAP.clear();
    assert!(refresh_until(&MAP, 10_000, || ledger.live() == 0), "{}", ledger.live());
}
