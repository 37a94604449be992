//! The mixes of `bustle` and `conc-map-bench`, reimplemented from their descriptions: C is the capacity, each thread
//! has its own keys (no key is contended), reads and updates walk them in a separate order, removes take the oldest
//! first. There are two phases: `pre-sized` for C entries, which those benchmarks measure, and `from-empty`. Each
//! reports its share of reads that hit, which depends on the mix.

use super::Job;
use crate::keys::{Keys, Rng};
use crate::maps::Peer;
use crate::record::Record;
use crate::team;
use std::sync::atomic::{AtomicU64, Ordering};

/// Percentages of the operations, and the share of C that is there at the start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mix {
    read: usize,
    insert: usize,
    remove: usize,
    update: usize,
    upsert: usize,
    /// Percent of C.
    prefill: usize,
    /// Percent of C.
    ops: usize,
}

const fn mix(
    [read, insert, remove, update, upsert]: [usize; 5],
    prefill: usize,
    ops: usize,
) -> Mix {
    assert!(read + insert + remove + update + upsert == 100);
    Mix { read, insert, remove, update, upsert, prefill, ops }
}

// The three of conc-map-bench.
pub(super) const READ_HEAVY: Mix = mix([98, 1, 1, 0, 0], 75, 100);
pub(super) const EXCHANGE: Mix = mix([10, 40, 40, 10, 0], 75, 100);
pub(super) const RAPID_GROW: Mix = mix([5, 80, 5, 10, 0], 0, 100);

// Those of bustle itself.
pub(super) const BUSTLE_READ_HEAVY: Mix = mix([94, 2, 1, 3, 0], 75, 75);
pub(super) const BUSTLE_INSERT_HEAVY: Mix = mix([10, 80, 0, 10, 0], 0, 75);
pub(super) const BUSTLE_UPDATE_HEAVY: Mix = mix([35, 5, 5, 50, 5], 75, 75);
pub(super) const BUSTLE_UNIFORM: Mix = mix([20, 20, 20, 20, 20], 0, 75);

#[derive(Clone, Copy)]
enum Op {
    Read,
    Insert,
    Remove,
    Update,
    Upsert,
}

impl Mix {
    /// A hundred operations, shuffled: all threads repeat them.
    fn ops(self, rng: &mut Rng) -> Vec<Op> {
        let shares = [
            (Op::Read, self.read),
            (Op::Insert, self.insert),
            (Op::Remove, self.remove),
            (Op::Update, self.update),
            (Op::Upsert, self.upsert),
        ];
        let mut ops: Vec<Op> = shares.into_iter().flat_map(|(op, n)| vec![op; n]).collect();
        rng.shuffle(&mut ops);
        ops
    }
}

pub(super) fn run<M: Peer>(job: &Job, mix: Mix) -> Vec<Record> {
    vec![
        phase(job, mix, "pre-sized", &M::sized(job.size)),
        phase(job, mix, "from-empty", &M::new()),
    ]
}

fn phase<M: Peer>(job: &Job, mix: Mix, name: &str, map: &M) -> Record {
    let (capacity, threads) = (job.size, job.threads);
    let prefill = capacity * mix.prefill / 100 / threads;
    let total = capacity * mix.ops / 100 / threads;
    let needed = capacity.max((total * threads).div_ceil(100) * (mix.insert + mix.upsert));
    let keys = (needed + prefill * threads).div_ceil(threads).next_power_of_two();
    let ops = mix.ops(&mut job.keys.rng(usize::MAX));

    let (reads, hits) = (AtomicU64::new(0), AtomicU64::new(0));
    let spans = team::run(threads, |thread, clock| {
        let mut walk = Walk::new(job.keys, thread, keys, prefill);
        for &key in &walk.keys[..prefill] {
            assert!(map.insert(key, 0), "the key was absent");
        }
        clock.phase(|| {
            for i in 0..total {
                walk.step(map, ops[i % ops.len()]);
            }
        });
        // Relaxed: sums, read after the threads were joined.
        reads.fetch_add(walk.reads, Ordering::Relaxed);
        hits.fetch_add(walk.hits, Ordering::Relaxed);
    });
    let rate = 100.0 * hits.into_inner() as f64 / reads.into_inner().max(1) as f64;
    job.record(name, total * threads).timed(spans[0]).with("hit%", rate)
}

/// A thread's keys: those in `oldest..next` are in the map.
struct Walk {
    keys: Vec<u64>,
    oldest: usize,
    next: usize,
    /// The key that is looked for next.
    find: usize,
    reads: u64,
    hits: u64,
}

impl Walk {
    fn new(keys: Keys, thread: usize, count: usize, prefill: usize) -> Self {
        let first = (thread * count) as u64;
        let keys = (first..first + count as u64).map(|i| keys.key(i)).collect();
        Self { keys, oldest: 0, next: prefill, find: 0, reads: 0, hits: 0 }
    }

    /// The index to look for, and whether the key is there. A full cycle through all indices.
    fn find(&mut self) -> (usize, bool) {
        let (n, index) = (self.keys.len(), self.find);
        let (a, c) = (n / 2 + 1, (n / 4).wrapping_sub(1));
        self.find = a.wrapping_mul(index).wrapping_add(c) & (n - 1);
        (index, (self.oldest..self.next).contains(&index))
    }

    #[inline]
    fn step<M: Peer>(&mut self, map: &M, op: Op) {
        match op {
            Op::Read => {
                let (index, there) = self.find();
                let found = map.get(self.keys[index]).is_some();
                assert_eq!(found, there, "found if there");
                self.reads += 1;
                self.hits += u64::from(found);
            }
            Op::Insert => {
                assert!(map.insert(self.keys[self.next], 0), "the key was absent");
                self.next += 1;
            }
            Op::Remove if self.oldest == self.next => {
                let (index, _) = self.find();
                assert!(!map.remove(self.keys[index]), "nothing is there");
            }
            Op::Remove => {
                assert!(map.remove(self.keys[self.oldest]), "the key was present");
                self.oldest += 1;
            }
            Op::Update => {
                let (index, there) = self.find();
                assert_eq!(map.update(self.keys[index], 1), there, "updated if there");
            }
            Op::Upsert => self.upsert(map),
        }
    }

    /// Overwrites a key that was there once, or inserts the next one.
    fn upsert<M: Peer>(&mut self, map: &M) {
        let (index, there) = self.find();
        if there {
            assert!(map.upsert(self.keys[index], 1), "the key was present");
        } else {
            assert!(!map.upsert(self.keys[self.next], 1), "the key was absent");
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_finds_every_key_once_in_a_cycle() {
        let mut walk = Walk::new(Keys::new(1), 0, 64, 16);
        let mut seen: Vec<_> = (0..64).map(|_| walk.find()).collect();
        assert_eq!(seen.iter().filter(|(_, there)| *there).count(), 16);
        seen.sort_unstable();
        assert!(seen.into_iter().map(|(index, _)| index).eq(0..64));
    }
}
