//! Commits of forks against everything else.

use std::collections::hash_map::DefaultHasher;
use std::sync::Arc;

use shuttle::thread;

use super::World;
use crate::tested::Tested;
use crate::{Numbered, explore, explore_stalls};

/// Commits a fork in which these keys have this value; drops the fork if it is refused. The fork's
/// generations are ahead of the map's.
fn commit(world: &World<DefaultHasher>, keys: std::ops::Range<u8>, number: u16) -> bool {
    let fork = world.map.fork();
    (0..3).for_each(|_| drop(fork.snapshot()));
    keys.for_each(|key| _ = fork.handle().insert(key, world.value(number)));
    world.map.try_commit(fork).is_ok()
}

fn numbers(world: &World<DefaultHasher>) -> Vec<u16> {
    let view = world.map.snapshot();
    (0..6).map(|key| view.get(&key).map_or(0, Numbered::number)).collect()
}

fn six_keys() -> Arc<World<DefaultHasher>> {
    let world = World::<DefaultHasher>::new();
    (0..6).for_each(|key| _ = world.map.handle().insert(key, world.value(1)));
    world
}

#[test]
fn commit_against_a_writer() {
    explore(|| {
        let world = six_keys();
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            other.map.handle().insert(0, other.value(2));
            other.map.handle().remove(&5);
        });
        let committed = commit(&world, 0..3, 3);
        writer.join().unwrap();
        let numbers = numbers(&world);
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
            other.map.handle().insert(0, other.value(2));
            other.map.handle().insert(4, other.value(2));
        });
        // In another part of the map than the first write.
        let committed = commit(&world, 4..5, 3);
        let early = world.map.snapshot();
        let seen = early.get(&0).unwrap().number();
        writer.join().unwrap();
        assert_eq!(early.get(&0).unwrap().number(), seen, "a snapshot changed");
        let numbers = numbers(&world);
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
            (0..3).for_each(|key| _ = fork.handle().insert(key, world.value(number)));
            (fork, number)
        });
        let threads = forks.map(|(fork, number)| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.map.try_commit(fork).is_ok().then_some(number))
        });
        let done = threads.map(|thread| thread.join().unwrap());
        let ([Some(winner), None] | [None, Some(winner)]) = done else {
            panic!("not one of two: {done:?}");
        };
        assert_eq!(numbers(&world), [winner, winner, winner, 1, 1, 1]);
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
                    (0..3).map(|key| world.map.handle().get(&key).unwrap().number()).collect();
                assert!(numbers <= later, "{numbers:?} and then {later:?}");
            })
        });
        assert!(commit(&world, 0..3, 3), "snapshots are no writes");
        (0..6).for_each(|_| world.map.handle().refresh());
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
            (0..6).map(|key| taken.get(&key).map_or(0, Numbered::number)).collect::<Vec<_>>()
        });
        let committed = commit(&world, 0..3, 3);
        let taken = taker.join().unwrap();
        let left = numbers(&world);
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
            let pinned = other.map.handle();
            for _ in 0..2 {
                (0..6).for_each(|key| _ = pinned.get(&key).map(Numbered::number));
            }
            pinned.iter().for_each(|(_, value)| _ = value.number());
            assert_eq!(pinned.iter().count(), 6);
        });
        let dropper = thread::spawn(move || {
            assert!((0..6).all(|key| before.get(&key).unwrap().number() == 1));
            drop(before);
        });
        assert!(commit(&world, 0..3, 3));
        assert!(commit(&world, 2..5, 4));
        world.map.handle().insert(0, world.value(5));
        (0..6).for_each(|_| world.map.handle().refresh());
        reader.join().unwrap();
        dropper.join().unwrap();
        assert_eq!(numbers(&world), [5, 3, 4, 4, 4, 1]);
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
                    let fork = fork.handle();
                    for key in 0..2 {
                        let number = fork.get(&key).unwrap().number();
                        fork.insert(key, world.value(number + 1));
                    }
                });
            })
        });
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            other.map.handle().update(0, |value| other.value(value.number() + 1));
        });
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        writer.join().unwrap();
        assert_eq!(numbers(&world)[..3], [4, 3, 1]);
        world.check_alone();
    });
}
