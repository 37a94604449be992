//! The kinds of map, and the places where entries are, as public types name them.

use std::sync::Arc;

use super::base::Base;
use super::{CopyTrieMap, FlatMap, TrieMap};
use crate::engine::{Engine, Lent};
use crate::entry::{self, Compare, Store};
use crate::plain::Plain;
use crate::set::{CopyTrieSet, TrieSet};
use crate::{flat, trie};

/// A trie, with snapshots: a [`TrieMap`], or a [`CopyMap`](crate::CopyMap) of this kind ([`CopyTrieMap`]).
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

/// A flat table: a [`FlatMap`], or a [`CopyMap`](crate::CopyMap) of this kind ([`CopyFlatMap`](crate::CopyFlatMap)).
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

/// Entries in allocations of their own: what a [`Snapshot`](crate::Snapshot) of a [`TrieMap`] has. The default.
#[derive(Debug)]
pub enum Boxed {}

/// Entries in the nodes: what a [`Snapshot`](crate::Snapshot) of a [`CopyTrieMap`] has.
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
pub trait Mode<K, V>: Lending<K, V> {}

impl<K, V, M: Lending<K, V>> Mode<K, V> for M {}

/// A kind of map that hands out copies.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait CopyMode<K: Plain, V: Plain>: Copying<K, V> {}

impl<K: Plain, V: Plain, M: Copying<K, V>> CopyMode<K, V> for M {}

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
type TrieBase<K, V, S, M> = Base<trie::Trie<<M as Layout<K, V>>::Store>, S>;

impl<K, V> TrieMode<K, V> for Boxed {
    type Map<S> = TrieMap<K, V, S>;

    #[expect(private_interfaces, reason = "as for `Mode`")]
    fn base<S>(map: &TrieMap<K, V, S>) -> &TrieBase<K, V, S, Self> {
        &map.base
    }

    #[expect(private_interfaces, reason = "as for `Mode`")]
    fn map<S>(base: TrieBase<K, V, S, Self>) -> TrieMap<K, V, S> {
        TrieMap { base }
    }
}

impl<K: Plain, V: Plain> TrieMode<K, V> for Inline {
    type Map<S> = CopyTrieMap<K, V, S>;

    #[expect(private_interfaces, reason = "as for `Mode`")]
    fn base<S>(map: &CopyTrieMap<K, V, S>) -> &TrieBase<K, V, S, Self> {
        &map.base
    }

    #[expect(private_interfaces, reason = "as for `Mode`")]
    fn map<S>(base: TrieBase<K, V, S, Self>) -> CopyTrieMap<K, V, S> {
        CopyTrieMap { base }
    }
}

/// A map with snapshots: a [`TrieMap`], a [`CopyTrieMap`], or an [`Arc`] of one.
#[doc(hidden)]
pub trait Versioned<K, V, S, M: TrieMode<K, V>> {
    /// The map.
    fn map(&self) -> &M::Map<S>;
}

impl<K, V, S> Versioned<K, V, S, Boxed> for TrieMap<K, V, S> {
    fn map(&self) -> &Self {
        self
    }
}

impl<K: Plain, V: Plain, S> Versioned<K, V, S, Inline> for CopyTrieMap<K, V, S> {
    fn map(&self) -> &Self {
        self
    }
}

impl<K, V, S, M: TrieMode<K, V>, T: Versioned<K, V, S, M>> Versioned<K, V, S, M> for Arc<T> {
    fn map(&self) -> &M::Map<S> {
        T::map(self)
    }
}

/// Where a set with snapshots keeps its elements.
#[doc(hidden)]
pub trait SetMode<K>: TrieMode<K, ()> {
    /// The set.
    type Set<S>: From<Self::Map<S>>;
}

impl<K> SetMode<K> for Boxed {
    type Set<S> = TrieSet<K, S>;
}

impl<K: Plain> SetMode<K> for Inline {
    type Set<S> = CopyTrieSet<K, S>;
}

/// A [`TrieMode`] for keys and values that borrow nothing.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait StaticMode<K: 'static, V: 'static>:
    Layout<K, V, Store: Store<Slot: 'static>> + TrieMode<K, V>
{
}

impl<K: 'static, V: 'static, M> StaticMode<K, V> for M where
    M: Layout<K, V, Store: Store<Slot: 'static>> + TrieMode<K, V>
{
}

/// A [`TrieMode`] whose versions can be compared: any [`Boxed`] one, and an [`Inline`] one if its values are
/// `PartialEq`.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait CompareMode<K, V>: Layout<K, V, Store: Compare> + TrieMode<K, V> {}

impl<K, V, M> CompareMode<K, V> for M where M: Layout<K, V, Store: Compare> + TrieMode<K, V> {}

/// The engine and the map of a [`Mode`].
pub(crate) trait Lending<K, V> {
    type Engine: Engine<Key = K, Value = V, Content: Lent>;
    type Map<S>;

    fn base<S>(map: &Self::Map<S>) -> &Base<Self::Engine, S>;
}

impl<K, V> Lending<K, V> for Trie {
    type Engine = trie::Trie<entry::Boxed<K, V>>;
    type Map<S> = TrieMap<K, V, S>;

    #[inline(always)]
    fn base<S>(map: &TrieMap<K, V, S>) -> &Base<Self::Engine, S> {
        &map.base
    }
}

impl<K, V> Lending<K, V> for Flat {
    type Engine = flat::Flat<entry::Boxed<K, V>>;
    type Map<S> = FlatMap<K, V, S>;

    #[inline(always)]
    fn base<S>(map: &FlatMap<K, V, S>) -> &Base<Self::Engine, S> {
        &map.base
    }
}

/// The engine of a [`CopyMode`].
pub(crate) trait Copying<K: Plain, V: Plain> {
    type Engine: Engine<Key = K, Value = V>;
}

impl<K: Plain, V: Plain> Copying<K, V> for Trie {
    type Engine = trie::Trie<entry::Inline<K, V>>;
}

impl<K: Plain, V: Plain> Copying<K, V> for Flat {
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
