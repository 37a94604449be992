//! The most recent versions of a map.

use std::collections::{VecDeque, vec_deque};
use std::fmt;
use std::hash::{BuildHasher, Hash};

use crate::map::mode::{Boxed, Place};
use crate::{Diff, RandomState, Snapshot};

/// The most recent *n* snapshots of a map, by their [generations](Snapshot::generation).
///
/// Versions share their common entries, so each costs the memory of the changes until the next. Adding a version and
/// looking one up are O(log n) in the number of versions. When a version is removed, everything that only it could see
/// is freed: O(changes).
///
/// This is a plain collection: to share it between threads, put it behind a lock.
///
/// # Examples
/// ```
/// use snaptrie::{History, TrieMap};
///
/// let prices = TrieMap::from([("tea", 3)]);
/// let mut history = History::new(10);
/// let monday = history.push(prices.snapshot());
/// prices.pin().insert("tea", 4);
/// let tuesday = history.push(prices.snapshot());
///
/// assert_eq!(history.at(monday).unwrap()["tea"], 3);
/// let changes = history.diff(monday, tuesday).unwrap();
/// assert_eq!(changes.count(), 1);
/// ```
pub struct History<K, V, S = RandomState, M: Place<K, V> = Boxed> {
    /// Oldest first, so generations increase.
    versions: VecDeque<Snapshot<K, V, S, M>>,
    capacity: usize,
}

impl<K, V, S, M: Place<K, V>> History<K, V, S, M> {
    /// An empty history that keeps this many versions.
    ///
    /// # Panics
    /// If `capacity` is zero.
    ///
    /// # Examples
    /// ```
    /// let history = snaptrie::History::<u32, u32>::new(3);
    /// assert_eq!((history.len(), history.capacity()), (0, 3));
    /// ```
    pub fn new(capacity: usize) -> Self {
        assert_ne!(capacity, 0, "a history keeps one version at least");
        Self { versions: VecDeque::new(), capacity }
    }

    /// Adds a version, unless the latest one is at least as new. If the history is full, the oldest is removed. Returns
    /// the version's [generation](Snapshot::generation), which [`at`](Self::at) and [`get`](Self::get) take.
    ///
    /// # Panics
    /// If it is a snapshot of another map than the latest. A snapshot of a map that was never written passes as one of
    /// any map. Also if a destructor of the removed version panics, after the new one was added.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let (first, second) = (map.snapshot(), map.snapshot());
    /// let mut history = snaptrie::History::new(3);
    /// let version = history.push(second);
    /// assert!(history.push(first) < version);
    /// assert_eq!(history.len(), 1, "versions only go forward");
    /// ```
    pub fn push(&mut self, version: Snapshot<K, V, S, M>) -> u64 {
        let generation = version.generation();
        if let Some(latest) = self.versions.back() {
            latest.tree().assert_is_of_map_of(version.tree());
            if latest.generation() >= generation {
                return generation;
            }
        }
        let is_full = self.versions.len() == self.capacity;
        let oldest = is_full.then(|| self.versions.pop_front());
        self.versions.push_back(version);
        // Last, because its destructors may panic.
        drop(oldest);
        generation
    }

    /// The version of this generation.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let mut history = snaptrie::History::new(3);
    /// let version = history.push(map.snapshot());
    /// assert!(history.get(version).is_some());
    /// assert!(history.get(version + 1).is_none());
    /// ```
    pub fn get(&self, generation: u64) -> Option<&Snapshot<K, V, S, M>> {
        self.at(generation).filter(|version| version.generation() == generation)
    }

    /// The newest version that is not newer than this generation. `None` if the history does not go back so far.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let mut history = snaptrie::History::new(3);
    /// let recorded = history.push(map.snapshot());
    /// let between = map.snapshot();
    /// map.pin().insert(1, 'b');
    /// history.push(map.snapshot());
    /// assert_eq!(history.at(between.generation()).unwrap().generation(), recorded);
    /// assert!(history.at(recorded - 1).is_none());
    /// ```
    pub fn at(&self, generation: u64) -> Option<&Snapshot<K, V, S, M>> {
        let newer = self.versions.partition_point(|version| version.generation() <= generation);
        self.versions.get(newer.checked_sub(1)?)
    }

    /// The newest version.
    pub fn latest(&self) -> Option<&Snapshot<K, V, S, M>> {
        self.versions.back()
    }

    /// The oldest version.
    pub fn oldest(&self) -> Option<&Snapshot<K, V, S, M>> {
        self.versions.front()
    }

    /// The versions, oldest first.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// let mut history = snaptrie::History::new(3);
    /// for i in 0..5 {
    ///     map.pin().insert(i, i);
    ///     history.push(map.snapshot());
    /// }
    /// let lengths: Vec<_> = history.iter().map(|version| version.len()).collect();
    /// assert_eq!(lengths, [3, 4, 5]);
    /// ```
    pub fn iter(&self) -> HistoryIter<'_, K, V, S, M> {
        self.versions.iter()
    }

    /// Number of versions.
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// Whether there is no version.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// The most versions that the history keeps.
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

/// An iterator over the versions of a [`History`], oldest first.
pub type HistoryIter<'h, K, V, S = RandomState, M = Boxed> =
    vec_deque::Iter<'h, Snapshot<K, V, S, M>>;

impl<K: Hash + Eq, V, S: BuildHasher, M: Place<K, V>> History<K, V, S, M> {
    /// The changes from the version of one generation to that of another, in either direction. `None` if one of them is
    /// not in the history. See [`Snapshot::diff`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let mut history = snaptrie::History::new(3);
    /// let before = history.push(map.snapshot());
    /// map.pin().insert(2, 'b');
    /// let after = history.push(map.snapshot());
    /// assert_eq!(history.diff(before, after).unwrap().count(), 1);
    /// assert!(history.diff(before, after + 1).is_none());
    /// ```
    pub fn diff(&self, from: u64, to: u64) -> Option<Diff<'_, K, V, S, M>> {
        Some(self.get(from)?.diff(self.get(to)?))
    }
}

impl<'h, K, V, S, M: Place<K, V>> IntoIterator for &'h History<K, V, S, M> {
    type Item = &'h Snapshot<K, V, S, M>;
    type IntoIter = HistoryIter<'h, K, V, S, M>;

    fn into_iter(self) -> HistoryIter<'h, K, V, S, M> {
        self.iter()
    }
}

impl<K, V, S: Clone, M: Place<K, V>> Clone for History<K, V, S, M> {
    fn clone(&self) -> Self {
        Self { versions: self.versions.clone(), capacity: self.capacity }
    }
}

impl<K, V, S, M: Place<K, V>> fmt::Debug for History<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generations: Vec<u64> = self.iter().map(Snapshot::generation).collect();
        f.debug_struct("History")
            .field("generations", &generations)
            .field("capacity", &self.capacity)
            .finish()
    }
}
