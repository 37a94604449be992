//! The types of [`Pinned::compute`](crate::Pinned::compute) and of failed insertions.

use std::error::Error;
use std::fmt;

/// What the closure of [`Pinned::compute`](crate::Pinned::compute) asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<V, A> {
    /// Insert this value, or replace the one that is there.
    Insert(V),
    /// Remove the entry.
    Remove,
    /// Change nothing, and return this.
    Abort(A),
}

/// What [`Pinned::compute`](crate::Pinned::compute) did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute<'p, K, V, A> {
    /// The key was not in the map; now it is.
    Inserted(&'p K, &'p V),
    /// The entry was replaced.
    Updated {
        /// The entry that was there.
        old: (&'p K, &'p V),
        /// The entry that is there now.
        new: (&'p K, &'p V),
    },
    /// The entry was removed.
    Removed(&'p K, &'p V),
    /// Nothing was changed: the closure aborted with this.
    Aborted(A),
    /// Nothing was changed: there was nothing to remove.
    Absent,
}

/// The error of [`Pinned::try_insert`](crate::Pinned::try_insert): the key is in the map already.
///
/// Gives back what was not inserted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OccupiedError<'p, K, V> {
    /// The value that is in the map.
    pub current: &'p V,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    pub value: V,
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for OccupiedError<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedError")
            .field("key", &self.key)
            .field("current", &self.current)
            .field("value", &self.value)
            .finish()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Display for OccupiedError<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { current, key, value } = self;
        write!(f, "did not insert {value:?}: key {key:?} already has the value {current:?}")
    }
}

impl<K: fmt::Debug, V: fmt::Debug> Error for OccupiedError<'_, K, V> {}
