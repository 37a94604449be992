//! `mix` and `zipf`: a map that keeps its size. Keys are drawn from 2N, half of which are present, so half
//! of the reads hit; the writes are inserts (which overwrite where the key is present) and removes, half
//! each. All threads share all keys. A phase for each share of reads; 2N operations in each. `mix` draws
//! uniformly, `zipf` in proportion to `1 / rank^0.99`. Drawing key and operation is part of the time, the
//! same for every map.

use super::Job;
use crate::keys::{Choice, share};
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::sync::atomic::{AtomicU64, Ordering};

/// Percent of reads, one phase each.
const READS: [u64; 4] = [100, 95, 50, 5];

/// Uniformly drawn keys.
pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    phases::<M>(job, &Choice::Uniform(2 * job.size as u64))
}

/// Keys after Zipf.
pub(super) fn run_zipf<M: Peer>(job: &Job) -> Vec<Record> {
    phases::<M>(job, &Choice::zipf(2 * job.size as u64))
}

fn phases<M: Peer>(job: &Job, choice: &Choice) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let counters = || READS.map(|_| AtomicU64::new(0));
    let (reads, hits) = (counters(), counters());

    let map = M::new();
    let spans = team::run(threads, |thread, clock| {
        for i in share(n, threads, thread) {
            // Every other key, so that half of the frequent ones is there.
            assert!(map.insert(job.keys.key(2 * i as u64), i as u64), "the key was absent");
        }
        let mut rng = job.keys.rng(thread);
        let ops = share(2 * n, threads, thread).len();
        for (phase, percent) in READS.into_iter().enumerate() {
            let (own_reads, own_hits) = clock.phase(|| {
                let (mut reads, mut hits) = (0, 0);
                for _ in 0..ops {
                    let bits = rng.bits();
                    let key = job.keys.key(choice.draw(&mut rng));
                    if (bits >> 8) % 100 < percent {
                        reads += 1;
                        hits += u64::from(map.get(key).is_some());
                    } else if bits & 1 == 0 {
                        map.upsert(key, bits >> 1);
                    } else {
                        map.remove(key);
                    }
                }
                (reads, hits)
            });
            // Relaxed: sums, read after the threads were joined.
            reads[phase].fetch_add(own_reads, Ordering::Relaxed);
            hits[phase].fetch_add(own_hits, Ordering::Relaxed);
        }
    });
    let rates = hits.into_iter().zip(reads);
    let rates = rates.map(|(h, r)| 100.0 * h.into_inner() as f64 / r.into_inner().max(1) as f64);
    let phases = READS.into_iter().zip(spans).zip(rates);
    let record = |((percent, span), rate)| {
        job.record(&format!("reads-{percent}"), 2 * n).timed(span).with("hit%", rate)
    };
    phases.map(record).collect()
}
