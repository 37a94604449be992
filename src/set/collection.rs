//! Methods and traits that all sets have in common.

/// Implements them. `$Example` is the set in the examples, `$M` the kind, for a set that has several, and `$bound` the
/// bound of its elements.
macro_rules! collection {
    (
        $Set:ident, $Map:ident, $Pinned:ident<$kind:ty>, $Example:literal
        $(, $M:ident: $Place:ident, $bound:ident)?
    ) => {
        impl<K $(: $bound)? $(, $M: Kind<K, (), $Place>)?> $Set<K, RandomState $(, $M)?> {
            /// An empty set. Allocates nothing.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("assert!(snaptrie::", $Example, "::<u64>::new().is_empty());")]
            /// ```
            pub fn new() -> Self {
                Self::default()
            }
        }

        impl<K $(: $bound)?, S $(, $M: Kind<K, (), $Place>)?> $Set<K, S $(, $M)?> {
            /// The set's hasher.
            ///
            /// # Examples
            /// ```
            /// use std::hash::BuildHasher;
            ///
            #[doc = concat!("let set = snaptrie::", $Example, "::<u32>::new();")]
            /// assert_eq!(set.hasher().hash_one(1), set.hasher().hash_one(1));
            /// ```
            pub const fn hasher(&self) -> &S {
                self.map.hasher()
            }

            /// The map that holds the elements as keys, for operations that only maps have.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Example, "::from([1]);")]
            /// let pinned = set.as_map().pin();
            /// assert_eq!(pinned.remove_if(&1, |element, ()| *element > 3), None);
            /// ```
            pub const fn as_map(&self) -> &$Map<K, (), S $(, $M)?> {
                &self.map
            }

            /// A handle for the calling thread, with all operations on elements.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Example, "::new();")]
            /// let pinned = set.pin();
            /// assert!(pinned.insert(1) && pinned.contains(&1));
            /// ```
            #[inline]
            pub fn pin(&self) -> $Pinned<'_, K, S, $kind> {
                $Pinned::new(self.map.pin())
            }

            #[doc = concat!(
                "Frees removed elements now, as far as possible. Returns true if none are left. See [`",
                stringify!($Map), "::flush`]."
            )]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Example, "::from([1, 2]);")]
            /// set.remove(&1);
            /// set.flush();
            /// assert_eq!(set.len(), 1);
            /// ```
            pub fn flush(&self) -> bool {
                self.map.flush()
            }
        }

        /// The keys of a map without values.
        impl<K $(: $bound)?, S $(, $M: Kind<K, (), $Place>)?> From<$Map<K, (), S $(, $M)?>> for $Set<K, S $(, $M)?> {
            fn from(map: $Map<K, (), S $(, $M)?>) -> Self {
                Self { map }
            }
        }

        impl<K $(: $bound)?, S: Default $(, $M: Kind<K, (), $Place>)?> Default for $Set<K, S $(, $M)?> {
            fn default() -> Self {
                Self { map: Default::default() }
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher + Default $(, $M: Kind<K, (), $Place>)?> FromIterator<K>
            for $Set<K, S $(, $M)?>
        {
            /// Of equal elements, the first one stays.
            fn from_iter<I: IntoIterator<Item = K>>(elements: I) -> Self {
                Self::collect(S::default(), elements)
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, (), $Place>)?> $Set<K, S $(, $M)?> {
            pub(super) fn collect(hasher: S, elements: impl IntoIterator<Item = K>) -> Self {
                let entries = elements.into_iter().map(|element| (element, ()));
                Self { map: $Map::collect(hasher, entries, Stays::First) }
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, const N: usize $(, $M: Kind<K, (), $Place>)?> From<[K; N]>
            for $Set<K, RandomState $(, $M)?>
        {
            fn from(elements: [K; N]) -> Self {
                elements.into_iter().collect()
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, (), $Place>)?> Extend<K> for $Set<K, S $(, $M)?> {
            fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
                let entries = elements.into_iter().map(|element| (element, ()));
                self.map.base.insert_all(entries, Stays::First);
            }
        }

        /// Extends a shared set: `(&set).extend(elements)`. Each element is inserted separately.
        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, (), $Place>)?> Extend<K> for &$Set<K, S $(, $M)?> {
            fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
                let entries = elements.into_iter().map(|element| (element, ()));
                self.map.base.insert_all(entries, Stays::First);
            }
        }

        impl<'a, K: Hash + Eq + Copy $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, (), $Place>)?> Extend<&'a K>
            for $Set<K, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = &'a K>>(&mut self, elements: I) {
                self.extend(elements.into_iter().copied());
            }
        }

        impl<'a, K: Hash + Eq + Copy $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, (), $Place>)?> Extend<&'a K>
            for &$Set<K, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = &'a K>>(&mut self, elements: I) {
                self.extend(elements.into_iter().copied());
            }
        }
    };
}
pub(super) use collection;

/// Implements the methods without a handle of sets that return references.
macro_rules! by_reference {
    ($Set:ident, $Map:ident) => {
        /// Single operations without a handle. Each makes one for its duration, and returns nothing that borrows from
        /// it.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the element, or the closure, panics. The set then stays as it was.
        impl<K: Hash + Eq, S: BuildHasher> $Set<K, S> {
            /// Whether an element is in the set.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([\"a\".to_string()]);")]
            /// assert!(set.contains("a"));
            /// ```
            #[inline]
            pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
                self.map.contains_key(element)
            }

            /// Inserts an element if no equal one is in the set. Returns whether it was inserted.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::new();")]
            /// assert!(set.insert("a"));
            /// assert!(!set.insert("a"));
            /// ```
            #[inline]
            pub fn insert(&self, element: K) -> bool {
                self.pin().insert(element)
            }

            /// Removes an element. Returns whether it was in the set.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([\"a\"]);")]
            /// assert!(set.remove("a"));
            /// assert!(!set.remove("a"));
            /// ```
            #[inline]
            pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
                self.map.remove(element)
            }

            #[doc = concat!(
                "Removes the elements for which the closure returns false, and frees them on the way. O(n). See [`",
                stringify!($Map), "::retain`]."
            )]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set: snaptrie::", stringify!($Set), "<u32> = (0..10).collect();")]
            /// set.retain(|element| element % 2 == 0);
            /// assert_eq!(set.len(), 5);
            /// ```
            pub fn retain(&self, mut keep: impl FnMut(&K) -> bool) {
                self.map.retain(|element, ()| keep(element));
            }
        }

        impl<K, S> $Set<K, S> {
            /// Number of elements. See [`PinnedSet::len`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("assert_eq!(snaptrie::", stringify!($Set), "::from([1, 2, 2]).len(), 2);")]
            /// ```
            pub fn len(&self) -> usize {
                self.map.len()
            }

            /// Whether the set is empty. See [`PinnedSet::is_empty`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("assert!(!snaptrie::", stringify!($Set), "::from([1, 2]).is_empty());")]
            /// ```
            pub fn is_empty(&self) -> bool {
                self.map.is_empty()
            }
        }
    };
}
pub(super) use by_reference;
