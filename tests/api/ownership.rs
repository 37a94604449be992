//! Where maps and their entries may live: over borrowed data, and across a panic.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Map;
use crate::support::{Tested, finish, over_hashers, sort};

over_hashers!(keys_and_values_may_borrow, maps_cross_a_caught_panic,);

fn keys_and_values_may_borrow() {
    let text = "the cat and the dog and the bird".to_string();
    let cells: Vec<Cell<u32>> = text.split(' ').map(|_| Cell::new(0)).collect();
    let map = Map::<&str, &Cell<u32>>::default();
    for (word, cell) in text.split(' ').zip(&cells) {
        let pinned = map.handle();
        let counter = pinned.get_or_insert(word, cell);
        counter.set(counter.get() + 1);
    }
    let counts = sort(map.handle().iter().map(|(word, counter)| (*word, counter.get())));
    assert_eq!(counts, [("and", 2), ("bird", 1), ("cat", 1), ("dog", 1), ("the", 3)]);
    let _version = map.version();
    map.clear();
    for i in 0..300 {
        map.handle().insert(&text[i % 30..], &cells[i % 8]);
    }
    drop(map);
}

fn maps_cross_a_caught_panic() {
    let map: Map<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let pinned = map.handle();
        let held = pinned.iter().nth(50);
        pinned.insert(1_000, 1_000);
        assert!(held.is_none(), "on purpose");
    }));
    assert!(result.is_err());
    assert_eq!(map.len(), 101);
    finish(map);
}
