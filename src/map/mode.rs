//! The kinds of map, and the places where entries are, as public types name them.
//!
//! The traits say what is made of what. They are implemented beside the maps and sets that they name, which import them
//! and not the other way round. What they need is private, so nobody else can implement them.

use std::sync::Arc;

use super::base::Base;
use crate::engine::{Engine, Lent, PairOf};
use crate::entry::{self, Compare, Store};
use crate::plain::Plain;
use crate::{flat, trie};

/// A trie, with snapshots: a [`TrieMap`](crate::TrieMap), or a [`CopyMap`](crate::CopyMap) of this kind ([`CopyTrieMap`](crate::CopyTrieMap)).
///
/// ```
/// use snaptrie::{Iter, TrieMap, mode};
///
/// fn total(entries: Iter<'_, &str, u64, mode::Trie>) -> u64 {
///     entries.map(|(_, value)| value).sum()
/// }
/// assert_eq!(total(TrieMap::from([("a", 1), ("b", 2)]).pin().iter()), 3);
/// ```
#[derive(Debug)]
pub enum Trie {}

/// A flat table: a [`FlatMap`](crate::FlatMap), or a [`CopyMap`](crate::CopyMap) of this kind ([`CopyFlatMap`](crate::CopyFlatMap)).
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

/// Entries in allocations of their own: what a [`Snapshot`](crate::Snapshot) of a [`TrieMap`](crate::TrieMap) has. The default.
#[derive(Debug)]
pub enum Boxed {}

/// Entries in the nodes: what a [`Snapshot`](crate::Snapshot) of a [`CopyTrieMap`](crate::CopyTrieMap) has.
///
/// ```
/// use snaptrie::{CopyTrieMap, RandomState, Snapshot, mode};
///
/// fn total(snapshot: &Snapshot<u32, u64, RandomState, mode::Inline>) -> u64 {
///     snapshot.values().sum()
/// }
/// assert_eq!(total(&CopyTrieMap::from([(1, 10), (2, 20)]).snapshot()), 30);
/// ```
#[derive(Debug)]
pub enum Inline {}

/// A kind of map that hands out references.
#[doc(hidden)]
#[expect(private_bounds, reason = "what a kind is made of concerns nobody else; this seals it too")]
#[expect(private_interfaces, reason = "as above")]
pub trait Mode<K, V>: Made<K, V, Boxed, Engine: Engine<Content: Lent>> {
    /// The map.
    type Map<S>;

    fn base<S>(map: &Self::Map<S>) -> &Base<Self::Engine, S>;
}

/// The key and the value of an entry.
#[inline(always)]
pub(super) fn refs<'g, K, V, M: Mode<K, V>>(pair: PairOf<'g, M::Engine>) -> (&'g K, &'g V)
where
    M::Engine: 'g,
{
    <<M::Engine as Engine>::Content as Lent>::refs(pair)
}

/// A kind of map that hands out copies.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait CopyMode<K: Plain, V: Plain>: Made<K, V, Inline> {}

impl<K: Plain, V: Plain, M: Made<K, V, Inline>> CopyMode<K, V> for M {}

/// What a map of this kind is made of, if it has its entries in `Place`.
pub(crate) trait Made<K, V, Place> {
    type Engine: Engine<Key = K, Value = V>;
}

impl<K, V, Place: Layout<K, V>> Made<K, V, Place> for Trie {
    type Engine = trie::Trie<Place::Store>;
}

impl<K, V> Made<K, V, Boxed> for Flat {
    type Engine = flat::Flat<entry::Undated<K, V>>;
}

impl<K: Plain, V: Plain> Made<K, V, Inline> for Flat {
    type Engine = flat::Flat<entry::Inline<K, V>>;
}

/// The store of a [`TrieMode`].
pub(crate) trait Layout<K, V> {
    type Store: Store<Key = K, Value = V>;
}

impl<K, V> Layout<K, V> for Boxed {
    type Store = entry::Boxed<K, V>;
}

impl<K: Plain, V: Plain> Layout<K, V> for Inline {
    type Store = entry::Inline<K, V>;
}

/// Where a map with snapshots keeps keys and values of these types.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
#[expect(private_interfaces, reason = "as for `Mode`")]
pub trait TrieMode<K, V>: Layout<K, V> + Sized {
    /// The map.
    type Map<S>;

    fn base<S>(map: &Self::Map<S>) -> &TrieBase<K, V, S, Self>;
    fn map<S>(base: TrieBase<K, V, S, Self>) -> Self::Map<S>;
}

/// What a map with snapshots is made of.
pub(super) type TrieBase<K, V, S, M> = Base<trie::Trie<<M as Layout<K, V>>::Store>, S>;

/// Where a set with snapshots keeps its elements.
#[doc(hidden)]
pub trait SetMode<K>: TrieMode<K, ()> {
    /// The set.
    type Set<S>: From<Self::Map<S>>;
}

/// A map with snapshots: a [`TrieMap`](crate::TrieMap), a [`CopyTrieMap`](crate::CopyTrieMap), or an [`Arc`] of one.
#[doc(hidden)]
pub trait Versioned<K, V, S, M: TrieMode<K, V>> {
    /// The map.
    fn map(&self) -> &M::Map<S>;
}

impl<K, V, S, M: TrieMode<K, V>, T: Versioned<K, V, S, M>> Versioned<K, V, S, M> for Arc<T> {
    fn map(&self) -> &M::Map<S> {
        T::map(self)
    }
}

/// A [`TrieMode`] for keys and values that borrow nothing.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait StaticMode<K: 'static, V: 'static>:
    TrieMode<K, V> + Layout<K, V, Store: Store<Slot: 'static>>
{
}

impl<K: 'static, V: 'static, M> StaticMode<K, V> for M where
    M: TrieMode<K, V> + Layout<K, V, Store: Store<Slot: 'static>>
{
}

/// A [`TrieMode`] whose versions can be compared: any [`Boxed`] one, and an [`Inline`] one if its values are
/// `PartialEq`.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait CompareMode<K, V>: TrieMode<K, V> + Layout<K, V, Store: Compare> {}

impl<K, V, M: TrieMode<K, V> + Layout<K, V, Store: Compare>> CompareMode<K, V> for M {}
