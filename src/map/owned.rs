//! Entries that are taken out of a map, or changed in place, while nothing else can reach them.

use std::fmt;
use std::iter::FusedIterator;
use std::vec;

use crate::fallout::Fallout;

/// An iterator over the entries of a map, by value.
///
/// From `into_iter` of a [`FlatMap`](crate::FlatMap) or a [`CopyFlatMap`](crate::CopyFlatMap), and from
/// [`TrieMap::try_into_iter`](crate::TrieMap::try_into_iter). Dropping it drops the remaining entries. If destructors
/// panic, all others still run, and then the last panic continues.
pub struct IntoIter<K, V> {
    entries: vec::IntoIter<(K, V)>,
}

impl<K, V> IntoIter<K, V> {
    pub(super) fn new(entries: Vec<(K, V)>) -> Self {
        Self { entries: entries.into_iter() }
    }
}

impl<K, V> Drop for IntoIter<K, V> {
    fn drop(&mut self) {
        if std::mem::needs_drop::<(K, V)>() {
            let mut fallout = Fallout::default();
            for (key, value) in self.entries.by_ref() {
                fallout.catch(|| drop(key));
                fallout.catch(|| drop(value));
            }
            fallout.resume();
        }
    }
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        self.entries.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

/// An iterator over the elements of a set, by value. See [`IntoIter`].
pub struct IntoKeys<K>(pub(crate) IntoIter<K, ()>);

impl<K> Iterator for IntoKeys<K> {
    type Item = K;

    #[inline]
    fn next(&mut self) -> Option<K> {
        self.0.next().map(|(key, ())| key)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// An iterator over the entries of a map, with mutable references to the values, from `iter_mut` of any map, such as
/// [`FlatMap::iter_mut`](crate::FlatMap::iter_mut).
pub struct IterMut<'a, K, V> {
    entries: vec::IntoIter<(&'a K, &'a mut V)>,
}

impl<'a, K, V> IterMut<'a, K, V> {
    pub(super) fn new(entries: Vec<(&'a K, &'a mut V)>) -> Self {
        Self { entries: entries.into_iter() }
    }
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

/// An iterator over mutable references to the values of a map, from `values_mut` of any map, such as
/// [`FlatMap::values_mut`](crate::FlatMap::values_mut).
pub struct ValuesMut<'a, K, V>(pub(super) IterMut<'a, K, V>);

impl<'a, K, V> Iterator for ValuesMut<'a, K, V> {
    type Item = &'a mut V;

    #[inline]
    fn next(&mut self) -> Option<&'a mut V> {
        self.0.next().map(|(_, value)| value)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<K, V> ExactSizeIterator for IntoIter<K, V> {}
impl<K> ExactSizeIterator for IntoKeys<K> {}
impl<K, V> ExactSizeIterator for IterMut<'_, K, V> {}
impl<K, V> ExactSizeIterator for ValuesMut<'_, K, V> {}

impl<K, V> FusedIterator for IntoIter<K, V> {}
impl<K> FusedIterator for IntoKeys<K> {}
impl<K, V> FusedIterator for IterMut<'_, K, V> {}
impl<K, V> FusedIterator for ValuesMut<'_, K, V> {}

/// Lists the remaining entries.
impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IntoIter<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.as_slice()).finish()
    }
}

/// Lists the remaining elements.
impl<K: fmt::Debug> fmt::Debug for IntoKeys<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elements = self.0.entries.as_slice().iter().map(|(key, ())| key);
        f.debug_list().entries(elements).finish()
    }
}

/// Lists the remaining entries.
impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for IterMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.as_slice()).finish()
    }
}

/// Lists the remaining values.
impl<K, V: fmt::Debug> fmt::Debug for ValuesMut<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let values = self.0.entries.as_slice().iter().map(|(_, value)| value);
        f.debug_list().entries(values).finish()
    }
}
