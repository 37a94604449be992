//! Long chains of versions: no recursion in proportion to their length, and nothing lost.

use std::thread;

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
    const LENGTH: u64 = 100_000;
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
fn many_snapshots<const COUNT: usize>(order: impl FnOnce(&mut Vec<usize>) + Send + 'static) {
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
    many_snapshots::<10_000>(|indices| indices.reverse());
}

#[test]
fn many_snapshots_dropped_oldest_first() {
    many_snapshots::<10_000>(|_| ());
}

#[test]
fn many_snapshots_dropped_at_random() {
    many_snapshots::<3_000>(|indices| Numbers(1).shuffle(indices));
}
