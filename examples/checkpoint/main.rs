//! Writes incremental checkpoints of a map while threads write to it at full speed. The process may be killed
//! at any point. Each checkpoint is read back and checked to be the map at one instant.
//!
//! ```text
//! cargo run --release --example checkpoint
//! cargo run --release --example checkpoint -- --seconds 60 --folder state
//! cargo run --release --example checkpoint -- --folder state --check
//! ```
//!
//! A checkpoint is a snapshot written to a file. Taking it is O(1), and writers continue. The first file holds all
//! entries. The following ones hold the changes since the previous checkpoint. `Snapshot::diff` finds them, at a cost
//! that depends only on the number of changes. After `--diffs` of them, the next checkpoint is full again, and the
//! older files are removed. Kill the program whenever you like and start it again with the same folder: it continues
//! from the last checkpoint.
//!
//! To use this in your own program, copy the folder `store`; it does not depend on the rest. The file format is
//! described in `store/file.rs`. The contents of the map, and the invariants that a checkpoint is checked for,
//! are in `bank.rs`. The writers there change nearly all entries between two checkpoints, so a diff is about as
//! large as a full checkpoint. With fewer changes it is smaller.

mod bank;
mod store;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use bank::{Key, Map, State};
use clap::Parser;
use store::{Recovered, Saved, Step};

type Store = store::Store<Key, u64>;

/// Writes incremental checkpoints of a map under full write load, and verifies each of them.
///
/// Exit status: 0 if all checkpoints are correct; 1 if one is not, or if a file cannot be written or read; 2 for
/// wrong usage.
#[derive(Parser)]
struct Options {
    /// How long the writers write
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Threads that write [default: the number that the checkpoint was made with; in a new folder, one per core,
    /// at least two]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    writers: Option<u32>,

    /// Items that each writer keeps, in a new folder
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    items: u64,

    /// Milliseconds from the start of one checkpoint to the start of the next; if one takes longer, the next
    /// starts when it is done
    #[arg(long, value_name = "MS", default_value_t = 500)]
    every: u64,

    /// Diffs after each full checkpoint
    #[arg(long, value_name = "N", default_value_t = 8)]
    diffs: u64,

    /// Folder for the checkpoints. It may be new, or hold checkpoints of this program to continue from. The default
    /// is a temporary folder that is removed at the end
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,

    /// Only check and describe the newest checkpoint in the folder
    #[arg(long, requires = "folder")]
    check: bool,

    /// Do not read each checkpoint back
    #[arg(long)]
    blind: bool,

    /// For tests: print the number and digest of each checkpoint before its file is renamed
    #[arg(long, hide = true)]
    trace: bool,

    /// For tests: abort the process at this step, counted from zero
    #[arg(long, hide = true)]
    die_at: Option<u64>,
}

/// Why the program stops.
#[derive(Debug)]
enum Failure {
    Store(store::Error),
    /// The temporary folder cannot be made.
    Scratch(io::Error),
    /// Standard output is closed.
    Output(io::Error),
    /// `--writers` differs from the checkpoint.
    Writers {
        asked: u32,
        found: u32,
    },
    /// The folder holds no checkpoint.
    Nothing(PathBuf),
    /// A checkpoint violates an invariant.
    Wrong(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Scratch(error) => write!(f, "cannot make a temporary folder: {error}"),
            Self::Output(error) => write!(f, "cannot print: {error}"),
            Self::Writers { asked, found } => {
                write!(f, "the checkpoint has {found} writers, and not {asked}")
            }
            Self::Nothing(folder) => write!(f, "{}: no checkpoint", folder.display()),
            Self::Wrong(what) => write!(f, "the checkpoint is wrong: {what}"),
        }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing can be done if standard error is closed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    match &options.folder {
        Some(folder) if options.check => check_folder(folder),
        Some(folder) => save_all(folder, options),
        None => {
            let scratch = tempfile::Builder::new().prefix("snaptrie-checkpoint-").tempdir();
            let scratch = scratch.map_err(Failure::Scratch)?;
            save_all(&scratch.path().join("state"), options)?;
            scratch.close().map_err(Failure::Scratch)
        }
    }
}

/// `--check`.
fn check_folder(folder: &Path) -> Result<(), Failure> {
    let recovered = store::recover(folder)?.ok_or_else(|| Failure::Nothing(folder.into()))?;
    check(&recovered)?;
    print(&format!("checked {}", describe(&recovered)))
}

/// Checks the invariants of a checkpoint. Returns its state.
fn check(recovered: &Recovered<Key, u64>) -> Result<State, Failure> {
    let state = recovered.map.snapshot();
    bank::check(&state).map_err(Failure::Wrong)?;
    if recovered.note != note(&state) {
        return Err(Failure::Wrong("its note does not belong to its entries".to_owned()));
    }
    Ok(state)
}

/// The note to save with a state. Here it follows from the state. It could be an offset in a log.
fn note(state: &State) -> Vec<u8> {
    bank::rounds(state).to_le_bytes().to_vec()
}

fn describe(recovered: &Recovered<Key, u64>) -> String {
    let Recovered { number, entries, digest, diffs, .. } = recovered;
    format!(
        "checkpoint {number} with digest {digest:016x}: {entries} entries; a full checkpoint and {diffs} diffs"
    )
}

fn save_all(folder: &Path, options: &Options) -> Result<(), Failure> {
    let (mut store, recovered) = Store::open(folder, options.diffs)?;
    let map = first_map(recovered, options)?;
    let writers = bank::writers(&map.snapshot());
    observe(&mut store, options);
    let stop = AtomicBool::new(false);
    let (verified, elapsed) = thread::scope(|scope| {
        for writer in 0..writers {
            let (map, stop) = (&map, &stop);
            scope.spawn(move || bank::write(map, writer, stop));
        }
        let start = Instant::now();
        // Stops the writers, even if a checkpoint panics.
        let _stop = SetOnDrop(&stop);
        let verified = save_repeatedly(&map, &mut store, folder, options);
        verified.map(|verified| (verified, start.elapsed()))
    })?;

    // The writers are done: no round is in progress.
    let last = map.snapshot();
    if let Some(line) = checkpoint(&last, &mut store, folder, options.blind)? {
        print(&format!("the last {line}"))?;
    }
    let (saves, rounds) = (verified.saves, verified.rounds);
    let rate = (rounds * bank::ROUND) as f64 / elapsed.as_secs_f64() / 1e6;
    print(&format!(
        "{rate:.2} million operations/s by {writers} writers; {} rounds while checkpoints were written",
        verified.meanwhile
    ))?;
    if options.blind {
        return print(&format!("{} checkpoints saved", saves + 1));
    }
    print(&format!("all {} checkpoints verified", saves + 1))
}

/// The map to start with.
fn first_map(recovered: Option<Recovered<Key, u64>>, options: &Options) -> Result<Map, Failure> {
    let Some(recovered) = recovered else {
        let cores = thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 1024));
        return Ok(bank::new(options.writers.unwrap_or(cores as u32), options.items));
    };
    let found = bank::writers(&check(&recovered)?);
    if let Some(asked) = options.writers.filter(|asked| *asked != found) {
        return Err(Failure::Writers { asked, found });
    }
    print(&format!("recovered {}", describe(&recovered)))?;
    bank::settle(&recovered.map);
    Ok(recovered.map)
}

/// For `--trace` and `--die-at`.
fn observe(store: &mut Store, options: &Options) {
    let (trace, die_at) = (options.trace, options.die_at);
    let mut count = 0;
    store.on_step(move |step| {
        match step {
            Step::Synced { number, digest } if trace => println!("trying {number} {digest:016x}"),
            Step::Saved { number } if trace => println!("saved {number}"),
            _ => {}
        }
        if Some(count) == die_at {
            println!("dying at {step:?}");
            std::process::abort();
        }
        count += 1;
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(Failure::Output)
}

/// Totals for the period in which the writers ran.
#[derive(Default)]
struct Verified {
    saves: u64,
    /// Rounds of the writers.
    rounds: u64,
    /// Those that were finished while a checkpoint was being written.
    meanwhile: u64,
}

/// Saves and verifies checkpoints until the time is up.
fn save_repeatedly(
    map: &Map,
    store: &mut Store,
    folder: &Path,
    options: &Options,
) -> Result<Verified, Failure> {
    let first = bank::rounds(&map.snapshot());
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut verified = Verified::default();
    loop {
        let start = Instant::now();
        let snapshot = map.snapshot();
        let taken = start.elapsed();
        if let Some(line) = checkpoint(&snapshot, store, folder, options.blind)? {
            verified.saves += 1;
            let now = map.snapshot();
            let rounds = bank::rounds(&now) - bank::rounds(&snapshot);
            verified.meanwhile += rounds;
            print(&format!("{line}, snapshot in {taken:.1?}, {rounds} rounds meanwhile"))?;
        }
        drop(snapshot);
        let due = start + Duration::from_millis(options.every);
        thread::sleep(due.min(end).saturating_duration_since(Instant::now()));
        if Instant::now() >= end {
            verified.rounds = bank::rounds(&map.snapshot()) - first;
            return Ok(verified);
        }
    }
}

/// Writes a checkpoint and verifies the files. Returns a line for the user, or `None` if nothing has changed since
/// the previous checkpoint.
fn checkpoint(
    snapshot: &State,
    store: &mut Store,
    folder: &Path,
    blind: bool,
) -> Result<Option<String>, Failure> {
    let start = Instant::now();
    let Some(saved) = store.save(snapshot.clone(), &note(snapshot))? else { return Ok(None) };
    let Saved { number, is_full, entries, digest, records, bytes } = saved;
    let written = start.elapsed();
    let kind = if is_full { "full" } else { "diff" };
    let line = format!(
        "checkpoint {number}, {kind}: {records} records of {entries} entries, {bytes} bytes in {written:.1?}"
    );
    if blind {
        return Ok(Some(line));
    }
    let start = Instant::now();
    let wrong = |what: &str| Failure::Wrong(what.to_owned());
    let recovered =
        store::recover::<Key, u64>(folder)?.ok_or_else(|| wrong("the folder is empty"))?;
    let restored = check(&recovered)?;
    if (recovered.number, recovered.digest) != (number, digest) {
        return Err(wrong("a different one is the newest"));
    }
    if restored != *snapshot {
        return Err(wrong("the files differ from the snapshot"));
    }
    Ok(Some(format!("{line}, verified in {:.1?}", start.elapsed())))
}
