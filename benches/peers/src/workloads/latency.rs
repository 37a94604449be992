//! `latency`: the threads insert N keys from empty, and every insert is timed. `vroom`: the same with the keys 0, 1, 2,
//! … in order, as `griddle` measures it. The map `none` shows the cost of the clock and the noise of the machine:
//! compare the tails with it. `max` includes interruptions by the kernel, so compare the smallest maximum of several
//! runs.
//!
//! `latency-warm`: the same in memory that the process has used before, so without page faults, each of which costs a
//! few microseconds in a virtual machine. A first run, which is not reported, touches the memory, and [`KEEP_MEMORY`]
//! makes the allocator keep it.
//!
//! The phase `growth` has the slowest insert in each of 64 stretches of the first thread's inserts: it shows where the
//! spikes are, and how they grow with the map.

use super::Job;
use crate::keys::share;
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use hdrhistogram::Histogram;
use std::sync::Mutex;
use std::time::Instant;

/// The reported quantiles.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("p99.999", 0.99999)];

/// What makes glibc keep all memory that is freed, in one heap.
pub(super) const KEEP_MEMORY: &[(&str, &str)] = &[
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_MAX_", "0"),
    ("MALLOC_TRIM_THRESHOLD_", "1000000000000"),
];

/// Stretches of the phase `growth`.
const STRETCHES: usize = 64;

/// Keys in random order.
pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    timed::<M>(job, |i| job.keys.key(i))
}

/// Keys in random order, in memory that was used before.
pub(super) fn run_warm<M: Peer>(job: &Job) -> Vec<Record> {
    drop(run::<M>(job));
    run::<M>(job)
}

/// Keys in their natural order.
pub(super) fn run_in_order<M: Peer>(job: &Job) -> Vec<Record> {
    timed::<M>(job, |i| i)
}

fn timed<M: Peer>(job: &Job, key: impl Fn(u64) -> u64 + Sync) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    // Work that a process does once for all maps, such as registering with the kernel, is not part of growth.
    M::new().insert(0, 0);
    let map = M::new();
    let all = Mutex::new(Vec::new());
    let spans = team::run(threads, |thread, clock| {
        let mine = share(n, threads, thread);
        let keys: Vec<u64> = mine.clone().map(|i| key(i as u64)).collect();
        // Written before the loop, so that the loop causes no page faults in it.
        let mut took = vec![1u32; keys.len()];
        clock.phase(|| {
            for ((&key, slot), i) in keys.iter().zip(&mut took).zip(mine) {
                let start = Instant::now();
                let inserted = map.insert(key, i as u64);
                let elapsed = start.elapsed();
                assert!(inserted, "the key was absent");
                *slot = u32::try_from(elapsed.as_nanos()).unwrap_or(u32::MAX);
            }
        });
        all.lock().expect("no thread panics with the lock").push((thread, took));
    });
    let mut all = all.into_inner().expect("no thread panics with the lock");
    all.sort_unstable_by_key(|(thread, _)| *thread);
    let record = job.record("insert", n).timed(spans[0]);
    vec![quantiles(record, all.iter().flat_map(|(_, took)| took)), growth(job, &all[0].1)]
}

fn quantiles<'a>(mut record: Record, took: impl Iterator<Item = &'a u32>) -> Record {
    let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
    let mut max = 0;
    for ns in took.map(|&ns| u64::from(ns)) {
        histogram.record(ns).expect("the histogram grows");
        max = max.max(ns);
    }
    for (name, quantile) in QUANTILES {
        // The histogram rounds up, at worst past the exact maximum.
        let ns = histogram.value_at_quantile(quantile).min(max);
        record = record.with(name, ns as f64);
    }
    record.with("max", max as f64)
}

fn growth(job: &Job, took: &[u32]) -> Record {
    let mut record = job.record("growth", took.len());
    for stretch in 0..STRETCHES {
        let stretch = share(took.len(), STRETCHES, stretch);
        let max = took[stretch.clone()].iter().max().copied().unwrap_or(0);
        record = record.with(&format!("to-{}", stretch.end), f64::from(max));
    }
    record
}
