//! The workloads of the maps that have snapshots ([`Frozen`]); one thread writes.
//!
//! `snapshot`: the cost of taking and dropping a snapshot of N entries, of the first write after it, and of reading
//! one. `timer` is the cost of timing a single call, which is part of every phase except `take-idle` and the scans. If
//! a single call takes long, fewer calls are made.
//!
//! `snapshot-load`: million overwrites of random keys by all threads, while one more thread takes snapshots:
//! none, one held for ever, one every 100, 10 and 1 ms (each is held until the next is there).
//!
//! `snapshot-insert`: N insertions into an empty map by all threads, while one more thread takes snapshots as
//! above: none, and one every 100, 10 and 1 ms.
//!
//! `snapshot-memory`, in the counting binary: bytes that a snapshot holds, per entry of the map, after so many
//! writes in percent of N.

use super::Job;
use crate::count;
use crate::keys::{Rng, share};
use crate::maps::{Frozen, Sum};
use crate::record::Record;
use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The most calls in the phases that take snapshots.
const TAKES: usize = 10_000;
/// The most calls in the phases that write.
const WRITES: usize = 2_000;
/// How long a phase may take before it stops making calls.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many snapshots the last phase keeps alive.
const HELD: usize = 8;
/// How long each phase of `snapshot-load` lasts.
const LOAD: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1000 });

pub(super) fn costs<M: Frozen>(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    let map = filled::<M>(&keys);
    let mut writer = Writer { map: &map, keys: &keys, rng: job.keys.rng(0) };
    let take = || drop(black_box(map.snapshot()));
    let mut held = VecDeque::new();
    let mut records = vec![
        phase(job, "timer", TAKES, || time(|| ())),
        phase(job, "write", WRITES, || writer.time_one()),
        phase(job, "take-idle", TAKES, || time(take)),
        phase(job, "take-after-write", TAKES, || {
            writer.time_one();
            time(take)
        }),
        phase(job, "first-write", WRITES, || {
            let snapshot = map.snapshot();
            let took = writer.time_one();
            drop(black_box(snapshot));
            took
        }),
        phase(job, "first-write-8-held", WRITES, || {
            held.push_back(map.snapshot());
            let took = writer.time_one();
            if held.len() == HELD {
                held.pop_front();
            }
            took
        }),
    ];
    drop(held);
    let snapshot = map.snapshot();
    for name in ["scan-first", "scan-again"] {
        let took = time(|| check(job, M::scan_snapshot(&snapshot)));
        records.push(job.record(name, job.size).timed(took));
    }
    records
}

pub(super) fn load<M: Frozen>(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    let map = filled::<M>(&keys);
    let mut records = vec![writes_beside(job, "none", &map, &keys, None)];
    let held = map.snapshot();
    records.push(writes_beside(job, "held", &map, &keys, None));
    check(job, M::scan_snapshot(&held));
    drop(held);
    for millis in [100, 10, 1] {
        let interval = Duration::from_millis(millis);
        let name = format!("every-{millis}-ms");
        records.push(writes_beside(job, &name, &map, &keys, Some(interval)));
    }
    records
}

pub(super) fn insert<M: Frozen>(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    let mut records = vec![inserts_beside::<M>(job, "none", &keys, None)];
    for millis in [100, 10, 1] {
        let interval = Duration::from_millis(millis);
        let name = format!("every-{millis}-ms");
        records.push(inserts_beside::<M>(job, &name, &keys, Some(interval)));
    }
    records
}

pub(super) fn memory<M: Frozen>(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    let map = filled::<M>(&keys);
    let mut writer = Writer { map: &map, keys: &keys, rng: job.keys.rng(0) };
    let mut record = |percent: usize| {
        map.settle();
        let before = count::now().requested;
        let snapshot = map.snapshot();
        for _ in 0..job.size * percent / 100 {
            writer.write();
        }
        map.settle();
        let held = count::now().requested - before;
        check(job, M::scan_snapshot(&snapshot));
        drop(snapshot);
        let phase = format!("writes-{percent}%");
        job.record(&phase, job.size).with("requested", held as f64 / job.size as f64)
    };
    [0, 1, 10, 50, 100].map(&mut record).into()
}

fn filled<M: Frozen>(keys: &[u64]) -> M {
    let map = M::new();
    for &key in keys {
        assert!(map.insert(key, 1), "the key was absent");
    }
    map
}

fn check(job: &Job, sum: Sum) {
    assert_eq!(sum.entries, job.size as u64, "overwrites neither add nor remove");
}

/// Calls until there were enough, or it took too long.
fn phase(job: &Job, name: &str, most: usize, mut call: impl FnMut() -> Duration) -> Record {
    let start = Instant::now();
    let (mut calls, mut total) = (0, Duration::ZERO);
    while calls < most && (calls == 0 || start.elapsed() < PATIENCE) {
        total += call();
        calls += 1;
    }
    job.record(name, calls).timed(total)
}

fn writes_beside<M: Frozen>(
    job: &Job,
    name: &str,
    map: &M,
    keys: &[u64],
    interval: Option<Duration>,
) -> Record {
    // Relaxed, both: a flag to stop and a sum, which nothing depends on.
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut taken = 0;
    let start = Instant::now();
    thread::scope(|scope| {
        for thread in 0..job.threads {
            let (stop, done) = (&stop, &done);
            let mut writer = Writer { map, keys, rng: job.keys.rng(thread) };
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    (0..256).for_each(|_| writer.write());
                    done.fetch_add(256, Ordering::Relaxed);
                }
            });
        }
        let mut last = None;
        while let Some(left) = LOAD.checked_sub(start.elapsed()) {
            if interval.is_some() {
                last = Some(map.snapshot());
                taken += 1;
            }
            thread::sleep(interval.unwrap_or(left).min(left));
        }
        stop.store(true, Ordering::Relaxed);
        drop(last);
    });
    let took = start.elapsed();
    job.record(name, done.into_inner() as usize).timed(took).with("snapshots", f64::from(taken))
}

fn inserts_beside<M: Frozen>(
    job: &Job,
    name: &str,
    keys: &[u64],
    interval: Option<Duration>,
) -> Record {
    let (map, left, mut taken) = (M::new(), AtomicUsize::new(job.threads), 0);
    let start = Instant::now();
    let took = thread::scope(|scope| {
        let (map, left) = (&map, &left);
        let writer = move |thread| {
            for &key in &keys[share(keys.len(), job.threads, thread)] {
                assert!(map.insert(key, 1), "the key was absent");
            }
            // Release: the end of the writes; pairs with the Acquire below.
            left.fetch_sub(1, Ordering::Release);
            start.elapsed()
        };
        let writers = (0..job.threads).map(|thread| scope.spawn(move || writer(thread)));
        let writers: Vec<_> = writers.collect();
        let mut last = None;
        while let Some(interval) = interval.filter(|_| left.load(Ordering::Acquire) > 0) {
            last = Some(map.snapshot());
            taken += 1;
            thread::sleep(interval);
        }
        let took = writers.into_iter().map(|writer| writer.join().expect("no writer panics"));
        let took = took.max().expect("there are writers");
        drop(last);
        took
    });
    check(job, M::scan_snapshot(&map.snapshot()));
    job.record(name, job.size).timed(took).with("snapshots", f64::from(taken))
}

/// Overwrites random present keys.
struct Writer<'a, M> {
    map: &'a M,
    keys: &'a [u64],
    rng: Rng,
}

impl<M: Frozen> Writer<'_, M> {
    #[inline]
    fn write(&mut self) {
        let key = self.keys[self.rng.below(self.keys.len() as u64) as usize];
        assert!(self.map.upsert(key, 2), "the key is present");
    }

    /// How long one overwrite took.
    fn time_one(&mut self) -> Duration {
        let key = self.keys[self.rng.below(self.keys.len() as u64) as usize];
        time(|| assert!(self.map.upsert(key, 2), "the key is present"))
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}
