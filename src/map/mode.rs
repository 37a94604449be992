//! The kinds of map, as the types that all of them share name them.
//!
//! [`Pinned`](crate::Pinned), [`Iter`](crate::Iter), [`Keys`](crate::Keys) and
//! [`Values`](crate::Values) have the kind of their map as last parameter.

use super::{FlatMap, TrieMap};
use crate::engine::Engine;
use crate::entry;
use crate::flat;
use crate::trie::Trie;

/// A [`TrieMap`] that keeps each entry in an allocation of its own. The default.
///
/// ```
/// use snaptrie::{Iter, TrieMap, mode};
///
/// fn total(entries: Iter<'_, &str, u64, mode::Boxed>) -> u64 {
///     entries.map(|(_, value)| value).sum()
/// }
/// assert_eq!(total(TrieMap::from([("a", 1), ("b", 2)]).pin().iter()), 3);
/// ```
#[derive(Debug)]
pub enum Boxed {}

/// A [`FlatMap`].
///
/// ```
/// use snaptrie::{FlatMap, Pinned, RandomState, mode};
///
/// fn total(handle: &Pinned<'_, &str, u64, RandomState, mode::Flat>) -> u64 {
///     handle.values().sum()
/// }
/// assert_eq!(total(&FlatMap::from([("a", 1), ("b", 2)]).pin()), 3);
/// ```
#[derive(Debug)]
pub enum Flat {}

/// A kind of map for keys and values of these types.
#[doc(hidden)]
#[expect(private_bounds, reason = "what a kind is made of concerns nobody else; this seals it too")]
pub trait Mode<K, V>: Parts<K, V> {}

impl<K, V, M: Parts<K, V>> Mode<K, V> for M {}

/// What a kind of map is made of: an engine, and a map that owns one and a hasher.
pub(crate) trait Parts<K, V> {
    type Engine: Engine<Key = K, Value = V>;
    type Map<S>;

    fn engine<S>(map: &Self::Map<S>) -> &Self::Engine;
    fn hasher<S>(map: &Self::Map<S>) -> &S;
}

impl<K, V> Parts<K, V> for Boxed {
    type Engine = Trie<entry::Boxed<K, V>>;
    type Map<S> = TrieMap<K, V, S>;

    #[inline]
    fn engine<S>(map: &TrieMap<K, V, S>) -> &Self::Engine {
        &map.trie
    }

    #[inline]
    fn hasher<S>(map: &TrieMap<K, V, S>) -> &S {
        &map.hasher
    }
}

impl<K, V> Parts<K, V> for Flat {
    type Engine = flat::Flat<K, V>;
    type Map<S> = FlatMap<K, V, S>;

    #[inline]
    fn engine<S>(map: &FlatMap<K, V, S>) -> &Self::Engine {
        &map.table
    }

    #[inline]
    fn hasher<S>(map: &FlatMap<K, V, S>) -> &S {
        &map.hasher
    }
}
