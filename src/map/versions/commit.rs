//! The errors of commits.

use std::error::Error;
use std::fmt;

use crate::map::mode::{Boxed, Place};
use crate::trie::Refusal;

/// Why [`TrieMap::try_commit`](crate::TrieMap::try_commit) refused a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommitFailure {
    /// The map was written since the fork was made.
    Conflict,
    /// A snapshot or a fork of the fork is alive.
    Shared,
    /// It is a fork of another map, or of a snapshot from before the map's first write.
    Unrelated,
}

impl From<Refusal> for CommitFailure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Changed => Self::Conflict,
            Refusal::Shared => Self::Shared,
            Refusal::Unrelated => Self::Unrelated,
        }
    }
}

impl fmt::Display for CommitFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Conflict => "the map was written since the fork was taken",
            Self::Shared => "the fork has a snapshot or a fork of its own",
            Self::Unrelated => "the fork was not taken of this map",
        })
    }
}

/// The error of [`TrieMap::try_commit`](crate::TrieMap::try_commit). It contains the fork.
pub struct CommitError<K, V, S = crate::RandomState, M: Place<K, V> = Boxed> {
    /// The fork, unchanged.
    pub fork: M::Map<S>,
    /// Why it was refused.
    pub failure: CommitFailure,
}

impl<K, V, S, M: Place<K, V>> CommitError<K, V, S, M> {
    /// Whether the map was written since the fork was made.
    pub fn is_conflict(&self) -> bool {
        self.failure == CommitFailure::Conflict
    }
}

impl<K, V, S, M: Place<K, V>> fmt::Debug for CommitError<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitError").field("failure", &self.failure).finish_non_exhaustive()
    }
}

impl<K, V, S, M: Place<K, V>> fmt::Display for CommitError<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.failure, f)
    }
}

impl<K, V, S, M: Place<K, V>> Error for CommitError<K, V, S, M> {}
