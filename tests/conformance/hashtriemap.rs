//! After Go's tests of `HashTrieMap`: each operation alone, on keys shared by threads and not.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::hashers::Chosen;
use crate::{Subject, conform, ignore, on_threads, scaled};

conform!(
    load_empty,
    load_or_store,
    all_entries_once,
    clear_simple,
    compare_and_delete_all,
    compare_and_swap_one_and_all,
    load_and_delete_multiple,
    concurrent_unshared_keys,
    concurrent_shared_keys_delete_once,
    concurrent_shared_keys_swap_once,
    concurrent_clear,
);

fn filled<M: Subject>(hashing: Chosen, keys: u64) -> (M, u64) {
    let (map, keys) = (M::new(hashing), scaled(hashing, keys));
    for key in 0..keys {
        assert_eq!(map.get(key), None);
        assert_eq!(map.get_or_insert(key, key), (key, true));
        assert_eq!(map.get(key), Some(key));
    }
    (map, keys)
}

fn load_empty<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    assert!((0..1_000).all(|key| map.get(key).is_none() && map.remove(key).is_none()));
    assert!(!map.replace_if(1, 0, 1) && !map.remove_if(1, 0) && map.add(1, 1).is_none());
    assert_eq!(map.len(), 0);
}

fn load_or_store<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 2_000);
    assert!((0..keys).all(|key| map.get_or_insert(key, 7) == (key, false)));
}

fn all_entries_once<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 2_000);
    let walked = map.walk();
    assert_eq!(walked.len() as u64, keys);
    assert_eq!(map.entries(), (0..keys).map(|key| (key, key)).collect::<Vec<_>>());
}

fn clear_simple<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 2_000);
    map.clear();
    assert!((0..keys).all(|key| map.get(key).is_none()));
    assert_eq!((map.len(), map.walk()), (0, vec![]));
    assert!((0..keys).all(|key| map.get_or_insert(key, 1) == (1, true)));
}

fn compare_and_delete_all<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 2_000);
    for round in 0..3 {
        for key in 0..keys {
            assert!(!map.remove_if(key, u64::MAX));
            assert!(map.remove_if(key, key));
            assert!(!map.remove_if(key, key) && map.get(key).is_none(), "round {round}");
        }
        assert!((0..keys).all(|key| map.get_or_insert(key, key) == (key, true)));
    }
}

fn compare_and_swap_one_and_all<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 1_000);
    (0..100).for_each(|step| assert!(map.replace_if(5, 5 + step, 6 + step)));
    assert!(map.replace_if(5, 105, 5));
    for key in 0..keys {
        assert!(!map.replace_if(key, u64::MAX, 0));
        assert!(map.replace_if(key, key, u64::MAX) && !map.replace_if(key, key, 0));
    }
    assert!(map.walk().iter().all(|(_, value)| *value == u64::MAX));
}

fn load_and_delete_multiple<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 1_000);
    for key in (0..keys).filter(|key| key % 3 == 0) {
        assert_eq!((map.remove(key), map.remove(key)), (Some(key), None));
    }
    for key in 0..keys {
        assert_eq!(map.get(key), (key % 3 != 0).then_some(key));
    }
}

fn concurrent_unshared_keys<M: Subject>(hashing: Chosen) {
    let (map, keys) = (M::new(hashing), scaled(hashing, 800) / 4);
    on_threads(4, |id| {
        let mine = || id * 1_000_000..id * 1_000_000 + keys;
        for round in 0..3 {
            assert!(mine().all(|key| map.get_or_insert(key, key) == (key, true)));
            assert!(mine().all(|key| map.replace_if(key, key, round)));
            assert!(mine().all(|key| map.insert(key, key) == Some(round)));
            assert!(mine().all(|key| map.get(key) == Some(key)));
            assert!(mine().all(|key| map.remove_if(key, key) && map.get(key).is_none()));
        }
    });
    assert_eq!(map.walk(), []);
}

/// Of all threads that delete a key, one has it.
fn concurrent_shared_keys_delete_once<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 800);
    let deleted = AtomicU64::new(0);
    on_threads(4, |id| {
        for key in 0..keys {
            let had = if id % 2 == 0 { map.remove_if(key, key) } else { map.remove(key).is_some() };
            deleted.fetch_add(u64::from(had), Ordering::Relaxed);
            assert_eq!(map.get(key), None);
        }
    });
    assert_eq!((deleted.into_inner(), map.len()), (keys, 0));
}

/// Of all threads that swap a value for the next, one does.
fn concurrent_shared_keys_swap_once<M: Subject>(hashing: Chosen) {
    let (map, keys) = filled::<M>(hashing, 300);
    let swapped = AtomicU64::new(0);
    on_threads(4, |_| {
        for step in 0..5 {
            for key in 0..keys {
                let had = map.replace_if(key, key + step, key + step + 1);
                swapped.fetch_add(u64::from(had), Ordering::Relaxed);
                assert!(map.get(key).is_some_and(|value| value > key + step));
            }
        }
    });
    assert_eq!(swapped.into_inner(), 5 * keys);
    assert!(map.walk().iter().all(|(key, value)| *value == key + 5));
}

fn concurrent_clear<M: Subject>(hashing: Chosen) {
    let (map, keys) = (M::new(hashing), scaled(hashing, 400));
    on_threads(3, |id| {
        for round in 0..20 {
            if id == 0 {
                map.clear();
            } else {
                (0..keys).for_each(|key| ignore(map.insert(key, round)));
                assert!(map.walk().iter().all(|(_, value)| *value < 20));
            }
        }
    });
    map.clear();
    assert_eq!((map.len(), map.walk()), (0, vec![]));
}
