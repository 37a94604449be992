//! Calls of a map's methods inside those of the same map: in closures, in destructors, and while
//! handles, iterators and snapshots (if there are any) are held.
//!
//! No operation waits for another, so none of this can deadlock; every body runs under a watchdog.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use snaptrie::{Compute, Operation};

use super::Map;
use crate::support::{Ledger, Tested, finish, over_hashers, refresh_until, verify, watched};

over_hashers!(
    closures_that_change_other_keys,
    closures_that_change_the_key_once,
    closures_that_remove_and_insert_the_key,
    insertions_whose_closure_inserts_the_key,
    closures_that_clear_once,
    retain_with_a_busy_closure,
    iterators_amid_everything,
    values_that_use_the_map_when_they_are_dropped,
);

type Numbers = Map<u32, u32>;

fn numbered(count: u32) -> Numbers {
    (0..count).map(|key| (key, 0)).collect()
}

fn closures_that_change_other_keys() {
    watched(|| {
        let map = numbered(1);
        let busy = |value: u32| {
            for key in 100..400 {
                map.pin().insert(key, value);
            }
            for key in 200..300 {
                map.pin().remove(&key);
            }
            value
        };
        assert_eq!(map.pin().update(0, |value| busy(value + 1)), Some(&1));
        assert_eq!(map.pin().update_or_insert_with(1, |_| busy(2), || busy(3)), &3);
        assert_eq!(map.pin().get_or_insert_with(2, || busy(4)), &4);
        let outcome =
            map.pin().compute::<()>(3, |_| Operation::Insert(busy(5))) == Compute::Inserted(&3, &5);
        assert!(outcome);
        assert!(map.pin().remove_if(&3, |_, value| busy(*value) == 5).is_some());
        assert_eq!(map.len(), 3 + 200);
        finish(map);
    });
}

fn closures_that_change_the_key_once() {
    watched(|| {
        let map = numbered(40);
        let once = Cell::new(true);
        let update = |value: &u32| {
            if once.replace(false) {
                map.pin().insert(7, 100);
            }
            value + 1
        };
        assert_eq!(map.pin().update(7, update), Some(&101));
        once.set(true);
        assert_eq!(map.pin().update_or_insert(7, update, 0), &101);
        let condition = |_: &u32, value: &u32| {
            map.pin().insert(7, 0);
            *value == 101
        };
        assert_eq!(map.pin().remove_if(&7, condition), None, "the entry it asked about is gone");
        assert_eq!(map.pin().get(&7), Some(&0));
        finish(map);
    });
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

fn insertions_whose_closure_inserts_the_key() {
    watched(|| {
        for size in [0, 1, 4, 30, 180] {
            let map = numbered(size);
            let pinned = map.pin();
            let insert = |key, value| {
                pinned.insert(key, value);
                1_000
            };
            assert_eq!(pinned.get_or_insert_with(500, || insert(500, 1)), &1);
            assert_eq!(pinned.try_insert_with(501, || insert(501, 1)), Err(&1));
            assert_eq!(pinned.update_or_insert_with(502, |v| v + 5, || insert(502, 1)), &6);
            assert_eq!(pinned.len(), size as usize + 3);
            drop(pinned);
            finish(map);
        }
    });
}

fn closures_that_clear_once() {
    watched(|| {
        for size in [1, 4, 30, 180] {
            let map = numbered(size);
            map.pin().get_or_insert_with(1_000, || {
                map.clear();
                1
            });
            assert_eq!(map.pin().iter().next(), Some((&1_000, &1)));
            map.pin().update_or_insert_with(
                1_000,
                |value| {
                    if *value == 1 {
                        map.clear();
                    }
                    2
                },
                || 3,
            );
            // Cleared before the update or after it.
            let left: Vec<u32> = map.pin().values().copied().collect();
            assert!(left.is_empty() || left == [3], "{left:?}");
            finish(map);
        }
    });
}

fn retain_with_a_busy_closure() {
    watched(|| {
        let map = numbered(200);
        let mut fresh = 1_000..;
        map.pin().retain(|key, _| {
            let next = fresh.next().unwrap();
            map.pin().insert(next, 0);
            map.pin().remove(&(key ^ 1));
            assert!(map.pin().contains_key(&next));
            key % 3 == 0
        });
        verify(&map);
        map.pin().retain(|_, _| {
            map.clear();
            false
        });
        assert!(map.is_empty());
        finish(map);
    });
}

fn iterators_amid_everything() {
    watched(|| {
        let map = numbered(200);
        let pinned = map.pin();
        let mut versions = Vec::new();
        for (steps, (key, _)) in pinned.iter().enumerate() {
            versions.push(map.version());
            pinned.remove(key);
            pinned.insert(key + 10_000, 0);
            if steps % 50 == 49 {
                versions.clear();
            }
            if steps == 150 {
                map.clear();
            }
        }
        drop(pinned);
        finish(map);
    });
}

// ---- destructors ----

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
