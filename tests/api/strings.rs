//! Keys and values that own or borrow something, and which of them are kept.

use std::cell::Cell;

use super::Map;
use crate::support::{Tested, finish, over_hashers, sort};

over_hashers!(
    strings_are_found_by_str,
    references_to_owners_stay_valid,
    keys_and_values_may_borrow,
);

fn strings_are_found_by_str() {
    let map = Map::<String, u32>::default();
    for i in 0..100 {
        map.pin().insert(i.to_string(), i);
    }
    let pinned = map.pin();
    for (i, text) in (0..100).map(|i| (i, i.to_string())) {
        let text: &str = &text;
        assert_eq!(pinned.get(text), Some(&i));
        let entry = Some((&text.to_string(), &i)).map(|(key, value)| (key.clone(), *value));
        let owned = |(key, value): (&String, &u32)| (key.clone(), *value);
        assert_eq!(pinned.get_key_value(text).map(owned), entry);
        assert!(pinned.contains_key(text));
        match i % 3 {
            0 => assert_eq!(pinned.remove(text), Some(&i)),
            1 => assert_eq!(pinned.remove_entry(text).map(owned), entry),
            _ => assert_eq!(pinned.remove_if(text, |_, _| true).map(owned), entry),
        }
        assert!(!pinned.contains_key(text));
    }
    drop(pinned);
    finish(map);
}

fn references_to_owners_stay_valid() {
    let map: Map<u32, String> = (0..200).map(|key| (key, key.to_string())).collect();
    let pinned = map.pin();
    let early: Vec<(&u32, &String)> = pinned.iter().collect();
    let removed: Vec<&String> = (0..100).filter_map(|key| pinned.remove(&key)).collect();
    let replaced: Vec<&String> =
        (100..200).filter_map(|key| pinned.insert(key, "new".to_string())).collect();
    map.clear();
    for round in 0..2_000 {
        map.pin().insert(round % 7, round.to_string());
        map.pin().refresh();
    }
    assert!(early.iter().all(|(key, value)| key.to_string() == **value));
    assert_eq!(removed.len(), 100);
    assert!(removed.iter().enumerate().all(|(i, value)| **value == i.to_string()));
    assert!(replaced.iter().enumerate().all(|(i, value)| **value == (i + 100).to_string()));
    drop(pinned);
    finish(map);
}

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
