//! A folder of checkpoints of one map: first a full one, then diffs to it, then a full one again.
//!
//! Depends on nothing else in this example: to use it, copy this folder. Keys and values need `serde`,
//! `Hash`, `Eq` and `Clone` as the calls below say.
//!
//! # What is guaranteed
//!
//! - When [`Store::save`] returns, the checkpoint is on disk: its file was synced before it got its name,
//!   and the folder was synced after that.
//! - If the process or the machine stops at any point before, [`Store::open`] finds the checkpoint before
//!   or the new one, whole. A file is not visible under its name until it is complete, and old files are
//!   removed only when a newer full checkpoint is on disk.
//! - Whatever else is found in the files is an error that says what is wrong: see [`Error`].
//! - Nothing is replaced or removed that this module has not written: a folder with other content is
//!   refused, and files under its names that have another kind or beginning.
//!
//! What cannot be noticed is the loss of the newest files: the state before them is a state, too.
//!
//! A folder belongs to one process at a time. A second one that writes to it gets [`Error::Taken`] as soon
//! as both have written the same number. While another process writes, reading may fail with the error that
//! a file is missing, as compaction removes it.

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

/// How often [`Step::Writing`] comes.
const RECORDS_PER_STEP: u64 = 10_000;

/// A point of [`Store::save`], for [`Store::on_step`]. Each comes after what it names was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The temporary file is there, and empty.
    Created,
    /// Some more of the records were written to it.
    Writing,
    /// It has all of them, but may not be on disk.
    Written,
    /// It is on disk.
    Synced { number: u64, digest: u64 },
    /// It has its name, but the name may not be on disk.
    Named,
    /// The checkpoint will last.
    Saved { number: u64 },
    /// A file that is not needed any more is gone.
    Removed,
}

/// What a checkpoint consists of, and how much was written for it.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    pub(crate) number: u64,
    /// Whether all entries were written, and not only what changed.
    pub(crate) is_full: bool,
    /// Entries of the map at the instant of the checkpoint.
    pub(crate) entries: u64,
    /// Of the map's content at that instant, whatever the order of its entries.
    pub(crate) digest: u64,
    /// Records in the file.
    pub(crate) records: u64,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// What the newest checkpoint holds.
#[derive(Debug)]
pub(crate) struct Recovered<K, V> {
    pub(crate) map: TrieMap<K, V>,
    pub(crate) number: u64,
    pub(crate) entries: u64,
    pub(crate) digest: u64,
    /// What the caller gave [`Store::save`].
    pub(crate) note: Vec<u8>,
    /// Number of diffs after the full checkpoint.
    pub(crate) diffs: u64,
}

/// The newest checkpoint in the folder, and its content.
struct Tip<K, V> {
    number: u64,
    digest: u64,
    entries: u64,
    /// Diffs since the last full checkpoint.
    diffs: u64,
    /// To find what has changed since. Keeps alive what it sees.
    snapshot: Snapshot<K, V>,
}

/// A folder of checkpoints, to write to.
pub(crate) struct Store<K, V> {
    folder: PathBuf,
    diffs_per_full: u64,
    tip: Option<Tip<K, V>>,
    /// A checkpoint got its name, and it is not known whether it will keep it.
    is_unsure: bool,
    on_step: Box<dyn FnMut(Step) + Send>,
}

impl<K, V> Store<K, V>
where
    K: Hash + Eq + Serialize + DeserializeOwned,
    V: Serialize + DeserializeOwned,
{
    /// Opens a folder, or makes it, and recovers what the newest checkpoint holds: nothing if the folder
    /// is new. Go on with the map that is returned: checkpoints of it will be diffs.
    ///
    /// After this many diffs, the next checkpoint is a full one.
    pub(crate) fn open(
        folder: &Path,
        diffs_per_full: u64,
    ) -> Result<(Self, Option<Recovered<K, V>>), Error> {
        make_folder(folder)?;
        // A checkpoint that a killed process had named need not be on disk yet.
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

    /// Calls this at each step of a checkpoint: for tests that stop the process there, and to log.
    pub(crate) fn on_step(&mut self, on_step: impl FnMut(Step) + Send + 'static) {
        self.on_step = Box::new(on_step);
    }

    /// Writes a checkpoint: all of the snapshot, or what changed since the one before. Nothing, if nothing
    /// changed.
    ///
    /// The note is kept with it, such as how far a log was read; a new note alone makes no checkpoint. Costs
    /// as much as what is written. Needs memory for a block, and for what the map changes meanwhile.
    ///
    /// # Errors
    /// The checkpoint before is still the newest, and the call may be repeated with a newer snapshot;
    /// except after [`Error::Unsure`], and if the folder could not be synced.
    pub(crate) fn save(
        &mut self,
        now: Snapshot<K, V>,
        note: &[u8],
    ) -> Result<Option<Saved>, Error> {
        if self.is_unsure {
            return Err(Error::Unsure);
        }
        // The tip goes back if this fails.
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

    /// Writes the file, and gives it its name for good.
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
        // Blocks are larger than the buffer of the writer needs to be.
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
            if records % RECORDS_PER_STEP == 0 {
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

    /// Removes temporary files, and the checkpoints before the last full one.
    fn remove_leftovers(&mut self) -> Result<(), Error> {
        let Content { numbers, temporaries } = Content::of(&self.folder)?;
        let oldest = self.tip.as_ref().map_or(0, |tip| tip.number - tip.diffs);
        let old = numbers.range(..oldest).map(|number| path_of(&self.folder, *number));
        for path in old.chain(temporaries) {
            if !is_ours(&path)? {
                let what = "has a name of this program's files, but another beginning";
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

/// Reads the newest checkpoint of a folder, and changes nothing there. None if there is none.
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

    // From the newest back to a full one.
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

/// Applies one file to the content that the files before it gave. Returns the totals, which it has checked.
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
        // A handle for each block: what is replaced can soon be freed.
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

/// What is in a folder, by names.
struct Content {
    numbers: BTreeSet<u64>,
    temporaries: Vec<PathBuf>,
}

impl Content {
    /// # Errors
    /// If anything is there but regular files with names of this module.
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
            // Of the entry itself: links are not followed.
            if !entry.file_type().map_err(Error::io("listing", folder))?.is_file() {
                let what = "has a name of this program's files, but is not a regular file";
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

/// Whether a regular file begins as a checkpoint does. Also one of which nothing has reached the disk, so
/// that it is empty or begins with zeros.
fn is_ours(path: &Path) -> Result<bool, Error> {
    let mut start = Vec::new();
    let file = match File::open(path) {
        // Somebody else was faster to remove it.
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

/// Makes new names in a folder last, where folders can be synced.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    if !cfg!(unix) {
        return Ok(());
    }
    let file = File::open(folder).map_err(Error::io("opening", folder))?;
    file.sync_all().map_err(Error::io("syncing the folder", folder))
}
