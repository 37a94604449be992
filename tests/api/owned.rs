//! Keys and values that own something: in statics, bound to their thread, within each other; and that use their own map
//! when they are made or dropped.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};
use std::thread;

use snaptrie::FixedState;

use super::{AnyMap, Map};
use crate::support::{Ledger, Tested, finish, over_hashers, refresh_until, sort, verify, watched};

over_hashers!(
    values_may_stay_on_their_thread,
    maps_within_maps,
    closures_that_remove_and_insert_the_key,
    values_that_use_the_map_when_they_are_dropped,
);

static COUNTS: AnyMap<String, u32, FixedState> = AnyMap::with_hasher(FixedState::with_seed(7));

#[test]
fn a_static_map() {
    let threads: Vec<_> = (0..4)
        .map(|id| {
            thread::spawn(move || {
                for i in 0..100 {
                    COUNTS.pin().insert(format!("{id} {i}"), i);
                    COUNTS.pin().update_or_insert("sum".to_string(), |sum| sum + i, i);
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!((COUNTS.len(), COUNTS.pin()["sum"]), (401, 4 * 4950));
}

fn values_may_stay_on_their_thread() {
    let map = Map::<u32, Rc<u32>>::default();
    let value = Rc::new(7);
    for key in 0..100 {
        map.pin().insert(key, Rc::clone(&value));
    }
    map.pin().retain(|key, _| key % 2 == 0);
    assert!(map.pin().values().all(|value| **value == 7));
    assert_eq!(map.len(), 50);
    drop(map);
    assert_eq!(Rc::strong_count(&value), 1);
}

fn maps_within_maps() {
    type Inner = Map<u32, u32>;
    let map = Map::<u32, Inner>::default();
    for key in 0..50 {
        map.pin().insert(key, Inner::default());
        for i in 0..key {
            map.pin()[&key].pin().insert(i, key);
        }
    }
    map.pin()[&10].clear();
    let sizes = map.pin().iter().map(|(_, inner)| inner.len()).collect::<Vec<_>>();
    assert_eq!(sort(sizes), sort((0..50).map(|key| if key == 10 { 0 } else { key })));
    map.pin().retain(|key, _| key % 2 == 0);
    finish(map);
}

fn closures_that_remove_and_insert_the_key() {
    watched(|| {
        let ledger = Ledger::new();
        let map = Map::<u32, _>::default();
        for key in 0..20 {
            map.pin().insert(key, ledger.make(0));
        }
        let flips = Cell::new(5);
        // The key comes and goes while the operation wants to change it.
        let flip = || {
            if flips.get() > 0 {
                flips.set(flips.get() - 1);
                if map.pin().remove(&7).is_none() {
                    map.pin().insert(7, ledger.make(50));
                }
            }
        };
        let pinned = map.pin();
        let update = |value: &crate::support::Counted| {
            flip();
            ledger.make(value.tag() + 1)
        };
        let first = || {
            flip();
            ledger.make(1_000)
        };
        let value = pinned.update_or_insert_with(7, update, first).tag();
        // Removed; first made, inserted; updated, removed; first offered again.
        assert!([51, 1_000].contains(&value), "{value}");
        flips.set(1);
        assert!(pinned.update(7, update).is_none(), "removed meanwhile");
        drop(pinned);
        assert_eq!(map.len(), 19);
        finish(map);
        assert_eq!(ledger.live(), 0);
    });
}

/// A value that writes into its own map when it is dropped, as long as the budget lasts.
struct Echo {
    map: Weak<Map<u32, Echo>>,
    budget: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl Echo {
    fn again(&self) -> Self {
        let (budget, dropped) = (Arc::clone(&self.budget), Arc::clone(&self.dropped));
        Self { map: Weak::clone(&self.map), budget, dropped }
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let count = self.dropped.fetch_add(1, Relaxed);
        let spend = |left: usize| left.checked_sub(1);
        if self.budget.fetch_update(Relaxed, Relaxed, spend).is_err() {
            return;
        }
        let Some(map) = self.map.upgrade() else {
            return;
        };
        let key = count as u32 % 50;
        match count % 6 {
            0 => _ = map.pin().remove(&key),
            1 => _ = <Map<u32, Echo> as Tested>::entries(&map.version()).count(),
            2 => map.pin().retain(|other, _| *other != key),
            3 => _ = map.pin().update(key, Self::again),
            4 => _ = map.pin().iter().count(),
            _ => _ = map.pin().insert(key, self.again()),
        }
    }
}

fn values_that_use_the_map_when_they_are_dropped() {
    watched(|| {
        let map: Arc<Map<u32, Echo>> = Arc::default();
        let (budget, dropped) = (Arc::new(AtomicUsize::new(3_000)), Arc::default());
        let seed = Echo { map: Arc::downgrade(&map), budget, dropped };
        for step in 0..3_000 {
            map.pin().insert(step % 50, seed.again());
            map.pin().refresh();
        }
        map.clear();
        let (budget, dropped) = (Arc::clone(&seed.budget), Arc::clone(&seed.dropped));
        let spent = || budget.load(Relaxed) == 0;
        assert!(refresh_until(&*map, 10_000, spent), "the destructors did not run");
        verify(&*map);
        drop((map, seed));
        assert!(dropped.load(Relaxed) > 3_000);
        assert_eq!((Arc::strong_count(&budget), Arc::strong_count(&dropped)), (1, 1));
    });
}
