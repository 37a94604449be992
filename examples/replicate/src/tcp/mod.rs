//! Replication over TCP.
//!
//! A follower connects and reports its version. If the leader's history still has that version, the leader sends
//! the changes from it to the latest version. Otherwise it sends all entries. Then it waits for the follower to
//! acknowledge the version, and for a newer version. So a slow follower skips versions, and there is no queue to
//! grow. For each follower the leader holds two snapshots, one part of the difference between them, and the
//! buffers of the connection. A follower that takes longer than `--patience` for one step is disconnected.

pub(crate) mod follower;
pub(crate) mod frame;
pub(crate) mod leader;

use serde::{Deserialize, Serialize};

use crate::message::Version;

/// Increased with every incompatible change.
pub(crate) const PROTOCOL: u32 = 1;

/// The first message of a follower.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Join {
    pub(crate) protocol: u32,
    /// Identifies the follower in the leader's report.
    pub(crate) name: String,
    pub(crate) version: Option<Version>,
}

/// Sent by a follower once it has applied a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ack {
    pub(crate) version: Version,
    pub(crate) digest: u64,
}
