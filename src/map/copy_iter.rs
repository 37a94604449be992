//! Iterators over a live map that returns copies.
#![expect(unsafe_code, reason = "an iterator may own the guard that it works under")]

use std::fmt;
use std::iter::FusedIterator;
use std::rc::Rc;

use super::base::Base;
use super::local::Local;
use super::mode::{Inline, Kind, Trie};
use crate::engine::Engine;
use crate::plain::Plain;
use crate::reclaim::Guard;

/// An iterator over the entries of a live map, from [`CopyMap::iter`](crate::CopyMap::iter) or
/// [`CopyPinned::iter`](crate::CopyPinned::iter).
///
/// Weakly consistent: it yields no key twice, and every entry that is present throughout. It may or may not show
/// changes made meanwhile. As long as it exists, it counts as a [handle](crate::CopyPinned).
pub struct CopyIter<'p, K: Plain + 'p, V: Plain + 'p, M: Kind<K, V, Inline> + 'p = Trie> {
    /// Declared first, so that it is dropped before its guard.
    entries: Local<<<M as Kind<K, V, Inline>>::Engine as Engine>::Iter<'p>>,
    /// The guard of `entries`, if this iterator owns it.
    _guard: Local<Option<Rc<Guard>>>,
}

impl<'p, K: Plain, V: Plain, M: Kind<K, V, Inline>> CopyIter<'p, K, V, M> {
    /// With a new guard.
    pub(super) fn new<S>(base: &'p Base<M::Engine, S>) -> Self {
        let guard = Rc::new(base.pin());
        // SAFETY:
        // - the guard does not move before the last `Rc` to it is dropped. This iterator holds one, which is dropped
        //   after `entries`, whose references are `Unprotected`. The copies that `entries` yields need no guard.
        let lasting: &'p Guard = unsafe { &*Rc::as_ptr(&guard) };
        Self { entries: Local::new(base.engine.iter(lasting)), _guard: Local::new(Some(guard)) }
    }

    /// With the guard of a handle.
    pub(super) fn under<S>(base: &'p Base<M::Engine, S>, guard: &'p Guard) -> Self {
        Self { entries: Local::new(base.engine.iter(guard)), _guard: Local::new(None) }
    }
}

impl<'p, K: Plain, V: Plain, M: Kind<K, V, Inline>> Iterator for CopyIter<'p, K, V, M> {
    type Item = (K, V);

    #[inline]
    fn next(&mut self) -> Option<(K, V)> {
        self.entries.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, (K, V)) -> B>(self, init: B, f: F) -> B {
        self.entries.into_inner().fold(init, f)
    }
}

/// An iterator over the keys of a live map, from [`CopyMap::keys`](crate::CopyMap::keys), or over the elements of a
/// live set.
pub struct CopyKeys<'p, K: Plain, V: Plain, M: Kind<K, V, Inline> = Trie>(
    pub(crate) CopyIter<'p, K, V, M>,
);

impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> Iterator for CopyKeys<'_, K, V, M> {
    type Item = K;

    #[inline]
    fn next(&mut self) -> Option<K> {
        self.0.next().map(|(key, _)| key)
    }

    #[inline]
    fn fold<B, F: FnMut(B, K) -> B>(self, init: B, mut f: F) -> B {
        self.0.fold(init, |result, (key, _)| f(result, key))
    }
}

/// An iterator over the values of a live map, from [`CopyMap::values`](crate::CopyMap::values).
pub struct CopyValues<'p, K: Plain, V: Plain, M: Kind<K, V, Inline> = Trie>(
    pub(super) CopyIter<'p, K, V, M>,
);

impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> Iterator for CopyValues<'_, K, V, M> {
    type Item = V;

    #[inline]
    fn next(&mut self) -> Option<V> {
        self.0.next().map(|(_, value)| value)
    }

    #[inline]
    fn fold<B, F: FnMut(B, V) -> B>(self, init: B, mut f: F) -> B {
        self.0.fold(init, |result, (_, value)| f(result, value))
    }
}

impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> FusedIterator for CopyIter<'_, K, V, M> {}
impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> FusedIterator for CopyKeys<'_, K, V, M> {}
impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> FusedIterator for CopyValues<'_, K, V, M> {}

/// Shows no content: that would need a second walk.
macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl<K: Plain, V: Plain, M: Kind<K, V, Inline>> fmt::Debug for $name<'_, K, V, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug!(CopyIter, CopyKeys, CopyValues);
