//! After Scala's `ctries-new`: map, iterator, collisions, snapshots under a consistent update.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::hashers::Chosen;
use crate::{Subject, conform, ignore, on_threads, scaled};

conform!(
    concmap_put_and_get,
    concmap_remove_and_replace_if,
    iterator_walks_every_size_once,
    iterator_beside_a_writer_sees_what_stays,
    lnode_fill_replace_and_empty,
    lnode_put_if_absent_and_remove_if,
    snapshot_of_consistent_updates,
    snapshot_grows_while_the_map_does,
    snapshot_is_emptied_and_the_map_is_not,
);

fn concmap_put_and_get<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 5_000));
    for i in 0..size {
        assert_eq!(map.insert(i, i), None);
        assert_eq!(map.get(i), Some(i));
    }
    for i in 0..size {
        assert_eq!(map.insert(i, size - i), Some(i));
    }
    assert!((0..size).all(|i| map.get(i) == Some(size - i)));
    assert_eq!((map.get(size), map.len() as u64), (None, size));
}

fn concmap_remove_and_replace_if<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 3_000));
    (0..size).for_each(|i| assert_eq!(map.insert(i, i), None));
    for i in 0..size {
        assert!(!map.remove_if(i, size + i));
        assert!(!map.replace_if(i, i + 1, 0));
        assert!(map.replace_if(i, i, i * i));
    }
    assert!((0..size).all(|i| map.remove_if(i, i * i) && !map.remove_if(i, i * i)));
    assert_eq!(map.entries(), []);
}

fn iterator_walks_every_size_once<M: Subject>(hashing: Chosen) {
    for size in [0, 1, 2, 5, 8, 17, 31, 64, 128, 256, 1_000, 5_000] {
        let (map, size) = (M::new(hashing), scaled(hashing, size));
        (0..size).for_each(|i| assert_eq!(map.insert(i, i + 1), None));
        let expected: Vec<_> = (0..size).map(|i| (i, i + 1)).collect();
        assert_eq!(map.walk().len() as u64, size);
        assert_eq!(map.entries(), expected);
    }
}

fn iterator_beside_a_writer_sees_what_stays<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 1_000));
    (0..size).for_each(|i| assert_eq!(map.insert(i, i), None));
    let done = AtomicBool::new(false);
    on_threads(2, |id| {
        if id == 0 {
            for round in 0..8 {
                (size..2 * size).for_each(|i| ignore(map.insert(i, round)));
                (size..2 * size).for_each(|i| ignore(map.remove(i)));
            }
            done.store(true, Ordering::SeqCst);
            return;
        }
        loop {
            let last = done.load(Ordering::SeqCst);
            let entries = map.entries();
            assert!(entries.windows(2).all(|pair| pair[0].0 < pair[1].0), "a key twice");
            assert_eq!(entries.iter().filter(|(key, _)| *key < size).count() as u64, size);
            if last {
                return;
            }
        }
    });
}

fn lnode_fill_replace_and_empty<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 1_500));
    for round in 0..4 {
        for i in 0..size {
            assert_eq!(map.insert(i, round), (round % 2 == 1).then(|| round - 1));
        }
        if round % 2 == 1 {
            // Emptied from the other end.
            assert!((0..size).rev().all(|i| map.remove(i) == Some(round)));
            assert!((0..size).all(|i| map.get(i).is_none() && map.remove(i).is_none()));
            assert_eq!(map.len(), 0);
        }
    }
}

fn lnode_put_if_absent_and_remove_if<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 1_500));
    for i in 0..size {
        assert_eq!(map.get_or_insert(i, i), (i, true));
        assert_eq!(map.get_or_insert(i, i + 1), (i, false));
    }
    assert!((0..size).all(|i| !map.remove_if(i, i + 1) && map.remove_if(i, i)));
    assert_eq!(map.len(), 0);
}

/// A writer sets all keys to a round's number, one after the other: a snapshot must be of one
/// moment, so that its values fall once at most along that order, by one.
fn snapshot_of_consistent_updates<M: Subject>(hashing: Chosen) {
    if !M::VERSIONS {
        return;
    }
    let (map, size) = (M::new(hashing), scaled(hashing, 200));
    (0..size).for_each(|i| assert_eq!(map.insert(i, 0), None));
    let done = AtomicBool::new(false);
    on_threads(3, |id| {
        if id == 0 {
            (1..60).for_each(|round| (0..size).for_each(|i| ignore(map.insert(i, round))));
            done.store(true, Ordering::SeqCst);
            return;
        }
        let mut newest = 0;
        while !done.load(Ordering::SeqCst) {
            let fork = map.fork();
            let values: Vec<u64> = (0..size).map(|i| fork.get(i).expect("a value")).collect();
            let falls: Vec<_> = values.windows(2).filter(|pair| pair[0] != pair[1]).collect();
            assert!(falls.len() <= 1, "{values:?}");
            assert!(falls.iter().all(|pair| pair[0] == pair[1] + 1), "{values:?}");
            assert!(values[0] >= newest, "an older instant");
            newest = values[0];
            // And it stays as it is.
            assert!((0..size).all(|i| fork.get(i) == Some(values[i as usize])));
        }
    });
}

/// The property that Scala's own check of growing snapshots forgot to look at.
fn snapshot_grows_while_the_map_does<M: Subject>(hashing: Chosen) {
    if !M::VERSIONS {
        return;
    }
    let (map, size) = (M::new(hashing), scaled(hashing, 2_000));
    let done = AtomicBool::new(false);
    on_threads(2, |id| {
        if id == 0 {
            (0..size).for_each(|i| assert_eq!(map.insert(i, i), None));
            done.store(true, Ordering::SeqCst);
            return;
        }
        let mut before = 0;
        while !done.load(Ordering::SeqCst) {
            let entries = map.fork().entries();
            // Inserted in order: so always the first so many.
            assert!(entries.iter().zip(0..).all(|(entry, i)| *entry == (i, i)), "a gap");
            assert!(entries.len() >= before, "a snapshot has less than an earlier one");
            before = entries.len();
        }
    });
    assert_eq!(map.len() as u64, size);
}

fn snapshot_is_emptied_and_the_map_is_not<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 1_000));
    (0..size).for_each(|i| assert_eq!(map.insert(i, i), None));
    let fork = map.fork();
    on_threads(2, |id| match id {
        0 => (0..size).for_each(|i| assert_eq!(fork.remove(i), Some(i))),
        _ => (0..size).for_each(|i| assert_eq!(map.insert(i, i + 1), Some(i))),
    });
    assert_eq!(fork.entries(), []);
    assert_eq!(map.entries(), (0..size).map(|i| (i, i + 1)).collect::<Vec<_>>());
}
