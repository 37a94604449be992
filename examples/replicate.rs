//! Keeps the copy of a map in another process up to date, over a pipe, while threads write to the map
//! at full speed; and proves at the end that both are equal.
//!
//! ```text
//! cargo run --release --example replicate
//! cargo run --release --example replicate -- --seconds 10 --writers 4 --every 20
//! ```
//!
//! The parent takes a snapshot every so often (O(1), the writers go on), finds out what changed since
//! the one before (`Snapshot::diff`, whose cost follows the changes and not the size of the map), and
//! sends that as one line of JSON. The child applies each line to its replica, and answers with a
//! digest of the whole: the parent compares it with the digest of its snapshot. So not only the end
//! is checked, but that the replica is, after each line, the map at one instant.
//!
//! Exit status: 0 if the replica was right each time and the child came to its end; 1 if not; 2 for wrong
//! usage.

use std::error::Error;
use std::hash::BuildHasher;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use snaptrie::{FixedState, OwnedDiff, Snapshot, TrieMap};

type Map = TrieMap<String, u64>;
/// What a line holds: entries to put, and keys to remove. With the feature `serde`, an `OwnedDiff` is
/// written and read as just this.
type Line = (Vec<(String, u64)>, Vec<String>);
type Failure = Box<dyn Error + Send + Sync>;

/// Keeps a second process's copy of a map up to date while the map is written, and checks it.
#[derive(Parser)]
struct Options {
    /// How long the writers write
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Threads that write
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1024))]
    writers: u64,

    /// Milliseconds between two updates of the replica
    #[arg(long, value_name = "MS", default_value_t = 50)]
    every: u64,

    /// Keys that each writer writes to
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    keys: u64,

    /// For tests: the child forgets the removals
    #[arg(long, hide = true)]
    forget: bool,

    /// Is the child: reads updates, and answers with digests
    #[arg(long, hide = true)]
    replica: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = if options.replica { follow(&options) } else { lead(&options) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell that this failed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The child: applies what comes until the end of the input.
fn follow(options: &Options) -> Result<(), Failure> {
    let replica = Map::new();
    let mut answers = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let (put, removed): Line = serde_json::from_str(&line?)?;
        let removed = if options.forget { Vec::new() } else { removed };
        replica.apply(OwnedDiff { put, removed });
        writeln!(answers, "{}", digest(&replica.snapshot()))?;
        answers.flush()?;
    }
    Ok(())
}

/// A number for the whole content, whatever its order.
fn digest(view: &Snapshot<String, u64>) -> u64 {
    let hasher = FixedState::with_seed(7);
    let entries = view.iter().map(|entry| hasher.hash_one(entry));
    entries.fold(view.len() as u64, u64::wrapping_add)
}

/// The child, as its parent sees it.
struct Replica {
    child: Child,
    updates: BufWriter<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Replica {
    fn start(options: &Options) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--replica").args(options.forget.then_some("--forget"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (updates, answers) = pipes.ok_or("no pipes to the replica")?;
        Ok(Self { child, updates: BufWriter::new(updates), answers: BufReader::new(answers) })
    }

    /// Sends an update, and waits for what the replica says that it holds then. Returns the bytes that
    /// were sent.
    fn update(&mut self, diff: OwnedDiff<String, u64>) -> Result<(usize, u64), Failure> {
        let line: Line = (diff.put, diff.removed);
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        self.updates.write_all(&line)?;
        self.updates.flush()?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok((line.len(), answer.trim_end().parse()?))
    }

    /// Ends the input, and with it the child.
    fn finish(self) -> Result<(), Failure> {
        let Self { mut child, updates, answers } = self;
        drop((updates, answers));
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the replica: {status}").into()) }
    }
}

/// What was done so far, for the last line.
#[derive(Default)]
struct Totals {
    updates: u64,
    changes: usize,
    bytes: usize,
    diffing: Duration,
}

/// The parent.
fn lead(options: &Options) -> Result<(), Failure> {
    let map = Map::new();
    let mut replica = Replica::start(options)?;
    let mut totals = Totals::default();
    let mut before = map.snapshot();
    let (stop, writes) = (AtomicBool::new(false), AtomicU64::new(0));
    let update = |replica: &mut Replica, before: &mut Snapshot<_, _>, totals: &mut Totals| {
        let now = map.snapshot();
        let start = Instant::now();
        let diff: OwnedDiff<String, u64> = before.diff(&now).collect();
        totals.diffing += start.elapsed();
        totals.updates += 1;
        totals.changes += diff.len();
        let (bytes, found) = replica.update(diff)?;
        totals.bytes += bytes;
        *before = now;
        let expected = digest(before);
        if found == expected {
            return Ok::<(), Failure>(());
        }
        Err(format!("update {}: digest {found}, and not {expected}", totals.updates).into())
    };
    thread::scope(|scope| {
        for writer in 0..options.writers {
            let (map, stop, writes) = (&map, &stop, &writes);
            scope.spawn(move || writes.fetch_add(write(map, writer, options.keys, stop), Relaxed));
        }
        let end = Instant::now() + Duration::from_secs(options.seconds);
        let mut done = Ok(());
        while done.is_ok() && Instant::now() < end {
            thread::sleep(Duration::from_millis(options.every));
            done = update(&mut replica, &mut before, &mut totals);
        }
        stop.store(true, Relaxed);
        done
    })?;
    // What the writers did since.
    update(&mut replica, &mut before, &mut totals)?;
    replica.finish()?;
    let Totals { updates, changes, bytes, diffing } = totals;
    println!(
        "{} writes; {updates} updates with {changes} changes in {bytes} bytes; {:?} for the changes of \
         each; both hold the same {} entries",
        writes.into_inner(),
        diffing / updates as u32,
        before.len()
    );
    Ok(())
}

/// Inserts, overwrites and removes keys of this writer until told to stop. Returns how often.
fn write(map: &Map, writer: u64, keys: u64, stop: &AtomicBool) -> u64 {
    let mut random = writer + 1;
    let mut writes = 0;
    while !stop.load(Relaxed) {
        // Xorshift (Marsaglia, 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let key = format!("{writer}/{}", random % keys);
        if random >> 32 & 3 == 0 {
            map.pin().remove(&key);
        } else {
            map.pin().insert(key, writes);
        }
        writes += 1;
    }
    writes
}
