//! The map for read-heavy loads.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{RefUnwindSafe, UnwindSafe};

use equivalent::Equivalent;

use super::base::Base;
use super::collection::{by_reference, collection};
use super::flat_operations::flat_operations;
use super::mode::{self, Kind, Place};
use super::{
    CopyFlatMap, FlatStats, IntoIter, IterMut, OwnedDiff, Pinned, Snapshot, Stays, TrieMap,
    ValuesMut,
};
use crate::RandomState;
use crate::engine::Engine;
use crate::flat::Flat;
use crate::hash;
use crate::plain::Plain;
use crate::reclaim::Collector;
use crate::store::{Store, Undated};

/// A concurrent hash map for read-heavy loads.
///
/// A lock-free flat table. A lookup reads one bucket of the table and the entry. When the table has to grow, writes
/// move it to a larger table, a small part at a time, while readers continue. No operation on entries ever waits for a
/// resize or for another thread. All concurrent operations take `&self`. Those that return references are methods of
/// the handle that [`pin`](Self::pin) returns, as for a [`TrieMap`].
///
/// | operation | cost | consistency |
/// |---|---|---|
/// | [`get`](Pinned::get) and other lookups | O(1) | linearizable |
/// | [`insert`](Pinned::insert), [`remove`](Pinned::remove), [`compute`](Pinned::compute) and the like | O(1), one allocation for a new entry | linearizable |
/// | [`len`](Self::len) | O(processors) | weak: exact while no thread writes |
/// | [`iter`](Pinned::iter) | O(n + capacity) | weak: no key twice, every entry that is present throughout |
/// | [`clear`](Self::clear) | O(n + capacity) | weak: entries go leaf by leaf |
///
/// The costs hold for a hasher that spreads keys well. With a constant hash each operation is correct, and O(n).
///
/// # What only a `TrieMap` has
///
/// A flat map has no snapshots: only operations on single keys happen at one instant. If you need the whole content at
/// one instant, use a [`TrieMap`]. [`Snapshot::to_flat`] makes a flat map from a snapshot, and [`Self::to_trie`] makes
/// a [`TrieMap`] from a flat map.
///
/// # Reclamation
///
/// A replaced or removed entry is dropped once the handles that existed then are gone: by a later change of the same
/// map, by [`flush`](Self::flush), or at the latest with the map. The same holds for tables that the map has outgrown.
/// Keys and values need not be `'static`.
///
/// A destructor may panic. If an operation runs it, the panic is caught and only the panic hook reports it. If it runs
/// because the map is dropped, the panic continues after all other destructors have run.
///
/// # Examples
/// ```
/// use snaptrie::FlatMap;
///
/// let routes = FlatMap::new();
/// routes.pin().insert("/", "index");
/// std::thread::scope(|scope| {
///     for _ in 0..4 {
///         scope.spawn(|| assert_eq!(routes.pin().get("/"), Some(&"index")));
///     }
///     scope.spawn(|| {
///         routes.pin().insert("/about", "about");
///     });
/// });
/// assert_eq!(routes.len(), 2);
/// ```
pub struct FlatMap<K, V, S = RandomState> {
    pub(crate) base: Base<Flat<Undated<K, V>>, S>,
}

by_reference!(FlatMap, mode::Flat);
flat_operations!(FlatMap, TrieMap, cloned);
collection!(FlatMap);

#[expect(private_interfaces, reason = "as for the trait")]
impl<K, V> Kind<K, V, mode::Boxed> for mode::Flat {
    type Birth = ();
    type Engine = Flat<Undated<K, V>>;
    type Map<S> = FlatMap<K, V, S>;

    #[inline(always)]
    fn base<S>(map: &FlatMap<K, V, S>) -> &Base<Self::Engine, S> {
        &map.base
    }
}

impl<'m, K, V, S> Pinned<'m, K, V, S, mode::Flat> {
    /// The map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::<u32, u32>::new();
    /// assert_eq!(map.pin().map().capacity(), 0);
    /// ```
    pub fn map(&self) -> &'m FlatMap<K, V, S> {
        self.map
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn shared_iter(&self) -> crate::flat::SharedIter<'_, Undated<K, V>> {
        self.map.base.engine.shared_iter(&self.guard)
    }
}

impl<K, V, S, M> Snapshot<K, V, S, M>
where
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
    M: Place<K, V>,
{
    /// A [`FlatMap`] with clones of the snapshot's entries, and the same hasher. O(n).
    ///
    /// For a map that is filled first and then only read: the trie takes the writes, and the flat map serves its
    /// content. The feature `rayon` adds `par_to_flat`, which uses all processors.
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::TrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let serve = ingest.take().to_flat();
    /// assert_eq!(serve.len(), 1_000);
    /// assert_eq!(serve.pin()[&30], 900);
    /// ```
    #[doc(alias = "into_read_only")]
    #[must_use = "the result is a map of its own"]
    pub fn to_flat(&self) -> FlatMap<K, V, S> {
        FlatMap { base: self.to_table() }
    }

    /// A [`CopyFlatMap`] with the snapshot's entries, and the same hasher. O(n). See [`Self::to_flat`].
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::CopyTrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let serve = ingest.take().to_copy_flat();
    /// assert_eq!(serve.len(), 1_000);
    /// assert_eq!(serve.get(&30), Some(900));
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn to_copy_flat(&self) -> CopyFlatMap<K, V, S>
    where
        K: Plain,
        V: Plain,
    {
        CopyFlatMap { base: self.to_table() }
    }

    pub(super) fn to_table<St: Store<Key = K, Value = V>>(&self) -> Base<Flat<St>, S> {
        Base::collect(self.hasher().clone(), self.iter().map(cloned), Stays::Last)
    }
}

/// Clones an entry.
pub(crate) fn cloned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}
