//! The stream that followers follow: what its messages are, how a version is cut into them, and how a
//! replica applies them.
//!
//! A version is sent as `Begin`, some `Part`s and an `End`. It says which version it changes, so that a
//! replica notices if one is missing; and which digest the content has afterwards, so that it notices if
//! it is wrong. The parts are small, whatever the size of the map: neither side holds a version as bytes.

use serde::{Deserialize, Serialize};
use snaptrie::{Change, OwnedDiff, Snapshot, TrieMap};

use crate::Failure;

pub(crate) type Map = TrieMap<String, u64>;
pub(crate) type State = Snapshot<String, u64>;
pub(crate) type Diff = OwnedDiff<String, u64>;

/// A part has no more bytes than this, except if a single key is longer.
const PART: usize = 1 << 15;

/// No key is longer, so that each message fits into a frame.
pub(crate) const LONGEST_KEY: usize = 1 << 16;

/// What a message takes at most, encoded.
pub(crate) const LARGEST_MESSAGE: usize = PART + LONGEST_KEY + 64;

/// The number of a version, of which only the order counts: the generation of a snapshot.
pub(crate) type Number = u64;

/// A version of one leader. Another process counts from the beginning, so its numbers say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Version {
    /// Random, for each process of a leader.
    pub(crate) lineage: u64,
    pub(crate) number: Number,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// A leader has started. Only in a log, which outlives its leader.
    Start {
        lineage: u64,
    },
    /// A version begins: the changes from another of the same leader; or all entries.
    Begin {
        to: Version,
        from: Option<Number>,
    },
    Part(Diff),
    /// The version is complete, if all of its parts were there: those of a log may be trimmed while it is
    /// read. The digest is that of the whole content.
    End {
        to: Version,
        parts: u64,
        digest: u64,
    },
    /// There will be no more versions.
    Bye,
}

/// The changes between two versions in parts, or all entries of one. Finds them as it goes.
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
            // The length of the key, and the value: ten bytes at most each.
            bytes += key.len() + 20;
            match value {
                Some(value) => part.put.push((key.clone(), *value)),
                None => part.removed.push(key.clone()),
            }
        }
        (!part.is_empty()).then_some(part)
    })
}

/// A number for an entry that is the same on each machine (FNV-1a, then the finalizer of SplitMix64).
pub(crate) fn fingerprint(key: &str, value: u64) -> u64 {
    let mut n = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes().chain(value.to_le_bytes()) {
        n = (n ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// A number for the whole content, whatever its order: the sum of its fingerprints.
pub(crate) fn digest(state: &State) -> u64 {
    state.iter().fold(0, |sum, (key, value)| sum.wrapping_add(fingerprint(key, *value)))
}

/// The digest after some changes, at the cost of the changes.
pub(crate) fn digest_after(digest: u64, from: &State, to: &State) -> u64 {
    from.diff(to).fold(digest, |sum, change| {
        let of = |value: Option<&u64>| value.map_or(0, |value| fingerprint(change.key(), *value));
        sum.wrapping_sub(of(change.before())).wrapping_add(of(change.after()))
    })
}

/// A copy of the leader's map. Readers of [`Replica::map`] see each version at one instant.
#[derive(Default)]
pub(crate) struct Replica {
    map: Map,
    version: Option<Version>,
    /// The version that comes in, applied as far as it is there.
    incoming: Option<Incoming>,
    /// For tests: forgets the removals.
    forgets: bool,
}

struct Incoming {
    to: Version,
    is_full: bool,
    parts: u64,
    fork: Map,
}

/// What a message was for a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// It is part of something.
    Part,
    /// The replica has another version.
    Complete { version: Version, digest: u64, is_full: bool },
    /// It changes another version than the replica has, or a part is missing. Nothing was changed. Tells
    /// which leader goes on here, if the message does.
    Gap { lineage: Option<u64> },
    /// There will be no more versions.
    Bye,
}

impl Replica {
    /// A replica that begins with a version that it had before.
    pub(crate) fn resume(map: Map, version: Version) -> Self {
        Self { map, version: Some(version), ..Self::default() }
    }

    /// For tests: a replica that will be wrong as soon as a key is removed.
    pub(crate) fn forgetful() -> Self {
        Self { forgets: true, ..Self::default() }
    }

    pub(crate) fn map(&self) -> &Map {
        &self.map
    }

    pub(crate) fn version(&self) -> Option<Version> {
        self.version
    }

    /// Gives up a version that has come in part.
    pub(crate) fn reset(&mut self) {
        self.incoming = None;
    }

    /// Takes the next message.
    ///
    /// # Errors
    /// If the content is another than the leader's; the version before stays then.
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
