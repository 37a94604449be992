//! The core protocol under a model checker, one test an interleaving.
//!
//! Runs under `RUSTFLAGS="--cfg shuttle" cargo test --release --test models`. Each test is run
//! thousands of times under random schedules that may switch threads at every shared access of the
//! library. In this build groups have two or three slots, so that growth and bursts are near, and
//! every map has an epoch collector of its own whose garbage dies as soon as it may.
//!
//! `SNAPTRIE_MODEL_RUNS` sets the number of schedules a test.
#![cfg(shuttle)]

mod linear;

use std::collections::hash_map::DefaultHasher;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use linear::{Clock, Event, KEYS, Op, Output, State, assert_linearizable};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use snaptrie::{Snapshot, TrieMap};

/// Few bits, so that keys meet in one group; deep tries come from the constant hash.
#[derive(Default)]
struct FewBits(DefaultHasher);

impl Hasher for FewBits {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn finish(&self) -> u64 {
        self.0.finish() & 1
    }
}

#[derive(Default)]
struct Constant;

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}
    fn finish(&self) -> u64 {
        7
    }
}

type Map<H> = TrieMap<u8, Value, BuildHasherDefault<H>>;

/// A value that counts itself, and that shows if it is read after it was dropped.
struct Value {
    number: u16,
    live: Arc<AtomicIsize>,
}

const DROPPED: u16 = u16::MAX;

impl Value {
    fn number(&self) -> u16 {
        assert_ne!(self.number, DROPPED, "read after it was dropped");
        self.number
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_ne!(self.number, DROPPED, "dropped twice");
        self.number = DROPPED;
        // Keeps the write above, though the memory is about to be freed.
        std::hint::black_box(&self.number);
        self.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A map, the count of its live values, and the clock of its history.
struct World<H> {
    map: Map<H>,
    live: Arc<AtomicIsize>,
    clock: Clock,
}

impl<H: Default + Hasher + 'static> World<H> {
    fn new() -> Arc<Self> {
        let map = TrieMap::with_private_collector(BuildHasherDefault::default());
        Arc::new(Self { map, live: Arc::default(), clock: Clock::default() })
    }

    fn value(&self, number: u16) -> Value {
        self.live.fetch_add(1, Ordering::SeqCst);
        Value { number, live: Arc::clone(&self.live) }
    }

    fn run(&self, op: Op) -> Event {
        let pinned = self.map.pin();
        let number = |value: Option<&Value>| Output::Value(value.map(Value::number));
        match op {
            Op::Get(key) => self.clock.record(op, || pinned.get(&key), number),
            Op::Insert(key, value) => {
                self.clock.record(op, || pinned.insert(key, self.value(value)), number)
            }
            Op::GetOrInsert(key, value) => {
                let insert = || pinned.get_or_insert_with(key, || self.value(value));
                self.clock.record(op, insert, |value| number(Some(value)))
            }
            Op::Remove(key) => self.clock.record(op, || pinned.remove(&key), number),
            Op::Snapshot => {
                self.clock.record(op, || self.map.snapshot(), |view| Output::Whole(read(&view)))
            }
            Op::Take => {
                self.clock.record(op, || self.map.take(), |view| Output::Whole(read(&view)))
            }
        }
    }

    /// Runs one program a thread, and checks the history, the structure and the drops.
    fn check(self: Arc<Self>, before: &[Op], programs: Vec<Vec<Op>>) {
        let mut history: Vec<Event> = before.iter().map(|&op| self.run(op)).collect();
        let threads: Vec<_> = programs
            .into_iter()
            .map(|program| {
                let world = Arc::clone(&self);
                thread::spawn(move || {
                    program.into_iter().map(|op| world.run(op)).collect::<Vec<_>>()
                })
            })
            .collect();
        for thread in threads {
            history.extend(thread.join().unwrap());
        }
        history.push(self.run(Op::Snapshot));
        history.extend((0..KEYS as u8).map(|key| self.run(Op::Get(key))));
        assert_linearizable(&history);
        #[cfg(any(debug_assertions, snaptrie_check))]
        self.map.check_structure();
        let live = Arc::clone(&self.live);
        drop(Arc::into_inner(self).unwrap());
        assert_eq!(live.load(Ordering::SeqCst), 0, "values that were never dropped");
    }
}

/// Reads a view key by key, by iteration, and key by key again: all must agree.
fn read<H: Default + Hasher>(view: &Snapshot<u8, Value, BuildHasherDefault<H>>) -> State {
    let by_key =
        || -> State { std::array::from_fn(|key| view.get(&(key as u8)).map(Value::number)) };
    let first = by_key();
    let mut iterated = State::default();
    for (&key, value) in view {
        if (key as usize) < KEYS {
            assert!(iterated[key as usize].replace(value.number()).is_none(), "a key twice");
        }
    }
    assert_eq!(first, iterated, "lookup and iteration differ");
    assert_eq!(first, by_key(), "a snapshot changed");
    first
}

fn runs() -> usize {
    let runs = std::env::var("SNAPTRIE_MODEL_RUNS").ok().and_then(|runs| runs.parse().ok());
    runs.unwrap_or(4_000)
}

/// Half of the schedules switch at random at every access; the other half (probabilistic concurrency
/// testing, Burckhardt and others, ASPLOS 2010) let one thread run far ahead of another, with few
/// switches.
fn explore(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_random(move || test(), runs() / 2);
    shuttle::check_pct(move || again(), runs() / 2, 3);
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
fn two_writers_in_one_group() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 2), Op::Remove(0)],
            vec![Op::Insert(0, 3), Op::Insert(1, 4), Op::Remove(1)],
        ];
        World::<FewBits>::new().check(&[], programs);
    });
}

#[test]
fn two_writers_of_one_absent_key_find_each_other() {
    explore(|| {
        let programs = vec![
            vec![Op::GetOrInsert(0, 1)],
            vec![Op::GetOrInsert(0, 2)],
            vec![Op::GetOrInsert(0, 3)],
        ];
        World::<FewBits>::new().check(&[Op::Insert(1, 9)], programs);
    });
}

#[test]
fn an_insertion_returns_its_own_entry_though_it_was_replaced() {
    explore(|| {
        let programs = vec![vec![Op::GetOrInsert(0, 1)], vec![Op::Insert(0, 2), Op::Insert(0, 3)]];
        World::<FewBits>::new().check(&[Op::Insert(1, 8), Op::Insert(1, 9)], programs);
    });
}

#[test]
fn replacements_against_removal() {
    explore(|| {
        // The second insertion replaces in place: the group is open from then on.
        let before = [Op::Insert(0, 8), Op::Insert(0, 9), Op::Insert(1, 7)];
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(0, 2), Op::Get(0)],
            vec![Op::Remove(0), Op::Insert(0, 3)],
            vec![Op::Insert(0, 4), Op::Remove(1)],
        ];
        World::<FewBits>::new().check(&before, programs);
    });
}

#[test]
fn first_replacement_against_removal() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Get(0)],
            vec![Op::Remove(0), Op::Insert(0, 3)],
            vec![Op::Insert(0, 4), Op::Get(0)],
        ];
        World::<FewBits>::new().check(&[Op::Insert(0, 8)], programs);
    });
}

#[test]
fn replacement_against_snapshot() {
    explore(|| {
        let before = [Op::Insert(0, 8), Op::Insert(0, 9), Op::Insert(1, 7), Op::Insert(1, 6)];
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 2), Op::Insert(0, 3)],
            vec![Op::Snapshot, Op::Get(0), Op::Snapshot],
            vec![Op::Insert(1, 4), Op::Snapshot, Op::Insert(0, 5)],
        ];
        World::<FewBits>::new().check(&before, programs);
    });
}

#[test]
fn replacement_against_growth() {
    explore(|| {
        let world = World::<FewBits>::new();
        world.map.pin().insert(9, world.value(0));
        world.map.pin().insert(9, world.value(1));
        let programs = vec![
            vec![Op::Insert(1, 1), Op::Insert(2, 2), Op::Remove(1), Op::Insert(1, 3)],
            vec![Op::Insert(0, 3), Op::Insert(0, 4), Op::Insert(0, 5), Op::Get(0)],
            vec![Op::Insert(0, 6), Op::Get(0)],
        ];
        world.check(&[Op::Insert(0, 1), Op::Insert(0, 2)], programs);
    });
}

#[test]
fn two_writers_in_one_chain() {
    explore(|| {
        // Equal hashes, and more entries than a branch of this build holds: a chain.
        let world = World::<Constant>::new();
        for key in 10..16 {
            world.map.pin().insert(key, world.value(0));
        }
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Remove(0), Op::Insert(1, 2)],
            vec![Op::Insert(0, 3), Op::Insert(1, 4), Op::Get(0)],
        ];
        world.check(&[], programs);
    });
}

#[test]
fn writer_against_growth() {
    explore(|| {
        let world = World::<FewBits>::new();
        world.map.pin().insert(9, world.value(0));
        let grow = (10..14).map(|key| Op::Insert(key % 3, u16::from(key))).collect();
        let programs = vec![grow, vec![Op::Insert(0, 3), Op::Remove(0), Op::Insert(1, 4)]];
        world.check(&[Op::Insert(2, 5)], programs);
    });
}

#[test]
fn writer_against_burst_and_collapse() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
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

#[test]
fn writer_against_collapse() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
        for key in 10..17 {
            world.map.pin().insert(key, world.value(0));
        }
        for key in 10..14 {
            world.map.pin().remove(&key);
        }
        let other = Arc::clone(&world);
        // Three entries left in the fan: each removal may collapse it.
        let remover = thread::spawn(move || {
            for key in 14..17 {
                assert!(other.map.pin().remove(&key).is_some());
            }
        });
        let mine = Arc::clone(&world);
        let writer = thread::spawn(move || {
            [Op::Insert(0, 1), Op::Get(0), Op::Remove(0), Op::Insert(1, 2), Op::Get(1)]
                .map(|op| mine.run(op))
        });
        let mut history = writer.join().unwrap().to_vec();
        remover.join().unwrap();
        history.extend((0..KEYS as u8).map(|key| world.run(Op::Get(key))));
        assert_linearizable(&history);
        world.check_alone();
    });
}

impl<H: Default + Hasher + 'static> World<H> {
    /// Checks structure and drops when all threads are done.
    fn check_alone(self: Arc<Self>) {
        #[cfg(any(debug_assertions, snaptrie_check))]
        self.map.check_structure();
        let live = Arc::clone(&self.live);
        drop(Arc::into_inner(self).unwrap());
        assert_eq!(live.load(Ordering::SeqCst), 0, "values that were never dropped");
    }
}

#[test]
fn late_writer_against_snapshot() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 1), Op::Insert(0, 2), Op::Insert(1, 2)],
            vec![Op::Snapshot, Op::Get(0), Op::Get(1)],
        ];
        World::<FewBits>::new().check(&[], programs);
    });
}

#[test]
fn late_writers_of_many_groups_against_snapshot() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 1), Op::Insert(2, 1)],
            vec![Op::Remove(0), Op::Insert(2, 2)],
            vec![Op::Snapshot, Op::Insert(1, 3), Op::Snapshot],
        ];
        let world = World::<DefaultHasher>::new();
        for key in 10..16 {
            world.map.pin().insert(key, world.value(0));
        }
        world.check(&[], programs);
    });
}

#[test]
fn writer_against_renewal() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
        for key in 10..17 {
            world.map.pin().insert(key, world.value(0));
        }
        let before = world.map.snapshot();
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Remove(1)],
            vec![Op::Insert(1, 2), Op::Insert(0, 3)],
            vec![Op::Get(0), Op::Get(1), Op::Get(0)],
        ];
        let count = before.len();
        Arc::clone(&world).run(Op::Get(0));
        let history: Vec<_> = programs
            .into_iter()
            .map(|program| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    program.into_iter().map(|op| world.run(op)).collect::<Vec<_>>()
                })
            })
            .collect();
        let history: Vec<_> =
            history.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        assert_linearizable(&history);
        assert_eq!(before.iter().count(), count, "a snapshot changed");
        drop(before);
        world.check_alone();
    });
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
        let world = World::<DefaultHasher>::new();
        let all = |view: &Snapshot<u8, Value, BuildHasherDefault<DefaultHasher>>| -> Vec<u16> {
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
fn overwrite_and_refresh(world: &World<DefaultHasher>, number: u16) {
    world.map.pin().insert(0, world.value(number));
    (0..12).for_each(|_| world.map.pin().refresh());
}

#[test]
fn a_snapshot_that_stalls_at_any_step_keeps_what_it_sees() {
    explore_stalls(|| {
        let world = World::<DefaultHasher>::new();
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
        let world = World::<DefaultHasher>::new();
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
        let world = World::<DefaultHasher>::new();
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
        let world = World::<DefaultHasher>::new();
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
        let world = World::<DefaultHasher>::new();
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
fn take_splits_writes_at_one_instant() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 1), Op::Insert(2, 1)],
            vec![Op::Take, Op::Snapshot],
            vec![Op::Remove(0), Op::Take],
        ];
        World::<FewBits>::new().check(&[Op::Insert(2, 9)], programs);
    });
}

#[test]
fn retire_against_the_drop_of_a_snapshot() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
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
fn map_and_snapshots_are_dropped_at_once() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
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
        let world = World::<DefaultHasher>::new();
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
        let numbers = |map: &Map<DefaultHasher>| -> Vec<u16> {
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
    let mut rng = thread_rng();
    let mut value = 0;
    let mut op = |rng: &mut shuttle::rand::rngs::ThreadRng| {
        value += 1;
        let key = rng.gen_range(0..KEYS as u8);
        match rng.gen_range(0..10) {
            0..=3 => Op::Insert(key, value),
            4 => Op::GetOrInsert(key, value),
            5 => Op::Remove(key),
            6 | 7 => Op::Get(key),
            8 => Op::Snapshot,
            _ => Op::Take,
        }
    };
    let threads = rng.gen_range(2..5);
    (0..threads).map(|_| (0..rng.gen_range(1..5)).map(|_| op(&mut rng)).collect()).collect()
}

#[test]
fn random_programs_in_one_group_are_linearizable() {
    explore(|| World::<FewBits>::new().check(&[], random_programs()));
}

#[test]
fn random_programs_in_a_deep_trie_are_linearizable() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
        for key in 10..17 {
            world.map.pin().insert(key, world.value(0));
        }
        world.check(&[], random_programs());
    });
}

#[test]
fn random_programs_in_a_chain_are_linearizable() {
    explore(|| {
        let world = World::<Constant>::new();
        for key in 10..15 {
            world.map.pin().insert(key, world.value(0));
        }
        world.check(&[], random_programs());
    });
}

/// Commits a fork in which these keys have this value; drops the fork if it is refused. The fork's
/// generations are ahead of the map's.
fn commit(world: &World<DefaultHasher>, keys: std::ops::Range<u8>, number: u16) -> bool {
    let fork = world.map.fork();
    (0..3).for_each(|_| drop(fork.snapshot()));
    keys.for_each(|key| _ = fork.pin().insert(key, world.value(number)));
    world.map.try_commit(fork).is_ok()
}

impl<H: Default + Hasher + 'static> World<H> {
    fn numbers(&self) -> Vec<u16> {
        let numbers = |view: &Snapshot<u8, Value, BuildHasherDefault<H>>| -> Vec<u16> {
            (0..6).map(|key| view.get(&key).map_or(0, Value::number)).collect()
        };
        numbers(&self.map.snapshot())
    }
}

fn six_keys() -> Arc<World<DefaultHasher>> {
    let world = World::<DefaultHasher>::new();
    (0..6).for_each(|key| _ = world.map.pin().insert(key, world.value(1)));
    world
}

#[test]
fn commit_against_a_writer() {
    explore(|| {
        let world = six_keys();
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            other.map.pin().insert(0, other.value(2));
            other.map.pin().remove(&5);
        });
        let committed = commit(&world, 0..3, 3);
        writer.join().unwrap();
        let numbers = world.numbers();
        // The writer's are the last word on its keys, or were there before the fork.
        assert_eq!(numbers[5], 0, "a removal was lost");
        match (committed, numbers[0]) {
            // The fork was taken after the write, or the write came after the commit.
            (true, 2 | 3) => assert_eq!(numbers[1..3], [3, 3]),
            (false, 2) => assert_eq!(numbers[1..3], [1, 1]),
            other => panic!("{other:?}"),
        }
        assert_eq!(numbers[3..5], [1, 1]);
        world.check_alone();
    });
}

#[test]
fn commit_against_a_late_writer() {
    explore_stalls(|| {
        let world = six_keys();
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            other.map.pin().insert(0, other.value(2));
            other.map.pin().insert(4, other.value(2));
        });
        // In another part of the map than the first write.
        let committed = commit(&world, 4..5, 3);
        let early = world.map.snapshot();
        let seen = early.get(&0).unwrap().number();
        writer.join().unwrap();
        assert_eq!(early.get(&0).unwrap().number(), seen, "a snapshot changed");
        let numbers = world.numbers();
        assert_eq!(numbers[0], 2, "a write was lost to a commit");
        assert!(matches!((committed, numbers[4]), (_, 2) | (true, 3)), "{numbers:?}");
        drop(early);
        world.check_alone();
    });
}

#[test]
fn commit_against_commit() {
    explore(|| {
        let world = six_keys();
        let forks = [2, 3].map(|number| {
            let fork = world.map.fork();
            (0..3).for_each(|key| _ = fork.pin().insert(key, world.value(number)));
            (fork, number)
        });
        let threads = forks.map(|(fork, number)| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.map.try_commit(fork).is_ok().then_some(number))
        });
        let done = threads.map(|thread| thread.join().unwrap());
        let winner = match done {
            [Some(number), None] | [None, Some(number)] => number,
            _ => panic!("not one of two: {done:?}"),
        };
        assert_eq!(world.numbers(), [winner, winner, winner, 1, 1, 1]);
        world.check_alone();
    });
}

#[test]
fn commit_against_snapshots() {
    explore(|| {
        let world = six_keys();
        let snapshots = [Arc::clone(&world), Arc::clone(&world)].map(|world| {
            thread::spawn(move || {
                let view = world.map.snapshot();
                let numbers: Vec<u16> =
                    (0..3).map(|key| view.get(&key).unwrap().number()).collect();
                assert!(numbers == [1, 1, 1] || numbers == [3, 3, 3], "{numbers:?}");
                drop(view);
                // What a snapshot has seen stays seen.
                let later: Vec<u16> =
                    (0..3).map(|key| world.map.pin().get(&key).unwrap().number()).collect();
                assert!(numbers <= later, "{numbers:?} and then {later:?}");
            })
        });
        assert!(commit(&world, 0..3, 3), "snapshots are no writes");
        (0..6).for_each(|_| world.map.pin().refresh());
        snapshots.into_iter().for_each(|thread| thread.join().unwrap());
        world.check_alone();
    });
}

#[test]
fn commit_against_take() {
    explore(|| {
        let world = six_keys();
        let other = Arc::clone(&world);
        let taker = thread::spawn(move || {
            let taken = other.map.take();
            (0..6).map(|key| taken.get(&key).map_or(0, Value::number)).collect::<Vec<_>>()
        });
        let committed = commit(&world, 0..3, 3);
        let taken = taker.join().unwrap();
        let left = world.numbers();
        match committed {
            true if left == [0; 6] => assert_eq!(taken, [3, 3, 3, 1, 1, 1]),
            // The fork was taken of the emptied map.
            true => assert_eq!((taken, left), (vec![1; 6], vec![3, 3, 3, 0, 0, 0])),
            false => assert_eq!((taken, left), (vec![1; 6], vec![0; 6])),
        }
        world.check_alone();
    });
}

#[test]
fn commit_against_readers_and_drops() {
    explore(|| {
        let world = six_keys();
        let before = world.map.snapshot();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let pinned = other.map.pin();
            for _ in 0..2 {
                (0..6).for_each(|key| _ = pinned.get(&key).map(Value::number));
            }
            assert_eq!(pinned.iter().map(|(_, value)| value.number()).count(), 6);
        });
        let dropper = thread::spawn(move || {
            assert!((0..6).all(|key| before.get(&key).unwrap().number() == 1));
            drop(before);
        });
        assert!(commit(&world, 0..3, 3));
        assert!(commit(&world, 2..5, 4));
        world.map.pin().insert(0, world.value(5));
        (0..6).for_each(|_| world.map.pin().refresh());
        reader.join().unwrap();
        dropper.join().unwrap();
        assert_eq!(world.numbers(), [5, 3, 4, 4, 4, 1]);
        world.check_alone();
    });
}

#[test]
fn commits_in_a_loop_lose_nothing() {
    explore(|| {
        let world = six_keys();
        let threads = [0, 1].map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                world.map.commit_with(|fork| {
                    let fork = fork.pin();
                    for key in 0..2 {
                        let number = fork.get(&key).unwrap().number();
                        fork.insert(key, world.value(number + 1));
                    }
                });
            })
        });
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            other.map.pin().update(0, |value| other.value(value.number() + 1));
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        writer.join().unwrap();
        assert_eq!(world.numbers()[..3], [4, 3, 1]);
        world.check_alone();
    });
}
