//! Operations on many keys at once.
//!
//! The cache misses of one key depend on each other; those of different keys do not. So the keys of a group are hashed,
//! and the engine walks to all of them side by side. Lookups ([`Engine::get_many`]) use the places that were reached.
//! Changes ([`Engine::prefetch`]) are then made one by one, and find their memory in the cache. Otherwise an operation
//! is the same as a single one.

use std::hash::{BuildHasher, Hash};
use std::mem;
use std::ops::Range;
use std::panic::{self, AssertUnwindSafe};

use equivalent::Equivalent;

use super::access::Access;
use crate::engine::{BATCH, Engine, PairOf};

/// Which of several entries with equal keys stays in the map.
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

    /// Takes all items out, in order. If `f` panics, the items after that stay in the group.
    #[inline]
    fn drain(&mut self, mut f: impl FnMut(u64, T)) {
        /// Moves the remaining items to the front.
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

/// Processes the items of an iterator, a group at a time. `perform` gets a group, and the place for its results.
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
    /// The results that are still to be yielded.
    left: Range<usize>,
}

impl<Is, I, T: Copy, F> Results<Is, I, T, F>
where
    Is: Iterator<Item = (u64, I)>,
    F: FnMut(&mut Group<I>, &mut Found<T>),
{
    /// Processes the next group. Returns false if there is none.
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

    /// One loop per group, with no test between its results.
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
    /// Looks up a group of keys. `found` gets the results of `value` for the entries.
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

    /// Takes the items out of a group and calls `each` for them, in order. If it panics, the items after that stay in
    /// the group.
    #[inline]
    pub(super) fn perform_group<T>(self, group: &mut Group<T>, each: impl FnMut(u64, T)) {
        self.engine.prefetch(group.hashes(), self.guard);
        group.drain(each);
    }

    /// Calls a closure for each of the next items, at most a group of them. Returns false if there are none.
    pub(super) fn perform_next<T>(
        self,
        group: &mut Group<T>,
        items: &mut impl Iterator<Item = (u64, T)>,
        each: impl FnMut(u64, T),
    ) -> bool {
        // Items that the iterator returned before it panicked are processed, as if they had been taken one by one.
        let refilled = panic::catch_unwind(AssertUnwindSafe(|| group.refill(items)));
        self.perform_group(group, each);
        refilled.unwrap_or_else(|panic| panic::resume_unwind(panic))
    }

    /// Calls a closure for each item, in order.
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
    /// Inserts an entry. Returns whether its key is new.
    #[inline]
    pub(super) fn put(self, hash: u64, key: E::Key, value: E::Value, stays: Stays) -> bool {
        match stays {
            Stays::Last => self.insert(hash, key, value).is_none(),
            Stays::First => self.insert_new(hash, key, value),
        }
    }

    /// Inserts many entries. Returns how many of the keys are new.
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

    /// Finds the entries of a group of keys, and inserts those that are not in the map. `found` gets the results of
    /// `value` for the entries.
    pub(super) fn find_or_insert_group<T>(
        self,
        group: &mut Group<(E::Key, E::Value)>,
        value: impl Fn(PairOf<'g, E>) -> T,
        found: &mut Found<T>,
    ) {
        let mut found = found.iter_mut();
        self.perform_group(group, |hash, (key, new)| {
            let (Ok(pair) | Err(pair)) = self.find_or_insert(hash, key, || new);
            if let Some(found) = found.next() {
                *found = Some(value(pair));
            }
        });
    }
}
