//! Operations on many keys at once.
//!
//! The cache misses of one key depend on each other; those of different keys do not. So the keys of
//! a group are hashed, and the engine asks for the memory of all of them side by side. Lookups
//! ([`Engine::get_many`]) are done with what it came to. Changes ([`Engine::prefetch`]) are then done one by one, and
//! find what they need in the cache. Nothing about an operation is different from a single one, but its speed.

use std::hash::{BuildHasher, Hash};
use std::mem;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};

use equivalent::Equivalent;

use super::access::Access;
use super::base::Base;
use super::mode::{Mode, TrieMode, refs};
use super::{Pinned, Snapshot};
use crate::engine::{BATCH, Engine, PART, PairOf};
use crate::hash;

/// Which of several entries with equal keys is in the map in the end.
#[derive(Clone, Copy)]
pub(crate) enum Stays {
    First,
    Last,
}

/// The results of a group.
pub(super) type Found<T> = [Option<T>; BATCH];

/// Up to [`BATCH`] items, each with its hash.
pub(crate) struct Group<T> {
    hashes: [u64; BATCH],
    items: Found<T>,
    len: usize,
}

impl<T> Group<T> {
    pub(super) fn new() -> Self {
        Self { hashes: [0; BATCH], items: [const { None }; BATCH], len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_full(&self) -> bool {
        self.len == BATCH
    }

    pub(super) fn hashes(&self) -> &[u64] {
        &self.hashes[..self.len]
    }

    /// The item at this place.
    pub(super) fn get(&self, index: usize) -> &T {
        // PANICS: never: callers count up to `len`.
        self.items[index].as_ref().expect("an item of the group")
    }

    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.items[index].as_mut()
    }

    /// Adds an item. There must be room.
    #[inline]
    pub(super) fn push(&mut self, hash: u64, item: T) {
        self.hashes[self.len] = hash;
        self.items[self.len] = Some(item);
        self.len += 1;
    }

    /// Drops all items, and takes the next ones. Returns false if there are none.
    #[inline]
    fn refill(&mut self, from: &mut impl Iterator<Item = (u64, T)>) -> bool {
        if mem::needs_drop::<T>() {
            self.drain(|_, item| drop(item));
        }
        self.len = 0;
        while let Some((hash, item)) = if self.is_full() { None } else { from.next() } {
            self.push(hash, item);
        }
        self.len > 0
    }

    /// Takes all items out, in order. If `f` panics, those that come after are still there.
    #[inline]
    fn drain(&mut self, mut f: impl FnMut(u64, T)) {
        /// Moves what was not taken to the front.
        struct Drain<'q, T>(&'q mut Group<T>, usize);

        impl<T> Drop for Drain<'_, T> {
            fn drop(&mut self) {
                let Self(group, taken) = self;
                if *taken < group.len {
                    group.hashes.copy_within(*taken..group.len, 0);
                    group.items[..group.len].rotate_left(*taken);
                }
                group.len -= *taken;
            }
        }

        let mut drain = Drain(self, 0);
        while drain.1 < drain.0.len {
            let (hash, item) = (drain.0.hashes[drain.1], drain.0.items[drain.1].take());
            drain.1 += 1;
            if let Some(item) = item {
                f(hash, item);
            }
        }
    }
}

/// Does something with the items of an iterator, a group at a time: `perform` is given a group, and the place for the
/// results.
pub(super) fn results<I, T: Copy>(
    items: impl Iterator<Item = (u64, I)>,
    perform: impl FnMut(&mut Group<I>, &mut Found<T>),
) -> impl Iterator<Item = Option<T>> {
    Results { items, perform, group: Group::new(), results: [None; BATCH], left: 0..0 }
}

struct Results<Is, I, T, F> {
    items: Is,
    perform: F,
    group: Group<I>,
    results: Found<T>,
    /// Those that are to be yielded: all of a group before the first.
    left: Range<usize>,
}

impl<Is, I, T: Copy, F> Results<Is, I, T, F>
where
    Is: Iterator<Item = (u64, I)>,
    F: FnMut(&mut Group<I>, &mut Found<T>),
{
    /// Does the next group. Returns false if there is none.
    #[inline]
    fn perform_next(&mut self) -> bool {
        // If a key panics, none of the results of its group is yielded.
        self.left = 0..0;
        if !self.group.refill(&mut self.items) {
            return false;
        }
        let len = self.group.len();
        (self.perform)(&mut self.group, &mut self.results);
        self.left = 0..len;
        true
    }
}

impl<Is, I, T: Copy, F> Iterator for Results<Is, I, T, F>
where
    Is: Iterator<Item = (u64, I)>,
    F: FnMut(&mut Group<I>, &mut Found<T>),
{
    type Item = Option<T>;

    #[inline]
    fn next(&mut self) -> Option<Option<T>> {
        if self.left.is_empty() && !self.perform_next() {
            return None;
        }
        self.left.next().map(|index| self.results[index])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (least, most) = self.items.size_hint();
        let left = self.left.len();
        (least.saturating_add(left), most.and_then(|most| most.checked_add(left)))
    }

    /// A loop over each group, with nothing to be tested between its results.
    #[inline]
    fn fold<B, G: FnMut(B, Option<T>) -> B>(mut self, mut result: B, mut f: G) -> B {
        loop {
            for found in &self.results[self.left.clone()] {
                result = f(result, *found);
            }
            if !self.perform_next() {
                return result;
            }
        }
    }
}

/// Looks keys up, a group at a time.
pub(super) fn lookups<'q, Q: ?Sized + 'q, T: Copy>(
    keys: impl Iterator<Item = &'q Q>,
    hash: impl Fn(&Q) -> u64,
    get: impl Fn(&Group<&'q Q>, &mut Found<T>),
) -> impl Iterator<Item = Option<T>> {
    results(keys.map(move |key| (hash(key), key)), move |group, found| get(group, found))
}

impl<'g, E: Engine, S> Access<'g, E, S> {
    /// Looks up a group of keys. `found` gets what `value` makes of the entries.
    pub(super) fn get_group<Q: Equivalent<E::Key> + ?Sized, T>(
        self,
        keys: &Group<&Q>,
        value: impl Fn(PairOf<'g, E>) -> T,
        found: &mut Found<T>,
    ) {
        let eq = |index: usize, known: &E::Key| keys.get(index).equivalent(known);
        self.engine.get_many(keys.hashes(), eq, self.guard, |index, pair| {
            found[index] = pair.map(&value);
        });
    }

    /// Takes the items of a group out, and does something with each, in order. If that panics, those that come after
    /// are still there.
    #[inline]
    pub(super) fn perform_group<T>(self, group: &mut Group<T>, each: impl FnMut(u64, T)) {
        self.engine.prefetch(group.hashes(), self.guard);
        group.drain(each);
    }

    /// Does something with each of the next items, as many as there are in a group. Returns false if there are none.
    fn perform_next<T>(
        self,
        group: &mut Group<T>,
        items: &mut impl Iterator<Item = (u64, T)>,
        each: impl FnMut(u64, T),
    ) -> bool {
        // What the iterator gave before it panicked counts, as if it had come one by one.
        let refilled = panic::catch_unwind(AssertUnwindSafe(|| group.refill(items)));
        self.perform_group(group, each);
        refilled.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    /// Does something with each item, in order.
    pub(super) fn perform_all<T>(
        self,
        items: impl IntoIterator<Item = (u64, T)>,
        mut each: impl FnMut(Self, u64, T),
    ) {
        let (mut group, mut items) = (Group::new(), items.into_iter());
        while self.perform_next(&mut group, &mut items, |hash, item| each(self, hash, item)) {}
    }
}

impl<'g, E: Engine<Key: Hash + Eq>, S: BuildHasher> Access<'g, E, S> {
    /// Inserts an entry. Returns whether its key was not in the map.
    #[inline]
    pub(super) fn put(self, hash: u64, key: E::Key, value: E::Value, stays: Stays) -> bool {
        match stays {
            Stays::Last => self.insert_hashed(hash, key, value).is_none(),
            Stays::First => self.insert_new(hash, key, value),
        }
    }

    /// Inserts many entries. Returns how many of the keys were not in the map.
    pub(crate) fn put_many(
        self,
        entries: impl IntoIterator<Item = (E::Key, E::Value)>,
        stays: Stays,
    ) -> usize {
        let mut new = 0;
        let hashed = entries.into_iter().map(|(key, value)| (self.hash(&key), (key, value)));
        self.perform_all(hashed, |access, hash, (key, value)| {
            new += usize::from(access.put(hash, key, value, stays));
        });
        new
    }

    /// Finds the entries of a group of keys, and inserts those that are not in the map. `found` gets what `value` makes of
    /// them.
    pub(super) fn find_or_insert_group<T>(
        self,
        group: &mut Group<(E::Key, E::Value)>,
        value: impl Fn(PairOf<'g, E>) -> T,
        found: &mut Found<T>,
    ) {
        let mut found = found.iter_mut();
        self.perform_group(group, |hash, (key, new)| {
            let (Ok(pair) | Err(pair)) = self.find_or_insert_hashed(hash, key, || new);
            if let Some(found) = found.next() {
                *found = Some(value(pair));
            }
        });
    }
}

impl<E: Engine, S> Base<E, S> {
    /// Does something with each item, in order, with a new guard for each group, and frees what that gave up.
    pub(super) fn perform_all<T>(
        &self,
        items: impl IntoIterator<Item = (u64, T)>,
        mut each: impl FnMut(Access<'_, E, S>, u64, T),
    ) {
        let (mut group, mut items) = (Group::new(), items.into_iter());
        let mut done = 0;
        let mut guard = self.pin();
        loop {
            let access = self.with(&guard);
            let each = |hash, item| {
                done += 1;
                each(access, hash, item);
            };
            if !access.perform_next(&mut group, &mut items, each) {
                break;
            }
            guard.repin();
        }
        drop(guard);
        if done > PART {
            self.engine.collect();
        }
    }
}

/// Many keys at once, for less than as many single operations where the map is much larger than the cache.
///
/// # Batches
///
/// A batch is no transaction. It is its single operations, one after another in the order of the iterator, and other
/// threads may see some done and others not. An operation sees what those before it in the batch did, to equal keys too.
///
/// Items are taken from the iterator 32 at a time. Their keys are hashed, the memory that they need is asked for side by
/// side, and then each operation is done. So the iterator should not rely on what the batch itself does. The handle keeps
/// what a batch removes until it is dropped or [refreshed](Self::refresh); `extend` of the map frees it meanwhile.
///
/// # Panics
/// If the iterator or `Hash` panics, everything that it gave before is done. If `Eq` or a closure panics, what came
/// before that item is done, and up to 31 items that came after are dropped.
impl<K, V, S: BuildHasher, M: Mode<K, V>> Pinned<'_, K, V, S, M> {
    /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them.
    ///
    /// The keys of a group are looked up when its first result is asked for. So a result may be from before changes
    /// that were made since, by this thread too. If a key panics, that call panics, and none of the group's results is
    /// yielded.
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
            access.get_group(keys, |pair| refs::<K, V, M>(pair).1, found);
        };
        lookups(keys.into_iter(), move |key| access.hash(key), get)
    }

    /// Whether each of many keys is in the map, in the order of the keys. As [`Self::get_many`].
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

/// Changes of many keys at once: see [batches](#batches).
impl<K: Hash + Eq, V, S: BuildHasher, M: Mode<K, V>> Pinned<'_, K, V, S, M> {
    /// Inserts many entries: [`insert`](Self::insert) for each of them. Returns how many of the keys were not in the
    /// map before.
    ///
    /// Of entries with equal keys the last one stays.
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

    /// Updates many keys: [`update`](Self::update) for each of them, which also gets what came with the key. Returns how
    /// many were in the map.
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
            let update = |pair| update(refs::<K, V, M>(pair).1, &with);
            updated += usize::from(access.update_hashed(hash, key, update).is_some());
        });
        updated
    }

    /// The values of many keys, in the order of the keys, which are inserted if they are not in the map:
    /// [`get_or_insert`](Self::get_or_insert) for each of them.
    ///
    /// A group is done when its first result is asked for: if the results are not consumed, nothing happens. If a key
    /// panics, none of the results of its group is yielded.
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
            access.find_or_insert_group(group, |pair| refs::<K, V, M>(pair).1, found);
        };
        results(hashed, find_or_insert).flatten()
    }

    /// Removes many keys: [`remove`](Self::remove) for each of them. Returns how many were in the map.
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
            removed += usize::from(access.remove_hashed(hash, key, |_| true).is_some());
        });
        removed
    }
}

impl<K, V, S: BuildHasher, M: TrieMode<K, V>> Snapshot<K, V, S, M> {
    /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them, with their cache misses
    /// side by side.
    ///
    /// Keys are taken from the iterator 32 at a time.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of a key does, when the first result of its 32 is asked for. None of the 32 results is
    /// yielded then.
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

    /// Whether each of many keys is in the snapshot, in the order of the keys. As [`Self::get_many`].
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
