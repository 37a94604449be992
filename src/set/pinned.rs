//! The operations on a live set.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use crate::map::Stays;
use crate::mode::{Mode, Trie};
use crate::{Compute, Keys, Operation, Pinned};

/// A handle to a set for the calling thread, from [`TrieSet::pin`](crate::TrieSet::pin) or
/// [`FlatSet::pin`](crate::FlatSet::pin).
///
/// What is said of [`Pinned`] holds here: references live as long as the borrow of the handle, no
/// operation waits, and any method may be called while anything is held.
///
/// # Examples
/// ```
/// let set = snaptrie::TrieSet::from(["a"]);
/// let pinned = set.pin();
/// let a = pinned.get("a");
/// assert!(pinned.remove("a"));
/// assert_eq!(a, Some(&"a")); // freed only later
/// ```
pub struct PinnedSet<'m, K, S = crate::RandomState, M: Mode<K, ()> = Trie> {
    keys: Pinned<'m, K, (), S, M>,
}

impl<'m, K, S, M: Mode<K, ()>> PinnedSet<'m, K, S, M> {
    #[inline]
    pub(super) fn new(keys: Pinned<'m, K, (), S, M>) -> Self {
        Self { keys }
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn as_pinned_map(&self) -> &Pinned<'m, K, (), S, M> {
        &self.keys
    }

    /// Renews the handle, and frees the garbage of the set that is due. As [`Pinned::refresh`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::new();
    /// let mut pinned = set.pin();
    /// for i in 0..10_000 {
    ///     pinned.insert(i);
    ///     pinned.remove(&i);
    ///     if i % 1_000 == 0 {
    ///         pinned.refresh();
    ///     }
    /// }
    /// ```
    pub fn refresh(&mut self) {
        self.keys.refresh();
    }

    /// Number of elements. Weakly consistent: exact if nobody writes meanwhile. Costs what
    /// [`Pinned::len`] does.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::FlatSet::from([1, 2]).pin().len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether the set is empty. Stops at the first element it finds.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::FlatSet::<u32>::new().pin().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Iterates over the elements, in no particular order. Weakly consistent, see
    /// [`Iter`](crate::Iter).
    ///
    /// # Examples
    /// ```
    /// assert_eq!(snaptrie::TrieSet::from([1, 2]).pin().iter().sum::<i32>(), 3);
    /// ```
    pub fn iter(&self) -> Keys<'_, K, (), M> {
        self.keys.keys()
    }
}

/// Looking up and removing. Each operation is linearizable and waits for nothing.
///
/// # Panics
/// These methods panic if `Hash` or `Eq` of the element or the closure does; the set stays as it was.
impl<K: Hash, S: BuildHasher, M: Mode<K, ()>> PinnedSet<'_, K, S, M> {
    /// Whether an element is in the set.
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::TrieSet::from(["a".to_string()]).pin().contains("a"));
    /// ```
    #[inline]
    pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
        self.keys.contains_key(element)
    }

    /// Whether each of many elements is in the set, in their order, with the cache misses of 32 at a
    /// time side by side. As [`Pinned::get_many`].
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1, 2]);
    /// let pinned = set.pin();
    /// assert_eq!(pinned.contains_many(&[2, 3, 1]).collect::<Vec<_>>(), [true, false, true]);
    /// ```
    pub fn contains_many<'p, 'q, Q, I>(&'p self, elements: I) -> impl Iterator<Item = bool>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 'p,
    {
        self.keys.contains_many(elements)
    }

    /// The element of the set that is equal to this one.
    ///
    /// # Examples
    /// ```
    /// let words = snaptrie::TrieSet::from(["a".to_string()]);
    /// assert_eq!(words.pin().get("a"), Some(&"a".to_string()));
    /// ```
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<&K> {
        self.keys.get_key_value(element).map(|(element, ())| element)
    }

    /// Removes an element. Returns whether it was in the set.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from(["a"]);
    /// assert!(set.pin().remove("a"));
    /// assert!(!set.pin().remove("a"));
    /// ```
    #[inline]
    pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
        self.remove_get(element).is_some()
    }

    /// Removes an element. Returns the one that was in the set.
    ///
    /// The standard set calls this `take`; here [`take`](crate::TrieSet::take) takes all elements out.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from(["a".to_string()]);
    /// assert_eq!(set.pin().remove_get("a"), Some(&"a".to_string()));
    /// ```
    #[inline]
    pub fn remove_get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<&K> {
        self.keys.remove_entry(element).map(|(element, ())| element)
    }

    /// Removes the elements for which the closure does not hold. O(n). Weakly consistent, see
    /// [`Pinned::retain`].
    ///
    /// # Examples
    /// ```
    /// let set: snaptrie::TrieSet<u32> = (0..10).collect();
    /// set.pin().retain(|element| element % 2 == 0);
    /// assert_eq!(set.len(), 5);
    /// ```
    pub fn retain(&self, mut keep: impl FnMut(&K) -> bool)
    where
        K: Eq,
    {
        self.keys.retain(|element, ()| keep(element));
    }
}

/// Inserting. Each operation is linearizable and lock-free.
///
/// # Panics
/// These methods panic if `Hash` or `Eq` of the element or the closure does; the set stays as it was,
/// and what was not inserted is dropped.
impl<K: Hash + Eq, S: BuildHasher, M: Mode<K, ()>> PinnedSet<'_, K, S, M> {
    /// Inserts an element if no equal one is in the set. Returns whether it was inserted.
    ///
    /// Of many threads that insert equal elements at once, one gets `true`.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::new();
    /// assert!(set.pin().insert("a"));
    /// assert!(!set.pin().insert("a"));
    /// ```
    #[inline]
    pub fn insert(&self, element: K) -> bool {
        let access = self.keys.access();
        access.insert_new(access.hash(&element), element, ())
    }

    /// Inserts many elements: [`insert`](Self::insert) for each of them, in order, with the cache
    /// misses of 32 at a time side by side. Returns how many were inserted.
    ///
    /// `extend` and `collect` do the same.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1]);
    /// assert_eq!(set.pin().insert_many([1, 2, 2, 3]), 2);
    /// ```
    pub fn insert_many(&self, elements: impl IntoIterator<Item = K>) -> usize {
        let entries = elements.into_iter().map(|element| (element, ()));
        self.keys.access().put_many(entries, Stays::First)
    }

    /// Removes many elements: [`remove`](Self::remove) for each of them, in order, with the cache misses of 32 at a time
    /// side by side. Returns how many were in the set.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::from([1, 2]);
    /// assert_eq!(set.pin().remove_many(&[2, 3, 2]), 1);
    /// ```
    pub fn remove_many<'q, Q, I>(&self, elements: I) -> usize
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
    {
        self.keys.remove_many(elements)
    }

    /// Puts an element into the set in place of the equal one, if there is one. Returns that one.
    ///
    /// # Examples
    /// ```
    /// let set = snaptrie::TrieSet::new();
    /// assert_eq!(set.pin().replace("a".to_string()), None);
    /// assert_eq!(set.pin().replace("a".to_string()), Some(&"a".to_string()));
    /// ```
    pub fn replace(&self, element: K) -> Option<&K> {
        match self.keys.compute(element, |_| Operation::<(), ()>::Insert(())) {
            Compute::Updated { old: (old, ()), .. } => Some(old),
            _ => None,
        }
    }

    /// The element of the set that is equal to this one, which is inserted if there is none.
    ///
    /// If it is there this is a lookup: it allocates nothing and writes nothing.
    ///
    /// # Examples
    /// ```
    /// let names = snaptrie::TrieSet::new();
    /// let pinned = names.pin();
    /// let first = pinned.get_or_insert("ann".to_string());
    /// let again = pinned.get_or_insert("ann".to_string());
    /// assert!(std::ptr::eq(first, again));
    /// ```
    #[inline]
    pub fn get_or_insert(&self, element: K) -> &K {
        self.keys.find_or_insert(element)
    }

    /// The element of the set that is equal to this one, or the closure's, which is inserted if there
    /// is none: for when an owned element is costly to make.
    ///
    /// The closure runs once at most. If what it makes is not equal to the argument, it is inserted as
    /// what it is, or the element that is equal to it returned.
    ///
    /// # Examples
    /// ```
    /// let names = snaptrie::TrieSet::new();
    /// let pinned = names.pin();
    /// let first = pinned.get_or_insert_with("ann", str::to_string);
    /// assert!(std::ptr::eq(first, pinned.get_or_insert_with("ann", |_| unreachable!())));
    /// ```
    pub fn get_or_insert_with<Q>(&self, element: &Q, make: impl FnOnce(&Q) -> K) -> &K
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        match self.get(element) {
            Some(element) => element,
            None => self.get_or_insert(make(element)),
        }
    }
}

impl<'p, K, S, M: Mode<K, ()>> IntoIterator for &'p PinnedSet<'_, K, S, M> {
    type Item = &'p K;
    type IntoIter = Keys<'p, K, (), M>;

    fn into_iter(self) -> Keys<'p, K, (), M> {
        self.iter()
    }
}

/// Lists the elements, weakly consistent.
impl<K: fmt::Debug, S, M: Mode<K, ()>> fmt::Debug for PinnedSet<'_, K, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}
