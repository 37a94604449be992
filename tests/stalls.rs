//! Threads that stall forever in the middle of an operation: all others go on.
//!
//! The library has named stall points between the steps of its operations, which are nothing in
//! ordinary builds. For each of them one thread works until it comes to the point and is parked there
//! for good; then other threads do every kind of operation on the same map, and must finish and find
//! what they wrote. A point that no thread comes to fails the test.
//!
//! In other tests the thread goes on once the others have changed everything, and must not undo it.
//!
//! Runs by `tests/planted/stalls`, which builds with `--cfg snaptrie_stall`.
#![cfg(snaptrie_stall)]

#[path = "support/hashers.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod hashers;
#[path = "common/tested.rs"]
mod tested;

use std::cell::Cell;
use std::iter::once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hashers::Chosen;
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, Operation, TrieMap, stalls};
use tested::{Handle, Tested};

/// How long an operation that must not wait may take on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Points of reclamation.
const RECLAIM: &[&str] = &[
    "unpublished pin",
    "fenced clock",
    "scanned participants",
    "busy shard",
    "sealed bag",
    "swept shard",
    "taken garbage",
];

/// Points of trees, in any map.
const TREE: &[&str] = &[
    "claimed bucket",
    "written slot",
    "seen bucket",
    "frozen bucket",
    "frozen fan",
    "unpublished copy",
    "published copy",
    "unpublished collision node",
];

/// Points of snapshots.
const TRIE: &[&str] =
    &["registered snapshot", "frozen root", "emptied root", "closed list", "withdrawn snapshot"];

/// Points of moves.
const FLAT: &[&str] = &[
    "unpublished directory",
    "frozen unit",
    "frozen entries",
    "unpublished successor",
    "filled unit",
    "moved directory",
];

thread_local! {
    /// Where this thread stalls, and how often it passes the point before.
    static STALLS_AT: Cell<Option<(&'static str, u32)>> = const { Cell::new(None) };
    static STALLED: Cell<Option<&'static Stall>> = const { Cell::new(None) };
}

/// A thread that stalls.
#[derive(Default)]
struct Stall {
    /// Whether it is there.
    reached: AtomicBool,
    /// Whether it may go on.
    over: AtomicBool,
}

impl Stall {
    /// Waits until the thread is at its point. Returns false if it ended without coming there.
    fn wait_for(&self, thread: &JoinHandle<()>) -> bool {
        while !self.reached.load(Ordering::SeqCst) {
            if thread.is_finished() {
                return false;
            }
            thread::sleep(Duration::from_micros(100));
        }
        true
    }

    fn end(&self, thread: &JoinHandle<()>) {
        self.over.store(true, Ordering::SeqCst);
        thread.thread().unpark();
    }
}

fn hook(point: &'static str) {
    let Some((mine, passes)) = STALLS_AT.get().filter(|(mine, _)| *mine == point) else { return };
    if passes > 0 {
        return STALLS_AT.set(Some((mine, passes - 1)));
    }
    STALLS_AT.set(None);
    let stall = STALLED.get().expect("a thread that says where it stalls");
    stall.reached.store(true, Ordering::SeqCst);
    while !stall.over.load(Ordering::SeqCst) {
        thread::park();
    }
}

/// A thread that stalls at a point, when it has passed it so often.
fn stalling(
    point: &'static str,
    passes: u32,
    program: impl FnOnce() + Send + 'static,
) -> (&'static Stall, JoinHandle<()>) {
    stalls::set_hook(hook);
    let stall: &'static Stall = Box::leak(Box::default());
    let thread = thread::spawn(move || {
        STALLED.set(Some(stall));
        STALLS_AT.set(Some((point, passes)));
        program();
    });
    (stall, thread)
}

/// A map under test.
trait Subject: Tested<Key = u64, Value = u64, Hasher = Chosen> + Send + Sync + 'static {}
impl<M: Tested<Key = u64, Value = u64, Hasher = Chosen> + Send + Sync + 'static> Subject for M {}

/// How many keys a thread uses: fewer where all are in one collision node, and more than a leaf has
/// room for.
fn keys<M: Subject>(hashing: Chosen) -> u64 {
    match hashing {
        Chosen::Good => 1_200,
        Chosen::Constant => 80,
        Chosen::Truncated => 300,
    }
}

/// Does something with each of the keys, through one handle: beside a thread that stalls, what each handle
/// registers with the collector is never freed.
fn each<M: Subject>(
    map: &M,
    keys: impl Iterator<Item = u64>,
    mut change: impl FnMut(&M::Handle<'_>, u64),
) {
    let mut pinned = map.handle();
    for key in keys {
        change(&pinned, key);
        pinned.refresh();
    }
}

fn put<M: Subject>(map: &M, keys: impl Iterator<Item = u64>, value: u64) {
    each(map, keys, |pinned, key| _ = pinned.insert(key, value));
}

fn remove<M: Subject>(map: &M, keys: impl Iterator<Item = u64>) {
    each(map, keys, |pinned, key| _ = pinned.remove(&key));
}

/// Everything that a map can do, over and over, with keys from `first` on.
fn churn<M: Subject>(map: &M, first: u64, keys: u64, rounds: u64) {
    for round in 0..rounds {
        let range = first..first + keys;
        put(map, range.clone(), round);
        let version = map.version();
        each(map, range.clone(), |pinned, key| {
            pinned.insert(key, round);
            pinned.update(key, |value| value + 1);
            pinned.compute(key, |_| Operation::<u64, ()>::Insert(round));
        });
        drop(version);
        let fork = map.fork();
        remove(map, range.clone().step_by(2));
        drop(fork);
        remove(map, range);
        map.shrink_to_fit();
        map.handle().refresh();
        if round % 2 == 1 {
            drop(map.take());
        }
    }
}

/// Every kind of operation, with keys that no other thread uses. Finds what it wrote.
fn work<M: Subject>(map: &M, first: u64, keys: u64) {
    let range = || first..first + keys;
    each(map, range(), |pinned, key| {
        pinned.insert(key, key);
        assert_eq!(pinned.get(&key), Some(&key));
    });
    let (version, fork) = (map.version(), map.fork());
    each(map, range(), |pinned, key| {
        assert_eq!(*pinned.get_or_insert(key, 0), key);
        assert_eq!(pinned.update(key, |value| value + 1), Some(&(key + 1)));
        assert!(pinned.try_insert(key, 0).is_err());
        assert_eq!(pinned.remove_if(&key, |key, _| key % 2 == 0).is_some(), key % 2 == 0);
    });
    assert_eq!(
        map.handle().get_many(&range().collect::<Vec<_>>()).flatten().count() as u64,
        keys / 2
    );
    let mine = |entries: &mut dyn Iterator<Item = (u64, u64)>| {
        entries.filter(|(key, value)| range().contains(key) && key == value).count() as u64
    };
    if M::VERSIONS {
        assert_eq!(mine(&mut M::entries(&version).map(|(key, value)| (*key, *value))), keys);
    }
    if let Some(fork) = fork {
        assert_eq!(mine(&mut fork.handle().iter().map(|(key, value)| (*key, *value))), keys);
        remove(&fork, range());
        assert_eq!(fork.handle().get(&first), None);
    }
    assert_eq!(map.handle().keys().filter(|key| range().contains(key)).count() as u64, keys / 2);
    map.handle().retain(|key, _| !range().contains(key));
    assert_eq!(map.handle().keys().filter(|key| range().contains(key)).count(), 0);
    map.reserve(100);
    map.shrink_to_fit();
    drop(version);
}

/// Lets a thread stall at a point, and others work. Returns whether the point was reached.
fn stall<M: Subject>(point: &'static str, passes: u32, hashing: Chosen, room: usize) -> bool {
    let map: Arc<M> = Arc::new(M::with_private_collector(hashing));
    map.reserve(room);
    // What stands by when the thread stalls, and no one touches.
    put(&*map, 0..keys::<M>(hashing) / 4, 0);
    let (victims_map, keys) = (Arc::clone(&map), keys::<M>(hashing));
    // Ends if the point is not reached.
    let (stall, victim) = stalling(point, passes, move || churn(&*victims_map, 10_000, keys, 4));
    if !stall.wait_for(&victim) {
        victim.join().expect("a thread that passes its point");
        return false;
    }

    let (done, finished) = channel();
    let both = Arc::new(Barrier::new(2));
    for thread in 0..2 {
        let (map, done, both) = (Arc::clone(&map), done.clone(), Arc::clone(&both));
        thread::spawn(move || {
            work(&*map, 20_000 + 10_000 * thread, keys);
            both.wait();
            // From here on anybody may empty the map.
            churn(&*map, 20_000, keys, 2);
            drop(map.take());
            map.clear();
            done.send(()).expect("a test that waits");
        });
    }
    drop(done);
    (0..2).for_each(|_| wait(&finished, point));
    // The stalled thread has its share of the map: it is never dropped.
    true
}

fn wait(finished: &Receiver<()>, point: &str) {
    match finished.recv_timeout(PATIENCE) {
        Ok(()) => {}
        Err(RecvTimeoutError::Timeout) => panic!("a thread waits for one that stalls at {point}"),
        Err(RecvTimeoutError::Disconnected) => panic!("failed beside one that stalls at {point}"),
    }
}

/// Tries each point with each hasher, in some ways. Asserts that a thread comes to each point.
fn try_all<W: Copy>(
    points: &[&'static str],
    ways: &[W],
    reaches: impl Fn(&'static str, Chosen, W) -> bool,
) {
    for &point in points {
        let mut reached = 0;
        for hashing in [Chosen::Good, Chosen::Truncated, Chosen::Constant] {
            for &way in ways {
                reached += u32::from(reaches(point, hashing, way));
            }
        }
        assert!(reached > 0, "no thread came to {point}");
    }
}

/// The first time that a point is reached, and some later time.
fn stall_at_all<M: Subject>(points: &[&'static str]) {
    // With room for many, bad hashes fill one part of a flat table while the rest is empty.
    let ways = [(0, 0), (0, if M::VERSIONS { 0 } else { 20_000 }), (3, 0)];
    try_all(points, &ways, |point, hashing, (passes, room)| {
        stall::<M>(point, passes, hashing, room)
    });
}

#[test]
fn a_thread_that_stalls_in_a_trie_stops_nobody() {
    [RECLAIM, TREE, TRIE].into_iter().for_each(stall_at_all::<TrieMap<u64, u64, Chosen>>);
}

#[test]
fn a_thread_that_stalls_in_an_inline_trie_stops_nobody() {
    [RECLAIM, TREE, TRIE].into_iter().for_each(stall_at_all::<CopyTrieMap<u64, u64, Chosen>>);
}

#[test]
fn a_thread_that_stalls_in_a_flat_map_stops_nobody() {
    [RECLAIM, TREE, FLAT].into_iter().for_each(stall_at_all::<FlatMap<u64, u64, Chosen>>);
}

#[test]
fn a_thread_that_stalls_in_an_inline_flat_map_stops_nobody() {
    [RECLAIM, TREE, FLAT].into_iter().for_each(stall_at_all::<CopyFlatMap<u64, u64, Chosen>>);
}

#[test]
fn a_point_that_does_not_exist_is_not_reached() {
    assert!(!stall::<TrieMap<u64, u64, Chosen>>("nowhere", 0, Chosen::Truncated, 0));
}

/// Lets a thread stall at a point while another removes everything that was there, and go on then. Returns whether the
/// point was reached.
fn go_on_late<M: Subject>(point: &'static str, hashing: Chosen, takes: bool) -> bool {
    let map: Arc<M> = Arc::new(M::with_private_collector(hashing));
    let keys = keys::<M>(hashing);
    put(&*map, 0..keys, 0);
    let victims_map = Arc::clone(&map);
    let (stall, victim) = stalling(point, 0, move || {
        let map = &*victims_map;
        // A move, before which nothing is written; no later one makes the table smaller.
        map.reserve(20_000);
        put(map, 10_000..10_000 + keys, 0);
        let version = map.version();
        remove(map, (10_000..10_000 + keys).step_by(2));
        drop(version);
        if takes {
            drop(map.take());
            put(map, once(30_000).chain(10_000..10_000 + keys), 0);
        }
        remove(map, 10_000..10_000 + keys);
        (0..20).for_each(|_| map.handle().refresh());
    });
    let reached = stall.wait_for(&victim);
    if reached {
        remove(&*map, 0..keys);
        put(&*map, 20_000..20_000 + keys, 0);
        let version = map.version();
        remove(&*map, 20_000..20_000 + keys);
        drop(version);
        // Iterations skip the words of an empty table.
        put(&*map, once(30_000), 0);
        let is_other = |key: &u64| !(10_000..10_000 + keys).contains(key);
        let others: Vec<_> = map.handle().keys().copied().filter(is_other).collect();
        assert_eq!(others, [30_000], "beside one that stalls at {point}");
    }
    stall.end(&victim);
    victim.join().expect("a thread that goes on");
    if reached {
        let left: Vec<_> = map.handle().keys().copied().collect();
        assert_eq!(left, [30_000], "after one that stalled at {point} went on");
    }
    map.check();
    reached
}

fn go_on_late_at_all<M: Subject>(points: &[&'static str]) {
    try_all(points, &[false, true], go_on_late::<M>);
}

#[test]
fn a_late_thread_undoes_nothing_in_a_trie() {
    [RECLAIM, TREE, TRIE].into_iter().for_each(go_on_late_at_all::<TrieMap<u64, u64, Chosen>>);
}

#[test]
fn a_late_thread_undoes_nothing_in_an_inline_trie() {
    [RECLAIM, TREE, TRIE].into_iter().for_each(go_on_late_at_all::<CopyTrieMap<u64, u64, Chosen>>);
}

#[test]
fn a_late_thread_undoes_nothing_in_a_flat_map() {
    [RECLAIM, TREE, FLAT].into_iter().for_each(go_on_late_at_all::<FlatMap<u64, u64, Chosen>>);
}

#[test]
fn a_late_thread_undoes_nothing_in_an_inline_flat_map() {
    [RECLAIM, TREE, FLAT].into_iter().for_each(go_on_late_at_all::<CopyFlatMap<u64, u64, Chosen>>);
}
