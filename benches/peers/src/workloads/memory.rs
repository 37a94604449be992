//! `memory`: bytes per entry, counted by the allocator (see `count`), one thread. `full`: N keys inserted from empty.
//! `emptied`: all removed again, then the map's own flush and N lookups, each of which pins, so that memory can be
//! reclaimed; no map is asked to shrink. `dropped`: bytes that outlive the map.

use super::Job;
use crate::count;
use crate::maps::Peer;
use crate::record::Record;

pub(super) fn run<M: Peer>(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    let mut order = keys.clone();
    job.keys.rng(0).shuffle(&mut order);
    let mut absent = vec![0; job.size];
    job.keys.absent(&mut absent, 0);

    let before = count::now();
    let record = |phase| {
        let now = count::now();
        let per_entry = |bytes: i64| bytes as f64 / job.size.max(1) as f64;
        let requested = per_entry(now.requested - before.requested);
        let record = job.record(phase, job.size).with("requested", requested);
        // The keys are counted already, so zero means that the allocator cannot tell.
        if before.usable == 0 {
            return record;
        }
        record.with("usable", per_entry(now.usable - before.usable))
    };
    let map = M::new();
    for (i, &key) in keys.iter().enumerate() {
        assert!(map.insert(key, i as u64), "the key was absent");
    }
    let full = record("full");
    for &key in &order {
        assert!(map.remove(key), "the key was present");
    }
    map.settle();
    for &key in &absent {
        assert!(map.get(key).is_none(), "the key is absent");
    }
    map.settle();
    let emptied = record("emptied");
    drop(map);
    vec![full, emptied, record("dropped")]
}
