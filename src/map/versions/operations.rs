//! What maps with snapshots implement alike: `TrieMap` and `CopyTrieMap`.

/// `$mode` is where the map keeps its entries, `$bound` what its keys and values must be.
macro_rules! versions {
    ($Map:ident, $mode:ty $(, $bound:ident)?) => {
        impl<K $(: $bound)?, V $(: $bound)?, S> $Map<K, V, S> {
            /// An empty map with this hasher. Allocates nothing.
            ///
            /// `const`, so that a map can be a `static`. Which hasher to take is said at [`RandomState`].
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
            /// The same as dropping the result of [`Self::take`]. Some memory may be freed later: see [`Self::flush`].
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

            /// A snapshot without the hasher, for walking over.
            pub(crate) fn content(&self) -> Snapshot<K, V, (), $mode> {
                Snapshot::new(self.base.engine.snapshot(), ())
            }

            /// Makes the content of a fork of this map the map's own, at one instant, if the map was not written since
            /// the fork was taken.
            ///
            /// So several keys are changed together: fork the map, change the fork, commit it. Readers of the map see all
            /// of the changes or none. [`Self::commit_with`] does all this, and starts over if another writer was first.
            ///
            /// Snapshots of the map do not count as writes. Nor do operations that find nothing to do, such as the removal
            /// of an absent key, unless they race with others.
            ///
            /// Lock-free. The step itself is one compare-and-swap. Before it, the commit looks up what the map is to lose:
            /// O(changes · log n), as [`Snapshot::diff`](crate::Snapshot::diff). A commit that is refused at once costs
            /// O(1).
            ///
            /// # Errors
            /// [`CommitError`] tells why, and gives the fork back: another writer was first ([`CommitFailure::Conflict`]),
            /// the fork has snapshots or forks of its own, which must go first ([`CommitFailure::Shared`]), or it is a fork
            /// of another map.
            ///
            /// # Panics
            /// If a destructor of an entry that the fork itself replaced does. The commit has taken effect then.
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
            /// If snapshots of the map or forks share entries with it, it is given back: see [`Shared`](crate::Shared).
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
            /// The map's content at one instant, as a frozen map. O(1), lock-free; writers go on.
            ///
            /// Every write takes effect before or after that instant, for all keys alike. The snapshot holds no guard
            /// and keeps what it sees alive by itself, even when the map is gone. It costs nothing to keep but the
            /// memory of what the map has changed since, and each part of the map is copied when it is first written
            /// afterwards. Values are frozen as entries: a value with interior mutability, such as an atomic counter,
            /// goes on changing in both.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// let snapshot = map.snapshot();
            /// map.pin().insert('a', 2);
            /// map.pin().insert('b', 3);
            /// assert_eq!(snapshot.iter().collect::<Vec<_>>(), [(&'a', &1)]);
            /// ```
            #[doc(alias("into_read_only", "freeze"))]
            pub fn snapshot(&self) -> Snapshot<K, V, S, $mode> {
                let hasher = self.base.hasher.clone();
                Snapshot::new(self.base.engine.snapshot(), hasher)
            }

            /// Takes all entries out at one instant and returns them, as a snapshot. O(1), lock-free.
            ///
            /// An atomic drain: every write is either in the result or in the map afterwards. A thread that holds a
            /// reference to a value from before (`&AtomicU64`, say) can still change the inside of that value after the
            /// instant.
            ///
            /// # Panics
            /// If the hasher's `Clone` does; the map keeps its entries.
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

            /// A map of its own with the content of this one at one instant. O(1), lock-free.
            ///
            /// The two share memory, and neither sees what the other writes. As after a snapshot, each part is copied
            /// by the side that first writes it. The fork keeps what it shares alive: dropping the original frees only
            /// what the fork cannot see. [`Self::try_commit`] makes the fork's content the map's,
            /// [`Snapshot::merge`] brings two forks together.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([('a', 1)]);")]
            /// let what_if = map.fork();
            /// what_if.pin().insert('b', 2);
            /// assert_eq!((map.len(), what_if.len()), (1, 2));
            /// ```
            #[must_use = "a fork is a map of its own"]
            pub fn fork(&self) -> Self {
                self.base.engine.settle();
                self.snapshot().fork()
            }

            /// Lets the closure change a fork of this map, and commits that. Returns the closure's result.
            ///
            /// If another writer was first, the closure runs again with a new fork: whatever it reads there is what the
            /// map holds at the instant of the commit. It should do nothing that cannot be repeated. Under many writers
            /// this may take many rounds: some writer always succeeds, but it need not be this one.
            ///
            /// Costs as much as [`Self::try_commit`] each round; the first write of the closure to each part of the map
            /// copies it.
            ///
            /// # Panics
            /// If the closure or the hasher's `Clone` does, with the map as it was; and if the closure keeps a snapshot
            /// or a fork of its fork. As [`Self::try_commit`], if a destructor does.
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

            /// What the map is made of, at one instant. O(n): walks over a snapshot, and so the next write to each part
            /// of the map copies it.
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
                // Without the one that was just taken.
                if let Some(own) = stats.snapshots.iter().position(|&alive| alive == stats.generation) {
                    stats.snapshots.remove(own);
                }
                stats
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher> $Map<K, V, S> {
            /// Does to this map what was done between the two snapshots that `diff` is from.
            ///
            /// Each key by itself, in one atomic step: other threads may see some of it. For all of it at one instant,
            /// apply it to a [fork](Self::fork) and [commit](Self::try_commit) that. Costs as much as these removals and
            /// insertions.
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

        #[doc = concat!("[`", stringify!($Map), "::fork`]: O(1), one instant, both sides independent.")]
        impl<K $(: $bound)?, V $(: $bound)?, S: Clone> Clone for $Map<K, V, S> {
            fn clone(&self) -> Self {
                self.fork()
            }
        }

        /// Compares a snapshot of each: the instants of the two may differ, each side is one instant.
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
pub(in crate::map) use versions;
