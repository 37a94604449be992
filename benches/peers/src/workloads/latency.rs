//! `latency`: one thread inserts N keys from empty, and every insert is timed. The map `none` shows what
//! the clock and the machine add: read the tails against it. `max` also holds what the kernel did to the
//! thread, so compare the smallest of several runs' maxima.

use super::Job;
use crate::maps::Peer;
use crate::record::Record;
use hdrhistogram::Histogram;
use std::time::Instant;

/// The reported quantiles.
const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("p99.999", 0.99999)];

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    // Written here, so that the loop touches none of its pages for the first time.
    let mut took = vec![1u32; job.size];

    let map = M::new();
    let first = Instant::now();
    for (i, (&key, slot)) in keys.iter().zip(&mut took).enumerate() {
        let start = Instant::now();
        let inserted = map.insert(key, i as u64);
        let elapsed = start.elapsed();
        assert!(inserted, "the key was absent");
        *slot = u32::try_from(elapsed.as_nanos()).unwrap_or(u32::MAX);
    }
    let mut record = job.record("insert", job.size).timed(first.elapsed());

    let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
    let mut max = 0;
    for ns in took.into_iter().map(u64::from) {
        histogram.record(ns).expect("the histogram grows");
        max = max.max(ns);
    }
    for (name, quantile) in QUANTILES {
        // The histogram rounds up, at worst past the exact maximum.
        let ns = histogram.value_at_quantile(quantile).min(max);
        record = record.with(name, ns as f64);
    }
    vec![record.with("max", max as f64)]
}
