//! After papaya's stress tests: one operation on a key against another, by two threads and more.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::hashers::Chosen;
use crate::{Subject, conform, ignore, on_threads, scaled};

conform!(
    insert_against_get,
    insert_against_remove,
    insert_against_insert,
    update_against_update,
    update_against_remove,
    get_or_insert_against_remove,
    replace_against_replace,
    retain_against_insert,
    clear_against_update,
    growth_against_get,
    growth_against_removal,
);

const ROUNDS: u64 = 300;

/// What was inserted is seen by who was told of it, and never goes back.
fn insert_against_get<M: Subject>(hashing: Chosen) {
    let (map, told) = (M::new(hashing), AtomicU64::new(0));
    on_threads(2, |id| {
        for round in 1..ROUNDS * 10 {
            if id == 0 {
                map.insert(7, round);
                told.store(round, Ordering::Release);
            } else {
                let known = told.load(Ordering::Acquire);
                assert!(map.get(7).unwrap_or(0) >= known, "an insertion is not seen");
            }
        }
    });
}

/// Each value that was put is taken out once or replaced once, or is there at the end.
fn insert_against_remove<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    let (put, gone) = (AtomicU64::new(0), AtomicU64::new(0));
    on_threads(4, |id| {
        for round in 0..ROUNDS {
            for key in 0..4 {
                let old = if id % 2 == 0 {
                    let value = round * 100 + id * 10 + key;
                    put.fetch_add(value, Ordering::Relaxed);
                    map.insert(key, value)
                } else {
                    map.remove(key)
                };
                gone.fetch_add(old.unwrap_or(0), Ordering::Relaxed);
            }
        }
    });
    let left: u64 = map.walk().iter().map(|(_, value)| value).sum();
    assert_eq!(put.into_inner(), gone.into_inner() + left);
}

/// The old values that insertions return are all that was put but the last.
fn insert_against_insert<M: Subject>(hashing: Chosen) {
    let (map, old) = (M::new(hashing), AtomicU64::new(0));
    on_threads(4, |id| {
        for round in 0..ROUNDS * 4 {
            let before = map.insert(3, round * 4 + id);
            old.fetch_add(before.unwrap_or(0), Ordering::Relaxed);
        }
    });
    let all = ROUNDS * 16;
    let last = map.get(3).expect("a value");
    assert_eq!(old.into_inner() + last, all * (all - 1) / 2);
    assert_eq!(map.len(), 1);
}

fn update_against_update<M: Subject>(hashing: Chosen) {
    let (map, keys) = (M::new(hashing), scaled(hashing, 100));
    (0..keys).for_each(|key| assert_eq!(map.insert(key, 0), None));
    on_threads(4, |_| {
        (0..ROUNDS).for_each(|round| assert!(map.add(round % keys, 1).is_some()));
    });
    assert_eq!(map.walk().iter().map(|(_, value)| value).sum::<u64>(), 4 * ROUNDS);
}

fn update_against_remove<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    let (added, removed) = (AtomicU64::new(0), AtomicU64::new(0));
    on_threads(4, |id| {
        for _ in 0..ROUNDS * 2 {
            match id {
                0 => ignore(map.get_or_insert(1, 0)),
                1 => ignore(removed.fetch_add(map.remove(1).unwrap_or(0), Ordering::Relaxed)),
                _ => ignore(added.fetch_add(u64::from(map.add(1, 1).is_some()), Ordering::Relaxed)),
            }
        }
    });
    let left = map.get(1).unwrap_or(0);
    assert_eq!(added.into_inner(), removed.into_inner() + left);
}

fn get_or_insert_against_remove<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    let (made, removed) = (AtomicU64::new(0), AtomicU64::new(0));
    on_threads(4, |id| {
        for round in 0..ROUNDS {
            let key = round % 3;
            if id < 2 {
                let (_, new) = map.get_or_insert(key, id);
                made.fetch_add(u64::from(new), Ordering::Relaxed);
            } else {
                removed.fetch_add(u64::from(map.remove(key).is_some()), Ordering::Relaxed);
            }
        }
    });
    assert_eq!(made.into_inner(), removed.into_inner() + map.len() as u64);
}

/// A counter by compare-and-swap.
fn replace_against_replace<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    map.insert(9, 0);
    on_threads(4, |_| {
        for _ in 0..ROUNDS {
            while !map.get(9).is_some_and(|value| map.replace_if(9, value, value + 1)) {}
        }
    });
    assert_eq!(map.get(9), Some(4 * ROUNDS));
}

/// `retain` removes nothing that it would keep.
fn retain_against_insert<M: Subject>(hashing: Chosen) {
    let (map, keys) = (M::new(hashing), scaled(hashing, 100));
    on_threads(3, |id| {
        for round in 0..30 {
            if id == 0 {
                map.retain(|key, _| key >= keys);
            } else {
                let mine = || (0..keys).map(|key| keys * (id + 1) + key);
                mine().for_each(|key| ignore(map.insert(key, round)));
                (0..keys).for_each(|key| ignore(map.insert(key, round)));
                assert!(mine().all(|key| map.get(key) == Some(round)), "removed against its will");
            }
        }
    });
    map.retain(|key, _| key >= keys);
    assert_eq!(map.len() as u64, 2 * keys);
}

/// What a clear ends is not taken up again.
fn clear_against_update<M: Subject>(hashing: Chosen) {
    let map = M::new(hashing);
    on_threads(3, |id| {
        for _ in 0..ROUNDS {
            if id == 0 {
                map.clear();
            } else {
                map.add(id, 1);
                map.get_or_insert(id, 1);
            }
        }
    });
    map.clear();
    assert!(map.add(1, 1).is_none() && map.add(2, 1).is_none());
}

fn growth_against_get<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 4_000));
    (0..20).for_each(|key| assert_eq!(map.insert(key, key), None));
    on_threads(3, |id| {
        if id == 0 {
            (20..size).for_each(|key| assert_eq!(map.insert(key, key), None));
            (20..size).for_each(|key| assert_eq!(map.remove(key), Some(key)));
        } else {
            for _ in 0..ROUNDS {
                assert!((0..20).all(|key| map.get(key) == Some(key)), "lost while others came");
            }
        }
    });
    assert_eq!(map.len(), 20);
}

fn growth_against_removal<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 2_000));
    on_threads(2, |id| {
        let mine = || (0..size / 2).map(|key| key * 2 + id);
        for round in 0..4 {
            assert!(mine().all(|key| map.insert(key, round).is_none()));
            assert!(mine().all(|key| map.remove(key) == Some(round)));
        }
    });
    assert_eq!(map.walk(), []);
}
