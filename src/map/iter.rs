//! Iterators over a live map.

use std::fmt;
use std::iter::FusedIterator;

use super::local::Local;
use super::mode::{Boxed, Kind, Trie};
use crate::engine::Engine;

/// The engine's iterator.
type Entries<'p, K, V, M> = <<M as Kind<K, V, Boxed>>::Engine as Engine>::Iter<'p>;

/// An iterator over the entries of a live map, from [`Pinned::iter`](crate::Pinned::iter).
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

/// An iterator over the keys of a live map, from [`Pinned::keys`](crate::Pinned::keys).
pub struct Keys<'p, K, V, M: Kind<K, V, Boxed> = Trie>(pub(super) Iter<'p, K, V, M>);

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

/// An iterator over the values of a live map, from [`Pinned::values`](crate::Pinned::values).
pub struct Values<'p, K, V, M: Kind<K, V, Boxed> = Trie>(pub(super) Iter<'p, K, V, M>);

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
