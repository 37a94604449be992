//! The set over the trie: construction, versions.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::collection::{collection, equality};
use super::{PinnedSet, SetSnapshot};
use crate::map::Stays;
use crate::{RandomState, TrieMap};

/// A concurrent hash set for write-heavy loads, with snapshots in constant time.
///
/// A [`TrieMap`] without values: what is said there of cost, consistency and reclamation holds here.
/// The operations on elements are methods of the handle that [`pin`](Self::pin) returns; what is made
/// of two sets (union, intersection, …) is made of two [snapshots](SetSnapshot), and so exact.
///
/// # Examples
/// ```
/// use snaptrie::TrieSet;
///
/// let seen = TrieSet::new();
/// std::thread::scope(|scope| {
///     for pages in [["/", "/about"], ["/", "/news"]] {
///         let seen = &seen;
///         scope.spawn(move || pages.into_iter().for_each(|page| _ = seen.pin().insert(page)));
///     }
/// });
/// let before = seen.snapshot(); // one instant; writers could go on
/// seen.pin().insert("/shop");
/// let new: Vec<_> = seen.snapshot().difference(&before).copied().collect();
/// assert_eq!((before.len(), new), (3, vec!["/shop"]));
/// ```
pub struct TrieSet<K, S = RandomState> {
    pub(super) map: TrieMap<K, (), S>,
}

impl<K> TrieSet<K> {
    /// An empty set. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::TrieSet::<String>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::with_hasher(RandomState::default())
    }
}

impl<K, S> TrieSet<K, S> {
    /// An empty set with this hasher. Allocates nothing. `const`, so that a set can be a `static`.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{FixedState, TrieSet};
    ///
    /// static SEEN: TrieSet<String, FixedState> = TrieSet::with_hasher(FixedState::with_seed(7));
    /// assert!(SEEN.pin().insert("a".to_string()));
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: TrieMap::with_hasher(hasher) }
    }

    /// The set's hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let set = snaptrie::TrieSet::<u32>::new();
    /// assert_eq!(set.hasher().hash_one(1), set.hasher().hash_one(1));
    /// ```
    pub const fn hasher(&self) -> &S {
        self.map.hasher()
    }

    /// The map that holds the elements as keys, for what only maps can do.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from(["one".to_string()]);
    /// let pinned = set.as_map().pin();
    /// let removed = pinned.remove_if("one", |element, ()| element.len() > 3);
    /// assert_eq!(removed, None);
    /// ```
    pub const fn as_map(&self) -> &TrieMap<K, (), S> {
        &self.map
    }

    /// A handle for the calling thread, through which elements are read and written.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::new();
    /// let pinned = set.pin();
    /// assert!(pinned.insert("a"));
    /// assert!(pinned.contains("a"));
    /// ```
    #[inline]
    pub fn pin(&self) -> PinnedSet<'_, K, S> {
        PinnedSet::new(self.map.pin())
    }

    /// Number of elements. As [`PinnedSet::len`].
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::TrieSet::from([1, 2, 2]).len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether the set is empty. As [`PinnedSet::is_empty`].
    ///
    /// # Examples
    /// ```
    /// assert!(!snaptrie::TrieSet::from([1, 2]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Frees what was removed from the set and can be freed. Returns whether nothing is left. As [`TrieMap::flush`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1, 2]);
    /// set.pin().remove(&1);
    /// set.flush();
    /// assert_eq!(set.len(), 1);
    /// ```
    pub fn flush(&self) -> bool {
        self.map.flush()
    }

    /// Removes the elements for which the closure does not hold, and frees them meanwhile. O(n). As
    /// [`TrieMap::retain`].
    ///
    /// # Examples
    /// ```
    /// let set: snaptrie::TrieSet<u32> = (0..10).collect();
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

    /// Removes all elements at one instant, and then frees them. As [`TrieMap::clear`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1, 2]);
    /// set.clear();
    /// assert!(set.is_empty());
    /// ```
    pub fn clear(&self) {
        self.map.clear();
    }
}

impl<K, S: Clone> TrieSet<K, S> {
    /// The set's content at one instant. O(1), lock-free; writers go on. As [`TrieMap::snapshot`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1]);
    /// let snapshot = set.snapshot();
    /// set.pin().insert(2);
    /// assert!(snapshot.contains(&1) && !snapshot.contains(&2));
    /// ```
    pub fn snapshot(&self) -> SetSnapshot<K, S> {
        SetSnapshot::new(self.map.snapshot())
    }

    /// Takes all elements out at one instant and returns them. O(1), lock-free. As [`TrieMap::take`].
    /// (To take out one element, see [`PinnedSet::remove_get`].)
    ///
    /// # Examples
    /// ```
    /// let dirty = snaptrie::TrieSet::from(["a", "b"]);
    /// let work = dirty.take();
    /// dirty.pin().insert("c"); // for the next round
    /// assert_eq!(work.len(), 2);
    /// ```
    pub fn take(&self) -> SetSnapshot<K, S> {
        SetSnapshot::new(self.map.take())
    }

    /// A set of its own with the content of this one at one instant. O(1), lock-free. As
    /// [`TrieMap::fork`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1]);
    /// let fork = set.fork();
    /// fork.pin().insert(2);
    /// assert_eq!((set.len(), fork.len()), (1, 2));
    /// ```
    #[must_use = "a fork is a set of its own"]
    pub fn fork(&self) -> Self {
        Self { map: self.map.fork() }
    }
}

collection!(TrieSet, TrieMap);
equality!(TrieSet);

/// The keys of a map without values.
impl<K, S> From<TrieMap<K, (), S>> for TrieSet<K, S> {
    fn from(map: TrieMap<K, (), S>) -> Self {
        Self { map }
    }
}

/// [`TrieSet::fork`]: O(1), one instant, both sides independent.
impl<K, S: Clone> Clone for TrieSet<K, S> {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Lists the elements of one instant.
impl<K: fmt::Debug, S> fmt::Debug for TrieSet<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.content().keys()).finish()
    }
}
