//! The command line of the benchmarks that do not use criterion, and the header of their output.
//!
//! `cargo bench` passes `--bench`. Without it, or with `--test`, a small run only checks that the benchmark works.

use std::env;
use std::fs;
use std::thread;

use clap::Parser;

/// The options of `cargo bench --bench NAME -- …`.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(crate) struct Options {
    /// Only the sections whose name contains this.
    pub(crate) filter: Option<String>,
    /// Entries.
    #[arg(long, default_value_t = 1 << 22)]
    pub(crate) size: usize,
    /// Repetitions; the maps take turns.
    #[arg(long, default_value_t = 5)]
    pub(crate) reps: usize,
    /// Length of each measurement of throughput, in milliseconds.
    #[arg(long, default_value_t = 2000)]
    pub(crate) millis: u64,
    #[arg(long, hide = true)]
    bench: bool,
    /// Small and quick: only checks that it works.
    #[arg(long)]
    test: bool,
}

/// Whether this run only checks that the benchmark works.
pub(crate) fn is_trial() -> bool {
    let given = |option| env::args().any(|argument| argument == option);
    !given("--bench") || given("--test")
}

impl Options {
    /// The options of this process. Ends it if they are wrong.
    pub(crate) fn get() -> Self {
        let mut options = Self::parse_from(env::args_os().skip(1));
        if is_trial() {
            options.size = options.size.min(10_000);
            options.reps = 1;
            options.millis = options.millis.min(20);
        }
        options
    }

    /// Whether to run a section.
    pub(crate) fn wants(&self, section: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| section.contains(filter))
    }
}

/// Prints what is measured, and where.
pub(crate) fn header(options: &Options) {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let cpu = cpu.map_or("unknown processor", |line| line.trim_start_matches([' ', '\t', ':']));
    let cores = thread::available_parallelism().map_or(0, usize::from);
    println!("# {cpu}, {}, {cores} cores", env::consts::OS);
    println!("# {} entries, {} repetitions", options.size, options.reps);
}

/// The middle one, and the smallest and largest.
pub(crate) fn median(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len() - 1;
    (f64::midpoint(values[last / 2], values[last.div_ceil(2)]), values[0], values[last])
}

/// [`median`] as text, with a decimal where it says something.
pub(crate) fn cell(values: Vec<f64>) -> String {
    let (median, min, max) = median(values);
    let digits = usize::from(median.abs() < 100.0);
    format!("{median:.digits$} ({min:.digits$}..{max:.digits$})")
}
