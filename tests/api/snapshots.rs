//! Snapshots, forks and takes, as far as one thread can tell.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use snaptrie::{Compute, FixedState, Operation};

use super::allocations::{number, warm_up};
use super::entries::Halves;
use super::{AnyMap, Map, Snapshot};
use crate::support::alloc::allocations;
use crate::support::{Numbers, Placed, Tested, Text, finish, over_hashers, panics, sorted, verify};

over_hashers!(
    a_snapshot_never_changes,
    snapshots_look_up,
    snapshots_look_up_by_equivalent_keys,
    compute_after_a_snapshot,
    retain_after_a_snapshot,
    clear_leaves_snapshots_alone,
    traits_of_snapshots,
    reading_snapshots_and_forks_allocates_nothing,
    snapshots_of_a_map_that_was_never_written,
    snapshots_of_an_emptied_map,
    clones_are_the_same_snapshot,
    generations_increase,
    generations_go_on_in_forks,
    generations_go_on_in_forks_of_empty_snapshots,
    forks_are_independent,
    forks_of_snapshots_of_forks,
    take_moves_everything_out,
    take_keeps_what_snapshots_see,
    forks_of_takes,
    versions_match_a_model,
);

fn content(snapshot: &Snapshot<u32, u32>) -> BTreeMap<u32, u32> {
    snapshot.iter().map(|(key, value)| (*key, *value)).collect()
}

fn filled(count: u32, value: u32) -> Map<u32, u32> {
    (0..count).map(|key| (key, value)).collect()
}

fn a_snapshot_never_changes() {
    let map = filled(300, 0);
    let snapshot = map.snapshot();
    let expected: BTreeMap<u32, u32> = (0..300).map(|key| (key, 0)).collect();
    for round in 1..4 {
        for key in 0..200 {
            map.handle().insert(key * 2, round);
        }
        assert_eq!(content(&snapshot), expected);
        map.handle().retain(|key, _| key % 3 != 0);
        assert_eq!(content(&snapshot), expected);
        verify(&map);
    }
    map.clear();
    finish(map);
    assert_eq!((content(&snapshot), snapshot.len()), (expected, 300));
}

fn snapshots_look_up() {
    let map = filled(100, 7);
    let snapshot = map.snapshot();
    for key in 0..200 {
        map.handle().insert(key, 8);
    }
    for key in 0..200 {
        let there = key < 100;
        assert_eq!(snapshot.get(&key), there.then_some(&7));
        assert_eq!(snapshot.get_key_value(&key), there.then_some((&key, &7)));
        assert_eq!(snapshot.contains_key(&key), there);
    }
    assert_eq!(snapshot[&0], 7);
    assert!(!snapshot.is_empty());
}

fn snapshots_look_up_by_equivalent_keys() {
    const TEXT: &str = "abcdefghijklmnopqrstuvwxyz";
    let map: Map<Text, usize> = (0..TEXT.len()).map(|i| (Text::new(&TEXT[i..]), i)).collect();
    let snapshot = map.snapshot();
    for (i, text) in (0..TEXT.len()).map(|i| (i, TEXT[i..].to_string())) {
        map.handle().remove(text.as_str());
        let text: &str = &text;
        assert_eq!((snapshot.get(text), snapshot[text]), (Some(&i), i));
        assert_eq!(snapshot.get_key_value(text), Some((&Text::new(text), &i)));
        assert!(snapshot.contains_key(text));
    }
    assert!(map.is_empty() && panics(|| _ = snapshot["no number"]));

    let map = Map::<(Text, Text), u32>::default();
    map.handle().insert((Text::new("7"), Text::new("8")), 7);
    let snapshot = map.snapshot();
    map.clear();
    assert_eq!(snapshot.get(&Halves("7", "8")), Some(&7));
    assert_eq!(snapshot[&Halves("7", "8")], 7);
    assert!(!snapshot.contains_key(&Halves("7", "9")));
    finish(map);
}

fn compute_after_a_snapshot() {
    let map: Map<u32, u32> = (0..100).map(|key| (key, 0)).collect();
    let snapshot = map.snapshot();
    let pinned = map.handle();
    for key in 0..200 {
        let outcome = pinned.compute(key, |entry| match (key % 4, entry) {
            (0, _) => Operation::Insert(1),
            (1, _) => Operation::Remove,
            _ => Operation::Abort(entry.is_some()),
        });
        let known = key < 100;
        match key % 4 {
            0 if known => assert!(matches!(outcome, Compute::Updated { old: (_, 0), new: (_, 1) })),
            0 => assert!(matches!(outcome, Compute::Inserted(_, 1))),
            1 if known => assert!(matches!(outcome, Compute::Removed(_, 0))),
            1 => assert_eq!(outcome, Compute::Absent),
            _ => assert_eq!(outcome, Compute::Aborted(known)),
        }
    }
    assert_eq!(pinned.len(), 100 - 25 + 25);
    assert!(snapshot.len() == 100 && snapshot.values().all(|value| *value == 0));
    drop(pinned);
    finish(map);
}

fn retain_after_a_snapshot() {
    let map: Map<u32, u32> = (0..600).map(|key| (key, key)).collect();
    let snapshot = map.snapshot();
    map.handle().retain(|key, _| key % 2 == 0);
    assert_eq!((map.len(), snapshot.len()), (300, 600));
    map.handle().retain(|key, _| key % 4 == 0);
    assert_eq!((map.len(), snapshot.iter().count()), (150, 600));
    finish(map);
}

fn clear_leaves_snapshots_alone() {
    let map = Map::<u32, u32>::default();
    for round in 0..3 {
        for i in 0..500 {
            map.handle().insert(i, round);
        }
        let snapshot = map.snapshot();
        map.clear();
        assert!(snapshot.len() == 500 && snapshot.values().all(|value| *value == round));
    }
    finish(map);
}

fn traits_of_snapshots() {
    let (map, other) = (filled(200, 0), Map::<u32, u32>::default());
    (&mut &other).extend(&map.snapshot());
    assert_eq!(map.snapshot(), other.snapshot());
    other.handle().insert(7, 8);
    assert_ne!(map.snapshot(), other.snapshot());
    let not_itself: Map<u32, f32> = [(1, f32::NAN)].into_iter().collect();
    assert!(not_itself.snapshot() != not_itself.snapshot());
    assert_eq!(format!("{:?}", Map::<u32, u32>::default().snapshot()), "{}");
    assert_eq!(format!("{:?}", filled(1, 7).snapshot()), "{0: 7}");
    let map = <AnyMap<u32, u32, _> as Tested>::with_hasher(FixedState::with_seed(3));
    let expected = FixedState::with_seed(3).hash_one(7);
    assert_eq!(map.snapshot().hasher().hash_one(7), expected);
    assert_eq!(map.fork().hasher().hash_one(7), expected);
}

fn snapshots_of_a_map_that_was_never_written() {
    let map = Map::<u32, u32>::default();
    let (snapshot, taken) = (map.snapshot(), map.take());
    for empty in [&snapshot, &taken, &snapshot.clone()] {
        assert!(empty.is_empty() && empty.is_empty() && empty.generation() == 0);
        assert_eq!((empty.get(&1), empty.iter().len()), (None, 0));
        assert_eq!(empty.clone().into_iter().count(), 0);
        assert_eq!(format!("{empty:?}"), "{}");
    }
    let fork = snapshot.fork();
    fork.handle().insert(1, 1);
    map.handle().insert(2, 2);
    assert_eq!((sorted(&fork), sorted(&map), snapshot.len()), (vec![(1, 1)], vec![(2, 2)], 0));
    // Reading does not write.
    let map = Map::<u32, u32>::default();
    assert_eq!((map.handle().get(&1), map.handle().iter().count()), (None, 0));
    assert!(map.snapshot().generation() == 0 && map == AnyMap::default());
    finish(map);
    finish(fork);
}

fn snapshots_of_an_emptied_map() {
    let map = filled(100, 0);
    let full = map.snapshot();
    for key in 0..100 {
        map.handle().remove(&key);
    }
    let empty = map.snapshot();
    assert!(empty.is_empty() && full.len() == 100);
    let fork = empty.fork();
    fork.handle().insert(1, 1);
    map.handle().insert(2, 2);
    drop(full);
    assert_eq!((sorted(&fork), sorted(&map), empty.len()), (vec![(1, 1)], vec![(2, 2)], 0));
    finish(map);
    finish(fork);
}

fn clones_are_the_same_snapshot() {
    let map = filled(10, 0);
    let snapshot = map.snapshot();
    let clone = snapshot.clone();
    assert!(snapshot.ptr_eq(&clone) && clone.ptr_eq(&snapshot) && snapshot == clone);
    assert_eq!(snapshot.generation(), clone.generation());
    assert!(std::ptr::eq(snapshot.get(&1).unwrap(), clone.get(&1).unwrap()));
    let other = map.snapshot();
    assert!(!snapshot.ptr_eq(&other) && snapshot == other);
    drop(snapshot);
    assert_eq!(clone.len(), 10);
}

fn generations_increase() {
    let map = Map::<u32, u32>::default();
    let mut last = map.snapshot().generation();
    for round in 0..100 {
        map.handle().insert(round % 7, round);
        let next = if round % 3 == 0 { map.take() } else { map.snapshot() };
        assert!(next.generation() > last);
        let idle = map.snapshot();
        assert!(idle.generation() > next.generation(), "without a write between");
        last = idle.generation();
    }
}

fn generations_go_on_in_forks() {
    let map = filled(10, 0);
    for _ in 0..5 {
        map.snapshot();
    }
    let base = map.snapshot();
    let fork = base.fork();
    assert!(fork.snapshot().generation() > base.generation());
    fork.handle().insert(1, 1);
    assert!(fork.fork().snapshot().generation() > base.generation() + 1);
}

/// "A fork goes on counting from the snapshot it grew from."
fn generations_go_on_in_forks_of_empty_snapshots() {
    let map = filled(1, 0);
    map.handle().remove(&0);
    for _ in 0..5 {
        map.snapshot();
    }
    let base = map.snapshot();
    let fork = base.fork();
    fork.handle().insert(1, 1);
    let later = fork.snapshot().generation();
    assert!(later > base.generation(), "{later} after {}", base.generation());
}

fn forks_are_independent() {
    let map = filled(200, 0);
    let snapshot = map.snapshot();
    let forks: Vec<_> = (1..5).map(|value| (value, snapshot.fork())).collect();
    for (value, fork) in &forks {
        for key in 0..100 {
            fork.handle().insert(key * 3, *value);
        }
        fork.handle().remove(value);
    }
    map.clear();
    for (value, fork) in &forks {
        verify(fork);
        let expected = (0..200).map(|key| (key, 0)).chain((0..100).map(|key| (key * 3, *value)));
        let mut expected: BTreeMap<u32, u32> = expected.collect();
        expected.remove(value);
        assert_eq!(content(&fork.snapshot()), expected);
    }
    assert_eq!(snapshot.len(), 200);
}

fn forks_of_snapshots_of_forks() {
    let first = filled(100, 0);
    let mut maps = vec![first];
    for depth in 1..20 {
        let fork = maps[depth - 1].snapshot().fork();
        for i in 0..10 {
            fork.handle().insert(depth as u32 * 5 + i, depth as u32);
        }
        fork.handle().remove(&(depth as u32));
        maps.push(fork);
    }
    let mut expected: BTreeMap<u32, u32> = (0..100).map(|key| (key, 0)).collect();
    for (depth, map) in maps.iter().enumerate() {
        if let Some(depth) = u32::try_from(depth).ok().filter(|depth| *depth > 0) {
            expected.extend((0..10).map(|i| (depth * 5 + i, depth)));
            expected.remove(&depth);
        }
        assert_eq!(content(&map.snapshot()), expected, "at depth {depth}");
        verify(map);
    }
    maps.truncate(1);
    assert_eq!(maps[0].len(), 100);
}

fn take_moves_everything_out() {
    let map = filled(300, 1);
    let taken = map.take();
    assert!(map.is_empty() && map.is_empty());
    assert!(taken.len() == 300 && taken.values().all(|value| *value == 1));
    (0..100).for_each(|key| assert_eq!(map.handle().insert(key, 2), None));
    let second = map.take();
    assert!(second.len() == 100 && second.values().all(|value| *value == 2));
    assert!(map.take().is_empty());
    drop(taken);
    assert_eq!(second.iter().count(), 100);
    verify(&map);
    finish(map);
    assert_eq!(second.iter().count(), 100);
}

fn take_keeps_what_snapshots_see() {
    let map = filled(300, 1);
    let before = map.snapshot();
    for key in 0..150 {
        map.handle().insert(key, 2);
    }
    let taken = map.take();
    let after = map.snapshot();
    drop(taken);
    map.handle().insert(0, 3);
    assert!(before.len() == 300 && before.values().all(|value| *value == 1));
    assert!(after.is_empty());
    drop(before);
    finish(map);
}

fn forks_of_takes() {
    let map = filled(100, 1);
    let taken = map.take();
    let fork = taken.fork();
    for key in 50..150 {
        fork.handle().insert(key, 2);
    }
    drop(map);
    let again = fork.take();
    drop(fork);
    assert_eq!((taken.len(), again.len()), (100, 150));
    assert!((0..150).all(|key| again[&key] == if key < 50 { 1 } else { 2 }));
    drop(taken);
    assert!(again.values().sum::<u32>() == 250);
}

/// A map among versions, and what it should hold.
struct Version {
    map: Map<u32, u32>,
    model: BTreeMap<u32, u32>,
}

impl Version {
    fn write(&mut self, numbers: &mut Numbers) {
        let (key, value) = (numbers.below(100) as u32, numbers.below(1_000) as u32);
        if numbers.below(3) == 0 {
            assert_eq!(self.map.handle().remove(&key).copied(), self.model.remove(&key));
        } else {
            assert_eq!(
                self.map.handle().insert(key, value).copied(),
                self.model.insert(key, value)
            );
        }
    }
}

fn versions_match_a_model() {
    for seed in 0..10 {
        let mut numbers = Numbers(seed);
        let mut maps = vec![Version { map: Map::<_, _>::default(), model: BTreeMap::new() }];
        let mut snapshots = Vec::new();
        for _ in 0..3_000 {
            let (at, count) = (numbers.below(maps.len()), maps.len());
            let Version { map, model } = &mut maps[at];
            match numbers.below(100) {
                0..3 => snapshots.push((map.snapshot(), model.clone())),
                3 => snapshots.push((map.take(), std::mem::take(model))),
                4 if count < 6 => {
                    let version = Version { map: map.fork(), model: model.clone() };
                    maps.push(version);
                }
                5 if count > 1 => drop(maps.swap_remove(at)),
                6..9 if !snapshots.is_empty() => {
                    let (snapshot, model) = snapshots.swap_remove(numbers.below(snapshots.len()));
                    assert_eq!(content(&snapshot), model, "with seed {seed}");
                }
                _ => maps[at].write(&mut numbers),
            }
        }
        snapshots.iter().for_each(|(snapshot, model)| assert_eq!(content(snapshot), *model));
        for Version { map, model } in maps {
            assert_eq!(content(&map.snapshot()), model);
            finish(map);
        }
    }
}

/// Hashes that agree in all but the lowest bits.
#[cfg(debug_assertions)]
#[test]
fn placed_keys_go_deep() {
    let low_bits = (0..300_u64).map(|i| (0xabc << 52) | i);
    let map: AnyMap<u64, (), Placed> = low_bits.map(|key| (key, ())).collect();
    assert!(map.check_structure().depth > 10);
}

fn reading_snapshots_and_forks_allocates_nothing() {
    warm_up();
    let map = filled(500, 7);
    let snapshot = map.snapshot();
    assert_eq!(allocations(|| drop(snapshot.clone())), 0);
    assert_eq!(allocations(|| (0..500).for_each(|key| assert_eq!(snapshot[&key], 7))), 0);
    let fork = snapshot.fork();
    // Made outside: now and then making a handle frees garbage, with some bookkeeping.
    let pinned = fork.pin();
    let hit = |key| {
        assert!(pinned.contains_key(&key));
        assert_eq!(number(pinned.get_or_insert(key, 8)), 7);
    };
    assert_eq!(allocations(|| (0..500).for_each(hit)), 0, "in a fork");
    assert_eq!(allocations(|| assert_eq!((pinned.len(), snapshot.len()), (500, 500))), 0);
}
