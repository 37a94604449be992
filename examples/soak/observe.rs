//! The observers, which check versions of a map.

use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;

use snaptrie::mode::{Boxed, Inline, Place};
use snaptrie::{CopyTrieMap, RandomState, Snapshot, TrieMap};

use crate::World;
use crate::load::{ACCOUNTS, BALANCE, CHURN, Ledger, MARKS, MOST, value_of};

type View<M> = Snapshot<u64, u64, RandomState, M>;

/// A map that has versions.
pub(crate) trait Versions: Ledger {
    type Mode: Place<u64, u64>;

    fn snapshot(&self) -> View<Self::Mode>;
    fn fork(&self) -> Self;
}

impl Versions for TrieMap<u64, u64> {
    type Mode = Boxed;

    fn snapshot(&self) -> View<Boxed> {
        self.snapshot()
    }
    fn fork(&self) -> Self {
        self.fork()
    }
}

impl Versions for CopyTrieMap<u64, u64> {
    type Mode = Inline;

    fn snapshot(&self) -> View<Inline> {
        self.snapshot()
    }
    fn fork(&self) -> Self {
        self.fork()
    }
}

/// The number of snapshots that are held.
const HELD: usize = 6;

/// A key that is inserted only into forks.
const OF_FORKS: u64 = 900_000;

/// Watches a map until the run ends.
pub(crate) fn watch<M: Versions>(world: &World, map: &M) {
    let mut held: VecDeque<(View<M::Mode>, u64)> = VecDeque::new();
    let mut marks = vec![0; world.workers as usize];
    let mut round = 0_u64;
    while world.goes_on() {
        round += 1;
        let view = map.snapshot();
        check_accounts(world, &view);
        check_marks(&view, &mut marks);
        // A snapshot is read again when it is dropped, long after it was taken.
        if round % 8 == 0 {
            let print = fingerprint(&view);
            assert_eq!(print, fingerprint(&view), "a snapshot differs when it is read twice");
            held.push_back((view, print));
        }
        if held.len() > HELD {
            let (view, print) = held.pop_front().expect("some are held");
            assert_eq!(print, fingerprint(&view), "a snapshot changed in the course of time");
        }
        if round % 16 == 0 {
            check_fork(world, map);
        }
        if round % 4 == 0 {
            let taken = world.queue.take();
            assert_eq!(taken.len(), taken.iter().count());
            world.taken.fetch_add(taken.len() as u64, Relaxed);
        }
        world
            .snapshots
            .fetch_add(1 + u64::from(round % 16 == 0) + u64::from(round % 4 == 0), Relaxed);
    }
}

/// Transfers create no money, and no more is in transit than the workers can have withdrawn.
fn check_accounts<M: Place<u64, u64>>(world: &World, view: &View<M>) {
    let total: u64 = (0..ACCOUNTS).map(|account| view[&account]).sum();
    let (all, moving) = (ACCOUNTS * BALANCE, world.workers * MOST);
    assert!(total <= all && total + moving >= all, "{total} of {all} at one instant");
}

/// Marks are written in order, and never decrease.
fn check_marks<M: Place<u64, u64>>(view: &View<M>, seen: &mut [u64]) {
    for (id, seen) in (0..).zip(seen) {
        let mark = |which| view.get(&(MARKS + 2 * id + which)).copied().unwrap_or(0);
        let (first, second) = (mark(0), mark(1));
        assert!(first == second || first == second + 1, "{first} and {second} at one instant");
        assert!(first >= *seen, "a later snapshot has an earlier mark");
        *seen = first;
    }
}

/// A number that depends on every entry, but not on their order.
fn fingerprint<M: Place<u64, u64>>(view: &View<M>) -> u64 {
    let mut count = 0;
    let mut print = 0_u64;
    for (key, value) in view {
        assert!(*key < CHURN || *value == value_of(*key), "a value of another key");
        count += 1;
        print = print.wrapping_add(value_of(key ^ value.rotate_left(32)));
    }
    assert_eq!(count, view.len(), "iterator and number differ");
    print
}

/// The map does not see writes to a fork, and the fork does not see those to the map.
fn check_fork<M: Versions>(world: &World, map: &M) {
    let fork = map.fork();
    let before = fork.snapshot();
    for key in 0..200 {
        fork.insert(OF_FORKS + key, key);
        fork.remove(CHURN + key);
    }
    check_accounts(world, &fork.snapshot());
    assert_eq!(fork.snapshot().get(&OF_FORKS), Some(&0));
    assert_eq!(before.get(&OF_FORKS), None);
    assert_eq!(map.get(OF_FORKS), None);
}
