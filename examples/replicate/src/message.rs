//! The replication stream: its messages, how a version is split into them, and how a replica applies them.
//!
//! A version is sent as `Begin`, any number of `Part`s, and `End`. `Begin` names the version that it applies to,
//! so a replica detects a missing version. `End` holds the digest of the resulting content, so a replica detects
//! a difference. Parts have a bounded size, and neither side holds an encoded version as a whole.

use serde::{Deserialize, Serialize};
use snaptrie::{Change, OwnedDiff, Snapshot, TrieMap};

use crate::Failure;

pub(crate) type Map = TrieMap<String, u64>;
pub(crate) type State = Snapshot<String, u64>;
pub(crate) type Diff = OwnedDiff<String, u64>;

/// A part is sent once it has this many bytes.
const PART: usize = 1 << 15;

/// Limit for keys, so that each message fits into a frame.
pub(crate) const LONGEST_KEY: usize = 1 << 16;

/// Limit for an encoded message.
pub(crate) const LARGEST_MESSAGE: usize = PART + LONGEST_KEY + 64;

/// The number of a version: the generation of its snapshot.
pub(crate) type Number = u64;

/// A version of one leader process. Version numbers of different processes are unrelated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Random, identifies the leader process.
    pub(crate) lineage: u64,
    pub(crate) number: Number,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// A leader has started. Used only in a log, which outlives its leaders.
    Start {
        lineage: u64,
    },
    /// A version begins: the changes from an earlier version of the same leader, or all entries.
    Begin {
        to: Version,
        from: Option<Number>,
    },
    Part(Diff),
    /// The version is complete. The number of parts reveals whether a log was trimmed while it was read. The
    /// digest covers the whole content.
    End {
        to: Version,
        parts: u64,
        digest: u64,
    },
    /// No more versions will follow.
    Bye,
}

/// Lazily splits the changes between two versions, or all entries of one, into parts.
pub(crate) fn parts<'s>(
    from: Option<&'s State>,
    to: &'s State,
) -> impl Iterator<Item = Diff> + Send {
    let mut changes = from.map(|from| from.diff(to)).into_iter().flatten();
    let mut entries = from.is_none().then(|| to.iter()).into_iter().flatten();
    std::iter::from_fn(move || {
        let (mut part, mut bytes) = (Diff::default(), 0);
        while bytes < PART {
            let next =
                changes.next().map(|change: Change<'_, _, _>| (change.key(), change.after()));
            let Some((key, value)) =
                next.or_else(|| Some(entries.next()?).map(|(k, v)| (k, Some(v))))
            else {
                break;
            };
            // The length of the key and the value take at most ten bytes each.
            bytes += key.len() + 20;
            match value {
                Some(value) => part.put.push((key.clone(), *value)),
                None => part.removed.push(key.clone()),
            }
        }
        (!part.is_empty()).then_some(part)
    })
}

/// A hash of an entry that is the same on every machine (FNV-1a, then the finalizer of SplitMix64).
pub(crate) fn fingerprint(key: &str, value: u64) -> u64 {
    let mut n = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes().chain(value.to_le_bytes()) {
        n = (n ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A hash of the whole content, independent of its order: the sum of all fingerprints.
pub(crate) fn digest(state: &State) -> u64 {
    state.iter().fold(0, |sum, (key, value)| sum.wrapping_add(fingerprint(key, *value)))
}

/// Updates a digest from one version to another. Costs as much as what changed.
pub(crate) fn digest_after(digest: u64, from: &State, to: &State) -> u64 {
    from.diff(to).fold(digest, |sum, change| {
        let of = |value: Option<&u64>| value.map_or(0, |value| fingerprint(change.key(), *value));
        sum.wrapping_sub(of(change.before())).wrapping_add(of(change.after()))
    })
}

/// A copy of the leader's map. Each version becomes visible in [`Replica::map`] at one instant.
#[derive(Default)]
pub(crate) struct Replica {
    map: Map,
    version: Option<Version>,
    /// A version of which some messages have arrived.
    incoming: Option<Incoming>,
    /// For tests: ignores removals.
    forgets: bool,
}

struct Incoming {
    to: Version,
    is_full: bool,
    parts: u64,
    fork: Map,
}

/// The effect of a message on a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// More messages are needed.
    Part,
    /// The replica has reached a new version.
    Complete { version: Version, digest: u64, is_full: bool },
    /// The message does not apply to the replica's version, or a part is missing. The content is unchanged. Names
    /// the leader that wrote the message, if known.
    Gap { lineage: Option<u64> },
    /// No more versions will follow.
    Bye,
}

impl Replica {
    /// A replica that continues from a saved version.
    pub(crate) fn resume(map: Map, version: Version) -> Self {
        Self { map, version: Some(version), ..Self::default() }
    }

    /// For tests: a replica that ignores removals.
    pub(crate) fn forgetful() -> Self {
        Self { forgets: true, ..Self::default() }
    }

    pub(crate) fn map(&self) -> &Map {
        &self.map
    }

    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// Discards an incomplete version.
    pub(crate) fn reset(&mut self) {
        self.incoming = None;
    }

    /// Processes the next message.
    ///
    /// # Errors
    /// If the digest of the new content is not the leader's. The replica keeps its previous version.
    pub(crate) fn receive(&mut self, message: Message) -> Result<Received, Failure> {
        match message {
            Message::Start { lineage } => {
                self.incoming = None;
                let known = self.version.is_some_and(|version| version.lineage == lineage);
                let gap = Received::Gap { lineage: Some(lineage) };
                Ok(if known { Received::Part } else { gap })
            }
            Message::Begin { to, from } => {
                self.incoming = None;
                let before = from.map(|number| Version { number, ..to });
                if before.is_some() && before != self.version {
                    return Ok(Received::Gap { lineage: Some(to.lineage) });
                }
                let fork = self.map.fork();
                if from.is_none() {
                    fork.clear();
                }
                self.incoming = Some(Incoming { to, is_full: from.is_none(), parts: 0, fork });
                Ok(Received::Part)
            }
            Message::Part(mut diff) => {
                let Some(incoming) = &mut self.incoming else {
                    return Ok(Received::Gap { lineage: None });
                };
                incoming.parts += 1;
                if self.forgets {
                    diff.removed.clear();
                }
                incoming.fork.apply(diff);
                Ok(Received::Part)
            }
            Message::End { to, parts, digest } => match self.incoming.take() {
                Some(incoming) if (incoming.to, incoming.parts) == (to, parts) => {
                    self.commit(incoming, digest)
                }
                _ => Ok(Received::Gap { lineage: Some(to.lineage) }),
            },
            Message::Bye => Ok(Received::Bye),
        }
    }

    fn commit(&mut self, incoming: Incoming, expected: u64) -> Result<Received, Failure> {
        let Incoming { to, is_full, fork, .. } = incoming;
        let found = digest(&fork.snapshot());
        if found != expected {
            let Version { number, .. } = to;
            return Err(format!(
                "version {number}: the content has digest {found:016x}, and not {expected:016x}"
            )
            .into());
        }
        self.map.try_commit(fork)?;
        self.version = Some(to);
        Ok(Received::Complete { version: to, digest: found, is_full })
    }
}
