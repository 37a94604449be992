//! Where maps and their entries may live: in statics, on other threads, over borrowed data.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;

use snaptrie::FixedState;

use super::{AnyMap, Map};
use crate::support::{Tested, finish, over_hashers, sort};

over_hashers!(
    keys_and_values_may_borrow,
    values_may_stay_on_their_thread,
    maps_cross_a_caught_panic,
    maps_within_maps,
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

fn keys_and_values_may_borrow() {
    let text = "the cat and the dog and the bird".to_string();
    let cells: Vec<Cell<u32>> = text.split(' ').map(|_| Cell::new(0)).collect();
    let map = Map::<&str, &Cell<u32>>::default();
    for (word, cell) in text.split(' ').zip(&cells) {
        let pinned = map.pin();
        let counter = pinned.get_or_insert(word, cell);
        counter.set(counter.get() + 1);
    }
    let counts = sort(map.pin().iter().map(|(word, counter)| (*word, counter.get())));
    assert_eq!(counts, [("and", 2), ("bird", 1), ("cat", 1), ("dog", 1), ("the", 3)]);
    let _version = map.version();
    map.clear();
    for i in 0..300 {
        map.pin().insert(&text[i % 30..], &cells[i % 8]);
    }
    drop(map);
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

fn maps_cross_a_caught_panic() {
    let map: Map<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let pinned = map.pin();
        let held = pinned.iter().nth(50);
        pinned.insert(1_000, 1_000);
        assert!(held.is_none(), "on purpose");
    }));
    assert!(result.is_err());
    assert_eq!(map.len(), 101);
    finish(map);
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
