//! Destructors that panic, and nonsense, where a map has snapshots and forks.

use std::panic::panic_any;

use snaptrie::{History, Snapshot};

use super::Map;
use super::destructors::{Bomb, Factory, explodes};
use crate::support::hooks::{Event, Touchy, arm, disarm};
use crate::support::{
    Chosen, Ledger, OnPurpose, Tested, catch, over_hashers, panics, refresh_until, verify,
};

over_hashers!(
    dropping_the_last_snapshot_passes_the_panic_on,
    dropping_a_fork_passes_the_panic_on,
    every_destructor_panics_with_snapshots,
    a_chain_of_forks,
    dropping_a_snapshot_of_a_living_map,
    clear_and_take,
    dropping_a_fork_while_panicking,
    a_history_keeps_what_is_pushed_where_the_oldest_panics,
    comparing_snapshots_may_panic,
);

fn dropping_the_last_snapshot_passes_the_panic_on() {
    let bombs = Factory::new(10);
    let map = bombs.filled(0..100);
    let snapshot = map.snapshot();
    map.clear();
    assert!(!explodes(|| drop(map)), "the snapshot has them all");
    assert_eq!(bombs.ledger.live(), 100);
    let clone = snapshot.clone();
    assert!(!explodes(|| drop(snapshot)));
    assert!(explodes(|| drop(clone)));
    bombs.assert_all_gone(10);
}

fn dropping_a_fork_passes_the_panic_on() {
    let bombs = Factory::new(10);
    let map = bombs.filled(0..100);
    let fork = map.fork();
    (0..50).for_each(|key| _ = fork.handle().insert(key, bombs.make(1_000 + key)));
    assert!(!explodes(|| drop(map)));
    assert_eq!(bombs.ledger.live(), 150);
    assert!(explodes(|| drop(fork)));
    bombs.assert_all_gone(15);
}

fn every_destructor_panics_with_snapshots() {
    let bombs = Factory::new(1);
    let map = bombs.filled(0..200);
    let first = map.snapshot();
    (0..200).for_each(|key| _ = map.handle().insert(key, bombs.make(key)));
    let second = map.snapshot();
    map.handle().retain(|key, _| key % 2 == 0);
    assert!(!explodes(|| drop(map)));
    assert!(explodes(|| drop(second)));
    assert!(explodes(|| drop(first)));
    bombs.assert_all_gone(400);
}

fn a_chain_of_forks() {
    let bombs = Factory::new(3);
    let mut map = bombs.filled(0..10);
    for step in 0..300 {
        map = map.fork();
        map.handle().insert(step % 10, bombs.make(step));
    }
    assert_eq!(bombs.ledger.live(), 310);
    assert!(explodes(|| drop(map)));
    bombs.assert_all_gone(4 + 100);
}

fn dropping_a_snapshot_of_a_living_map() {
    let bombs = Factory::new(10);
    let map = bombs.filled(0..200);
    let snapshots: Vec<Snapshot<u64, Bomb, Chosen>> = (0..3).map(|_| map.snapshot()).collect();
    (0..200).for_each(|key| _ = map.handle().insert(key, bombs.make(1 + 10 * key)));
    // Its entries wait for a grace period: whether a destructor runs right now is open.
    snapshots.into_iter().for_each(|snapshot| _ = catch(|| drop(snapshot)));
    assert!(refresh_until(&map, 200, || bombs.ledger.live() == 200));
    verify(&map);
    assert!(!explodes(|| drop(map)));
    bombs.assert_all_gone(20);
}

fn clear_and_take() {
    let bombs = Factory::new(10);
    let map = bombs.filled(0..200);
    map.clear();
    assert!(map.is_empty());
    assert!(refresh_until(&map, 200, || bombs.ledger.live() == 0), "{}", bombs.ledger.live());
    (0..200).for_each(|key| _ = map.handle().insert(key, bombs.make(key)));
    drop(map.take());
    assert!(refresh_until(&map, 200, || bombs.ledger.live() == 0), "{}", bombs.ledger.live());
    (0..200).for_each(|key| _ = map.handle().insert(key, bombs.make(key)));
    let taken = map.take();
    assert!(!explodes(|| drop(map)));
    assert!(explodes(|| drop(taken)));
    bombs.assert_all_gone(60);
}

/// The panic that is under way goes on; those of the destructors are dropped.
fn dropping_a_fork_while_panicking() {
    let bombs = Factory::new(1);
    let payload = catch(|| {
        let map = bombs.filled(0..100);
        let _snapshot = map.snapshot();
        let fork = map.fork();
        (0..50).for_each(|key| _ = fork.handle().insert(key, bombs.make(key)));
        panic_any(OnPurpose(424_242));
    });
    let payload = payload.map(|_: ()| ()).unwrap_err();
    assert_eq!(payload.downcast_ref::<OnPurpose>(), Some(&OnPurpose(424_242)));
    bombs.assert_all_gone(150);
}

fn a_history_keeps_what_is_pushed_where_the_oldest_panics() {
    let bombs = Factory::new(1);
    let map = bombs.filled(0..10);
    let mut history = History::new(2);
    for round in 1..3 {
        history.push(map.snapshot());
        (0..10).for_each(|key| _ = map.handle().insert(key, bombs.make(10 * round + key)));
    }
    let last = map.snapshot();
    let generation = last.generation();
    assert!(!explodes(|| drop(map)), "the versions have them all");
    assert!(explodes(|| _ = history.push(last)));
    assert_eq!((history.len(), history.latest().unwrap().generation()), (2, generation));
    assert!(explodes(|| drop(history)));
    bombs.assert_all_gone(30);
}

fn comparing_snapshots_may_panic() {
    let ledger = Ledger::new();
    let filled =
        || -> Map<u64, Touchy> { (0..30).map(|key| (key, Touchy(ledger.make(key)))).collect() };
    let snapshots = (filled().snapshot(), filled().snapshot());
    for spared in 0..30 {
        arm(Event::Eq, spared);
        assert!(panics(|| assert!(snapshots.0 == snapshots.1)) && !disarm());
    }
    assert!(snapshots.0 == snapshots.1);
    drop(snapshots);
    assert_eq!(ledger.live(), 0);
}
