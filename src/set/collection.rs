//! The traits of a collection, for all sets.

/// Implements the traits that put elements into a set. `$M` is the kind of a set that has
/// several, `$Map` the map that it is made of, `$bound` what its elements must be.
macro_rules! collection {
    ($Set:ident, $Map:ident $(, $M:ident: $Mode:ident, $bound:ident)?) => {
        impl<K $(: $bound)?, S: Default $(, $M: $Mode<K, ()>)?> Default for $Set<K, S $(, $M)?> {
            fn default() -> Self {
                Self { map: Default::default() }
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher + Default $(, $M: $Mode<K, ()>)?> FromIterator<K>
            for $Set<K, S $(, $M)?>
        {
            /// Of equal elements the first one stays.
            fn from_iter<I: IntoIterator<Item = K>>(elements: I) -> Self {
                let entries = elements.into_iter().map(|element| (element, ()));
                Self { map: $Map::collect(S::default(), entries, Stays::First) }
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, const N: usize $(, $M: $Mode<K, ()>)?> From<[K; N]>
            for $Set<K, RandomState $(, $M)?>
        {
            fn from(elements: [K; N]) -> Self {
                elements.into_iter().collect()
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher $(, $M: $Mode<K, ()>)?> Extend<K> for $Set<K, S $(, $M)?> {
            fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
                let entries = elements.into_iter().map(|element| (element, ()));
                self.map.base.insert_all(entries, Stays::First);
            }
        }

        /// Extends a shared set: `(&set).extend(elements)`. Each element is inserted by itself.
        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher $(, $M: $Mode<K, ()>)?> Extend<K> for &$Set<K, S $(, $M)?> {
            fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
                let entries = elements.into_iter().map(|element| (element, ()));
                self.map.base.insert_all(entries, Stays::First);
            }
        }

        impl<'a, K: Hash + Eq + Copy $(+ $bound)?, S: BuildHasher $(, $M: $Mode<K, ()>)?> Extend<&'a K>
            for $Set<K, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = &'a K>>(&mut self, elements: I) {
                self.extend(elements.into_iter().copied());
            }
        }

        impl<'a, K: Hash + Eq + Copy $(+ $bound)?, S: BuildHasher $(, $M: $Mode<K, ()>)?> Extend<&'a K>
            for &$Set<K, S $(, $M)?>
        {
            fn extend<I: IntoIterator<Item = &'a K>>(&mut self, elements: I) {
                self.extend(elements.into_iter().copied());
            }
        }
    };
}
pub(super) use collection;

/// Compares sets as their maps are compared.
macro_rules! equality {
    ($Set:ident $(, $bound:ident)?) => {
        /// As two maps are compared.
        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher> PartialEq for $Set<K, S> {
            fn eq(&self, other: &Self) -> bool {
                self.map == other.map
            }
        }

        impl<K: Hash + Eq $(+ $bound)?, S: BuildHasher> Eq for $Set<K, S> {}
    };
}
pub(super) use equality;
