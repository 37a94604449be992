//! Followers over TCP.
//!
//! A follower connects and says which version it has. The leader sends the changes from that version to the
//! latest, if its history still has it, and all entries otherwise; then it waits for the follower to say
//! that it has the version, and for the next version to be made. So a follower that is slow skips versions,
//! and no queue grows: for each follower the leader holds the two snapshots between which it sends, one
//! part of the difference, and what the operating system keeps for the connection. A follower that takes
//! longer for one step than the leader has patience is disconnected.

pub(crate) mod follower;
pub(crate) mod frame;
pub(crate) mod leader;

use serde::{Deserialize, Serialize};

use crate::message::Version;

/// Raised with each change that others cannot read.
pub(crate) const PROTOCOL: u32 = 1;

/// What a follower says first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Join {
    pub(crate) protocol: u32,
    /// For the leader's table.
    pub(crate) name: String,
    pub(crate) version: Option<Version>,
}

/// What a follower says when it has a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ack {
    pub(crate) version: Version,
    pub(crate) digest: u64,
}
