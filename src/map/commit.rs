//! A fork's content made the map's, in one step.

use std::error::Error;
use std::fmt;

use super::TrieMap;
use super::mode::{Boxed, TrieMode};
use crate::trie::Refusal;

impl<K, V, S, M: TrieMode<K, V>> TrieMap<K, V, S, M> {
    /// Makes the content of a fork of this map the map's own, at one instant, if nobody has written to
    /// the map since the fork was taken.
    ///
    /// So several keys are changed together: fork, read and write the fork, commit. Who reads the
    /// map sees all of it or nothing. [`Self::commit_with`] does the rest of what that takes, and
    /// begins anew if another writer was first.
    ///
    /// Snapshots that others take of the map meanwhile are no writes. Nor are operations that found
    /// nothing to do, such as the removal of an absent key; they may count as writes when they raced
    /// with others.
    ///
    /// Lock-free. The step itself is one compare-and-swap; before it, the commit looks up what the map
    /// is to lose, which costs O(changes · log n) as [`Snapshot::diff`](crate::Snapshot::diff) does. A commit that is refused
    /// at once costs O(1).
    ///
    /// # Errors
    /// [`CommitError`] tells why, and gives the fork back. Besides an earlier writer
    /// ([`CommitFailure::Conflict`]) these are a fork that has snapshots or forks of its own
    /// ([`CommitFailure::Shared`]: drop them first), and one of another map.
    ///
    /// # Panics
    /// If a destructor of what the fork had replaced itself does; the commit has taken effect then.
    ///
    /// # Examples
    /// ```
    /// let accounts = snaptrie::TrieMap::from([("a", 10), ("b", 0)]);
    /// let fork = accounts.fork();
    /// fork.pin().insert("a", 3);
    /// fork.pin().insert("b", 7);
    /// accounts.try_commit(fork).unwrap();
    /// assert_eq!(accounts, snaptrie::TrieMap::from([("a", 3), ("b", 7)]));
    ///
    /// let late = accounts.fork();
    /// accounts.pin().insert("c", 1);
    /// assert!(accounts.try_commit(late).unwrap_err().is_conflict());
    /// ```
    pub fn try_commit(&self, fork: Self) -> Result<(), CommitError<K, V, S, M>> {
        let Self { trie, hasher } = fork;
        self.trie.try_commit(trie).map_err(|(trie, refusal)| {
            let failure = match refusal {
                Refusal::Changed => CommitFailure::Conflict,
                Refusal::Shared => CommitFailure::Shared,
                Refusal::Unrelated => CommitFailure::Unrelated,
            };
            CommitError { fork: Self { trie, hasher }, failure }
        })
    }
}

impl<K, V, S: Clone, M: TrieMode<K, V>> TrieMap<K, V, S, M> {
    /// Lets the closure change a fork of this map, and commits that. Returns the closure's result.
    ///
    /// If another writer was first, the closure runs again with a new fork: whatever it reads there is
    /// what the map holds at the instant of the commit. It should do nothing that cannot be repeated.
    /// Where writers are many this may take many rounds: some writer always gets on, this one need
    /// not.
    ///
    /// Costs as much as [`Self::try_commit`] each round; the first write of the closure to each part
    /// of the map copies it.
    ///
    /// # Panics
    /// If the closure or the hasher's `Clone` does, with the map as it was; and if the closure keeps a snapshot or a
    /// fork of its fork. As [`Self::try_commit`], if a destructor does.
    ///
    /// # Examples
    /// ```
    /// let accounts = snaptrie::TrieMap::from([("a", 10), ("b", 0)]);
    /// let transfer = |from, to, amount| {
    ///     accounts.commit_with(|fork| {
    ///         let fork = fork.pin();
    ///         if fork[from] < amount {
    ///             return false;
    ///         }
    ///         fork.insert(from, fork[from] - amount);
    ///         fork.insert(to, fork[to] + amount);
    ///         true
    ///     })
    /// };
    /// assert!(transfer("a", "b", 7));
    /// assert!(!transfer("a", "b", 7));
    /// assert_eq!(accounts.pin()["b"], 7);
    /// ```
    pub fn commit_with<R>(&self, mut change: impl FnMut(&Self) -> R) -> R {
        loop {
            let fork = self.fork();
            let result = change(&fork);
            match self.try_commit(fork).map_err(|error| error.failure) {
                Ok(()) => return result,
                Err(CommitFailure::Conflict) => {}
                Err(failure) => panic!("a commit that cannot succeed: {failure}"),
            }
        }
    }
}

/// Why [`TrieMap::try_commit`] refused a fork.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CommitFailure {
    /// The map was written since the fork was taken.
    Conflict,
    /// A snapshot or a fork of the fork is alive.
    Shared,
    /// The fork was not taken of this map, but of another one, or of a snapshot from before the map's
    /// first write.
    Unrelated,
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

/// The error of [`TrieMap::try_commit`]. Gives the fork back.
pub struct CommitError<K, V, S = crate::RandomState, M: TrieMode<K, V> = Boxed> {
    /// The fork that was not committed, as it was.
    pub fork: TrieMap<K, V, S, M>,
    /// Why not.
    pub failure: CommitFailure,
}

impl<K, V, S, M: TrieMode<K, V>> CommitError<K, V, S, M> {
    /// Whether the map was written since the fork was taken.
    pub fn is_conflict(&self) -> bool {
        self.failure == CommitFailure::Conflict
    }
}

impl<K, V, S, M: TrieMode<K, V>> fmt::Debug for CommitError<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitError").field("failure", &self.failure).finish_non_exhaustive()
    }
}

impl<K, V, S, M: TrieMode<K, V>> fmt::Display for CommitError<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.failure, f)
    }
}

impl<K, V, S, M: TrieMode<K, V>> Error for CommitError<K, V, S, M> {}
