//! The common part of every map, and operations on many entries that renew their guard on the way.

use std::hash::{BuildHasher, Hash};

use super::access::Access;
use super::batch::{Group, Stays};
use crate::engine::{Content, Engine, PART};
use crate::hash;
use crate::reclaim::{Collector, Guard};

/// An engine and a hasher.
pub(crate) struct Base<E, S> {
    pub(crate) engine: E,
    pub(crate) hasher: S,
}

impl<E: Engine, S> Base<E, S> {
    pub(crate) fn empty(hasher: S) -> Self {
        Self { engine: E::empty(Collector::global()), hasher }
    }

    /// For tests: a map with a private collector.
    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(crate) fn private(hasher: S) -> Self {
        Self { engine: E::empty(Collector::private()), hasher }
    }

    #[inline(always)]
    pub(crate) fn pin(&self) -> Guard {
        self.engine.pin()
    }

    /// The operations under a guard.
    #[inline(always)]
    pub(crate) fn with<'g>(&'g self, guard: &'g Guard) -> Access<'g, E, S> {
        Access { engine: &self.engine, hasher: &self.hasher, guard }
    }

    pub(crate) fn len(&self) -> usize {
        self.engine.len(&self.pin())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.with(&self.pin()).is_empty()
    }
}

impl<E: Engine, S> Base<E, S> {
    /// Calls a closure for each item, in order, with a new guard for each group, and frees garbage on the way.
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

impl<E: Engine<Key: Hash>, S: BuildHasher> Base<E, S> {
    /// Computes the hashes of keys.
    pub(crate) fn rehash(&self) -> impl Fn(&[&E::Key], &mut [u64]) {
        hash::of_each(&self.hasher)
    }
}

impl<E: Engine<Key: Hash + Eq>, S: BuildHasher> Base<E, S> {
    /// Removes the entries for which the closure returns false, with a new guard for each part of the map, and frees
    /// them on the way.
    pub(crate) fn retain(&self, mut keep: impl FnMut(&E::Key, &E::Value) -> bool) {
        let mut next = Some(0);
        while let Some(first) = next {
            next = self.with(&self.pin()).retain_part(first, &mut keep);
        }
        self.engine.collect();
    }

    /// Inserts all entries, with a new guard for each group, and frees replaced ones on the way.
    pub(crate) fn insert_all(
        &self,
        entries: impl IntoIterator<Item = (E::Key, E::Value)>,
        stays: Stays,
    ) {
        let hashed = |(key, value)| (hash::of(&self.hasher, &key), key, value);
        self.insert_all_hashed(entries.into_iter().map(hashed), stays);
    }

    /// [`Self::insert_all`] of entries whose hashes are known.
    pub(crate) fn insert_all_hashed(
        &self,
        entries: impl IntoIterator<Item = (u64, E::Key, E::Value)>,
        stays: Stays,
    ) {
        let entries = entries.into_iter();
        self.expect(entries.size_hint().0);
        let entries = entries.map(|(hash, key, value)| (hash, (key, value)));
        self.perform_all(entries, |access, hash, (key, value)| {
            access.put(hash, key, value, stays);
        });
    }

    /// Makes room for this many insertions, if this kind of map can.
    pub(crate) fn expect(&self, insertions: usize) {
        // As the standard map does: half of the keys may already be in the map.
        let new = if self.is_empty() { insertions } else { insertions.div_ceil(2) };
        self.engine.reserve(new, &self.pin(), &self.rehash());
    }

    /// Whether each entry of one map is in the other. Exact while no thread writes either.
    pub(crate) fn is_equal(&self, other: &Self) -> bool
    where
        E: Engine<Value: PartialEq>,
    {
        let (here, there) = (self.pin(), other.pin());
        let (left, right) = (self.with(&here), other.with(&there));
        self.engine.len(&here) == other.engine.len(&there)
            && left.iter().all(|pair| {
                let found = right.get(E::Content::pair_key(&pair));
                found.is_some_and(|other| {
                    E::Content::pair_value(&pair) == E::Content::pair_value(&other)
                })
            })
    }

    /// Removes some keys and inserts some entries, one by one.
    pub(crate) fn apply(&self, removed: &[E::Key], put: Vec<(E::Key, E::Value)>) {
        let mut guard = self.pin();
        for keys in removed.chunks(PART) {
            for key in keys {
                self.with(&guard).remove_if(key, |_, _| true);
            }
            guard.repin();
        }
        drop(guard);
        self.insert_all(put, Stays::Last);
    }
}
