//! Replication through a log, a Redis stream.
//!
//! A log has one leader at a time. The leader appends each version as the same messages that are sent over TCP. It
//! does not know its followers. A follower remembers the last entry that it has applied: its offset. It saves the
//! offset and the content in one checkpoint, so they always match, and continues from there after a restart.
//!
//! The log is bounded. Now and then the leader stores an image, a list of all entries with the offset at which the
//! log continues. Then it trims the log up to the previous image. A follower whose offset was trimmed finds a
//! version that does not apply to its own, and loads the latest image.
//!
//! | key | holds |
//! |---|---|
//! | `NAME:log` | the stream; the field `m` of an entry is a message |
//! | `NAME:image` | a hash: the field `latest` describes the latest [`Image`] |
//! | `NAME:image:LINEAGE:NUMBER` | an image: a list of messages |
//! | `NAME:offsets` | a hash: the version and offset of each follower, for monitoring only |

pub(crate) mod follower;
pub(crate) mod leader;

use redis::{Commands, Connection, RedisResult};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Failure;
use crate::message::Version;

/// The field of a log entry that holds the message.
const FIELD: &str = "m";

/// Describes an image: all entries of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Image {
    version: Version,
    digest: u64,
    /// Number of messages in the list.
    parts: u64,
    /// The log continues after this entry.
    offset: String,
}

/// The keys of one log.
#[derive(Clone, Debug)]
struct Keys {
    log: String,
    image: String,
    offsets: String,
}

impl Keys {
    fn new(name: &str) -> Self {
        let key = |what: &str| format!("{name}:{what}");
        Self { log: key("log"), image: key("image"), offsets: key("offsets") }
    }

    fn image_of(&self, version: Version) -> String {
        format!("{}:{:016x}:{}", self.image, version.lineage, version.number)
    }

    fn latest_image(&self, redis: &mut Connection) -> Result<Option<Image>, Failure> {
        let bytes: Option<Vec<u8>> = redis.hget(&self.image, "latest")?;
        bytes.map(|bytes| decode(&bytes)).transpose()
    }
}

fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, Failure> {
    Ok(postcard::to_allocvec(message)?)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    Ok(postcard::from_bytes(bytes)?)
}

fn open(url: &str) -> RedisResult<Connection> {
    redis::Client::open(url)?.get_connection_with_timeout(std::time::Duration::from_secs(5))
}
