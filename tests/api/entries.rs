//! Looking up, inserting and removing single entries.

use std::hash::{Hash, Hasher};

use equivalent::Equivalent;
use snaptrie::OccupiedError;

use super::Map;
use crate::support::{Tested, Text, finish, over_hashers, panics, sort, sorted};

/// Enough keys that every kind of node is made and a table grows, and few enough for a chain of all.
const MANY: u32 = 600;

/// Equal by key; the mark tells one instance from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marked {
    pub(crate) key: u32,
    pub(crate) mark: u32,
}

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - two numbers of four bytes.
unsafe impl snaptrie::Plain for Marked {}

impl PartialEq for Marked {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Marked {}

impl Hash for Marked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

pub(crate) fn marked(key: u32, mark: u32) -> Marked {
    Marked { key, mark }
}

over_hashers!(
    insert_and_get,
    insert_returns_the_old_value,
    insert_replaces_the_key,
    other_insertions_keep_the_key,
    overwriting_keeps_the_other_entries,
    try_insert_inserts_once,
    try_insert_gives_back_what_it_did_not_insert,
    get_or_insert_returns_what_is_there,
    closures_of_insertions_run_only_if_needed,
    remove_returns_the_value,
    remove_entry_returns_the_stored_key,
    remove_if_asks_about_the_entry,
    remove_and_insert_again,
    index_returns_the_value_or_panics,
    an_equivalent_type_finds_a_key,
    references_stay_valid_while_the_handle_lives,
    several_handles_see_the_same_map,
    edge_keys,
);

fn insert_and_get() {
    let map = Map::<u32, u32>::default();
    for key in 0..MANY {
        assert_eq!(map.handle().get(&key), None);
        assert_eq!(map.handle().insert(key, key * 2), None);
        assert_eq!(map.handle().get(&key), Some(&(key * 2)));
    }
    let pinned = map.handle();
    for key in 0..MANY {
        assert_eq!(pinned.get(&key), Some(&(key * 2)));
        assert_eq!(pinned.get_key_value(&key), Some((&key, &(key * 2))));
        assert!(pinned.contains_key(&key));
    }
    for key in MANY..2 * MANY {
        assert_eq!(pinned.get(&key), None);
        assert_eq!(pinned.get_key_value(&key), None);
        assert!(!pinned.contains_key(&key));
    }
    assert_eq!((pinned.len(), map.len()), (MANY as usize, MANY as usize));
    drop(pinned);
    finish(map);
}

fn insert_returns_the_old_value() {
    let map = Map::<u32, u32>::default();
    for round in 0..5_u32 {
        for key in 0..MANY {
            let before = round.checked_sub(1).map(|before| before * 1000 + key);
            assert_eq!(map.handle().insert(key, round * 1000 + key).copied(), before);
        }
        assert_eq!(map.len(), MANY as usize);
    }
    finish(map);
}

fn insert_replaces_the_key() {
    let map = Map::<Marked, u32>::default();
    map.handle().insert(marked(1, 10), 100);
    let pinned = map.handle();
    assert_eq!(pinned.insert(marked(1, 20), 200), Some(&100));
    let (key, value) = pinned.get_key_value(&marked(1, 99)).unwrap();
    assert_eq!((key.mark, *value), (20, 200));
    drop(pinned);
    finish(map);
}

fn other_insertions_keep_the_key() {
    let map = Map::<Marked, u32>::default();
    let pinned = map.handle();
    pinned.insert(marked(1, 10), 100);
    pinned.get_or_insert(marked(1, 20), 200);
    pinned.get_or_insert_with(marked(1, 30), || unreachable!("the key is there"));
    assert!(pinned.try_insert(marked(1, 40), 400).is_err());
    assert!(pinned.try_insert_with(marked(1, 50), || unreachable!("the key is there")).is_err());
    let (key, value) = pinned.get_key_value(&marked(1, 99)).unwrap();
    assert_eq!((key.mark, *value), (10, 100));
    drop(pinned);
    finish(map);
}

fn overwriting_keeps_the_other_entries() {
    let map = Map::<u32, u32>::default();
    for key in 0..50 {
        map.handle().insert(key, 0);
    }
    for round in 1..200 {
        map.handle().insert(25, round);
        assert_eq!(map.len(), 50);
    }
    let expected = (0..50).map(|key| (key, if key == 25 { 199 } else { 0 }));
    assert_eq!(sorted(&map), expected.collect::<Vec<_>>());
    finish(map);
}

fn try_insert_inserts_once() {
    let map = Map::<u32, u32>::default();
    for key in 0..MANY {
        assert_eq!(map.handle().try_insert(key, key), Ok(&key));
    }
    for key in 0..MANY {
        let pinned = map.handle();
        let error = pinned.try_insert(key, 7777).unwrap_err();
        assert_eq!((*error.current, error.key, error.value), (key, key, 7777));
        assert_eq!(pinned.get(&key), Some(&key));
    }
    assert_eq!(map.len(), MANY as usize);
    finish(map);
}

fn try_insert_gives_back_what_it_did_not_insert() {
    let map = Map::<u32, u32>::default();
    let pinned = map.handle();
    assert_eq!(pinned.try_insert(111, 222), Ok(&222));
    let error = pinned.try_insert(111, 333).unwrap_err();
    let OccupiedError { current, key, value } = error;
    assert_eq!((*current, key, value), (222, 111, 333));
    assert_eq!(error, OccupiedError { current, key, value });
    let text = error.to_string();
    assert_eq!(text, "the key is in the map already");
    assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
    let debug = format!("{error:?}");
    assert_eq!(debug, "OccupiedError { .. }");
    let source: &dyn std::error::Error = &error;
    assert!(source.source().is_none());
    drop(pinned);
    finish(map);
}

fn get_or_insert_returns_what_is_there() {
    let map = Map::<u32, u32>::default();
    for key in 0..MANY {
        assert_eq!(map.handle().get_or_insert(key, key), &key);
        assert_eq!(map.handle().get_or_insert(key, 7777), &key);
        assert_eq!(map.handle().try_insert_with(key, || 7777), Err(&key));
    }
    assert_eq!(map.handle().try_insert_with(MANY, || 1), Ok(&1));
    assert_eq!(map.len(), MANY as usize + 1);
    finish(map);
}

fn closures_of_insertions_run_only_if_needed() {
    let map = Map::<u32, u32>::default();
    let mut runs = 0;
    for key in (0..MANY).chain(0..MANY) {
        let value = map.handle().get_or_insert_with(key, || {
            runs += 1;
            key + 1
        }) - 1;
        assert_eq!(value, key);
    }
    assert_eq!(runs, MANY);
    for key in (MANY..2 * MANY).chain(0..2 * MANY) {
        let _ = map.handle().try_insert_with(key, || {
            runs += 1;
            key
        });
    }
    assert_eq!(runs, 2 * MANY);
    finish(map);
}

fn remove_returns_the_value() {
    let map: Map<u32, u32> = (0..MANY).map(|key| (key, key + 1)).collect();
    for key in 0..MANY {
        let pinned = map.handle();
        assert_eq!(pinned.remove(&key), Some(&(key + 1)));
        assert_eq!(pinned.remove(&key), None);
        assert_eq!(pinned.get(&key), None);
        assert_eq!(pinned.len(), (MANY - key - 1) as usize);
    }
    assert!(map.is_empty());
    assert_eq!(map.handle().remove(&0), None);
    finish(map);
}

fn remove_entry_returns_the_stored_key() {
    let map = Map::<Marked, u32>::default();
    map.handle().insert(marked(1, 10), 100);
    let pinned = map.handle();
    let (key, value) = pinned.remove_entry(&marked(1, 99)).unwrap();
    assert_eq!((key.mark, *value), (10, 100));
    assert_eq!(pinned.remove_entry(&marked(1, 99)), None);
    drop(pinned);
    finish(map);
}

fn remove_if_asks_about_the_entry() {
    let map: Map<u32, u32> = (0..100).map(|key| (key, key + 1)).collect();
    let pinned = map.handle();
    for key in 0..100 {
        let mut asked = Vec::new();
        let removed = pinned.remove_if(&key, |key, value| {
            asked.push((*key, *value));
            key % 2 == 0
        });
        assert_eq!(asked, [(key, key + 1)]);
        assert_eq!(removed.is_some(), key % 2 == 0);
        assert_eq!(pinned.contains_key(&key), key % 2 != 0);
    }
    assert_eq!(pinned.remove_if(&0, |_, _| panic!("asked about a key that is not there")), None);
    assert_eq!(pinned.len(), 50);
    drop(pinned);
    finish(map);
}

fn remove_and_insert_again() {
    let map = Map::<u32, u32>::default();
    for round in 0..20 {
        for key in 0..100 {
            assert_eq!(map.handle().insert(key, round), None);
        }
        assert_eq!(map.len(), 100);
        for key in (0..100).rev() {
            assert_eq!(map.handle().remove(&key), Some(&round));
        }
        assert!(map.is_empty());
    }
    finish(map);
}

fn index_returns_the_value_or_panics() {
    let map = Map::<Text, u32>::default();
    map.handle().insert(Text::new("one"), 1);
    let pinned = map.handle();
    assert_eq!(pinned["one"], 1);
    assert_eq!(pinned[&Text::new("one")], 1);
    assert!(panics(|| _ = pinned["two"]));
}

/// A pair of borrowed halves that finds a pair of kept ones.
pub(super) struct Halves<'a>(pub(super) &'a str, pub(super) &'a str);

impl Hash for Halves<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0, self.1).hash(state);
    }
}

impl Equivalent<(Text, Text)> for Halves<'_> {
    fn equivalent(&self, key: &(Text, Text)) -> bool {
        self.0 == key.0.as_str() && self.1 == key.1.as_str()
    }
}

fn an_equivalent_type_finds_a_key() {
    const TEXT: &str = "abcdefghijklmnopqrstuvwxyz";
    let map = Map::<(Text, Text), usize>::default();
    for i in 0..TEXT.len() {
        let (first, second) = TEXT.split_at(i);
        map.handle().insert((Text::new(first), Text::new(second)), i);
    }
    let (first, second) = ("abcdefg".to_string(), "hijklmnopqrstuvwxyz".to_string());
    let halves = Halves(&first, &second);
    let pinned = map.handle();
    assert_eq!(pinned.get(&halves), Some(&7));
    assert_eq!(pinned[&halves], 7);
    assert_eq!(pinned.get(&Halves(&second, &first)), None);
    assert_eq!(pinned.remove_if(&halves, |_, value| *value == 8), None);
    assert_eq!(pinned.remove(&halves), Some(&7));
    assert!(!pinned.contains_key(&halves));
    drop(pinned);
    finish(map);
}

fn references_stay_valid_while_the_handle_lives() {
    let map: Map<usize, usize> = (0..200).map(|key| (key, !key)).collect();
    let pinned = map.handle();
    let early: Vec<(&usize, &usize)> = pinned.iter().collect();
    let removed: Vec<&usize> = (0..100).filter_map(|key| pinned.remove(&key)).collect();
    let replaced: Vec<&usize> = (100..200).filter_map(|key| pinned.insert(key, 7)).collect();
    map.clear();
    for round in 0..2_000 {
        map.handle().insert(round % 7, round);
        map.handle().refresh();
    }
    assert!(early.iter().all(|(key, value)| **key == !**value));
    assert_eq!(removed.len(), 100);
    assert!(removed.iter().enumerate().all(|(i, value)| **value == !i));
    assert!(replaced.iter().enumerate().all(|(i, value)| **value == !(i + 100)));
    drop(pinned);
    finish(map);
}

fn several_handles_see_the_same_map() {
    let map = Map::<u32, u32>::default();
    let (one, mut two) = (map.handle(), map.handle());
    one.insert(1, 1);
    assert_eq!(two.get(&1), Some(&1));
    two.refresh();
    assert_eq!(two.remove(&1), Some(&1));
    assert_eq!(one.get(&1), None);
    assert!(std::ptr::eq(one.map(), &raw const map) && std::ptr::eq(two.map(), &raw const map));
}

fn edge_keys() {
    let keys = [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, 1 << 32, u64::from(u32::MAX)];
    let map = Map::<u64, u64>::default();
    for key in keys.iter() {
        map.handle().insert(*key, !*key);
    }
    assert_eq!(sorted(&map), sort(keys.map(|key| (key, !key))));
    keys.iter().for_each(|key| assert_eq!(map.handle().remove(key), Some(&!*key)));
    assert!(map.is_empty());
    finish(map);
}
