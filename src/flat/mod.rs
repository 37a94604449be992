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
//! 4. While a table moves, each writer that reaches a moved word, or starts again, moves a unit. So the move becomes
//!    faster as it proceeds. Of the lookups that reach a moved word, one in eight moves a unit too.
//! 5. Removals that leave little in a large directory start a move to a smaller one.
//!
//! # Orderings
//!
//! | write | read | publishes |
//! |---|---|---|
//! | `Indirection::replace` (Release) | `Indirection::load` (Acquire) | a node, whole; that the successors of a moved word are there |
//! | see [`crate::bucket`] | | slots and tags of a bucket, and the entries behind them |
//! | `Directory::set_next` (Release) | `Directory::next` (Acquire) | a directory |
//! | the store of `moved` (Release) | its load (Acquire) | that the words before have moved |
//! | the root's CASes (Release) | `Flat::root` (Acquire) | a directory, and that everything is in it |
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
mod room;
mod stats;
#[cfg(all(test, any(debug_assertions, snaptrie_check)))]
mod tests;

use std::marker::PhantomData;
use std::ptr;

use crossbeam_utils::CachePadded;

#[cfg(any(debug_assertions, snaptrie_check))]
pub use check::FlatStructure;
use directory::{Directory, Units};
pub(crate) use iter::Iter;
#[cfg(feature = "rayon")]
pub(crate) use iter::SharedIter;
pub(crate) use stats::FlatTally;

use crate::bucket::Held;
use crate::count::Counter;
use crate::engine::{Builder, Change, Engine};
use crate::entry::Store;
use crate::fallout::Fallout;
use crate::leaf::Size;
use crate::reclaim::{Collector, Guard, Limbo};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::tree::lookup::{self, Way};
use crate::tree::node::{Node, View, Word};
use crate::tree::{Changed, Pair, Rehash, each_node, free_shell};

/// Of the lookups that meet a moved word, one in two to the power of this moves a unit.
const LOOKUPS_LOG: u32 = 3;

/// Walking over this many words costs no more than reading the count.
const FEW_WORDS: usize = if cfg!(shuttle) { 1 } else { 16 };

/// A concurrent hash table of one level.
#[expect(missing_debug_implementations, reason = "public as a part of sealed traits alone")]
pub struct Flat<St: Store> {
    /// Null until the first write, or a reservation. INVARIANT: comes from `Box::into_raw`.
    root: AtomicPtr<Directory<St::Slot>>,
    /// Number of entries with reserved room: the directory does not shrink by itself below what they need.
    reserved: AtomicUsize,
    count: CachePadded<Counter>,
    limbo: Limbo,
    collector: Collector,
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

/// The context of an operation: the directory it works in, and what keeps the directory alive.
struct Context<'g, St: Store> {
    flat: &'g Flat<St>,
    directory: &'g Directory<St::Slot>,
    guard: &'g Guard,
}

impl<St: Store> Clone for Context<'_, St> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<St: Store> Copy for Context<'_, St> {}

impl<St: Store> Flat<St> {
    pub(crate) const fn new(collector: Collector) -> Self {
        Self {
            root: AtomicPtr::new(ptr::null_mut()),
            reserved: AtomicUsize::new(0),
            count: CachePadded::new(Counter::new()),
            limbo: Limbo::new(),
            collector,
            _owns: PhantomData,
        }
    }

    #[inline]
    fn root<'g>(&'g self, _guard: &'g Guard) -> Option<&'g Directory<St::Slot>> {
        // Acquire: the directory, and everything moved there; pairs with the Release of the CASes.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY:
        // - null or from a box. A directory is retired only once it is no longer the root, so the guard keeps it.
        unsafe { root.as_ref() }
    }

    /// The root, or `None` if the map is known to be empty without a walk.
    fn root_to_walk<'g>(&'g self, guard: &'g Guard) -> Option<&'g Directory<St::Slot>> {
        let root = self.root(guard)?;
        let is_empty = root.words().len() > FEW_WORDS && self.count.net() == 0;
        (!is_empty).then_some(root)
    }

    /// The root. If there is none, a first one of this size is made.
    fn root_or_first<'g>(
        &'g self,
        bits: u32,
        least: Size,
        guard: &'g Guard,
    ) -> &'g Directory<St::Slot> {
        if self.root(guard).is_none() {
            let first = Box::into_raw(Directory::boxed(bits, least));
            // Release: the directory; pairs with the Acquire of `root`.
            let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
            if self.root.compare_exchange(ptr::null_mut(), first, release, relaxed).is_err() {
                // SAFETY:
                // - made above, and not published.
                drop(unsafe { Box::from_raw(first) });
            }
        }
        // PANICS: never: a root is only ever replaced by another one.
        self.root(guard).expect("a root that was just set")
    }

    /// The word of a hash, in the directory where it has not moved, and the rest of the hash below it.
    #[inline(always)]
    fn way_from<'g>(
        mut directory: Option<&'g Directory<St::Slot>>,
        hash: u64,
        guard: &'g Guard,
    ) -> Way<'g, St::Slot> {
        while let Some(here) = directory {
            let word = here.towards(hash).load(guard);
            if !word.is_moved() {
                return (word, View::Live(guard), hash << here.bits());
            }
            directory = here.next(guard);
        }
        (Word::EMPTY, View::Live(guard), 0)
    }

    /// [`Engine::get`] in every case.
    #[inline(never)]
    fn help_and_find<'g>(
        &'g self,
        hash: u64,
        is_it: impl FnMut(&St::Slot) -> bool,
        rehash: Rehash<'_, St>,
        guard: &'g Guard,
    ) -> Option<Held<'g, St::Slot>> {
        // Otherwise a thread that only reads would take this slow path forever.
        if hash.trailing_zeros() >= LOOKUPS_LOG {
            self.go_on_moving(1, guard, rehash);
        }
        self.find(hash, is_it, guard)
    }

    fn find<'g>(
        &'g self,
        hash: u64,
        is_it: impl FnMut(&St::Slot) -> bool,
        guard: &'g Guard,
    ) -> Option<Held<'g, St::Slot>> {
        let (word, view, path) = Self::way_from(self.root(guard), hash, guard);
        lookup::find_below::<St>(word, view, path, hash, is_it)
    }
}

impl<St: Store> Engine for Flat<St> {
    type Key = St::Key;
    type Value = St::Value;
    type Content = St;
    type Iter<'g>
        = Iter<'g, St>
    where
        Self: 'g;

    const BUILDER: Builder<Self> = Self::BUILD;

    fn empty(collector: Collector) -> Self {
        Self::new(collector)
    }

    #[inline(always)]
    fn pin(&self) -> Guard {
        self.collector.pin()
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
        let directory = self.root(guard)?;
        let word = directory.towards(hash).load(guard);
        // SAFETY:
        // - not freed: the guard keeps everything reached under it.
        let mut is_it = |slot: &St::Slot| unsafe { lookup::is_it::<St>(slot, hash, &mut eq) };
        let path = hash << directory.bits();
        let at_once = |leaf| lookup::find_in_leaf(leaf, path, hash, &mut is_it);
        let found = match word.own_leaf().and_then(at_once) {
            Some(found) => found,
            None => self.help_and_find(hash, is_it, &rehash, guard),
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
        let root = self.root(guard);
        lookup::find_many::<St>(|hash| Self::way_from(root, hash, guard), hashes, eq, found);
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
        let root = self.root(guard);
        lookup::prefetch::<St>(|hash| Self::way_from(root, hash, guard), hashes);
    }

    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Iter<'g, St> {
        Iter::starting_at(first, self.root_to_walk(guard), guard)
    }

    fn position(iter: &Iter<'_, St>) -> Option<u64> {
        iter.position()
    }

    /// From a counter: exact if no thread writes meanwhile.
    fn len(&self, _guard: &Guard) -> usize {
        self.count.sum()
    }

    fn reserve(&self, additional: usize, guard: &Guard, rehash: Rehash<'_, St>) {
        self.make_room(additional, false, guard, rehash);
    }

    fn refresh(&self, guard: &Guard) {
        self.limbo.sweep(guard);
    }

    fn collect(&self) {
        self.limbo.collect(&self.collector);
    }

    fn flush(&self) -> bool {
        self.empty_out();
        self.limbo.flush(&self.collector)
    }
}

/// Calls `f` with each entry of a node that is frozen, or that no other thread can reach.
fn each_entry<St: Store>(word: Word<'_, St::Slot>, mut f: impl FnMut(St::Slot)) {
    match word.node() {
        Some(Node::Leaf(leaf)) => leaf.for_each(|slot| f(*slot)),
        Some(Node::Collision(node)) => node.slots().for_each(|slot| f(slot.now)),
        Some(Node::Fan(_)) | None => {}
    }
}

impl<St: Store> Flat<St> {
    /// Frees the tree below a word, and its entries only if they are `owned`.
    ///
    /// # Safety
    /// - No other thread can reach it, and it is not used again.
    unsafe fn free(word: Word<'_, St::Slot>, owned: bool, fallout: &mut Fallout) {
        each_node::<St>(word, &mut |word| {
            if St::OWNS && owned {
                each_entry::<St>(word, |slot| {
                    // SAFETY:
                    // - owned by this word alone, so freed once; no thread looks at it any more.
                    unsafe { St::garbage(slot).free(fallout) };
                });
            }
            // SAFETY:
            // - its children are freed, and no thread can reach it.
            unsafe { free_shell::<St>(word) };
        });
    }
}

impl<St: Store> Flat<St> {
    /// Takes the root out of the table.
    fn take_root(&mut self) -> Option<Box<Directory<St::Slot>>> {
        let root = std::mem::replace(self.root.get_mut(), ptr::null_mut());
        // SAFETY:
        // - null or from a box, and owned by the map.
        (!root.is_null()).then(|| unsafe { Box::from_raw(root) })
    }

    /// Frees the directories and everything below them, entries only if `with_entries`.
    ///
    /// # Safety
    /// - Without `with_entries`, the entries have been taken out.
    unsafe fn free_all(&mut self, with_entries: bool, fallout: &mut Fallout) {
        let Some(mut root) = self.take_root() else { return };
        let mut next = root.take_next();
        let units = next.as_ref().map(|next| Units::between(&root, next));
        // The words of a unit that has moved, at least in part, own nothing.
        let mut moved = vec![false; units.map_or(0, Units::count)];
        for (index, word) in root.words_mut().iter_mut().enumerate() {
            let word = word.get_mut();
            let unit = units.map(|units| units.of_word(index));
            if let Some(unit) = unit.filter(|_| word.is_moved()) {
                moved[unit] = true;
            }
        }
        for (index, word) in root.words_mut().iter_mut().enumerate() {
            let word = word.get_mut();
            let owned = units.is_none_or(|units| !moved[units.of_word(index)]);
            if !word.is_moved() {
                // SAFETY:
                // - no other thread can reach the map; the nodes of a word that has moved were retired when it did.
                unsafe { Self::free(word, owned && with_entries, fallout) };
            }
        }
        if let (Some(next), Some(units)) = (&mut next, units) {
            debug_assert!(next.take_next().is_none());
            for (unit, moved) in moved.into_iter().enumerate() {
                for word in &mut next.words_mut()[units.successors(unit)] {
                    // SAFETY:
                    // - as above; the nodes of a unit that has not moved are copies.
                    unsafe { Self::free(word.get_mut(), moved && with_entries, fallout) };
                }
            }
        }
    }
}

impl<St: Store> Drop for Flat<St> {
    fn drop(&mut self) {
        let mut fallout = Fallout::default();
        // SAFETY:
        // - every operation borrows the map, so none is in flight; the entries are freed too.
        unsafe {
            self.limbo.close(&mut fallout);
            self.free_all(true, &mut fallout);
        }
        fallout.resume();
    }
}
