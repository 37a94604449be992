//! `mix`: half reads, a quarter inserts (which overwrite where the key is present), a quarter removes, of
//! keys drawn uniformly from 2N of which N are present at the start. All threads share all keys. 2N
//! operations in total. Drawing key and operation is part of the time, the same for every map.

use super::Job;
use crate::keys::{scale, share};
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let space = 2 * n as u64;
    let (reads, hits) = (AtomicU64::new(0), AtomicU64::new(0));

    let map = M::new();
    let spans = team::run(threads, |thread, clock| {
        for i in share(n, threads, thread) {
            assert!(map.insert(job.keys.key(i as u64), i as u64), "the key was absent");
        }
        let mut rng = job.keys.rng(thread);
        let ops = share(2 * n, threads, thread).len();
        let (own_reads, own_hits) = clock.phase(|| {
            let (mut reads, mut hits) = (0, 0);
            for _ in 0..ops {
                let bits = rng.bits();
                let key = job.keys.key(scale(bits, space));
                match bits % 4 {
                    0 => {
                        map.remove(key);
                    }
                    1 => {
                        map.upsert(key, bits >> 1);
                    }
                    _ => {
                        reads += 1;
                        hits += u64::from(map.get(key).is_some());
                    }
                }
            }
            (reads, hits)
        });
        // Relaxed: sums, read after the threads were joined.
        reads.fetch_add(own_reads, Ordering::Relaxed);
        hits.fetch_add(own_hits, Ordering::Relaxed);
    });
    let hit_rate = 100.0 * hits.into_inner() as f64 / reads.into_inner().max(1) as f64;
    let record = job.record("mixed", 2 * n).timed(spans[0]);
    vec![record.with("hit%", hit_rate)]
}
