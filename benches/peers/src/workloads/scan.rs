//! `scan`: all N entries read, by every thread at once (`quiet`), and by all threads but one while that one
//! overwrites random keys (`beside-a-writer`; with one thread there is no such phase). An operation is an
//! entry. Overwrites neither add nor remove a key, but not every map promises that a scan beside them sees
//! each key once: `seen%` says how many it saw.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Scans of each thread in a phase.
const SCANS: usize = 4;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let map = M::new();
    let scanning = AtomicUsize::new(threads - 1);
    let seen = AtomicU64::new(0);
    let scan = || (0..SCANS).map(|_| map.scan().entries).sum::<u64>();
    let spans = team::run(threads, |thread, clock| {
        for i in share(n, threads, thread) {
            assert!(map.insert(job.keys.key(i as u64), 1), "the key was absent");
        }
        assert_eq!(clock.phase(scan), (SCANS * n) as u64, "all entries");
        if threads == 1 {
            return;
        }
        let mut rng = job.keys.rng(thread);
        clock.phase(|| {
            if thread > 0 {
                seen.fetch_add(scan(), Ordering::Relaxed);
                scanning.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            // Relaxed, both: says when to stop, and a sum that is read after the threads were joined.
            while scanning.load(Ordering::Relaxed) > 0 {
                let key = job.keys.key(rng.below(n as u64));
                assert!(map.upsert(key, 1), "the key was present");
            }
        });
    });
    let mut spans = spans.into_iter();
    let mut record =
        |phase, threads: usize| Some(job.record(phase, SCANS * n * threads).timed(spans.next()?));
    let quiet = record("quiet", threads);
    let beside = record("beside-a-writer", threads - 1).map(|record| {
        let rate = 100.0 * seen.into_inner() as f64 / record.ops as f64;
        record.with("seen%", rate)
    });
    quiet.into_iter().chain(beside).collect()
}
