//! Frozen views of a set, and set operations on two of them.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use crate::mode::{Boxed, Inline, Place};
use crate::{IntoKeys, RandomState, Snapshot, SnapshotEntry, SnapshotIntoIter, SnapshotKeys};

/// The content of a [`TrieSet`](crate::TrieSet) or a [`CopyTrieSet`](crate::CopyTrieSet) at one instant, from their
/// `snapshot` or `take`.
///
/// Like a [`Snapshot`] of a map, it never changes, holds no guard, is `Send + Sync`, and is cloned in O(1). So unions,
/// intersections and differences of two snapshots are exact, whatever other threads write meanwhile. The two may have
/// different hashers.
///
/// # Examples
/// ```
/// use snaptrie::TrieSet;
///
/// let online = TrieSet::from(["ann", "bob"]);
/// let before = online.snapshot();
/// online.pin().remove("ann");
/// online.pin().insert("cy");
/// let now = online.snapshot();
/// assert_eq!(before.difference(&now).collect::<Vec<_>>(), [&"ann"]);
/// assert_eq!(now.intersection(&before).collect::<Vec<_>>(), [&"bob"]);
/// assert_eq!((&before | &now).len(), 3);
/// ```
pub struct SetSnapshot<K, S = RandomState, M: Place<K, ()> = Boxed> {
    map: Snapshot<K, (), S, M>,
}

/// A [`SetSnapshot`] of a [`CopyTrieSet`](crate::CopyTrieSet).
///
/// It lends its elements. They can be copied, whatever else shares them:
///
/// # Examples
/// ```
/// use snaptrie::{CopySetSnapshot, CopyTrieSet};
///
/// let set = CopyTrieSet::from([7]);
/// let snapshot: CopySetSnapshot<u32> = set.snapshot();
/// assert_eq!(snapshot.iter().copied().collect::<Vec<u32>>(), [7]);
/// ```
pub type CopySetSnapshot<K, S = RandomState> = SetSnapshot<K, S, Inline>;

impl<K, S, M: Place<K, ()>> SetSnapshot<K, S, M> {
    pub(super) fn new(map: Snapshot<K, (), S, M>) -> Self {
        Self { map }
    }
}

impl<K, S: BuildHasher, M: Place<K, ()>> SetSnapshot<K, S, M> {
    /// Whether an element is in the snapshot.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of the element panics.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::TrieSet::from(["a".to_string()]).snapshot().contains("a"));
    /// ```
    #[inline]
    pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
        self.map.contains_key(element)
    }

    /// Whether each of many elements is in the snapshot, in their order. The cache misses of 32 at a time are side by
    /// side. Works like [`Snapshot::get_many`](crate::Snapshot::get_many).
    ///
    /// # Panics
    /// If `Hash` or `Eq` of an element panics, when the first result of its group of 32 is requested.
    ///
    /// # Examples
    /// ```
    /// let snapshot = snaptrie::TrieSet::from([1, 2]).snapshot();
    /// assert!(snapshot.contains_many(&[2, 3]).eq([true, false]));
    /// ```
    pub fn contains_many<'s, 'q, Q, I>(&'s self, elements: I) -> impl Iterator<Item = bool>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 's,
    {
        self.map.contains_many(elements)
    }

    /// The element of the snapshot that is equal to this one.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of the element panics.
    ///
    /// # Examples
    /// ```
    /// let snapshot = snaptrie::TrieSet::from(["a".to_string()]).snapshot();
    /// assert_eq!(snapshot.get("a"), Some(&"a".to_string()));
    /// ```
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<&K> {
        self.map.get_key_value(element).map(|(element, ())| element)
    }
}

/// Operations on two snapshots. Each looks the elements of one up in the other: at most O(n).
///
/// # Panics
/// These methods and their iterators panic if `Hash` or `Eq` of an element panics.
impl<K, S, M: Place<K, ()>> SetSnapshot<K, S, M> {
    /// The snapshot of the map that holds the elements as keys, for operations that only maps have.
    ///
    /// # Examples
    /// ```
    /// let first = snaptrie::TrieSet::from([1]).snapshot();
    /// assert!(first.as_map().ptr_eq(first.clone().as_map()));
    /// ```
    pub const fn as_map(&self) -> &Snapshot<K, (), S, M> {
        &self.map
    }

    /// Number of elements, exact. The first call counts them, see [`Snapshot::len`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::TrieSet::from([1, 2]).snapshot().len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether the snapshot is empty. Stops at the first element it finds.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::TrieSet::<u32>::new().snapshot().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Iterates over the elements, each exactly once, in no particular order, the same each time.
    ///
    /// # Examples
    /// ```
    /// let snapshot = snaptrie::TrieSet::from([1, 2]).snapshot();
    /// assert_eq!((snapshot.iter().len(), snapshot.iter().sum::<i32>()), (2, 3));
    /// ```
    pub fn iter(&self) -> SnapshotKeys<'_, K, (), M> {
        self.map.keys()
    }
}

impl<K: Hash + Eq, S: BuildHasher, M: Place<K, ()>> SetSnapshot<K, S, M> {
    /// The elements of this snapshot, and those of the other one that this one does not have.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = (snaptrie::TrieSet::from([1, 2]), snaptrie::TrieSet::from([2, 3]));
    /// assert_eq!(a.snapshot().union(&b.snapshot()).sum::<i32>(), 6);
    /// ```
    pub fn union<'s, T, N>(&'s self, other: &'s SetSnapshot<K, T, N>) -> impl Iterator<Item = &'s K>
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        self.iter().chain(other.difference(self))
    }

    /// The elements that are in both, as this snapshot has them.
    ///
    /// It is fastest if this snapshot is the smaller one.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = (snaptrie::TrieSet::from([1, 2]), snaptrie::TrieSet::from([2, 3]));
    /// assert_eq!(a.snapshot().intersection(&b.snapshot()).collect::<Vec<_>>(), [&2]);
    /// ```
    pub fn intersection<'s, T, N>(
        &'s self,
        other: &'s SetSnapshot<K, T, N>,
    ) -> impl Iterator<Item = &'s K>
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        self.iter().filter(|element| other.contains(*element))
    }

    /// The elements of this snapshot that are not in the other.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = (snaptrie::TrieSet::from([1, 2]), snaptrie::TrieSet::from([2, 3]));
    /// assert_eq!(a.snapshot().difference(&b.snapshot()).collect::<Vec<_>>(), [&1]);
    /// ```
    pub fn difference<'s, T, N>(
        &'s self,
        other: &'s SetSnapshot<K, T, N>,
    ) -> impl Iterator<Item = &'s K>
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        self.iter().filter(|element| !other.contains(*element))
    }

    /// The elements that are in exactly one of the two.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = (snaptrie::TrieSet::from([1, 2]), snaptrie::TrieSet::from([2, 3]));
    /// assert_eq!(a.snapshot().symmetric_difference(&b.snapshot()).sum::<i32>(), 4);
    /// ```
    pub fn symmetric_difference<'s, T, N>(
        &'s self,
        other: &'s SetSnapshot<K, T, N>,
    ) -> impl Iterator<Item = &'s K>
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        self.difference(other).chain(other.difference(self))
    }

    /// Whether no element is in both.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = (snaptrie::TrieSet::from([1, 2]), snaptrie::TrieSet::from([2, 3]));
    /// assert!(!a.snapshot().is_disjoint(&b.snapshot()));
    /// ```
    pub fn is_disjoint<T, N>(&self, other: &SetSnapshot<K, T, N>) -> bool
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        if self.len() <= other.len() {
            self.intersection(other).next().is_none()
        } else {
            other.intersection(self).next().is_none()
        }
    }

    /// Whether each element of this snapshot is in the other.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1]);
    /// let before = set.snapshot();
    /// set.pin().insert(2);
    /// assert!(before.is_subset(&set.snapshot()));
    /// ```
    pub fn is_subset<T, N>(&self, other: &SetSnapshot<K, T, N>) -> bool
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        self.len() <= other.len() && self.difference(other).next().is_none()
    }

    /// Whether each element of the other is in this snapshot.
    ///
    /// # Examples
    /// ```
    /// let (a, b) = (snaptrie::TrieSet::from([1, 2]), snaptrie::TrieSet::from([2]));
    /// assert!(a.snapshot().is_superset(&b.snapshot()));
    /// ```
    pub fn is_superset<T, N>(&self, other: &SetSnapshot<K, T, N>) -> bool
    where
        T: BuildHasher,
        N: Place<K, ()>,
    {
        other.is_subset(self)
    }
}

impl<K, S> SetSnapshot<K, S> {
    /// The elements by value, in no particular order, if nothing else shares them.
    ///
    /// # Errors
    /// Returns the snapshot if the set, another snapshot or a fork exists: see [`Snapshot::try_into_iter`].
    ///
    /// # Examples
    /// ```
    /// let snapshot = snaptrie::TrieSet::from(["a".to_string()]).snapshot();
    /// assert!(snapshot.try_into_iter().unwrap().eq(["a".to_string()]));
    /// ```
    #[doc(alias("drain", "into_iter"))]
    pub fn try_into_iter(self) -> Result<IntoKeys<K>, Self> {
        self.map.try_into_iter().map(IntoKeys).map_err(|map| Self { map })
    }
}

impl<K, S: Clone, M: Place<K, ()>> Clone for SetSnapshot<K, S, M> {
    fn clone(&self) -> Self {
        Self { map: self.map.clone() }
    }
}

/// Two snapshots are equal if they have equal elements. O(n).
impl<K: Hash + Eq, S: BuildHasher, M: Place<K, ()>> PartialEq for SetSnapshot<K, S, M> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Hash + Eq, S: BuildHasher, M: Place<K, ()>> Eq for SetSnapshot<K, S, M> {}

impl<K: fmt::Debug, S, M: Place<K, ()>> fmt::Debug for SetSnapshot<K, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<'s, K, S, M: Place<K, ()>> IntoIterator for &'s SetSnapshot<K, S, M> {
    type Item = &'s K;
    type IntoIter = SnapshotKeys<'s, K, (), M>;

    fn into_iter(self) -> SnapshotKeys<'s, K, (), M> {
        self.iter()
    }
}

/// Iterates by value: the iterator and its items keep the snapshot alive and borrow nothing. An item's
/// [`key`](SnapshotEntry::key) is the element.
///
/// # Examples
/// ```
/// let elements: Vec<_> = snaptrie::TrieSet::from([1, 2]).snapshot().into_iter().collect();
/// assert_eq!(elements.iter().map(|element| element.key()).sum::<i32>(), 3);
/// ```
impl<K: 'static, S, M: Place<K, ()>> IntoIterator for SetSnapshot<K, S, M> {
    type Item = SnapshotEntry<K, (), M>;
    type IntoIter = SnapshotIntoIter<K, (), M>;

    fn into_iter(self) -> SnapshotIntoIter<K, (), M> {
        self.map.into_iter()
    }
}
