//! The set over the flat table.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::collection::{by_reference, collection};
use super::flat_operations::flat_operations;
use super::{PinnedSet, SetSnapshot, TrieSet};
use crate::map::Stays;
use crate::mode::{self, Place};
use crate::{FlatMap, IntoKeys, RandomState};

/// A concurrent hash set for read-heavy loads.
///
/// A [`FlatMap`] without values, with the same cost, consistency and reclamation.
/// Operations that return no reference are methods of the set; all are methods of the handle that
/// [`pin`](Self::pin) returns.
///
/// # Examples
/// ```
/// use snaptrie::FlatSet;
///
/// let blocked = FlatSet::from(["192.0.2.1", "192.0.2.7"]);
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| assert!(blocked.pin().contains("192.0.2.7")));
///     }
///     scope.spawn(|| blocked.pin().insert("192.0.2.9"));
/// });
/// assert_eq!(blocked.len(), 3);
/// ```
pub struct FlatSet<K, S = RandomState> {
    pub(crate) map: FlatMap<K, (), S>,
}

collection!(FlatSet, FlatMap, PinnedSet<mode::Flat>, "FlatSet");
by_reference!(FlatSet, FlatMap);
flat_operations!(FlatSet, FlatMap, TrieSet, to_flat);

impl<K: Clone + Hash + Eq, S: BuildHasher + Clone, M: Place<K, ()>> SetSnapshot<K, S, M> {
    /// A [`FlatSet`] with clones of the elements, and the same hasher. See
    /// [`Snapshot::to_flat`](crate::Snapshot::to_flat).
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::TrieSet<u32> = (0..1_000).collect();
    /// let serve = ingest.take().to_flat();
    /// assert!(serve.pin().contains(&30));
    /// ```
    #[must_use = "the result is a set of its own"]
    pub fn to_flat(&self) -> FlatSet<K, S> {
        self.as_map().to_flat().into()
    }
}
