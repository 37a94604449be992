//! The traits of a collection that both sets implement alike.

/// Implements the traits that put elements into a set, and those
/// that compare it.
macro_rules! collection {
    ($Set:ident<$M:ident: $Mode:ident>) => {
        impl<K, S: Default, $M: $Mode<K, ()>> Default for $Set<K, S, $M> {
            fn default() -> Self {
                Self::empty(S::default())
            }
        }

        impl<K: Hash + Eq, S: BuildHasher + Default, $M: $Mode<K, ()>> FromIterator<K>
            for $Set<K, S, $M>
        {
            /// Of equal elements the first one stays.
            fn from_iter<I: IntoIterator<Item = K>>(elements: I) -> Self {
                let set = Self::default();
                set.pin().insert_all(elements);
                set
            }
        }

        impl<K: Hash + Eq, const N: usize> From<[K; N]> for $Set<K> {
            fn from(elements: [K; N]) -> Self {
                elements.into_iter().collect()
            }
        }

        impl<K: Hash + Eq, S: BuildHasher, $M: $Mode<K, ()>> Extend<K> for $Set<K, S, $M> {
            fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
                self.pin().insert_all(elements);
            }
        }

        /// Extends a shared set: `(&set).extend(elements)`. Each element is inserted by itself.
        impl<K: Hash + Eq, S: BuildHasher, $M: $Mode<K, ()>> Extend<K> for &$Set<K, S, $M> {
            fn extend<I: IntoIterator<Item = K>>(&mut self, elements: I) {
                self.pin().insert_all(elements);
            }
        }

        impl<'a, K: Hash + Eq + Copy, S: BuildHasher, $M: $Mode<K, ()>> Extend<&'a K>
            for $Set<K, S, $M>
        {
            fn extend<I: IntoIterator<Item = &'a K>>(&mut self, elements: I) {
                self.pin().insert_all(elements.into_iter().copied());
            }
        }

        impl<'a, K: Hash + Eq + Copy, S: BuildHasher, $M: $Mode<K, ()>> Extend<&'a K>
            for &$Set<K, S, $M>
        {
            fn extend<I: IntoIterator<Item = &'a K>>(&mut self, elements: I) {
                self.pin().insert_all(elements.into_iter().copied());
            }
        }

        /// As two maps are compared.
        impl<K: Hash + Eq, S: BuildHasher, $M: $Mode<K, ()>> PartialEq for $Set<K, S, $M> {
            fn eq(&self, other: &Self) -> bool {
                self.map == other.map
            }
        }

        impl<K: Hash + Eq, S: BuildHasher, $M: $Mode<K, ()>> Eq for $Set<K, S, $M> {}
    };
}
pub(super) use collection;
