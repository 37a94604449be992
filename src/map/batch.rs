//! Operations on many keys at once.
//!
//! The cache misses of one key depend on each other; those of different keys do not. So the keys of
//! a group are hashed, and the engine asks for the memory of all of them side by side. Lookups
//! ([`Engine::get_many`]) are done with what it came to; each insertion ([`Engine::prefetch`]) is then done by
//! itself and finds what it needs in the cache. Nothing about an operation is different from a single one, but
//! its speed.

use std::hash::{BuildHasher, Hash};
use std::panic::{self, AssertUnwindSafe};

use equivalent::Equivalent;

use super::access::Access;
use super::mode::{Mode, TrieMode, refs};
use super::{Pinned, Snapshot};
use crate::engine::{BATCH, Engine, PairOf};
use crate::hash;

/// Which of several entries with equal keys is in the map in the end.
#[derive(Clone, Copy)]
pub(crate) enum Stays {
    First,
    Last,
}

/// Up to [`BATCH`] of what an iterator yields, each with its hash.
pub(super) struct Group<T> {
    hashes: [u64; BATCH],
    items: Vec<T>,
}

impl<T> Group<T> {
    pub(super) fn new() -> Self {
        Self { hashes: [0; BATCH], items: Vec::new() }
    }

    /// Takes the next items. Returns false if there are none.
    fn refill(&mut self, from: impl Iterator<Item = (u64, T)>) -> bool {
        self.items.clear();
        for (place, (hash, item)) in self.hashes.iter_mut().zip(from) {
            // Reserves for the whole batch on first use; an empty batch reserves nothing.
            if self.items.is_empty() {
                self.items.reserve_exact(BATCH);
            }
            *place = hash;
            self.items.push(item);
        }
        !self.items.is_empty()
    }

    fn hashes(&self) -> &[u64] {
        &self.hashes[..self.items.len()]
    }
}

/// Looks keys up, a group at a time: `get` is given the hashes and the keys of a group, and the place for what
/// it finds.
pub(super) fn lookups<'q, Q: ?Sized + 'q, T: Copy>(
    mut keys: impl Iterator<Item = &'q Q>,
    hash: impl Fn(&Q) -> u64,
    get: impl Fn(&[u64], &[&'q Q], &mut [Option<T>]),
) -> impl Iterator<Item = Option<T>> {
    let mut group = Group::new();
    let mut found = [None; BATCH];
    // All of a group before the first.
    let mut next = BATCH;
    std::iter::from_fn(move || {
        if next >= group.items.len() {
            // And of one in which a key panics, so that none of its results is yielded.
            next = BATCH;
            if !group.refill((&mut keys).map(|key| (hash(key), key))) {
                return None;
            }
            get(group.hashes(), &group.items, &mut found[..group.items.len()]);
            next = 0;
        }
        next += 1;
        Some(found[next - 1])
    })
}

impl<'g, E: Engine, S: BuildHasher> Access<'g, E, S> {
    /// Looks up a group of keys. `found` gets what `value` makes of the entries.
    pub(super) fn get_group<Q: Equivalent<E::Key> + ?Sized, T>(
        self,
        hashes: &[u64],
        keys: &[&Q],
        value: impl Fn(PairOf<'g, E>) -> T,
        found: &mut [Option<T>],
    ) {
        let mut pairs = [None; BATCH];
        let pairs = &mut pairs[..keys.len()];
        let eq = |index: usize, known: &E::Key| keys[index].equivalent(known);
        self.engine.get_many(hashes, eq, self.guard, pairs);
        for (found, pair) in found.iter_mut().zip(pairs) {
            *found = pair.map(&value);
        }
    }
}

impl<E: Engine<Key: Hash + Eq>, S: BuildHasher> Access<'_, E, S> {
    /// Inserts many entries. Returns how many of the keys were not in the map.
    pub(crate) fn put_many(
        self,
        entries: impl IntoIterator<Item = (E::Key, E::Value)>,
        stays: Stays,
    ) -> usize {
        let mut entries = entries.into_iter().map(|(key, value)| (self.hash(&key), key, value));
        let mut group = Group::new();
        let mut new = 0;
        while let Some(inserted) = self.put_group(&mut group, &mut entries, stays) {
            new += inserted;
        }
        new
    }

    /// Puts the next group into the map, if there is one. Returns how many of its keys are new.
    pub(super) fn put_group(
        self,
        group: &mut Group<(E::Key, E::Value)>,
        entries: &mut impl Iterator<Item = (u64, E::Key, E::Value)>,
        stays: Stays,
    ) -> Option<usize> {
        // What the iterator gave before it panicked is inserted, as if it had come one by one.
        let refill = || group.refill(entries.map(|(hash, key, value)| (hash, (key, value))));
        let refilled = panic::catch_unwind(AssertUnwindSafe(refill));
        self.engine.prefetch(group.hashes(), self.guard);
        let hashed = group.items.drain(..).zip(group.hashes);
        let new = hashed.map(|((key, value), hash)| match stays {
            Stays::Last => self.insert_hashed(hash, key, value).is_none(),
            Stays::First => self.insert_new(hash, key, value),
        });
        let new = new.filter(|new| *new).count();
        match refilled {
            Ok(any) => any.then_some(new),
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}

/// Many keys at once, for less than as many single operations where the map is much larger than the
/// cache. A batch is no transaction: each of its operations takes effect by itself.
impl<K, V, S: BuildHasher, M: Mode<K, V>> Pinned<'_, K, V, S, M> {
    /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them, with
    /// their cache misses side by side.
    ///
    /// Keys are taken from the iterator 32 at a time and looked up when the first result of the 32 is asked
    /// for. Each lookup takes effect by itself, at some moment of that call: so a result may be from before
    /// changes that were made since, by this thread too.
    ///
    /// # Panics
    /// If `Hash` or `Eq` of a key does, when the first result of its 32 is asked for; the map stays as it was.
    /// None of the 32 results is yielded then.
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
        let get = move |hashes: &[u64], keys: &[&'q Q], found: &mut [Option<&'p V>]| {
            access.get_group(hashes, keys, |pair| refs::<K, V, M>(pair).1, found);
        };
        lookups(keys.into_iter(), move |key| access.hash(key), get)
    }
}

impl<K: Hash + Eq, V, S: BuildHasher, M: Mode<K, V>> Pinned<'_, K, V, S, M> {
    /// Inserts many entries: [`insert`](Self::insert) for each of them, in order, with their cache
    /// misses side by side. Returns how many of the keys were not in the map before.
    ///
    /// Of entries with equal keys the last one stays. Entries are taken from the iterator 32 at a
    /// time, and each insertion takes effect by itself. `extend` and `collect` do the same.
    ///
    /// # Panics
    /// If the iterator does, or `Hash` or `Eq` of a key. What came before is in the map then; if it was
    /// `Eq`, up to 31 entries that came after have been taken from the iterator and are dropped.
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
}

impl<K, V, S: BuildHasher, M: TrieMode<K, V>> Snapshot<K, V, S, M> {
    /// The values of many keys, in the order of the keys: [`get`](Self::get) for each of them, with
    /// their cache misses side by side.
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
        lookups(
            keys.into_iter(),
            |key| hash::of(self.hasher(), key),
            |hashes, keys, found| {
                let mut pairs = [None; BATCH];
                let pairs = &mut pairs[..keys.len()];
                tree.get_many(hashes, |index, known| keys[index].equivalent(known), pairs);
                for (found, pair) in found.iter_mut().zip(pairs) {
                    *found = pair.map(|(_, value)| value);
                }
            },
        )
    }
}
