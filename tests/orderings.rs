//! Programs of two or three threads, each about a few atomic words: what one thread did must be seen by another that
//! saw its effect, and by no other means than the library's own orderings.
//!
//! For Miri, which emulates weak memory and reports data races: `.ci/run miri`. `tests/planted/orderings` shows
//! that each ordering is needed: without it a program fails. They pass without Miri too, where they show little.

#[path = "common/tested.rs"]
mod tested;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;

use snaptrie::FixedState;
use tested::{Handle, Tested};

/// Twice the same number: a torn one is told.
type Twice = [u64; 2];

trait Map: Tested<Key = u64, Value = Twice, Hasher = FixedState> + Sync {}
impl<M: Tested<Key = u64, Value = Twice, Hasher = FixedState> + Sync> Map for M {}

const KEY: u64 = 0;
const OTHER: u64 = 1;

fn new<M: Map>() -> M {
    M::with_hasher(FixedState::with_seed(1))
}

/// Few steps under Miri, which runs many schedules of them.
const fn steps(miri: u64) -> u64 {
    if cfg!(miri) { miri } else { 50 * miri }
}

fn read(value: &Twice) -> u64 {
    assert_eq!(value[0], value[1], "a torn value");
    value[0]
}

/// Runs both at once. They wait for each other without being told what the other one did.
fn at_once(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    let begun = AtomicU64::new(0);
    let begun = &begun;
    let begin = || {
        begun.fetch_add(1, Relaxed);
        while begun.load(Relaxed) < 2 {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        scope.spawn(move || {
            begin();
            one();
        });
        scope.spawn(move || {
            begin();
            other();
        });
    });
}

/// Runs one, and the other when that is done, which tells it nothing else: so it may find every word as it ever was.
///
/// Each thread holds a guard. So no pin, which has a fence, comes between their steps.
fn one_by_one(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    let (map, done) = (snaptrie::TrieMap::<u8, u8>::new(), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _guard = map.pin();
            one();
            done.store(true, Relaxed);
        });
        scope.spawn(|| {
            let _guard = map.pin();
            while !done.load(Relaxed) {
                thread::yield_now();
            }
            other();
        });
    });
}

/// A slot is written again that was live in the state that a search began with.
fn a_replaced_key_is_found_and_whole<M: Map>() {
    let maps: [M; 6] = std::array::from_fn(|_| new());
    maps.iter().for_each(|map| _ = map.handle().insert(KEY, [0; 2]));
    let writer = || {
        for map in &maps {
            let handle = map.handle();
            handle.insert(KEY, [1; 2]);
            // Into the slot where the key was.
            handle.insert(OTHER, [2; 2]);
        }
    };
    let reader = || {
        for map in &maps {
            let handle = map.handle();
            let mut last = 0;
            for _ in 0..3 {
                let now = read(handle.get(&KEY).expect("a key that is there all the time"));
                assert!(last <= now && now <= 1, "an old value, or another key's");
                last = now;
            }
        }
    };
    one_by_one(writer, reader);
}

/// As above, by iterating.
fn a_replaced_key_is_iterated_over<M: Map>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let writer = || {
        let handle = map.handle();
        for number in 1..=steps(6) {
            handle.insert(KEY, [number; 2]);
            handle.insert(OTHER, [number; 2]);
            handle.remove(&OTHER);
        }
    };
    let reader = || {
        let handle = map.handle();
        let mut last = 0;
        for _ in 0..steps(5) {
            let mut found = handle.iter().filter(|(key, _)| **key == KEY);
            let now = read(found.next().expect("a key that is there all the time").1);
            assert!(now >= last && found.next().is_none());
            last = now;
        }
    };
    at_once(writer, reader);
}

/// A thread that sees the effect of an operation sees what was done before it.
fn an_insertion_tells_what_came_before<M: Map>() {
    let map: M = new();
    map.handle().insert(0, [0; 2]);
    let begun = AtomicU64::new(0);
    let writer = || {
        let handle = map.handle();
        for key in 1..=4 {
            begun.store(key, Relaxed);
            handle.insert(key, [key; 2]);
        }
    };
    let reader = || {
        let handle = map.handle();
        for key in (1..=4).flat_map(|key| (0..3).map(move |_| key)) {
            if handle.contains_key(&key) {
                assert!(begun.load(Relaxed) >= key, "found, and not what came before");
            }
        }
    };
    one_by_one(writer, reader);
}

fn a_removal_tells_what_came_before<M: Map>() {
    let map: M = new();
    (0..=4).for_each(|key| _ = map.handle().insert(key, [0; 2]));
    let begun = AtomicU64::new(0);
    let writer = || {
        let handle = map.handle();
        for key in 1..=4 {
            begun.store(key, Relaxed);
            handle.remove(&key);
        }
    };
    let reader = || {
        let handle = map.handle();
        for key in (1..=4).flat_map(|key| (0..3).map(move |_| key)) {
            if !handle.contains_key(&key) {
                assert!(begun.load(Relaxed) >= key, "missed, and not what came before");
            }
        }
    };
    one_by_one(writer, reader);
}

/// Versions are read while writers of their generation are late.
fn a_version_is_whole<M: Map>() {
    let map: M = new();
    for key in 0..2 {
        map.handle().insert(key, [0; 2]);
    }
    let writer = || {
        let handle = map.handle();
        for number in 1..=steps(6) {
            handle.insert(number % 2, [number; 2]);
        }
    };
    let reader = || {
        for _ in 0..steps(3) {
            let version = map.version();
            let all = || M::entries(&version).map(|(key, value)| (*key, read(value)));
            let (first, second): (Vec<_>, Vec<_>) = (all().collect(), all().collect());
            assert_eq!(first, second, "a version changed");
            assert_eq!(first.len(), 2);
        }
    };
    at_once(writer, reader);
}

/// A late writer publishes between the two looks of a reader at a bucket, of which the second freezes it.
#[cfg(snaptrie_stall)]
fn a_late_write_that_is_frozen_is_whole<M: Map>() {
    use std::cell::Cell;

    use snaptrie::stalls::set_hook;

    thread_local! {
        /// The point at which the thread goes on to the next step and waits for the one after that.
        static POINT: Cell<&'static str> = const { Cell::new("") };
    }
    static STEP: AtomicU64 = AtomicU64::new(0);
    const WRITTEN: u64 = 1;
    const SEEN: u64 = 2;
    const PUBLISHED: u64 = 3;

    // Relaxed: the steps happen in order, and tell nothing else.
    fn wait_for(step: u64) {
        while STEP.load(Relaxed) < step {
            thread::yield_now();
        }
    }
    set_hook(|name| {
        if POINT.get() == name {
            POINT.set("");
            let step = STEP.fetch_add(1, Relaxed) + 1;
            wait_for(step + 1);
        }
    });
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let writer = || {
        POINT.set("written slot");
        map.handle().insert(KEY, [1; 2]);
        assert_eq!(STEP.swap(PUBLISHED, Relaxed), SEEN);
    };
    let reader = || {
        wait_for(WRITTEN);
        // Below the next root the leaf is older. An iteration reads what its first look found.
        let _version = map.version();
        let handle = map.handle();
        POINT.set("seen bucket");
        assert_eq!(handle.iter().map(|(_, value)| read(value)).sum::<u64>(), 1);
    };
    at_once(writer, reader);
}

/// Nodes are built, published and replaced while another thread searches them.
fn what_was_there_is_found_while_a_map_grows<M: Map>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let writer = || {
        let handle = map.handle();
        for key in 1..=steps(8) {
            handle.insert(key, [key; 2]);
        }
    };
    let reader = || {
        let handle = map.handle();
        let mut seen = 0;
        for _ in 0..steps(4) {
            for key in 0..=seen {
                assert_eq!(read(handle.get(&key).expect("seen before")), key);
            }
            while handle.get(&(seen + 1)).is_some() {
                seen += 1;
            }
            seen = seen.min(8);
        }
    };
    at_once(writer, reader);
}

/// The first node of a map.
fn the_first_entry_of_a_map<M: Map>() {
    let map: M = new();
    let both = || {
        let handle = map.handle();
        handle.insert(KEY, [7; 2]);
        assert_eq!(read(handle.get(&KEY).expect("just inserted")), 7);
    };
    at_once(both, both);
}

/// A table moves, twice, while others search it and help.
fn what_was_there_is_found_while_a_table_moves<M: Map>() {
    let map: M = new();
    for key in 0..2 {
        map.handle().insert(key, [key; 2]);
    }
    let mover = || {
        map.reserve(600);
        map.reserve(1_200);
        map.handle().insert(KEY, [0; 2]);
    };
    let reader = || {
        let handle = map.handle();
        for round in 0..steps(4) {
            for key in 0..2 {
                assert_eq!(read(handle.get(&key).expect("moved, and not gone")), key);
            }
            // Helps to move.
            handle.insert(round % 2, [round % 2; 2]);
        }
    };
    thread::scope(|scope| {
        scope.spawn(mover);
        scope.spawn(reader);
        scope.spawn(reader);
    });
}

/// Entries are freed soon after they were replaced, while another thread reads them.
fn what_a_guard_has_seen_outlives_it<M: Map>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let writer = || {
        for number in 1..=steps(10) {
            map.handle().insert(KEY, [number; 2]);
        }
    };
    let reader = || {
        for _ in 0..steps(4) {
            let handle = map.handle();
            let value = handle.get(&KEY).expect("a key that is there all the time");
            let first = read(value);
            assert_eq!(read(value), first, "freed under a guard");
        }
    };
    at_once(writer, reader);
}

/// One thread reads, one moves the clock on, and one frees what the first has read.
fn the_clock_tells_of_guards_that_are_gone<M: Map>() {
    let (map, other): (M, M) = (new(), new());
    map.handle().insert(KEY, [0; 2]);
    other.handle().insert(KEY, [0; 2]);
    let reader = || {
        for _ in 0..steps(4) {
            let handle = map.handle();
            read(handle.get(&KEY).expect("a key that is there all the time"));
        }
    };
    let clock = || {
        for number in 0..steps(8) {
            other.handle().insert(KEY, [number; 2]);
        }
    };
    let writer = || {
        for number in 0..steps(8) {
            map.handle().insert(KEY, [number; 2]);
        }
    };
    thread::scope(|scope| {
        scope.spawn(reader);
        scope.spawn(clock);
        scope.spawn(writer);
    });
}

/// Threads come and go: each takes the place of one that has ended.
fn places_of_threads_change_hands<M: Map>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let begun = AtomicBool::new(false);
    let visit = || {
        let handle = map.handle();
        begun.store(true, Relaxed);
        read(handle.get(&KEY).expect("a key that is there all the time"));
        drop(handle);
        map.handle().insert(KEY, [1; 2]);
    };
    thread::scope(|scope| {
        scope.spawn(visit);
        scope.spawn(visit);
        // Not by joining them, which would tell this thread of all that they did.
        while !begun.load(Relaxed) {
            thread::yield_now();
        }
        (0..20).for_each(|_| thread::yield_now());
        scope.spawn(visit);
        visit();
    });
}

/// Garbage is put into a shard by one thread, and freed by another.
fn garbage_changes_hands<M: Map>() {
    let map: M = new();
    let writer = |key: u64| {
        for number in 0..steps(5) {
            map.handle().insert(key, [number; 2]);
        }
    };
    let sweeper = || {
        for _ in 0..steps(2) {
            map.flush();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| writer(KEY));
        scope.spawn(|| writer(OTHER));
        scope.spawn(sweeper);
    });
}

/// What a version alone still sees is put on its list by one thread, and freed by the one that drops it.
fn the_list_of_a_version_changes_hands<M: Map>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let writer = || {
        for number in 0..steps(4) {
            map.handle().insert(KEY, [number; 2]);
        }
    };
    let keeper = || {
        for _ in 0..steps(2) {
            let version = map.version();
            M::entries(&version).for_each(|(_, value)| _ = read(value));
        }
    };
    thread::scope(|scope| {
        scope.spawn(writer);
        scope.spawn(keeper);
        scope.spawn(keeper);
    });
}

/// As `what_a_guard_has_seen_outlives_it`, with one handle that begins anew.
fn what_a_handle_has_seen_outlives_its_refresh<M: Map>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let writer = || {
        for number in 1..=steps(10) {
            map.handle().insert(KEY, [number; 2]);
        }
    };
    let reader = || {
        let mut handle = map.handle();
        for _ in 0..steps(4) {
            read(handle.get(&KEY).expect("a key that is there all the time"));
            handle.refresh();
        }
    };
    at_once(writer, reader);
}

/// The map is gone: what two versions see is freed by the last of them, without guards.
fn versions_that_outlive_their_map<M: Map<Version: Send>>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let (one, other) = (map.version(), map.version());
    map.handle().insert(KEY, [1; 2]);
    drop(map);
    let end = |version: M::Version| {
        M::entries(&version).for_each(|(_, value)| _ = read(value));
        drop(version);
    };
    at_once(move || end(one), move || end(other));
}

/// The map goes on one thread, and what is left of it on another.
fn a_version_outlives_its_map<M: Map<Version: Send> + Send>() {
    let map: M = new();
    map.handle().insert(KEY, [0; 2]);
    let version = map.version();
    map.handle().insert(KEY, [1; 2]);
    map.handle().insert(OTHER, [1; 2]);
    let end = move || drop(map);
    let reader = move || {
        M::entries(&version).for_each(|(_, value)| _ = read(value));
        drop(version);
    };
    at_once(end, reader);
}

macro_rules! kinds {
    ($($kind:ident $Map:ident: $($(#[$on:meta])* $name:ident)*;)*) => { $(
        mod $kind {
            type Map = snaptrie::$Map<u64, super::Twice, super::FixedState>;
            $(
                #[test]
                $(#[$on])*
                fn $name() {
                    super::$name::<Map>();
                }
            )*
        }
    )* };
}

kinds! {
    trie TrieMap:
        a_replaced_key_is_found_and_whole
        a_replaced_key_is_iterated_over
        an_insertion_tells_what_came_before
        a_removal_tells_what_came_before
        a_version_is_whole
        what_was_there_is_found_while_a_map_grows
        the_first_entry_of_a_map
        what_a_guard_has_seen_outlives_it
        the_clock_tells_of_guards_that_are_gone
        places_of_threads_change_hands
        garbage_changes_hands
        the_list_of_a_version_changes_hands
        what_a_handle_has_seen_outlives_its_refresh
        versions_that_outlive_their_map
        #[cfg(snaptrie_stall)]
        a_late_write_that_is_frozen_is_whole
        a_version_outlives_its_map;
    copy_trie CopyTrieMap:
        a_replaced_key_is_found_and_whole
        a_replaced_key_is_iterated_over
        a_removal_tells_what_came_before
        a_version_is_whole
        what_was_there_is_found_while_a_map_grows;
    flat FlatMap:
        what_was_there_is_found_while_a_map_grows
        the_first_entry_of_a_map
        what_was_there_is_found_while_a_table_moves;
    copy_flat CopyFlatMap:
        what_was_there_is_found_while_a_table_moves;
}
