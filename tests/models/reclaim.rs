//! The interleavings that matter to reclamation: guards, the clock and the limbo, in whole maps.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use shuttle::thread;

use super::World;
use crate::explore_stalls;
use crate::models::items::{Good, read_again};
use crate::schedules::{explore, explore_all};

/// A map of three keys with the value 0.
fn three_keys() -> Arc<World<Good>> {
    let world = World::<Good>::new();
    (0..3).for_each(|key| overwrite(&world, key, 0));
    world
}

fn overwrite(world: &World<Good>, key: u8, number: u16) {
    world.map.pin().insert(key, world.value(number));
}

/// An idle map has no garbage left after a flush, and every value in it is alive.
fn check_flushed(world: Arc<World<Good>>) {
    assert!(world.map.flush(), "garbage is left");
    let live = world.live.load(Ordering::SeqCst);
    assert_eq!(usize::try_from(live), Ok(world.map.len()), "values besides those in the map");
    world.check_alone();
}

#[test]
fn values_stay_under_guards_while_the_clock_moves() {
    explore(|| {
        let world = three_keys();
        let writers = [1, 2].map(|number| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let pinned = world.map.pin();
                let mut seen = vec![pinned.get(&0).unwrap()];
                for key in 0..3 {
                    // What it replaces stays as well.
                    seen.extend(pinned.insert(key, world.value(number)));
                    read_again(&seen);
                }
                drop(pinned);
                (0..3).for_each(|key| overwrite(&world, key, number + 2));
            })
        });
        let other = Arc::clone(&world);
        let mover = thread::spawn(move || (0..6).for_each(|_| other.map.pin().refresh()));
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        mover.join().unwrap();
        check_flushed(world);
    });
}

#[test]
fn a_reader_that_stalls_keeps_what_it_saw() {
    explore_stalls(|| {
        let world = three_keys();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            for _ in 0..3 {
                let pinned = other.map.pin();
                let seen: Vec<_> = (0..3).filter_map(|key| pinned.get(&key)).collect();
                read_again(&seen);
            }
        });
        for number in 1..6 {
            overwrite(&world, 0, number);
            (0..2).for_each(|_| world.map.pin().refresh());
        }
        reader.join().unwrap();
        check_flushed(world);
    });
}

/// Beside a guard that was there before, the clock ticks once however many threads see it read the same.
#[test]
fn all_of_two_that_move_the_clock_at_once() {
    explore_all(|| {
        let world = three_keys();
        overwrite(&world, 0, 1);
        let pinned = world.map.pin();
        let reading = pinned.clock();
        let movers = [Arc::clone(&world), Arc::clone(&world)]
            .map(|world| thread::spawn(move || world.map.pin().refresh()));
        movers.into_iter().for_each(|mover| mover.join().unwrap());
        assert_eq!(pinned.clock(), reading + 1);
        drop(pinned);
        check_flushed(world);
    });
}

#[test]
fn guards_beside_each_other_end_in_any_order() {
    explore(|| {
        let world = three_keys();
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let first = other.map.pin();
            let mut second = other.map.pin();
            let old = [first.get(&0).unwrap()];
            second.refresh();
            read_again(&old);
            let new = [second.get(&0).unwrap()];
            read_again(&old);
            drop(first);
            read_again(&new);
            second.refresh();
            let third = other.map.pin();
            let newest = [third.get(&0).unwrap()];
            drop(second);
            read_again(&newest);
        });
        for number in 1..6 {
            overwrite(&world, 0, number);
            world.map.pin().refresh();
        }
        reader.join().unwrap();
        check_flushed(world);
    });
}

#[test]
fn flush_against_writers() {
    explore(|| {
        let world = three_keys();
        let writers = [1, 2].map(|number| {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                (0..3).for_each(|key| overwrite(&world, key, number));
                world.map.pin().remove(&0);
            })
        });
        let pinned = world.map.pin();
        let seen = [pinned.get(&1).unwrap()];
        world.map.flush();
        read_again(&seen);
        drop(pinned);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        check_flushed(world);
    });
}

/// There is a shard less than there are threads.
#[test]
fn garbage_that_finds_all_shards_busy_goes_too() {
    explore_stalls(|| {
        let world = three_keys();
        let writers = [0, 1, 2].map(|key| {
            let world = Arc::clone(&world);
            thread::spawn(move || (1..4).for_each(|number| overwrite(&world, key, number)))
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        check_flushed(world);
    });
}
