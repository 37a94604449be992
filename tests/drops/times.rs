//! When a key or value is dropped.

use snaptrie::{Operation, TrieMap};

use crate::support::{
    Chosen, Counted, Ledger, Map, alone, one_at_a_time, over_hashers, refresh_until,
};

over_hashers!(
    what_is_not_inserted_is_dropped_at_once,
    a_handle_keeps_what_it_saw,
    garbage_goes_with_later_writes,
    garbage_goes_with_later_handles,
    refreshing_an_idle_map_drops_all_garbage,
    dropping_a_map_drops_everything,
    dropping_a_map_leaves_what_snapshots_see,
    dropping_all_snapshots_lets_their_entries_go,
    snapshots_keep_only_what_they_see,
    clear_and_take_let_entries_go,
    forks_keep_their_base_alone,
    entries_and_iterators_keep_their_snapshot,
    snapshots_within_values_of_the_same_map,
);

type CountedMap = Map<Counted, Counted>;

/// A map of these keys, each with a value of the same tag. Its epochs are its own.
fn filled(ledger: Ledger, keys: std::ops::Range<u64>) -> CountedMap {
    let map = TrieMap::with_private_collector(Chosen::default());
    write(&map, ledger, keys, 0);
    map
}

/// Gives these keys values with the key's tag plus `plus`.
fn write(map: &CountedMap, ledger: Ledger, keys: std::ops::Range<u64>, plus: u64) {
    for key in keys {
        map.pin().insert(ledger.make(key), ledger.make(key + plus));
    }
}

fn remove(map: &CountedMap, ledger: Ledger, keys: std::ops::Range<u64>) {
    keys.for_each(|key| assert!(map.pin().remove(&ledger.make(key)).is_some()));
}

fn what_is_not_inserted_is_dropped_at_once() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..10);
    let pinned = map.pin();
    let new = |tag| (ledger.make(tag), ledger.make(tag));
    assert_eq!(ledger.live(), 20);
    let (key, value) = new(3);
    pinned.get_or_insert(key, value);
    pinned.get_or_insert_with(ledger.make(3), || unreachable!());
    assert!(pinned.try_insert_with(ledger.make(3), || unreachable!()).is_err());
    assert!(pinned.update(ledger.make(99), |_| unreachable!()).is_none());
    pinned.compute(ledger.make(3), |_| Operation::Abort(()));
    pinned.compute::<()>(ledger.make(99), |_| Operation::Remove);
    assert!(pinned.remove_if(&ledger.make(3), |_, _| false).is_none());
    assert_eq!(ledger.live(), 20);
    // Given back, and not dropped.
    let (key, value) = new(3);
    let (key_id, value_id) = (key.id(), value.id());
    let error = pinned.try_insert(key, value).unwrap_err();
    assert_eq!((error.key.id(), error.value.id(), ledger.live()), (key_id, value_id, 22));
    drop(error);
    assert_eq!(ledger.live(), 20);
}

fn a_handle_keeps_what_it_saw() {
    let _turn = one_at_a_time();
    let ledger = Ledger::new();
    let map = Map::default();
    write(&map, ledger, 0..100, 0);
    let pinned = map.pin();
    let seen: Vec<(&Counted, &Counted)> = pinned.iter().collect();
    let old: Vec<&Counted> =
        (0..50).filter_map(|key| pinned.insert(ledger.make(key), ledger.make(1_000))).collect();
    map.clear();
    for _ in 0..1_000 {
        map.pin().refresh();
    }
    assert!(seen.iter().all(|(key, value)| key.tag() == value.tag()));
    assert_eq!(old.iter().map(|value| value.tag()).sum::<u64>(), 49 * 50 / 2);
    drop(pinned);
    assert!(refresh_until(&map, 10_000, || ledger.live() == 0));
}

fn garbage_goes_with_later_writes() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..10);
    for round in 0..10_000 {
        map.pin().insert(ledger.make(round % 10), ledger.make(round));
        assert!(ledger.live() < 2_000, "{} instances after {round} writes", ledger.live());
    }
    drop(map);
    assert_eq!(ledger.live(), 0);
}

fn garbage_goes_with_later_handles() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..1_000);
    remove(&map, ledger, 0..1_000);
    for _ in 0..1_000_000 {
        if ledger.live() == 0 {
            return;
        }
        assert!(map.pin().get(&ledger.make(0)).is_none());
    }
    panic!("{} instances are left after a million lookups", ledger.live());
}

fn refreshing_an_idle_map_drops_all_garbage() {
    let ledger = Ledger::new();
    let map =
        filled(ledger, 0..5_000.min(if Chosen::default() == Chosen::Good { 5_000 } else { 500 }));
    remove(&map, ledger, 0..400);
    write(&map, ledger, 400..500, 1);
    let wanted = 2 * map.len();
    assert!(refresh_until(&map, 200, || ledger.live() == wanted));
    // And it keeps the rest.
    assert!(!refresh_until(&map, 200, || ledger.live() != wanted));
}

fn dropping_a_map_drops_everything() {
    for keys in [0, 1, 5, 50, 300] {
        let ledger = Ledger::new();
        let map = filled(ledger, 0..keys);
        write(&map, ledger, 0..keys / 2, 1);
        remove(&map, ledger, 0..keys / 3);
        drop(map);
        assert_eq!(ledger.live(), 0);
    }
}

fn dropping_a_map_leaves_what_snapshots_see() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let first = map.snapshot();
    write(&map, ledger, 0..50, 1_000);
    let second = map.snapshot();
    write(&map, ledger, 25..75, 2_000);
    remove(&map, ledger, 90..100);
    drop(map);
    // At once: what neither sees is gone.
    let values = |plus: u64, range: std::ops::Range<u64>| range.map(move |tag| tag + plus);
    let both: Vec<u64> =
        values(0, 0..100).chain(values(0, 0..100)).chain(values(0, 0..50)).collect();
    let expected = crate::support::sort(both.into_iter().chain(values(1_000, 0..50)));
    assert_eq!(ledger.tags(), expected);
    // What only the first sees goes with it, and nothing else.
    drop(first);
    let expected = values(0, 0..100).chain(values(1_000, 0..50)).chain(values(0, 50..100));
    assert_eq!(ledger.tags(), crate::support::sort(expected));
    assert!(second.iter().all(|(key, value)| value.tag() % 1_000 == key.tag()));
    drop(second);
    assert_eq!(ledger.live(), 0);
}

fn dropping_all_snapshots_lets_their_entries_go() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..500);
    let snapshots: Vec<_> = (1..5)
        .map(|round| {
            let snapshot = map.snapshot();
            write(&map, ledger, 0..100 * round, 1_000 * round);
            snapshot
        })
        .collect();
    assert!(!refresh_until(&map, 50, || ledger.live() <= 1_000), "snapshots lost entries");
    drop(snapshots);
    assert!(refresh_until(&map, 200, || ledger.live() == 1_000), "{}", ledger.live());
    assert_eq!(map.len(), 500);
}

fn snapshots_keep_only_what_they_see() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let old = map.snapshot();
    for round in 1..200 {
        write(&map, ledger, 0..100, round);
        let _short = map.snapshot();
    }
    // The keys and values of the map, and those that the old snapshot sees.
    assert!(refresh_until(&map, 1_000, || ledger.live() == 400), "{}", ledger.live());
    drop(map);
    assert_eq!(ledger.live(), 200);
    assert!(old.iter().all(|(key, value)| key.tag() == value.tag()));
}

fn clear_and_take_let_entries_go() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..300);
    map.clear();
    assert!(refresh_until(&map, 200, || ledger.live() == 0), "{}", ledger.live());
    write(&map, ledger, 0..300, 0);
    let taken = map.take();
    write(&map, ledger, 0..10, 0);
    assert!(!refresh_until(&map, 50, || ledger.live() != 620), "the take lost entries");
    drop(taken);
    assert!(refresh_until(&map, 200, || ledger.live() == 20), "{}", ledger.live());
    let taken = map.take();
    drop(map);
    assert_eq!(ledger.live(), 20);
    drop(taken);
    assert_eq!(ledger.live(), 0);
}

fn forks_keep_their_base_alone() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let fork = map.fork();
    write(&map, ledger, 0..100, 1_000);
    write(&fork, ledger, 0..10, 2_000);
    drop(map);
    // The base, and the fork's own.
    assert_eq!(ledger.live(), 200 + 20);
    let deeper = fork.fork();
    drop(fork);
    assert_eq!(ledger.live(), 220);
    assert!(deeper.pin().iter().all(|(key, value)| value.tag() % 1_000 == key.tag()));
    drop(deeper);
    assert_eq!(ledger.live(), 0);
}

fn entries_and_iterators_keep_their_snapshot() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..100);
    let mut entries = map.snapshot().into_iter();
    let one = entries.next().unwrap();
    drop(map);
    assert_eq!(ledger.live(), 200);
    drop(entries);
    assert_eq!((ledger.live(), one.key().tag()), (200, one.value().tag()));
    let other = one.clone();
    drop(one);
    assert_eq!(ledger.live(), 200);
    drop(other);
    assert_eq!(ledger.live(), 0);
}

/// A map whose values hold its own earlier versions is no cycle: each snapshot ends with the entry
/// that holds it.
fn snapshots_within_values_of_the_same_map() {
    struct Version {
        _before: snaptrie::Snapshot<u64, Version, Chosen>,
        _counted: Counted,
    }
    let ledger = Ledger::new();
    let map = Map::<u64, Version>::default();
    for round in 0..100 {
        let version = Version { _before: map.snapshot(), _counted: ledger.make(round) };
        map.pin().insert(round % 7, version);
    }
    assert_eq!(ledger.live(), 100, "each version holds the one before");
    let last = map.snapshot();
    drop(map);
    assert_eq!(ledger.live(), 100);
    drop(last);
    assert_eq!(ledger.live(), 0);
}

#[test]
fn forgotten_handles_delay_no_drop_of_a_map() {
    // A handle that is never dropped holds up the epochs of the whole process.
    alone("drops::times::forgotten_handles_delay_no_drop_of_a_map", || {
        let ledger = Ledger::new();
        let map = CountedMap::default();
        std::mem::forget(map.pin());
        for round in 0..100 {
            write(&map, ledger, 0..100, round);
            map.pin().refresh();
        }
        let snapshot = map.snapshot();
        remove(&map, ledger, 0..100);
        assert!(ledger.live() > 10_000, "the forgotten handle sees no harm done");
        drop(map);
        assert_eq!(ledger.live(), 200);
        drop(snapshot);
        assert_eq!(ledger.live(), 0);
    });
}
