//! How long does the slowest insert take while the map grows?
//!
//! ```sh
//! cargo bench --bench latency                     # 4 Mi entries from empty, 5 repetitions
//! cargo bench --bench latency -- vroom --size 1000000 --reps 3
//! ```
//!
//! Every insert is timed separately. `random` has `u64` keys in random order, with one and with two threads; `vroom` is
//! the workload that `griddle` describes itself with, `u32` keys 0, 1, 2, … (its values are `u32` too, here `u64`). The
//! empty loop is the control: it shows the cost of the clock and the noise of the machine, so compare the tails with
//! it.
//!
//! Percentiles are medians of the repetitions. Beside the maximum is the smallest of the repetitions' maxima: every
//! repetition has the resizes, but not every one has an interruption by the kernel.

mod support;

use std::time::Instant;

use hdrhistogram::Histogram;

use support::keys::{Key, share};
use support::maps::{Map, Nothing, Visit, each};
use support::options::{Options, header, median};
use support::team;

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999), ("p99.999", 0.99999)];

fn main() {
    let options = Options::get();
    header(&options);
    if options.wants("random") {
        table::<u64>(&options, "random", 1);
        table::<u64>(&options, "random", 2);
    }
    if options.wants("vroom") {
        table::<u32>(&options, "vroom", 1);
    }
}

/// Measures all maps in turn, and prints the table.
fn table<K: Key>(options: &Options, section: &str, threads: usize) {
    let mut runs = Runs { size: options.size, threads, rows: Vec::new(), next: 0 };
    for _ in 0..options.reps {
        runs.next = 0;
        each::<K>(&mut runs);
        Visit::<K>::visit::<Nothing>(&mut runs);
    }
    println!("\n## {section}: {}, {threads} thread(s), ns\n", K::NAME);
    let names: Vec<_> = QUANTILES.iter().map(|(name, _)| *name).collect();
    println!("| map | {} | max | smallest max |", names.join(" | "));
    println!("|---{}|", "|---:".repeat(names.len() + 2));
    for (map, runs) in runs.rows {
        let column = |index: usize| median(runs.iter().map(|run| run[index] as f64).collect());
        let cells: Vec<_> =
            (0..=names.len()).map(|index| format!("{:.0}", column(index).0)).collect();
        println!("| {map} | {} | {:.0} |", cells.join(" | "), column(names.len()).1);
    }
}

/// The quantiles and the maximum of each run of each map.
struct Runs {
    size: usize,
    threads: usize,
    rows: Vec<(&'static str, Vec<[u64; QUANTILES.len() + 1]>)>,
    /// The row of the next map.
    next: usize,
}

impl<K: Key> Visit<K> for Runs {
    fn visit<M: Map<K>>(&mut self) {
        if self.next == self.rows.len() {
            self.rows.push((M::NAME, Vec::new()));
        }
        let mut histogram = Histogram::<u64>::new(3).expect("three digits are allowed");
        let mut max = 0;
        for ns in inserts::<K, M>(self.size, self.threads) {
            histogram.record(ns).expect("the histogram grows");
            max = max.max(ns);
        }
        // The histogram rounds up, at worst past the exact maximum.
        let quantile = |(_, q): (_, f64)| histogram.value_at_quantile(q).min(max);
        let mut run = [max; QUANTILES.len() + 1];
        run[..QUANTILES.len()].copy_from_slice(&QUANTILES.map(quantile));
        self.rows[self.next].1.push(run);
        self.next += 1;
    }
}

/// How long each insert took.
fn inserts<K: Key, M: Map<K>>(size: usize, threads: usize) -> Vec<u64> {
    let map = M::new();
    let slices: Vec<_> = (0..threads)
        .map(|thread| {
            let slice = share(size, threads, thread);
            let keys: Vec<K> = slice.map(|index| K::nth(index as u64)).collect();
            // Written before the loop, so that the loop causes no page faults in it.
            let took = vec![1u32; keys.len()];
            std::sync::Mutex::new((keys, took))
        })
        .collect();
    team::rounds(
        threads,
        1,
        || (),
        |(), thread, _| {
            let mut slice = slices[thread].lock().expect("used by one thread");
            let (keys, took) = &mut *slice;
            for (key, took) in keys.iter().zip(took) {
                let key = key.clone();
                let start = Instant::now();
                let new = map.insert(key, 1);
                let elapsed = start.elapsed();
                assert!(new, "the key is new");
                *took = u32::try_from(elapsed.as_nanos()).unwrap_or(u32::MAX);
            }
        },
    );
    slices
        .into_iter()
        .flat_map(|slice| slice.into_inner().expect("used by one thread").1)
        .map(u64::from)
        .collect()
}
