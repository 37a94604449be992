//! The batches that a [`CopyMap`](super::CopyMap) and its handle have in common.

/// Implements them for a type with `base()`, `guard()` and `perform_all()`. In the examples `$pin` follows `map`.
macro_rules! batches {
    ($Type:ident [$($life:lifetime)?], $pin:literal) => {
        /// Operations on many keys at once. If the map is much larger than the cache, they cost less than single
        /// operations.
        ///
        /// # Batches
        ///
        /// A batch is not a transaction. It is a sequence of single operations, in the order of the iterator, and other
        /// threads may see some of them done and others not. Each operation sees the effects of those before it in the
        /// batch, also on equal keys.
        ///
        /// Items are taken from the iterator 32 at a time. Their keys are hashed, their memory is prefetched side by
        /// side, and then each operation is done. So the iterator should not depend on effects of the batch itself.
        ///
        /// # Panics
        /// If the iterator or `Hash` of an item panics, all items before that are done. If `Eq`, a closure, or `Hash`
        /// of another key in a node that is rebuilt panics, the items before that one are done, and up to 31 items
        /// after it are lost. For removals see also [`remove`](Self::remove).
        impl<K: Plain, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>> $Type<$($life,)? K, V, S, M> {
            /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them.
            ///
            /// The keys of a group of 32 are looked up when its first result is requested. So a later result may not
            /// show changes made since, not even those of this thread. If `Hash` or `Eq` of a key panics, that call
            /// panics, and none of the group's results is yielded.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
            #[doc = concat!("let values: Vec<Option<i32>> = map", $pin, ".get_many(&[2, 3, 1]).collect();")]
            /// assert_eq!(values, [Some(20), None, Some(10)]);
            /// ```
            pub fn get_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = Option<V>>
            where
                Q: Hash + Equivalent<K> + ?Sized + 'q,
                I: IntoIterator<Item = &'q Q>,
            {
                let get = |keys: &Group<&'q Q>, found: &mut Found<V>| {
                    let guard = self.guard();
                    let access = self.base().with(guard.borrow());
                    access.get_group(keys, |(_, value)| value, found);
                };
                lookups(keys.into_iter(), |key| hash::of(&self.base().hasher, key), get)
            }

            /// Whether each of many keys is in the map, in the order of the keys. Works like [`Self::get_many`].
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
            #[doc = concat!("assert!(map", $pin, ".contains_many(&[2, 3]).eq([true, false]));")]
            /// ```
            pub fn contains_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = bool>
            where
                Q: Hash + Equivalent<K> + ?Sized + 'q,
                I: IntoIterator<Item = &'q Q>,
            {
                self.get_many(keys).map(|found| found.is_some())
            }
        }

        /// Changes to many keys at once, see [batches](#batches).
        impl<K: Plain + Hash + Eq, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>>
            $Type<$($life,)? K, V, S, M>
        {
            /// Inserts many entries: [`insert`](Self::insert) for each of them. Returns how many of the keys are new.
            ///
            /// Of entries with equal keys, the last one stays.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 'a')]);
            #[doc = concat!("assert_eq!(map", $pin, ".insert_many([(1, 'b'), (2, 'c'), (2, 'd')]), 1);")]
            #[doc = concat!("assert_eq!(map", $pin, ".get(&2), Some('d'));")]
            /// ```
            pub fn insert_many(&self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
                self.put_many(entries, Stays::Last)
            }

            pub(crate) fn put_many(
                &self,
                entries: impl IntoIterator<Item = (K, V)>,
                stays: Stays,
            ) -> usize {
                let mut new = 0;
                self.perform_all(self.hashed(entries), |access, hash, (key, value)| {
                    new += usize::from(access.put(hash, key, value, stays));
                });
                new
            }

            /// Updates many keys: [`update`](Self::update) for each of them. The closure also gets the item's second
            /// part. Returns how many of the keys were in the map.
            ///
            /// The closure [may run again](CopyMap#closures).
            ///
            /// # Examples
            /// ```
            /// let stock = snaptrie::CopyTrieMap::from([(17, 5), (18, 2)]);
            /// let sold = [(17, 2), (19, 1), (17, 1)];
            #[doc = concat!("assert_eq!(stock", $pin, ".update_many(sold, |left, sold| left - sold), 2);")]
            #[doc = concat!("assert_eq!(stock", $pin, ".get(&17), Some(2));")]
            /// ```
            pub fn update_many<A>(
                &self,
                updates: impl IntoIterator<Item = (K, A)>,
                mut update: impl FnMut(V, &A) -> V,
            ) -> usize {
                let mut updated = 0;
                self.perform_all(self.hashed(updates), |access, hash, (key, with)| {
                    let update = |value| update(value, &with);
                    updated += usize::from(access.renew(hash, &key, update).is_some());
                });
                updated
            }

            /// The values of many keys, in the order of the keys. Keys that are not in the map are inserted:
            /// [`get_or_insert`](Self::get_or_insert) for each of them.
            ///
            /// A group of 32 is processed when its first result is requested: if the results are not consumed, nothing
            /// happens. If `Hash` or `Eq` of a key panics, none of its group's results is yielded.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
            #[doc = concat!("assert!(map", $pin, ".get_or_insert_many([(1, 11), (2, 20), (2, 21)]).eq([10, 20, 20]));")]
            /// ```
            pub fn get_or_insert_many<I>(&self, entries: I) -> impl Iterator<Item = V>
            where
                I: IntoIterator<Item = (K, V)>,
            {
                results(self.hashed(entries), |group, found| {
                    let guard = self.guard();
                    let access = self.base().with(guard.borrow());
                    access.find_or_insert_group(group, |(_, value)| value, found);
                })
                .flatten()
            }

            /// Removes many keys: [`remove`](Self::remove) for each of them. Returns how many of them were in the map.
            ///
            /// # Examples
            /// ```
            /// let map = snaptrie::CopyTrieMap::from([(1, 10), (2, 20)]);
            #[doc = concat!("assert_eq!(map", $pin, ".remove_many(&[2, 3, 2]), 1);")]
            /// ```
            pub fn remove_many<'q, Q, I>(&self, keys: I) -> usize
            where
                Q: Hash + Equivalent<K> + ?Sized + 'q,
                I: IntoIterator<Item = &'q Q>,
            {
                let mut removed = 0;
                let keys = keys.into_iter().map(|key| (hash::of(&self.base().hasher, key), key));
                self.perform_all(keys, |access, hash, key| {
                    removed += usize::from(access.remove(hash, key, |_| true).is_some());
                });
                removed
            }

            fn hashed<T>(
                &self,
                items: impl IntoIterator<Item = (K, T)>,
            ) -> impl Iterator<Item = (u64, (K, T))> {
                items.into_iter().map(|(key, with)| (hash::of(&self.base().hasher, &key), (key, with)))
            }
        }
    };
}
pub(super) use batches;
