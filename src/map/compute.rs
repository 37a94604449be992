//! The types of [`Pinned::compute`](crate::Pinned::compute) and of failed insertions.

use std::error::Error;
use std::fmt;

use crate::engine::Outcome;

/// The decision of a closure that is passed to [`Pinned::compute`](crate::Pinned::compute) or
/// [`CopyMap::compute`](crate::CopyMap::compute).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation<V, A> {
    /// Insert this value, or replace the present one by it.
    Insert(V),
    /// Remove the entry.
    Remove,
    /// Change nothing, and return this. If the closure never aborts, name any type: `Operation::<_, ()>::Remove`.
    Abort(A),
}

/// What `compute` did. Keys and values are references for [`Pinned::compute`](crate::Pinned::compute), and copies for
/// [`CopyMap::compute`](crate::CopyMap::compute).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compute<K, V, A> {
    /// The key was not in the map; now it is.
    Inserted(K, V),
    /// The entry was replaced.
    Updated {
        /// The entry that was there.
        old: (K, V),
        /// The entry that is there now.
        new: (K, V),
    },
    /// The entry was removed.
    Removed(K, V),
    /// Nothing was changed: the closure aborted with this value.
    Aborted(A),
    /// Nothing was changed: there was nothing to remove.
    Absent,
}

impl<K, V, A> Compute<K, V, A> {
    pub(super) fn new(outcome: Outcome<(K, V)>, aborted: Option<A>) -> Self {
        match (outcome, aborted) {
            (Outcome::Kept(_), Some(with)) => Self::Aborted(with),
            (Outcome::Kept(_), None) => Self::Absent,
            (Outcome::Put { old: None, new: (key, value) }, _) => Self::Inserted(key, value),
            (Outcome::Put { old: Some(old), new }, _) => Self::Updated { old, new },
            (Outcome::Removed((key, value)), _) => Self::Removed(key, value),
        }
    }
}

/// The error of `try_insert`: the key is in the map already.
///
/// Returns the key and value that were not inserted. The value in the map is a reference for
/// [`Pinned::try_insert`](crate::Pinned::try_insert), and a copy for
/// [`CopyMap::try_insert`](crate::CopyMap::try_insert).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OccupiedError<K, V, C = V> {
    /// The value that is in the map.
    pub current: C,
    /// The key that was not inserted.
    pub key: K,
    /// The value that was not inserted.
    #[doc(alias = "not_inserted")]
    pub value: V,
}

/// Does not show the key and the values, which need not be `Debug`. So this is an [`Error`] for all types.
impl<K, V, C> fmt::Debug for OccupiedError<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OccupiedError").finish_non_exhaustive()
    }
}

impl<K, V, C> fmt::Display for OccupiedError<K, V, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key is in the map already")
    }
}

impl<K, V, C> Error for OccupiedError<K, V, C> {}
