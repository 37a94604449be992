//! The kinds of map, and the places of their entries, as type parameters.
//!
//! The traits are implemented beside the maps that they name. They need private types, so no other crate can implement
//! them.

use super::base::Base;
use crate::engine::Engine;
use crate::store::{Birth, Store};
use crate::trie;

/// A trie, with snapshots: a [`TrieMap`](crate::TrieMap), or a [`CopyMap`](crate::CopyMap) of this kind
/// ([`CopyTrieMap`](crate::CopyTrieMap)).
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

/// A flat table: a [`FlatMap`](crate::FlatMap), or a [`CopyMap`](crate::CopyMap) of this kind
/// ([`CopyFlatMap`](crate::CopyFlatMap)).
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

/// Entries are allocated separately: a [`Snapshot`](crate::Snapshot) of a [`TrieMap`](crate::TrieMap). The default.
#[derive(Debug)]
pub enum Boxed {}

/// Entries are in the nodes: a [`Snapshot`](crate::Snapshot) of a [`CopyTrieMap`](crate::CopyTrieMap).
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

/// The kinds of map, [`Trie`] and [`Flat`], for keys and values that are kept in this [`Place`].
///
/// A bound for functions that take handles or iterators of either kind. Nothing else implements it.
///
/// ```
/// use std::hash::BuildHasher;
/// use snaptrie::mode::{Boxed, Kind};
/// use snaptrie::{FlatMap, Pinned, TrieMap};
///
/// fn total<S: BuildHasher, M: Kind<&'static str, u64, Boxed>>(
///     handle: &Pinned<'_, &'static str, u64, S, M>,
/// ) -> u64 {
///     handle.values().sum()
/// }
/// assert_eq!(total(&TrieMap::from([("a", 1), ("b", 2)]).pin()), 3);
/// assert_eq!(total(&FlatMap::from([("a", 1), ("b", 2)]).pin()), 3);
/// ```
pub trait Kind<K, V, P: Place<K, V>> {
    /// Whether entries record the generation in which they were born, which snapshots need.
    #[doc(hidden)]
    type Birth: Birth;

    #[doc(hidden)]
    type Engine: Engine<Key = K, Value = V, Content = P::Store<Self::Birth>>;

    /// The map with this hasher.
    type Map<S>;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "what maps are made of concerns no other crate")]
    fn base<S>(map: &Self::Map<S>) -> &Base<Self::Engine, S>;
}

/// The places where a map with snapshots keeps its entries: [`Boxed`], and [`Inline`] for plain pairs.
///
/// A bound for functions that take snapshots of either place. Nothing else implements it.
///
/// ```
/// use snaptrie::mode::Place;
/// use snaptrie::{CopyTrieMap, Snapshot, TrieMap};
///
/// fn total<S, P: Place<u32, u64>>(snapshot: &Snapshot<u32, u64, S, P>) -> u64 {
///     snapshot.values().sum()
/// }
/// assert_eq!(total(&TrieMap::from([(1, 10), (2, 20)]).snapshot()), 30);
/// assert_eq!(total(&CopyTrieMap::from([(1, 10), (2, 20)]).snapshot()), 30);
/// ```
pub trait Place<K, V>: Sized + 'static {
    #[doc(hidden)]
    type Store<B: Birth>: Store<Key = K, Value = V>;

    /// The map with this hasher.
    type Map<S>;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "as for `Kind`")]
    fn base<S>(map: &Self::Map<S>) -> &TrieBase<K, V, S, Self>;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "as for `Kind`")]
    fn map<S>(base: TrieBase<K, V, S, Self>) -> Self::Map<S>;
}

/// The base of a map with snapshots.
pub(super) type TrieBase<K, V, S, P> = Base<trie::Trie<<P as Place<K, V>>::Store<u64>>, S>;
