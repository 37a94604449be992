//! `hot`: a map of few entries that all threads write all the time. Each thread overwrites the N keys in turn, and then
//! updates them, a million times in all.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;

/// Operations of a phase.
const OPS: usize = 1_000_000;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys = job.keys.present(n);

    let map = M::new();
    for (i, &key) in keys.iter().enumerate() {
        assert!(map.insert(key, i as u64), "the key was absent");
    }
    let spans = team::run(threads, |thread, clock| {
        let mine = share(OPS, threads, thread);
        clock.phase(|| {
            for i in mine.clone() {
                assert!(map.upsert(keys[i % n], i as u64), "the key was present");
            }
        });
        clock.phase(|| {
            for i in mine {
                assert!(map.update(keys[i % n], i as u64), "the key was present");
            }
        });
    });
    let phases = ["overwrite", "update"].into_iter().zip(spans);
    phases.map(|(phase, span)| job.record(phase, OPS).timed(span)).collect()
}
