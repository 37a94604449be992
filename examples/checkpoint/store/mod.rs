//! A folder of checkpoints of one map: a full one, then diffs, then a full one again.
//!
//! This module does not depend on the rest of the example: to use it, copy this folder. Keys and values need
//! `serde`.
//!
//! # Guarantees
//!
//! - When [`Store::save`] returns, the checkpoint is durable. Its file is synced before it is renamed to its final
//!   name, and the folder is synced afterwards.
//! - If the process or the machine stops before that, [`Store::open`] finds either the previous checkpoint or the
//!   new one, complete. Old files are removed only once a newer full checkpoint is durable, so there is always a
//!   checkpoint to recover from.
//! - Damaged, truncated, missing and unknown files are errors that name the problem: see [`Error`].
//! - Only files that this module has written are replaced or removed. A folder with any other content is refused.
//!
//! # Limits
//!
//! - The loss of the newest files cannot be detected: the state before them is a valid state.
//! - A folder belongs to one process at a time. If two write to it, one of them gets [`Error::Taken`], but perhaps
//!   only later. Use a lock if this can happen.
//! - Reading while another process writes may fail, because compaction removes the files being read.

mod error;
mod file;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::hash::Hash;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};
use snaptrie::{Snapshot, TrieMap};
use tempfile::NamedTempFile;

pub(crate) use error::{Error, Part};
use file::{Block, Header, Kind, MAGIC, Reader, Totals, Writer};

const SUFFIX: &str = ".checkpoint";
const TEMPORARY_PREFIX: &str = "new-";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// Digits of a number in a file's name, so that names sort as numbers do.
const DIGITS: usize = 20;

/// Records before [`Step::Writing`].
const RECORDS_BEFORE_STEP: u64 = 1_000;

/// A point in [`Store::save`], for [`Store::on_step`]. Reported after the step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The temporary file exists and is empty.
    Created,
    /// It holds the first of many records.
    Writing,
    /// It is complete, but not yet durable.
    Written,
    /// It is durable.
    Synced { number: u64, digest: u64 },
    /// It has its final name, but the name is not yet durable.
    Named,
    /// The checkpoint is durable.
    Saved { number: u64 },
    /// A file that is no longer needed was removed.
    Removed,
}

/// A checkpoint that was written.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) number: u64,
    /// Whether it holds all entries rather than a diff.
    pub(crate) is_full: bool,
    /// Number of entries in the map.
    pub(crate) entries: u64,
    /// Digest of the map, independent of the order of its entries.
    pub(crate) digest: u64,
    /// Number of records in the file.
    pub(crate) records: u64,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// The content of the newest checkpoint.
#[derive(Debug)]
pub(crate) struct Recovered<K, V> {
    pub(crate) map: TrieMap<K, V>,
    pub(crate) number: u64,
    pub(crate) entries: u64,
    pub(crate) digest: u64,
    /// The note that was passed to [`Store::save`].
    pub(crate) note: Vec<u8>,
    /// Number of diffs since the full checkpoint.
    pub(crate) diffs: u64,
}

/// The newest checkpoint in the folder.
struct Tip<K, V> {
    number: u64,
    digest: u64,
    entries: u64,
    /// Diffs since the last full checkpoint.
    diffs: u64,
    /// The next diff is relative to this. Keeps its entries alive.
    snapshot: Snapshot<K, V>,
}

/// A folder of checkpoints that is open for writing.
pub(crate) struct Store<K, V> {
    folder: PathBuf,
    diffs_per_full: u64,
    tip: Option<Tip<K, V>>,
    /// A file was renamed, but the folder could not be synced.
    is_unsure: bool,
    on_step: Box<dyn FnMut(Step) + Send>,
}

impl<K, V> Store<K, V>
where
    K: Hash + Eq + Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    /// Opens or creates a folder, and recovers the newest checkpoint, if there is one. Continue with the map
    /// that is returned: its checkpoints will be diffs.
    ///
    /// After `diffs_per_full` diffs, the next checkpoint is full.
    pub(crate) fn open(
        folder: &Path,
        diffs_per_full: u64,
    ) -> Result<(Self, Option<Recovered<K, V>>), Error> {
        make_folder(folder)?;
        // The last rename of a killed process may not be durable yet.
        sync_folder(folder)?;
        let recovered = recover(folder)?;
        let tip = recovered.as_ref().map(|recovered| Tip {
            number: recovered.number,
            digest: recovered.digest,
            entries: recovered.entries,
            diffs: recovered.diffs,
            snapshot: recovered.map.snapshot(),
        });
        let on_step = Box::new(|_| {});
        let folder = folder.to_owned();
        let mut store = Self { folder, diffs_per_full, tip, is_unsure: false, on_step };
        store.remove_leftovers()?;
        Ok((store, recovered))
    }

    /// Sets a function to call at each step of a checkpoint: for logging, and for tests that stop there.
    pub(crate) fn on_step(&mut self, on_step: impl FnMut(Step) + Send + 'static) {
        self.on_step = Box::new(on_step);
    }

    /// Writes a checkpoint: all entries, or the changes since the previous checkpoint. Returns `None` and writes
    /// nothing if nothing has changed, even if the note is new.
    ///
    /// The note is stored with the content, for example an offset in a log. Costs as much as it writes.
    /// Memory is needed for one block, and for what the map changes meanwhile.
    ///
    /// # Errors
    /// The previous checkpoint is still the newest, and the call may be repeated with this or a newer snapshot.
    /// If the folder could not be synced, every further call returns [`Error::Unsure`].
    pub(crate) fn save(
        &mut self,
        now: Snapshot<K, V>,
        note: &[u8],
    ) -> Result<Option<Saved>, Error> {
        if self.is_unsure {
            return Err(Error::Unsure);
        }
        // Put back on failure.
        let tip = self.tip.take();
        if tip.as_ref().is_some_and(|tip| tip.snapshot.diff(&now).next().is_none()) {
            self.tip = tip;
            return Ok(None);
        }
        let base = tip.as_ref().filter(|tip| tip.diffs < self.diffs_per_full);
        let number = tip.as_ref().map_or(1, |tip| tip.number + 1);
        let saved = match self.write(number, base, &now, note) {
            Ok(saved) => saved,
            Err(error) => {
                self.tip = tip;
                return Err(error);
            }
        };
        let diffs = base.map_or(0, |base| base.diffs + 1);
        let (digest, entries) = (saved.digest, saved.entries);
        self.tip = Some(Tip { number, digest, entries, diffs, snapshot: now });
        (self.on_step)(Step::Saved { number });
        if saved.is_full {
            self.remove_leftovers()?;
        }
        Ok(Some(saved))
    }

    /// Writes the file and makes it durable under its final name.
    fn write(
        &mut self,
        number: u64,
        base: Option<&Tip<K, V>>,
        now: &Snapshot<K, V>,
        note: &[u8],
    ) -> Result<Saved, Error> {
        let path = path_of(&self.folder, number);
        let temporary = tempfile::Builder::new()
            .prefix(TEMPORARY_PREFIX)
            .suffix(TEMPORARY_SUFFIX)
            .tempfile_in(&self.folder)
            .map_err(Error::io("making a temporary file", &self.folder))?;
        (self.on_step)(Step::Created);
        let saved = self.write_content(&temporary, &path, number, base, now, note)?;
        (self.on_step)(Step::Written);
        temporary.as_file().sync_all().map_err(Error::io("syncing", &path))?;
        (self.on_step)(Step::Synced { number, digest: saved.digest });
        temporary.persist_noclobber(&path).map_err(|failure| match failure.error.kind() {
            io::ErrorKind::AlreadyExists => Error::Taken(path.clone()),
            _ => Error::io("renaming to", &path)(failure.error),
        })?;
        (self.on_step)(Step::Named);
        self.is_unsure = true;
        sync_folder(&self.folder)?;
        self.is_unsure = false;
        Ok(saved)
    }

    fn write_content(
        &mut self,
        temporary: &NamedTempFile,
        path: &Path,
        number: u64,
        base: Option<&Tip<K, V>>,
        now: &Snapshot<K, V>,
        note: &[u8],
    ) -> Result<Saved, Error> {
        let kind = base.map_or(Kind::Full, |tip| Kind::Diff { base_digest: tip.digest });
        // The writer hands over whole blocks. The buffer merges only their heads.
        let out = BufWriter::with_capacity(1 << 12, temporary.as_file());
        let mut file = Writer::new(out, path, Header { kind, number })?;
        let (mut records, mut digest) = (0_u64, base.map_or(0, |tip| tip.digest));
        let mut entries = base.map_or(0, |tip| tip.entries);
        let mut old = Vec::new();
        let mut write = |key: &K, before: Option<&V>, after: Option<&V>| {
            let fingerprint = file.record(key, after)?;
            digest = digest.wrapping_add(after.map_or(0, |_| fingerprint));
            if before.is_some() {
                old.clear();
                file::encode(&mut old, key, before)?;
                digest = digest.wrapping_sub(file::fingerprint(&old));
            }
            entries = entries + u64::from(after.is_some()) - u64::from(before.is_some());
            records += 1;
            if records == RECORDS_BEFORE_STEP {
                (self.on_step)(Step::Writing);
            }
            Ok(())
        };
        match base {
            Some(tip) => tip
                .snapshot
                .diff(now)
                .try_for_each(|change| write(change.key(), change.before(), change.after()))?,
            None => now.iter().try_for_each(|(key, value)| write(key, None, Some(value)))?,
        }
        let (_, bytes) = file.finish(&Totals { entries, digest, note: note.to_vec() })?;
        Ok(Saved { number, is_full: base.is_none(), entries, digest, records, bytes })
    }

    /// Removes temporary files, and the checkpoints before the newest full one.
    fn remove_leftovers(&mut self) -> Result<(), Error> {
        let Content { numbers, temporaries } = Content::of(&self.folder)?;
        let oldest = self.tip.as_ref().map_or(0, |tip| tip.number - tip.diffs);
        let old = numbers.range(..oldest).map(|number| path_of(&self.folder, *number));
        for path in old.chain(temporaries) {
            if !is_ours(&path)? {
                let what = "is named like a file of this program, but has other content";
                return Err(Error::Foreign { path, what });
            }
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("removing", &path)(error));
                }
                _ => (self.on_step)(Step::Removed),
            }
        }
        Ok(())
    }
}

/// Reads the newest checkpoint of a folder, if there is one. Changes nothing there.
pub(crate) fn recover<K, V>(folder: &Path) -> Result<Option<Recovered<K, V>>, Error>
where
    K: Hash + Eq + Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    if !fs::metadata(folder).map_err(Error::io("opening", folder))?.is_dir() {
        return Err(Error::NotAFolder(folder.into()));
    }
    let Content { numbers, .. } = Content::of(folder)?;
    let Some(newest) = numbers.last().copied() else { return Ok(None) };

    // From the newest back to the last full one.
    let mut chain = Vec::new();
    let mut number = newest;
    loop {
        let path = path_of(folder, number);
        let reader = Reader::open(&path)?;
        let header = reader.header();
        if header.number != number {
            let what = "it has the number of another checkpoint";
            return Err(Error::Damaged { path, part: Part::Header, what });
        }
        chain.push(path);
        if header.kind == Kind::Full {
            break;
        }
        let before = number.saturating_sub(1);
        if !numbers.contains(&before) {
            let folder = folder.to_owned();
            return Err(Error::MissingLink { folder, missing: before, needed_by: number });
        }
        number = before;
    }
    let diffs = chain.len() as u64 - 1;
    let map = TrieMap::new();
    let mut totals = Totals::default();
    while let Some(path) = chain.pop() {
        totals = apply(&path, &map, totals)?;
    }
    let Totals { entries, digest, note } = totals;
    Ok(Some(Recovered { map, number: newest, entries, digest, note, diffs }))
}

/// Applies one file to the content of the files before it. Checks and returns the new totals.
fn apply<K, V>(path: &Path, map: &TrieMap<K, V>, before: Totals) -> Result<Totals, Error>
where
    K: Hash + Eq + Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    let mut reader = Reader::open(path)?;
    if matches!(reader.header().kind, Kind::Diff { base_digest } if base_digest != before.digest) {
        return Err(Error::WrongBase { path: path.into() });
    }
    let (mut entries, mut digest) = (before.entries, before.digest);
    let mut old = Vec::new();
    loop {
        let records = match reader.next::<K, V>()? {
            Block::Records(records) => records,
            Block::Last(totals) if (totals.entries, totals.digest) == (entries, digest) => {
                return Ok(totals);
            }
            Block::Last(_) => {
                let what = "the totals do not fit the entries";
                return Err(Error::Damaged { path: path.into(), part: Part::Rest, what });
            }
        };
        // One handle per block, so that replaced entries can be freed soon.
        let map = map.pin();
        for (key, value, fingerprint) in records {
            if let Some(before) = map.get(&key) {
                old.clear();
                file::encode(&mut old, &key, Some(before))?;
                digest = digest.wrapping_sub(file::fingerprint(&old));
                entries -= 1;
            }
            match value {
                Some(value) => {
                    digest = digest.wrapping_add(fingerprint);
                    entries += 1;
                    map.insert(key, value);
                }
                None => {
                    map.remove(&key);
                }
            }
        }
    }
}

/// The files in a folder.
struct Content {
    numbers: BTreeSet<u64>,
    temporaries: Vec<PathBuf>,
}

impl Content {
    /// # Errors
    /// If there is anything but regular files with the names that this module uses.
    fn of(folder: &Path) -> Result<Self, Error> {
        let (mut numbers, mut temporaries) = (BTreeSet::new(), Vec::new());
        for entry in fs::read_dir(folder).map_err(Error::io("listing", folder))? {
            let entry = entry.map_err(Error::io("listing", folder))?;
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_str().unwrap_or("");
            if let Some(number) = number_of(name) {
                numbers.insert(number);
            } else if name.starts_with(TEMPORARY_PREFIX) && name.ends_with(TEMPORARY_SUFFIX) {
                temporaries.push(path.clone());
            } else {
                let what = "not a checkpoint: the folder is used for something else";
                return Err(Error::Foreign { path, what });
            }
            // Links are not followed.
            if !entry.file_type().map_err(Error::io("listing", folder))?.is_file() {
                let what = "is named like a file of this program, but is not a regular file";
                return Err(Error::Foreign { path, what });
            }
        }
        Ok(Self { numbers, temporaries })
    }
}

fn path_of(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:0DIGITS$}{SUFFIX}"))
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX)?;
    let is_number = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| is_number)
}

/// Whether a regular file begins like a checkpoint. After a crash of the machine, a temporary file may also be
/// empty or begin with zeros.
fn is_ours(path: &Path) -> Result<bool, Error> {
    let mut start = Vec::new();
    let file = match File::open(path) {
        // It was removed meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        file => file.map_err(Error::io("opening", path))?,
    };
    file.take(8).read_to_end(&mut start).map_err(Error::io("reading", path))?;
    Ok(MAGIC.starts_with(&start) || start.iter().all(|byte| *byte == 0))
}

fn make_folder(folder: &Path) -> Result<(), Error> {
    match fs::create_dir(folder) {
        Ok(()) => {
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty());
            sync_folder(parent.unwrap_or(Path::new(".")))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::metadata(folder).map_err(Error::io("opening", folder))?.is_dir() {
                true => Ok(()),
                false => Err(Error::NotAFolder(folder.into())),
            }
        }
        Err(error) => Err(Error::io("making the folder", folder)(error)),
    }
}

/// Makes renames in a folder durable, on systems where folders can be synced.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    if !cfg!(unix) {
        return Ok(());
    }
    let file = File::open(folder).map_err(Error::io("opening", folder))?;
    file.sync_all().map_err(Error::io("syncing the folder", folder))
}
