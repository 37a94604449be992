//! Moving the entries of a table to the next one: by all writers and some lookups, a unit at a time, without
//! waiting.
//!
//! A *unit* is a chunk, or the two neighbours that become one chunk in a table of half the size.
//! Whoever moves it does these steps, and any number of threads may do them at once:
//!
//! 1. *claim* its chunks: from then on no bucket takes the place of their slots;
//! 2. *freeze* these slots: from then on their content is fixed;
//! 3. *fill* the new chunks: every helper computes the same slot for each entry, from the same
//!    content in the same order, and CASes it from empty. A slot that was filled never becomes empty
//!    again, so a helper that is late changes nothing. Nobody else writes to the new chunks yet: the
//!    way there leads over step 4. (Entries that do not stay where they are each helper copies for itself,
//!    and one copy of each gets in: [`store`](super::store).)
//! 4. set the chunks' heads to *moved*. Before it, the frozen slots are what counts; after it, the
//!    new ones are.
//!
//! Entries that are too many for the new chunk go to a bucket. Every helper comes to the same
//! conclusion: it freezes the new chunk's slots, none of which anybody fills, builds a bucket of its
//! own and CASes it into the head, where the first one stays.
//!
//! Who stalls at any step delays nobody: a writer that needs the unit does all steps by itself, and
//! once all units are taken, the first one that has not moved is done again by everybody.
#![expect(unsafe_code, reason = "retires tables and segments")]

use std::ptr;

use super::Flat;
use super::bucket::{Live, OwnBucket, Truth};
use super::line::{Line, Tags};
use super::raw::Pages;
use super::shape::{CHUNK_LINES, Shape};
use super::slot::Word;
use super::store::Store;
use super::table::{Segment, Spot, Table};
use crate::reclaim::Guard;
use crate::sync::{Ordering, stall_point};

/// Units that an operation looks at before it gives up finding one that has not moved.
const LOOKS: usize = 8;

impl<S: Store> Flat<S> {
    /// Begins the move to a table of another shape, unless one has begun. Returns the table that it
    /// leads to.
    ///
    /// Only from the map's root: a table that entries still come to does not move on. So there are
    /// two tables at most that hold entries, and while a unit is filled its new chunks do not move.
    pub(super) fn begin_move<'g>(
        &'g self,
        table: &'g Table<S>,
        shape: Shape<S>,
        guard: &'g Guard,
    ) -> Option<&'g Table<S>> {
        if table.next().is_none() {
            // A root has no next table, or its entries are on their way there, or it is no root any more.
            if !self.root(guard).is_some_and(|root| ptr::eq(root, table)) {
                return None;
            }
            stall_point("unpublished table");
            table.set_next(Table::boxed(shape));
        }
        table.next()
    }

    /// The part that each writing operation has in a move: one unit.
    #[inline]
    pub(super) fn move_some<'g>(&'g self, table: &'g Table<S>, guard: &'g Guard) {
        if let Some(next) = table.next() {
            if !Self::prepare(table, next) {
                self.move_one(table, next, guard);
            }
        }
    }

    /// Makes a part of the next segment that the move comes to. Returns whether there was one to make.
    #[inline]
    fn prepare(table: &Table<S>, next: &Table<S>) -> bool {
        // Relaxed: a hint.
        let unit = table.progress.cursor.load(Ordering::Relaxed);
        let units = table.shape.chunks() >> table.shape.unit_log(next.shape);
        unit < units && next.prepare(Self::segment_to(table, next, unit))
    }

    /// Goes on with a move, if there is one, for `units`: where nobody writes any more, lookups would go by
    /// two tables for ever. Returns whether something may be left to do.
    pub(super) fn go_on_moving(&self, units: usize, guard: &Guard) -> bool {
        let Some(table) = self.root(guard) else { return false };
        let Some(next) = table.next() else { return false };
        (0..units).all(|_| self.move_one(table, next, guard))
    }

    /// Whether the segment is there that a chunk moves to.
    pub(super) fn has_come_to(table: &Table<S>, next: &Table<S>, chunk: usize) -> bool {
        let unit = chunk >> table.shape.unit_log(next.shape);
        !matches!(next.segment(Self::segment_to(table, next, unit)), Spot::Absent)
    }

    /// The first segment that a unit moves to.
    fn segment_to(table: &Table<S>, next: &Table<S>, unit: usize) -> usize {
        next.shape.segment_of(unit << table.shape.spread_log(next.shape))
    }

    /// Moves everything that has not moved.
    pub(super) fn move_all<'g>(&'g self, table: &'g Table<S>, guard: &'g Guard) {
        if let Some(next) = table.next() {
            while self.move_one(table, next, guard) {}
        }
    }

    /// Moves one unit, if it finds one. Returns whether something may be left to do.
    #[cold]
    fn move_one<'g>(&'g self, table: &'g Table<S>, next: &'g Table<S>, guard: &'g Guard) -> bool {
        for _ in 0..LOOKS {
            let Some(chunk) = self.take_unit(table, next, guard) else {
                self.set_root(table, guard);
                return false;
            };
            if self.move_unit_of(table, next, chunk, guard) {
                break;
            }
        }
        true
    }

    /// The first chunk of a unit that nobody took; or if there is none, of one that has not moved.
    fn take_unit<'g>(
        &'g self,
        table: &'g Table<S>,
        next: &'g Table<S>,
        guard: &'g Guard,
    ) -> Option<usize> {
        let shape = table.shape;
        let unit = shape.unit_log(next.shape);
        let (cursor, units) = (&table.progress.cursor, shape.chunks() >> unit);
        // Relaxed: only spreads the work.
        if cursor.load(Ordering::Relaxed) < units {
            let taken = cursor.fetch_add(1, Ordering::Relaxed);
            if taken < units {
                return Some(taken << unit);
            }
        }
        loop {
            let segment = table.first_unmoved()?;
            let first = segment * shape.segment_chunks();
            match table.segment(segment) {
                Spot::Moved => {}
                Spot::Absent => return Some(first),
                Spot::Here(found) => match found.first_unmoved() {
                    Some(chunk) => return Some(first + chunk),
                    None => self.leave(table, segment, &found, guard),
                },
            }
        }
    }

    /// Moves the unit of a chunk. Returns whether it had not moved before.
    pub(super) fn move_unit_of<'g>(
        &'g self,
        table: &'g Table<S>,
        next: &'g Table<S>,
        chunk: usize,
        guard: &'g Guard,
    ) -> bool {
        let shape = table.shape;
        let index = shape.segment_of(chunk);
        let segment = match table.segment(index) {
            Spot::Moved => return false,
            Spot::Here(segment) => segment,
            Spot::Absent if table.seal(index) => {
                self.skip(table, next, index);
                return true;
            }
            // Somebody came with an entry, or with another helper's seal.
            Spot::Absent => match table.segment(index) {
                Spot::Here(segment) => segment,
                Spot::Moved | Spot::Absent => return false,
            },
        };
        let width = 1 << shape.unit_log(next.shape);
        let first = shape.in_segment(chunk) & !(width - 1);
        let worked = self.move_unit(&segment, first..first + width, next, guard);
        if segment.first_unmoved().is_none() {
            self.leave(table, index, &segment, guard);
            if table.first_unmoved().is_none() {
                self.set_root(table, guard);
            }
        }
        worked
    }

    /// Lets the cursor pass the units of a segment that was sealed.
    fn skip(&self, table: &Table<S>, next: &Table<S>, segment: usize) {
        let shape = table.shape;
        let units = shape.segment_chunks() >> shape.unit_log(next.shape);
        let cursor = &table.progress.cursor;
        // Relaxed, all: only spreads the work.
        let now = cursor.load(Ordering::Relaxed);
        if now / units == segment {
            let (end, relaxed) = ((segment + 1) * units, Ordering::Relaxed);
            let _ = cursor.compare_exchange(now, end, relaxed, relaxed);
        }
    }

    /// The four steps. Returns whether the unit had not moved before.
    fn move_unit<'g>(
        &'g self,
        segment: &Segment<'g, S>,
        chunks: std::ops::Range<usize>,
        next: &'g Table<S>,
        guard: &'g Guard,
    ) -> bool {
        let mut live = Vec::new();
        let mut filled = false;
        for chunk in chunks.clone() {
            match segment.chunk(chunk).claim() {
                Truth::Here(slots) => {
                    stall_point("claimed unit");
                    live.reserve(slots.lines().len());
                    slots.freeze(&mut live);
                }
                // Then somebody was through with step 3, for all chunks of the unit.
                Truth::Moved => {
                    filled = true;
                    break;
                }
            }
        }
        stall_point("frozen unit");
        if !filled {
            Self::fill(next, &mut live);
        }
        stall_point("filled unit");
        for chunk in chunks {
            if let Some(left) = segment.chunk(chunk).set_moved() {
                self.retire_left(left, guard);
            }
            stall_point("moved chunk");
        }
        !filled
    }

    /// Fills new chunks with the entries of a unit.
    fn fill(next: &Table<S>, live: &mut [Live<S>]) {
        let target = |live: &Live<S>| next.shape.chunk_of(live.hash);
        // The order within a chunk stays as it is. (Where few chunks are far apart, as after a
        // reservation, sorting costs more than the rest; where there are one or two it is nothing.)
        if !live.is_sorted_by_key(target) {
            live.sort_by_key(target);
        }
        for run in live.chunk_by(|a, b| target(a) == target(b)) {
            Self::fill_chunk(next, target(&run[0]), run);
        }
    }

    /// Fills a new chunk with all the entries that belong there.
    fn fill_chunk(next: &Table<S>, index: usize, live: &[Live<S>]) {
        let Some(chunk) = next.chunk_or_new(index, Pages::Later) else {
            // The new table has moved on: this helper is late.
            return;
        };
        let lines = chunk.own();
        if live.len() > lines.len() - lines.len() / 8 {
            for line in lines.all() {
                // Nothing is in these slots, or ever was: every helper comes here.
                line.freeze(|_, _| {});
            }
            match chunk.truth() {
                // Then no helper is through with this step, so the new table does not move.
                Truth::Here(own) if own.lines().is(lines) => {
                    // SAFETY:
                    // - from trusted slots.
                    let bucket = unsafe { OwnBucket::of(live, lines.all().len()) };
                    // (Nothing is left: the slots are empty.)
                    if chunk.swing(own, bucket).is_some() {
                        next.count_bucket();
                    }
                }
                // Another helper was first.
                Truth::Here(_) | Truth::Moved => {}
            }
            return;
        }
        lines.all().first().into_iter().chain(lines.all().last()).for_each(Line::touch);
        let mut tags = [Tags::NONE; CHUNK_LINES];
        for live in live {
            let mut at = lines.home(live.hash);
            while tags[at].are_set() {
                tags[at] = tags[at].passed(live.hash);
                at = (at + 1) & (lines.all().len() - 1);
            }
            let slot = tags[at].first_missing();
            tags[at] = tags[at].with(slot, live.hash);
            let line = &lines.all()[at];
            // If this fails, another helper has filled the slot, with the same entry or a copy of it.
            if line.slots()[slot].load().is_empty() {
                // SAFETY:
                // - from trusted slots; what is made of it and not published is dropped.
                unsafe {
                    let word = S::carry(live, line.cells(), slot);
                    if line.slots()[slot].replace(Word::EMPTY, word).is_err() {
                        S::drop_carried(word, line.cells(), slot);
                    }
                }
            }
            stall_point("half-filled chunk");
        }
        for (line, tags) in lines.all().iter().zip(tags) {
            line.set_tags(tags);
        }
    }

    /// Retires a segment whose chunks have all moved.
    fn leave<'g>(
        &'g self,
        table: &'g Table<S>,
        index: usize,
        segment: &Segment<'g, S>,
        guard: &'g Guard,
    ) {
        debug_assert!(segment.first_unmoved().is_none());
        // SAFETY:
        // - every chunk has moved: callers looked.
        if let Some(garbage) = unsafe { table.leave(index) } {
            self.limbo.retire(guard, garbage);
        }
    }

    /// Makes the next table the root, when all segments have moved.
    fn set_root(&self, table: &Table<S>, guard: &Guard) {
        debug_assert!(table.first_unmoved().is_none());
        // Relaxed: an address to compare with. (That of the table itself: one from the reference
        // could not be freed with.)
        let old = self.root.load(Ordering::Relaxed);
        stall_point("moved table");
        // Release: the next table, and that all has moved there; pairs with the Acquire of `root`.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if ptr::eq(old, table)
            && self.root.compare_exchange(old, table.next_address(), release, relaxed).is_ok()
        {
            table.moved_to().drop_spare();
            // SAFETY:
            // - from a box, as every table; unlinked just now, by this thread.
            self.limbo.retire(guard, unsafe { Table::garbage(old) });
        }
    }
}
