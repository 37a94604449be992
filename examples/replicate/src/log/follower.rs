//! A follower of a log, with its own checkpoints.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use redis::streams::{StreamReadOptions, StreamReadReply};
use redis::{Commands, Connection};

use super::{FIELD, Image, Keys, decode, encode, open};
use crate::Failure;
use crate::message::{LARGEST_MESSAGE, Message, Received, Replica, Version};
use crate::store::{Recovered, Store};

/// Limit for the entries that are read at once. Bounds memory, as each entry is bounded too.
const BATCH: usize = 16;

/// Number of diffs after each full checkpoint.
const DIFFS: u64 = 8;

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// URL of the server, for example redis://127.0.0.1:6379
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,

    /// Prefix of the keys on the server
    #[arg(long, value_name = "NAME", default_value = "snaptrie")]
    pub(crate) log: String,

    /// Name in the table of offsets on the server
    #[arg(long, value_name = "NAME", default_value = "follower")]
    pub(crate) name: String,

    /// Folder for the checkpoints of this follower
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state: PathBuf,

    /// Versions from one checkpoint to the next
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) save_after: u64,

    /// Milliseconds to sleep after each version: a slow follower
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) pause: u64,

    /// Abort after this many versions, without a final checkpoint
    #[arg(long, value_name = "N")]
    pub(crate) die_after: Option<u64>,

    /// Seconds to wait for a message before giving up
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub(crate) patience: u64,
}

struct Follower<'o> {
    options: &'o Options,
    redis: Connection,
    keys: Keys,
    replica: Replica,
    store: Store<String, u64>,
    /// The last log entry of the current version.
    offset: String,
    digest: u64,
    versions: u64,
    images: u64,
    unsaved: u64,
}

/// Follows until the leader says that no more versions will follow.
pub(crate) fn follow(options: &Options) -> Result<(), Failure> {
    let redis = open(&options.url)?;
    let (store, recovered) = open_store(&options.state)?;
    let keys = Keys::new(&options.log);
    let mut follower = match recovered {
        Some(Recovered { map, note, .. }) => {
            let (version, offset, digest): (Version, String, u64) = decode(&note)?;
            println!("{}: continues with version {} after {offset}", options.name, version.number);
            let replica = Replica::resume(map, version);
            Follower::new(options, redis, keys, replica, store, offset, digest)
        }
        None => {
            let (replica, offset) = (Replica::default(), "0".to_owned());
            let mut new = Follower::new(options, redis, keys, replica, store, offset, 0);
            new.take_image(None)?;
            new
        }
    };
    follower.read()?;
    follower.save()?;
    println!(
        "{}: {} versions, {} images; the content was the leader's each time; {} entries, digest {:016x}",
        options.name,
        follower.versions,
        follower.images,
        follower.replica.map().len(),
        follower.digest
    );
    Ok(())
}

type Opened = (Store<String, u64>, Option<Recovered<String, u64>>);

fn open_store(folder: &Path) -> Result<Opened, Failure> {
    Ok(Store::open(folder, DIFFS)?)
}

impl<'o> Follower<'o> {
    fn new(
        options: &'o Options,
        redis: Connection,
        keys: Keys,
        replica: Replica,
        store: Store<String, u64>,
        offset: String,
        digest: u64,
    ) -> Self {
        let (versions, images, unsaved) = (0, 0, 0);
        Self { options, redis, keys, replica, store, offset, digest, versions, images, unsaved }
    }

    /// Reads the log until its end.
    fn read(&mut self) -> Result<(), Failure> {
        let mut position = self.offset.clone();
        let mut last = Instant::now();
        loop {
            let entries = self.entries_after(&position)?;
            if entries.is_empty() && last.elapsed() > Duration::from_secs(self.options.patience) {
                return Err("no message for too long".into());
            }
            for (id, message) in entries {
                last = Instant::now();
                position.clone_from(&id);
                match self.replica.receive(message)? {
                    Received::Part => {}
                    Received::Bye => return Ok(()),
                    Received::Complete { version, digest, .. } => {
                        self.offset = id;
                        self.applied(version, digest)?;
                    }
                    // The log was trimmed, or there is a new leader.
                    Received::Gap { lineage } => {
                        self.take_image(lineage)?;
                        position.clone_from(&self.offset);
                        break;
                    }
                }
            }
        }
    }

    /// The next entries of the log. Empty if there are none for half a second.
    fn entries_after(&mut self, position: &str) -> Result<Vec<(String, Message)>, Failure> {
        let options = StreamReadOptions::default().count(BATCH).block(500);
        let reply: Option<StreamReadReply> =
            self.redis.xread_options(&[&self.keys.log], &[position], &options)?;
        let entries = reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids);
        let decoded = entries.map(|entry| {
            let bytes: Vec<u8> = entry.get(FIELD).ok_or("an entry without a message")?;
            if bytes.len() > LARGEST_MESSAGE {
                return Err(format!("a message of {} bytes", bytes.len()).into());
            }
            Ok((entry.id, decode(&bytes)?))
        });
        decoded.collect()
    }

    fn applied(&mut self, version: Version, digest: u64) -> Result<(), Failure> {
        self.digest = digest;
        self.versions += 1;
        self.unsaved += 1;
        if self.options.die_after.is_some_and(|versions| self.versions >= versions) {
            println!("{}: dies with version {}", self.options.name, version.number);
            std::process::abort();
        }
        if self.unsaved >= self.options.save_after {
            self.save()?;
        }
        thread::sleep(Duration::from_millis(self.options.pause));
        Ok(())
    }

    /// Saves the content together with its offset.
    fn save(&mut self) -> Result<(), Failure> {
        let Some(version) = self.replica.version() else { return Ok(()) };
        let note = encode(&(version, &self.offset, self.digest))?;
        self.store.save(self.replica.map().snapshot(), &note)?;
        self.unsaved = 0;
        let shown = format!("{} {}", version.number, self.offset);
        let () = self.redis.hset(&self.keys.offsets, &self.options.name, shown)?;
        Ok(())
    }

    /// Loads the latest image. If a leader is given, waits for an image of that leader.
    fn take_image(&mut self, lineage: Option<u64>) -> Result<(), Failure> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(self.options.patience) {
            let image = self.keys.latest_image(&mut self.redis)?;
            let is_wanted = |image: &Image| lineage.is_none_or(|it| it == image.version.lineage);
            if let Some(image) = image.filter(is_wanted)
                && self.take(&image)?
            {
                self.images += 1;
                self.offset = image.offset;
                self.digest = image.digest;
                println!(
                    "{}: took the image of version {}",
                    self.options.name, image.version.number
                );
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err("no leader has stored an image".into())
    }

    /// Loads an image. Returns false if it was removed meanwhile, which means that there is a newer one.
    fn take(&mut self, image: &Image) -> Result<bool, Failure> {
        let (key, to) = (self.keys.image_of(image.version), image.version);
        self.replica.receive(Message::Begin { to, from: None })?;
        for part in 0..image.parts {
            let bytes: Option<Vec<u8>> = self.redis.lindex(&key, isize::try_from(part)?)?;
            let Some(bytes) = bytes else { return Ok(false) };
            self.replica.receive(decode(&bytes)?)?;
        }
        let (parts, digest) = (image.parts, image.digest);
        let received = self.replica.receive(Message::End { to, parts, digest })?;
        Ok(matches!(received, Received::Complete { .. }))
    }
}
