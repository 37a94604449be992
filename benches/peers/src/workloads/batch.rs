//! `batch`: 64 or 1024 keys at a time, with one pin, guard or lock for all of them where the map offers that,
//! against one by one. `insert-1`, `insert-64` and `insert-1024` each fill an empty map in disjoint slices;
//! `hit-1`, `hit-64` and `hit-1024` look up N present keys in every thread; `overwrite-1`, `-64` and `-1024` give all
//! keys another value, three times over, in disjoint slices.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;

/// How often each value is replaced: what a map does with the old ones shows only after a while.
const OVERWRITES: usize = 3;

/// Keys in a batch.
const BATCHES: [usize; 2] = [64, 1024];

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys = job.keys.present(n);
    let mut order = keys.clone();
    job.keys.rng(0).shuffle(&mut order);

    let (single, batched) = (M::new(), BATCHES.map(|_| M::new()));
    let spans = team::run(threads, |thread, clock| {
        let mine = share(n, threads, thread);
        // Every thread begins elsewhere.
        let (before, after) = order.split_at(mine.start);
        let lookups = |batch| after.chunks(batch).chain(before.chunks(batch));

        clock.phase(|| {
            for &key in &keys[mine.clone()] {
                assert!(single.insert(key, 1), "the key was absent");
            }
        });
        for (map, batch) in batched.iter().zip(BATCHES) {
            clock.phase(|| {
                for keys in keys[mine.clone()].chunks(batch) {
                    map.insert_many(keys, 1);
                }
            });
        }
        let found = clock.phase(|| {
            let found = |key: &u64| single.get(*key).unwrap_or(0);
            lookups(BATCHES[0]).flatten().map(found).sum::<u64>()
        });
        assert_eq!(found, n as u64, "each key is present");
        for (map, batch) in batched.iter().zip(BATCHES) {
            let found = clock.phase(|| lookups(batch).map(|keys| map.get_many(keys)).sum::<u64>());
            assert_eq!(found, n as u64, "each key is present");
        }
        let mine = &order[mine];
        clock.phase(|| {
            for &key in [mine; OVERWRITES].into_iter().flatten() {
                assert!(single.upsert(key, 2), "the key is present");
            }
        });
        for (map, batch) in batched.iter().zip(BATCHES) {
            clock.phase(|| {
                for keys in [mine; OVERWRITES].iter().flat_map(|keys| keys.chunks(batch)) {
                    map.insert_many(keys, 2);
                }
            });
            assert_eq!(map.get_many(mine), 2 * mine.len() as u64, "each has its new value");
        }
    });
    let phases = [("insert", n), ("hit", n * threads), ("overwrite", OVERWRITES * n)];
    let names = phases.iter().flat_map(|&(name, ops)| {
        let batches = [1].into_iter().chain(BATCHES);
        batches.map(move |batch| (format!("{name}-{batch}"), ops))
    });
    names.zip(spans).map(|((phase, ops), span)| job.record(&phase, ops).timed(span)).collect()
}
