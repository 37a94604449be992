//! `garbage`: bytes that overwritten values hold until the map frees them, by the allocator's count (see `count`).
//!
//! Every thread overwrites four keys of its own with fresh boxes of 256 bytes, for the time of the job. `garbage`
//! writes without a pause, `garbage-bursts` sleeps 20 ms after every 1000 writes, and `garbage-work` does 500 ns of
//! other work after each write. The size is four keys a thread, whatever the command line says.
//!
//! All keys are present before the count starts, so every byte above the start is garbage, or state that the map keeps
//! for a thread. `peak`: the most bytes at any moment of the run. `left`: bytes after all threads have ended.
//! `flushed`: bytes after a flush by the main thread, where the map offers one.
//!
//! A trait of its own: the other workloads are of numbers.

use super::{Job, Workload};
use crate::count;
use crate::maps::{Hasher, MapName, advance_scc};
use crate::record::Record;
use crate::team;
use papaya::Guard;
use scc::hash_index::Entry;
use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Keys of each thread.
const KEYS: usize = 4;
/// Writes between two looks at the clock, and in a burst.
const BURST: usize = 1000;
/// The sleep between bursts.
const SLEEP: Duration = Duration::from_millis(20);
/// Other work after each write.
const WORK: Duration = Duration::from_nanos(500);

type Value = Box<[u8; 256]>;

/// A concurrent map, `u64 -> Value`.
trait Boxes: Sync {
    fn new() -> Self;

    /// Sets the value of `key`, present or not; returns whether it replaced one.
    fn upsert(&self, key: u64, value: Value) -> bool;

    /// Frees as much garbage as the map's interface allows.
    fn flush(&self);
}

macro_rules! boxes {
    ($Map:ty, |$map:ident, $key:ident, $value:ident| $upsert:expr, |$me:ident| $flush:expr) => {
        impl Boxes for $Map {
            fn new() -> Self {
                <$Map>::with_hasher(Hasher::default())
            }

            #[inline]
            fn upsert(&self, $key: u64, $value: Value) -> bool {
                let $map = self;
                $upsert
            }

            fn flush(&self) {
                let $me = self;
                $flush
            }
        }
    };
}

#[cfg(feature = "snaptrie")]
type Trie = snaptrie::TrieMap<u64, Value, Hasher>;
#[cfg(feature = "snaptrie")]
type Flat = snaptrie::FlatMap<u64, Value, Hasher>;
type Dashmap = dashmap::DashMap<u64, Value, Hasher>;
type Papaya = papaya::HashMap<u64, Value, Hasher>;
type SccMap = scc::HashMap<u64, Value, Hasher>;
type SccIndex = scc::HashIndex<u64, Value, Hasher>;

#[cfg(feature = "snaptrie")]
boxes!(Trie, |map, k, v| map.pin().insert(k, v).is_some(), |map| _ = map.flush());
#[cfg(feature = "snaptrie")]
boxes!(Flat, |map, k, v| map.pin().insert(k, v).is_some(), |map| _ = map.flush());
// Frees under its lock.
boxes!(Dashmap, |map, k, v| map.insert(k, v).is_some(), |_map| ());
// Flushes the calling thread's batch only; those of the ended threads wait for threads that take their place.
boxes!(Papaya, |map, k, v| map.pin().insert(k, v).is_some(), |map| map.guard().flush());
// Frees values under its lock.
boxes!(SccMap, |map, k, v| map.upsert_sync(k, v).is_some(), |_map| advance_scc());
boxes!(
    SccIndex,
    |map, k, v| match map.entry_sync(k) {
        Entry::Occupied(mut entry) => {
            entry.update(v);
            true
        }
        Entry::Vacant(entry) => {
            entry.insert_entry(v);
            false
        }
    },
    |_map| advance_scc()
);

/// The measurement for a map; none if it does not take boxes here.
fn measurement(map: MapName) -> Option<fn(&Job) -> Record> {
    match map {
        #[cfg(feature = "snaptrie")]
        MapName::Snaptrie => Some(run_on::<Trie>),
        #[cfg(feature = "snaptrie")]
        MapName::Flat => Some(run_on::<Flat>),
        MapName::Dashmap => Some(run_on::<Dashmap>),
        MapName::Papaya => Some(run_on::<Papaya>),
        MapName::SccMap => Some(run_on::<SccMap>),
        MapName::SccIndex => Some(run_on::<SccIndex>),
        _ => None,
    }
}

/// Whether a map is measured.
pub(super) fn suits(map: MapName) -> bool {
    measurement(map).is_some()
}

pub(super) fn run(job: &Job) -> Vec<Record> {
    let job = Job { size: KEYS * job.threads, ..*job };
    measurement(job.map).map(|measure| measure(&job)).into_iter().collect()
}

fn run_on<M: Boxes>(job: &Job) -> Record {
    let (sleep, work) = match job.workload {
        Workload::GarbageBursts => (SLEEP, Duration::ZERO),
        Workload::GarbageWork => (Duration::ZERO, WORK),
        _ => (Duration::ZERO, Duration::ZERO),
    };
    let map = M::new();
    for key in 0..job.size as u64 {
        assert!(!map.upsert(key, Box::new([0; 256])), "the key was absent");
    }
    // What growing left behind is not this workload's garbage.
    map.flush();
    // Relaxed: a sum, read after the threads were joined.
    let ops = AtomicUsize::new(0);
    let before = count::now().requested;
    count::restart_peak();
    let spans = team::run(job.threads, |thread, clock| {
        let written = clock.phase(|| {
            let (start, mut written) = (Instant::now(), 0);
            while start.elapsed() < job.time {
                for i in 0..BURST {
                    let key = (thread * KEYS + i % KEYS) as u64;
                    assert!(map.upsert(key, Box::new([0; 256])), "the key is present");
                    spin(work);
                }
                written += BURST;
                thread::sleep(sleep);
            }
            written
        });
        ops.fetch_add(written, Ordering::Relaxed);
    });
    let (peak, left) = (count::peak(), count::now().requested);
    map.flush();
    let flushed = count::now().requested;
    let mut record = job.record("overwrite", ops.into_inner()).timed(spans[0]);
    for (name, bytes) in [("peak", peak), ("left", left), ("flushed", flushed)] {
        record = record.with(name, (bytes - before) as f64);
    }
    record
}

#[inline]
fn spin(work: Duration) {
    if !work.is_zero() {
        let start = Instant::now();
        while start.elapsed() < work {
            hint::spin_loop();
        }
    }
}
