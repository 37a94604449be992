//! Tables that are made larger and smaller meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use snaptrie::FixedState;

use super::{Map, Value};
use crate::tested::Tested;
use crate::{Numbered, Random, THREADS, on_threads, scaled};

/// Writers, readers, and threads that make the table larger and smaller, all at once.
#[test]
fn everything_at_once_leaks_nothing() {
    let live = Arc::new(AtomicI64::new(0));
    let map = Map::<u64, Value, FixedState>::default();
    let operations = scaled(30_000);
    on_threads(|thread| {
        let mut random = Random(thread + 1);
        for index in 0..operations {
            let key = random.below(3_000);
            match random.below(400) {
                0..=199 => {
                    map.handle().insert(key, Value::make(index, &live));
                }
                200..=379 => {
                    map.handle().remove(&key);
                }
                380..=389 => {
                    assert!(map.handle().get(&key).is_none_or(|value| value.number() < operations));
                }
                390 => map.reserve(key as usize),
                391 => map.shrink_to_fit(),
                392 if random.below(20) == 0 => map.clear(),
                393 => map.handle().retain(|key, _| key % 7 != thread),
                _ => {
                    let largest =
                        map.handle().iter().take(50).map(|(_, value)| value.number()).max();
                    assert!(largest < Some(operations));
                }
            }
        }
    });
    map.check();
    assert!(map.handle().values().all(|value| value.number() < operations));
    drop(map);
    assert_eq!(live.load(Ordering::Relaxed), 0);
}

/// Keys that stay are found at every moment, by look-ups and by iterations, while the table grows,
/// shrinks and is swept.
#[test]
fn what_stays_is_found_while_the_table_moves() {
    const STAY: u64 = 500;
    let map: Map<u64, u64, FixedState> = (0..STAY).map(|key| (key, !key)).collect();
    on_threads(|thread| {
        let mut random = Random(thread + 9);
        for round in 0..scaled(400) {
            if thread < THREADS / 2 {
                let first = STAY + thread * 1_000_000;
                let keys = || first..first + batch(round);
                keys().for_each(|key| _ = map.handle().insert(key, key));
                keys().for_each(|key| assert_eq!(map.handle().remove(&key), Some(&key)));
                if round % 8 == 0 {
                    map.shrink_to_fit();
                }
            } else {
                for _ in 0..500 {
                    let key = random.below(STAY);
                    assert_eq!(map.handle().get(&key), Some(&!key));
                }
                let seen = map.handle().keys().filter(|key| **key < STAY).count() as u64;
                assert_eq!(seen, STAY);
            }
        }
    });
    map.check();
    assert_eq!(map.len() as u64, STAY);
}

/// How many keys come and go in a round: few, or many.
fn batch(round: u64) -> u64 {
    if round % 5 == 0 { 2_000 } else { 50 }
}
