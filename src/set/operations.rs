//! The operations on a live set, for handles and for sets that need none.

/// Implements them for a type with a `map` that has the operations of maps. Elements are returned as `$Found`: `&K` or
/// `K`.
///
/// `$Item` is `$Found` with the lifetime `'p`. In the examples `set` is a `$Set` and is followed by `$pin`; `$at` turns
/// a literal into a `$Found`.
macro_rules! operations {
    (
        $Type:ident [$($life:lifetime)?] of $Place:ident, $Found:ty = $Item:ty, $Elements:ident,
        $Set:literal, $pin:literal, $at:literal $(, $bound:ident)?
    ) => {
        /// Lookups and removals. Each is linearizable and lock-free.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the element, or the closure, panics. The set then stays as it was.
        /// In a Copy set they also panic if `Hash` of another element does, while a node is rebuilt. Then the element
        /// may have been removed.
        impl<K: Hash $(+ $bound)?, S: BuildHasher, M: Kind<K, (), $Place>> $Type<$($life,)? K, S, M> {
            /// Whether an element is in the set.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1]);")]
            #[doc = concat!("assert!(set", $pin, ".contains(&1));")]
            /// ```
            #[inline]
            pub fn contains<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
                self.map.contains_key(element)
            }

            /// Whether each of many elements is in the set, in their order. Cache misses overlap, for 32 elements at a
            /// time. Works like `get_many` of a map.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1, 2]);")]
            #[doc = concat!("let pinned = set", $pin, ";")]
            /// assert_eq!(pinned.contains_many(&[2, 3, 1]).collect::<Vec<_>>(), [true, false, true]);
            /// ```
            pub fn contains_many<'p, 'q, Q, I>(&'p self, elements: I) -> impl Iterator<Item = bool>
            where
                Q: Hash + Equivalent<K> + ?Sized + 'q,
                I: IntoIterator<Item = &'q Q>,
                K: 'p,
            {
                self.map.contains_many(elements)
            }

            /// The element of the set that is equal to this one.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from(['a']);")]
            #[doc = concat!("assert_eq!(set", $pin, ".get(&'a'), Some(", $at, "'a'));")]
            /// ```
            #[inline]
            pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<$Found> {
                self.map.get_key_value(element).map(|(element, _)| element)
            }

            /// Removes an element. Returns whether it was in the set.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1]);")]
            #[doc = concat!("assert!(set", $pin, ".remove(&1));")]
            #[doc = concat!("assert!(!set", $pin, ".remove(&1));")]
            /// ```
            #[inline]
            pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> bool {
                self.remove_get(element).is_some()
            }

            /// Removes an element. Returns the one that was in the set.
            ///
            /// The standard set calls this `take`. Here `take` takes all elements out of a set with snapshots.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from(['a']);")]
            #[doc = concat!("assert_eq!(set", $pin, ".remove_get(&'a'), Some(", $at, "'a'));")]
            /// ```
            #[doc(alias = "take")]
            #[inline]
            pub fn remove_get<Q: Hash + Equivalent<K> + ?Sized>(&self, element: &Q) -> Option<$Found> {
                self.map.remove_entry(element).map(|(element, _)| element)
            }

            /// Removes the elements for which the closure returns false. O(n). Weakly consistent, like `retain` of a
            /// map or its handle.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set: snaptrie::", $Set, "<u32> = (0..10).collect();")]
            #[doc = concat!("set", $pin, ".retain(|element| element % 2 == 0);")]
            /// assert_eq!(set.len(), 5);
            /// ```
            pub fn retain(&self, mut keep: impl FnMut(&K) -> bool)
            where
                K: Eq,
            {
                self.map.retain(|element, ()| keep(element));
            }
        }

        /// Insertions. Each is linearizable and lock-free.
        ///
        /// # Panics
        /// These methods panic if `Hash` or `Eq` of the element, or the closure, panics. The set then stays as it was,
        /// and an element that was not inserted is dropped.
        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher, M: Kind<K, (), $Place>> $Type<$($life,)? K, S, M> {
            /// Inserts an element if no equal one is in the set. Returns whether it was inserted.
            ///
            /// If several threads insert equal elements at once, exactly one of them gets `true`.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::new();")]
            #[doc = concat!("assert!(set", $pin, ".insert(1));")]
            #[doc = concat!("assert!(!set", $pin, ".insert(1));")]
            /// ```
            #[inline]
            pub fn insert(&self, element: K) -> bool {
                self.map.insert_new(element, ())
            }

            /// Inserts many elements: [`insert`](Self::insert) for each of them, in order. Cache misses overlap, for 32
            /// elements at a time. Returns how many were inserted.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1]);")]
            #[doc = concat!("assert_eq!(set", $pin, ".insert_many([1, 2, 2, 3]), 2);")]
            /// ```
            pub fn insert_many(&self, elements: impl IntoIterator<Item = K>) -> usize {
                self.map.put_many(elements.into_iter().map(|element| (element, ())), Stays::First)
            }

            /// Removes many elements: [`remove`](Self::remove) for each of them, in order. Cache misses overlap, for 32
            /// elements at a time. Returns how many of them were in the set.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1, 2]);")]
            #[doc = concat!("assert_eq!(set", $pin, ".remove_many(&[2, 3, 2]), 1);")]
            /// ```
            pub fn remove_many<'q, Q, I>(&self, elements: I) -> usize
            where
                Q: Hash + Equivalent<K> + ?Sized + 'q,
                I: IntoIterator<Item = &'q Q>,
            {
                self.map.remove_many(elements)
            }

            /// Inserts an element, replacing the equal one if there is one. Returns the replaced element.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::new();")]
            #[doc = concat!("assert_eq!(set", $pin, ".replace('a'), None);")]
            #[doc = concat!("assert_eq!(set", $pin, ".replace('a'), Some(", $at, "'a'));")]
            /// ```
            pub fn replace(&self, element: K) -> Option<$Found> {
                match self.map.compute(element, |_| Operation::<(), ()>::Insert(())) {
                    Compute::Updated { old: (old, _), .. } => Some(old),
                    _ => None,
                }
            }

            /// The element of the set that is equal to this one. Inserts this one if there is none.
            ///
            /// If the set has an equal element, this is a lookup and writes nothing.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::new();")]
            #[doc = concat!("assert_eq!(set", $pin, ".get_or_insert(1), ", $at, "1);")]
            /// ```
            #[inline]
            pub fn get_or_insert(&self, element: K) -> $Found {
                self.map.find_or_insert(element)
            }

            /// The element of the set that is equal to this one. Inserts the closure's if there is none: use this if an
            /// owned element is costly to make.
            ///
            /// The closure runs at most once. If its element is not equal to the argument, it is still inserted, unless
            /// the set has an equal one: then that is returned.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::new();")]
            #[doc = concat!("assert_eq!(set", $pin, ".get_or_insert_with(&1, |one| *one), ", $at, "1);")]
            /// ```
            pub fn get_or_insert_with<Q>(&self, element: &Q, make: impl FnOnce(&Q) -> K) -> $Found
            where
                Q: Hash + Equivalent<K> + ?Sized,
            {
                match self.get(element) {
                    Some(element) => element,
                    None => self.get_or_insert(make(element)),
                }
            }
        }

        impl<'p, K $(: $bound)?, S, M: Kind<K, (), $Place>> IntoIterator for &'p $Type<$($life,)? K, S, M> {
            type Item = $Item;
            type IntoIter = $Elements<'p, K, (), M>;

            fn into_iter(self) -> Self::IntoIter {
                self.iter()
            }
        }

        impl<K $(: $bound)?, S, M: Kind<K, (), $Place>> $Type<$($life,)? K, S, M> {
            /// Number of elements. Weakly consistent: exact while no thread writes. Costs O(processors).
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1, 2, 2]);")]
            #[doc = concat!("assert_eq!(set", $pin, ".len(), 2);")]
            /// ```
            pub fn len(&self) -> usize {
                self.map.len()
            }

            /// Whether the set is empty. Stops at the first element.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::<u32>::new();")]
            #[doc = concat!("assert!(set", $pin, ".is_empty());")]
            /// ```
            pub fn is_empty(&self) -> bool {
                self.map.is_empty()
            }

            /// Iterates over the elements, in no particular order. Weakly consistent, like an iteration over a map.
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::from([1, 2]);")]
            #[doc = concat!("assert_eq!(set", $pin, ".iter().sum::<i32>(), 3);")]
            /// ```
            pub fn iter(&self) -> $Elements<'_, K, (), M> {
                self.map.keys()
            }
        }
    };
}
pub(super) use operations;
