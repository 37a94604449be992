//! The sets of small plain elements.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::collection::collection;
use super::flat_operations::flat_operations;
use super::operations::operations;
use super::trie_operations::trie_operations;
use super::{CopyPinnedSet, SetSnapshot};
use crate::map::Stays;
use crate::mode::{self, Inline, Kind, Place};
use crate::plain::Plain;
use crate::{
    Compute, CopyFlatMap, CopyKeys, CopyMap, CopyTrieMap, IntoKeys, Operation, RandomState,
};

/// A concurrent hash set of small plain elements that returns copies.
///
/// A [`CopyMap`] without values, with the same rules for elements and closures, and the same costs and consistency. It
/// has two kinds: [`CopyTrieSet`] and [`CopyFlatSet`]. Of two equal elements, a set keeps the first.
///
/// # Examples
/// ```
/// use snaptrie::CopyTrieSet;
///
/// let seen = CopyTrieSet::from([1, 2]);
/// assert!(seen.contains(&2));
/// assert!(seen.insert(3));
/// assert!(!seen.insert(3));
/// ```
pub struct CopySet<K: Plain, S = RandomState, M: Kind<K, (), Inline> = mode::Trie> {
    pub(crate) map: CopyMap<K, (), S, M>,
}

/// A [`CopySet`] with snapshots in constant time: a [`TrieSet`](crate::TrieSet) of small plain elements.
///
/// # Examples
/// ```
/// use snaptrie::CopyTrieSet;
///
/// let even: CopyTrieSet<u64> = (0..1_000).step_by(2).collect();
/// let snapshot = even.snapshot();
/// even.remove(&30);
/// assert!(snapshot.contains(&30) && !even.contains(&30));
/// ```
pub type CopyTrieSet<K, S = RandomState> = CopySet<K, S, mode::Trie>;

/// A [`CopySet`] for read-heavy loads: a [`FlatSet`](crate::FlatSet) of small plain elements.
///
/// # Examples
/// ```
/// use snaptrie::CopyFlatSet;
///
/// let even: CopyFlatSet<u64> = (0..1_000).step_by(2).collect();
/// assert!(even.contains(&30));
/// ```
pub type CopyFlatSet<K, S = RandomState> = CopySet<K, S, mode::Flat>;

operations!(CopySet[] of Inline, K = K, CopyKeys, "CopyTrieSet", "", "", Plain);
collection!(CopySet, CopyMap, CopyPinnedSet<M>, "CopyTrieSet", M: Inline, Plain);
trie_operations!(CopyTrieSet, CopyTrieMap, Inline, Plain);
flat_operations!(CopyFlatSet, CopyFlatMap, CopyTrieSet, to_copy_flat, Plain);

impl<K: Clone + Hash + Eq, S: BuildHasher + Clone, M: Place<K, ()>> SetSnapshot<K, S, M> {
    /// A [`CopyFlatSet`] with the elements, and the same hasher. See
    /// [`Snapshot::to_copy_flat`](crate::Snapshot::to_copy_flat).
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::CopyTrieSet<u32> = (0..1_000).collect();
    /// let serve = ingest.take().to_copy_flat();
    /// assert!(serve.pin().contains(&30));
    /// ```
    #[must_use = "the result is a set of its own"]
    pub fn to_copy_flat(&self) -> CopyFlatSet<K, S>
    where
        K: Plain,
    {
        self.as_map().to_copy_flat().into()
    }
}
