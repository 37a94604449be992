//! What a map that has snapshots must stand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use snaptrie::FixedState;

use super::{Map, Value};
use crate::tested::Tested;
use crate::{Numbered, Random, on_threads, scaled};

type Live = Map<u64, Value, FixedState>;

/// Writers, readers of snapshots, takers, forkers and droppers, all at once, over one map.
#[test]
fn everything_at_once_leaks_nothing() {
    let live = Arc::new(AtomicI64::new(0));
    let map = Live::default();
    let operations = scaled(30_000);
    on_threads(|thread| {
        let mut random = Random(thread + 1);
        let mut snapshots: Vec<<Live as Tested>::Version> = Vec::new();
        let mut forks = Vec::new();
        for index in 0..operations {
            let key = random.below(3_000);
            match random.below(200) {
                0..=99 => {
                    map.handle().insert(key, Value::make(index, &live));
                }
                100..=149 => {
                    map.handle().remove(&key);
                }
                150..=189 => {
                    assert!(map.handle().get(&key).is_none_or(|value| value.number() < operations));
                }
                190 | 191 => snapshots.push(map.snapshot()),
                192 if random.below(40) == 0 => snapshots.push(map.take()),
                193 => forks.push(map.fork()),
                194 => forks.extend(forks.last().map(Live::fork)),
                195 => forks.iter().take(1).for_each(|fork| {
                    fork.handle().insert(key, Value::make(index, &live));
                }),
                196 => snapshots
                    .iter()
                    .take(1)
                    .for_each(|view| assert_eq!(view.len(), view.iter().count())),
                197 if !snapshots.is_empty() => {
                    snapshots.swap_remove(random.below(snapshots.len() as u64) as usize);
                }
                198 if !forks.is_empty() => {
                    let fork = forks.swap_remove(random.below(forks.len() as u64) as usize);
                    fork.check();
                }
                _ => {
                    let largest =
                        map.handle().iter().take(50).map(|(_, value)| value.number()).max();
                    assert!(largest < Some(operations));
                }
            }
            if snapshots.len() + forks.len() > 30 {
                snapshots.truncate(3);
                forks.truncate(3);
            }
        }
    });
    map.check();
    drop(map);
    assert_eq!(live.load(Ordering::Relaxed), 0);
}
