//! Methods and traits that all maps have in common.

/// Implements the traits that put entries into a map. `$M` is the kind, for a map that has several; `$bound` is the
/// bound of its keys and values.
macro_rules! collection {
    ($Map:ident $(, $M:ident: $Place:ident, $bound:ident)?) => {
        impl<K $(: $bound)?, V $(: $bound)?, S: Default $(, $M: Kind<K, V, $Place>)?> Default
            for $Map<K, V, S $(, $M)?>
        {
            fn default() -> Self {
                Self { base: Base::empty(S::default()) }
            }
        }

        /// Checks for tests, in builds with debug assertions.
        #[cfg(any(debug_assertions, snaptrie_check))]
        impl<K: Hash $(+ $bound)?, V $(: $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?> $Map<K, V, S $(, $M)?> {
            /// Verifies the structure of the whole map, which no thread may change meanwhile.
            ///
            /// # Panics
            /// If the structure is broken.
            #[doc(hidden)]
            pub fn check_structure(&self) -> crate::Structure {
                crate::engine::Engine::check(&self.base.engine, self.base.rehash())
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?> $Map<K, V, S $(, $M)?> {
            pub(crate) fn collect(
                hasher: S,
                entries: impl IntoIterator<Item = (K, V)>,
                stays: Stays,
            ) -> Self {
                Self { base: Base::collect(hasher, entries, stays) }
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher + Default $(, $M: Kind<K, V, $Place>)?>
            FromIterator<(K, V)> for $Map<K, V, S $(, $M)?>
        {
            /// Of entries with equal keys, the last one stays.
            ///
            /// The map is built as a whole. This is faster than inserting the entries one by one, but needs memory for
            /// all entries twice until it returns.
            fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
                Self::collect(S::default(), entries, Stays::Last)
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, const N: usize $(, $M: Kind<K, V, $Place>)?>
            From<[(K, V); N]> for $Map<K, V, RandomState $(, $M)?>
        {
            fn from(entries: [(K, V); N]) -> Self {
                entries.into_iter().collect()
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?>
            Extend<(K, V)> for $Map<K, V, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
                self.base.insert_all(entries, Stays::Last);
            }
        }

        /// Extends a shared map: `(&map).extend(entries)`. Each entry is inserted separately.
        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?>
            Extend<(K, V)> for &$Map<K, V, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
                self.base.insert_all(entries, Stays::Last);
            }
        }

        impl<'a, K: Hash + Eq + Copy $(+ $bound)?, V: Copy $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?>
            Extend<(&'a K, &'a V)> for $Map<K, V, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
                self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
            }
        }

        impl<'a, K: Hash + Eq + Copy $(+ $bound)?, V: Copy $(+ $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?>
            Extend<(&'a K, &'a V)> for &$Map<K, V, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
                self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
            }
        }

        // A caught panic leaves no broken state behind, because every change of a map is one atomic step.
        impl<K: RefUnwindSafe $(+ $bound)?, V: RefUnwindSafe $(+ $bound)?, S: UnwindSafe $(, $M: Kind<K, V, $Place>)?>
            UnwindSafe for $Map<K, V, S $(, $M)?>
        {
        }
        impl<K: RefUnwindSafe $(+ $bound)?, V: RefUnwindSafe $(+ $bound)?, S: RefUnwindSafe $(, $M: Kind<K, V, $Place>)?>
            RefUnwindSafe for $Map<K, V, S $(, $M)?>
        {
        }
    };
}
pub(super) use collection;

/// Implements the methods without a handle of maps that return references.
macro_rules! by_reference {
    ($Map:ident, $mode:ty) => {
        impl<K, V> $Map<K, V> {
            /// An empty map. Allocates nothing.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::<String, u64>::new();")]
            /// assert!(map.is_empty());
            /// ```
            pub fn new() -> Self {
                Self { base: Base::empty(RandomState::default()) }
            }
        }

        impl<K, V, S> $Map<K, V, S> {
            /// A handle for the calling thread, through which entries are read and written.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::new();")]
            /// let pinned = map.pin();
            /// pinned.insert("a", 1);
            /// assert_eq!(pinned.get("a"), Some(&1));
            /// ```
            #[doc(alias("guard", "handle"))]
            #[inline(always)]
            pub fn pin(&self) -> Pinned<'_, K, V, S, $mode> {
                Pinned::new(self)
            }
        }

        /// Single operations without a handle. Each makes a handle for its duration and returns nothing that borrows
        /// from it. Otherwise it is the same as the method of [`Pinned`] with that name.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the key, or the closure, panics. The map then stays as it was.
        impl<K: Hash, V, S: BuildHasher> $Map<K, V, S> {
            /// Whether the key is in the map.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(\"one\".to_string(), 1)]);")]
            /// assert!(map.contains_key("one"));
            /// ```
            #[inline]
            pub fn contains_key<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
                self.with(key, |_| ()).is_some()
            }

            /// Calls the closure with the value of a key, if the key is in the map. Returns the closure's result.
            ///
            /// The closure runs under a handle and may call any method of any map. It should not wait for anything: see
            /// [`Pinned`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(\"one\", \"1\".to_string())]);")]
            /// assert_eq!(map.with("one", |value| value.len()), Some(1));
            /// assert_eq!(map.with("two", |value| value.len()), None);
            /// ```
            #[doc(alias("view", "peek", "read", "get", "peek_with"))]
            #[inline]
            pub fn with<Q, R>(&self, key: &Q, f: impl FnOnce(&V) -> R) -> Option<R>
            where
                Q: Hash + Equivalent<K> + ?Sized,
            {
                self.pin().get(key).map(f)
            }

            /// A clone of the value of a key.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(\"one\", \"1\".to_string())]);")]
            /// assert_eq!(map.cloned("one"), Some("1".to_string()));
            /// ```
            #[doc(alias("get", "get_cloned"))]
            #[inline]
            pub fn cloned<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V>
            where
                V: Clone,
            {
                self.with(key, V::clone)
            }

            /// Removes a key. Returns whether it was in the map.
            ///
            /// [`Pinned::remove`] returns the value.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(\"one\", 1)]);")]
            /// assert!(map.remove("one"));
            /// assert!(!map.remove("one"));
            /// ```
            #[inline]
            pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool
            where
                K: Hash,
            {
                self.pin().remove(key).is_some()
            }
        }

        /// Single operations without a handle that insert or update, see [above](#method.contains_key).
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the key, or the closure, panics. The map then stays as it was.
        impl<K: Hash + Eq, V, S: BuildHasher> $Map<K, V, S> {
            /// Inserts a key, or replaces its value. Returns whether the key is new.
            ///
            /// [`Pinned::insert`] returns the value that was replaced, and [`Pinned::try_insert`] does not replace it:
            /// `map.pin().try_insert(key, value).is_ok()`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::new();")]
            /// assert!(map.insert("one", 1));
            /// assert!(!map.insert("one", 11));
            /// assert_eq!(map.cloned("one"), Some(11));
            /// ```
            #[doc(alias("set", "put", "replace"))]
            #[inline]
            pub fn insert(&self, key: K, value: V) -> bool {
                self.pin().insert(key, value).is_none()
            }

            /// Replaces the value of a key by the closure's result, if the key is in the map. Returns whether it is.
            ///
            /// The closure may run again if another thread changed the key. [`Pinned::update`] returns the new value.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::from([(\"one\", 1)]);")]
            /// assert!(map.update("one", |value| value + 10));
            /// assert!(!map.update("two", |value| value + 10));
            /// assert_eq!(map.cloned("one"), Some(11));
            /// ```
            #[doc(alias("alter", "modify", "get_mut"))]
            pub fn update(&self, key: K, update: impl FnMut(&V) -> V) -> bool {
                self.pin().update(key, update).is_some()
            }

            /// Calls the closure with the value of a key. Inserts this value first if the key is not in the map.
            /// Returns the closure's result.
            ///
            /// # Examples
            /// ```
            /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
            ///
            #[doc = concat!("let counts = snaptrie::", stringify!($Map), "::new();")]
            /// for word in "the cat and the dog".split(' ') {
            ///     counts.with_or_insert(word, AtomicU64::new(0), |count| count.fetch_add(1, Relaxed));
            /// }
            /// assert_eq!(counts.with("the", |count| count.load(Relaxed)), Some(2));
            /// ```
            #[doc(alias("entry", "or_insert"))]
            #[inline]
            pub fn with_or_insert<R>(&self, key: K, value: V, f: impl FnOnce(&V) -> R) -> R {
                f(self.pin().get_or_insert(key, value))
            }

            /// Removes the entries for which the closure returns false, and frees them as it goes. O(n).
            ///
            /// The closure's answer and the removal are one atomic step: if the value was replaced in between, the
            /// closure is called again. It may not be called for entries that other threads insert during the call.
            ///
            /// # Panics
            /// If the closure, `Hash` or `Eq` panics. Entries that were removed before stay removed.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map: snaptrie::", stringify!($Map), "<u32, u32> = (0..10).map(|i| (i, i * i)).collect();")]
            /// map.retain(|key, _| key % 2 == 0);
            /// assert_eq!(map.len(), 5);
            /// ```
            pub fn retain(&self, keep: impl FnMut(&K, &V) -> bool) {
                self.base.retain(keep);
            }
        }

        impl<K, V, S> $Map<K, V, S> {
            /// For tests: gives an empty map a private collector. Not a constructor, because the compiler might suggest
            /// that to users.
            #[cfg(any(debug_assertions, snaptrie_check))]
            #[doc(hidden)]
            pub fn collecting_privately(self) -> Self {
                Self { base: Base::private(self.base.hasher) }
            }

            /// The map's hasher.
            ///
            /// # Examples
            /// ```
            /// use std::hash::BuildHasher;
            ///
            #[doc = concat!("let map = snaptrie::", stringify!($Map), "::<u32, u32>::new();")]
            /// assert_eq!(map.hasher().hash_one(1), map.hasher().hash_one(1));
            /// ```
            pub const fn hasher(&self) -> &S {
                &self.base.hasher
            }

            /// Number of entries. See [`Pinned::len`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map: snaptrie::", stringify!($Map), "<u32, u32> = (0..100).map(|i| (i, i)).collect();")]
            /// assert_eq!(map.len(), 100);
            /// ```
            pub fn len(&self) -> usize {
                self.base.len()
            }

            /// Whether the map is empty. See [`Pinned::is_empty`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("assert!(snaptrie::", stringify!($Map), "::<u32, u32>::new().is_empty());")]
            /// ```
            pub fn is_empty(&self) -> bool {
                self.base.is_empty()
            }

            /// Frees removed and replaced entries now, as far as possible. Returns true if none are left.
            ///
            /// Otherwise they are freed by later removals and replacements. So a map that is left alone keeps some of
            /// them, and their destructors do not run. Call this where that matters: if values are channels, files or
            /// locks, or after a phase of many changes. It waits a few milliseconds for handles of other threads, to
            /// any map, and returns false if some are still held then. It cannot free entries that were removed since
            /// this thread made a handle that it still holds. If it returns true while other threads use the map, one
            /// of them may still be dropping the last entries.
            ///
            /// # Panics
            /// Never: a panic of a destructor is caught.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("use snaptrie::", stringify!($Map), ";")]
            /// use std::sync::mpsc::channel;
            ///
            /// let (sender, receiver) = channel::<u32>();
            #[doc = concat!("let map = ", stringify!($Map), "::from([(1, sender)]);")]
            /// map.pin().remove(&1);
            /// map.flush();
            /// assert!(receiver.recv().is_err(), "the sender is gone");
            /// ```
            pub fn flush(&self) -> bool {
                self.base.engine.flush()
            }
        }
    };
}
pub(super) use by_reference;
