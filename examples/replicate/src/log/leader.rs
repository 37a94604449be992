//! The leader of a log.

use std::time::{Duration, Instant};

use clap::Args;
use redis::{Commands, Connection};

use super::{FIELD, Image, Keys, encode, open};
use crate::Failure;
use crate::message::{LARGEST_MESSAGE, Message, State, Version, parts};
use crate::source::{Fact, Load, Source};

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// URL of the server, for example redis://127.0.0.1:6379
    #[arg(long, value_name = "URL")]
    pub(crate) url: String,

    /// Prefix of the keys on the server
    #[arg(long, value_name = "NAME", default_value = "snaptrie")]
    pub(crate) log: String,

    #[command(flatten)]
    pub(crate) load: Load,

    /// Versions from one image to the next; an image is also stored when the log has grown by the size of one
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) image_after: u64,
}

/// The leader's view of the log.
struct Log {
    redis: Connection,
    keys: Keys,
    /// The previous and the latest image.
    images: Vec<Image>,
    /// Size of the latest image.
    image_bytes: usize,
    /// Appended since the latest image.
    versions: u64,
    bytes: usize,
    totals: Totals,
}

#[derive(Default)]
struct Totals {
    images: u64,
    entries: u64,
    bytes: usize,
    /// Largest number of entries in the log.
    longest: u64,
    /// Longest time to append a version and store an image, if one was due.
    slowest: Duration,
}

/// Appends versions until the writers are done.
pub(crate) fn lead(options: &Options) -> Result<(), Failure> {
    let source = Source::new(options.load.history);
    let mut log = Log {
        redis: open(&options.url)?,
        keys: Keys::new(&options.log),
        images: Vec::new(),
        image_bytes: 0,
        versions: 0,
        bytes: 0,
        totals: Totals::default(),
    };
    log.remove_strays()?;
    let first = source.update(None);
    let start = log.append(&Message::Start { lineage: source.lineage() })?;
    log.store_image(&first.to, first.fact, start)?;
    let (mut before, mut has) = (first.to, first.fact.version);
    let made = source.run(&options.load, |fact| {
        let start = Instant::now();
        let now = source.update(None).to;
        let offset = log.append_version(&before, has, &now, fact)?;
        if log.versions >= options.image_after || log.bytes > log.image_bytes.max(1 << 20) {
            log.store_image(&now, fact, offset)?;
        }
        (before, has) = (now, fact.version);
        log.totals.slowest = log.totals.slowest.max(start.elapsed());
        Ok::<(), Failure>(())
    })?;
    log.append(&Message::Bye)?;
    let left: u64 = log.redis.xlen(&log.keys.log)?;
    let Totals { images, entries, bytes, longest, slowest } = log.totals;
    println!(
        "leader: {} versions, {} writes; {entries} entries of {bytes} bytes appended, {images} images; the log \
         had {longest} entries at most and has {left}; {:.1} ms at most to append a version; digest {:016x}",
        made.versions,
        made.writes,
        slowest.as_secs_f64() * 1e3,
        source.update(None).fact.digest
    );
    Ok(())
}

impl Log {
    /// Appends a message. Returns its offset.
    fn append(&mut self, message: &Message) -> Result<String, Failure> {
        let bytes = encode(message)?;
        if bytes.len() > LARGEST_MESSAGE {
            return Err(
                format!("a message of {} bytes, with a key that is too long", bytes.len()).into()
            );
        }
        self.bytes += bytes.len();
        self.totals.bytes += bytes.len();
        self.totals.entries += 1;
        Ok(self.redis.xadd(&self.keys.log, "*", &[(FIELD, bytes)])?)
    }

    /// Appends a version. Returns the offset of its last message.
    fn append_version(
        &mut self,
        before: &State,
        has: Version,
        now: &State,
        fact: Fact,
    ) -> Result<String, Failure> {
        self.append(&Message::Begin { to: fact.version, from: Some(has.number) })?;
        let mut count = 0;
        for part in parts(Some(before), now) {
            count += 1;
            self.append(&Message::Part(part))?;
        }
        self.versions += 1;
        self.append(&Message::End { to: fact.version, parts: count, digest: fact.digest })
    }

    /// Stores an image, and trims the log up to the previous one.
    fn store_image(&mut self, state: &State, fact: Fact, offset: String) -> Result<(), Failure> {
        let key = self.keys.image_of(fact.version);
        let (mut count, mut bytes) = (0, 0);
        for part in parts(None, state) {
            let message = encode(&Message::Part(part))?;
            count += 1;
            bytes += message.len();
            let () = self.redis.rpush(&key, message)?;
        }
        let image = Image { version: fact.version, digest: fact.digest, parts: count, offset };
        // May be the image of an earlier leader.
        let previous = self.keys.latest_image(&mut self.redis)?;
        let () = self.redis.hset(&self.keys.image, "latest", encode(&image)?)?;
        if self.images.is_empty() {
            self.images.extend(previous);
        }
        self.images.push(image);
        self.image_bytes = bytes;
        (self.versions, self.bytes) = (0, 0);
        self.totals.images += 1;

        // The previous image stays, for followers that are just loading it.
        if self.images.len() > 2 {
            let old = self.images.remove(0);
            let () = self.redis.del(self.keys.image_of(old.version))?;
        }
        // The log is longest at this point.
        let length: u64 = self.redis.xlen(&self.keys.log)?;
        self.totals.longest = self.totals.longest.max(length);
        let mut trim = redis::cmd("XTRIM");
        trim.arg(&self.keys.log).arg("MINID").arg(&self.images[0].offset);
        Ok(trim.query(&mut self.redis)?)
    }

    /// Removes incomplete and old images of earlier leaders.
    fn remove_strays(&mut self) -> Result<(), Failure> {
        let latest = self.keys.latest_image(&mut self.redis)?;
        let latest = latest.map(|image| self.keys.image_of(image.version));
        let images = self.redis.scan_match::<_, String>(format!("{}:*", self.keys.image))?;
        for key in images.collect::<redis::RedisResult<Vec<_>>>()? {
            if Some(&key) != latest.as_ref() {
                let () = self.redis.del(key)?;
            }
        }
        Ok(())
    }
}
