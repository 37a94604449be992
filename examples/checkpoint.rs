//! Saves a map to a file again and again while threads write to it at full speed, and proves that
//! each file holds one instant of the map.
//!
//! ```text
//! cargo run --release --example checkpoint
//! cargo run --release --example checkpoint -- --seconds 60 --writers 8 --every 100
//! ```
//!
//! Each checkpoint takes a snapshot (O(1), the writers go on), writes it to a temporary file, syncs
//! that, and renames it to the checkpoint's name: a crash leaves the checkpoint before or this one.
//! Then the file is read back into a new map, which must equal the snapshot and must be a state that
//! the live map can have been in.
//!
//! An operation on a map is atomic for its key only, so what a snapshot can be checked for is what
//! the order of each writer's operations implies. In round `n` a writer
//!
//! 1. sets its key `Begun` to `n`,
//! 2. takes an amount that follows from `n` from one account, and gives it to another,
//! 3. inserts its key `Item(n)`, and removes `Item(n - WINDOW)`,
//! 4. sets its key `Done` to `n`.
//!
//! So at every instant, for every writer: `Begun - Done` is 0 or 1, the items are all there from the
//! oldest to the newest without a gap, and the newest and the oldest belong to round `Begun` or
//! `Done`. And the accounts hold the initial sum, less at most what is on its way in the rounds that
//! have begun and are not done. Put a walk over the live map in the snapshot's place, and the first
//! checkpoints fail.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use snaptrie::{Compute, Operation, Pinned, Snapshot, TrieMap};

/// Items that a writer keeps.
const WINDOW: u64 = 20_000;

const ACCOUNTS: u64 = 1_000;

/// What is in each account at first.
const BALANCE: u64 = 1_000;

/// Map operations in one round of a writer.
const ROUND: u64 = 6;

/// Saves consistent checkpoints of a map under full write load, and verifies each file.
///
/// Exit status: 0 if all checkpoints are right; 1 if one is not, or a file cannot be written or
/// read; 2 for wrong usage.
#[derive(Parser)]
struct Options {
    /// How long the writers write
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,

    /// Threads that write [default: one for each core, and two at least]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    writers: Option<u32>,

    /// Milliseconds from the start of one checkpoint to the next; if one takes longer, the next
    /// starts when it is done
    #[arg(long, value_name = "MS", default_value_t = 500)]
    every: u64,

    /// The file to write; an old one is replaced, and the last checkpoint stays there. Without this,
    /// a file in a temporary folder that is removed at the end
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Key {
    /// The round that a writer has begun.
    Begun(u32),
    /// The round that a writer is done with.
    Done(u32),
    /// What a writer inserted in a round.
    Item(u32, u64),
    Account(u64),
}

type Map = TrieMap<Key, u64>;

/// Why the program stops.
#[derive(Debug)]
enum Failure {
    /// A file could not be written or read.
    File(PathBuf, io::Error),
    /// The standard output is gone.
    Output(io::Error),
    /// A checkpoint is not what it must be.
    Wrong(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Output(error) => write!(f, "cannot print: {error}"),
            Self::Wrong(what) => write!(f, "the checkpoint is wrong: {what}"),
        }
    }
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nobody left to tell that this failed.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Failure> {
    let cores = || thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 1024));
    let writers = options.writers.unwrap_or_else(|| cores() as u32);
    let scratch = if options.file.is_none() { Some(Scratch::create()?) } else { None };
    let file = match (&options.file, &scratch) {
        (Some(file), _) => file.clone(),
        (None, Some(scratch)) => scratch.0.join("checkpoint"),
        (None, None) => unreachable!("a scratch folder is made if no file is given"),
    };

    let map = first_map(writers);
    let stop = AtomicBool::new(false);
    let (operations, verified, elapsed) = thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                let (map, stop) = (&map, &stop);
                scope.spawn(move || write(map, writer, stop))
            })
            .collect();
        let start = Instant::now();
        let verified = {
            let _stop = SetOnDrop(&stop);
            save_repeatedly(&map, writers, &file, options)
        };
        let rounds: u64 = threads.into_iter().map(join).sum();
        verified.map(|verified| (rounds * ROUND, verified, start.elapsed()))
    })?;

    // The writers are done: nothing is on its way.
    let last = map.snapshot();
    let line = checkpoint(&last, writers, &file)?;
    print(&format!("the last  {line}"))?;
    expect(sum(&last) == ACCOUNTS * BALANCE, || "money is missing at the end".to_owned())?;
    let rate = operations as f64 / elapsed.as_secs_f64() / 1e6;
    print(&format!("{operations} operations by {writers} writers meanwhile: {rate:.2} million/s"))?;
    print(&format!("all {} files verified", verified + 1))
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Stops the writers, even if a checkpoint panics.
struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// A folder that is removed, with what is in it, when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn create() -> Result<Self, Failure> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = now.map_or(0, |now| now.subsec_nanos());
        let name = format!("snaptrie-checkpoint-{}-{nanos}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|error| Failure::File(path.clone(), error))?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            let _ = writeln!(io::stderr(), "cannot remove {}: {error}", self.0.display());
        }
    }
}

fn print(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(Failure::Output)
}

// What is written.

/// A map in which no round has begun.
fn first_map(writers: u32) -> Map {
    let accounts = (0..ACCOUNTS).map(|number| (Key::Account(number), BALANCE));
    let rounds = (0..writers).flat_map(|w| [(Key::Begun(w), 0), (Key::Done(w), 0)]);
    accounts.chain(rounds).collect()
}

/// Does one round after the other. Returns their number.
fn write(map: &Map, writer: u32, stop: &AtomicBool) -> u64 {
    let mut round = 0;
    while !stop.load(Relaxed) {
        round += 1;
        // A handle for each round: what is replaced can soon be freed.
        let map = map.pin();
        map.insert(Key::Begun(writer), round);
        transfer(&map, writer, round);
        map.insert(Key::Item(writer, round), scramble(round));
        if round > WINDOW {
            map.remove(&Key::Item(writer, round - WINDOW));
        }
        map.insert(Key::Done(writer), round);
    }
    round
}

/// Moves an amount between two accounts, if it is there.
fn transfer(map: &Pinned<'_, Key, u64>, writer: u32, round: u64) {
    let dice = scramble(u64::from(writer) << 40 | round);
    let (from, to) = (Key::Account(dice % ACCOUNTS), Key::Account((dice >> 20) % ACCOUNTS));
    let amount = amount(writer, round);
    let withdrawn = map.compute(from, |entry| match entry {
        Some((_, balance)) if *balance >= amount => Operation::Insert(balance - amount),
        _ => Operation::Abort(()),
    });
    if matches!(withdrawn, Compute::Updated { .. }) {
        map.update(to, |balance| balance + amount);
    }
}

fn amount(writer: u32, round: u64) -> u64 {
    1 + scramble(round ^ u64::from(writer)) % 100
}

/// A number that looks random (the finalizer of SplitMix64).
fn scramble(number: u64) -> u64 {
    let mut n = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

// Checkpoints.

/// Saves and verifies checkpoints until the time is up. Returns their number.
fn save_repeatedly(
    map: &Map,
    writers: u32,
    file: &Path,
    options: &Options,
) -> Result<u64, Failure> {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let mut verified = 0;
    loop {
        let start = Instant::now();
        let snapshot = map.snapshot();
        let taken = start.elapsed();
        let line = checkpoint(&snapshot, writers, file)?;
        verified += 1;
        print(&format!("{verified:>8}  {line}, snapshot in {taken:.1?}"))?;
        drop(snapshot);
        let due = start + Duration::from_millis(options.every);
        thread::sleep(due.min(end).saturating_duration_since(Instant::now()));
        if Instant::now() >= end {
            return Ok(verified);
        }
    }
}

/// Writes a checkpoint and verifies what is in the file. Returns a line that tells about it.
fn checkpoint(snapshot: &Snapshot<Key, u64>, writers: u32, file: &Path) -> Result<String, Failure> {
    let start = Instant::now();
    let bytes = save(snapshot, file).map_err(|error| Failure::File(file.into(), error))?;
    let written = start.elapsed();
    let start = Instant::now();
    let restored = load(file).map_err(|error| Failure::File(file.into(), error))?.snapshot();
    expect(restored == *snapshot, || "the file does not hold what the snapshot does".to_owned())?;
    check(&restored, writers)?;
    let read = start.elapsed();
    let entries = restored.len();
    Ok(format!(
        "{entries} entries, {bytes} bytes: written in {written:.1?}, verified in {read:.1?}"
    ))
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::Wrong(what())) }
}

/// Checks that the live map can have been in this state: see the head of the file.
fn check(state: &Snapshot<Key, u64>, writers: u32) -> Result<(), Failure> {
    let round = |key| {
        let round = state.get(&key).copied();
        round.ok_or_else(|| Failure::Wrong(format!("{key:?} is missing")))
    };
    let mut entries = ACCOUNTS;
    let mut on_their_way = 0;
    for writer in 0..writers {
        let (begun, done) = (round(Key::Begun(writer))?, round(Key::Done(writer))?);
        expect(begun == done || begun == done + 1, || {
            format!("writer {writer} has begun round {begun} and is done with {done}")
        })?;
        if begun > done {
            on_their_way += amount(writer, begun);
        }
        entries += 2 + check_items(state, writer, begun, done)?;
    }
    let (initial, now) = (ACCOUNTS * BALANCE, sum(state));
    expect(now <= initial && initial - now <= on_their_way, || {
        format!("{now} in the accounts; {initial} less at most {on_their_way} must be there")
    })?;
    expect(state.len() as u64 == entries, || {
        format!("{} entries, but {entries} belong to the writers and accounts", state.len())
    })
}

/// Checks the items of a writer. Returns their number.
fn check_items(
    state: &Snapshot<Key, u64>,
    writer: u32,
    begun: u64,
    done: u64,
) -> Result<u64, Failure> {
    let has = |round| state.contains_key(&Key::Item(writer, round));
    let inserted = begun > done && has(begun);
    let newest = if inserted { begun } else { done };
    // Only the round that has begun can have removed this one, after its insertion.
    let oldest = (done + 1).saturating_sub(WINDOW).max(1);
    let removed = inserted && begun > WINDOW && !has(oldest);
    let oldest = oldest + u64::from(removed);
    for round in oldest..=newest {
        let value = state.get(&Key::Item(writer, round));
        expect(value == Some(&scramble(round)), || {
            format!("writer {writer}: item {round} of {oldest} to {newest} is {value:?}")
        })?;
    }
    Ok(newest + 1 - oldest)
}

/// What is in all accounts together.
fn sum(state: &Snapshot<Key, u64>) -> u64 {
    let balance = |(key, value): (&Key, &u64)| matches!(key, Key::Account(_)).then_some(*value);
    state.iter().filter_map(balance).sum()
}

// The file: a header of `HEADER` bytes (magic, number of entries, checksum of what follows), then
// the entries, `RECORD` bytes each. All numbers are little-endian.

const MAGIC: [u8; 8] = *b"snaptri1";
const HEADER: u64 = 24;
const RECORD: usize = 24;

/// Writes a snapshot to a new file and renames that. Returns the number of bytes.
fn save(snapshot: &Snapshot<Key, u64>, path: &Path) -> io::Result<u64> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    let saved = write_file(snapshot, file)
        .and_then(|bytes| fs::rename(&temporary, path).map(|()| bytes))
        .and_then(|bytes| sync_folder(path).map(|()| bytes));
    if saved.is_err() {
        // The first error is the one to tell; after a failed sync of the folder this is gone.
        let _ = fs::remove_file(&temporary);
    }
    saved
}

fn write_file(snapshot: &Snapshot<Key, u64>, file: File) -> io::Result<u64> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    out.write_all(&[0; HEADER as usize])?;
    let (mut entries, mut checksum) = (0_u64, Checksum::default());
    for (key, value) in snapshot {
        let record = encode(*key, *value);
        checksum.add(&record);
        out.write_all(&record)?;
        entries += 1;
    }
    out.seek(SeekFrom::Start(0))?;
    out.write_all(&MAGIC)?;
    out.write_all(&entries.to_le_bytes())?;
    out.write_all(&checksum.0.to_le_bytes())?;
    out.flush()?;
    out.get_ref().sync_all()?;
    Ok(HEADER + entries * RECORD as u64)
}

/// Makes a rename last, where folders can be synced.
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Reads a checkpoint into a new map.
fn load(path: &Path) -> io::Result<Map> {
    let mut file = BufReader::with_capacity(1 << 16, File::open(path)?);
    let mut magic = [0; 8];
    file.read_exact(&mut magic)?;
    if magic != MAGIC {
        return Err(damaged("not a checkpoint"));
    }
    let entries = read_number(&mut file)?;
    let expected = read_number(&mut file)?;
    let (map, mut checksum) = (Map::new(), Checksum::default());
    for _ in 0..entries {
        let mut record = [0; RECORD];
        file.read_exact(&mut record)?;
        checksum.add(&record);
        let (key, value) = decode(&record).ok_or_else(|| damaged("an unknown kind of key"))?;
        if map.pin().insert(key, value).is_some() {
            return Err(damaged("a key is there twice"));
        }
    }
    if file.read(&mut [0])? != 0 {
        return Err(damaged("longer than its header says"));
    }
    if checksum.0 != expected {
        return Err(damaged("the checksum is wrong"));
    }
    Ok(map)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("damaged file: {what}"))
}

fn read_number(file: &mut impl Read) -> io::Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn encode(key: Key, value: u64) -> [u8; RECORD] {
    let (kind, writer, number) = match key {
        Key::Begun(writer) => (0_u32, writer, 0),
        Key::Done(writer) => (1, writer, 0),
        Key::Item(writer, round) => (2, writer, round),
        Key::Account(number) => (3, 0, number),
    };
    let mut record = [0; RECORD];
    record[..4].copy_from_slice(&kind.to_le_bytes());
    record[4..8].copy_from_slice(&writer.to_le_bytes());
    record[8..16].copy_from_slice(&number.to_le_bytes());
    record[16..].copy_from_slice(&value.to_le_bytes());
    record
}

fn decode(record: &[u8; RECORD]) -> Option<(Key, u64)> {
    let half = |at: usize| Some(u32::from_le_bytes(record.get(at..at + 4)?.try_into().ok()?));
    let full = |at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let (writer, number) = (half(4)?, full(8)?);
    let key = match half(0)? {
        0 => Key::Begun(writer),
        1 => Key::Done(writer),
        2 => Key::Item(writer, number),
        3 => Key::Account(number),
        _ => return None,
    };
    Some((key, full(16)?))
}

/// FNV-1a: finds damage, not malice.
struct Checksum(u64);

impl Default for Checksum {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
