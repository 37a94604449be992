//! Entries that are taken out of a map by value, or changed where they are.

use super::times::{filled, remove};
use super::{Map, into_entries, iter_mut, value_mut};
use crate::support::{
    Counted, Ledger, is_on_purpose, over_hashers, panic_on_purpose, quieten, verify,
};

over_hashers!(
    entries_are_taken_out_once,
    garbage_is_dropped_with_the_map,
    what_is_left_of_an_iteration_is_dropped,
    values_are_changed_where_they_are,
    a_destructor_that_panics_stops_no_other,
    nothing_of_an_empty_map,
);

fn entries_are_taken_out_once() {
    let ledger = Ledger::new();
    for size in [1, 7, 60, 700] {
        let map = filled(ledger, 0..size);
        let mut entries = into_entries(map);
        assert_eq!(entries.len(), size as usize);
        let mut tags: Vec<u64> =
            entries.by_ref().map(|(key, value)| key.tag() + value.tag()).collect();
        tags.sort_unstable();
        assert!(tags.into_iter().eq((0..size).map(|tag| 2 * tag)));
        assert!(entries.next().is_none());
        assert_eq!(ledger.live(), 0);
    }
}

fn garbage_is_dropped_with_the_map() {
    let ledger = Ledger::new();
    let map = filled(ledger, 0..200);
    super::times::write(&map, ledger, 0..100, 1_000);
    remove(&map, ledger, 150..200);
    let entries = into_entries(map);
    assert_eq!((entries.len(), ledger.live()), (150, 300));
    let sum: u64 = entries.map(|(_, value)| value.tag()).sum();
    assert_eq!((sum, ledger.live()), ((0..150).sum::<u64>() + 100 * 1_000, 0));
}

fn what_is_left_of_an_iteration_is_dropped() {
    let ledger = Ledger::new();
    let mut entries = into_entries(filled(ledger, 0..100));
    let kept: Vec<(Counted, Counted)> = entries.by_ref().take(10).collect();
    assert_eq!(ledger.live(), 200);
    drop(entries);
    assert_eq!((kept.len(), ledger.live()), (10, 20));
}

fn values_are_changed_where_they_are() {
    let ledger = Ledger::new();
    let mut map = filled(ledger, 0..300);
    remove(&map, ledger, 100..150);
    let ids: Vec<u64> = map.pin().keys().map(Counted::id).collect();
    assert!(value_mut(&mut map, &ledger.make(120)).is_none());
    *value_mut(&mut map, &ledger.make(7)).unwrap() = ledger.make(1_000);
    for (key, value) in iter_mut(&mut map) {
        *value = ledger.make(value.tag() + key.tag());
    }
    assert_eq!(map.len(), 250);
    for key in (0..100).chain(150..300) {
        let expected = if key == 7 { 1_007 } else { 2 * key };
        assert_eq!(map.with(&ledger.make(key), Counted::tag), Some(expected));
    }
    // The same entries, in the same order.
    assert!(map.pin().keys().map(Counted::id).eq(ids));
    verify(&map);
    // Values that were put in so are removed like any other.
    assert!(map.pin().remove(&ledger.make(7)).is_some_and(|value| value.tag() == 1_007));
    drop(map);
    assert_eq!(ledger.live(), 0);
}

struct Grenade(u32, #[expect(dead_code, reason = "for its drop")] Counted);

impl Drop for Grenade {
    fn drop(&mut self) {
        if self.0 % 3 == 0 {
            panic_on_purpose(self.0);
        }
    }
}

fn a_destructor_that_panics_stops_no_other() {
    quieten();
    let ledger = Ledger::new();
    let map = Map::<u32, Grenade>::default();
    (0..60).for_each(|i| _ = map.insert(i, Grenade(i, ledger.make(i.into()))));
    let entries = into_entries(map);
    assert_eq!(ledger.live(), 60);
    let panic = crate::support::catch(|| drop(entries)).unwrap_err();
    assert!(is_on_purpose(&*panic));
    assert_eq!(ledger.live(), 0);
}

fn nothing_of_an_empty_map() {
    assert_eq!(into_entries(Map::<u32, Counted>::default()).len(), 0);
    assert!(iter_mut(&mut Map::<u32, Counted>::default()).next().is_none());
    let ledger = Ledger::new();
    let map = filled(ledger, 0..50);
    remove(&map, ledger, 0..50);
    assert!(into_entries(map).next().is_none());
    assert_eq!(ledger.live(), 0);
}
