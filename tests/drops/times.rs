//! When a key or value is dropped.

use snaptrie::Operation;

use super::Map;
use crate::support::{
    Chosen, Counted, Ledger, Tested, alone, one_at_a_time, over_hashers, refresh_until,
};

over_hashers!(
    what_is_not_inserted_is_dropped_at_once,
    a_handle_keeps_what_it_saw,
    garbage_goes_with_later_writes,
    flushing_an_idle_map_drops_all_garbage,
    refreshing_an_idle_map_drops_all_garbage,
    dropping_a_map_drops_everything,
    clear_lets_entries_go,
);

pub(super) type CountedMap = Map<Counted, Counted>;

/// A map of these keys, each with a value of the same tag. Its epochs are its own.
pub(super) fn filled(ledger: Ledger, keys: std::ops::Range<u64>) -> CountedMap {
    let map = Map::with_private_collector(Chosen::default());
    write(&map, ledger, keys, 0);
    map
}

/// Gives these keys values with the key's tag plus `plus`.
pub(super) fn write(map: &CountedMap, ledger: Ledger, keys: std::ops::Range<u64>, plus: u64) {
    for key in keys {
        map.pin().insert(ledger.make(key), ledger.make(key + plus));
    }
}

pub(super) fn remove(map: &CountedMap, ledger: Ledger, keys: std::ops::Range<u64>) {
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

fn flushing_an_idle_map_drops_all_garbage() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..1_000);
    remove(&map, ledger, 0..900);
    // Beside handles of other threads, which do not last, for this map has its own clock.
    assert!(map.flush());
    assert_eq!(ledger.live(), 2 * map.len());
    map.retain(|key, _| key.tag() % 2 == 0);
    assert_eq!(map.len(), 50);
    assert!(map.flush());
    assert_eq!(ledger.live(), 100);
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

fn clear_lets_entries_go() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..300);
    map.clear();
    assert!(refresh_until(&map, 200, || ledger.live() == 0), "{}", ledger.live());
    write(&map, ledger, 0..10, 0);
    assert_eq!(ledger.live(), 20);
    drop(map);
    assert_eq!(ledger.live(), 0);
}

#[test]
fn forgotten_handles_delay_no_drop_of_a_map() {
    // A handle that is never dropped holds up the epochs of the whole process.
    alone(module_path!(), "forgotten_handles_delay_no_drop_of_a_map", || {
        let ledger = Ledger::new();
        let map = CountedMap::default();
        std::mem::forget(map.pin());
        for round in 0..100 {
            write(&map, ledger, 0..100, round);
            map.pin().refresh();
        }
        let version = map.version();
        remove(&map, ledger, 0..100);
        assert!(ledger.live() > 10_000, "the forgotten handle sees no harm done");
        drop(map);
        assert_eq!(ledger.live(), if CountedMap::VERSIONS { 200 } else { 0 });
        drop(version);
        assert_eq!(ledger.live(), 0);
    });
}
