//! Methods and traits that `TrieSet` and `CopyTrieSet` have in common.

/// Implements them. `$mode` is the place of the set's elements, `$bound` their bound.
macro_rules! trie_operations {
    ($Set:ident, $Map:ident, $mode:ty $(, $bound:ident)?) => {
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
                Self { map: $Map::with_hasher(hasher) }
            }

            #[doc = concat!("Removes all elements at one instant, and then frees them. See [`", stringify!($Map), "::clear`].")]
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

            /// The elements by value, in no particular order.
            ///
            /// # Errors
            #[doc = concat!("Returns the set if snapshots or forks share its elements. See [`", stringify!($Map), "::try_into_iter`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1, 2]);")]
            /// assert_eq!(set.try_into_iter().unwrap().sum::<i32>(), 3);
            /// ```
            #[doc(alias("drain", "into_iter"))]
            pub fn try_into_iter(self) -> Result<IntoKeys<K>, Self> {
                self.map.try_into_iter().map(IntoKeys).map_err(|map| Self { map })
            }
        }

        impl<K $(: $bound)?, S: Clone> $Set<K, S> {
            #[doc = concat!("The set's content at one instant. O(1), lock-free. Writers continue meanwhile. See [`", stringify!($Map), "::snapshot`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1]);")]
            /// let snapshot = set.snapshot();
            /// set.insert(2);
            /// assert!(snapshot.contains(&1) && !snapshot.contains(&2));
            /// ```
            #[doc(alias("into_read_only", "freeze", "pin_owned"))]
            pub fn snapshot(&self) -> SetSnapshot<K, S, $mode> {
                SetSnapshot::new(self.map.snapshot())
            }

            #[doc = concat!("Takes all elements out at one instant and returns them. O(1), lock-free. See [`", stringify!($Map), "::take`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let dirty = snaptrie::", stringify!($Set), "::from([1, 2]);")]
            /// let work = dirty.take();
            /// dirty.insert(3); // for the next round
            /// assert_eq!(work.len(), 2);
            /// ```
            #[doc(alias = "drain")]
            pub fn take(&self) -> SetSnapshot<K, S, $mode> {
                SetSnapshot::new(self.map.take())
            }

            #[doc = concat!("A new, independent set with the content of this one at one instant. O(1), lock-free. See [`", stringify!($Map), "::fork`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1]);")]
            /// let fork = set.fork();
            /// fork.insert(2);
            /// assert_eq!((set.len(), fork.len()), (1, 2));
            /// ```
            #[must_use = "a fork is a set of its own"]
            pub fn fork(&self) -> Self {
                Self { map: self.map.fork() }
            }
        }

        impl<K $(: $bound)?, S: Clone> SetSnapshot<K, S, $mode> {
            #[doc = concat!("A [`", stringify!($Set), "`] that begins with this content. O(1). See [`Snapshot::fork`](crate::Snapshot::fork).")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", stringify!($Set), "::from([1]);")]
            /// let checkpoint = set.snapshot();
            /// set.pin().insert(2);
            /// assert_eq!(checkpoint.fork().len(), 1);
            /// ```
            #[must_use = "a fork is a set of its own"]
            pub fn fork(&self) -> $Set<K, S> {
                self.as_map().fork().into()
            }
        }

        /// Compares two sets as two maps are compared.
        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher> PartialEq for $Set<K, S> {
            fn eq(&self, other: &Self) -> bool {
                self.map == other.map
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher> Eq for $Set<K, S> {}

        #[doc = concat!("[`", stringify!($Set), "::fork`]: O(1), one instant, both sides independent.")]
        impl<K $(: $bound)?, S: Clone> Clone for $Set<K, S> {
            fn clone(&self) -> Self {
                self.fork()
            }
        }

        /// Lists the elements of one instant.
        impl<K: fmt::Debug $(+ $bound)?, S> fmt::Debug for $Set<K, S> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self.map.content().keys()).finish()
            }
        }
    };
}
pub(super) use trie_operations;
