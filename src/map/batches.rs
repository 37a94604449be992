//! The batches of handles and snapshots that lend references.

use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::batch::{Found, Group, Stays, lookups, results};
use super::mode::{Boxed, Kind, Place};
use super::{Pinned, Snapshot};
use crate::hash;

/// Operations on many keys at once. If the map is much larger than the cache, they cost less than single operations.
///
/// # Batches
///
/// A batch is not a transaction. It is a sequence of single operations, in the order of the iterator, and other threads
/// may see some of them done and others not. Each operation sees the effects of those before it in the batch, also on
/// equal keys.
///
/// Items are taken from the iterator 32 at a time. Their keys are hashed, their memory is prefetched side by side, and
/// then each operation is done. So the iterator should not depend on effects of the batch itself. The handle keeps
/// removed entries until it is dropped or [refreshed](Self::refresh); `extend` of the map frees them as it goes.
///
/// # Panics
/// If the iterator or `Hash` panics, all items before that are done. If `Eq` or a closure panics, the items before that
/// one are done, and up to 31 items after it are dropped.
impl<K, V, S: BuildHasher, M: Kind<K, V, Boxed>> Pinned<'_, K, V, S, M> {
    /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them.
    ///
    /// The keys of a group of 32 are looked up when its first result is requested. So a later result may not show
    /// changes made since, not even those of this thread. If `Hash` or `Eq` of a key panics, that call panics, and none
    /// of the group's results is yielded.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1), ("two", 2)]);
    /// let pinned = map.pin();
    /// let values: Vec<Option<&i32>> = pinned.get_many(["two", "three", "one"]).collect();
    /// assert_eq!(values, [Some(&2), None, Some(&1)]);
    /// ```
    pub fn get_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = Option<&'p V>>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 'p,
    {
        let access = self.access();
        let get = move |keys: &Group<&'q Q>, found: &mut Found<&'p V>| {
            access.get_group(keys, |(_, value)| value, found);
        };
        lookups(keys.into_iter(), move |key| access.hash(key), get)
    }

    /// Whether each of many keys is in the map, in the order of the keys. Works like [`Self::get_many`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1), ("two", 2)]);
    /// assert!(map.pin().contains_many(["two", "three"]).eq([true, false]));
    /// ```
    pub fn contains_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = bool>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 'p,
        V: 'p,
    {
        self.get_many(keys).map(|found| found.is_some())
    }
}

/// Changes to many keys at once, see [batches](#batches).
impl<K: Hash + Eq, V, S: BuildHasher, M: Kind<K, V, Boxed>> Pinned<'_, K, V, S, M> {
    /// Inserts many entries: [`insert`](Self::insert) for each of them. Returns how many of the keys are new.
    ///
    /// Of entries with equal keys, the last one stays.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// assert_eq!(map.pin().insert_many([(1, 'b'), (2, 'c'), (2, 'd')]), 1);
    /// assert_eq!(map.pin().get(&2), Some(&'d'));
    /// ```
    pub fn insert_many(&self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
        self.access().put_many(entries, Stays::Last)
    }

    /// Updates many keys: [`update`](Self::update) for each of them. The closure also gets the item's second part.
    /// Returns how many of the keys were in the map.
    ///
    /// The closure may run again for a key that another thread changed meanwhile.
    ///
    /// # Examples
    /// ```
    /// let stock = snaptrie::TrieMap::from([("apples", 5), ("pears", 2)]);
    /// let sold = [("apples", 2), ("plums", 1), ("apples", 1)];
    /// assert_eq!(stock.pin().update_many(sold, |left, sold| left - sold), 2);
    /// assert_eq!(stock.pin()["apples"], 2);
    /// ```
    pub fn update_many<A>(
        &self,
        updates: impl IntoIterator<Item = (K, A)>,
        mut update: impl FnMut(&V, &A) -> V,
    ) -> usize {
        let mut updated = 0;
        let hashed = updates.into_iter().map(|(key, with)| (self.access().hash(&key), (key, with)));
        self.access().perform_all(hashed, |access, hash, (key, with)| {
            let update = |(_, value): (&K, &V)| update(value, &with);
            updated += usize::from(access.update(hash, key, update).is_some());
        });
        updated
    }

    /// The values of many keys, in the order of the keys. Keys that are not in the map are inserted:
    /// [`get_or_insert`](Self::get_or_insert) for each of them.
    ///
    /// A group of 32 is processed when its first result is requested: if the results are not consumed, nothing happens.
    /// If `Hash` or `Eq` of a key panics, none of its group's results is yielded.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let counts = snaptrie::TrieMap::new();
    /// let pinned = counts.pin();
    /// let words = "the cat and the dog".split(' ').map(|word| (word, AtomicU64::new(0)));
    /// for count in pinned.get_or_insert_many(words) {
    ///     count.fetch_add(1, Relaxed);
    /// }
    /// assert_eq!(pinned["the"].load(Relaxed), 2);
    /// ```
    pub fn get_or_insert_many<'p, I>(&'p self, entries: I) -> impl Iterator<Item = &'p V>
    where
        I: IntoIterator<Item = (K, V)>,
        K: 'p,
        V: 'p,
    {
        let access = self.access();
        let hashed = entries.into_iter().map(move |(key, new)| (access.hash(&key), (key, new)));
        let find_or_insert = move |group: &mut Group<(K, V)>, found: &mut Found<&'p V>| {
            access.find_or_insert_group(group, |(_, value)| value, found);
        };
        results(hashed, find_or_insert).flatten()
    }

    /// Removes many keys: [`remove`](Self::remove) for each of them. Returns how many of them were in the map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1), ("two", 2)]);
    /// assert_eq!(map.pin().remove_many(["two", "three", "two"]), 1);
    /// ```
    pub fn remove_many<'q, Q, I>(&self, keys: I) -> usize
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
    {
        let mut removed = 0;
        let hashed = keys.into_iter().map(|key| (self.access().hash(key), key));
        self.access().perform_all(hashed, |access, hash, key| {
            removed += usize::from(access.remove(hash, key, |_| true).is_some());
        });
        removed
    }
}

impl<K, V, S: BuildHasher, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them, with overlapping cache
    /// misses.
    ///
    /// Keys are taken from the iterator 32 at a time.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of a key panics, when the first result of its group of 32 is requested. None of that group's
    /// results is yielded.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1), ("two", 2)]);
    /// let snapshot = map.snapshot();
    /// let values: Vec<Option<&i32>> = snapshot.get_many(["two", "three", "one"]).collect();
    /// assert_eq!(values, [Some(&2), None, Some(&1)]);
    /// ```
    pub fn get_many<'s, 'q, Q, I>(&'s self, keys: I) -> impl Iterator<Item = Option<&'s V>>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 's,
    {
        let tree = self.tree();
        let get = |keys: &Group<&'q Q>, found: &mut Found<&'s V>| {
            let eq = |index: usize, known: &K| keys.get(index).equivalent(known);
            tree.get_many(keys.hashes(), eq, |index, pair| {
                found[index] = pair.map(|(_, value)| value);
            });
        };
        lookups(keys.into_iter(), |key| hash::of(self.hasher(), key), get)
    }

    /// Whether each of many keys is in the snapshot, in the order of the keys. Works like [`Self::get_many`].
    ///
    /// # Examples
    /// ```
    /// let snapshot = snaptrie::TrieMap::from([("one", 1), ("two", 2)]).snapshot();
    /// assert!(snapshot.contains_many(["two", "three"]).eq([true, false]));
    /// ```
    pub fn contains_many<'s, 'q, Q, I>(&'s self, keys: I) -> impl Iterator<Item = bool>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 's,
        V: 's,
    {
        self.get_many(keys).map(|found| found.is_some())
    }
}
