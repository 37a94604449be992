//! The kinds of map, as the types that all of them share name them.
//!
//! [`Pinned`](crate::Pinned), [`Iter`](crate::Iter), [`Keys`](crate::Keys) and
//! [`Values`](crate::Values) have the kind of their map as last parameter.

use std::convert::Infallible;
use std::marker::PhantomData;

use super::{FlatMap, TrieMap};
use crate::engine::Engine;
use crate::entry::{self, Compare, Store};
use crate::flat;
use crate::trie::Trie;

/// A map that keeps each entry in an allocation of its own. The default.
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

/// A map that keeps pairs of `Copy` types in its nodes or lines: [`CopyTrieMap`](crate::CopyTrieMap) and
/// [`CopyFlatMap`](crate::CopyFlatMap).
///
/// Nothing is allocated for a new entry, and most operations cost less. Everything else is the same: the
/// methods, the guarantees, snapshots and forks of a [`TrieMap`].
///
/// - A value that is replaced goes to another place, since references to the old one may be held. In a
///   [`TrieMap`] that is another place in its node, which now and then is rebuilt for that. In a [`FlatMap`] it is
///   an allocation, as every entry of a boxed one has, until the table moves.
/// - Key and value together take 64 bytes at most, aligned to 16 at most. More does not compile.
/// - When a node of a [`TrieMap`] is rebuilt, the keys in it are hashed anew. A hasher that is inconsistent may
///   make keys unreachable; one that panics then may do so in an operation on another key, which may have
///   taken effect or not. (A [`FlatMap`] keeps the hashes.)
/// - A closure that decides about a key may run again when the key's entry was moved, not only when
///   it was changed. So it must not take a snapshot of its own map, or rewrite many of its keys, each
///   time it runs: it could be asked for ever.
///
/// ```
/// use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap};
///
/// let map: CopyTrieMap<u64, u64> = TrieMap::inline();
/// map.pin().insert(1, 10);
/// assert_eq!(map.snapshot()[&1], 10);
///
/// let table: CopyFlatMap<u64, u64> = FlatMap::inline();
/// table.pin().insert(1, 10);
/// assert_eq!(table.pin()[&1], 10);
/// ```
///
/// What is not `Copy`, takes more than 64 bytes or wants more than 16-byte alignment does not compile:
///
/// ```
/// # use snaptrie::TrieMap;
/// #[derive(Clone, Copy)]
/// #[repr(align(16))]
/// struct Wide(u64);
///
/// TrieMap::inline().pin().insert(1_u64, [0_u64; 7]);
/// TrieMap::inline().pin().insert(1_u64, Wide(0));
/// # snaptrie::FlatMap::inline().pin().insert(1_u64, [0_u64; 7]);
/// # snaptrie::FlatMap::inline().pin().insert(1_u64, Wide(0));
/// ```
///
/// ```compile_fail
/// # use snaptrie::TrieMap;
/// TrieMap::inline().pin().insert(1_u64, [0_u64; 8]);
/// ```
///
/// ```compile_fail
/// # use snaptrie::TrieMap;
/// #[derive(Clone, Copy)]
/// #[repr(align(32))]
/// struct Wide(u64);
///
/// TrieMap::inline().pin().insert(1_u64, Wide(0));
/// ```
///
/// ```compile_fail
/// # use snaptrie::TrieMap;
/// TrieMap::inline().pin().insert(1_u64, String::new());
/// ```
///
/// ```compile_fail
/// # use snaptrie::FlatMap;
/// FlatMap::inline().pin().insert(1_u64, [0_u64; 8]);
/// ```
///
/// ```compile_fail
/// # use snaptrie::FlatMap;
/// FlatMap::inline().pin().insert(1_u64, String::new());
/// ```
#[derive(Debug)]
pub enum Inline {}

/// A [`FlatMap`]; the parameter tells where it keeps its entries.
///
/// ```
/// use snaptrie::{FlatMap, Pinned, RandomState, mode};
///
/// fn total(handle: &Pinned<'_, &str, u64, RandomState, mode::Flat>) -> u64 {
///     handle.values().sum()
/// }
/// assert_eq!(total(&FlatMap::from([("a", 1), ("b", 2)]).pin()), 3);
///
/// fn count(handle: &Pinned<'_, u64, u64, RandomState, mode::Flat<mode::Inline>>) -> usize {
///     handle.len()
/// }
/// assert_eq!(count(&FlatMap::inline().pin()), 0);
/// ```
#[derive(Debug)]
pub struct Flat<M = Boxed> {
    _none: Infallible,
    _entries: PhantomData<M>,
}

/// A kind of map for keys and values of these types.
#[doc(hidden)]
#[expect(private_bounds, reason = "what a kind is made of concerns nobody else; this seals it too")]
pub trait Mode<K, V>: Parts<K, V> {}

impl<K, V, M: Parts<K, V>> Mode<K, V> for M {}

/// A kind of [`TrieMap`] for keys and values of these types.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait TrieMode<K, V>: Layout<K, V> {}

impl<K, V, M: Layout<K, V>> TrieMode<K, V> for M {}

/// Where a [`FlatMap`] can keep keys and values of these types.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait FlatMode<K, V>: InTable<K, V> {}

impl<K, V, M: InTable<K, V>> FlatMode<K, V> for M {}

/// A kind of [`TrieMap`] for keys and values of these types, which borrow nothing.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait StaticMode<K: 'static, V: 'static>:
    Layout<K, V, Store: Store<Slot: 'static>> + TrieMode<K, V>
{
}

impl<K: 'static, V: 'static, M> StaticMode<K, V> for M where
    M: Layout<K, V, Store: Store<Slot: 'static>>
{
}

/// A kind of [`TrieMap`] whose versions can be compared: any [`Boxed`] one, and an [`Inline`] one if its
/// values are `PartialEq`.
#[doc(hidden)]
#[expect(private_bounds, reason = "as for `Mode`")]
pub trait CompareMode<K, V>: Layout<K, V, Store: Compare> + TrieMode<K, V> {}

impl<K, V, M> CompareMode<K, V> for M where M: Layout<K, V, Store: Compare> {}

/// What a kind of map is made of: an engine, and a map that owns one and a hasher.
pub(crate) trait Parts<K, V> {
    type Engine: Engine<Key = K, Value = V>;
    type Map<S>;

    fn engine<S>(map: &Self::Map<S>) -> &Self::Engine;
    fn hasher<S>(map: &Self::Map<S>) -> &S;
}

/// Where a kind of [`TrieMap`] keeps its entries.
pub(crate) trait Layout<K, V>: InTrie + Sized {
    type Store: Store<Key = K, Value = V>;
}

/// The kinds of [`TrieMap`].
pub(crate) trait InTrie {}

impl InTrie for Boxed {}
impl InTrie for Inline {}

impl<K, V> Layout<K, V> for Boxed {
    type Store = entry::Boxed<K, V>;
}

impl<K: Copy, V: Copy> Layout<K, V> for Inline {
    type Store = entry::Inline<K, V>;
}

impl<K, V, M: Layout<K, V>> Parts<K, V> for M {
    type Engine = Trie<M::Store>;
    type Map<S> = TrieMap<K, V, S, M>;

    #[inline]
    fn engine<S>(map: &TrieMap<K, V, S, M>) -> &Self::Engine {
        &map.trie
    }

    #[inline]
    fn hasher<S>(map: &TrieMap<K, V, S, M>) -> &S {
        &map.hasher
    }
}

/// Where a [`FlatMap`] keeps its entries.
pub(crate) trait InTable<K, V>: Sized {
    type Store: flat::Store<Key = K, Value = V>;
}

impl<K, V> InTable<K, V> for Boxed {
    type Store = flat::Boxed<K, V>;
}

impl<K: Copy, V: Copy> InTable<K, V> for Inline {
    type Store = flat::Inline<K, V>;
}

impl<K, V, M: InTable<K, V>> Parts<K, V> for Flat<M> {
    type Engine = flat::Flat<M::Store>;
    type Map<S> = FlatMap<K, V, S, M>;

    #[inline]
    fn engine<S>(map: &FlatMap<K, V, S, M>) -> &Self::Engine {
        &map.table
    }

    #[inline]
    fn hasher<S>(map: &FlatMap<K, V, S, M>) -> &S {
        &map.hasher
    }
}
