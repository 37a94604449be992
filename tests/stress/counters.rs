//! Counters inside the values.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};

use snaptrie::FixedState;

use super::Map;
use crate::tested::Tested;
use crate::{Random, THREADS, TruncatedState, on_threads, scaled};

fn counters_are_exact<S: BuildHasher + Default + Clone + Sync>(keys: u64, operations: u64) {
    let map = Map::<u64, AtomicU64, S>::default();
    on_threads(|thread| {
        let mut random = Random(thread + 1);
        for _ in 0..operations {
            let key = random.below(keys);
            map.pin().get_or_insert(key, AtomicU64::new(0)).fetch_add(1, Ordering::Relaxed);
        }
    });
    Tested::check(&map);
    let total: u64 = map.pin().values().map(|count| count.load(Ordering::Relaxed)).sum();
    assert_eq!(total, THREADS * operations);
}

#[test]
fn counters_are_exact_with_many_keys() {
    counters_are_exact::<FixedState>(20_000, scaled(200_000));
}

#[test]
fn counters_are_exact_with_truncated_hashes() {
    counters_are_exact::<TruncatedState>(300, scaled(20_000));
}
