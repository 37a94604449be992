//! Iterating over a live map.

use std::fmt;
use std::iter::FusedIterator;

use super::local::Local;
use super::mode::{Boxed, Kind, Trie};
use super::pinned::Pinned;
use crate::engine::Engine;

impl<K, V, S, M: Kind<K, V, Boxed>> Pinned<'_, K, V, S, M> {
    /// Number of entries. Weakly consistent: exact while no thread writes.
    ///
    /// Adds up the counters of writers: O(processors). For a fork, the first call also counts the entries that it began
    /// with. For the number at one instant while others write, take a [snapshot](crate::TrieMap::snapshot).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a'), (2, 'b')]);
    /// assert_eq!(map.pin().len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.base().engine.len(&self.guard)
    }

    /// Whether an iteration finds no entry. Stops at the first one.
    ///
    /// Returns false if any entry is present throughout the call.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<u32, u32>::new();
    /// assert!(map.pin().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.access().is_empty()
    }

    /// Iterates over the entries, in no particular order. Weakly consistent, see [`Iter`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 10), (2, 20)]);
    /// let total: i32 = map.pin().iter().map(|(_, value)| value).sum();
    /// assert_eq!(total, 30);
    /// ```
    pub fn iter(&self) -> Iter<'_, K, V, M> {
        Iter::new(self.access().iter())
    }

    /// Iterates over the keys. Weakly consistent, see [`Iter`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 10), (2, 20)]);
    /// assert_eq!(map.pin().keys().sum::<i32>(), 3);
    /// ```
    pub fn keys(&self) -> Keys<'_, K, V, M> {
        Keys(self.iter())
    }

    /// Iterates over the values. Weakly consistent, see [`Iter`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 10), (2, 20)]);
    /// assert_eq!(map.pin().values().sum::<i32>(), 30);
    /// ```
    pub fn values(&self) -> Values<'_, K, V, M> {
        Values(self.iter())
    }
}

impl<'p, K, V, S, M: Kind<K, V, Boxed>> IntoIterator for &'p Pinned<'_, K, V, S, M> {
    type Item = (&'p K, &'p V);
    type IntoIter = Iter<'p, K, V, M>;

    fn into_iter(self) -> Iter<'p, K, V, M> {
        self.iter()
    }
}

/// Lists the entries, weakly consistent.
impl<K: fmt::Debug, V: fmt::Debug, S, M: Kind<K, V, Boxed>> fmt::Debug for Pinned<'_, K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// The engine's iterator.
type Entries<'p, K, V, M> = <<M as Kind<K, V, Boxed>>::Engine as Engine>::Iter<'p>;

/// An iterator over the entries of a live map, from [`Pinned::iter`].
///
/// Weakly consistent: it yields no key twice, and every entry that is present throughout. It may or may not show
/// changes made meanwhile.
pub struct Iter<'p, K: 'p, V: 'p, M: Kind<K, V, Boxed> + 'p = Trie> {
    entries: Local<Entries<'p, K, V, M>>,
}

impl<'p, K, V, M: Kind<K, V, Boxed>> Iter<'p, K, V, M> {
    pub(super) fn new(entries: Entries<'p, K, V, M>) -> Self {
        Self { entries: Local::new(entries) }
    }
}

impl<'p, K, V, M: Kind<K, V, Boxed>> Iterator for Iter<'p, K, V, M> {
    type Item = (&'p K, &'p V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, f: F) -> B {
        self.entries.into_inner().fold(init, f)
    }
}

/// An iterator over the keys of a live map, from [`Pinned::keys`].
pub struct Keys<'p, K, V, M: Kind<K, V, Boxed> = Trie>(Iter<'p, K, V, M>);

impl<'p, K, V, M: Kind<K, V, Boxed>> Iterator for Keys<'p, K, V, M> {
    type Item = &'p K;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, _)| key)
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        self.0.fold(init, |result, (key, _)| f(result, key))
    }
}

/// An iterator over the values of a live map, from [`Pinned::values`].
pub struct Values<'p, K, V, M: Kind<K, V, Boxed> = Trie>(Iter<'p, K, V, M>);

impl<'p, K, V, M: Kind<K, V, Boxed>> Iterator for Values<'p, K, V, M> {
    type Item = &'p V;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, value)| value)
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        self.0.fold(init, |result, (_, value)| f(result, value))
    }
}

impl<K, V, M: Kind<K, V, Boxed>> FusedIterator for Iter<'_, K, V, M> {}
impl<K, V, M: Kind<K, V, Boxed>> FusedIterator for Keys<'_, K, V, M> {}
impl<K, V, M: Kind<K, V, Boxed>> FusedIterator for Values<'_, K, V, M> {}

/// Shows no content: that would need a second walk.
macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl<K, V, M: Kind<K, V, Boxed>> fmt::Debug for $name<'_, K, V, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug!(Iter, Keys, Values);
