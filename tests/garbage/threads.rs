//! Many threads that overwrite: what waits for grace periods is bounded by how long those last.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_utils::CachePadded;

use crate::support::alloc::{reset_total_peak, total, total_peak};
use crate::support::{Handle, Tested, stress, verify};
use crate::{Block, Flat, Fresh, KIB, MIB, Subject, Trie, alive, begin};

/// What a write leaves: the value, its entry, and the record that it is garbage.
const EACH: f64 = 320.0;

/// Garbage that is allowed besides what two grace periods produce.
const SLACK: isize = 64 * MIB;

/// May be left when the threads and the map are gone: by the collector, and by each thread.
const LEFT: isize = 32 * KIB;
const LEFT_BY_THREAD: isize = 128;

/// How long the threads write, with a factor of 1.
const LENGTH: Duration = Duration::from_millis(500);

/// What a thread does between two writes.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Nothing.
    Steady,
    /// Sleeps, after a thousand writes.
    Bursts,
    /// Computes something for 500 ns.
    Works,
}

impl Pace {
    /// After each write, with the number of writes so far.
    fn pause(self, writes: u64) {
        match self {
            Self::Steady => {}
            Self::Bursts => {
                if writes % 1_000 == 0 {
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Self::Works => {
                let start = Instant::now();
                while start.elapsed() < Duration::from_nanos(500) {
                    hint::spin_loop();
                }
            }
        }
    }
}

#[test]
fn threads_that_overwrite_a_trie() {
    overwrite_by_threads::<Trie<Block>>(Pace::Steady);
}

#[test]
fn threads_that_overwrite_a_trie_in_bursts() {
    overwrite_by_threads::<Trie<Block>>(Pace::Bursts);
}

#[test]
fn threads_that_overwrite_a_trie_between_other_work() {
    overwrite_by_threads::<Trie<Block>>(Pace::Works);
}

#[test]
fn threads_that_overwrite_a_flat_map() {
    overwrite_by_threads::<Flat<Block>>(Pace::Steady);
}

#[test]
fn threads_that_overwrite_a_flat_map_in_bursts() {
    overwrite_by_threads::<Flat<Block>>(Pace::Bursts);
}

#[test]
fn threads_that_overwrite_a_flat_map_between_other_work() {
    overwrite_by_threads::<Flat<Block>>(Pace::Works);
}

fn overwrite_by_threads<M: Subject<Value = Block> + Sync>(pace: Pace) {
    // Crowds take long to start and to end.
    let counts: &[usize] = match pace {
        _ if stress() > 1.0 => &[9, 32, 200],
        Pace::Steady => &[9, 200],
        _ => &[9],
    };
    for &threads in counts {
        let _turn = begin();
        let before = total();
        let map = M::default();
        reset_total_peak();
        let run = run(&map, pace, threads);
        let most = total_peak() - before;

        let allowed = SLACK + (2.0 * run.produced_in(run.longest_grace)) as isize;
        println!(
            "{threads} threads, {pace:?}: {} MiB at most, {} allowed; {run:?}",
            most / MIB,
            allowed / MIB
        );
        assert!(most <= allowed, "{threads} threads: {} MiB, {run:?}", most / MIB);
        // Or else the bound above would say little.
        let allowed = 10 * run.longest_round + Duration::from_millis(100);
        assert!(run.longest_grace <= allowed, "{threads} threads: grace periods are late, {run:?}");

        assert!(map.flush(), "{threads} threads: garbage is left");
        assert_eq!(alive(), map.len(), "{threads} threads: values besides those in the map");
        verify(&map);
        drop(map);
        assert_eq!(alive(), 0);
        let left = total() - before;
        let allowed = LEFT + LEFT_BY_THREAD * threads as isize;
        assert!(left <= allowed, "{threads} threads: {left} bytes are left, {allowed} allowed");
    }
}

/// What the threads did.
#[derive(Debug)]
struct Run {
    writes: u64,
    took: Duration,
    /// The longest time from the replacement of a value to its end.
    longest_grace: Duration,
    /// The longest time until every thread had left the operation that it was in.
    longest_round: Duration,
}

impl Run {
    /// Bytes of garbage that the threads produce in so much time.
    fn produced_in(&self, time: Duration) -> f64 {
        EACH * self.writes as f64 * time.as_secs_f64() / self.took.as_secs_f64()
    }
}

/// Lets threads overwrite four keys each, beside one that measures grace periods.
fn run<M: Subject<Value = Block> + Sync>(map: &M, pace: Pace, threads: usize) -> Run {
    /// Writes between two looks at the clock.
    const AT_ONCE: u64 = 16;
    let steps: Vec<Steps> = (0..threads).map(|_| Steps::default()).collect();
    let (ready, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let begun = OnceLock::new();
    let elapsed = || begun.get_or_init(Instant::now).elapsed();
    let length = LENGTH.mul_f64(stress());
    let write = |thread: u64, steps: &Steps| {
        ready.wait();
        let mut writes = 0;
        while writes % AT_ONCE != 0 || elapsed() < length {
            // Relaxed, here and in the monitor: a hint for it, with no data behind.
            steps.fetch_add(1, Relaxed);
            map.handle().insert(thread * 4 + writes % 4, Block::fresh(writes));
            steps.fetch_add(1, Relaxed);
            writes += 1;
            pace.pause(writes);
        }
    };
    thread::scope(|scope| {
        let (write, ready, stop) = (&write, &ready, &stop);
        let monitor = scope.spawn(|| watch(&steps, ready, stop));
        let writers: Vec<_> = (0..)
            .zip(&steps)
            .map(|(thread, steps)| scope.spawn(move || write(thread, steps)))
            .collect();
        // The end of a scope does not wait for destructors of thread-locals. This does.
        writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
        let took = elapsed();
        stop.store(true, Relaxed);
        let (longest_grace, longest_round) = monitor.join().expect("the monitor");
        let writes = steps.iter().map(|steps| steps.load(Relaxed)).sum::<u64>() / 2;
        Run { writes, took, longest_grace, longest_round }
    })
}

/// How often a thread began or ended an operation: odd inside of one.
type Steps = CachePadded<AtomicU64>;

/// Measures [`Run::longest_grace`] and [`Run::longest_round`] until the flag is set.
///
/// It begins before the writers do: among many of them it may be a while until its next turn.
fn watch(steps: &[Steps], ready: &Barrier, stop: &AtomicBool) -> (Duration, Duration) {
    let longest = AtomicU64::new(0);
    let map = Trie::default();
    let mut rounds = Rounds::new(steps);
    replace_stamps(&map, &longest);
    ready.wait();
    while !stop.load(Relaxed) {
        thread::sleep(Duration::from_millis(1));
        replace_stamps(&map, &longest);
        rounds.look();
    }
    let longest_round = rounds.end();
    map.flush();
    drop(map);
    (Duration::from_nanos(longest.into_inner()), longest_round)
}

/// Replaces more values than may wait for a batch, so that those that live longest wait for a grace period.
fn replace_stamps<'a>(map: &Trie<Stamp<'a>>, longest: &'a AtomicU64) {
    for _ in 0..100 {
        let map = map.handle();
        let stamp = Stamp { replaced: OnceLock::new(), longest };
        if let Some(old) = map.insert(0, stamp) {
            old.replaced.get_or_init(Instant::now);
        }
    }
}

/// A value that tells how long it lived after it was replaced.
struct Stamp<'a> {
    replaced: OnceLock<Instant>,
    /// In nanoseconds.
    longest: &'a AtomicU64,
}

impl Drop for Stamp<'_> {
    fn drop(&mut self) {
        if let Some(replaced) = self.replaced.get() {
            self.longest.fetch_max(replaced.elapsed().as_nanos() as u64, Relaxed);
        }
    }
}

/// Rounds in which each thread is seen outside of the operation that it was in when the round began.
///
/// No grace period can be shorter, whatever the library does.
struct Rounds<'a> {
    steps: &'a [Steps],
    /// The steps at the beginning of the round.
    first: Vec<u64>,
    begun: Instant,
    longest: Duration,
}

impl<'a> Rounds<'a> {
    fn new(steps: &'a [Steps]) -> Self {
        let first = steps.iter().map(|steps| steps.load(Relaxed)).collect();
        Self { steps, first, begun: Instant::now(), longest: Duration::ZERO }
    }

    /// Ends the round if it is over, and begins the next one.
    fn look(&mut self) {
        let mut pairs = self.steps.iter().zip(&self.first);
        if pairs.all(|(now, first)| first % 2 == 0 || now.load(Relaxed) != *first) {
            let longest = self.end();
            *self = Self { longest, ..Self::new(self.steps) };
        }
    }

    /// The longest round, with the one that is not over.
    fn end(&self) -> Duration {
        self.longest.max(self.begun.elapsed())
    }
}
