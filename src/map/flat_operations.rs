//! Methods and traits that `FlatMap` and `CopyFlatMap` have in common.

/// `$bound` is the bound of keys and values, `$Trie` the map with snapshots, and `$parts` turns an item of an iteration
/// into an owned entry.
macro_rules! flat_operations {
    ($Map:ident, $Trie:ident, $parts:expr $(, $bound:ident)?) => {
        impl<K $(: $bound)?, V $(: $bound)?> $Map<K, V> {
            /// An empty map with room for this many entries, so that inserting them moves nothing.
            ///
            /// The room stays, as after [`Self::reserve`]. Its memory is allocated when it is first used, a leaf of a
            /// few KiB at a time.
            ///
            /// # Panics
            /// If the capacity overflows.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::<u64, u64>::with_capacity(1_000);")]
            /// assert!(map.capacity() >= 1_000);
            /// ```
            pub fn with_capacity(capacity: usize) -> Self {
                Self::with_capacity_and_hasher(capacity, RandomState::default())
            }
        }

        impl<K $(: $bound)?, V $(: $bound)?, S> $Map<K, V, S> {
            /// An empty map with this hasher. Allocates nothing.
            ///
            /// `const`, so that a map can be a `static`. See [`RandomState`] for the choice of a hasher.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::{", stringify!($Map), ", FixedState};")]
            ///
            #[doc = concat!("static SEEN: ", stringify!($Map), "<u64, u64, FixedState> =")]
            #[doc = concat!("    ", stringify!($Map), "::with_hasher(FixedState::with_seed(7));")]
            /// SEEN.pin().insert(1, 42);
            /// assert!(SEEN.pin().contains_key(&1));
            /// ```
            pub const fn with_hasher(hasher: S) -> Self {
                Self { base: Base { engine: Flat::new(Collector::Global), hasher } }
            }

            /// An empty map with this hasher, and room for this many entries. The room stays, as after
            /// [`Self::reserve`].
            ///
            /// # Panics
            /// If the capacity overflows.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::{FixedState, ", stringify!($Map), "};")]
            ///
            /// let hasher = FixedState::with_seed(7);
            #[doc = concat!("let map = ", stringify!($Map), "::<u64, u64, _>::with_capacity_and_hasher(100, hasher);")]
            /// assert!(map.capacity() >= 100);
            /// ```
            pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
                Self { base: Base { engine: Flat::with_capacity(capacity, Collector::global()), hasher } }
            }

            /// Number of entries for which the table has room. O(1).
            ///
            /// The table grows only when it holds more, and shrinks when little of it is used. Within it, leaves grow
            /// and shrink separately.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::<u32, u32>::with_capacity(10);")]
            /// assert!(map.capacity() >= 10);
            /// ```
            pub fn capacity(&self) -> usize {
                self.base.engine.capacity(&self.base.pin())
            }

            /// Memory and shape of the map. O(capacity). While other threads write, each number is that of some moment
            /// during the call.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 'a'), (2, 'b')]);")]
            /// let stats = map.stats();
            /// assert_eq!(stats.entries, 2);
            /// assert!(stats.load() <= 1.0 && stats.moving.is_none());
            /// println!("{stats}");
            /// ```
            pub fn stats(&self) -> FlatStats {
                let engine = &self.base.engine;
                FlatStats::new(self.len(), engine.entry_bytes(), &engine.tally())
            }
        }

        impl<K: Hash $(+ $bound)?, V $(: $bound)?, S: BuildHasher> $Map<K, V, S> {
            /// Removes all entries, leaf by leaf, frees them as it goes, and frees the table. O(n + capacity).
            ///
            /// This is not one instant: other threads may see some entries gone and others still there. All entries
            /// that were in the map at the start are gone at the end. Those that other threads insert meanwhile may
            /// stay. Some memory may be freed later: see [`Self::flush`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 1), (2, 2)]);")]
            /// map.clear();
            /// assert!(map.is_empty());
            /// ```
            pub fn clear(&self) {
                self.base.engine.clear(&self.base.rehash());
            }

            /// Makes room for this many more entries, so that inserting them moves nothing.
            ///
            /// Moves the whole table now if it is too small: O(n + capacity). Other threads continue, and help. The
            /// room stays until [`Self::shrink_to_fit`] or [`Self::clear`]: removals do not shrink the table below it.
            ///
            /// # Panics
            /// If the capacity overflows. The map then stays as it was.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 1)]);")]
            /// map.reserve(1_000);
            /// assert!(map.capacity() >= 1_001);
            /// ```
            pub fn reserve(&self, additional: usize) {
                self.base.engine.make_room(additional, true, &self.base.pin(), &self.base.rehash());
            }

            /// Makes the table as small as its entries allow. O(n + capacity). Other threads continue, and help.
            ///
            /// When little of it is used, a map also shrinks by itself during later writes, but less.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::with_capacity(1_000);")]
            /// map.pin().insert('a', 1);
            /// map.shrink_to_fit();
            /// assert!(map.capacity() < 1_000);
            /// ```
            pub fn shrink_to_fit(&self) {
                self.base.engine.shrink_to_fit(&self.base.pin(), &self.base.rehash());
            }
        }

        impl<K, V, S> $Map<K, V, S>
        where
            K: Clone + Hash + Eq $(+ $bound)?,
            V: Clone $(+ $bound)?,
            S: BuildHasher + Clone,
        {
            #[doc = concat!("A [`", stringify!($Trie), "`] with clones of the entries, and the same hasher. O(n).")]
            ///
            /// Weakly consistent, like an iteration over this map.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let table = snaptrie::", stringify!($Map), "::from([('a', 1), ('b', 2)]);")]
            /// let map = table.to_trie();
            /// table.pin().insert('a', 3);
            /// assert_eq!(map.snapshot()[&'a'], 1);
            /// ```
            #[must_use = "the result is a new map"]
            pub fn to_trie(&self) -> $Trie<K, V, S> {
                let (hasher, pinned) = (self.base.hasher.clone(), self.pin());
                $Trie::collect(hasher, pinned.iter().map($parts), Stays::Last)
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher> $Map<K, V, S> {
            /// Applies the changes between two snapshots to this map.
            ///
            /// Each key is changed in one atomic step, one after another: other threads may see some of the changes.
            /// Costs as much as these removals and insertions.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::{", stringify!($Map), ", OwnedDiff};")]
            ///
            #[doc = concat!("let map = ", stringify!($Map), "::from([(1, 'a')]);")]
            /// map.apply(OwnedDiff { put: vec![(2, 'b')], removed: vec![1] });
            #[doc = concat!("assert_eq!(map, ", stringify!($Map), "::from([(2, 'b')]));")]
            /// ```
            pub fn apply(&self, diff: OwnedDiff<K, V>) {
                self.base.apply(&diff.removed, diff.put);
            }
        }

        /// Changing values in place, through a mutable borrow of the map.
        impl<K $(: $bound)?, V $(: $bound)?, S> $Map<K, V, S> {
            /// A mutable reference to the value of a key.
            ///
            /// # Panics
            /// If `Hash` or `Eq` of the key panics.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let mut map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// if let Some(value) = map.get_mut(&'a') {
            ///     *value += 10;
            /// }
            #[doc = concat!("assert_eq!(map, snaptrie::", stringify!($Map), "::from([('a', 11)]));")]
            /// ```
            pub fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
            where
                Q: Hash + Equivalent<K> + ?Sized,
                S: BuildHasher,
            {
                let Base { engine, hasher } = &mut self.base;
                engine.get_mut(hash::of(hasher, key), |candidate| key.equivalent(candidate))
            }

            /// Iterates over the entries with mutable references to the values, in no particular order. O(n +
            /// capacity), with memory for two references per entry.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let mut map = snaptrie::", stringify!($Map), "::from([(1, 10), (2, 20)]);")]
            /// for (key, value) in map.iter_mut() {
            ///     *value += key;
            /// }
            #[doc = concat!("assert_eq!(map, snaptrie::", stringify!($Map), "::from([(1, 11), (2, 22)]));")]
            /// ```
            pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
                IterMut::new(self.base.engine.pairs_mut())
            }

            /// Iterates over mutable references to the values. See [`Self::iter_mut`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let mut map = snaptrie::", stringify!($Map), "::from([('a', 1), ('b', 2)]);")]
            /// map.values_mut().for_each(|value| *value *= 10);
            #[doc = concat!("assert_eq!(map, snaptrie::", stringify!($Map), "::from([('a', 10), ('b', 20)]));")]
            /// ```
            pub fn values_mut(&mut self) -> ValuesMut<'_, K, V> {
                ValuesMut(self.iter_mut())
            }
        }

        impl<'a, K $(: $bound)?, V $(: $bound)?, S> IntoIterator for &'a mut $Map<K, V, S> {
            type Item = (&'a K, &'a mut V);
            type IntoIter = IterMut<'a, K, V>;

            fn into_iter(self) -> IterMut<'a, K, V> {
                self.iter_mut()
            }
        }

        /// Clones every entry. Weakly consistent, like an iteration. To share a map, clone an `Arc` of it.
        ///
        /// Unlike a standard map's, this needs `Hash`, `Eq` and `BuildHasher`, because the entries are inserted again.
        impl<K, V, S> Clone for $Map<K, V, S>
        where
            K: Clone + Hash + Eq $(+ $bound)?,
            V: Clone $(+ $bound)?,
            S: BuildHasher + Clone,
        {
            fn clone(&self) -> Self {
                let (hasher, pinned) = (self.base.hasher.clone(), self.pin());
                Self::collect(hasher, pinned.iter().map($parts), Stays::Last)
            }
        }

        /// [`Snapshot::to_flat`] or [`Snapshot::to_copy_flat`].
        impl<K, V, S, M> From<&Snapshot<K, V, S, M>> for $Map<K, V, S>
        where
            M: Place<K, V>,
            K: Clone + Hash + Eq $(+ $bound)?,
            V: Clone $(+ $bound)?,
            S: BuildHasher + Clone,
        {
            fn from(snapshot: &Snapshot<K, V, S, M>) -> Self {
                Self { base: snapshot.to_table() }
            }
        }

        /// A flat map with the entries of the map. They are cloned, because snapshots and forks may share them.
        impl<K, V, S> From<$Trie<K, V, S>> for $Map<K, V, S>
        where
            K: Clone + Hash + Eq $(+ $bound)?,
            V: Clone $(+ $bound)?,
            S: BuildHasher + Clone,
        {
            fn from(map: $Trie<K, V, S>) -> Self {
                Self::from(&map.snapshot())
            }
        }

        /// The entries by value, in no particular order. O(n + capacity), with memory for all of them at once.
        ///
        /// # Examples
        /// ```
        #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 'a'), (2, 'b')]);")]
        /// let mut entries: Vec<(i32, char)> = map.into_iter().collect();
        /// entries.sort();
        /// assert_eq!(entries, [(1, 'a'), (2, 'b')]);
        /// ```
        impl<K $(: $bound)?, V $(: $bound)?, S> IntoIterator for $Map<K, V, S> {
            type Item = (K, V);
            type IntoIter = IntoIter<K, V>;

            fn into_iter(self) -> IntoIter<K, V> {
                IntoIter::new(self.base.engine.into_pairs())
            }
        }

        #[doc = concat!("[`", stringify!($Map), "::to_trie`]. The entries are cloned.")]
        impl<K, V, S> From<$Map<K, V, S>> for $Trie<K, V, S>
        where
            K: Clone + Hash + Eq $(+ $bound)?,
            V: Clone $(+ $bound)?,
            S: BuildHasher + Clone,
        {
            fn from(map: $Map<K, V, S>) -> Self {
                map.to_trie()
            }
        }

        /// Looks each entry of one map up in the other. Exact if no thread writes to either meanwhile. To compare maps
        /// at one instant, use a map with snapshots.
        impl<K, V, S> PartialEq for $Map<K, V, S>
        where
            K: Hash + Eq $(+ $bound)?,
            V: PartialEq $(+ $bound)?,
            S: BuildHasher,
        {
            fn eq(&self, other: &Self) -> bool {
                self.base.is_equal(&other.base)
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V: Eq $(+ $bound)?, S: BuildHasher> Eq for $Map<K, V, S> {}

        /// Lists the entries, weakly consistent.
        impl<K: fmt::Debug $(+ $bound)?, V: fmt::Debug $(+ $bound)?, S> fmt::Debug
            for $Map<K, V, S>
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.pin().fmt(f)
            }
        }
    };
}
pub(super) use flat_operations;
