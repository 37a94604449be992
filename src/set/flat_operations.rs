//! Methods and traits that `FlatSet` and `CopyFlatSet` have in common.

/// Implements them. `$Trie` is the set with snapshots, `$to_flat` makes this set from one of its snapshots, and
/// `$bound` is the bound of elements.
macro_rules! flat_operations {
    ($Set:ident, $Map:ident, $Trie:ident, $to_flat:ident $(, $bound:ident)?) => {
        impl<K $(: $bound)?> $Set<K> {
            #[doc = concat!("An empty set with room for this many elements. See [`", stringify!($Map), "::with_capacity`].")]
            ///
            /// # Panics
            /// If the capacity overflows.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("assert!(snaptrie::", stringify!($Set), "::<u64>::with_capacity(1_000).capacity() >= 1_000);")]
            /// ```
            pub fn with_capacity(capacity: usize) -> Self {
                Self::with_capacity_and_hasher(capacity, RandomState::default())
            }
        }

        impl<K $(: $bound)?, S> $Set<K, S> {
            /// An empty set with this hasher. Allocates nothing. `const`, so that a set can be a `static`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::{FixedState, ", stringify!($Set), "};")]
            ///
            #[doc = concat!("static SEEN: ", stringify!($Set), "<u64, FixedState> =")]
            #[doc = concat!("    ", stringify!($Set), "::with_hasher(FixedState::with_seed(7));")]
            /// assert!(SEEN.insert(1));
            /// ```
            pub const fn with_hasher(hasher: S) -> Self {
                Self { map: $Map::<K, (), S>::with_hasher(hasher) }
            }

            /// An empty set with this hasher, and room for this many elements. The room stays, as after
            /// [`Self::reserve`].
            ///
            /// # Panics
            /// If the capacity overflows.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::{FixedState, ", stringify!($Set), "};")]
            ///
            /// let hasher = FixedState::with_seed(7);
            #[doc = concat!("let set = ", stringify!($Set), "::<u64, _>::with_capacity_and_hasher(100, hasher);")]
            /// assert!(set.capacity() >= 100);
            /// ```
            pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
                Self { map: $Map::<K, (), S>::with_capacity_and_hasher(capacity, hasher) }
            }

            #[doc = concat!("Number of elements for which the table has room. See [`", stringify!($Map), "::capacity`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("assert_eq!(snaptrie::", stringify!($Set), "::<u32>::new().capacity(), 0);")]
            /// ```
            pub fn capacity(&self) -> usize {
                self.map.capacity()
            }
        }

        impl<K: Hash $(+ $bound)?, S: BuildHasher> $Set<K, S> {
            #[doc = concat!("Removes all elements, leaf by leaf. See [`", stringify!($Map), "::clear`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1, 2]);")]
            /// set.clear();
            /// assert!(set.is_empty());
            /// ```
            pub fn clear(&self) {
                self.map.clear();
            }

            #[doc = concat!("Makes room for this many more elements. See [`", stringify!($Map), "::reserve`].")]
            ///
            /// # Panics
            /// If the capacity overflows. The set then stays as it was.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1]);")]
            /// set.reserve(1_000);
            /// assert!(set.capacity() >= 1_001);
            /// ```
            pub fn reserve(&self, additional: usize) {
                self.map.reserve(additional);
            }

            #[doc = concat!("Makes the table as small as its elements allow. See [`", stringify!($Map), "::shrink_to_fit`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::<u32>::with_capacity(1_000);")]
            /// set.shrink_to_fit();
            /// assert!(set.capacity() < 1_000);
            /// ```
            pub fn shrink_to_fit(&self) {
                self.map.shrink_to_fit();
            }
        }

        impl<K: Clone + Hash + Eq $(+ $bound)?, S: BuildHasher + Clone> $Set<K, S> {
            #[doc = concat!("A [`", stringify!($Trie), "`] with clones of the elements, and the same hasher. See [`", stringify!($Map), "::to_trie`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1, 2]);")]
            /// let snapshot = set.to_trie().snapshot();
            /// assert!(snapshot.contains(&2));
            /// ```
            #[must_use = "the result is a new set"]
            pub fn to_trie(&self) -> $Trie<K, S> {
                self.map.to_trie().into()
            }
        }

        #[doc = concat!("[`SetSnapshot::", stringify!($to_flat), "`].")]
        impl<K, S, M> From<&SetSnapshot<K, S, M>> for $Set<K, S>
        where
            K: Clone + Hash + Eq $(+ $bound)?,
            S: BuildHasher + Clone,
            M: Place<K, ()>,
        {
            fn from(snapshot: &SetSnapshot<K, S, M>) -> Self {
                snapshot.$to_flat()
            }
        }

        #[doc = concat!("The elements by value, in no particular order, like the entries of a [`", stringify!($Map), "`].")]
        impl<K $(: $bound)?, S> IntoIterator for $Set<K, S> {
            type Item = K;
            type IntoIter = IntoKeys<K>;

            fn into_iter(self) -> IntoKeys<K> {
                IntoKeys(self.map.into_iter())
            }
        }

        /// Compares two sets as two maps are compared.
        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher> PartialEq for $Set<K, S> {
            fn eq(&self, other: &Self) -> bool {
                self.map == other.map
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher> Eq for $Set<K, S> {}

        /// Clones every element. Weakly consistent, like an iteration.
        impl<K: Clone + Hash + Eq $(+ $bound)?, S: BuildHasher + Clone> Clone for $Set<K, S> {
            fn clone(&self) -> Self {
                Self { map: self.map.clone() }
            }
        }

        /// Lists the elements, weakly consistent.
        impl<K: fmt::Debug $(+ $bound)?, S> fmt::Debug for $Set<K, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.pin().fmt(f)
            }
        }
    };
}
pub(super) use flat_operations;
