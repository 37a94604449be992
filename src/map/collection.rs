//! The traits of a collection that all maps implement alike.

/// Implements the traits that put entries into a map.
macro_rules! collection {
    ($Map:ident<$M:ident: $Mode:ident>) => {
        impl<K, V, S: Default, $M: $Mode<K, V>> Default for $Map<K, V, S, $M> {
            fn default() -> Self {
                Self::empty(S::default())
            }
        }

        impl<K: Hash + Eq, V, S: BuildHasher + Default, $M: $Mode<K, V>> FromIterator<(K, V)>
            for $Map<K, V, S, $M>
        {
            /// Of entries with equal keys the last one stays.
            fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
                let map = Self::default();
                map.pin().insert_all(entries, Stays::Last);
                map
            }
        }

        impl<K: Hash + Eq, V, const N: usize> From<[(K, V); N]> for $Map<K, V> {
            fn from(entries: [(K, V); N]) -> Self {
                entries.into_iter().collect()
            }
        }

        impl<K: Hash + Eq, V, S: BuildHasher, $M: $Mode<K, V>> Extend<(K, V)>
            for $Map<K, V, S, $M>
        {
            fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
                self.pin().insert_all(entries, Stays::Last);
            }
        }

        /// Extends a shared map: `(&map).extend(entries)`. Each entry is inserted by itself.
        impl<K: Hash + Eq, V, S: BuildHasher, $M: $Mode<K, V>> Extend<(K, V)>
            for &$Map<K, V, S, $M>
        {
            fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
                self.pin().insert_all(entries, Stays::Last);
            }
        }

        impl<'a, K: Hash + Eq + Copy, V: Copy, S: BuildHasher, $M: $Mode<K, V>>
            Extend<(&'a K, &'a V)> for $Map<K, V, S, $M>
        {
            fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
                self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
            }
        }

        impl<'a, K: Hash + Eq + Copy, V: Copy, S: BuildHasher, $M: $Mode<K, V>>
            Extend<(&'a K, &'a V)> for &$Map<K, V, S, $M>
        {
            fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
                self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
            }
        }

        // A panic that is caught leaves no broken state behind: every change of a map is one atomic
        // step.
        impl<K: RefUnwindSafe, V: RefUnwindSafe, S: UnwindSafe, $M: $Mode<K, V>> UnwindSafe
            for $Map<K, V, S, $M>
        {
        }
        impl<K: RefUnwindSafe, V: RefUnwindSafe, S: RefUnwindSafe, $M: $Mode<K, V>> RefUnwindSafe
            for $Map<K, V, S, $M>
        {
        }
    };
}
pub(super) use collection;
