//! Frozen views of a map.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::iter::FusedIterator;
use std::ops::Index;
use std::panic::{RefUnwindSafe, UnwindSafe};

use equivalent::Equivalent;

use super::IntoIter;
use super::base::Base;
use super::mode::{Boxed, Inline, Place};
use crate::hash;
use crate::reclaim::Collector;
use crate::store::Store;
use crate::trie::{Frozen, FrozenIter, OwnedIter, OwnedPair, Trie};

/// The content of a [`TrieMap`](crate::TrieMap) or a [`CopyTrieMap`](crate::CopyTrieMap) at one instant, from their
/// `snapshot` or `take`.
///
/// It never changes: its entries are fixed. Only the inside of a value with interior mutability may change. It holds no
/// guard. Keep it, send it, clone it in O(1), hold it across an `.await`. It keeps its own entries alive, and nothing
/// else.
///
/// Reading it costs as much as reading the map. In addition, the first read of each part that was written since the
/// previous snapshot sets a flag there.
///
/// A `Snapshot` shares its keys and values with the map, as an `Arc` does. So it is `Send` and `Sync` only if `K` and
/// `V` are both, and `S` is too.
///
/// ```
/// fn assert_send_sync<T: Send + Sync>() {}
/// assert_send_sync::<snaptrie::Snapshot<String, u64>>();
/// ```
/// ```compile_fail
/// fn assert_send<T: Send>() {}
/// assert_send::<snaptrie::Snapshot<String, std::cell::Cell<u64>>>();
/// ```
///
/// # Examples
/// ```
/// use snaptrie::TrieMap;
///
/// let map: TrieMap<u32, u32> = (0..1_000).map(|i| (i, i)).collect();
/// let snapshot = map.snapshot();
/// let sum = std::thread::spawn(move || snapshot.values().sum::<u32>());
/// map.clear();
/// assert_eq!(sum.join().unwrap(), 499_500);
/// ```
pub struct Snapshot<K, V, S = crate::RandomState, M: Place<K, V> = Boxed> {
    tree: Frozen<M::Store<u64>>,
    hasher: S,
}

/// A [`Snapshot`] of a [`CopyTrieMap`](crate::CopyTrieMap).
///
/// It lends its entries. They can be copied, whatever else shares them:
///
/// # Examples
/// ```
/// use snaptrie::{CopySnapshot, CopyTrieMap};
///
/// let map = CopyTrieMap::from([(1, 10)]);
/// let snapshot: CopySnapshot<u32, u64> = map.snapshot();
/// let pairs: Vec<(u32, u64)> = snapshot.iter().map(|(key, value)| (*key, *value)).collect();
/// assert_eq!(pairs, [(1, 10)]);
/// ```
pub type CopySnapshot<K, V, S = crate::RandomState> = Snapshot<K, V, S, Inline>;

impl<K, V, S, M: Place<K, V>> Snapshot<K, V, S, M> {
    pub(super) fn new(tree: Frozen<M::Store<u64>>, hasher: S) -> Self {
        Self { tree, hasher }
    }

    /// A snapshot of a map.
    pub(crate) fn of(map: &M::Map<S>) -> Self
    where
        S: Clone,
    {
        let base = M::base(map);
        let hasher = base.hasher.clone();
        Self::new(base.engine.snapshot(), hasher)
    }

    pub(crate) fn tree(&self) -> &Frozen<M::Store<u64>> {
        &self.tree
    }
}

impl<K, V, S: BuildHasher, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// The value of a key.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of the key panics.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one".to_string(), 1)]);
    /// let snapshot = map.snapshot();
    /// map.pin().remove("one");
    /// assert_eq!(snapshot.get("one"), Some(&1));
    /// ```
    #[inline]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key, as it is in the snapshot, and its value.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of the key panics.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one".to_string(), 1)]);
    /// assert_eq!(map.snapshot().get_key_value("one"), Some((&"one".to_string(), &1)));
    /// ```
    #[inline]
    pub fn get_key_value<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)> {
        self.tree.get(hash::of(&self.hasher, key), |candidate| key.equivalent(candidate))
    }

    /// Whether the key is in the snapshot.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of the key panics.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// assert!(map.snapshot().contains_key(&1));
    /// ```
    #[inline]
    pub fn contains_key<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.get_key_value(key).is_some()
    }
}

impl<K, V, S, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// The hasher.
    ///
    /// # Examples
    /// ```
    /// use std::hash::BuildHasher;
    ///
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// assert_eq!(map.snapshot().hasher().hash_one("a"), map.hasher().hash_one("a"));
    /// ```
    pub fn hasher(&self) -> &S {
        &self.hasher
    }

    /// Number of entries, exact. The first call on any clone counts them, in O(n) but without reading them. Later calls
    /// are O(1).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a'), (2, 'b')]);
    /// assert_eq!(map.snapshot().len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.tree.len()
    }

    /// Whether the snapshot is empty. Stops at the first entry it finds.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<u32, u32>::new();
    /// assert!(map.snapshot().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// Iterates over the entries, each exactly once, in an order that is arbitrary but the same each time.
    ///
    /// Making the iterator is O(1). Its `len` and `size_hint` are exact, and count the entries as [`Self::len`] does.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 10), (2, 20)]);
    /// let snapshot = map.snapshot();
    /// assert_eq!(snapshot.iter().len(), 2);
    /// assert_eq!(snapshot.iter().map(|(_, value)| value).sum::<i32>(), 30);
    /// ```
    pub fn iter(&self) -> SnapshotIter<'_, K, V, M> {
        SnapshotIter { entries: self.tree.iter(), tree: &self.tree, yielded: 0 }
    }

    /// Iterates over the keys.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 10), (2, 20)]);
    /// assert_eq!(map.snapshot().keys().sum::<i32>(), 3);
    /// ```
    pub fn keys(&self) -> SnapshotKeys<'_, K, V, M> {
        SnapshotKeys(self.iter())
    }

    /// Iterates over the values.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 10), (2, 20)]);
    /// assert_eq!(map.snapshot().values().sum::<i32>(), 30);
    /// ```
    pub fn values(&self) -> SnapshotValues<'_, K, V, M> {
        SnapshotValues(self.iter())
    }

    /// Whether both are clones of the same snapshot. O(1).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let snapshot = map.snapshot();
    /// assert!(snapshot.ptr_eq(&snapshot.clone()));
    /// assert!(!snapshot.ptr_eq(&map.snapshot()));
    /// ```
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.tree.is(&other.tree)
    }

    /// The snapshot's number: of two snapshots of one map, the later one has the higher number.
    ///
    /// A fork continues to count from the snapshot that it was made from. Snapshots of a map that was never written
    /// have the number zero.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let first = map.snapshot();
    /// assert!(first.generation() < map.snapshot().generation());
    /// ```
    pub fn generation(&self) -> u64 {
        self.tree.generation()
    }
}

impl<K, V, S> Snapshot<K, V, S> {
    /// The entries by value, in no particular order, if nothing else shares them. O(n), with memory for all of them at
    /// once.
    ///
    /// This works only for the last snapshot of a map that was dropped or never written: as long as the map exists, its
    /// handles may lend the entries. A snapshot of a [`CopyTrieMap`](crate::CopyTrieMap) does not need this: its entries
    /// [can be copied](CopySnapshot).
    ///
    /// # Errors
    /// Returns the snapshot if the map, a clone, another snapshot or a fork exists, or if the map was itself a fork of
    /// a map with entries: see [`Shared`](crate::Shared).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, "one".to_string())]);
    /// let snapshot = map.snapshot();
    /// let snapshot = snapshot.try_into_iter().unwrap_err();
    /// drop(map);
    /// let entries: Vec<(i32, String)> = snapshot.try_into_iter().unwrap().collect();
    /// assert_eq!(entries, [(1, "one".to_string())]);
    /// ```
    #[doc(alias("drain", "into_iter"))]
    pub fn try_into_iter(self) -> Result<IntoIter<K, V>, Self> {
        let Self { tree, hasher } = self;
        let tree = tree.into_pairs();
        tree.map(IntoIter::new).map_err(|tree| Self { tree, hasher })
    }
}

impl<K, V, S: Clone, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// A map that begins with this content: a [`TrieMap`](crate::TrieMap), or a [`CopyTrieMap`](crate::CopyTrieMap) if
    /// this is a snapshot of one. O(1).
    ///
    /// It shares the snapshot's memory and keeps the snapshot alive. Neither it nor the original map sees later writes
    /// to the other.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// let checkpoint = map.snapshot();
    /// map.pin().insert("a", 2);
    /// let restored = checkpoint.fork();
    /// assert_eq!(restored.pin()["a"], 1);
    /// ```
    #[must_use = "a fork is a map of its own"]
    pub fn fork(&self) -> M::Map<S> {
        let (hasher, empty) = (self.hasher.clone(), Trie::new(Collector::global()));
        M::map(Base { engine: Trie::fork(&self.tree, empty), hasher })
    }
}

impl<K, V, S: Clone, M: Place<K, V>> Clone for Snapshot<K, V, S, M> {
    fn clone(&self) -> Self {
        Self { tree: self.tree.clone(), hasher: self.hasher.clone() }
    }
}

/// Two snapshots are equal if they have equal keys with equal values. O(n).
impl<K: Hash + Eq, V: Eq, S: BuildHasher, M: Place<K, V>> Eq for Snapshot<K, V, S, M> {}

impl<K: Hash + Eq, V: PartialEq, S: BuildHasher, M: Place<K, V>> PartialEq
    for Snapshot<K, V, S, M>
{
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().all(|(key, value)| other.get(key).is_some_and(|v| value == v))
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, M: Place<K, V>> fmt::Debug for Snapshot<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// `snapshot[&key]`: the value of a key.
///
/// # Panics
/// If the key is not in the snapshot.
impl<K, V, S, M, Q> Index<&Q> for Snapshot<K, V, S, M>
where
    M: Place<K, V>,
    Q: Hash + Equivalent<K> + ?Sized,
    S: BuildHasher,
{
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<K: RefUnwindSafe, V: RefUnwindSafe, S: UnwindSafe, M: Place<K, V>> UnwindSafe
    for Snapshot<K, V, S, M>
{
}
impl<K: RefUnwindSafe, V: RefUnwindSafe, S: RefUnwindSafe, M: Place<K, V>> RefUnwindSafe
    for Snapshot<K, V, S, M>
{
}

impl<'s, K, V, S, M: Place<K, V>> IntoIterator for &'s Snapshot<K, V, S, M> {
    type Item = (&'s K, &'s V);
    type IntoIter = SnapshotIter<'s, K, V, M>;

    fn into_iter(self) -> SnapshotIter<'s, K, V, M> {
        self.iter()
    }
}

/// Iterates by value: the iterator and its items keep the snapshot alive and borrow nothing. So both can be stored,
/// sent to other threads and held across an `.await`.
///
/// # Examples
/// ```
/// let map = snaptrie::TrieMap::from([("a", 1), ("b", 2)]);
/// let entries: Vec<_> = map.snapshot().into_iter().collect();
/// drop(map);
/// assert_eq!(entries.iter().map(|entry| entry.value()).sum::<i32>(), 3);
/// ```
impl<K: 'static, V: 'static, S, M: Place<K, V>> IntoIterator for Snapshot<K, V, S, M> {
    type Item = SnapshotEntry<K, V, M>;
    type IntoIter = SnapshotIntoIter<K, V, M>;

    fn into_iter(self) -> SnapshotIntoIter<K, V, M> {
        SnapshotIntoIter { entries: OwnedIter::new(self.tree), yielded: 0 }
    }
}

/// How many entries an iterator has left. Counts the snapshot's entries first, unless that was done before.
fn left<St: Store>(tree: &Frozen<St>, yielded: usize) -> (usize, Option<usize>) {
    let left = tree.len() - yielded;
    (left, Some(left))
}

/// An iterator over the entries of a snapshot, from [`Snapshot::iter`].
pub struct SnapshotIter<'s, K: 's, V: 's, M: Place<K, V> + 's = Boxed> {
    entries: FrozenIter<'s, M::Store<u64>>,
    tree: &'s Frozen<M::Store<u64>>,
    yielded: usize,
}

impl<'s, K: 's, V: 's, M: Place<K, V>> Iterator for SnapshotIter<'s, K, V, M> {
    type Item = (&'s K, &'s V);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.entries.next()?;
        self.yielded += 1;
        Some(pair)
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, f: F) -> B {
        self.entries.fold(init, f)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        left(self.tree, self.yielded)
    }
}

/// An iterator over the keys of a snapshot, from [`Snapshot::keys`].
pub struct SnapshotKeys<'s, K, V, M: Place<K, V> = Boxed>(SnapshotIter<'s, K, V, M>);

impl<'s, K: 's, V: 's, M: Place<K, V>> Iterator for SnapshotKeys<'s, K, V, M> {
    type Item = &'s K;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, _)| key)
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        self.0.fold(init, |result, (key, _)| f(result, key))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// An iterator over the values of a snapshot, from [`Snapshot::values`].
pub struct SnapshotValues<'s, K, V, M: Place<K, V> = Boxed>(SnapshotIter<'s, K, V, M>);

impl<'s, K: 's, V: 's, M: Place<K, V>> Iterator for SnapshotValues<'s, K, V, M> {
    type Item = &'s V;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(_, value)| value)
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        self.0.fold(init, |result, (_, value)| f(result, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

/// An iterator that owns its snapshot, from `Snapshot::into_iter`.
pub struct SnapshotIntoIter<K: 'static, V: 'static, M: Place<K, V> = Boxed> {
    entries: OwnedIter<M::Store<u64>>,
    yielded: usize,
}

impl<K: 'static, V: 'static, M: Place<K, V>> Iterator for SnapshotIntoIter<K, V, M> {
    type Item = SnapshotEntry<K, V, M>;

    fn next(&mut self) -> Option<SnapshotEntry<K, V, M>> {
        let pair = self.entries.next()?;
        self.yielded += 1;
        Some(SnapshotEntry(pair))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        left(self.entries.tree(), self.yielded)
    }
}

/// An entry that keeps its snapshot alive, from `Snapshot::into_iter`.
pub struct SnapshotEntry<K, V, M: Place<K, V> = Boxed>(OwnedPair<M::Store<u64>>);

impl<K, V, M: Place<K, V>> SnapshotEntry<K, V, M> {
    /// The key.
    ///
    /// # Examples
    /// ```
    /// let mut entries = snaptrie::TrieMap::from([("a", 1)]).snapshot().into_iter();
    /// let entry = entries.next().unwrap();
    /// assert_eq!(entry.key(), &"a");
    /// ```
    pub fn key(&self) -> &K {
        self.0.pair().0
    }

    /// The value.
    ///
    /// # Examples
    /// ```
    /// let mut entries = snaptrie::TrieMap::from([("a", 1)]).snapshot().into_iter();
    /// let entry = entries.next().unwrap();
    /// assert_eq!(entry.value(), &1);
    /// ```
    pub fn value(&self) -> &V {
        self.0.pair().1
    }

    /// Key and value.
    ///
    /// # Examples
    /// ```
    /// let mut entries = snaptrie::TrieMap::from([("a", 1)]).snapshot().into_iter();
    /// let entry = entries.next().unwrap();
    /// assert_eq!(entry.pair(), (&"a", &1));
    /// ```
    pub fn pair(&self) -> (&K, &V) {
        self.0.pair()
    }
}

impl<K, V, M: Place<K, V>> Clone for SnapshotEntry<K, V, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: fmt::Debug, V: fmt::Debug, M: Place<K, V>> fmt::Debug for SnapshotEntry<K, V, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SnapshotEntry").field(self.key()).field(self.value()).finish()
    }
}

impl<K, V, M: Place<K, V>> ExactSizeIterator for SnapshotIter<'_, K, V, M> {}
impl<K, V, M: Place<K, V>> ExactSizeIterator for SnapshotKeys<'_, K, V, M> {}
impl<K, V, M: Place<K, V>> ExactSizeIterator for SnapshotValues<'_, K, V, M> {}
impl<K: 'static, V: 'static, M: Place<K, V>> ExactSizeIterator for SnapshotIntoIter<K, V, M> {}

impl<K, V, M: Place<K, V>> FusedIterator for SnapshotIter<'_, K, V, M> {}
impl<K, V, M: Place<K, V>> FusedIterator for SnapshotKeys<'_, K, V, M> {}
impl<K, V, M: Place<K, V>> FusedIterator for SnapshotValues<'_, K, V, M> {}
impl<K: 'static, V: 'static, M: Place<K, V>> FusedIterator for SnapshotIntoIter<K, V, M> {}

macro_rules! debug_what_is_left {
    ($($name:ident [$($borrow:lifetime)?] [$($life:lifetime)?] ),*) => {$(
        impl<K $(: $life)?, V $(: $life)?, M: Place<K, V>> fmt::Debug
            for $name<$($borrow,)? K, V, M>
        {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("left", &self.len()).finish()
            }
        }
    )*};
}

debug_what_is_left!(
    SnapshotIter ['_] [],
    SnapshotKeys ['_] [],
    SnapshotValues ['_] [],
    SnapshotIntoIter [] ['static]
);
