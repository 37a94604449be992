//! Methods and traits that `TrieMap` and `CopyTrieMap` have in common.

/// `$mode` is the place of the map's entries, `$bound` the bound of its keys and values.
macro_rules! trie_operations {
    ($Map:ident, $mode:ty $(, $bound:ident)?) => {
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
                Self { base: Base { engine: Trie::new(Collector::Global), hasher } }
            }

            /// Removes all entries at one instant, and then frees them. O(n).
            ///
            /// Dropping the result of [`Self::take`] does the same. Some memory may be freed later: see
            /// [`Self::flush`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 1), (2, 2)]);")]
            /// map.clear();
            /// assert!(map.is_empty());
            /// ```
            pub fn clear(&self) {
                self.base.engine.clear();
            }

            /// A snapshot without the hasher, for iteration.
            pub(crate) fn content(&self) -> Snapshot<K, V, (), $mode> {
                Snapshot::new(self.base.engine.snapshot(), ())
            }

            /// Replaces the map's contents with those of a fork of this map, at one instant, if the map was not written
            /// since the fork was made.
            ///
            /// This changes several keys together: fork the map, change the fork, commit it. Readers of the map see all
            /// of the changes or none. [`Self::commit_with`] does all of this, and starts again if another writer was
            /// first.
            ///
            /// Snapshots of the map do not count as writes. Nor do operations that change nothing, such as the removal
            /// of an absent key, unless they race with others.
            ///
            /// Lock-free. The step itself is one compare-and-swap. Before it, the commit finds the entries that the map
            /// will lose: O(changes · log n), as for [`Snapshot::diff`](crate::Snapshot::diff). A commit that is
            /// refused at once costs O(1).
            ///
            /// # Errors
            /// [`CommitError`] contains the fork and the reason: another writer was first
            /// ([`CommitFailure::Conflict`]), the fork itself has live snapshots or forks ([`CommitFailure::Shared`]),
            /// or it is a fork of another map ([`CommitFailure::Unrelated`]).
            ///
            /// # Panics
            /// If a destructor of an entry that the fork itself replaced panics. The commit has then taken effect.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::", stringify!($Map), ";")]
            ///
            #[doc = concat!("let accounts = ", stringify!($Map), "::from([('a', 10), ('b', 0)]);")]
            /// let fork = accounts.fork();
            /// fork.pin().insert('a', 3);
            /// fork.pin().insert('b', 7);
            /// accounts.try_commit(fork).unwrap();
            #[doc = concat!("assert_eq!(accounts, ", stringify!($Map), "::from([('a', 3), ('b', 7)]));")]
            ///
            /// let late = accounts.fork();
            /// accounts.pin().insert('c', 1);
            /// assert!(accounts.try_commit(late).unwrap_err().is_conflict());
            /// ```
            pub fn try_commit(&self, fork: Self) -> Result<(), CommitError<K, V, S, $mode>> {
                let Base { engine, hasher } = fork.base;
                self.base.engine.try_commit(engine).map_err(|(engine, refusal)| {
                    let fork = Self { base: Base { engine, hasher } };
                    CommitError { fork, failure: refusal.into() }
                })
            }
        }

        impl<K $(: $bound)?, V $(: $bound)?, S> $Map<K, V, S> {
            /// The entries by value, in no particular order. O(n), with memory for all of them at once.
            ///
            /// # Errors
            /// Returns the map if snapshots or forks share its entries: see [`Shared`](crate::Shared).
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 'a'), (2, 'b')]);")]
            /// let snapshot = map.snapshot();
            /// let map = map.try_into_iter().unwrap_err();
            /// drop(snapshot);
            /// let mut entries: Vec<(i32, char)> = map.try_into_iter().unwrap().collect();
            /// entries.sort();
            /// assert_eq!(entries, [(1, 'a'), (2, 'b')]);
            /// ```
            #[doc(alias("drain", "into_iter"))]
            pub fn try_into_iter(self) -> Result<IntoIter<K, V>, Self> {
                let Base { engine, hasher } = self.base;
                match engine.into_pairs() {
                    Ok(entries) => Ok(IntoIter::new(entries)),
                    Err(engine) => Err(Self { base: Base { engine, hasher } }),
                }
            }
        }

        impl<K $(: $bound)?, V $(: $bound)?, S: Clone> $Map<K, V, S> {
            /// The map's contents at one instant, as a frozen map. O(1), lock-free. Writers continue meanwhile.
            ///
            /// Every write takes effect before or after that instant, for all keys alike. The snapshot holds no guard
            /// and keeps its entries alive, even when the map is gone. Keeping it costs the memory of the entries that
            /// the map has changed since, and each part of the map is copied when it is first written afterwards. Only
            /// entries are frozen: the inside of a value with interior mutability, such as an atomic counter, changes
            /// in both.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// let snapshot = map.snapshot();
            /// map.pin().insert('a', 2);
            /// map.pin().insert('b', 3);
            /// assert_eq!(snapshot.iter().collect::<Vec<_>>(), [(&'a', &1)]);
            /// ```
            #[doc(alias("into_read_only", "freeze", "pin_owned"))]
            pub fn snapshot(&self) -> Snapshot<K, V, S, $mode> {
                let hasher = self.base.hasher.clone();
                Snapshot::new(self.base.engine.snapshot(), hasher)
            }

            /// Takes all entries out at one instant and returns them, as a snapshot. O(1), lock-free.
            ///
            /// An atomic drain: every write is either in the result or in the map afterwards. A thread that holds a
            /// reference to a value, such as an `&AtomicU64`, can still change the inside of that value after the
            /// instant.
            ///
            /// # Panics
            /// If the hasher's `Clone` panics. The map then keeps its entries.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// let taken = map.take();
            /// assert_eq!(taken.len(), 1);
            /// assert!(map.is_empty());
            /// ```
            #[doc(alias = "drain")]
            pub fn take(&self) -> Snapshot<K, V, S, $mode> {
                // Before the take: a panic here must not lose the entries.
                let hasher = self.base.hasher.clone();
                Snapshot::new(self.base.engine.take(), hasher)
            }

            /// A new, independent map with the content of this one at one instant. O(1), lock-free.
            ///
            /// The two share memory, and neither sees the other's writes. As after a snapshot, each part is copied by
            /// whichever side writes it first. The fork keeps shared entries alive: dropping the original frees only
            /// those that the fork cannot see. [`Self::try_commit`] makes the fork's content that of the map, and
            /// [`Snapshot::merge`] merges two forks.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// let what_if = map.fork();
            /// what_if.pin().insert('b', 2);
            /// assert_eq!((map.len(), what_if.len()), (1, 2));
            /// ```
            #[must_use = "a fork is a new map"]
            pub fn fork(&self) -> Self {
                self.base.engine.settle();
                self.snapshot().fork()
            }

            /// Lets the closure change a fork of this map, and commits the fork. Returns the closure's result.
            ///
            /// If another writer changed the map meanwhile, the closure runs again with a new fork. So everything that
            /// it reads from the fork is still true at the instant of the commit. It should do nothing that cannot be
            /// repeated. With many writers this may take many rounds: some writer always succeeds, but not always this
            /// one. A closure that changes the map itself, and not the fork, runs without end.
            ///
            /// Each round costs as much as [`Self::try_commit`], and the closure's first write to each part of the map
            /// copies it.
            ///
            /// # Panics
            /// If the closure or the hasher's `Clone` panics, or if the closure keeps a snapshot or a fork of its fork.
            /// The map then stays as it was. Also if a destructor panics, as in [`Self::try_commit`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let accounts = snaptrie::", stringify!($Map), "::from([('a', 10), ('b', 0)]);")]
            /// let transfer = |from, to, amount| {
            ///     accounts.commit_with(|fork| {
            ///         let before = fork.snapshot();
            ///         if before[&from] < amount {
            ///             return false;
            ///         }
            ///         fork.pin().insert(from, before[&from] - amount);
            ///         fork.pin().insert(to, before[&to] + amount);
            ///         true
            ///     })
            /// };
            /// assert!(transfer('a', 'b', 7));
            /// assert!(!transfer('a', 'b', 7));
            /// assert_eq!(accounts.snapshot()[&'b'], 7);
            /// ```
            pub fn commit_with<R>(&self, mut change: impl FnMut(&Self) -> R) -> R {
                loop {
                    let fork = self.fork();
                    let result = change(&fork);
                    match self.try_commit(fork).map_err(|error| error.failure) {
                        Ok(()) => return result,
                        Err(CommitFailure::Conflict) => {}
                        Err(failure) => panic!("a commit that cannot succeed: {failure}"),
                    }
                }
            }

            /// Memory and shape of the map, at one instant. O(n): this walks over a snapshot, so the next write to each
            /// part of the map copies it.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(1, 'a'), (2, 'b')]);")]
            /// let _snapshot = map.snapshot();
            /// let stats = map.stats();
            /// assert_eq!((stats.entries, stats.snapshots.len()), (2, 1));
            /// ```
            pub fn stats(&self) -> TrieStats {
                let mut stats = self.snapshot().stats();
                // Without the snapshot that was just taken.
                if let Some(own) = stats.snapshots.iter().position(|&alive| alive == stats.generation) {
                    stats.snapshots.remove(own);
                }
                stats
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher> $Map<K, V, S> {
            /// Applies the changes between two snapshots to this map.
            ///
            /// Each key is changed in one atomic step, one after another: other threads may see some of the changes. To
            /// make them all at one instant, apply them to a [fork](Self::fork) and [commit](Self::try_commit) it.
            /// Costs as much as these removals and insertions.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::{OwnedDiff, ", stringify!($Map), "};")]
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
        ///
        /// # Errors
        /// Snapshots and forks share the entries of the map, so entries must not change while one exists: see
        /// [`Shared`].
        impl<K $(: $bound)?, V $(: $bound)?, S> $Map<K, V, S> {
            /// A mutable reference to the value of a key.
            ///
            /// # Panics
            /// If `Hash` or `Eq` of the key panics.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let mut map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// if let Some(value) = map.get_mut(&'a').unwrap() {
            ///     *value += 10;
            /// }
            /// let snapshot = map.snapshot();
            /// assert_eq!(snapshot[&'a'], 11);
            /// assert!(map.get_mut(&'a').is_err(), "the snapshot sees the value");
            /// ```
            pub fn get_mut<Q>(&mut self, key: &Q) -> Result<Option<&mut V>, Shared>
            where
                Q: Hash + Equivalent<K> + ?Sized,
                S: BuildHasher,
            {
                let Base { engine, hasher } = &mut self.base;
                engine.get_mut(hash::of(hasher, key), |candidate| key.equivalent(candidate))
            }

            /// Iterates over the entries with mutable references to the values, in no particular order. O(n), with
            /// memory for two references per entry.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let mut map = snaptrie::", stringify!($Map), "::from([(1, 10), (2, 20)]);")]
            /// for (key, value) in map.iter_mut().unwrap() {
            ///     *value += key;
            /// }
            #[doc = concat!("assert_eq!(map, snaptrie::", stringify!($Map), "::from([(1, 11), (2, 22)]));")]
            /// ```
            pub fn iter_mut(&mut self) -> Result<IterMut<'_, K, V>, Shared> {
                self.base.engine.pairs_mut().map(IterMut::new)
            }

            /// Iterates over mutable references to the values. See [`Self::iter_mut`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let mut map = snaptrie::", stringify!($Map), "::from([('a', 1), ('b', 2)]);")]
            /// map.values_mut().unwrap().for_each(|value| *value *= 10);
            #[doc = concat!("assert_eq!(map, snaptrie::", stringify!($Map), "::from([('a', 10), ('b', 20)]));")]
            /// ```
            pub fn values_mut(&mut self) -> Result<ValuesMut<'_, K, V>, Shared> {
                self.iter_mut().map(ValuesMut)
            }
        }

        #[doc = concat!("[`", stringify!($Map), "::fork`]: O(1), one instant, both sides independent. To share a map, clone an `Arc` of it.")]
        ///
        /// Like any fork, a clone shares entries with the original, and [`Shared`] tells what it cannot do.
        impl<K $(: $bound)?, V $(: $bound)?, S: Clone> Clone for $Map<K, V, S> {
            fn clone(&self) -> Self {
                self.fork()
            }
        }

        /// Compares a snapshot of each map. The two instants may differ.
        impl<K: Hash + Eq $(+ $bound)?, V: PartialEq $(+ $bound)?, S: BuildHasher> PartialEq
            for $Map<K, V, S>
        {
            fn eq(&self, other: &Self) -> bool {
                let (left, right) = (self.base.engine.snapshot(), other.base.engine.snapshot());
                left.len() == right.len()
                    && left.iter().all(|(key, value)| {
                        let hash = hash::of(&other.base.hasher, key);
                        right.get(hash, |candidate| key == candidate).is_some_and(|(_, v)| value == v)
                    })
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V: Eq $(+ $bound)?, S: BuildHasher> Eq for $Map<K, V, S> {}

        /// Lists the entries of one instant.
        impl<K: fmt::Debug $(+ $bound)?, V: fmt::Debug $(+ $bound)?, S> fmt::Debug
            for $Map<K, V, S>
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.content().fmt(f)
            }
        }
    };
}
pub(super) use trie_operations;
