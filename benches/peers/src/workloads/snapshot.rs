//! `snapshot`: what a snapshot of N entries costs, and what it makes the first write after it cost, one
//! thread. Only `snaptrie` has snapshots, so this compares phases and not maps. `timer` is what timing a
//! single call adds; it is part of every phase but `take-idle`.

use super::Job;
use crate::keys::Rng;
use crate::maps::{Peer, Snaptrie};
use crate::record::Record;
use std::collections::VecDeque;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Calls in the phases that take snapshots.
const TAKES: usize = 10_000;
/// Calls in the phases that write.
const WRITES: usize = 2_000;
/// How many snapshots the last phase keeps alive.
const HELD: usize = 8;

pub(super) fn run(job: &Job) -> Vec<Record> {
    let keys = job.keys.present(job.size);
    let peer = Snaptrie::new();
    for (i, &key) in keys.iter().enumerate() {
        assert!(peer.insert(key, i as u64), "the key was absent");
    }
    let mut writer = Writer { peer: &peer, keys: &keys, rng: job.keys.rng(0) };
    let take = || drop(black_box(peer.map().snapshot()));
    let mut held = VecDeque::new();
    vec![
        job.record("timer", TAKES).timed(sum(TAKES, || time(|| ()))),
        job.record("write", WRITES).timed(sum(WRITES, || writer.time_one())),
        job.record("take-idle", TAKES).timed(time(|| (0..TAKES).for_each(|_| take()))),
        job.record("take-after-write", TAKES).timed(sum(TAKES, || {
            writer.time_one();
            time(take)
        })),
        job.record("first-write", WRITES).timed(sum(WRITES, || {
            let snapshot = peer.map().snapshot();
            let took = writer.time_one();
            drop(black_box(snapshot));
            took
        })),
        job.record("first-write-8-held", WRITES).timed(sum(WRITES, || {
            held.push_back(peer.map().snapshot());
            let took = writer.time_one();
            if held.len() == HELD {
                held.pop_front();
            }
            took
        })),
    ]
}

/// Overwrites random present keys.
struct Writer<'a> {
    peer: &'a Snaptrie,
    keys: &'a [u64],
    rng: Rng,
}

impl Writer<'_> {
    /// How long one overwrite took.
    fn time_one(&mut self) -> Duration {
        let i = self.rng.below(self.keys.len() as u64);
        let key = self.keys[i as usize];
        time(|| assert!(self.peer.upsert(key, i), "the key is present"))
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn sum(times: usize, mut work: impl FnMut() -> Duration) -> Duration {
    (0..times).map(|_| work()).sum()
}
