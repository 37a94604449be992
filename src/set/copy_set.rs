//! The sets of small plain elements.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::SetSnapshot;
use super::collection::{collection, equality};
use crate::map::{CopyKeys, Stays};
use crate::mode::{self, CopyMode, Inline, TrieMode};
use crate::plain::Plain;
use crate::{Compute, CopyMap, CopyPinned, CopyTrieMap, Operation, RandomState};

/// A concurrent hash set of small plain elements, which it hands out by value.
///
/// A [`CopyMap`] without values: its two kinds are [`CopyTrieSet`] and [`CopyFlatSet`], and what is said there of
/// elements, closures, cost and consistency holds here. Of two equal elements a set keeps the first.
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
pub struct CopySet<K: Plain, S = RandomState, M: CopyMode<K, ()> = mode::Trie> {
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

/// A handle to a [`CopySet`] for the calling thread, from [`CopySet::pin`].
///
/// It has the operations of the set, for loops. As [`CopyPinned`].
///
/// # Examples
/// ```
/// let set: snaptrie::CopyTrieSet<u32> = (0..100).collect();
/// let pinned = set.pin();
/// assert_eq!((50..150).filter(|i| pinned.contains(i)).count(), 50);
/// ```
pub struct CopyPinnedSet<'m, K: Plain, S = RandomState, M: CopyMode<K, ()> = mode::Trie> {
    map: CopyPinned<'m, K, (), S, M>,
}

/// Implements the operations that set and handle have alike. The example of each calls it on `set` followed by `$pin`.
macro_rules! operations {
    ($Type:ident [$($life:lifetime)?], $pin:literal) => {
        impl<K: Plain, S, M: CopyMode<K, ()>> $Type<$($life,)? K, S, M> {
            /// Number of elements. Weakly consistent: exact if nobody writes meanwhile. As [`CopyMap::len`].
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from([1, 2, 2]);
            #[doc = concat!("assert_eq!(set", $pin, ".len(), 2);")]
            /// ```
            pub fn len(&self) -> usize {
                self.map.len()
            }

            /// Whether the set is empty. Stops at the first element.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::<u32>::new();
            #[doc = concat!("assert!(set", $pin, ".is_empty());")]
            /// ```
            pub fn is_empty(&self) -> bool {
                self.map.is_empty()
            }

            /// Iterates over the elements, in no particular order. Weakly consistent, see
            /// [`CopyIter`](crate::CopyIter).
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from([1, 2]);
            #[doc = concat!("assert_eq!(set", $pin, ".iter().sum::<i32>(), 3);")]
            /// ```
            pub fn iter(&self) -> CopyKeys<'_, K, (), M> {
                CopyKeys(self.map.iter())
            }
        }

        /// Looking up and removing. Each operation is linearizable and lock-free.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the element or the closure does; the set stays as it was.
        impl<K: Plain + Hash, S: BuildHasher, M: CopyMode<K, ()>> $Type<$($life,)? K, S, M> {
            /// Whether an element is in the set.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from([1]);
            #[doc = concat!("assert!(set", $pin, ".contains(&1));")]
            /// ```
            #[inline]
            pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
                self.map.contains_key(element)
            }

            /// Whether each of many elements is in the set, in their order, with the cache misses of 32 at a time side by
            /// side. As [`CopyMap::get_many`].
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from([1, 2]);
            #[doc = concat!("let pinned = set", $pin, ";")]
            /// assert_eq!(pinned.contains_many(&[2, 3, 1]).collect::<Vec<_>>(), [true, false, true]);
            /// ```
            pub fn contains_many<'p, 'q, Q, I>(&'p self, elements: I) -> impl Iterator<Item = bool>
            where
                Q: Hash + Equivalent<K> + ?Sized + 'q,
                I: IntoIterator<Item = &'q Q>,
            {
                self.map.get_many(elements).map(|found| found.is_some())
            }

            /// The element of the set that is equal to this one.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from(['a']);
            #[doc = concat!("assert_eq!(set", $pin, ".get(&'a'), Some('a'));")]
            /// ```
            #[inline]
            pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<K> {
                self.map.get_key_value(element).map(|(element, ())| element)
            }

            /// Removes an element. Returns whether it was in the set.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from([1]);
            #[doc = concat!("assert!(set", $pin, ".remove(&1));")]
            #[doc = concat!("assert!(!set", $pin, ".remove(&1));")]
            /// ```
            #[inline]
            pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
                self.remove_get(element).is_some()
            }

            /// Removes an element. Returns the one that was in the set.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from(['a']);
            #[doc = concat!("assert_eq!(set", $pin, ".remove_get(&'a'), Some('a'));")]
            /// ```
            #[inline]
            pub fn remove_get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<K> {
                self.map.remove_entry(element).map(|(element, ())| element)
            }

            /// Removes the elements for which the closure does not hold. O(n). As the `retain` of a [`CopyMap`] or its
            /// handle.
            ///
            /// # Examples
            /// ```
            /// let set: snaptrie::CopyTrieSet<u32> = (0..10).collect();
            #[doc = concat!("set", $pin, ".retain(|element| element % 2 == 0);")]
            /// assert_eq!(set.len(), 5);
            /// ```
            pub fn retain(&self, mut keep: impl FnMut(&K) -> bool)
            where
                K: Eq,
            {
                self.map.retain(|element, ()| keep(element));
            }
        }

        /// Inserting. Each operation is linearizable and lock-free.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the element or the closure does; the set stays as it was.
        impl<K: Plain + Hash + Eq, S: BuildHasher, M: CopyMode<K, ()>> $Type<$($life,)? K, S, M> {
            /// Inserts an element if no equal one is in the set. Returns whether it was inserted.
            ///
            /// If many threads insert equal elements at once, one of them gets `true`.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::new();
            #[doc = concat!("assert!(set", $pin, ".insert(1));")]
            #[doc = concat!("assert!(!set", $pin, ".insert(1));")]
            /// ```
            #[inline]
            pub fn insert(&self, element: K) -> bool {
                self.map.insert_new(element, ())
            }

            /// Inserts many elements: [`insert`](Self::insert) for each of them, in order, with the cache misses of 32 at
            /// a time side by side. Returns how many were inserted.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::from([1]);
            #[doc = concat!("assert_eq!(set", $pin, ".insert_many([1, 2, 2, 3]), 2);")]
            /// ```
            pub fn insert_many(&self, elements: impl IntoIterator<Item = K>) -> usize {
                self.map.insert_many_new(elements.into_iter().map(|element| (element, ())))
            }

            /// Puts an element into the set in place of the equal one, if there is one. Returns that one.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::new();
            #[doc = concat!("assert_eq!(set", $pin, ".replace('a'), None);")]
            #[doc = concat!("assert_eq!(set", $pin, ".replace('a'), Some('a'));")]
            /// ```
            pub fn replace(&self, element: K) -> Option<K> {
                match self.map.compute(element, |_| Operation::<(), ()>::Insert(())) {
                    Compute::Updated { old: (old, ()), .. } => Some(old),
                    _ => None,
                }
            }

            /// The element of the set that is equal to this one, which is inserted if there is none.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::new();
            #[doc = concat!("assert_eq!(set", $pin, ".get_or_insert(1), 1);")]
            /// ```
            #[inline]
            pub fn get_or_insert(&self, element: K) -> K {
                self.map.find_or_insert(element)
            }

            /// The element of the set that is equal to this one, or the closure's, which is inserted if there is none.
            ///
            /// The closure runs once at most. If what it makes is not equal to the argument, it is inserted as what it
            /// is, or the element that is equal to it returned.
            ///
            /// # Examples
            /// ```
            /// let set = snaptrie::CopyTrieSet::new();
            #[doc = concat!("assert_eq!(set", $pin, ".get_or_insert_with(&1, |one| *one), 1);")]
            /// ```
            pub fn get_or_insert_with<Q>(&self, element: &Q, make: impl FnOnce(&Q) -> K) -> K
            where
                Q: Hash + Equivalent<K> + ?Sized,
            {
                match self.get(element) {
                    Some(element) => element,
                    None => self.get_or_insert(make(element)),
                }
            }
        }

        impl<'p, K: Plain, S, M: CopyMode<K, ()>> IntoIterator for &'p $Type<$($life,)? K, S, M> {
            type Item = K;
            type IntoIter = CopyKeys<'p, K, (), M>;

            fn into_iter(self) -> CopyKeys<'p, K, (), M> {
                self.iter()
            }
        }
    };
}

operations!(CopySet[], "");
operations!(CopyPinnedSet['_], ".pin()");
collection!(CopySet, M: CopyMode, Plain);
equality!(CopyTrieSet, Plain);
equality!(CopyFlatSet, Plain);

impl<K: Plain, M: CopyMode<K, ()>> CopySet<K, RandomState, M> {
    /// An empty set. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::CopyTrieSet::<u64>::new().is_empty());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }
}

impl<K: Plain, S, M: CopyMode<K, ()>> CopySet<K, S, M> {
    /// The set's hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let set = snaptrie::CopyTrieSet::<u32>::new();
    /// assert_eq!(set.hasher().hash_one(1), set.hasher().hash_one(1));
    /// ```
    pub const fn hasher(&self) -> &S {
        self.map.hasher()
    }

    /// The map that holds the elements as keys, for what only maps can do.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::from([1]);
    /// assert_eq!(set.as_map().remove_if(&1, |element, ()| *element > 3), None);
    /// ```
    pub const fn as_map(&self) -> &CopyMap<K, (), S, M> {
        &self.map
    }

    /// A handle for the calling thread: the same operations, for less each.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::new();
    /// let pinned = set.pin();
    /// assert!(pinned.insert(1) && pinned.contains(&1));
    /// ```
    #[inline]
    pub fn pin(&self) -> CopyPinnedSet<'_, K, S, M> {
        CopyPinnedSet { map: self.map.pin() }
    }

    /// Frees memory that the set has given up. Returns whether nothing is left. As [`CopyMap::flush`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::from([1, 2]);
    /// set.remove(&1);
    /// set.flush();
    /// assert_eq!(set.len(), 1);
    /// ```
    pub fn flush(&self) -> bool {
        self.map.flush()
    }
}

impl<'m, K: Plain, S, M: CopyMode<K, ()>> CopyPinnedSet<'m, K, S, M> {
    #[cfg(feature = "rayon")]
    pub(crate) fn as_pinned_map(&self) -> &CopyPinned<'m, K, (), S, M> {
        &self.map
    }

    /// Renews the handle, and frees the garbage of the set that is due. As [`CopyPinned::refresh`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::new();
    /// let mut pinned = set.pin();
    /// for i in 0..10_000 {
    ///     pinned.insert(i);
    ///     if i % 1_000 == 0 {
    ///         pinned.refresh();
    ///     }
    /// }
    /// ```
    pub fn refresh(&mut self) {
        self.map.refresh();
    }
}

impl<K: Plain, S> CopyTrieSet<K, S> {
    /// An empty set with this hasher. Allocates nothing. `const`, so that a set can be a `static`.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{CopyTrieSet, FixedState};
    ///
    /// static SEEN: CopyTrieSet<u64, FixedState> = CopyTrieSet::with_hasher(FixedState::with_seed(7));
    /// assert!(SEEN.insert(1));
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: CopyTrieMap::with_hasher(hasher) }
    }

    /// Removes all elements at one instant, and then frees memory. As [`CopyTrieMap::clear`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::from([1, 2]);
    /// set.clear();
    /// assert!(set.is_empty());
    /// ```
    pub fn clear(&self) {
        self.map.clear();
    }
}

impl<K: Plain, S: Clone> CopyTrieSet<K, S> {
    /// The set's content at one instant. O(1), lock-free; writers go on. As [`CopyTrieMap::snapshot`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::from([1]);
    /// let snapshot = set.snapshot();
    /// set.insert(2);
    /// assert!(snapshot.contains(&1) && !snapshot.contains(&2));
    /// ```
    pub fn snapshot(&self) -> SetSnapshot<K, S, Inline> {
        SetSnapshot::new(self.map.snapshot())
    }

    /// Takes all elements out at one instant and returns them. O(1), lock-free. As [`CopyTrieMap::take`].
    ///
    /// # Examples
    /// ```
    /// let dirty = snaptrie::CopyTrieSet::from([1, 2]);
    /// let work = dirty.take();
    /// dirty.insert(3); // for the next round
    /// assert_eq!(work.len(), 2);
    /// ```
    pub fn take(&self) -> SetSnapshot<K, S, Inline> {
        SetSnapshot::new(self.map.take())
    }

    /// A set of its own with the content of this one at one instant. O(1), lock-free. As [`CopyTrieMap::fork`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyTrieSet::from([1]);
    /// let fork = set.fork();
    /// fork.insert(2);
    /// assert_eq!((set.len(), fork.len()), (1, 2));
    /// ```
    #[must_use = "a fork is a set of its own"]
    pub fn fork(&self) -> Self {
        Self { map: self.map.fork() }
    }
}

/// [`CopyTrieSet::fork`]: O(1), one instant, both sides independent.
impl<K: Plain, S: Clone> Clone for CopyTrieSet<K, S> {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Lists the elements of one instant.
impl<K: Plain + fmt::Debug, S> fmt::Debug for CopyTrieSet<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.map.content().keys()).finish()
    }
}

impl<K: Plain> CopyFlatSet<K> {
    /// An empty set with room for this many elements. As [`CopyFlatMap::with_capacity`](crate::CopyFlatMap::with_capacity).
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::CopyFlatSet::<u64>::with_capacity(1_000).capacity() >= 1_000);
    /// ```
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }
}

impl<K: Plain, S> CopyFlatSet<K, S> {
    /// An empty set with this hasher. Allocates nothing. `const`, so that a set can be a `static`.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{CopyFlatSet, FixedState};
    ///
    /// static SEEN: CopyFlatSet<u64, FixedState> = CopyFlatSet::with_hasher(FixedState::with_seed(7));
    /// assert!(SEEN.insert(1));
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: CopyMap::<K, (), S, mode::Flat>::with_hasher(hasher) }
    }

    /// An empty set with this hasher, and room for this many elements.
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{CopyFlatSet, FixedState};
    ///
    /// let hasher = FixedState::with_seed(7);
    /// let set = CopyFlatSet::<u64, _>::with_capacity_and_hasher(100, hasher);
    /// assert!(set.capacity() >= 100);
    /// ```
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        let map = CopyMap::<K, (), S, mode::Flat>::with_capacity_and_hasher(capacity, hasher);
        Self { map }
    }

    /// Number of elements for which the present table has room.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::CopyFlatSet::<u32>::new().capacity(), 0);
    /// ```
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }
}

impl<K: Plain + Hash, S: BuildHasher> CopyFlatSet<K, S> {
    /// Removes all elements, one by one. As [`CopyFlatMap::clear`](crate::CopyFlatMap::clear).
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyFlatSet::from([1, 2]);
    /// set.clear();
    /// assert!(set.is_empty());
    /// ```
    pub fn clear(&self) {
        self.map.clear();
    }

    /// Makes room for this many elements more than there are. As [`CopyFlatMap::reserve`](crate::CopyFlatMap::reserve).
    ///
    /// # Panics
    /// If that is more room than there can be; the set stays as it was.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyFlatSet::from([1]);
    /// set.reserve(1_000);
    /// assert!(set.capacity() >= 1_001);
    /// ```
    pub fn reserve(&self, additional: usize) {
        self.map.reserve(additional);
    }

    /// Makes the table as small as its elements allow. As
    /// [`CopyFlatMap::shrink_to_fit`](crate::CopyFlatMap::shrink_to_fit).
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyFlatSet::<u32>::with_capacity(1_000);
    /// set.shrink_to_fit();
    /// assert!(set.capacity() < 1_000);
    /// ```
    pub fn shrink_to_fit(&self) {
        self.map.shrink_to_fit();
    }
}

impl<K: Plain + Hash + Eq, S: BuildHasher + Clone> CopyFlatSet<K, S> {
    /// A [`CopyTrieSet`] with the elements, and the same hasher. As
    /// [`CopyFlatMap::to_trie`](crate::CopyFlatMap::to_trie).
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::CopyFlatSet::from([1, 2]);
    /// let snapshot = set.to_trie().snapshot();
    /// assert!(snapshot.contains(&2));
    /// ```
    #[must_use = "the result is a set of its own"]
    pub fn to_trie(&self) -> CopyTrieSet<K, S> {
        self.map.to_trie().into()
    }
}

/// Copies every element. Weakly consistent, as an iteration is.
impl<K: Plain + Hash + Eq, S: BuildHasher + Clone> Clone for CopyFlatSet<K, S> {
    fn clone(&self) -> Self {
        Self { map: self.map.clone() }
    }
}

/// [`SetSnapshot::to_copy_flat`].
impl<K, S, M> From<&SetSnapshot<K, S, M>> for CopyFlatSet<K, S>
where
    K: Plain + Hash + Eq,
    S: BuildHasher + Clone,
    M: TrieMode<K, ()>,
{
    fn from(snapshot: &SetSnapshot<K, S, M>) -> Self {
        snapshot.to_copy_flat()
    }
}

/// Lists the elements, weakly consistent.
impl<K: Plain + fmt::Debug, S> fmt::Debug for CopyFlatSet<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pin().fmt(f)
    }
}

/// Lists the elements, weakly consistent.
impl<K: Plain + fmt::Debug, S, M: CopyMode<K, ()>> fmt::Debug for CopyPinnedSet<'_, K, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

/// The keys of a map without values.
impl<K: Plain, S, M: CopyMode<K, ()>> From<CopyMap<K, (), S, M>> for CopySet<K, S, M> {
    fn from(map: CopyMap<K, (), S, M>) -> Self {
        Self { map }
    }
}
