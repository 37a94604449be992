//! The tests for both kinds of flat map.

use std::collections::HashSet;
use std::hash::Hasher;
use std::sync::Arc;

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::World;
use crate::Op::{self, Get, GetOrInsert, Insert, Remove};
use crate::explore_stalls;
use crate::linear::{KEYS, Numbered, assert_linearizable};
use crate::models::items::{Constant, FewBits, Good, any_programs};
use crate::schedules::{explore, explore_all};
use crate::tested::Tested;

#[test]
fn insertions_of_one_absent_key_find_each_other() {
    fn body<H: Default + Hasher + 'static>() {
        let programs = vec![
            vec![GetOrInsert(0, 1)],
            vec![GetOrInsert(0, 2), Remove(0)],
            vec![Insert(0, 3), GetOrInsert(0, 4)],
        ];
        World::<H>::with([9]).check(programs, |_| {});
    }
    explore(body::<Good>);
    explore(body::<Constant>);
}

#[test]
fn what_a_change_found_a_lookup_finds() {
    explore_stalls(|| {
        let programs = vec![vec![Insert(0, 1)], vec![GetOrInsert(0, 2), Get(0)]];
        World::<Good>::new().check(programs, |world| {
            world.run(Get(0));
        });
    });
}

#[test]
fn what_a_change_found_in_a_full_leaf_a_lookup_finds() {
    explore_stalls(|| {
        let world = World::<Constant>::with([8, 9]);
        let programs = vec![vec![Insert(0, 1)], vec![GetOrInsert(0, 2), Get(0)]];
        world.check(programs, |world| {
            world.run(Get(0));
        });
    });
}

#[test]
fn what_an_iteration_yields_a_lookup_finds() {
    explore_stalls(|| {
        let world = World::<Good>::new();
        let writer = world.spawn([Insert(0, 1), Insert(1, 2)]);
        let pinned = world.map.handle();
        let seen: Vec<u8> = pinned.keys().copied().collect();
        assert!(seen.iter().all(|key| pinned.contains_key(key)));
        drop(pinned);
        writer.join().unwrap();
        world.check_alone();
    });
}

#[test]
fn a_batch_of_lookups_against_changes_and_a_move() {
    // A batch finds entries first, and compares their keys later.
    explore(|| {
        let world = World::<Good>::with(10..18);
        let programs = vec![
            vec![Op::GetMany(0), Op::GetMany(1), Op::GetMany(0)],
            vec![Insert(0, 1), Remove(0), Insert(1, 2), Insert(0, 3)],
            vec![Insert(1, 4), GetOrInsert(2, 5), Remove(1), Op::GetMany(2)],
        ];
        world.check(programs, |world| (20..24).for_each(|key| world.put(key)));
    });
}

#[test]
fn a_place_that_was_emptied_is_taken_again() {
    explore(|| {
        let programs = vec![
            vec![GetOrInsert(0, 1), Get(0)],
            vec![Remove(1), GetOrInsert(0, 2), Get(0)],
            vec![Get(0), Get(0)],
        ];
        let world = World::<Constant>::new();
        let before = world.run(Insert(1, 9));
        let threads: Vec<_> = programs.into_iter().map(|program| world.spawn(program)).collect();
        let mut history = vec![before];
        for thread in threads {
            history.extend(thread.join().unwrap());
        }
        assert_linearizable(&history);
        world.check_alone();
    });
}

#[test]
fn updates_of_a_key_against_a_move() {
    explore(|| {
        let programs = vec![
            vec![Insert(0, 1), Insert(0, 2), Insert(0, 3)],
            vec![Get(0), Insert(1, 4), Get(0)],
        ];
        World::<Good>::with(10..14)
            .check(programs, |world| (14..18).for_each(|key| world.put(key)));
    });
}

#[test]
fn two_movers() {
    explore(|| {
        let programs = vec![vec![Insert(0, 1), Insert(1, 2)], vec![Insert(2, 3), Insert(0, 4)]];
        World::<Good>::with(10..16)
            .check(programs, |world| (16..20).for_each(|key| world.put(key)));
    });
}

/// Who only reads, and refreshes a handle now and then, moves too what can be moved without hashing.
#[test]
fn a_reader_that_moves_against_writers() {
    explore(|| {
        let programs = vec![vec![Insert(0, 1), Remove(1)], vec![Insert(1, 2), Get(0)]];
        World::<Good>::with(10..16).check(programs, |world| {
            let mut pinned = world.map.handle();
            for _ in 0..4 {
                pinned.refresh();
                assert!((10..16).all(|key| pinned.contains_key(&key)));
            }
        });
    });
}

#[test]
fn a_mover_that_stalls_at_any_step() {
    explore_stalls(|| {
        let world = World::<Good>::with(10..15);
        let stalls = world.spawn([Insert(0, 1), Insert(1, 2)]);
        // Moves the table again and again, there and back.
        (15..24).for_each(|key| world.put(key));
        (10..24).for_each(|key| world.take(key));
        (24..30).for_each(|key| world.put(key));
        let mut history = stalls.join().unwrap();
        history.extend((0..KEYS as u8).map(|key| world.run(Get(key))));
        assert_linearizable(&history);
        world.check_alone();
    });
}

/// A thread that has built the successors of a unit, and not installed them, while others move the unit, announce it,
/// and empty what it became.
#[test]
fn a_mover_that_comes_too_late_brings_nothing_back() {
    fn body(begin: u8) {
        let world = World::<Good>::with(10..10 + begin);
        let late = world.spawn([Insert(0, 1)]);
        (30..34).for_each(|key| world.put(key));
        (10..10 + begin).for_each(|key| world.take(key));
        (30..34).for_each(|key| world.take(key));
        let mut history = late.join().unwrap();
        assert!((10..34).all(|key| world.map.handle().get(&key).is_none()));
        history.extend((0..KEYS as u8).map(|key| world.run(Get(key))));
        assert_linearizable(&history);
        world.check_alone();
    }
    (3..7).for_each(|begin| explore_stalls(move || body(begin)));
}

/// What is announced is there: for lookups, changes and iterations.
#[test]
fn what_has_moved_is_found() {
    explore_stalls(|| {
        let world = World::<Good>::with(10..14);
        let other = Arc::clone(&world);
        let mover = thread::spawn(move || (14..20).for_each(|key| other.put(key)));
        for _ in 0..3 {
            assert!((10..14).all(|key| world.map.handle().get(&key).is_some()));
            iterate(&world, 10..14);
        }
        (10..14).for_each(|key| {
            assert_eq!(world.map.handle().remove(&key).map(Numbered::number), Some(0));
        });
        mover.join().unwrap();
        assert_eq!(world.map.len(), 6);
        world.check_alone();
    });
}

#[test]
fn a_move_against_removal_and_insertion_of_one_key() {
    explore(|| {
        let programs = vec![
            vec![Insert(0, 1), Remove(0), Insert(0, 2), Remove(0)],
            vec![GetOrInsert(0, 3), Get(0)],
        ];
        World::<Good>::with(10..15)
            .check(programs, |world| (15..19).for_each(|key| world.put(key)));
    });
}

/// A move of several units is under way, and some have moved, when their entries are removed and freed.
#[test]
fn a_reader_of_frozen_leaves_meets_no_freed_entry() {
    explore(|| {
        let world = World::<Good>::with(10..20);
        let others: Vec<_> = (0..2)
            .map(|_| {
                let world = Arc::clone(&world);
                thread::spawn(move || {
                    for key in (10..20).chain(10..20) {
                        if let Some(value) = world.map.handle().get(&key) {
                            assert_eq!(value.number(), 0);
                        }
                    }
                })
            })
            .collect();
        for removed in 10..16 {
            world.put(removed + 10);
            world.take(removed);
            world.free();
            // This is the only thread that writes, so it knows.
            for key in 10..26 {
                let value = world.map.handle().get(&key).map(Numbered::number);
                assert_eq!(value, (removed < key && key <= removed + 10).then_some(0));
            }
        }
        others.into_iter().for_each(|other| other.join().unwrap());
        world.check_alone();
    });
}

#[test]
fn an_empty_unit_moves_against_its_first_entry() {
    explore(|| {
        let world = World::<Good>::new();
        world.map.reserve(20);
        let other = Arc::clone(&world);
        let shrinker = thread::spawn(move || other.map.shrink_to_fit());
        let programs =
            vec![vec![Insert(0, 1), Get(0), Get(1)], vec![Insert(1, 2), Insert(2, 3), Get(0)]];
        world.check(programs, |_| shrinker.join().unwrap());
    });
}

#[test]
fn updates_of_one_leaf() {
    explore(|| {
        let programs = vec![
            vec![Insert(0, 1), Remove(0), Insert(0, 2), Remove(0), Insert(0, 3)],
            vec![Insert(1, 4), Get(0), Remove(1), Get(0)],
        ];
        World::<Good>::with(10..12).check(programs, |_| {});
    });
}

#[test]
fn two_threads_change_one_collision_node() {
    explore(|| {
        let programs = vec![
            vec![Insert(0, 1), Remove(0), Insert(1, 2), Get(0)],
            vec![GetOrInsert(1, 3), GetOrInsert(0, 4), Remove(1)],
        ];
        World::<Constant>::with(10..14)
            .check(programs, |world| (14..17).for_each(|key| world.put(key)));
    });
}

#[test]
fn a_table_shrinks_under_writers() {
    explore(|| {
        let programs = vec![
            vec![Insert(0, 1), Remove(0), Insert(0, 2)],
            vec![GetOrInsert(1, 3), Get(0), Remove(1)],
        ];
        World::<Good>::with(10..20).check(programs, |world| {
            (10..20).for_each(|key| world.take(key));
        });
    });
}

#[test]
fn reservations_and_shrinking_meet() {
    explore(|| {
        let programs = vec![vec![Insert(0, 1), Get(1), Remove(0)], vec![Insert(1, 2), Get(0)]];
        let world = World::<Good>::with(10..14);
        let other = Arc::clone(&world);
        let reserver = thread::spawn(move || other.map.reserve(20));
        let other = Arc::clone(&world);
        let shrinker = thread::spawn(move || other.map.shrink_to_fit());
        let threads: Vec<_> = programs.into_iter().map(|program| world.spawn(program)).collect();
        let mut history = Vec::new();
        for thread in threads {
            history.extend(thread.join().unwrap());
        }
        reserver.join().unwrap();
        shrinker.join().unwrap();
        assert_linearizable(&history);
        world.check_alone();
    });
}

#[test]
fn a_map_is_cleared_under_writers() {
    explore(|| {
        let world = World::<Good>::with(10..18);
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            (20..24).for_each(|key| other.put(key));
            (20..22).for_each(|key| other.take(key));
        });
        world.map.clear();
        assert!((10..18).all(|key| world.map.handle().get(&key).is_none()));
        writer.join().unwrap();
        world.check_alone();
    });
}

/// Iterates over a map that has the keys `stay` throughout.
fn iterate<H: Default + Hasher + 'static>(world: &World<H>, stay: impl IntoIterator<Item = u8>) {
    let pinned = world.map.handle();
    let mut seen = HashSet::new();
    for (&key, value) in &pinned {
        value.number();
        assert!(seen.insert(key), "{key} twice");
    }
    for key in stay {
        assert!(seen.contains(&key), "{key} was there all the while");
    }
}

#[test]
fn an_iterator_against_removal_and_insertion_of_one_key() {
    fn body<H: Default + Hasher + 'static>() {
        let world = World::<H>::with(10..13);
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            for _ in 0..3 {
                other.take(10);
                other.put(10);
            }
        });
        iterate(&world, 11..13);
        writer.join().unwrap();
        world.check_alone();
    }
    explore(body::<Good>);
    explore(body::<Constant>);
}

#[test]
fn an_iterator_against_moves() {
    fn body<H: Default + Hasher + 'static>() {
        let world = World::<H>::with(10..15);
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            (20..30).for_each(|key| other.put(key));
            (20..30).for_each(|key| other.take(key));
        });
        let mover = Arc::clone(&world);
        let mover = thread::spawn(move || {
            mover.take(14);
            mover.put(14);
        });
        iterate(&world, 10..14);
        iterate(&world, 10..14);
        writer.join().unwrap();
        mover.join().unwrap();
        world.check_alone();
    }
    explore(body::<Good>);
    explore(body::<FewBits>);
}

#[test]
fn all_of_updates_of_a_key_against_a_move() {
    explore_all(|| {
        World::<Good>::with(10..14).check(vec![vec![Insert(0, 1), Insert(0, 2)]], |world| {
            (14..17).for_each(|key| world.put(key));
        });
    });
}

#[test]
fn all_of_two_movers() {
    explore_all(|| {
        World::<Good>::with(10..16).check(vec![vec![Insert(0, 1), Insert(1, 2)]], |world| {
            (16..18).for_each(|key| world.put(key));
        });
    });
}

#[test]
fn all_of_a_move_against_removal_and_insertion_of_one_key() {
    explore_all(|| {
        let program = vec![Insert(0, 1), Remove(0), Insert(0, 2), Get(0)];
        World::<Good>::with(10..15).check(vec![program], |world| {
            (15..17).for_each(|key| world.put(key));
        });
    });
}

/// Any program of two to four threads.
fn random_programs() -> Vec<Vec<Op>> {
    any_programs(6, |rng, key, value| match rng.gen_range(0..15) {
        0..=2 => Insert(key, value),
        3 | 4 => GetOrInsert(key, value),
        5 | 6 => Remove(key),
        7 => Op::Update(key, 100),
        8 => Op::UpdateOrInsert(key, value),
        9 => Op::Flip(key, value),
        10 => Op::RemoveOdd(key),
        11 => Op::GetMany(key),
        _ => Get(key),
    })
}

fn random_programs_over<H: Default + Hasher + 'static>() {
    explore(|| {
        let mut rng = thread_rng();
        let world = World::<H>::with((10..30).take(rng.gen_range(0..14)));
        let more = rng.gen_range(0..6);
        let fewer = rng.gen_range(0..14);
        world.check(random_programs(), |world| {
            (40..60).take(more).for_each(|key| world.put(key));
            (10..30).take(fewer).for_each(|key| world.take(key));
        });
    });
}

#[test]
fn random_programs_are_linearizable() {
    random_programs_over::<Good>();
}

#[test]
fn random_programs_in_few_leaves_are_linearizable() {
    random_programs_over::<FewBits>();
}

#[test]
fn random_programs_in_one_collision_node_are_linearizable() {
    random_programs_over::<Constant>();
}
