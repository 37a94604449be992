//! The command line of both binaries: `one`, `suite`, `table`.

use crate::bigrams::{self, CounterName, Input};
use crate::instructions::{self, Phase};
use crate::keys::Keys;
use crate::maps::MapName;
use crate::plot;
use crate::record::Record;
use crate::suite::{self, Step, Suite};
use crate::table;
use crate::workloads::{Job, Workload};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::env;
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// Which binary runs: the one whose timings count, or the one whose allocator counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// `peers`
    Timed,
    /// `peers-memory`
    Counting,
}

/// Benchmarks of concurrent hash maps, u64 -> u64, against each other.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measures one map in this process; prints one line per phase.
    One(One),
    /// Starts a process for each map, workload, thread count and size, the maps in turn.
    Suite(SuiteArgs),
    /// Counts the instructions of one operation under valgrind, which must be installed; prints a markdown table.
    Instructions(InstructionsArgs),
    /// Runs the counted operations, in this process.
    InstructionsOne(InstructionsOne),
    /// Counts the pairs of words in real text: a process for each counter and thread count, in turn.
    Bigrams(BigramsArgs),
    /// Counts them once, in this process; prints one line.
    BigramsOne(BigramsOne),
    /// Prints a result file as markdown tables: median (min..max).
    Table {
        /// The file that `suite` wrote.
        file: PathBuf,
    },
    /// Draws result files as SVG, and fills the tables of READMEs.
    Plot {
        /// The files that `suite` and `bigrams` wrote.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The folder for the pictures.
        #[arg(long, default_value = "charts")]
        out: PathBuf,
        /// A README whose tables are updated.
        #[arg(long)]
        readme: Vec<PathBuf>,
        /// The thread counts that its tables show.
        #[arg(long, value_delimiter = ',', default_value = "1,2", value_parser = positive)]
        threads: Vec<usize>,
    },
}

#[derive(Debug, Args)]
struct One {
    #[arg(long, value_enum)]
    map: MapName,
    #[arg(long, value_enum)]
    workload: Workload,
    #[arg(long, default_value_t = 1, value_parser = positive)]
    threads: usize,
    #[arg(long, default_value_t = 1_000_000, value_parser = positive)]
    size: usize,
    /// How long `garbage` writes.
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,
    /// Chooses keys and orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct SuiteArgs {
    /// All maps by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    maps: Vec<MapName>,
    /// All workloads by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    workloads: Vec<Workload>,
    /// For the workloads that use threads; the others always use one.
    #[arg(long, value_delimiter = ',', default_value = "1,2", value_parser = positive)]
    threads: Vec<usize>,
    #[arg(long, value_delimiter = ',', default_value = "1000000", value_parser = positive)]
    sizes: Vec<usize>,
    /// How long `garbage` writes.
    #[arg(long, default_value = "5", value_parser = seconds)]
    seconds: Duration,
    #[arg(long, default_value_t = 5)]
    reps: usize,
    /// Kills a process that takes longer, in seconds.
    #[arg(long, default_value_t = 600)]
    timeout: u64,
    /// The result file; appended to if it exists.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
struct InstructionsArgs {
    /// This repository's maps and the best of the others by default.
    #[arg(long, value_enum, value_delimiter = ',', default_value = DEFAULT_COUNTED)]
    maps: Vec<MapName>,
    /// Operations, and entries.
    #[arg(long, default_value_t = 100_000, value_parser = positive)]
    size: usize,
}

#[cfg(feature = "snaptrie")]
const DEFAULT_COUNTED: &str = "inline,snaptrie,flat-inline,flat,dashmap,papaya,scc-map,scc-index";
#[cfg(not(feature = "snaptrie"))]
const DEFAULT_COUNTED: &str = "dashmap,papaya,scc-map,scc-index";

#[derive(Debug, Args)]
struct InstructionsOne {
    #[arg(long, value_enum)]
    map: MapName,
    #[arg(long, value_enum)]
    phase: Phase,
    #[arg(long, value_parser = positive)]
    size: usize,
}

#[derive(Debug, Args)]
struct Text {
    /// About how much text is counted: files drawn at random, but always the same ones.
    #[arg(long, default_value_t = 64)]
    mib: u64,
    /// Files and folders; the sources in cargo's registry by default.
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
struct BigramsArgs {
    /// All counters by default.
    #[arg(long, value_enum, value_delimiter = ',')]
    counters: Vec<CounterName>,
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8", value_parser = positive)]
    threads: Vec<usize>,
    #[arg(long, default_value_t = 5)]
    reps: usize,
    /// Kills a process that takes longer, in seconds.
    #[arg(long, default_value_t = 600)]
    timeout: u64,
    /// The result file; appended to if it exists.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    text: Text,
}

#[derive(Debug, Args)]
struct BigramsOne {
    #[arg(long, value_enum)]
    counter: CounterName,
    #[arg(long, default_value_t = 1, value_parser = positive)]
    threads: usize,
    #[command(flatten)]
    text: Text,
}

/// Runs the command line.
pub fn main(binary: Binary) -> ExitCode {
    let done = match Cli::parse().command {
        Task::One(one) => one.run(binary),
        Task::Suite(args) => args.run(),
        Task::Instructions(args) => {
            instructions::table(&args.maps, args.size).map(|table| print!("{table}"))
        }
        Task::InstructionsOne(InstructionsOne { map, phase, size }) => {
            instructions::work(map, phase, size);
            Ok(())
        }
        Task::Bigrams(args) => args.run(),
        Task::BigramsOne(one) => one.run(),
        Task::Table { file } => print_table(&file),
        Task::Plot { files, out, readme, threads } => plot::run(&files, &out, &readme, &threads),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::FAILURE
        }
    }
}

impl One {
    fn run(self, binary: Binary) -> Result<(), Box<dyn Error>> {
        let One { map, workload, threads, size, seconds: time, seed } = self;
        if !workload.suits(map) {
            return Err(format!("workload {workload} does not suit map {map}").into());
        }
        if threads > 1 && !workload.is_parallel() {
            return Err(format!("workload {workload} uses one thread").into());
        }
        if binary == Binary::Counting && !workload.counts_bytes() {
            return Err("timings must come from `peers`".into());
        }
        let fits = |&(name, value): &(&str, &str)| env::var_os(name).is_some_and(|v| v == value);
        let here = workload.environment().iter().all(fits);
        if !here || (binary == Binary::Timed && workload.counts_bytes()) {
            return in_fitting_process(workload);
        }
        let keys = Keys::new(seed);
        for record in (Job { map, workload, threads, size, keys, time }).run() {
            println!("{record}");
        }
        Ok(())
    }
}

/// Runs the binary that measures this workload, with this command line and the environment for it.
fn in_fitting_process(workload: Workload) -> Result<(), Box<dyn Error>> {
    let program = workload.program()?;
    let name = program.display();
    let status = Command::new(&program)
        .args(env::args_os().skip(1))
        .envs(workload.environment().iter().copied())
        .status()
        .map_err(|error| format!("cannot start {name}: {error}"))?;
    if !status.success() {
        return Err(format!("{name}: {status}").into());
    }
    Ok(())
}

impl SuiteArgs {
    fn run(self) -> Result<(), Box<dyn Error>> {
        let suite = Suite {
            maps: all_if_empty(self.maps),
            workloads: all_if_empty(self.workloads),
            threads: self.threads,
            sizes: self.sizes,
            time: self.seconds,
            reps: self.reps,
        };
        let timeout = Duration::from_secs(self.timeout);
        Ok(suite::run(&suite.steps()?, timeout, &self.out)?)
    }
}

impl BigramsOne {
    fn run(self) -> Result<(), Box<dyn Error>> {
        let input = Input { paths: self.text.paths, mib: self.text.mib };
        println!("{}", bigrams::run(self.counter, self.threads, &input)?);
        Ok(())
    }
}

impl BigramsArgs {
    fn run(self) -> Result<(), Box<dyn Error>> {
        suite::run(&self.steps()?, Duration::from_secs(self.timeout), &self.out)?;
        let records = table::records(&fs::read_to_string(&self.out)?)?;
        let of_bigrams = |record: &Record| record.workload == "bigrams";
        Ok(bigrams::check(&records.into_iter().filter(of_bigrams).collect::<Vec<_>>())?)
    }

    fn steps(&self) -> Result<Vec<Step>, Box<dyn Error>> {
        let program = env::current_exe()?;
        let mut steps = Vec::new();
        for rep in 1..=self.reps {
            for threads in &self.threads {
                let mut counters = all_if_empty(self.counters.clone());
                suite::shuffle(&mut counters, rep, steps.len());
                for counter in counters {
                    let name = format!("bigrams {counter}, {threads} threads");
                    let mut args = vec!["bigrams-one".into()];
                    args.extend(["--counter".into(), counter.to_string()]);
                    args.extend(["--threads".into(), threads.to_string()]);
                    args.extend(["--mib".into(), self.text.mib.to_string(), "--".into()]);
                    let paths = self.text.paths.iter();
                    args.extend(paths.map(|path| path.to_string_lossy().into_owned()));
                    steps.push(Step { rep, name, program: program.clone(), args });
                }
            }
        }
        Ok(steps)
    }
}

fn print_table(file: &PathBuf) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(file)?;
    print!("{}", table::markdown(&table::records(&text)?));
    Ok(())
}

fn all_if_empty<T: ValueEnum + Clone>(chosen: Vec<T>) -> Vec<T> {
    if chosen.is_empty() { T::value_variants().to_vec() } else { chosen }
}

fn positive(text: &str) -> Result<usize, String> {
    let digits = text.replace('_', "");
    match digits.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(format!("{error}")),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|error| format!("{error}"))?;
    Duration::try_from_secs_f64(number).map_err(|error| format!("{error}"))
}
