//! The flat table: open addressing for read-heavy loads.
//!
//! A lookup touches the slot and the entry, and writes nothing. The entry is in an allocation of its own, or
//! beside the slot ([`store`]).
//!
//! # Terms
//!
//! | term | here |
//! |---|---|
//! | slot | one atomic word: the address of an entry, and flags: [`slot`] |
//! | cell | the place of an entry in a line, for small plain pairs: [`store`] |
//! | tombstone | what a removal leaves in a slot. A slot that is not empty never is again |
//! | tag | a byte of a slot's hash, by which lookups find it; set last: [`mod@line`] |
//! | mark | a bit of a line, set before an entry goes past it: [`mod@line`] |
//! | line | seven slots and their tags, on one cache line: [`mod@line`] |
//! | chunk | eight lines; a search stays within one. The topmost bits of a hash tell which: [`shape`] |
//! | head | the word of a chunk that says where its entries are: [`bucket`] |
//! | bucket | lines that take the place of a chunk's own |
//! | segment | some chunks and their heads, one allocation: [`table`] |
//! | spare | a segment that is made ahead, while a table moves: [`mod@spare`] |
//! | move | of all entries to the next table, a unit at a time: [`migrate`] |
//!
//! # Paths
//!
//! 1. A lookup ([`probe`]) goes from the root to the table, to the home line of the hash, and compares
//!    the keys whose tag is right; on to the next line of the chunk if all tags of this one are set, and a
//!    mark there says that an entry with such a hash went past.
//! 2. A change ([`upsert`]) searches the same way, then goes from slot to slot where tags are missing,
//!    and CASes the slot that it ended at. If that is empty, it first leaves its mark in the lines before it, and
//!    then sets the tag.
//! 3. A chunk without an empty slot, and removals ([`room`]): the table moves to one of twice or half
//!    the size, or of the same size to be rid of tombstones; or the chunk's entries go to a bucket.
//! 4. While a table moves, each writer moves one unit, or zeros a page of the spare, and moves every unit that it
//!    needs ([`migrate`]); and some lookups of what has moved do, so that a move comes to its end where writes
//!    do. An operation that meets a frozen slot looks at the chunk's head.
//! 5. An iteration ([`iter`]) reads chunk after chunk, each where its entries are at the time.
//!
//! # Why a key is in one place
//!
//! Within slots: an insertion goes to the first empty slot of its way, by CAS from empty, after it
//! has seen that no slot before it has the key; none of these can get the key later, for they are not
//! empty and never will be. So of two insertions of one key one fails, and finds the other. (It takes
//! effect when its tag is set: why, and by whom, [`mod@line`] says.)
//!
//! Between slots: an operation changes only slots that are not frozen, and slots are copied only when
//! all of them are. So they are what counts until their copy is announced in the head, and the copy is
//! from then on. (Where entries do not stay where they are, those left behind are garbage from then on.)
//!
//! # Orderings
//!
//! | write | read | publishes |
//! |---|---|---|
//! | `Slot::replace` (Release) | `Slot::load` (Acquire) | an entry, whole |
//! | `Line::pass` (Relaxed, before `Slot::replace`) | `Line::tags` (Acquire) | that an entry may be behind a full line |
//! | `Line::set_tag`, `freeze` (Release) | `Line::tags` (Acquire) | that the slot is filled; that the line is frozen |
//! | `Slot::freeze` (Release) | `Slot::load` (Acquire) | that a table has a next one |
//! | `Head::replace` (Release) | `Head::load` (Acquire) | a bucket, whole; the claim's next table; a unit that was filled |
//! | `Table::chunk_or_new`, `seal`, `leave` (Release) | `Table::segment` (Acquire) | a segment's zeros; that all of it has moved |
//! | `Spare::advance` (Release) | `Spare::swap` (Acquire) | what is zeroed of a segment in the making |
//! | the stores in `first_unmoved` (Release) | the loads there (Acquire) | that chunks, or segments, before one have moved |
//! | `Table::set_next` (Release) | `Table::next` (Acquire) | a table |
//! | the root's CASes (Release) | `Flat::root` (Acquire) | a table, and that everything is in it |
//!
//! Progress: every operation is lock-free. The loops here go round again only if a CAS failed, so
//! another operation's CAS took effect, or after helping a move on.
#![expect(unsafe_code, reason = "tables are raw pointers that the epoch protects")]

mod bucket;
#[cfg(any(debug_assertions, snaptrie_check))]
mod check;
mod iter;
mod line;
mod migrate;
mod owned;
mod probe;
mod raw;
mod room;
mod shape;
mod slot;
mod spare;
mod stats;
mod store;
mod table;
#[cfg(all(test, any(debug_assertions, snaptrie_check)))]
mod tests;
mod upsert;

use std::marker::PhantomData;
use std::ptr;

use bucket::{Chunk, Left};
#[cfg(any(debug_assertions, snaptrie_check))]
pub use check::FlatStructure;
pub(crate) use iter::Iter;
#[cfg(feature = "rayon")]
pub(crate) use iter::SharedIter;
use line::Line;
use shape::Shape;
pub(crate) use stats::FlatTally;
pub(crate) use store::{Boxed, Inline, Store};
use table::{Spot, Table};

use crossbeam_utils::CachePadded;

use crate::count::Counter;
use crate::engine::{Change, Content, Engine, Outcome};
use crate::fallout::Fallout;
use crate::reclaim::{Collector, Guard, Limbo};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// What an operation under a guard hands out of an entry.
pub(crate) type Pair<'g, S> = <S as Content>::Pair<'g>;

/// Units that [`Engine::refresh`] moves: some 10 µs of work.
const UNITS_BY_REFRESH: usize = 8;

/// A concurrent hash table of one level.
pub(crate) struct Flat<S: Store> {
    /// Null until the first write, or a reservation. INVARIANT: comes from `Box::into_raw`.
    root: AtomicPtr<Table<S>>,
    /// The table does not shrink by itself below 2 to this.
    floor: AtomicUsize,
    count: CachePadded<Counter>,
    limbo: Limbo,
    collector: Collector,
    _owns: PhantomData<(S::Key, S::Value)>,
}

// SAFETY:
// - Send: a map that moves to another thread takes its keys and values there (`Send`); what they are
//   shared with before, by reference, stays borrowed. `Sync` as for the other maps.
unsafe impl<S: Store<Key: Send + Sync, Value: Send + Sync>> Send for Flat<S> {}
// SAFETY:
// - Sync: a shared map hands out references to keys and values on any thread (`Sync`), takes them
//   from any thread, and drops them on any thread (`Send`).
unsafe impl<S: Store<Key: Send + Sync, Value: Send + Sync>> Sync for Flat<S> {}

impl<S: Store> Flat<S> {
    pub(crate) const fn new(collector: Collector) -> Self {
        Self {
            root: AtomicPtr::new(ptr::null_mut()),
            floor: AtomicUsize::new(0),
            count: CachePadded::new(Counter::new()),
            limbo: Limbo::new(),
            collector,
            _owns: PhantomData,
        }
    }

    /// A map that takes so many entries before its table grows, and does not become smaller by itself.
    ///
    /// # Panics
    /// If so many entries cannot be.
    pub(crate) fn with_capacity(entries: usize, collector: Collector) -> Self {
        let mut flat = Self::new(collector);
        if entries > 0 {
            let shape = Shape::of_entries(entries).expect("capacity overflow");
            flat.raise_floor(shape);
            *flat.root.get_mut() = Box::into_raw(Table::boxed(shape));
        }
        flat
    }

    #[inline]
    fn root<'g>(&'g self, _guard: &'g Guard) -> Option<&'g Table<S>> {
        // Acquire: the table, and all that moved there; pairs with the Release of the CASes.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY:
        // - null or from a box. A table is retired only once it is not the root any more, so the
        //   guard keeps it.
        unsafe { root.as_ref() }
    }

    /// The root, which is made with this shape if there is none.
    fn root_or_first<'g>(&'g self, shape: Shape<S>, guard: &'g Guard) -> &'g Table<S> {
        if self.root(guard).is_none() {
            let first = Box::into_raw(Table::boxed(shape));
            // Release: the table; pairs with the Acquire of `root`.
            let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
            if self.root.compare_exchange(ptr::null_mut(), first, release, relaxed).is_err() {
                // SAFETY:
                // - made above, and not published.
                drop(unsafe { Box::from_raw(first) });
            }
        }
        // PANICS: never: a root that is there once is only ever replaced by another.
        self.root(guard).expect("a root that was just set")
    }
}

impl<S: Store> Engine for Flat<S> {
    type Key = S::Key;
    type Value = S::Value;
    type Content = S;
    type Iter<'g>
        = Iter<'g, S>
    where
        Self: 'g;

    fn empty(collector: Collector) -> Self {
        Self::new(collector)
    }

    #[inline(always)]
    fn pin(&self) -> Guard {
        self.collector.pin()
    }

    #[inline(always)]
    fn get<'g>(
        &'g self,
        hash: u64,
        eq: impl FnMut(&S::Key) -> bool,
        guard: &'g Guard,
    ) -> Option<Pair<'g, S>> {
        self.lookup::<true>(hash, eq, guard)
    }

    fn get_many<'g>(
        &'g self,
        hashes: &[u64],
        eq: impl FnMut(usize, &S::Key) -> bool,
        guard: &'g Guard,
        found: &mut [Option<Pair<'g, S>>],
    ) {
        self.lookup_many(hashes, eq, guard, found);
    }

    #[inline]
    fn modify<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, S>,
    ) -> Outcome<Pair<'g, S>> {
        self.upsert(hash, peek, guard, change)
    }

    fn prefetch(&self, hashes: &[u64], guard: &Guard) {
        self.prefetch_many(hashes, guard);
    }

    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Iter<'g, S> {
        Iter::new(self.root(guard), first)
    }

    fn position(iter: &Iter<'_, S>) -> Option<u64> {
        iter.position()
    }

    /// From a counter: O(1), and exact if nobody writes meanwhile.
    fn len(&self, _guard: &Guard) -> usize {
        self.count.sum()
    }

    fn reserve(&self, additional: usize, guard: &Guard) {
        if let Some(wanted) = self.shape_for(additional) {
            self.grow_to(wanted, guard);
        }
    }

    fn refresh(&self, guard: &Guard) {
        self.go_on_moving(UNITS_BY_REFRESH, guard);
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

/// Frees the entries of a chunk.
///
/// # Safety
/// - They are the map's, which nobody else can reach, and nobody frees them again.
unsafe fn free_entries<S: Store>(lines: &[Line<S>], fallout: &mut Fallout) {
    for slot in lines.iter().flat_map(Line::slots) {
        // SAFETY:
        // - in a slot, so from the store; once, and by its owner: by the contract.
        if let Some(garbage) = unsafe { S::garbage(slot.load()) } {
            // SAFETY:
            // - as above: nobody looks at it any more.
            unsafe { garbage.free(fallout) };
        }
    }
}

impl<S: Store> Flat<S> {
    /// Retires what a chunk left when this thread announced that its entries are somewhere else.
    fn retire_left(&self, left: Left<'_, S>, guard: &Guard) {
        // SAFETY:
        // - `left` is what the announcement returned, and only this function takes it.
        unsafe { left.retire(|garbage| self.limbo.retire(guard, garbage)) };
    }

    /// Calls `f` with the lines that hold the entries, of all tables that the map has.
    ///
    /// While a move is under way, there are two. Then the entries of a unit are in the new one if any
    /// of its chunks is marked as moved, and otherwise in the old one. Nobody may change the map meanwhile.
    fn for_all_lines<'g>(table: &'g Table<S>, mut f: impl FnMut(&'g [Line<S>])) {
        let next = table.next();
        let unit = next.map_or(0, |next| table.shape.unit_log(next.shape));
        for first in (0..table.shape.chunks()).step_by(1 << unit) {
            let chunks = first..first + (1 << unit);
            let moved = chunks.clone().any(|chunk| match table.spot(chunk) {
                Spot::Moved => true,
                Spot::Absent => false,
                Spot::Here(chunk) => chunk.head().is_moved(),
            });
            // Both cover the same hashes.
            let (owner, chunks) = match next {
                Some(next) if moved => {
                    let spread = table.shape.spread_log(next.shape);
                    (next, (first >> unit) << spread..((first >> unit) + 1) << spread)
                }
                _ => (table, chunks),
            };
            for chunk in chunks {
                if let Spot::Here(chunk) = owner.spot(chunk) {
                    f(current(chunk));
                }
            }
        }
    }
}

impl<S: Store> Flat<S> {
    /// Frees a root and the next table, without the entries.
    ///
    /// # Safety
    /// - They are the map's, and nobody else can reach them.
    unsafe fn free_tables(root: *mut Table<S>) {
        // SAFETY:
        // - from boxes, and exclusively this caller's: promised by the caller.
        unsafe {
            let mut root = Box::from_raw(root);
            let next = root.next_address();
            root.free_segments();
            if !next.is_null() {
                let mut next = Box::from_raw(next);
                debug_assert!(next.next().is_none());
                next.free_segments();
            }
        }
    }
}

/// The lines where a chunk's entries are, of a table that nobody else can reach.
fn current<S: Store>(chunk: Chunk<'_, S>) -> &[Line<S>] {
    match chunk.truth() {
        bucket::Truth::Here(trusted) => trusted.lines().all(),
        bucket::Truth::Moved => &[],
    }
}

impl<S: Store> Drop for Flat<S> {
    fn drop(&mut self) {
        let mut fallout = Fallout::default();
        // SAFETY:
        // - every operation borrows the map, so none is in flight.
        unsafe { self.limbo.close(&mut fallout) };
        let root = *self.root.get_mut();
        if !root.is_null() {
            // SAFETY:
            // - from a box, and the map's own, as is the next table; each of the map's entries is in one line, as
            //   `for_all_lines` says, and nobody else can reach any of it.
            unsafe {
                Self::for_all_lines(&*root, |lines| free_entries(lines, &mut fallout));
                Self::free_tables(root);
            }
        }
        fallout.resume();
    }
}
