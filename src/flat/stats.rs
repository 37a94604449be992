//! Counting what a table is made of, while it may change.

use super::Flat;
use super::bucket::Truth;
use super::line::Line;
use super::slot::Slot;
use super::store::Store;
use super::table::{Spot, Table};
use crate::engine::Engine;

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlatTally {
    /// Of the table, or of the one that it moves to.
    pub(crate) slots: usize,
    pub(crate) capacity: usize,
    pub(crate) chunks: usize,
    /// Segments that the table could have, and those that are there, of both tables.
    pub(crate) segments: usize,
    pub(crate) segments_made: usize,
    pub(crate) tombstones: usize,
    pub(crate) buckets: usize,
    pub(crate) bucket_slots: usize,
    /// Chunks of the table that is left, and how many of them are in the next.
    pub(crate) moving: Option<(usize, usize)>,
    /// Of segments, made or in the making, and buckets.
    pub(crate) table_bytes: usize,
    /// Of entries that are not in lines.
    pub(crate) entry_bytes: usize,
}

impl<S: Store> Flat<S> {
    /// Counts. O(capacity). Each number was right at some moment of the call.
    pub(crate) fn tally(&self) -> FlatTally {
        let guard = self.pin();
        let mut tally = FlatTally::default();
        let Some(root) = self.root(&guard) else { return tally };
        let newest = root.next().unwrap_or(root);
        tally.slots = newest.shape.slots();
        tally.capacity = newest.shape.capacity();
        tally.chunks = newest.shape.chunks();
        tally.segments = newest.shape.segments();
        let moved = add(root, &mut tally);
        if let Some(next) = root.next() {
            tally.moving = Some((moved, root.shape.chunks()));
            add(next, &mut tally);
        }
        tally
    }
}

/// Counts what is in one table. Returns how many of its chunks are in the next.
fn add<S: Store>(table: &Table<S>, tally: &mut FlatTally) -> usize {
    let mut moved = 0;
    tally.table_bytes += table.spare_bytes();
    for segment in 0..table.shape.segments() {
        if let Spot::Here(segment) = table.segment(segment) {
            tally.segments_made += 1;
            tally.table_bytes += segment.bytes();
        }
    }
    for chunk in 0..table.shape.chunks() {
        let chunk = match table.spot(chunk) {
            Spot::Here(chunk) => chunk,
            Spot::Absent => continue,
            Spot::Moved => {
                moved += 1;
                continue;
            }
        };
        let Truth::Here(trusted) = chunk.truth() else {
            moved += 1;
            continue;
        };
        let lines = trusted.lines();
        if !lines.is(chunk.own()) {
            tally.buckets += 1;
            tally.bucket_slots += lines.len();
            tally.table_bytes += size_of_val::<[Line<S>]>(lines.all()) + size_of::<usize>();
        }
        for word in lines.slots().map(Slot::load) {
            tally.tombstones += usize::from(word.is_tombstone());
            if word.is_live() && !word.is_in_cell() {
                tally.entry_bytes += S::ENTRY_BYTES;
            }
        }
    }
    moved
}
