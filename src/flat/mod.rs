//! The flat table: a directory of leaves, for read-heavy loads.
//!
//! The topmost bits of a hash choose a word of the directory, and the word leads to a leaf: one load, and then the
//! bucket. Leaves grow and shrink by themselves, as in the trie. Hashes that agree in too many bits make fans of leaves
//! and collision nodes, also as in the trie. All of this is in [`tree`](crate::tree), with the proof that a key has one
//! place. This module adds the directory.
//!
//! | file | holds |
//! |---|---|
//! | [`directory`] | the array of words, and the next one |
//! | `raw` | the part that knows neither keys nor values: the root, and the end of a table |
//! | `change` | the path to a bucket |
//! | [`moving`] | the move to another directory, a unit at a time |
//! | `build` | making a table from all its entries at once |
//! | `room` | when to move: growth, shrinking, reservations; and `clear` |
//! | `iter` | walking over all entries, across a move |
//! | `stats`, `check` | counting, and verifying for tests |
//!
//! # Paths
//!
//! 1. A lookup reads the root, one word, and the bucket. If the word has moved, it continues in the next directory.
//! 2. A change takes the same path, and is made in the bucket. If something is in the way, it starts again in
//!    `persist`, as in the trie.
//! 3. When a leaf of the largest size is full, the table moves to a directory of twice as many words, if there are
//!    enough entries for that ([`moving`]). If there are not, the hashes are bad, and the leaf becomes a fan. So bad
//!    hashes never make the directory large.
//! 4. While a table moves, each writer that reaches a moved word, or starts again, moves a unit. So the move speeds up
//!    as it proceeds. Of the lookups that reach a moved word, one in eight moves a unit too.
//! 5. Removals that leave little in a large directory start a move to a smaller one.
//!
//! # Orderings
//!
//! | write | read | publishes |
//! |---|---|---|
//! | `Indirection::replace` (Release) | `Indirection::load` (Acquire) | a node, whole; that the successors of a moved word are there |
//! | see [`crate::bucket`] | | slots and tags of a bucket, and the entries behind them |
//! | `Directory::set_next` (Release) | `Directory::next` (Acquire) | a directory |
//! | the store of `moved` (Release) | its load (Acquire) | that all words before this one have moved |
//! | the root's CASes (Release) | `RawFlat::root` (Acquire) | a directory, and that all entries have moved to it |
//!
//! Progress: every operation is lock-free. A loop here repeats only after helping a move, or after its CAS failed
//! because another operation's CAS succeeded.
#![expect(unsafe_code, reason = "directories are raw pointers that the epoch protects")]

mod build;
mod change;
#[cfg(any(debug_assertions, snaptrie_check))]
mod check;
mod directory;
mod iter;
mod moving;
mod owned;
mod raw;
mod room;
mod stats;
#[cfg(all(test, any(debug_assertions, snaptrie_check)))]
mod tests;

use std::marker::PhantomData;

pub(crate) use iter::Pairs;
#[cfg(feature = "rayon")]
pub(crate) use iter::SharedIter;
use raw::RawFlat;
pub(crate) use stats::FlatTally;

use crate::bucket::Held;
#[cfg(any(debug_assertions, snaptrie_check))]
use crate::engine::Structure;
use crate::engine::{Builder, Change, Engine};
use crate::hash::Rehash;
use crate::reclaim::{Collector, Guard};
use crate::store::{ByKey, Store};
use crate::tree::lookup;
use crate::tree::{Changed, Pair};

/// A concurrent hash table of one level.
#[expect(missing_debug_implementations, reason = "public as a part of sealed traits alone")]
pub struct Flat<St: Store> {
    /// INVARIANT: its entries are of this store.
    raw: RawFlat<St::Slot>,
    _owns: PhantomData<(St::Key, St::Value)>,
}

// SAFETY:
// - Send: a map that moves to another thread takes its keys and values there (`Send`). `Sync`, so that all maps have
//   the same bounds.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for Flat<St> {}
// SAFETY:
// - Sync: a shared map hands out references to keys and values on any thread (`Sync`), takes them
//   from any thread, and drops them on any thread (`Send`).
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for Flat<St> {}

impl<St: Store> Flat<St> {
    pub(crate) const fn new(collector: Collector) -> Self {
        Self { raw: RawFlat::new(collector, St::garbage), _owns: PhantomData }
    }

    /// See [`RawFlat::reserve_from_start`].
    ///
    /// # Panics
    /// If the capacity overflows.
    pub(crate) fn with_capacity(entries: usize, collector: Collector) -> Self {
        let mut flat = Self::new(collector);
        flat.raw.reserve_from_start(entries);
        flat
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn shared_iter<'g>(&'g self, guard: &'g Guard) -> SharedIter<'g, St> {
        SharedIter::new(self.iter(guard))
    }

    /// [`Engine::get`] in every case. Takes the closures by value, so that only this path stores them in memory.
    #[cold]
    #[inline(never)]
    fn find_rarely<'g>(
        &'g self,
        hash: u64,
        mut is_it: impl FnMut(&St::Slot) -> bool,
        rehash: impl Fn(&[&St::Key], &mut [u64]),
        guard: &'g Guard,
    ) -> Option<Held<'g, St::Slot>> {
        self.raw.help_and_find(hash, &mut is_it, &ByKey::<St>(&rehash), guard)
    }

    /// Number of entries below which the table does not grow.
    pub(crate) fn capacity(&self, guard: &Guard) -> usize {
        self.raw.capacity(guard)
    }

    /// See [`RawFlat::make_room`].
    ///
    /// # Panics
    /// If the capacity overflows, or if `rehash` panics.
    pub(crate) fn make_room(
        &self,
        additional: usize,
        for_good: bool,
        guard: &Guard,
        rehash: Rehash<'_, St::Key>,
    ) {
        self.raw.make_room(additional, for_good, guard, &ByKey::<St>(rehash));
    }

    /// Makes the table as small as its entries allow, now: O(n).
    pub(crate) fn shrink_to_fit(&self, guard: &Guard, rehash: Rehash<'_, St::Key>) {
        self.raw.shrink_to_fit(guard, &ByKey::<St>(rehash));
    }

    /// Removes all entries, leaf by leaf, and makes the table small: O(n + words). Entries that other threads insert
    /// meanwhile may stay.
    pub(crate) fn clear(&self, rehash: Rehash<'_, St::Key>) {
        self.raw.clear(&ByKey::<St>(rehash));
    }
}

impl<St: Store> Engine for Flat<St> {
    type Key = St::Key;
    type Value = St::Value;
    type Content = St;
    type Iter<'g>
        = Pairs<'g, St>
    where
        Self: 'g;

    const BUILDER: Builder<Self> = Self::BUILD;

    fn empty(collector: Collector) -> Self {
        Self::new(collector)
    }

    #[inline(always)]
    fn pin(&self) -> Guard {
        self.raw.collector.pin()
    }

    /// LINEARIZES get, contains_key: as for the trie, the read that validates the result. Frozen nodes count until
    /// their word has moved. If the word moved after this read, they were current until that moment.
    #[inline(always)]
    fn get<'g>(
        &'g self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
        rehash: impl Fn(&[&St::Key], &mut [u64]),
        guard: &'g Guard,
    ) -> Option<Pair<'g, St>> {
        let directory = self.raw.root(guard)?;
        let word = directory.towards(hash).load(guard);
        // SAFETY:
        // - not freed: the guard keeps everything reached under it.
        let mut is_it = |slot: &St::Slot| unsafe { lookup::is_it::<St>(slot, hash, &mut eq) };
        let path = hash << directory.bits();
        let at_once = |leaf| lookup::find_in_leaf(leaf, path, hash, &mut is_it);
        let found = match word.own_leaf().and_then(at_once) {
            Some(found) => found,
            None => self.find_rarely(hash, is_it, rehash, guard),
        };
        // SAFETY:
        // - the entry was reached under the guard, which keeps it for `'g`.
        found.map(|slot| unsafe { St::pair(slot.now) })
    }

    fn get_many<'g>(
        &'g self,
        hashes: &[u64],
        eq: impl FnMut(usize, &St::Key) -> bool,
        guard: &'g Guard,
        mut found: impl FnMut(usize, Option<Pair<'g, St>>),
    ) {
        // SAFETY:
        // - reached under the guard, which keeps it for `'g`.
        let pair = |slot: Held<'g, St::Slot>| unsafe { St::pair(slot.now) };
        let found = |index, slot: Option<_>| found(index, slot.map(pair));
        let root = self.raw.root(guard);
        let start = |hash| RawFlat::way_from(root, hash, guard);
        // SAFETY:
        // - of this store.
        unsafe { lookup::find_many::<St>(start, hashes, eq, found) };
    }

    #[inline]
    fn modify<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, St>,
    ) -> Changed<'g, St> {
        self.upsert(hash, peek, guard, change)
    }

    fn prefetch(&self, hashes: &[u64], guard: &Guard) {
        let root = self.raw.root(guard);
        lookup::prefetch(|hash| RawFlat::way_from(root, hash, guard), hashes);
    }

    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Pairs<'g, St> {
        // SAFETY:
        // - of this store.
        unsafe { Pairs::new(self.raw.slots_from(first, guard)) }
    }

    fn position(iter: &Pairs<'_, St>) -> Option<u64> {
        iter.slots().position()
    }

    /// From a counter: exact if no thread writes meanwhile.
    fn len(&self, _guard: &Guard) -> usize {
        self.raw.count.sum()
    }

    fn reserve(&self, additional: usize, guard: &Guard, rehash: Rehash<'_, St::Key>) {
        self.make_room(additional, false, guard, rehash);
    }

    fn refresh(&self, guard: &Guard) {
        self.raw.limbo.sweep(guard);
    }

    fn collect(&self) {
        self.raw.limbo.collect(&self.raw.collector);
    }

    #[cfg(any(debug_assertions, snaptrie_check))]
    fn check(&self, hash: impl Fn(&[&St::Key], &mut [u64])) -> Structure {
        self.verify(hash)
    }

    fn flush(&self) -> bool {
        self.raw.empty_out();
        self.raw.limbo.flush(&self.raw.collector)
    }
}
