//! The operations that a [`CopyMap`](super::CopyMap) and its handle have in common.

/// Implements them for a type with `base()`, and with `guard()`, which returns a guard or a reference to one. In the
/// examples `$pin` follows `map`.
macro_rules! operations {
    ($Type:ident [$($life:lifetime)?], $pin:literal) => {
        /// Lookups. Each is linearizable and lock-free. In a trie it costs O(log n) with base 16, and one or two cache
        /// misses in a map of millions; in a flat table it costs O(1) and one cache miss.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the key panics. The map then stays as it was.
        impl<K: Plain + Hash, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>> $Type<$($life,)? K, V, S, M> {
            /// The value of a key.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
            #[doc = concat!("assert_eq!(map", $pin, ".get(&1), Some(10));")]
            #[doc = concat!("assert_eq!(map", $pin, ".get(&2), None);")]
            /// ```
            #[doc(alias("view", "peek", "read", "with"))]
            #[inline(always)]
            pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
                self.get_key_value(key).map(|(_, value)| value)
            }

            /// The key, as it is in the map, and its value.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([('a', 1)]);
            #[doc = concat!("assert_eq!(map", $pin, ".get_key_value(&'a'), Some(('a', 1)));")]
            /// ```
            #[inline(always)]
            pub fn get_key_value<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(K, V)> {
                self.base().with(self.guard().borrow()).get(key)
            }

            /// Whether the key is in the map.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
            #[doc = concat!("assert!(map", $pin, ".contains_key(&1));")]
            /// ```
            #[inline]
            pub fn contains_key<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
                self.get_key_value(key).is_some()
            }
        }

        /// Insertions and updates. Each is linearizable and lock-free, and costs as much as a lookup and a CAS. Now and
        /// then it rebuilds a part of the map, which takes at most a few microseconds.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the key, or of another one in a node that is rebuilt, or the
        /// closure, panics. The map then stays as it was.
        impl<K: Plain + Hash + Eq, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>>
            $Type<$($life,)? K, V, S, M>
        {
            /// Inserts a key, or replaces its value. Returns the value that it had.
            ///
            /// Key and value are replaced together. So the new key stays, unlike in a standard map.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".insert(1, 10), None);")]
            #[doc = concat!("assert_eq!(map", $pin, ".insert(1, 11), Some(10));")]
            /// ```
            #[doc(alias("set", "put", "replace"))]
            #[inline]
            pub fn insert(&self, key: K, value: V) -> Option<V> {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                access.insert(access.hash(&key), key, value).map(|(_, old)| old)
            }

            /// Inserts a key if it is not in the map.
            ///
            /// # Errors
            /// If the key is in the map: [`OccupiedError`] has its value there, and the key and value that were not
            /// inserted.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".try_insert(1, 10), Ok(10));")]
            #[doc = concat!("let error = map", $pin, ".try_insert(1, 11).unwrap_err();")]
            /// assert_eq!((error.current, error.key, error.value), (10, 1, 11));
            /// ```
            pub fn try_insert(&self, key: K, value: V) -> Result<V, OccupiedError<K, V>> {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                match access.try_insert(access.hash(&key), key, value) {
                    Ok((_, new)) => Ok(new),
                    Err(OccupiedError { current: (_, current), key, value }) => {
                        Err(OccupiedError { current, key, value })
                    }
                }
            }

            /// The value of a key. Inserts this value if the key is not in the map.
            ///
            /// If the key is in the map, this is a lookup and writes nothing.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".get_or_insert(1, 10), 10);")]
            #[doc = concat!("assert_eq!(map", $pin, ".get_or_insert(1, 11), 10);")]
            /// ```
            #[doc(alias = "or_insert")]
            #[inline]
            pub fn get_or_insert(&self, key: K, value: V) -> V {
                self.get_or_insert_with(key, || value)
            }

            /// The value of a key. Inserts the closure's value if the key is not in the map.
            ///
            /// The closure runs at most once. If another thread inserts the key meanwhile, its value is returned.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".get_or_insert_with(1, || 10), 10);")]
            #[doc = concat!("assert_eq!(map", $pin, ".get_or_insert_with(1, || unreachable!()), 10);")]
            /// ```
            #[inline]
            pub fn get_or_insert_with(&self, key: K, value: impl FnOnce() -> V) -> V {
                match self.try_insert_with(key, value) {
                    Ok(value) | Err(value) => value,
                }
            }

            /// The value of a key. Inserts the default if the key is not in the map.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
            #[doc = concat!("assert_eq!(map", $pin, ".get_or_default(1), 0);")]
            /// ```
            #[inline]
            pub fn get_or_default(&self, key: K) -> V
            where
                V: Default,
            {
                self.get_or_insert_with(key, V::default)
            }

            /// The value of a key that is looked up by another type. Inserts a new key and value if it is not in the
            /// map.
            ///
            /// Each closure runs at most once. If the new key is not equal to the one that was looked up, it is still
            /// inserted, unless the map has an equal key: then the value of that key is returned.
            ///
            /// # Examples
            /// ```
            /// let counts = snaptrie::CopyTrieMap::<[u8; 3], u32>::new();
            /// let number = |word: &str| {
            ///     let make_key = |bytes: &[u8]| bytes.try_into().unwrap();
            #[doc = concat!("    counts", $pin, ".get_or_insert_by(word.as_bytes(), make_key, || counts.len() as u32)")]
            /// };
            /// assert_eq!((number("the"), number("cat"), number("the")), (0, 1, 0));
            /// ```
            #[inline]
            pub fn get_or_insert_by<Q>(
                &self,
                key: &Q,
                make_key: impl FnOnce(&Q) -> K,
                make_value: impl FnOnce() -> V,
            ) -> V
            where
                Q: Hash + Equivalent<K> + ?Sized,
            {
                match self.get(key) {
                    Some(value) => value,
                    None => self.get_or_insert_with(make_key(key), make_value),
                }
            }

            /// The value of a key. Inserts the closure's value if the key is not in the map and the closure succeeds.
            ///
            /// The closure runs at most once. If another thread inserts the key meanwhile, its value is returned.
            ///
            /// # Errors
            /// If the key is not in the map and the closure fails. The map then stays as it was.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
            #[doc = concat!("assert!(map", $pin, ".get_or_try_insert_with(1, || \"x\".parse::<u32>()).is_err());")]
            #[doc = concat!("assert_eq!(map", $pin, ".get_or_try_insert_with(1, || \"7\".parse::<u32>()), Ok(7));")]
            /// ```
            pub fn get_or_try_insert_with<E>(
                &self,
                key: K,
                value: impl FnOnce() -> Result<V, E>,
            ) -> Result<V, E> {
                match self.get(&key) {
                    Some(value) => Ok(value),
                    None => value().map(|value| self.get_or_insert(key, value)),
                }
            }

            /// Inserts a key with the closure's value if it is not in the map.
            ///
            /// The closure runs at most once.
            ///
            /// # Errors
            /// If the key is in the map, its value is the error.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".try_insert_with(1, || 10), Ok(10));")]
            #[doc = concat!("assert_eq!(map", $pin, ".try_insert_with(1, || 11), Err(10));")]
            /// ```
            #[inline]
            pub fn try_insert_with(&self, key: K, value: impl FnOnce() -> V) -> Result<V, V> {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                match access.find_or_insert(access.hash(&key), key, value) {
                    Ok((_, new)) => Ok(new),
                    Err((_, current)) => Err(current),
                }
            }

            /// Inserts a key if it is not in the map. Returns whether it was inserted.
            #[inline]
            pub(crate) fn insert_new(&self, key: K, value: V) -> bool {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                access.insert_new(access.hash(&key), key, value)
            }

            /// The equal key in the map. Inserts this one if there is none.
            #[inline]
            pub(crate) fn find_or_insert(&self, key: K) -> K
            where
                V: Default,
            {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                let (Ok(entry) | Err(entry)) = access.find_or_insert(access.hash(&key), key, V::default);
                entry.0
            }

            /// Replaces the value of a key by the closure's result, if the key is in the map. Returns the new value.
            ///
            /// The key in the map stays. The closure [may run again](CopyMap#closures); it should only compute the
            /// value.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
            #[doc = concat!("assert_eq!(map", $pin, ".update(&1, |value| value + 1), Some(11));")]
            #[doc = concat!("assert_eq!(map", $pin, ".update(&2, |value| value + 1), None);")]
            /// ```
            #[doc(alias("alter", "modify", "get_mut"))]
            #[inline]
            pub fn update<Q>(&self, key: &Q, update: impl FnMut(V) -> V) -> Option<V>
            where
                Q: Hash + Equivalent<K> + ?Sized,
            {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                access.renew(access.hash(key), key, update).map(|(_, new)| new)
            }

            /// Replaces the value of a key by the closure's result, or inserts `value` if the key is not in the map.
            /// Returns the new value.
            ///
            /// The closure [may run again](CopyMap#closures).
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".update_or_insert(1, |value| value + 1, 10), 10);")]
            #[doc = concat!("assert_eq!(map", $pin, ".update_or_insert(1, |value| value + 1, 10), 11);")]
            /// ```
            #[doc(alias("upsert", "and_modify"))]
            #[inline]
            pub fn update_or_insert(&self, key: K, update: impl FnMut(V) -> V, value: V) -> V {
                self.update_or_insert_with(key, update, || value)
            }

            /// [`Self::update_or_insert`] with a closure for the first value, which runs at most once.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".update_or_insert_with(1, |value| value + 1, || 10), 10);")]
            /// ```
            pub fn update_or_insert_with(
                &self,
                key: K,
                mut update: impl FnMut(V) -> V,
                value: impl FnOnce() -> V,
            ) -> V {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                access.update_or_insert(access.hash(&key), key, |(_, value)| update(value), value).1
            }

            /// The entry of a key, for chains like those of the standard map. Each chain is one atomic operation, see
            /// [`CopyEntry`].
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::new();
            #[doc = concat!("assert_eq!(map", $pin, ".entry(1).or_insert(10), 10);")]
            #[doc = concat!("assert_eq!(map", $pin, ".entry(1).and_modify(|value| value + 1).or_insert(10), 11);")]
            /// ```
            pub fn entry(&self, key: K) -> CopyEntry<'_, K, V, S, M> {
                CopyEntry::new(self.base(), key)
            }

            /// Calls the closure with the entry of a key, and then inserts, replaces, removes or keeps the entry as
            /// the closure decides, in one atomic step.
            ///
            /// The closure [may run again](CopyMap#closures); its last answer counts.
            ///
            /// # Examples
            /// ```
            /// use snaptrie::{Compute, CopyTrieMap, Operation};
            ///
            /// let stock = CopyTrieMap::from([(17, 2)]);
            /// let buy = || {
            #[doc = concat!("    stock", $pin, ".compute(17, |entry| match entry {")]
            ///         Some((_, 1)) => Operation::Remove,
            ///         Some((_, left)) => Operation::Insert(left - 1),
            ///         None => Operation::Abort("sold out"),
            ///     })
            /// };
            /// assert_eq!(buy(), Compute::Updated { old: (17, 2), new: (17, 1) });
            /// assert_eq!(buy(), Compute::Removed(17, 1));
            /// assert_eq!(buy(), Compute::Aborted("sold out"));
            /// ```
            #[doc(alias("alter", "rcu", "compare_and_swap"))]
            pub fn compute<A>(
                &self,
                key: K,
                compute: impl FnMut(Option<(K, V)>) -> Operation<V, A>,
            ) -> Compute<K, V, A> {
                let guard = self.guard();
                let access = self.base().with(guard.borrow());
                let (outcome, aborted) = access.compute(key, compute);
                Compute::new(outcome, aborted)
            }
        }

        /// Removals. Each is linearizable and lock-free, and costs as much as a lookup and a CAS. A snapshot keeps
        /// removed entries.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the key, or the closure, panics. The map then stays as it was. They
        /// also panic if `Hash` of another key does, while a node is rebuilt. Then the key may have been removed.
        impl<K: Plain + Hash, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>> $Type<$($life,)? K, V, S, M> {
            /// Removes a key. Returns the value that it had.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
            #[doc = concat!("assert_eq!(map", $pin, ".remove(&1), Some(10));")]
            #[doc = concat!("assert_eq!(map", $pin, ".remove(&1), None);")]
            /// ```
            #[inline]
            pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<V> {
                self.remove_entry(key).map(|(_, value)| value)
            }

            /// Removes a key. Returns the key, as it was in the map, and its value.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([('a', 1)]);
            #[doc = concat!("assert_eq!(map", $pin, ".remove_entry(&'a'), Some(('a', 1)));")]
            /// ```
            #[inline]
            pub fn remove_entry<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(K, V)> {
                self.remove_if(key, |_, _| true)
            }

            /// Removes a key if the closure returns true for its entry, in one atomic step. Returns the removed entry.
            ///
            /// The closure [may run again](CopyMap#closures).
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
            #[doc = concat!("assert_eq!(map", $pin, ".remove_if(&1, |_, value| *value > 10), None);")]
            #[doc = concat!("assert_eq!(map", $pin, ".remove_if(&2, |_, value| *value > 10), Some((2, 20)));")]
            /// ```
            pub fn remove_if<Q, F>(&self, key: &Q, condition: F) -> Option<(K, V)>
            where
                Q: Hash + Equivalent<K> + ?Sized,
                F: FnMut(&K, &V) -> bool,
            {
                let guard = self.guard();
                self.base().with(guard.borrow()).remove_if(key, condition)
            }
        }

        impl<K: Plain, V: Plain, S, M: Kind<K, V, Inline>> $Type<$($life,)? K, V, S, M> {
            /// Number of entries. Weakly consistent: exact while no thread writes.
            ///
            /// Adds up the counters of writers: O(processors). For a fork, the first call also counts the entries that
            /// it began with. For the number at one instant while others write, take a
            /// [snapshot](crate::CopyTrieMap::snapshot).
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 'a'), (2, 'b')]);
            #[doc = concat!("assert_eq!(map", $pin, ".len(), 2);")]
            /// ```
            pub fn len(&self) -> usize {
                self.base().engine.len(self.guard().borrow())
            }

            /// Whether an iteration finds no entry. Stops at the first one.
            ///
            /// Returns false if any entry is present throughout the call.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
            #[doc = concat!("assert!(map", $pin, ".is_empty());")]
            /// ```
            pub fn is_empty(&self) -> bool {
                self.base().with(self.guard().borrow()).is_empty()
            }

            /// Iterates over the keys, in no particular order. Weakly consistent, see [`CopyIter`].
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
            #[doc = concat!("assert_eq!(map", $pin, ".keys().sum::<i32>(), 3);")]
            /// ```
            pub fn keys(&self) -> CopyKeys<'_, K, V, M> {
                CopyKeys(self.iter())
            }

            /// Iterates over the values, in no particular order. Weakly consistent, see [`CopyIter`].
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
            #[doc = concat!("assert_eq!(map", $pin, ".values().sum::<i32>(), 30);")]
            /// ```
            pub fn values(&self) -> CopyValues<'_, K, V, M> {
                CopyValues(self.iter())
            }
        }
    };
}
pub(super) use operations;
