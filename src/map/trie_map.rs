//! The map itself: construction, versions, and the traits of a collection.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::panic::{RefUnwindSafe, UnwindSafe};

use super::collection::collection;
use super::mode::{Boxed, Inline, TrieMode};
use super::{Pinned, Snapshot, Stays};
use crate::RandomState;
use crate::hash;
use crate::reclaim::Collector;
use crate::trie::Trie;

/// A concurrent hash map for write-heavy loads, with snapshots in constant time.
///
/// A lock-free hash trie: it grows and shrinks branch by branch, so that no operation ever waits for
/// a resize or for another thread. All operations take `&self`; those on entries are methods of the
/// handle that [`pin`](Self::pin) returns.
///
/// | operation | cost | consistency |
/// |---|---|---|
/// | [`get`](Pinned::get) and other lookups | O(log₁₆ n) | linearizable |
/// | [`insert`](Pinned::insert), [`remove`](Pinned::remove), [`compute`](Pinned::compute) and the like | O(log₁₆ n), one allocation | linearizable |
/// | [`snapshot`](Self::snapshot), [`fork`](Self::fork), [`take`](Self::take) | O(1) | one instant across all keys |
/// | [`iter`](Pinned::iter), [`len`](Pinned::len) on the live map | O(n) | weak: no key twice, what is there throughout is seen |
/// | the same on a snapshot | O(n), `len` O(1) from the second call on | exact |
///
/// # Reclamation
///
/// An entry that is replaced or removed is dropped once no handle of its time and no snapshot can
/// see it, by a later change of the same map or by [`flush`](Self::flush). It is dropped at the latest
/// when the map and the last of its snapshots and forks are: nothing of a map outlives it, so keys and
/// values need not be `'static`. A destructor that panics inside another operation's reclamation is caught there (the
/// panic hook reports it) and stops no other destructor; one that panics while the map or a snapshot
/// is dropped is passed on after all others ran.
///
/// # Examples
/// ```
/// use snaptrie::TrieMap;
///
/// let map = TrieMap::new();
/// map.pin().insert("a", 1);
/// let before = map.snapshot();
/// map.pin().insert("b", 2);
/// assert_eq!(before.len(), 1);
/// assert_eq!(map.snapshot().len(), 2);
/// ```
///
/// The last parameter tells where entries are kept: [`mode::Boxed`](Boxed), or [`mode::Inline`](Inline) for small
/// plain pairs ([`CopyTrieMap`]).
pub struct TrieMap<K, V, S = RandomState, M: TrieMode<K, V> = Boxed> {
    pub(super) trie: Trie<M::Store>,
    pub(super) hasher: S,
}

/// A [`TrieMap`] that keeps its entries in its nodes; see [`mode::Inline`](Inline).
///
/// # Examples
/// ```
/// use snaptrie::{CopyTrieMap, TrieMap};
///
/// let squares: CopyTrieMap<u64, u64> = (0..1_000).map(|i| (i, i * i)).collect();
/// assert_eq!(squares.pin().get(&30), Some(&900));
/// let empty: CopyTrieMap<u64, u64> = TrieMap::inline();
/// assert!(empty.is_empty());
/// ```
pub type CopyTrieMap<K, V, S = RandomState> = TrieMap<K, V, S, Inline>;

impl<K: Copy, V: Copy> TrieMap<K, V, RandomState, Inline> {
    /// An empty map that keeps its entries in its nodes. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::inline();
    /// map.pin().insert(1_u64, 2_u64);
    /// assert_eq!(map.len(), 1);
    /// ```
    pub fn inline() -> Self {
        Self::empty(RandomState::default())
    }
}

impl<K: Copy, V: Copy, S> TrieMap<K, V, S, Inline> {
    /// An empty map with this hasher that keeps its entries in its nodes. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{CopyTrieMap, FixedState, TrieMap};
    ///
    /// static SEEN: CopyTrieMap<u64, u64, FixedState> =
    ///     TrieMap::inline_with_hasher(FixedState::with_seed(7));
    /// SEEN.pin().insert(1, 1);
    /// assert!(SEEN.pin().contains_key(&1));
    /// ```
    pub const fn inline_with_hasher(hasher: S) -> Self {
        Self::empty(hasher)
    }

    /// For tests: a map with a collector of its own.
    #[doc(hidden)]
    pub fn inline_with_private_collector(hasher: S) -> Self {
        Self { trie: Trie::new(Collector::private()), hasher }
    }
}

impl<K, V> TrieMap<K, V> {
    /// An empty map. Allocates nothing.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<String, u64>::new();
    /// assert!(map.is_empty());
    /// ```
    pub fn new() -> Self {
        Self::with_hasher(RandomState::default())
    }
}

impl<K, V, S> TrieMap<K, V, S> {
    /// An empty map with this hasher. Allocates nothing.
    ///
    /// `const`, so that a map can be a `static`. A hasher with a fixed seed gives up the protection
    /// against keys that were chosen to collide.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{TrieMap, FixedState};
    ///
    /// static CACHE: TrieMap<String, u64, FixedState> = TrieMap::with_hasher(FixedState::with_seed(7));
    /// CACHE.pin().insert("answer".to_string(), 42);
    /// assert_eq!(CACHE.pin().get("answer"), Some(&42));
    /// ```
    pub const fn with_hasher(hasher: S) -> Self {
        Self::empty(hasher)
    }

    /// For tests: a map with a collector of its own.
    #[doc(hidden)]
    pub fn with_private_collector(hasher: S) -> Self {
        Self { trie: Trie::new(Collector::private()), hasher }
    }
}

impl<K, V, S, M: TrieMode<K, V>> TrieMap<K, V, S, M> {
    pub(crate) const fn empty(hasher: S) -> Self {
        Self { trie: Trie::new(Collector::Global), hasher }
    }

    /// The map's hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let map = snaptrie::TrieMap::<u32, u32>::new();
    /// assert_eq!(map.hasher().hash_one(1), map.hasher().hash_one(1));
    /// ```
    pub const fn hasher(&self) -> &S {
        &self.hasher
    }

    /// A handle for the calling thread, through which entries are read and written.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// let pinned = map.pin();
    /// pinned.insert("a", 1);
    /// assert_eq!(pinned.get("a"), Some(&1));
    /// ```
    #[inline(always)]
    pub fn pin(&self) -> Pinned<'_, K, V, S, M> {
        Pinned::new(self)
    }

    /// Number of entries. As [`Pinned::len`].
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::TrieMap<u32, u32> = (0..100).map(|i| (i, i)).collect();
    /// assert_eq!(map.len(), 100);
    /// ```
    pub fn len(&self) -> usize {
        self.pin().len()
    }

    /// Whether the map is empty. As [`Pinned::is_empty`].
    ///
    /// # Examples
    /// ```
    /// assert!(snaptrie::TrieMap::<u32, u32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.pin().is_empty()
    }

    /// Removes all entries at one instant, and then frees them. O(n).
    ///
    /// The same as dropping the result of [`Self::take`]. Some entries may be dropped later: see [`Self::flush`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 1), (2, 2)]);
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    pub fn clear(&self) {
        drop(self.trie.take());
    }
}

impl<K, V, S, M: TrieMode<K, V>> TrieMap<K, V, S, M> {
    /// A snapshot without the hasher, for walking over.
    pub(crate) fn content(&self) -> Snapshot<K, V, (), M> {
        Snapshot::new(self.trie.snapshot(), ())
    }
}

impl<K, V, S: Clone, M: TrieMode<K, V>> TrieMap<K, V, S, M> {
    /// The map's content at one instant, as a frozen map. O(1), lock-free; writers go on.
    ///
    /// Every write takes effect before or after that instant, for all keys alike. The snapshot holds
    /// no guard and keeps what it sees alive by itself, even when the map is gone. It costs nothing
    /// to keep but the memory of what the map has changed since, and each part of the map is copied
    /// when it is first written afterwards. Values are frozen as entries: a value with interior
    /// mutability, such as an atomic counter, goes on changing in both.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// let snapshot = map.snapshot();
    /// map.pin().insert("a", 2);
    /// map.pin().insert("b", 3);
    /// assert_eq!(snapshot.iter().collect::<Vec<_>>(), [(&"a", &1)]);
    /// ```
    pub fn snapshot(&self) -> Snapshot<K, V, S, M> {
        let hasher = self.hasher.clone();
        Snapshot::new(self.trie.snapshot(), hasher)
    }

    /// Takes all entries out at one instant and returns them, as a snapshot. O(1), lock-free.
    ///
    /// An atomic drain: every write is either in the result or in the map afterwards. A thread that holds a
    /// reference to a value from before (`&AtomicU64`, say) can still change the inside of that value
    /// after the instant.
    ///
    /// # Panics
    /// If the hasher's `Clone` does; the map keeps its entries.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// let taken = map.take();
    /// assert_eq!(taken.len(), 1);
    /// assert!(map.is_empty());
    /// ```
    pub fn take(&self) -> Snapshot<K, V, S, M> {
        // Before the take: a panic here must not lose the entries.
        let hasher = self.hasher.clone();
        Snapshot::new(self.trie.take(), hasher)
    }

    /// A map of its own with the content of this one at one instant. O(1), lock-free.
    ///
    /// The two share memory, and neither sees what the other writes. As after a snapshot, each part is
    /// copied by the side that first writes it. The fork keeps what it shares alive: dropping the
    /// original frees only what the fork cannot see. [`Self::try_commit`] makes the fork's content the
    /// map's, [`Snapshot::merge`] brings two forks together.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// let what_if = map.fork();
    /// what_if.pin().insert("a", 2);
    /// assert_eq!(map.pin()["a"], 1);
    /// ```
    #[must_use = "a fork is a map of its own"]
    pub fn fork(&self) -> Self {
        self.trie.settle();
        self.snapshot().fork()
    }

    pub(super) fn from_trie(trie: Trie<M::Store>, hasher: S) -> Self {
        Self { trie, hasher }
    }
}

/// Checks for tests, in builds with debug assertions.
#[cfg(any(debug_assertions, snaptrie_check))]
impl<K: Hash, V, S: BuildHasher, M: TrieMode<K, V>> TrieMap<K, V, S, M> {
    /// Verifies the structure of the whole map, which no thread may change meanwhile.
    ///
    /// # Panics
    /// If the structure is broken.
    #[doc(hidden)]
    pub fn check_structure(&self) -> crate::Structure {
        self.trie.check(|key| hash::of(&self.hasher, key))
    }
}

collection!(TrieMap<M: TrieMode>, M);

/// [`TrieMap::fork`]: O(1), one instant, both sides independent.
impl<K, V, S: Clone, M: TrieMode<K, V>> Clone for TrieMap<K, V, S, M> {
    fn clone(&self) -> Self {
        self.fork()
    }
}

/// Compares a snapshot of each: the instants of the two may differ, each side is one instant.
impl<K: Hash + Eq, V: PartialEq, S: BuildHasher, M: TrieMode<K, V>> PartialEq
    for TrieMap<K, V, S, M>
{
    fn eq(&self, other: &Self) -> bool {
        let (left, right) = (self.trie.snapshot(), other.trie.snapshot());
        left.len() == right.len()
            && left.iter().all(|(key, value)| {
                let hash = hash::of(&other.hasher, key);
                right.get(hash, |candidate| key == candidate).is_some_and(|(_, v)| value == v)
            })
    }
}

impl<K: Hash + Eq, V: Eq, S: BuildHasher, M: TrieMode<K, V>> Eq for TrieMap<K, V, S, M> {}

/// Lists the entries of one instant.
impl<K: fmt::Debug, V: fmt::Debug, S, M: TrieMode<K, V>> fmt::Debug for TrieMap<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.content().fmt(f)
    }
}
