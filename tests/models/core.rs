//! The interleavings that matter to every kind of trie.

use std::collections::hash_map::DefaultHasher;
use std::sync::Arc;

use shuttle::thread;

use super::World;
use crate::linear::{KEYS, Op, assert_linearizable};
use crate::schedules::explore_all;
use crate::tested::Tested;
use crate::{Constant, FewBits, Numbered, explore, random_programs};

#[test]
fn two_writers_in_one_bucket() {
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
        world.map.handle().insert(9, world.value(0));
        world.map.handle().insert(9, world.value(1));
        let programs = vec![
            vec![Op::Insert(1, 1), Op::Insert(2, 2), Op::Remove(1), Op::Insert(1, 3)],
            vec![Op::Insert(0, 3), Op::Insert(0, 4), Op::Insert(0, 5), Op::Get(0)],
            vec![Op::Insert(0, 6), Op::Get(0)],
        ];
        world.check(&[Op::Insert(0, 1), Op::Insert(0, 2)], programs);
    });
}

#[test]
fn a_batch_of_lookups_against_changes_and_a_snapshot() {
    explore(|| {
        let before = [Op::Insert(0, 8), Op::Insert(1, 9), Op::Insert(1, 7)];
        let programs = vec![
            vec![Op::GetMany(0), Op::GetMany(1), Op::GetMany(2)],
            vec![Op::Insert(0, 1), Op::Remove(0), Op::Insert(2, 2), Op::Insert(1, 3)],
            vec![Op::Snapshot, Op::Insert(0, 4), Op::Remove(1)],
        ];
        World::<FewBits>::new().check(&before, programs);
    });
}

#[test]
fn two_writers_in_one_collision_node() {
    explore(|| {
        // Equal hashes, and more entries than a leaf of this build holds: a collision node.
        let world = World::<Constant>::new();
        for key in 10..16 {
            world.map.handle().insert(key, world.value(0));
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
        world.map.handle().insert(9, world.value(0));
        let grow = (10..14).map(|key| Op::Insert(key % 3, u16::from(key))).collect();
        let programs = vec![grow, vec![Op::Insert(0, 3), Op::Remove(0), Op::Insert(1, 4)]];
        world.check(&[Op::Insert(2, 5)], programs);
    });
}

#[test]
fn writer_against_collapse() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
        for key in 10..17 {
            world.map.handle().insert(key, world.value(0));
        }
        for key in 10..14 {
            world.map.handle().remove(&key);
        }
        let other = Arc::clone(&world);
        // Three entries left in the fan: each removal may collapse it.
        let remover = thread::spawn(move || {
            for key in 14..17 {
                assert!(other.map.handle().remove(&key).is_some());
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

/// Nobody writes to the fork: what was counted and seen in it once stays so.
#[test]
fn late_writer_against_the_sight_of_a_fork() {
    explore(|| {
        let world = World::<FewBits>::new();
        world.map.handle().insert(9, world.value(9));
        let writer = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                for key in 0..3 {
                    world.map.handle().insert(key, world.value(1));
                }
            })
        };
        let fork = world.map.fork();
        let count = fork.len();
        let keys = || fork.handle().keys().copied().collect::<Vec<u8>>();
        let seen = keys();
        assert_eq!(seen.len(), count);
        writer.join().unwrap();
        assert_eq!((keys(), fork.len()), (seen, count));
        drop(fork);
        world.check_alone();
    });
}

#[test]
fn late_writers_of_many_buckets_against_snapshot() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 1), Op::Insert(2, 1)],
            vec![Op::Remove(0), Op::Insert(2, 2)],
            vec![Op::Snapshot, Op::Insert(1, 3), Op::Snapshot],
        ];
        let world = World::<DefaultHasher>::new();
        for key in 10..16 {
            world.map.handle().insert(key, world.value(0));
        }
        world.check(&[], programs);
    });
}

#[test]
fn writer_against_renewal() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
        for key in 10..17 {
            world.map.handle().insert(key, world.value(0));
        }
        let before = world.map.snapshot();
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Remove(1)],
            vec![Op::Insert(1, 2), Op::Insert(0, 3)],
            vec![Op::Get(0), Op::Get(1), Op::Get(0)],
        ];
        let count = before.len();
        Arc::clone(&world).run(Op::Get(0));
        assert_linearizable(&world.run_all(programs));
        assert_eq!(before.iter().count(), count, "a snapshot changed");
        drop(before);
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

/// Nothing has looked at the bucket when the tree that was taken is buried.
#[test]
fn take_that_nobody_reads_against_a_late_writer() {
    explore(|| {
        let world = World::<FewBits>::new();
        (0..2).for_each(|key| _ = world.run(Op::Insert(key, 9)));
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            other.run(Op::Insert(0, 1));
            other.run(Op::Insert(1, 2));
        });
        drop(world.map.take());
        writer.join().unwrap();
        world.check_alone();
    });
}

#[test]
fn all_of_two_writers_in_one_bucket() {
    explore_all(|| {
        let programs =
            vec![vec![Op::Insert(0, 1), Op::Remove(0)], vec![Op::Insert(0, 2), Op::Insert(1, 3)]];
        World::<FewBits>::new().check(&[Op::Insert(1, 9)], programs);
    });
}

#[test]
fn all_of_a_writer_against_growth() {
    explore_all(|| {
        let grow = vec![Op::Insert(0, 1), Op::Insert(1, 2), Op::Insert(2, 3)];
        let programs = vec![grow, vec![Op::Insert(0, 4), Op::Remove(0)]];
        World::<FewBits>::new().check(&[Op::Insert(2, 9)], programs);
    });
}

#[test]
fn all_of_a_writer_against_a_snapshot() {
    explore_all(|| {
        let programs =
            vec![vec![Op::Insert(0, 1), Op::Insert(1, 2)], vec![Op::Snapshot, Op::Get(0)]];
        World::<FewBits>::new().check(&[Op::Insert(0, 9)], programs);
    });
}

#[test]
fn all_of_a_writer_against_renewal() {
    explore_all(|| {
        let world = World::<FewBits>::new();
        world.map.handle().insert(9, world.value(9));
        let before = world.map.snapshot();
        let mine = Arc::clone(&world);
        let other = thread::spawn(move || [Op::Insert(0, 1), Op::Get(1)].map(|op| mine.run(op)));
        let mut history = [Op::Insert(1, 2), Op::Get(0)].map(|op| world.run(op)).to_vec();
        history.extend(other.join().unwrap());
        history.extend((0..KEYS as u8).map(|key| world.run(Op::Get(key))));
        assert_linearizable(&history);
        assert_eq!((before.len(), before.get(&9).unwrap().number()), (1, 9));
        drop(before);
        world.check_alone();
    });
}

#[test]
fn all_of_two_snapshots() {
    explore_all(|| {
        let programs =
            vec![vec![Op::Snapshot, Op::Insert(0, 1)], vec![Op::Insert(0, 2), Op::Snapshot]];
        World::<FewBits>::new().check(&[Op::Insert(0, 9)], programs);
    });
}

#[test]
fn all_of_a_retirement_against_the_drop_of_a_snapshot() {
    explore_all(|| {
        let world = World::<FewBits>::new();
        (0..2).for_each(|key| _ = world.map.handle().insert(key, world.value(1)));
        let (older, newer) = (world.map.snapshot(), world.map.snapshot());
        let dropper = thread::spawn(move || drop(newer));
        world.map.handle().insert(0, world.value(2));
        world.map.handle().remove(&1);
        dropper.join().unwrap();
        assert!((0..2).all(|key| older.get(&key).unwrap().number() == 1));
        drop(older);
        world.check_alone();
    });
}

/// The registry changes by a compare-and-swap: of two changes at once, one starts again.
#[test]
fn all_of_a_registration_against_a_withdrawal() {
    explore_all(|| {
        let world = World::<FewBits>::new();
        let write = |number| _ = world.map.pin().insert(0, world.value(number));
        write(1);
        let oldest = world.map.snapshot();
        write(2);
        let older = world.map.snapshot();
        write(3);
        let dropper = thread::spawn(move || drop(older));
        let view = world.map.snapshot();
        write(4);
        dropper.join().unwrap();
        (0..12).for_each(|_| world.map.pin().refresh());
        assert_eq!([&oldest, &view].map(|view| view.get(&0).unwrap().number()), [1, 3]);
        drop((oldest, view));
        world.check_alone();
    });
}

#[test]
fn all_of_two_withdrawals() {
    explore_all(|| {
        let world = World::<FewBits>::new();
        let write = |number| _ = world.map.pin().insert(0, world.value(number));
        write(1);
        let views = [2, 3, 4].map(|next| {
            let view = world.map.snapshot();
            write(next);
            view
        });
        let [first, second, third] = views;
        let dropper = thread::spawn(move || drop(second));
        drop(third);
        dropper.join().unwrap();
        (0..12).for_each(|_| world.map.pin().refresh());
        assert_eq!(first.get(&0).unwrap().number(), 1);
        drop(first);
        world.check_alone();
    });
}

#[test]
fn registrations_withdrawals_and_retirements_at_once() {
    explore(|| {
        let world = World::<FewBits>::new();
        let write = |number| _ = world.map.pin().insert(0, world.value(number));
        write(1);
        let oldest = world.map.snapshot();
        write(2);
        let older = world.map.snapshot();
        write(3);
        // They may come to one root: then one withdraws its record and starts again.
        let snapshots = [(); 2].map(|()| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.map.snapshot())
        });
        let dropper = thread::spawn(move || drop(older));
        write(4);
        write(5);
        let views = snapshots.map(|snapshot| snapshot.join().unwrap());
        dropper.join().unwrap();
        write(6);
        (0..12).for_each(|_| world.map.pin().refresh());
        assert_eq!(oldest.get(&0).unwrap().number(), 1);
        assert!(views.iter().all(|view| (3..=5).contains(&view.get(&0).unwrap().number())));
        drop(oldest);
        drop(views);
        world.check_alone();
    });
}

#[test]
fn random_programs_in_one_bucket_are_linearizable() {
    explore(|| World::<FewBits>::new().check(&[], random_programs()));
}

#[test]
fn random_programs_in_a_deep_trie_are_linearizable() {
    explore(|| {
        let world = World::<DefaultHasher>::new();
        for key in 10..17 {
            world.map.handle().insert(key, world.value(0));
        }
        world.check(&[], random_programs());
    });
}

#[test]
fn random_programs_in_a_collision_node_are_linearizable() {
    explore(|| {
        let world = World::<Constant>::new();
        for key in 10..15 {
            world.map.handle().insert(key, world.value(0));
        }
        world.check(&[], random_programs());
    });
}

/// The slot that a lookup is about to read dies, and is written again for another key.
#[test]
fn all_of_a_lookup_against_reuse() {
    explore_all(|| {
        let programs = vec![vec![Op::Insert(0, 1), Op::Insert(2, 1)], vec![Op::Get(0)]];
        World::<FewBits>::new().check(&[Op::Insert(0, 8)], programs);
    });
}

/// A dead slot is written again at once.
#[test]
fn readers_against_reuse() {
    explore(|| {
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(2, 1), Op::Insert(0, 2), Op::Remove(2)],
            vec![Op::Get(0), Op::Get(2), Op::Get(0)],
            vec![Op::Insert(1, 3), Op::Get(2), Op::Remove(1), Op::Insert(1, 4)],
        ];
        World::<FewBits>::new().check(&[Op::Insert(0, 8), Op::Insert(1, 9)], programs);
    });
}

#[test]
fn an_iterator_against_reuse() {
    explore(|| {
        let world = World::<FewBits>::new();
        (0..2).for_each(|key| _ = world.run(Op::Insert(key, 9)));
        let other = Arc::clone(&world);
        let writer = thread::spawn(move || {
            for number in 0..3 {
                for op in [Op::Insert(0, number), Op::Insert(2, number), Op::Remove(2)] {
                    other.run(op);
                }
            }
        });
        for _ in 0..3 {
            let pinned = world.map.handle();
            let mut keys: Vec<u8> = pinned.keys().copied().collect();
            keys.sort_unstable();
            assert!(keys.starts_with(&[0, 1]), "an entry that is there throughout was not seen");
            assert!(keys.windows(2).all(|pair| pair[0] < pair[1]), "a key came twice");
        }
        writer.join().unwrap();
        world.check_alone();
    });
}

#[test]
fn claims_against_removals() {
    explore(|| {
        let before = [Op::Insert(0, 8), Op::Insert(1, 9)];
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Remove(1), Op::Insert(0, 2)],
            vec![Op::Remove(0), Op::Insert(1, 3), Op::Remove(0)],
            vec![Op::Insert(1, 4), Op::Get(0), Op::Insert(2, 5)],
        ];
        World::<FewBits>::new().check(&before, programs);
    });
}

/// Entries of one hash fill a bucket and its spill bucket, and then a collision node.
#[test]
fn spilling_against_growth() {
    explore(|| {
        let world = World::<Constant>::new();
        for key in 10..13 {
            world.map.handle().insert(key, world.value(0));
        }
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Remove(0), Op::Insert(0, 2)],
            vec![Op::Insert(1, 3), Op::Insert(2, 4), Op::Get(0)],
            vec![Op::Insert(0, 5), Op::Get(1), Op::Remove(1)],
        ];
        world.check(&[], programs);
    });
}

#[test]
fn spilling_against_snapshots() {
    explore(|| {
        let world = World::<Constant>::new();
        for key in 10..12 {
            world.map.handle().insert(key, world.value(0));
        }
        let programs = vec![
            vec![Op::Insert(0, 1), Op::Insert(1, 2), Op::Insert(0, 3)],
            vec![Op::Snapshot, Op::Get(0), Op::Snapshot],
            vec![Op::Remove(0), Op::Insert(1, 4)],
        ];
        world.check(&[], programs);
    });
}

#[test]
fn all_of_a_reader_against_reuse() {
    explore_all(|| {
        let programs = vec![vec![Op::Remove(0), Op::Insert(1, 1)], vec![Op::Get(0), Op::Get(1)]];
        World::<FewBits>::new().check(&[Op::Insert(0, 9)], programs);
    });
}

#[test]
fn all_of_a_claim_against_a_removal() {
    explore_all(|| {
        let programs = vec![vec![Op::Insert(0, 1)], vec![Op::Remove(0), Op::Insert(1, 2)]];
        World::<FewBits>::new().check(&[Op::Insert(0, 9)], programs);
    });
}

/// Of an inline entry it is a copy.
#[test]
fn a_reference_stays_while_its_entry_is_replaced() {
    explore(|| {
        let world = World::<FewBits>::new();
        world.run(Op::Insert(0, 1));
        let other = Arc::clone(&world);
        let reader = thread::spawn(move || {
            let pinned = other.map.handle();
            let (key, value) = pinned.get_key_value(&0).unwrap();
            let number = value.number();
            for _ in 0..4 {
                thread::yield_now();
                assert_eq!((*key, value.number()), (0, number));
            }
        });
        for number in 2..9 {
            world.run(Op::Insert(0, number));
            world.map.handle().refresh();
        }
        reader.join().unwrap();
        world.check_alone();
    });
}
