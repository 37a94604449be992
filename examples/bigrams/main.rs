//! Counts the word bigrams of text files with all cores, and shows the top ones while it counts.
//!
//! ```text
//! cargo run --release --example bigrams                      # the sources of your crates
//! cargo run --release --example bigrams -- --top 20 docs/ notes.txt
//! cargo run --release --example bigrams -- --json counts.json --every 250 docs/
//! ```
//!
//! The threads of a rayon pool share two maps: words to numbers, and pairs of numbers to counts. A known word costs one
//! lookup. Each thread counts through a writer, which adds up equal bigrams and changes the map in groups. Meanwhile
//! another thread takes snapshots and makes a top list of each.
//!
//! A snapshot fixes the bigrams and their counts at one instant, so each list is consistent. It lacks the additions
//! that are still queued in the writers, to fewer than 32 bigrams per thread. The final snapshot is taken when all
//! threads are done. Its counts must add up to the number of bigrams read; otherwise the program exits with status 1.
//!
//! | file | holds |
//! |---|---|
//! | `main` | the options, and the threads |
//! | `input` | finding files, telling text from binary, cutting large files |
//! | `count` | the two maps, and counting into them |
//! | `snapshot` | both maps at one instant: the top list |
//! | `view` | progress and top list while it counts |
//! | `report` | the report at the end, and the JSON file |

mod count;
mod input;
mod report;
mod snapshot;
mod view;

use std::io::{self, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use indicatif::ParallelProgressIterator;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use rayon::{ThreadPool, ThreadPoolBuilder};

use count::{Bigrams, Totals};
use report::{JsonFile, Run};
use view::View;

/// Counts the word bigrams of text files with all cores.
///
/// A word is a maximal run of alphabetic characters (Unicode), in lower case. A bigram is two words in a row in one
/// file, whatever is between them.
#[derive(Parser)]
#[command(after_help = AFTER_HELP)]
struct Options {
    /// Files and folders, which are read recursively [default: the sources of the crates in the local cargo registry;
    /// without one, this repository or the current folder]
    paths: Vec<PathBuf>,

    /// Threads that count [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,

    /// Length of the top list
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,

    /// Milliseconds between two snapshots while files are read; 0 for none
    #[arg(long, value_name = "MS", default_value_t = 1000)]
    every: u64,

    /// Write the counts of all bigrams to this file, the most frequent first, as a JSON array with one element per
    /// line: {"count":3,"words":["of","the"]}
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

const AFTER_HELP: &str = "\
Files with a NUL byte in the first KB count as binary and are skipped; invalid UTF-8 is read as \
replacement characters. Below the given folders, symbolic links, names that begin with a dot and \
folders with a CACHEDIR.TAG are skipped. Files there that cannot be read are reported and skipped.

The top list is made from a snapshot of the counts, taken while the writers continue: bigrams and \
counts of one instant, without additions still queued in the writers. The final numbers are exact.

The JSON file replaces an old one once it is complete. If anything fails, the old one stays.

Exit status: 0 on success; 1 if the counts do not add up to the bigrams read, or if the results \
cannot be written; 2 for wrong usage, if a given path cannot be read, or if nothing was read.";

/// Why the program stops, by exit status.
enum Failure {
    /// There is nothing to count, or a path that was given cannot be read.
    Usage(String),
    /// Counting or reporting went wrong.
    Run(String),
}

fn main() -> ExitCode {
    let (message, status) = match run(&Options::parse()) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => (message, 2),
        Err(Failure::Run(message)) => (message, 1),
    };
    complain(&format!("error: {message}"));
    ExitCode::from(status)
}

/// Prints a line to standard error, if it is open.
fn complain(line: &str) {
    // If this fails, there is nowhere to report it.
    let _ = writeln!(io::stderr(), "{line}");
}

fn run(options: &Options) -> Result<(), Failure> {
    let paths = if options.paths.is_empty() { default_paths() } else { options.paths.clone() };
    let files = input::find(&paths, |path, error| {
        complain(&format!("skipped {}: {error}", path.display()));
    });
    let files = files.map_err(Failure::Usage)?;
    let names = || {
        let names: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        names.join(", ")
    };
    if files.is_empty() {
        return Err(Failure::Usage(format!("no file to read in {}", names())));
    }
    let pool = thread_pool(options.threads)?;
    // Opened now, so that a wrong path is reported before counting.
    let json = options.json.as_deref().map(create).transpose()?;

    let bigrams = Bigrams::default();
    let totals = Arc::new(Totals::default());
    let start = Instant::now();
    let lists = count(&files, &pool, options, &bigrams, &totals)?;
    let elapsed = start.elapsed();
    if totals.files.load(Relaxed) == 0 {
        let (binary, unreadable) = (totals.binary.load(Relaxed), totals.unreadable.load(Relaxed));
        let skipped = format!("{binary} binary and {unreadable} unreadable files skipped");
        return Err(Failure::Usage(format!("nothing was read in {}: {skipped}", names())));
    }

    let last = bigrams.snapshot();
    let threads = pool.current_num_threads();
    let run = Run { totals: &totals, last: &last, elapsed, threads, snapshots: lists + 1 };
    let check = run.check().map_err(Failure::Run);
    if let Some((path, json)) = json.filter(|_| check.is_ok()) {
        let written = pool.install(|| json.write(&last));
        written.map_err(|error| cannot_write(path, &error))?;
    }
    match report::print(&run, options.top) {
        // The reader of the report, such as `head`, has closed the pipe.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed.map_err(|error| Failure::Run(format!("cannot print: {error}")))?,
    }
    check
}

/// Counts all files, and shows a top list at intervals. Returns the number of lists. Fails if a path on the command
/// line is a file that cannot be read.
fn count(
    files: &[PathBuf],
    pool: &ThreadPool,
    options: &Options,
    bigrams: &Bigrams,
    totals: &Arc<Totals>,
) -> Result<u64, Failure> {
    let view = View::new(files.len(), totals);
    let refused = OnceLock::new();
    let lists = thread::scope(|scope| {
        // Dropping `counting` ends the thread that shows lists, even if counting panics.
        let (counting, done) = mpsc::channel::<()>();
        let lists = scope.spawn(|| show_lists(bigrams, &view, options, done));
        pool.install(|| {
            let progress = view.progress();
            files.par_iter().progress_with(progress).for_each(|path| {
                let Err(error) = bigrams.count_file(path, totals) else { return };
                if options.paths.contains(path) {
                    refused.get_or_init(|| input::cannot_read(path, &error));
                } else {
                    view.complain(&format!("skipped {}: {error}", path.display()));
                }
            });
        });
        drop(counting);
        let lists = lists.join();
        view.finish();
        lists.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    refused.into_inner().map_or(Ok(lists), |message| Err(Failure::Usage(message)))
}

/// Takes a snapshot and shows its top list, at intervals, until the sender is dropped.
fn show_lists(bigrams: &Bigrams, view: &View, options: &Options, done: mpsc::Receiver<()>) -> u64 {
    if options.every == 0 {
        return 0;
    }
    let mut lists = 0;
    let interval = Duration::from_millis(options.every);
    while done.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Timeout) {
        let snapshot = bigrams.snapshot();
        lists += 1;
        view.show(lists, &snapshot, options.top);
    }
    lists
}

fn create(path: &Path) -> Result<(&Path, JsonFile), Failure> {
    let json = JsonFile::create(path).map_err(|error| cannot_write(path, &error))?;
    Ok((path, json))
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::Run(format!("cannot write {}: {error}", path.display()))
}

fn thread_pool(threads: Option<NonZeroUsize>) -> Result<ThreadPool, Failure> {
    // Zero means one per core.
    let threads = threads.map_or(0, NonZeroUsize::get);
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| Failure::Run(format!("cannot start threads: {error}")))
}

/// Text that every machine with Rust has: the sources in cargo's registry, or else this repository.
fn default_paths() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || variable("HOME").or_else(|| variable("USERPROFILE"));
    let cargo_home = variable("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| home().map(|home| Path::new(&home).join(".cargo")));
    let sources = cargo_home.map(|home| home.join("registry").join("src"));
    let repository = || variable("CARGO_MANIFEST_DIR").map_or_else(|| ".".into(), PathBuf::from);
    vec![sources.filter(|path| path.is_dir()).unwrap_or_else(repository)]
}
