//! Long chains of versions: no recursion in proportion to their length, and nothing lost.

use std::thread;

use snaptrie::Snapshot;

use super::Map;
use crate::support::{Chosen, Counted, Ledger, Numbers, over_hashers};

over_hashers!(
    a_long_chain_of_forks,
    a_long_chain_of_forks_that_are_kept,
    a_long_chain_of_takes,
    many_snapshots_dropped_newest_first,
);

type CountedMap = Map<u64, Counted>;

/// Runs a body on a stack that a recursion of some thousand steps would overflow.
fn on_a_small_stack(body: impl FnOnce() + Send + 'static) {
    let hash = Chosen::default();
    let thread = thread::Builder::new().stack_size(256 << 10).spawn(move || hash.during(body));
    thread.unwrap().join().unwrap();
}

fn filled(ledger: Ledger) -> CountedMap {
    (0..10).map(|key| (key, ledger.make(key))).collect()
}

fn a_long_chain_of_forks() {
    const LENGTH: u64 = 20_000;
    on_a_small_stack(|| {
        let ledger = Ledger::new();
        let mut map = filled(ledger);
        for step in 0..LENGTH {
            map = map.fork();
            map.pin().insert(step % 10, ledger.make(step));
        }
        assert_eq!(ledger.live() as u64, 10 + LENGTH, "each fork keeps its base");
        let last = map.snapshot();
        drop(map);
        assert_eq!(last.values().map(Counted::tag).sum::<u64>(), (LENGTH - 10..LENGTH).sum());
        drop(last);
        assert_eq!(ledger.live(), 0);
    });
}

fn a_long_chain_of_forks_that_are_kept() {
    on_a_small_stack(|| {
        for newest_first in [false, true] {
            let ledger = Ledger::new();
            let mut maps = vec![filled(ledger)];
            for step in 0..5_000 {
                let fork = maps.last().unwrap().fork();
                fork.pin().insert(step % 10, ledger.make(step));
                maps.push(fork);
            }
            if newest_first {
                maps.reverse();
            }
            maps.into_iter().for_each(drop);
            assert_eq!(ledger.live(), 0);
        }
    });
}

fn a_long_chain_of_takes() {
    on_a_small_stack(|| {
        let ledger = Ledger::new();
        let mut map = filled(ledger);
        for step in 0..20_000 {
            map = map.take().fork();
            map.pin().insert(step % 10, ledger.make(step));
        }
        drop(map);
        assert_eq!(ledger.live(), 0);
    });
}

/// Snapshots alive at once, a write after each; dropped as `order` says.
fn many_snapshots(order: impl FnOnce(&mut Vec<usize>) + Send + 'static) {
    const COUNT: usize = 10_000;
    on_a_small_stack(|| {
        let ledger = Ledger::new();
        let map = filled(ledger);
        let mut snapshots: Vec<_> = (0..COUNT as u64)
            .map(|step| {
                let snapshot = map.snapshot();
                map.pin().insert(step % 10, ledger.make(step));
                Some(snapshot)
            })
            .collect();
        assert_eq!(ledger.live(), 10 + COUNT);
        let mut indices: Vec<usize> = (0..COUNT).collect();
        order(&mut indices);
        let half = indices.split_off(COUNT / 2);
        indices.into_iter().for_each(|index| drop(snapshots[index].take()));
        for snapshot in snapshots.iter().flatten() {
            assert!(snapshot.values().all(|value| value.tag() < COUNT as u64));
        }
        drop(map);
        half.into_iter().for_each(|index| drop(snapshots[index].take()));
        assert_eq!(ledger.live(), 0);
    });
}

fn many_snapshots_dropped_newest_first() {
    many_snapshots(|indices| indices.reverse());
}

#[test]
fn many_snapshots_dropped_oldest_first() {
    many_snapshots(|_| ());
}

#[test]
fn many_snapshots_dropped_at_random() {
    many_snapshots(|indices| Numbers(1).shuffle(indices));
}

/// The keys of a map with many snapshots. Each write replaces the entry of the next one.
const KEYS: usize = 10;

/// Drops 10 000 snapshots in some order, and says of each entry when it must be gone: once the map and all
/// snapshots that saw it are.
fn each_entry_goes_with_the_last_snapshot_that_saw_it(order: impl FnOnce(&mut Vec<usize>)) {
    const COUNT: usize = 10_000;
    let ledger = Ledger::new();
    let map = Map::with_hasher(Chosen::default()).collecting_privately();
    let write = |step: usize| {
        map.pin().insert(ledger.make((step % KEYS) as u64), ledger.make(step as u64));
    };
    (0..KEYS).for_each(write);
    // Snapshot i comes after write KEYS + i - 1, and sees the last KEYS writes.
    let mut snapshots: Vec<Option<Snapshot<Counted, Counted, Chosen>>> = (0..COUNT)
        .map(|index| {
            let snapshot = map.snapshot();
            write(KEYS + index);
            Some(snapshot)
        })
        .collect();
    // By write: how many snapshots see its entry, and one for the map if that has it.
    let mut seen_by = vec![0; KEYS + COUNT];
    (0..COUNT).for_each(|index| (index..index + KEYS).for_each(|step| seen_by[step] += 1));
    seen_by[COUNT..].iter_mut().for_each(|count| *count += 1);
    let mut alive = seen_by.len();
    let mut indices: Vec<usize> = (0..COUNT).collect();
    order(&mut indices);
    for (dropped, index) in indices.into_iter().enumerate() {
        drop(snapshots[index].take());
        for count in &mut seen_by[index..index + KEYS] {
            *count -= 1;
            alive -= usize::from(*count == 0);
        }
        if dropped % 100 == 0 || dropped > COUNT - 20 {
            assert!(map.flush(), "garbage is left");
            assert_eq!(ledger.live(), 2 * alive, "keys and values after {dropped} drops");
        }
    }
    assert_eq!(alive, KEYS);
    drop(map);
    assert_eq!(ledger.live(), 0);
}

#[test]
fn each_entry_goes_with_its_last_snapshot_oldest_first() {
    each_entry_goes_with_the_last_snapshot_that_saw_it(|_| ());
}

#[test]
fn each_entry_goes_with_its_last_snapshot_newest_first() {
    each_entry_goes_with_the_last_snapshot_that_saw_it(|indices| indices.reverse());
}

#[test]
fn each_entry_goes_with_its_last_snapshot_at_random() {
    for seed in 1..4 {
        each_entry_goes_with_the_last_snapshot_that_saw_it(|indices| {
            Numbers(seed).shuffle(indices);
        });
    }
}

/// As above, by threads that drop them at once while the map is written and more snapshots come and go.
#[test]
fn many_snapshots_dropped_by_threads_beside_a_writer() {
    const COUNT: usize = 2_000;
    let ledger = Ledger::new();
    let map = Map::with_hasher(Chosen::default()).collecting_privately();
    let write = |step: usize| {
        map.pin().insert(ledger.make((step % KEYS) as u64), ledger.make(step as u64));
    };
    (0..KEYS).for_each(write);
    let mut snapshots: Vec<_> = (0..COUNT)
        .map(|index| {
            let snapshot = map.snapshot();
            write(KEYS + index);
            (index, snapshot)
        })
        .collect();
    Numbers(1).shuffle(&mut snapshots);
    let kept = snapshots.split_off(3 * COUNT / 4);
    let rest = snapshots.split_off(COUNT / 3);
    let map = &map;
    thread::scope(|scope| {
        for share in [snapshots, rest] {
            scope.spawn(move || {
                for (index, snapshot) in share {
                    let values = snapshot.values().map(Counted::tag).sum::<u64>() as usize;
                    assert_eq!(values, (index..index + KEYS).sum());
                    drop(snapshot);
                    drop(map.snapshot());
                }
            });
        }
        scope.spawn(move || (0..COUNT).for_each(write));
    });
    for (index, snapshot) in &kept {
        let values = snapshot.values().map(Counted::tag).sum::<u64>() as usize;
        assert_eq!(values, (*index..index + KEYS).sum());
    }
    drop(kept);
    assert!(map.flush(), "garbage is left");
    assert_eq!(ledger.live(), 2 * KEYS);
}
