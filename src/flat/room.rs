//! Policy: what to do when slots are used up, and when there are far too many of them.
#![expect(unsafe_code, reason = "copies entries")]

use super::Flat;
use super::bucket::{Chunk, OwnBucket, Trusted, Truth};
use super::shape::Shape;
use super::store::Store;
use super::table::Table;
use crate::engine::Engine;
use crate::reclaim::Guard;
use crate::sync::{Ordering, stall_point};

/// A table is moved to be rid of its tombstones once one in so many of its chunks has gone to a
/// bucket. Until then a chunk that is full of tombstones is renewed by itself: one copy of a chunk, not
/// of the table, but from then on its lookups cost two cache misses more.
const BUCKETS: usize = if cfg!(shuttle) { 1 } else { 8 };

/// One removal in so many that a thread makes looks at the number of entries.
const REMOVALS: usize = if cfg!(shuttle) { 1 } else { 64 };

/// A table shrinks when it has so many slots for each entry.
const SPARSE: usize = if cfg!(shuttle) { 4 } else { 16 };

impl<S: Store> Flat<S> {
    /// Makes room for an entry in a chunk whose slots are used up. Returns the next table if the
    /// chunk has moved there.
    #[cold]
    pub(super) fn make_room<'g>(
        &'g self,
        table: &'g Table<S>,
        index: usize,
        chunk: Chunk<'g, S>,
        guard: &'g Guard,
    ) -> Option<&'g Table<S>> {
        let Truth::Here(slots) = chunk.truth() else {
            return Some(table.moved_to());
        };
        match table.next().or_else(|| self.begin_move_if_due(table, slots, guard)) {
            // (Before the move has come near, a bucket is less work than a segment for one chunk.)
            Some(next) if slots.is_moving() || Self::has_come_to(table, next, index) => {
                self.move_unit_of(table, next, index, guard);
                Some(next)
            }
            _ => {
                self.renew(table, chunk, slots, guard);
                None
            }
        }
    }

    /// Begins a move, if that and not a bucket is what full slots call for.
    fn begin_move_if_due<'g>(
        &'g self,
        table: &'g Table<S>,
        slots: Trusted<'g, S>,
        guard: &'g Guard,
    ) -> Option<&'g Table<S>> {
        let (shape, len) = (table.shape, self.count.sum());
        if len >= shape.capacity() {
            return self.begin_move(table, shape.doubled(), guard);
        }
        let slots = slots.lines();
        let tombstones = slots.slots().filter(|slot| slot.load().is_tombstone()).count();
        // Relaxed: a statistic.
        let buckets = table.progress.buckets.load(Ordering::Relaxed);
        if tombstones < slots.len() / 4 || (buckets + 1) * BUCKETS <= shape.chunks() {
            return None;
        }
        // Twice the size, where the tombstones would be back too soon.
        let fitting = if len > shape.slots() / 2 {
            shape.doubled()
        } else {
            self.smaller(shape, len).unwrap_or(shape)
        };
        self.begin_move(table, fitting, guard)
    }

    /// The shape that a table of so few entries shrinks to, if it does.
    fn smaller(&self, shape: Shape<S>, len: usize) -> Option<Shape<S>> {
        let half = shape.halved().filter(|_| len < shape.slots() / SPARSE)?;
        // Relaxed: a number, that nothing else is concluded from.
        (half.log() as usize >= self.floor.load(Ordering::Relaxed)).then_some(half)
    }

    /// Counts an entry that was removed, and begins to shrink the table if that is due.
    #[inline]
    #[cfg_attr(shuttle, expect(clippy::modulo_one, reason = "every removal, in models"))]
    pub(super) fn count_removed(&self, guard: &Guard) {
        if self.count.down() % REMOVALS == 0 {
            self.shrink_if_due(guard);
        }
    }

    #[cold]
    fn shrink_if_due(&self, guard: &Guard) {
        if let Some(table) = self.root(guard) {
            if let Some(half) = self.smaller(table.shape, self.count.sum()) {
                self.begin_move(table, half, guard);
            }
        }
    }

    /// Puts a bucket with what lives in the slots in their place. Fails if another thread put one
    /// there, or claimed the chunk for a move.
    pub(super) fn renew<'g>(
        &'g self,
        table: &'g Table<S>,
        chunk: Chunk<'g, S>,
        slots: Trusted<'g, S>,
        guard: &'g Guard,
    ) {
        // Nobody had claimed the chunk when `slots` were read: the caller looked, or found no next table afterwards.
        debug_assert!(!slots.is_moving());
        let mut live = Vec::with_capacity(slots.lines().len());
        slots.freeze(&mut live);
        // SAFETY:
        // - from trusted slots.
        let bucket = unsafe { OwnBucket::of(&live, table.shape.chunk_lines()) };
        stall_point("unpublished bucket");
        if let Some(left) = chunk.swing(slots, bucket) {
            if left.is_own() {
                table.count_bucket();
            }
            self.retire_left(left, guard);
        }
    }

    /// Number of entries below which the table does not grow.
    pub(crate) fn capacity(&self, guard: &Guard) -> usize {
        let table = self.root(guard);
        table.map_or(0, |table| table.next().unwrap_or(table).shape.capacity())
    }

    /// Makes the table large enough for `additional` more entries, now: O(n). Until the next
    /// [`Self::shrink_to_fit`] or [`Self::clear`] it does not become smaller than that by itself.
    ///
    /// # Panics
    /// If so many entries cannot be.
    pub(crate) fn reserve_for_good(&self, additional: usize, guard: &Guard) {
        if let Some(wanted) = self.shape_for(additional) {
            self.raise_floor(wanted);
            self.grow_to(wanted, guard);
        }
    }

    /// The shape that a table needs for `additional` more entries, if there are any.
    ///
    /// # Panics
    /// If so many entries cannot be.
    pub(super) fn shape_for(&self, additional: usize) -> Option<Shape<S>> {
        let entries = self.count.sum().checked_add(additional);
        let shape = entries.and_then(Shape::of_entries).expect("capacity overflow");
        (additional > 0).then_some(shape)
    }

    /// Makes the table of this shape or a larger one, now: O(n).
    pub(super) fn grow_to(&self, wanted: Shape<S>, guard: &Guard) {
        loop {
            let table = self.root_or_first(wanted, guard);
            if table.next().is_none() {
                if table.shape.log() >= wanted.log() {
                    return;
                }
                self.begin_move(table, wanted, guard);
            }
            self.move_all(table, guard);
        }
    }

    pub(super) fn raise_floor(&self, shape: Shape<S>) {
        let new = shape.log() as usize;
        // Relaxed, all: a number, that nothing else is concluded from.
        let mut now = self.floor.load(Ordering::Relaxed);
        while now < new {
            match self.floor.compare_exchange(now, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// Makes the table as small as its entries allow, now: O(n).
    pub(crate) fn shrink_to_fit(&self, guard: &Guard) {
        // Relaxed: as in `raise_floor`.
        self.floor.store(0, Ordering::Relaxed);
        // So many halvings at most: entries that others insert meanwhile may make it grow again.
        for _ in 0..2 * usize::BITS {
            let Some(table) = self.root(guard) else { return };
            if table.next().is_none() {
                let fitting = Shape::of_entries(self.count.sum()).unwrap_or(table.shape);
                match table.shape.halved() {
                    Some(half) if half.log() >= fitting.log() => {
                        self.begin_move(table, half, guard);
                    }
                    _ => return,
                }
            }
            self.move_all(table, guard);
        }
    }

    /// Removes the entries that are there, one by one, and makes the table small: O(n). Not one
    /// instant: of entries that others insert meanwhile some may stay.
    pub(crate) fn clear(&self) {
        self.remove_all();
        self.shrink_to_fit(&self.pin());
        self.empty_out();
        self.collect();
    }

    /// Gives the segments of an empty table back, by a move to one of the same size that has none yet.
    pub(super) fn empty_out(&self) {
        let guard = self.pin();
        let Some(table) = self.root(&guard) else { return };
        if self.count.sum() == 0 && table.has_segments() {
            self.begin_move(table, table.shape, &guard);
            self.move_all(table, &guard);
        }
    }
}
