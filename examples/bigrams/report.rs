//! The report at the end, and the JSON file.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use rayon::slice::ParallelSliceMut;

use crate::count::Totals;
use crate::snapshot::{Ranked, Snapshot};

/// A finished run.
pub(crate) struct Run<'a> {
    pub(crate) totals: &'a Totals,
    /// The snapshot after the last file.
    pub(crate) last: &'a Snapshot,
    /// How long counting took.
    pub(crate) elapsed: Duration,
    pub(crate) threads: usize,
    /// Number of snapshots, including the last one.
    pub(crate) snapshots: u64,
}

impl Run<'_> {
    /// Whether the counts of the last snapshot add up to the bigrams read.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (read, sum) = (self.totals.bigrams.load(Relaxed), self.last.sum());
        if read == sum {
            return Ok(());
        }
        Err(format!("read {read} bigrams, but the counts of the last snapshot add up to {sum}"))
    }
}

/// Prints the top list and the totals.
pub(crate) fn print(run: &Run<'_>, limit: usize) -> io::Result<()> {
    let totals = run.totals;
    let count = |counter: &std::sync::atomic::AtomicU64| HumanCount(counter.load(Relaxed));
    let bytes = totals.bytes.load(Relaxed);
    let seconds = run.elapsed.as_secs_f64().max(1e-6);
    let rate = |amount: u64| (amount as f64 / seconds) as u64;
    let counted = HumanCount(run.last.counts.len() as u64);
    let words = HumanCount(run.last.words.len() as u64);

    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}", Table(&run.last.top(limit)))?;
    writeln!(
        out,
        "files      {} read, {} binary and {} unreadable skipped",
        count(&totals.files),
        count(&totals.binary),
        count(&totals.unreadable)
    )?;
    writeln!(out, "bytes      {} ({})", HumanCount(bytes), HumanBytes(bytes))?;
    writeln!(out, "words      {} read, {words} distinct", count(&totals.words))?;
    writeln!(out, "bigrams    {} read, {counted} distinct", count(&totals.bigrams))?;
    writeln!(
        out,
        "speed      {}/s, {} bigrams/s: {seconds:.2} s with {} threads",
        HumanBytes(rate(bytes)),
        HumanCount(rate(totals.bigrams.load(Relaxed))),
        run.threads
    )?;
    writeln!(out, "snapshots  {}", run.snapshots)?;
    if run.check().is_ok() {
        writeln!(out, "check      the counts of the last snapshot add up to the bigrams read")?;
    }
    out.flush()
}

/// The JSON file while it is written: a temporary file, which replaces the old one when it is complete, and is removed
/// on failure.
pub(crate) struct JsonFile {
    file: File,
    path: PathBuf,
    /// `None` if `path` is written directly.
    temporary: Option<PathBuf>,
}

impl JsonFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let (mut path, mut permissions) = (path.to_owned(), None);
        match fs::metadata(&path) {
            Ok(old) => {
                // A file without write permission is not replaced.
                let file = OpenOptions::new().write(true).open(&path)?;
                if !old.is_file() {
                    // A pipe or a device is written directly.
                    return Ok(Self { file, path, temporary: None });
                }
                // A link stays; its target is replaced.
                path = fs::canonicalize(&path)?;
                permissions = Some(old.permissions());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
        name.push(format!(".{}.tmp", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
        let json = Self { file, path, temporary: Some(temporary) };
        permissions.map_or(Ok(()), |permissions| json.file.set_permissions(permissions))?;
        Ok(json)
    }

    /// Writes the file, and replaces the old one by it.
    pub(crate) fn write(mut self, snapshot: &Snapshot) -> io::Result<()> {
        write_json(snapshot, &self.file)?;
        if let Some(temporary) = &self.temporary {
            self.file.sync_all()?;
            fs::rename(temporary, &self.path)?;
            self.temporary = None;
        }
        Ok(())
    }
}

impl Drop for JsonFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            if let Err(error) = fs::remove_file(temporary) {
                crate::complain(&format!("cannot remove {}: {error}", temporary.display()));
            }
        }
    }
}

/// Writes all counts as a JSON array, one element per line, the most frequent bigram first.
fn write_json(snapshot: &Snapshot, file: &File) -> io::Result<()> {
    let mut out = BufWriter::new(file);
    let mut bigrams: Vec<_> = snapshot.ranked().collect();
    bigrams.par_sort_unstable();
    out.write_all(b"[")?;
    for (index, Ranked { count, words }) in bigrams.iter().enumerate() {
        let before = if index == 0 { "\n" } else { ",\n" };
        write!(out, "{before}{{\"count\":{},\"words\":", count.0)?;
        serde_json::to_writer(&mut out, words)?;
        out.write_all(b"}")?;
    }
    out.write_all(b"\n]\n")?;
    out.flush()
}

/// A top list, a line for each bigram.
pub(crate) struct Table<'t>(pub(crate) &'t [Ranked<'t>]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, ranked) in self.0.iter().enumerate() {
            let [first, second] = ranked.words.map(clip);
            let count = HumanCount(ranked.count.0).to_string();
            writeln!(f, "{:>5}  {count:>15}  {first} {second}", index + 1)?;
        }
        Ok(())
    }
}

/// The first characters of a word, for a table.
pub(crate) fn clip(word: &str) -> &str {
    word.char_indices().nth(24).map_or(word, |(end, _)| &word[..end])
}
