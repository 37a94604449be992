//! The core protocol under a model checker, one test an interleaving.
//!
//! Runs under `RUSTFLAGS="--cfg shuttle" cargo test --release --test models`. Each test is run thousands of times under
//! random schedules that may switch threads at every shared access of the library. In this build buckets have three
//! slots and leaves one or two buckets, so that spilling and growth are near, and every map has a collector of its own
//! whose garbage dies as soon as it may.
//!
//! `SNAPTRIE_MODEL_RUNS` sets the number of schedules a test. Of the tests whose name begins with `all` every
//! schedule of few preemptions is run ([`schedules`]), for two threads.
//!
//! Bugs of other tries of this kind, and what finds them here (`tests/planted/run` plants two of the worst):
//!
//! | bug | found by |
//! |---|---|
//! | 1. generations that compare equal | [`writer_against_renewal`], [`snapshots_held_while_all_is_overwritten`]; `check_structure` compares births |
//! | 2. a snapshot's commit that is not atomic | [`snapshot_against_snapshot`], [`two_snapshots_of_one_generation_keep_what_either_sees`] |
//! | 3. a snapshot that shares what changes later | [`late_writer_against_snapshot`], and [`read`], which reads each twice; planted: `no_freeze` |
//! | 4. a descent that goes on with a stale generation | [`writer_against_renewal`], [`fork_and_original_write_the_same_shared_nodes`] |
//! | 5. an iterator that skips what is being removed | [`read`]: look-ups and iteration must agree, in every model with snapshots |
//! | 6. snapshot, size or iterator of more than one instant | [`random_programs_in_one_bucket_are_linearizable`] and its like, [`take_splits_writes_at_one_instant`] |
//! | 7. get-or-insert in two steps | [`two_writers_of_one_absent_key_find_each_other`]; planted: `no_claim` |
//! | 8. `retain` removes what replaced the tested value | `bad_input.rs`: `p16_retain_spares_what_replaced_the_tested_value` |
//! | 9. views of keys and values that read the live map | `api/snapshot_iterators.rs`; the op `FrozenWalk` in `model.rs` and in the fuzz targets |
//! | 10. splitting an iterator among collisions | `parallel.rs` |
//! | 11. another equality among collisions | `model.rs`, `conformance.rs` and `api.rs` with a constant hash |
//! | 12. the last bit of a bitmap, the order of children | `bad_input.rs`: `p06_colliding_hashes`; `over_hashers!` |
//! | 13. an update of a child that its parent loses | [`writer_against_growth`], [`writer_against_burst_and_collapse`] |
//! | 14. snapshots that are declared broken | `linearizability.rs` |
//! | 15. a test of growing snapshots whose result is thrown away | `conformance/ctries.rs`: `snapshot_grows_while_the_map_does` |
#![cfg(shuttle)]

mod linear;
mod schedules;
#[path = "common/tested.rs"]
mod tested;

/// The tests for every kind of trie, by kind: one body, compiled for each; and those about panics, for one.
#[allow(clippy::duplicate_mod, reason = "one body for all kinds of map")]
mod models {
    mod inline;
    pub(crate) mod items;
    mod panics;
    mod streams;
    pub(crate) mod trie;
}

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use linear::{Clock, Event, KEYS, Numbered, Op, Output, State, assert_linearizable};
use models::items::{Constant, FewBits, Good, Item, Plain, Value, any_programs};
use models::trie::World;
use schedules::{explore, runs};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use snaptrie::mode::Place;
use snaptrie::{CopyTrieMap, Snapshot, TrieMap};
use tested::Tested;

type Map<H> = TrieMap<u8, Value, BuildHasherDefault<H>>;

/// A kind of trie.
trait Kind: Sized + 'static {
    type Value: Item;
    type Map<H: Default + Hasher + 'static>: Tested<Key = u8, Value = Self::Value, Hasher = BuildHasherDefault<H>>;

    /// What is in a version of the map.
    fn read<H: Default + Hasher + 'static>(version: &<Self::Map<H> as Tested>::Version) -> State;

    /// Checks the structure, and returns the number of registered snapshots.
    fn check<H: Default + Hasher + 'static>(map: &Self::Map<H>) -> usize;
}

enum Boxed {}

impl Kind for Boxed {
    type Value = Value;
    type Map<H: Default + Hasher + 'static> = TrieMap<u8, Value, BuildHasherDefault<H>>;

    fn read<H: Default + Hasher + 'static>(version: &<Self::Map<H> as Tested>::Version) -> State {
        read(version)
    }

    fn check<H: Default + Hasher + 'static>(map: &Self::Map<H>) -> usize {
        map.check_structure().snapshots
    }
}

enum Inline {}

impl Kind for Inline {
    type Value = Plain;
    type Map<H: Default + Hasher + 'static> = CopyTrieMap<u8, Plain, BuildHasherDefault<H>>;

    fn read<H: Default + Hasher + 'static>(version: &<Self::Map<H> as Tested>::Version) -> State {
        read(version)
    }

    fn check<H: Default + Hasher + 'static>(map: &Self::Map<H>) -> usize {
        map.check_structure().snapshots
    }
}

/// A map, the count of its live values, and the clock of its history.
struct AnyWorld<H: Default + Hasher + 'static, K: Kind> {
    map: K::Map<H>,
    live: Arc<AtomicIsize>,
    clock: Clock,
}

impl<H: Default + Hasher + 'static, K: Kind> AnyWorld<H, K>
where
    Self: Send + Sync,
{
    fn new() -> Arc<Self> {
        let map = K::Map::with_private_collector(BuildHasherDefault::default());
        Arc::new(Self { map, live: Arc::default(), clock: Clock::default() })
    }

    fn value(&self, number: u16) -> K::Value {
        K::Value::make(number, &self.live)
    }

    fn run(&self, op: Op) -> Event {
        let pinned = self.map.handle();
        let read = |version| Output::Whole(K::read::<H>(&version));
        match op {
            Op::Snapshot => self.clock.record(op, || self.map.version(), read),
            Op::Fork => {
                let fork = || self.map.fork().expect("a map with versions has forks");
                self.clock.record(op, fork, |fork| read(fork.version()))
            }
            Op::Take => self.clock.record(op, || self.map.take(), read),
            _ => linear::perform(&self.clock, &pinned, op, |key| key, |new| self.value(new)),
        }
    }

    /// Runs one program a thread, and checks the history, the structure and the drops.
    fn check(self: Arc<Self>, before: &[Op], programs: Vec<Vec<Op>>) {
        let mut history: Vec<Event> = before.iter().map(|&op| self.run(op)).collect();
        history.extend(self.run_all(programs));
        self.finish(history);
    }

    /// Runs one program a thread.
    fn run_all(self: &Arc<Self>, programs: Vec<Vec<Op>>) -> Vec<Event> {
        let threads: Vec<_> = programs
            .into_iter()
            .map(|program| {
                let world = Arc::clone(self);
                thread::spawn(move || {
                    program.into_iter().map(|op| world.run(op)).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    }

    /// Checks a history, the structure and the drops.
    fn finish(self: Arc<Self>, mut history: Vec<Event>) {
        history.push(self.run(Op::Snapshot));
        history.extend((0..KEYS as u8).map(|key| self.run(Op::Get(key))));
        assert_linearizable(&history);
        self.check_alone();
    }
}

/// Reads a view key by key or all keys together, by iteration, and both ways again: all must agree.
fn read<H: Default + Hasher, V: Item, M: Place<u8, V>>(
    view: &Snapshot<u8, V, BuildHasherDefault<H>, M>,
) -> State {
    let by_key = || -> State { std::array::from_fn(|key| view.get(&(key as u8)).map(V::number)) };
    let together = || -> State {
        let keys: [u8; KEYS] = std::array::from_fn(|key| key as u8);
        let values: Vec<_> = view.get_many(&keys).map(|value| value.map(V::number)).collect();
        values.try_into().expect("a result for each key")
    };
    let first = if thread_rng().gen_ratio(1, 2) { by_key() } else { together() };
    let mut iterated = State::default();
    for (&key, value) in view {
        if (key as usize) < KEYS {
            assert!(iterated[key as usize].replace(value.number()).is_none(), "a key twice");
        }
    }
    assert_eq!(first, iterated, "lookup and iteration differ");
    assert_eq!((first, first), (by_key(), together()), "a snapshot changed");
    first
}

/// For tests of few steps in which one thread must stall at one place while others run far: many
/// schedules with one or two switches.
fn explore_stalls(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_pct(move || test(), runs() * 4, 2);
    shuttle::check_pct(move || again(), runs() * 4, 3);
}

#[test]
fn writer_against_burst_and_collapse() {
    explore(|| {
        let world = World::<Good>::new();
        for key in 10..17 {
            world.map.pin().insert(key, world.value(0));
        }
        let other = Arc::clone(&world);
        // Fills the branch until it bursts, and empties it until the fan collapses.
        let filler = thread::spawn(move || {
            for key in 17..22 {
                other.map.pin().insert(key, other.value(0));
            }
            for key in 10..22 {
                other.map.pin().remove(&key);
            }
        });
        let mine = Arc::clone(&world);
        let writer = thread::spawn(move || {
            [Op::Insert(0, 1), Op::Insert(1, 2), Op::Get(0), Op::Remove(0), Op::Insert(2, 3)]
                .map(|op| mine.run(op))
        });
        let mut history = writer.join().unwrap().to_vec();
        filler.join().unwrap();
        history.push(world.run(Op::Snapshot));
        assert_linearizable(&history);
        world.check_alone();
    });
}

impl<H: Default + Hasher + 'static, K: Kind> AnyWorld<H, K> {
    /// Checks structure and drops when all threads are done.
    fn check_alone(self: Arc<Self>) {
        assert_eq!(K::check(&self.map), 0, "records of snapshots that are gone");
        let live = Arc::clone(&self.live);
        drop(Arc::into_inner(self).unwrap());
        assert_eq!(live.load(Ordering::SeqCst), 0, "values that were never dropped");
        assert_eq!(snaptrie::nodes::count(), 0, "nodes that were never freed");
    }
}

#[test]
fn snapshot_against_snapshot() {
    explore(|| {
        let programs = vec![
            vec![Op::Snapshot, Op::Snapshot],
            vec![Op::Snapshot, Op::Insert(2, 1)],
            vec![Op::Insert(0, 1), Op::Insert(1, 1), Op::Insert(0, 2)],
        ];
        World::<FewBits>::new().check(&[], programs);
    });
}

#[test]
fn snapshots_held_while_all_is_overwritten() {
    explore(|| {
        let world = World::<Good>::new();
        let all = |view: &Snapshot<u8, Value, BuildHasherDefault<Good>>| -> Vec<u16> {
            (0..6).map(|key| view.get(&key).unwrap().number()).collect()
        };
        for key in 0..6 {
            world.map.pin().insert(key, world.value(0));
        }
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    if thread < 2 {
                        return Some(world.map.snapshot());
                    }
                    for key in 0..6 {
                        world.map.pin().insert(key, world.value(1));
                        world.map.pin().refresh();
                    }
                    None
                })
            })
            .collect();
        let views: Vec<_> =
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect();
        // Everything that may go has gone.
        (0..3).for_each(|_| world.map.pin().refresh());
        for view in &views {
            let numbers = all(view);
            assert!(numbers.is_sorted_by(|earlier, later| earlier >= later), "{numbers:?}");
            assert_eq!(
                view.iter().map(|(_, value)| value.number()).sum::<u16>(),
                numbers.iter().sum()
            );
        }
        drop(views);
        world.check_alone();
    });
}

/// Overwrites a key, and lets everything go that may: a few epochs for each batch of garbage that
/// stands before it.
fn overwrite_and_refresh(world: &World<Good>, number: u16) {
    world.map.pin().insert(0, world.value(number));
    (0..12).for_each(|_| world.map.pin().refresh());
}

#[test]
fn a_snapshot_that_stalls_at_any_step_keeps_what_it_sees() {
    explore_stalls(|| {
        let world = World::<Good>::new();
        world.map.pin().insert(0, world.value(1));
        let other = Arc::clone(&world);
        let snapshot = thread::spawn(move || other.map.snapshot());
        overwrite_and_refresh(&world, 2);
        let view = snapshot.join().unwrap();
        overwrite_and_refresh(&world, 3);
        assert!(view.get(&0).unwrap().number() <= 2);
        drop(view);
        world.check_alone();
    });
}

#[test]
fn two_snapshots_of_one_generation_keep_what_either_sees() {
    explore_stalls(|| {
        let world = World::<Good>::new();
        world.map.pin().insert(0, world.value(1));
        let snapshots = [Arc::clone(&world), Arc::clone(&world)]
            .map(|world| thread::spawn(move || world.map.snapshot()));
        overwrite_and_refresh(&world, 2);
        let views = snapshots.map(|snapshot| snapshot.join().unwrap());
        overwrite_and_refresh(&world, 3);
        assert!(views.iter().all(|view| view.get(&0).unwrap().number() <= 2));
        drop(views);
        world.check_alone();
    });
}

#[test]
fn a_snapshot_that_stalls_while_another_of_its_generation_comes_and_goes() {
    explore_stalls(|| {
        let world = World::<Good>::new();
        world.map.pin().insert(0, world.value(1));
        let other = Arc::clone(&world);
        let stalls = thread::spawn(move || other.map.snapshot());
        let comes = world.map.snapshot();
        world.map.pin().insert(0, world.value(2));
        drop(comes);
        let view = stalls.join().unwrap();
        overwrite_and_refresh(&world, 3);
        assert!(view.get(&0).unwrap().number() <= 2);
        drop(view);
        world.check_alone();
    });
}

#[test]
fn three_snapshots_and_two_writes() {
    explore_stalls(|| {
        let world = World::<Good>::new();
        world.map.pin().insert(0, world.value(1));
        let stalls = Arc::clone(&world);
        let first = thread::spawn(move || stalls.map.snapshot());
        let second = world.map.snapshot();
        overwrite_and_refresh(&world, 2);
        let third = world.map.snapshot();
        overwrite_and_refresh(&world, 3);
        let first = first.join().unwrap();
        overwrite_and_refresh(&world, 4);
        assert_eq!(second.get(&0).unwrap().number(), 1);
        assert_eq!(third.get(&0).unwrap().number(), 2);
        assert!(first.get(&0).unwrap().number() <= 3);
        drop((second, first));
        (0..4).for_each(|_| world.map.pin().refresh());
        assert_eq!(third.get(&0).unwrap().number(), 2);
        drop(third);
        world.check_alone();
    });
}

#[test]
fn a_late_writer_is_in_the_snapshot_only_if_nobody_saw_otherwise() {
    explore_stalls(|| {
        let world = World::<Good>::new();
        world.map.pin().insert(0, world.value(1));
        let late = Arc::clone(&world);
        let writer = thread::spawn(move || late.map.pin().insert(0, late.value(2)).is_some());
        let view = world.map.snapshot();
        // Each of these reads an older generation; the snapshot came before all of them.
        let mut refused = 0;
        world.map.pin().remove_if(&0, |_, value| {
            refused = value.number();
            false
        });
        let kept = world.map.pin().get_or_insert_with(0, || world.value(9)).number();
        writer.join().unwrap();
        let frozen = view.get(&0).unwrap().number();
        assert!(refused <= kept, "{refused} and then {kept}");
        assert!(frozen <= refused, "the snapshot has {frozen}, a later read {refused}");
        drop(view);
        world.check_alone();
    });
}

#[test]
fn retire_against_the_drop_of_a_snapshot() {
    explore(|| {
        let world = World::<Good>::new();
        for key in 0..8 {
            world.map.pin().insert(key, world.value(1));
        }
        let (older, newer) = (world.map.snapshot(), {
            world.map.pin().insert(0, world.value(2));
            world.map.snapshot()
        });
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                for key in 0..4 {
                    world.map.pin().insert(key, world.value(3));
                }
                world.map.pin().remove(&7);
            })
        };
        let dropper = thread::spawn(move || drop(newer));
        assert_eq!(older.iter().filter(|(_, value)| value.number() == 1).count(), 8);
        dropper.join().unwrap();
        assert_eq!(older.iter().filter(|(_, value)| value.number() == 1).count(), 8);
        writer.join().unwrap();
        assert_eq!(older.get(&7).unwrap().number(), 1);
        drop(older);
        world.check_alone();
    });
}

#[test]
fn flush_against_a_writer_and_the_drop_of_a_snapshot() {
    explore(|| {
        let world = World::<Good>::new();
        for key in 0..4 {
            world.map.pin().insert(key, world.value(1));
        }
        let (older, newer) = (world.map.snapshot(), {
            world.map.pin().insert(0, world.value(2));
            world.map.snapshot()
        });
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            (0..4).for_each(|key| _ = other.map.pin().insert(key, other.value(3)));
            other.map.pin().remove(&3);
        });
        let dropper = thread::spawn(move || drop(newer));
        world.map.flush();
        assert_eq!(older.iter().filter(|(_, value)| value.number() == 1).count(), 4);
        writer.join().unwrap();
        dropper.join().unwrap();
        assert!(world.map.flush(), "garbage is left");
        // Three in the map and four in the snapshot.
        assert_eq!(world.live.load(Ordering::SeqCst), 7);
        drop(older);
        assert!(world.map.flush(), "garbage is left");
        assert_eq!(world.live.load(Ordering::SeqCst), 3);
        world.check_alone();
    });
}

#[test]
fn map_and_snapshots_are_dropped_at_once() {
    explore(|| {
        let world = World::<Good>::new();
        for key in 0..6 {
            world.map.pin().insert(key, world.value(1));
        }
        let (live, first) = (Arc::clone(&world.live), world.map.snapshot());
        world.map.pin().insert(0, world.value(2));
        let (second, taken) = (world.map.snapshot(), world.map.take());
        let fork = first.fork();
        fork.pin().insert(1, world.value(4));
        let threads = [
            thread::spawn(move || drop(world)),
            thread::spawn(move || drop(first)),
            thread::spawn(move || drop((second, taken))),
            thread::spawn(move || drop(fork)),
        ];
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(live.load(Ordering::SeqCst), 0, "values that were never dropped");
    });
}

#[test]
fn fork_and_original_write_the_same_shared_nodes() {
    explore(|| {
        let world = World::<Good>::new();
        for key in 0..8 {
            world.map.pin().insert(key, world.value(1));
        }
        let fork = Arc::new(world.map.fork());
        let (live, original) = (Arc::clone(&world.live), Arc::clone(&world));
        let writer = thread::spawn(move || {
            for key in 0..4 {
                original.map.pin().insert(key, original.value(2));
                assert_eq!(original.map.pin().get(&key).unwrap().number(), 2);
            }
        });
        for key in 2..6 {
            fork.pin().insert(key, world.value(3));
            assert_eq!(fork.pin().get(&key).unwrap().number(), 3);
        }
        writer.join().unwrap();
        let numbers = |map: &Map<Good>| -> Vec<u16> {
            (0..8).map(|key| map.pin().get(&key).unwrap().number()).collect()
        };
        assert_eq!(numbers(&world.map), [2, 2, 2, 2, 1, 1, 1, 1]);
        assert_eq!(numbers(&fork), [1, 1, 3, 3, 3, 3, 1, 1]);
        drop(world);
        assert_eq!(numbers(&fork), [1, 1, 3, 3, 3, 3, 1, 1]);
        drop(fork);
        assert_eq!(live.load(Ordering::SeqCst), 0, "values that were never dropped");
    });
}

/// Any program of two to four threads.
fn random_programs() -> Vec<Vec<Op>> {
    any_programs(5, |rng, key, value| match rng.gen_range(0..16) {
        0..=3 => Op::Insert(key, value),
        4 => Op::GetOrInsert(key, value),
        5 => Op::Remove(key),
        6 => Op::Get(key),
        7 => Op::GetMany(key),
        8 => Op::Update(key, 100),
        9 => Op::UpdateOrInsert(key, value),
        10 => Op::Flip(key, value),
        11 => Op::RemoveOdd(key),
        12 | 13 => Op::Snapshot,
        14 => Op::Fork,
        _ => Op::Take,
    })
}
