//! Programs as they are written first: without a handle, and with results that outlive every temporary.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use super::{AnyMap, Map};
use crate::support::{Chosen, Text, finish, over_hashers, panic_on_purpose, panics};

over_hashers!(
    results_outlive_the_statement,
    writers_on_several_threads,
    keys_that_are_made_for_the_lookup,
    closures_use_the_map,
    a_closure_that_panics_changes_nothing,
);

fn results_outlive_the_statement() {
    let map = Map::<String, Text>::default();
    assert!(map.is_empty());
    assert!(map.insert("one".to_string(), Text::new("1")));
    assert!(map.insert("two".to_string(), Text::new("2")));
    assert!(!map.insert("two".to_string(), Text::new("II")));
    // With `map.pin().get("two")` these would be "temporary value dropped while borrowed".
    let two = map.cloned("two");
    let length = map.with("two", |value| value.as_str().len());
    let missing = map.cloned("three");
    assert!(map.update("one".to_string(), |one| Text::new(&format!("{}!", one.as_str()))));
    assert!(!map.update("three".to_string(), |_| unreachable!()));
    let one = map.cloned("one").map(|one| one.as_str().to_string());
    assert!(map.remove("one"));
    assert!(!map.remove("one"));
    assert!(map.contains_key("two") && !map.contains_key("one"));
    map.retain(|key, _| key != "two");
    assert_eq!(map.len(), 0);
    map.flush();
    assert_eq!(two.map(|two| two.as_str().to_string()).as_deref(), Some("II"));
    assert_eq!((length, missing.is_none(), one.as_deref()), (Some(2), true, Some("1!")));
    finish(map);
}

fn writers_on_several_threads() {
    let counts = Map::<u32, AtomicU64>::default();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for i in 0..600 {
                    counts.with_or_insert(i % 6, AtomicU64::new(0), |count| {
                        count.fetch_add(1, Relaxed)
                    });
                }
            });
        }
    });
    for key in 0..6 {
        assert_eq!(counts.with(&key, |count| count.load(Relaxed)), Some(200));
    }
    finish(counts);
}

fn keys_that_are_made_for_the_lookup() {
    let map = Map::<String, u32>::default();
    for i in 0..50 {
        map.insert(i.to_string(), i);
    }
    let found: Vec<u32> = (40..60).filter_map(|i| map.cloned(&i.to_string())).collect();
    assert_eq!(found, (40..50).collect::<Vec<_>>());
    finish(map);
}

fn closures_use_the_map() {
    let map = Map::<u32, u32>::default();
    map.insert(1, 10);
    let inner = map.with(&1, |value| {
        map.insert(2, value + 1);
        map.remove(&1);
        map.flush();
        *value + map.cloned(&2).unwrap()
    });
    assert_eq!(inner, Some(21));
    assert!(!map.with_or_insert(3, 30, |value| map.insert(3, value + 1)));
    assert_eq!((map.cloned(&3), map.len()), (Some(31), 2));
    finish(map);
}

fn a_closure_that_panics_changes_nothing() {
    let map = Map::<u32, u32>::default();
    map.insert(1, 10);
    assert!(panics(|| map.with(&1, |_| panic_on_purpose(1)).unwrap()));
    assert!(panics(|| _ = map.update(1, |_| panic_on_purpose(2))));
    assert_eq!((map.cloned(&1), map.len()), (Some(10), 1));
    // No handle is left behind: removed entries can be freed.
    assert!(map.remove(&1));
    finish(map);
}

/// What a direct operation returns is what the handle's operation tells.
#[test]
fn direct_operations_and_those_of_handles() {
    let map = AnyMap::<u32, u32, Chosen>::default();
    let pinned = map.pin();
    for key in [3, 1, 3, 2, 1] {
        let known = pinned.contains_key(&key);
        assert_eq!(map.contains_key(&key), known);
        assert_eq!(map.insert(key, key + 1), !known);
        assert_eq!(map.cloned(&key).as_ref(), pinned.get(&key));
    }
    assert_eq!(map.len(), pinned.len());
}
