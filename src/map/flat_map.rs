//! The flat map: construction, room, and the traits of a collection.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::collection::collection;
use super::mode::{self, Boxed, FlatMode, Inline, TrieMode};
use super::{Pinned, Snapshot, Stays, TrieMap};
use crate::RandomState;
use crate::engine::Engine;
use crate::flat::Flat;
use crate::reclaim::Collector;

/// A concurrent hash map for read-heavy loads.
///
/// A lock-free flat table with open addressing: a look-up goes to one line of the table and to the
/// entry. When it has to grow, the operations that write move it to a larger table, each a small
/// part, and readers read on; no operation ever waits for a resize or for another thread. All
/// operations take `&self`; those on entries are methods of the handle that [`pin`](Self::pin)
/// returns, the same as for a [`TrieMap`].
///
/// | operation | cost | consistency |
/// |---|---|---|
/// | [`get`](Pinned::get) and other lookups | O(1) | linearizable |
/// | [`insert`](Pinned::insert), [`remove`](Pinned::remove), [`compute`](Pinned::compute) and the like | O(1), one allocation | linearizable |
/// | [`len`](Self::len) | O(threads) | weak: exact if nobody writes |
/// | [`iter`](Pinned::iter) | O(n + capacity) | weak: no key twice, what is there throughout is seen |
/// | [`clear`](Self::clear) | O(n + capacity) | weak: each entry goes by itself |
///
/// The costs hold for a hasher that spreads keys well. With a constant hash each operation is O(n);
/// all of them stay correct.
///
/// # What a `TrieMap` has and this has not
///
/// There are no snapshots: nothing here but operations on single keys happens at one instant. Who
/// needs the whole content at one instant keeps a [`TrieMap`]; [`Snapshot::to_flat`] makes a flat map
/// of such an instant, and [`Self::to_trie`] goes the other way.
///
/// # Reclamation
///
/// An entry that is replaced or removed is dropped once no handle of its time can see it: by a later
/// change of the same map, by [`flush`](Self::flush), or at the latest with the map. So are the tables
/// that it grew out of. Keys and values need not be `'static`. A destructor that panics inside another
/// operation's reclamation is caught there (the panic hook reports it) and stops no other destructor;
/// one that panics while the map is dropped is passed on after all others ran.
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
///
/// The last parameter tells where entries are kept: [`mode::Boxed`], or [`mode::Inline`] for small
/// plain pairs ([`CopyFlatMap`]).
pub struct FlatMap<K, V, S = RandomState, M: FlatMode<K, V> = Boxed> {
    pub(super) table: Flat<M::Store>,
    pub(super) hasher: S,
}

/// A [`FlatMap`] that keeps its entries in its lines; see [`mode::Inline`].
///
/// A lookup takes one cache miss where one of a boxed map takes two, one after the other, and inserting a new key
/// allocates nothing but the table. Replacing a value costs what it costs in a boxed map. For memory, a slot
/// has 9 bytes and a pair, rounded up to a cache line for each seven of them: 27 bytes for two words. An
/// entry of two words takes 40 to 80 bytes, depending on how full the table is.
///
/// (Where pointers have fewer than 64 bits, it keeps its entries as a boxed map does.)
///
/// # Examples
/// ```
/// use snaptrie::{CopyFlatMap, FlatMap};
///
/// let squares: CopyFlatMap<u64, u64> = (0..1_000).map(|i| (i, i * i)).collect();
/// assert_eq!(squares.pin().get(&30), Some(&900));
/// let empty: CopyFlatMap<u64, u64> = FlatMap::inline();
/// assert!(empty.is_empty());
/// ```
pub type CopyFlatMap<K, V, S = RandomState> = FlatMap<K, V, S, Inline>;

impl<K: Copy, V: Copy> FlatMap<K, V, RandomState, Inline> {
    /// An empty map that keeps its entries in its lines. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::inline();
    /// map.pin().insert(1_u64, 2_u64);
    /// assert_eq!(map.len(), 1);
    /// ```
    pub fn inline() -> Self {
        Self::empty(RandomState::default())
    }

    /// An empty map with room for this many entries, which it keeps in its lines. As [`Self::with_capacity`].
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyFlatMap::<u64, u64>::inline_with_capacity(1_000);
    /// assert!(map.capacity() >= 1_000);
    /// ```
    pub fn inline_with_capacity(capacity: usize) -> Self {
        Self::with_room(capacity, RandomState::default())
    }
}

impl<K: Copy, V: Copy, S> FlatMap<K, V, S, Inline> {
    /// An empty map with this hasher that keeps its entries in its lines. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{CopyFlatMap, FixedState, FlatMap};
    ///
    /// static SEEN: CopyFlatMap<u64, u64, FixedState> =
    ///     FlatMap::inline_with_hasher(FixedState::with_seed(7));
    /// SEEN.pin().insert(1, 1);
    /// assert!(SEEN.pin().contains_key(&1));
    /// ```
    pub const fn inline_with_hasher(hasher: S) -> Self {
        Self::empty(hasher)
    }

    /// An empty map with this hasher, and room for this many entries, which it keeps in its lines. As
    /// [`Self::with_capacity_and_hasher`].
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{CopyFlatMap, FixedState, FlatMap};
    ///
    /// let map: CopyFlatMap<u64, u64, _> =
    ///     FlatMap::inline_with_capacity_and_hasher(100, FixedState::with_seed(7));
    /// assert!(map.capacity() >= 100);
    /// ```
    pub fn inline_with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_room(capacity, hasher)
    }

    /// For tests: a map with a collector of its own.
    #[doc(hidden)]
    pub fn inline_with_private_collector(hasher: S) -> Self {
        Self { table: Flat::new(Collector::private()), hasher }
    }
}

impl<K, V> FlatMap<K, V> {
    /// An empty map. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::<String, u64>::new();
    /// assert!(map.is_empty());
    /// assert_eq!(map.capacity(), 0);
    /// ```
    pub fn new() -> Self {
        Self::with_hasher(RandomState::default())
    }

    /// An empty map with room for this many entries, so that inserting them moves nothing.
    ///
    /// The room stays, as after [`Self::reserve`]. Its memory comes as it is used, 256 KiB at a time (less in a
    /// [`CopyFlatMap`]): one insertion in some thousands takes up to 0.1 ms for it.
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::<u64, u64>::with_capacity(1_000);
    /// assert!(map.capacity() >= 1_000);
    /// ```
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::default())
    }
}

impl<K, V, S> FlatMap<K, V, S> {
    /// An empty map with this hasher. Allocates nothing.
    ///
    /// `const`, so that a map can be a `static`. A hasher with a fixed seed gives up the protection
    /// against keys that were chosen to collide.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{FixedState, FlatMap};
    ///
    /// static CACHE: FlatMap<String, u64, FixedState> = FlatMap::with_hasher(FixedState::with_seed(7));
    /// CACHE.pin().insert("answer".to_string(), 42);
    /// assert_eq!(CACHE.pin().get("answer"), Some(&42));
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self::empty(hasher)
    }

    /// An empty map with this hasher, and room for this many entries. It stays, as after
    /// [`Self::reserve`].
    ///
    /// # Panics
    /// If that is more room than there can be.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{FixedState, FlatMap};
    ///
    /// let map = FlatMap::<u64, u64, _>::with_capacity_and_hasher(100, FixedState::with_seed(7));
    /// assert!(map.capacity() >= 100);
    /// ```
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self::with_room(capacity, hasher)
    }

    /// For tests: a map with a collector of its own.
    #[doc(hidden)]
    pub fn with_private_collector(hasher: S) -> Self {
        Self { table: Flat::new(Collector::private()), hasher }
    }
}

impl<K, V, S, M: FlatMode<K, V>> FlatMap<K, V, S, M> {
    pub(crate) const fn empty(hasher: S) -> Self {
        Self { table: Flat::new(Collector::Global), hasher }
    }

    pub(crate) fn with_room(capacity: usize, hasher: S) -> Self {
        Self { table: Flat::with_capacity(capacity, Collector::Global), hasher }
    }

    /// The map's hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let map = snaptrie::FlatMap::<u32, u32>::new();
    /// assert_eq!(map.hasher().hash_one(1), map.hasher().hash_one(1));
    /// ```
    pub const fn hasher(&self) -> &S {
        &self.hasher
    }

    /// A handle for the calling thread, through which entries are read and written.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::new();
    /// let pinned = map.pin();
    /// pinned.insert("a", 1);
    /// assert_eq!(pinned.get("a"), Some(&1));
    /// ```
    #[inline(always)]
    pub fn pin(&self) -> Pinned<'_, K, V, S, mode::Flat<M>> {
        Pinned::new(self)
    }

    /// Number of entries. As [`Pinned::len`].
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::FlatMap<u32, u32> = (0..100).map(|i| (i, i)).collect();
    /// assert_eq!(map.len(), 100);
    /// ```
    pub fn len(&self) -> usize {
        self.pin().len()
    }

    /// Whether the map is empty. As [`Pinned::is_empty`].
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::FlatMap::<u32, u32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.pin().is_empty()
    }

    /// Removes all entries, one by one, frees them meanwhile, and gives the table's memory back. O(n + capacity).
    ///
    /// Not one instant: an entry that another thread inserts meanwhile may stay, and others may see
    /// some entries gone and some still there. What was in the map when this was called is gone
    /// afterwards. Some entries may be dropped later: see [`Self::flush`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::from([(1, 1), (2, 2)]);
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    pub fn clear(&self) {
        self.table.clear();
    }

    /// Number of entries for which the present table has room. O(1).
    ///
    /// The map grows only when it holds more. With keys that are removed and others that are inserted
    /// it may move within that number too, to a table of the same size; and it shrinks when little of
    /// it is used.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::<u32, u32>::with_capacity(10);
    /// assert!(map.capacity() >= 10);
    /// ```
    pub fn capacity(&self) -> usize {
        self.table.capacity(&self.table.pin())
    }

    /// Makes room for this many entries more than there are, so that inserting them moves nothing.
    ///
    /// Moves the whole table now if it is too small: O(n + capacity). Other threads go on, and help.
    /// The room stays until [`Self::shrink_to_fit`] or [`Self::clear`]: no removal makes the table
    /// smaller than that.
    ///
    /// # Panics
    /// If that is more room than there can be; the map stays as it was.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::from([(1, 1)]);
    /// map.reserve(1_000);
    /// assert!(map.capacity() >= 1_001);
    /// ```
    pub fn reserve(&self, additional: usize) {
        self.table.reserve_for_good(additional, &self.table.pin());
    }

    /// Makes the table as small as its entries allow. O(n + capacity). Other threads go on, and help.
    ///
    /// A map shrinks by itself when little of it is used any more, as it is written; this does it now
    /// and goes further.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::FlatMap::with_capacity(1_000);
    /// map.pin().insert("a", 1);
    /// map.shrink_to_fit();
    /// assert!(map.capacity() < 1_000);
    /// ```
    pub fn shrink_to_fit(&self) {
        self.table.shrink_to_fit(&self.table.pin());
    }
}

impl<K, V, S, M> FlatMap<K, V, S, M>
where
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
    M: FlatMode<K, V>,
{
    /// A [`TrieMap`] with clones of the entries, and the same hasher. O(n).
    ///
    /// Weakly consistent, as an [iteration](Pinned::iter) over this map is.
    ///
    /// # Examples
    /// ```
    /// let table = snaptrie::FlatMap::from([("a", 1), ("b", 2)]);
    /// let map = table.to_trie();
    /// table.pin().insert("a", 3);
    /// assert_eq!(map.snapshot()["a"], 1);
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn to_trie(&self) -> TrieMap<K, V, S> {
        let map = TrieMap::with_hasher(self.hasher.clone());
        map.pin().insert_all(self.pin().iter().map(cloned), Stays::Last);
        map
    }
}

impl<K, V, S, M> Snapshot<K, V, S, M>
where
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
    M: TrieMode<K, V>,
{
    /// A [`FlatMap`] with clones of the snapshot's entries, and the same hasher. O(n).
    ///
    /// For what is filled once and then read: the trie takes the writes, and its content of one
    /// instant is served from a flat table. The feature `rayon` adds `par_to_flat`, which does this
    /// on all processors.
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::TrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let serve = ingest.take().to_flat();
    /// assert_eq!(serve.len(), 1_000);
    /// assert_eq!(serve.pin()[&30], 900);
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn to_flat(&self) -> FlatMap<K, V, S> {
        self.to_table()
    }

    /// A [`CopyFlatMap`] of the snapshot's entries, with the same hasher. O(n). As [`Self::to_flat`].
    ///
    /// # Examples
    /// ```
    /// let ingest: snaptrie::CopyTrieMap<u32, u32> = (0..1_000).map(|i| (i, i * i)).collect();
    /// let serve = ingest.take().to_copy_flat();
    /// assert_eq!(serve.len(), 1_000);
    /// assert_eq!(serve.pin()[&30], 900);
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn to_copy_flat(&self) -> CopyFlatMap<K, V, S>
    where
        K: Copy,
        V: Copy,
    {
        self.to_table()
    }

    fn to_table<T: FlatMode<K, V>>(&self) -> FlatMap<K, V, S, T> {
        let map = FlatMap::with_room(self.len(), self.hasher().clone());
        map.pin().insert_all(self.iter().map(cloned), Stays::Last);
        map
    }
}

/// An entry of its own.
pub(crate) fn cloned<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}

/// Checks for tests, in builds with debug assertions.
#[cfg(any(debug_assertions, snaptrie_check))]
impl<K: Hash, V, S: BuildHasher, M: FlatMode<K, V>> FlatMap<K, V, S, M> {
    /// Verifies the structure of the whole map, which no thread may change meanwhile.
    ///
    /// # Panics
    /// If the structure is broken.
    #[doc(hidden)]
    pub fn check_structure(&self) -> crate::FlatStructure {
        self.table.check(|key| crate::hash::of(&self.hasher, key))
    }
}

collection!(FlatMap<M: FlatMode>, mode::Flat<M>);

/// Clones every entry. Weakly consistent, as an iteration is.
///
/// Unlike a standard map's, this needs `Hash`, `Eq` and `BuildHasher`: the entries are inserted anew.
impl<K, V, S, M> Clone for FlatMap<K, V, S, M>
where
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
    M: FlatMode<K, V>,
{
    fn clone(&self) -> Self {
        let map = Self::with_room(self.len(), self.hasher.clone());
        map.pin().insert_all(self.pin().iter().map(cloned), Stays::Last);
        map
    }
}

/// [`Snapshot::to_flat`].
impl<K, V, S, M> From<&Snapshot<K, V, S, M>> for FlatMap<K, V, S>
where
    M: TrieMode<K, V>,
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
{
    fn from(snapshot: &Snapshot<K, V, S, M>) -> Self {
        snapshot.to_flat()
    }
}

/// [`Snapshot::to_flat`] of what is in the map. The entries are cloned although the map is given
/// away: snapshots and forks of it may share them.
impl<K, V, S, M> From<TrieMap<K, V, S, M>> for FlatMap<K, V, S>
where
    M: TrieMode<K, V>,
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
{
    fn from(map: TrieMap<K, V, S, M>) -> Self {
        map.snapshot().to_flat()
    }
}

/// [`FlatMap::to_trie`]. The entries are cloned although the map is given away.
impl<K, V, S, M> From<FlatMap<K, V, S, M>> for TrieMap<K, V, S>
where
    K: Clone + Hash + Eq,
    V: Clone,
    S: BuildHasher + Clone,
    M: FlatMode<K, V>,
{
    fn from(map: FlatMap<K, V, S, M>) -> Self {
        map.to_trie()
    }
}

/// Looks each entry of one map up in the other. Exact if nobody writes either meanwhile; otherwise
/// the comparison is of no one instant. For that, compare [snapshots](TrieMap::snapshot) of a
/// [`TrieMap`].
impl<K, V, S, M> PartialEq for FlatMap<K, V, S, M>
where
    K: Hash + Eq,
    V: PartialEq,
    S: BuildHasher,
    M: FlatMode<K, V>,
{
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (self.pin(), other.pin());
        left.len() == right.len()
            && left.iter().all(|(key, value)| right.get(key).is_some_and(|v| value == v))
    }
}

impl<K: Hash + Eq, V: Eq, S: BuildHasher, M: FlatMode<K, V>> Eq for FlatMap<K, V, S, M> {}

/// Lists the entries, weakly consistent.
impl<K: fmt::Debug, V: fmt::Debug, S, M: FlatMode<K, V>> fmt::Debug for FlatMap<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pin().fmt(f)
    }
}
