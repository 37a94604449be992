//! The set over the flat table: construction, room.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::collection::{collection, equality};
use super::{PinnedSet, SetSnapshot, TrieSet};
use crate::map::Stays;
use crate::mode::{self, TrieMode};
use crate::{FlatMap, RandomState};

/// A concurrent hash set for read-heavy loads.
///
/// A [`FlatMap`] without values: what is said there of cost, consistency and reclamation holds here.
/// The operations on elements are methods of the handle that [`pin`](Self::pin) returns.
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
    pub(super) map: FlatMap<K, (), S>,
}

impl<K> FlatSet<K> {
    /// An empty set. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::FlatSet::<String>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::with_hasher(RandomState::default())
    }

    /// An empty set with room for this many elements. The room stays, as after [`Self::reserve`].
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::FlatSet::<u64>::with_capacity(1_000).capacity() >= 1_000);
    /// ```
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }
}

impl<K, S> FlatSet<K, S> {
    /// An empty set with this hasher. Allocates nothing. `const`, so that a set can be a `static`.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{FixedState, FlatSet};
    ///
    /// static SEEN: FlatSet<String, FixedState> = FlatSet::with_hasher(FixedState::with_seed(7));
    /// assert!(SEEN.pin().insert("a".to_string()));
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: FlatMap::with_hasher(hasher) }
    }

    /// An empty set with this hasher, and room for this many elements. The room stays, as after
    /// [`Self::reserve`].
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{FixedState, FlatSet};
    ///
    /// let set = FlatSet::<u64, _>::with_capacity_and_hasher(100, FixedState::with_seed(7));
    /// assert!(set.capacity() >= 100);
    /// ```
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { map: FlatMap::with_capacity_and_hasher(capacity, hasher) }
    }

    /// The set's hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let set = snaptrie::FlatSet::<u32>::new();
    /// assert_eq!(set.hasher().hash_one(1), set.hasher().hash_one(1));
    /// ```
    pub const fn hasher(&self) -> &S {
        self.map.hasher()
    }

    /// The map that holds the elements as keys, for what only maps can do.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::from(["one".to_string()]);
    /// let pinned = set.as_map().pin();
    /// let removed = pinned.remove_if("one", |element, ()| element.len() > 3);
    /// assert_eq!(removed, None);
    /// ```
    pub const fn as_map(&self) -> &FlatMap<K, (), S> {
        &self.map
    }

    /// A handle for the calling thread, through which elements are read and written.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::new();
    /// let pinned = set.pin();
    /// assert!(pinned.insert("a"));
    /// assert!(pinned.contains("a"));
    /// ```
    #[inline]
    pub fn pin(&self) -> PinnedSet<'_, K, S, mode::Flat> {
        PinnedSet::new(self.map.pin())
    }

    /// Number of elements. As [`PinnedSet::len`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::FlatSet::from([1, 2, 2]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether the set is empty. As [`PinnedSet::is_empty`].
    ///
    /// # Examples
    /// ```
    /// assert!(!snaptrie::FlatSet::from([1, 2]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Frees what was removed from the set and can be freed. Returns whether nothing is left. As [`FlatMap::flush`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::from([1, 2]);
    /// set.pin().remove(&1);
    /// set.flush();
    /// assert_eq!(set.len(), 1);
    /// ```
    pub fn flush(&self) -> bool {
        self.map.flush()
    }

    /// Removes the elements for which the closure does not hold, and frees them meanwhile. O(n). As
    /// [`FlatMap::retain`].
    ///
    /// # Examples
    /// ```
    /// let set: snaptrie::FlatSet<u32> = (0..10).collect();
    /// set.retain(|element| element % 2 == 0);
    /// assert_eq!(set.len(), 5);
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&K) -> bool)
    where
        K: Hash + Eq,
        S: BuildHasher,
    {
        self.map.retain(|element, ()| keep(element));
    }

    /// Number of elements for which the present table has room. As [`FlatMap::capacity`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::FlatSet::<u32>::new().capacity(), 0);
    /// ```
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }
}

impl<K: Hash, S: BuildHasher> FlatSet<K, S> {
    /// Removes all elements, one by one. As [`FlatMap::clear`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::from([1, 2]);
    /// set.clear();
    /// assert!(set.is_empty());
    /// ```
    pub fn clear(&self) {
        self.map.clear();
    }

    /// Makes room for this many elements more than there are. As [`FlatMap::reserve`].
    ///
    /// # Panics
    /// If that is more room than there can be; the set stays as it was.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::from([1]);
    /// set.reserve(1_000);
    /// assert!(set.capacity() >= 1_001);
    /// ```
    pub fn reserve(&self, additional: usize) {
        self.map.reserve(additional);
    }

    /// Makes the table as small as its elements allow. As [`FlatMap::shrink_to_fit`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::<u32>::with_capacity(1_000);
    /// set.shrink_to_fit();
    /// assert!(set.capacity() < 1_000);
    /// ```
    pub fn shrink_to_fit(&self) {
        self.map.shrink_to_fit();
    }
}

impl<K, S> FlatSet<K, S>
where
    K: Clone + Hash + Eq,
    S: BuildHasher + Clone,
{
    /// A [`TrieSet`] with clones of the elements, and the same hasher. As [`FlatMap::to_trie`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::FlatSet::from([1, 2]);
    /// let snapshot = set.to_trie().snapshot();
    /// assert!(snapshot.contains(&2));
    /// ```
    #[must_use = "the result is a set of its own"]
    pub fn to_trie(&self) -> TrieSet<K, S> {
        self.map.to_trie().into()
    }
}

collection!(FlatSet);
equality!(FlatSet);

/// The keys of a map without values.
impl<K, S> From<FlatMap<K, (), S>> for FlatSet<K, S> {
    fn from(map: FlatMap<K, (), S>) -> Self {
        Self { map }
    }
}

/// [`SetSnapshot::to_flat`].
impl<K, S, M> From<&SetSnapshot<K, S, M>> for FlatSet<K, S>
where
    K: Clone + Hash + Eq,
    S: BuildHasher + Clone,
    M: TrieMode<K, ()>,
{
    fn from(snapshot: &SetSnapshot<K, S, M>) -> Self {
        snapshot.to_flat()
    }
}

/// Clones every element. Weakly consistent, as an iteration is.
impl<K, S> Clone for FlatSet<K, S>
where
    K: Clone + Hash + Eq,
    S: BuildHasher + Clone,
{
    fn clone(&self) -> Self {
        Self { map: self.map.clone() }
    }
}

/// Lists the elements, weakly consistent.
impl<K: fmt::Debug, S> fmt::Debug for FlatSet<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pin().fmt(f)
    }
}
