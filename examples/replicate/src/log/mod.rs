//! Followers through a log: a stream of Redis.
//!
//! A log has one leader at a time, which knows no follower. It appends each version to the log, as the same
//! messages that go over TCP. A follower reads on from the last entry it has applied: its offset, which it
//! keeps with its content in one checkpoint, so that both are of one instant. After a restart it goes on
//! from there.
//!
//! The log is bounded: after some versions the leader stores all entries under other keys, with the offset
//! from which to go on, and then trims what came before the previous such image. A follower whose offset
//! was trimmed sees a version that does not change the one it has, and takes the latest image.
//!
//! | key | holds |
//! |---|---|
//! | `NAME:log` | the stream; the field `m` of an entry is a message |
//! | `NAME:image` | a hash: which image is the latest, see [`Image`] |
//! | `NAME:image:LINEAGE:NUMBER` | an image: a list of messages |
//! | `NAME:offsets` | a hash: what each follower has applied, for people to look at |

pub(crate) mod follower;
pub(crate) mod leader;

use redis::{Commands, Connection, RedisResult};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::Failure;
use crate::message::Version;

/// The field of a log entry that holds the message.
const FIELD: &str = "m";

/// Where the latest image is, and what it is: all entries of one version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Image {
    version: Version,
    digest: u64,
    /// Messages in the list.
    parts: u64,
    /// The log goes on after this entry.
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
