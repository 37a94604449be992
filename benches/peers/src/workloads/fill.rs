//! `fill`: the life of a map in six phases. `insert`: N keys from empty, disjoint slices. `hit`: every thread looks up
//! all N keys in an order of its own; `hit-again`: once more. `miss`: every thread looks up N absent keys of its own.
//! `overwrite` and `remove`: all keys in shuffled order, disjoint slices.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::hint::black_box;
use std::sync::Mutex;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys = job.keys.present(n);
    let shuffled = |stream| {
        let mut order = keys.clone();
        job.keys.rng(stream).shuffle(&mut order);
        order
    };
    let order = shuffled(0);
    let buffers: Vec<_> = (1..=threads).map(|t| Mutex::new(shuffled(t))).collect();
    let sum_of_values = (0..n as u64).fold(0, u64::wrapping_add);

    let map = M::new();
    let spans = team::run(threads, |thread, clock| {
        let mine = share(n, threads, thread);
        let mut lookups = buffers[thread].lock().expect("used by one thread");

        clock.phase(|| {
            for i in mine.clone() {
                assert!(map.insert(keys[i], i as u64), "the key was absent");
            }
        });
        for _again in [false, true] {
            let sum = clock.phase(|| sum_of_hits(&map, &lookups));
            assert_eq!(black_box(sum), sum_of_values);
        }

        job.keys.absent(&mut lookups, thread);
        clock.phase(|| {
            for &key in lookups.iter() {
                assert!(map.get(key).is_none(), "the key is absent");
            }
        });
        clock.phase(|| {
            for &key in &order[mine.clone()] {
                assert!(map.upsert(key, key >> 1), "the key is present");
            }
        });
        clock.phase(|| {
            for &key in &order[mine.clone()] {
                assert!(map.remove(key), "the key was present");
            }
        });
    });
    let phases = [
        ("insert", n),
        ("hit", n * threads),
        ("hit-again", n * threads),
        ("miss", n * threads),
        ("overwrite", n),
        ("remove", n),
    ];
    let record = |((phase, ops), span)| job.record(phase, ops).timed(span);
    phases.into_iter().zip(spans).map(record).collect()
}

fn sum_of_hits<M: Peer>(map: &M, keys: &[u64]) -> u64 {
    let mut sum = 0u64;
    for &key in keys {
        let value = map.get(key).expect("the key is present");
        sum = sum.wrapping_add(value);
    }
    sum
}
