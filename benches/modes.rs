//! Which map for which load? Compares the library's maps with each other and with the baseline, an `RwLock<HashMap>`
//! with the same hasher.
//!
//! ```sh
//! cargo bench --bench modes                                # everything: over an hour
//! cargo bench --bench modes -- '^hit/u64/1000000'          # one group
//! SNAPTRIE_BENCH_LARGE=1 cargo bench --bench modes -- 10000000
//! ```
//!
//! Names are `workload/key/entries/map/threads`. Time is measured from the first thread's start to the last thread's
//! end; throughput counts the operations of all threads. Threads are started once per measurement. With more threads
//! than cores, times include the scheduler.
//!
//! | workload | operations |
//! |---|---|
//! | `insert` | all entries, from empty, each thread its own slice; growth is part of it |
//! | `hit`, `miss` | keys that are there, that are not, uniformly drawn; all threads share them |
//! | `overwrite` | a new value for keys that are there, uniformly drawn, shared |
//! | `churn` | a new key inserted and the thread's oldest removed, in turn, at constant size |
//! | `mix-95`, `mix-95-zipf`, … | this percentage of reads; the writes are inserts and removes, half each; keys drawn from twice the entries, half of which are there: half of the reads hit |
//!
//! Every operation pins or locks separately. `insert` owns its `String` keys; the other workloads clone a key for each
//! insert, for every map. The keys of lookups are in the order of their use, so that reading them causes no cache
//! misses.

mod support;

use std::env;
use std::hint::black_box;
use std::marker::PhantomData;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput};

use support::keys::{Choice, Key, Rng, share};
use support::maps::{Map, Visit, each};
use support::{options, team};

const THREADS: [usize; 4] = [1, 2, 4, 8];
const SIZES: [usize; 2] = [10_000, 1_000_000];
/// Measured if the environment asks for it.
const LARGE: usize = 10_000_000;

/// Operations of all threads in a round, except for `insert`: long compared with the start of a round, short compared
/// with a sample.
const ROUND: usize = 1 << 16;
/// Keys that a thread looks up before it starts again: their entries do not fit into a cache.
const STREAM: usize = 1 << 20;

const WORKLOADS: [Workload; 5] = [
    Workload::Insert,
    Workload::Lookup { hit: true },
    Workload::Lookup { hit: false },
    Workload::Overwrite,
    Workload::Churn,
];
const READ_SHARES: [u64; 4] = [100, 95, 50, 5];

#[derive(Clone, Copy)]
enum Workload {
    Insert,
    Lookup { hit: bool },
    Overwrite,
    Churn,
    Mix { reads: u64, zipf: bool },
}

impl Workload {
    fn name(self) -> String {
        match self {
            Self::Insert => "insert".into(),
            Self::Lookup { hit: true } => "hit".into(),
            Self::Lookup { hit: false } => "miss".into(),
            Self::Overwrite => "overwrite".into(),
            Self::Churn => "churn".into(),
            Self::Mix { reads, zipf: false } => format!("mix-{reads}"),
            Self::Mix { reads, zipf: true } => format!("mix-{reads}-zipf"),
        }
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut sizes = SIZES.to_vec();
    if env::var_os("SNAPTRIE_BENCH_LARGE").is_some_and(|value| !value.is_empty()) {
        sizes.push(LARGE);
    }
    if options::is_trial() {
        sizes = vec![1_000];
    }
    let mut workloads = WORKLOADS.to_vec();
    for zipf in [false, true] {
        workloads.extend(READ_SHARES.map(|reads| Workload::Mix { reads, zipf }));
    }
    for &size in &sizes {
        group_by_workload::<u64>(&mut criterion, &workloads, size);
        group_by_workload::<String>(&mut criterion, &workloads, size);
    }
    criterion.final_summary();
}

fn group_by_workload<K: Key>(criterion: &mut Criterion, workloads: &[Workload], size: usize) {
    let mut keys = Keys::<K> { size, all: Vec::new() };
    for &workload in workloads {
        let name = format!("{}/{}/{size}", workload.name(), K::NAME);
        let mut group = criterion.benchmark_group(name);
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1));
        let ops = if matches!(workload, Workload::Insert) { size } else { ROUND };
        group.throughput(Throughput::Elements(ops as u64));
        for threads in THREADS {
            each(&mut Bench { group: &mut group, workload, threads, keys: &mut keys });
        }
        group.finish();
    }
}

/// The keys of a size: twice as many as entries, the first half of which is there at the start.
struct Keys<K> {
    size: usize,
    /// Made when the first benchmark that is not filtered out needs them.
    all: Vec<K>,
}

impl<K: Key> Keys<K> {
    fn get(&mut self) -> &[K] {
        if self.all.is_empty() {
            self.all = (0..2 * self.size as u64).map(K::nth).collect();
        }
        &self.all
    }
}

/// One benchmark of each map.
struct Bench<'b, 'c, K> {
    group: &'b mut BenchmarkGroup<'c, WallTime>,
    workload: Workload,
    threads: usize,
    keys: &'b mut Keys<K>,
}

impl<K: Key> Visit<K> for Bench<'_, '_, K> {
    fn visit<M: Map<K>>(&mut self) {
        let Self { group, workload, threads, keys } = self;
        let (workload, threads, size) = (*workload, *threads, keys.size);
        group.bench_function(BenchmarkId::new(M::NAME, threads), |bencher| {
            let keys = keys.get();
            match workload {
                Workload::Insert => {
                    bencher.iter_custom(|rounds| insert::<K, M>(&keys[..size], threads, rounds));
                }
                Workload::Churn => {
                    let churn = Churn::<K, M>::new(keys, threads);
                    bencher.iter_custom(|rounds| churn.run(rounds));
                }
                Workload::Lookup { hit } => {
                    let drawn = if hit { &keys[..size] } else { &keys[size..] };
                    let steady = Steady::<K, M>::new(&keys[..size], drawn, threads, false);
                    bencher.iter_custom(|rounds| steady.look_up(rounds, hit));
                }
                Workload::Overwrite => {
                    let present = &keys[..size];
                    let steady = Steady::<K, M>::new(present, present, threads, false);
                    bencher.iter_custom(|rounds| steady.overwrite(rounds));
                }
                Workload::Mix { reads, zipf } => {
                    let steady = Steady::<K, M>::half_full(keys, threads, zipf);
                    bencher.iter_custom(|rounds| steady.mix(rounds, reads));
                }
            }
        });
    }
}

/// Fills an empty map in each round.
fn insert<K: Key, M: Map<K>>(keys: &[K], threads: usize, rounds: u64) -> Duration {
    let prepare = || {
        let slice = |thread| keys[share(keys.len(), threads, thread)].to_vec();
        let slices: Vec<_> = (0..threads).map(|thread| Mutex::new(slice(thread))).collect();
        (M::new(), slices)
    };
    team::rounds(threads, rounds, prepare, |(map, slices), thread, _| {
        let mut slice = slices[thread].lock().expect("used by one thread");
        // Drained, not taken: the buffer is freed after the round.
        for (key, value) in slice.drain(..).zip(0..) {
            assert!(map.insert(key, value), "the key is new");
        }
    })
}

/// A map of constant size, and what each thread looks up or writes in it.
struct Steady<K, M> {
    map: M,
    streams: Vec<Vec<K>>,
    /// Rounds so far: each begins where the one before it ended.
    done: AtomicU64,
}

impl<K: Key, M: Map<K>> Steady<K, M> {
    /// A map of the keys `present`; the streams are drawn from `drawn`.
    fn new(present: &[K], drawn: &[K], threads: usize, zipf: bool) -> Self {
        let map = M::new();
        for key in present {
            map.insert(key.clone(), 1);
        }
        let choice = if zipf { Choice::zipf(drawn.len()) } else { Choice::Uniform(drawn.len()) };
        let stream = |thread: usize| {
            let mut rng = Rng::new(thread as u64);
            let length = STREAM.min(8 * drawn.len()).max(ROUND);
            (0..length).map(|_| drawn[choice.draw(&mut rng)].clone()).collect()
        };
        Self { map, streams: (0..threads).map(stream).collect(), done: AtomicU64::new(0) }
    }

    /// A map of every other key; the streams are drawn from all.
    fn half_full(keys: &[K], threads: usize, zipf: bool) -> Self {
        let steady = Self::new(&[], keys, threads, zipf);
        for key in keys.iter().step_by(2) {
            steady.map.insert(key.clone(), 1);
        }
        steady
    }

    /// Runs rounds in which each thread does its part of the operations.
    ///
    /// `work` gets a different number in each thread and round.
    fn run(&self, rounds: u64, work: impl Fn(&M, &[K], u64) + Sync) -> Duration {
        let threads = self.streams.len();
        // Relaxed: read and written by one thread.
        let before = self.done.fetch_add(rounds, Relaxed);
        team::rounds(
            threads,
            rounds,
            || (),
            |(), thread, round| {
                let stream = &self.streams[thread];
                let length = share(ROUND, threads, thread).len();
                let windows = (stream.len() / length) as u64;
                let start = ((before + round) % windows) as usize * length;
                let number = (before + round) * threads as u64 + thread as u64;
                work(&self.map, &stream[start..start + length], number);
            },
        )
    }

    fn look_up(&self, rounds: u64, hit: bool) -> Duration {
        self.run(rounds, |map, keys, _| {
            let hits = keys.iter().filter(|key| map.get(key).is_some()).count();
            assert_eq!(hits, if hit { keys.len() } else { 0 });
        })
    }

    fn overwrite(&self, rounds: u64) -> Duration {
        self.run(rounds, |map, keys, number| {
            for key in keys {
                assert!(!map.insert(key.clone(), number), "the key is there");
            }
        })
    }

    fn mix(&self, rounds: u64, reads: u64) -> Duration {
        self.run(rounds, |map, keys, number| {
            let mut rng = Rng::new(number);
            for key in keys {
                let bits = rng.bits();
                if (bits >> 8) % 100 < reads {
                    black_box(map.get(key));
                } else if bits & 1 == 0 {
                    black_box(map.insert(key.clone(), number));
                } else {
                    black_box(map.remove(key));
                }
            }
        })
    }
}

/// A map, and a ring of keys for each thread: the keys of half of the ring are in the map, and that
/// half moves on.
struct Churn<'k, K, M> {
    map: M,
    rings: Vec<(&'k [K], AtomicUsize)>,
    key: PhantomData<K>,
}

impl<'k, K: Key, M: Map<K>> Churn<'k, K, M> {
    fn new(keys: &'k [K], threads: usize) -> Self {
        let ring = |thread| &keys[share(keys.len(), threads, thread)];
        let rings: Vec<_> = (0..threads).map(|t| (ring(t), AtomicUsize::new(0))).collect();
        let map = M::new();
        for (ring, _) in &rings {
            for key in &ring[..ring.len() / 2] {
                map.insert(key.clone(), 1);
            }
        }
        Self { map, rings, key: PhantomData }
    }

    fn run(&self, rounds: u64) -> Duration {
        let threads = self.rings.len();
        team::rounds(
            threads,
            rounds,
            || (),
            |(), thread, round| {
                let (ring, oldest) = &self.rings[thread];
                let half = ring.len() / 2;
                // Relaxed: used by one thread in a round, and rounds are apart.
                let mut at = oldest.load(Relaxed);
                for _ in 0..share(ROUND / 2, threads, thread).len() {
                    let new = &ring[(at + half) % ring.len()];
                    assert!(self.map.insert(new.clone(), round), "the key is new");
                    assert!(self.map.remove(&ring[at]), "the key is there");
                    at = (at + 1) % ring.len();
                }
                oldest.store(at, Relaxed);
            },
        )
    }
}
