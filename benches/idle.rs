//! Do idle or ended threads make writing slower?
//!
//! ```sh
//! cargo bench --bench idle                    # 4 Mi overwrites of one key in each cell, 5 repetitions
//! cargo bench --bench idle -- --reps 9 trie   # one map
//! ```
//!
//! One thread overwrites one key: alone, beside idle threads that each looked it up once, and after those have ended.
//! Cells are medians of the repetitions, with the smallest and the largest, in nanoseconds per overwrite. The locked
//! map is the control: it does not depend on threads, so it shows the noise of the machine.
//!
//! Exits with 1 if one of the library's maps is slower than alone by more than [`FACTOR`], comparing the fastest
//! repetitions.

mod support;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use support::keys::Key;
use support::maps::{Locked, Map, Visit, each};
use support::options::{Options, cell, header, is_trial, median};

/// How much slower overwrites may be.
const FACTOR: f64 = 1.3;

/// Small, and large enough for a lookup in any build.
const STACK: usize = 128 << 10;

fn main() -> ExitCode {
    let options = Options::get();
    header(&options);
    let threads = if is_trial() { [2, 20] } else { [200, 2_000] };
    let [few, many] = threads;
    println!(
        "\n| map | alone | {few} idle | {few} ended | {many} idle | {many} ended | slowest / alone |"
    );
    println!("|---|{}", "---:|".repeat(6));
    let mut table = Table { options: &options, threads, slow: false };
    each::<u64>(&mut table);
    if table.slow && !is_trial() {
        eprintln!("slower than {FACTOR} times as slow as alone");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Measures map after map, and prints a row for each.
struct Table<'a> {
    options: &'a Options,
    threads: [usize; 2],
    /// Whether any of the library's maps was too slow.
    slow: bool,
}

impl Visit<u64> for Table<'_> {
    fn visit<M: Map<u64>>(&mut self) {
        if !self.options.wants(M::NAME) {
            return;
        }
        let map = M::new();
        let key = u64::nth(0);
        map.insert(key, 0);
        let mut columns: [Vec<f64>; 5] = Default::default();
        for _ in 0..self.options.reps {
            let mut columns = columns.iter_mut();
            let mut record = |ns| columns.next().expect("five columns").push(ns);
            let overwrite = || overwrite(&map, key, self.options.size);
            record(overwrite());
            for threads in self.threads {
                record(beside_idle_threads(&map, key, threads, overwrite));
                record(overwrite());
            }
        }
        let fastest = |column: &Vec<f64>| median(column.clone()).1;
        let slowest = columns.iter().map(fastest).fold(0.0, f64::max);
        let ratio = slowest / fastest(&columns[0]);
        self.slow |= ratio > FACTOR && M::NAME != <Locked<u64> as Map<u64>>::NAME;
        let cells = columns.map(cell).join(" | ");
        println!("| {} | {cells} | {ratio:.2} |", M::NAME);
    }
}

/// Nanoseconds for an overwrite, on average over this many.
fn overwrite<M: Map<u64>>(map: &M, key: u64, overwrites: usize) -> f64 {
    let start = Instant::now();
    for number in 0..overwrites as u64 {
        assert!(!map.insert(key, number), "the key is there");
    }
    start.elapsed().as_nanos() as f64 / overwrites as f64
}

/// Runs a body while this many threads wait, each of which looked the key up once.
fn beside_idle_threads<M: Map<u64>, T>(
    map: &M,
    key: u64,
    threads: usize,
    body: impl FnOnce() -> T,
) -> T {
    let (gate, waiting) = (Mutex::new(()), AtomicUsize::new(0));
    thread::scope(|scope| {
        let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let idle: Vec<_> = (0..threads)
            .map(|_| {
                let idle = || {
                    assert!(map.get(&key).is_some());
                    waiting.fetch_add(1, SeqCst);
                    drop(gate.lock());
                };
                let thread = thread::Builder::new().stack_size(STACK);
                thread.spawn_scoped(scope, idle).expect("a thread")
            })
            .collect();
        while waiting.load(SeqCst) < threads {
            thread::yield_now();
        }
        let result = body();
        drop(closed);
        // Waits until their thread-locals are gone too.
        idle.into_iter().for_each(|thread| thread.join().expect("an idle thread"));
        result
    })
}
