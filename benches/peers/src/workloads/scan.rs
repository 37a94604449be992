//! `scan`: all N entries read, by every thread at once (`quiet`), and by all threads but one while that one
//! overwrites random keys (`beside-a-writer`; with one thread there is no such phase). An operation is an
//! entry.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Scans of each thread in a phase.
const SCANS: usize = 4;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let map = M::new();
    let scanning = AtomicUsize::new(threads - 1);
    let scan = || {
        for _ in 0..SCANS {
            // Overwrites neither add nor remove.
            assert_eq!(map.scan().entries, n as u64, "all entries");
        }
    };
    let spans = team::run(threads, |thread, clock| {
        for i in share(n, threads, thread) {
            assert!(map.insert(job.keys.key(i as u64), 1), "the key was absent");
        }
        clock.phase(scan);
        if threads == 1 {
            return;
        }
        let mut rng = job.keys.rng(thread);
        clock.phase(|| {
            if thread > 0 {
                scan();
                scanning.fetch_sub(1, Ordering::Relaxed);
                return;
            }
            // Relaxed: only says when to stop.
            while scanning.load(Ordering::Relaxed) > 0 {
                let key = job.keys.key(rng.below(n as u64));
                assert!(map.upsert(key, 1), "the key was present");
            }
        });
    });
    let entries = [("quiet", threads), ("beside-a-writer", threads - 1)];
    let record = |((phase, threads), span)| job.record(phase, SCANS * n * threads).timed(span);
    entries.into_iter().zip(spans).map(record).collect()
}
