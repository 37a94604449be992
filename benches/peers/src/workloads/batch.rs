//! `batch`: 64 keys at a time, with one pin, guard or lock for all of them where the map offers that, against
//! one by one. `insert-1` and `insert-64` each fill an empty map in disjoint slices; `hit-1` and `hit-64` look
//! up N present keys in every thread.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;

/// Keys in a batch.
const BATCH: usize = 64;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys = job.keys.present(n);
    let mut order = keys.clone();
    job.keys.rng(0).shuffle(&mut order);

    let (single, batched) = (M::new(), M::new());
    let spans = team::run(threads, |thread, clock| {
        let mine = share(n, threads, thread);
        // Every thread begins elsewhere.
        let (before, after) = order.split_at(mine.start);
        let lookups = || after.chunks(BATCH).chain(before.chunks(BATCH));

        clock.phase(|| {
            for &key in &keys[mine.clone()] {
                assert!(single.insert(key, 1), "the key was absent");
            }
        });
        clock.phase(|| {
            for keys in keys[mine.clone()].chunks(BATCH) {
                batched.insert_many(keys, 1);
            }
        });
        let found = clock.phase(|| {
            let found = |key: &u64| single.get(*key).unwrap_or(0);
            lookups().flatten().map(found).sum::<u64>()
        });
        assert_eq!(found, n as u64, "each key is present");
        let found = clock.phase(|| lookups().map(|keys| batched.get_many(keys)).sum::<u64>());
        assert_eq!(found, n as u64, "each key is present");
    });
    let phases =
        [("insert-1", n), ("insert-64", n), ("hit-1", n * threads), ("hit-64", n * threads)];
    let record = |((phase, ops), span)| job.record(phase, ops).timed(span);
    phases.into_iter().zip(spans).map(record).collect()
}
