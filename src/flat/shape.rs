//! The size of a table, and which part of it a hash leads to.
#![allow(clippy::cast_possible_truncation, reason = "an index is taken from the bits of a hash")]

use std::marker::PhantomData;

use super::line::LINE_SLOTS;
use super::store::Store;

/// Lines of a chunk, in a table of more than one, as a power of two.
///
/// Eight lines have 56 slots: enough that a chunk seldom fills before the table does, few enough that
/// moving one is a few microseconds. The model checker gets small ones, so that the rare paths are near.
const CHUNK_LINES_LOG: u32 = if cfg!(shuttle) { 1 } else { 3 };
pub(super) const CHUNK_LINES: usize = 1 << CHUNK_LINES_LOG;

/// The bytes of a line and of what goes with it are less than 2 to this, also of one with the largest cells.
const LINE_BYTES_LOG: u32 = 10;

/// The size of a table, and how it is divided: where the entries are says how many lines a segment has.
///
/// INVARIANT: a table of several chunks has chunks of full size, one of several segments has segments
/// of full size, and its bytes can be counted.
pub(super) struct Shape<S> {
    /// Number of lines, as a power of two.
    log: u32,
    log_chunks: u32,
    _lines: PhantomData<fn() -> S>,
}

impl<S> Clone for Shape<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Shape<S> {}

impl<S: Store> Shape<S> {
    /// One line.
    pub(super) const LEAST: Self = Self { log: 0, log_chunks: 0, _lines: PhantomData };

    /// The smallest shape of at least this many slots, if there is one.
    fn of_slots(slots: usize) -> Option<Self> {
        // The bytes of the lines and all that goes with them can be counted in an `isize`.
        let log = slots.div_ceil(LINE_SLOTS).checked_next_power_of_two()?.trailing_zeros();
        (log + LINE_BYTES_LOG + 1 < usize::BITS).then(|| Self::of_log(log))
    }

    fn of_log(log: u32) -> Self {
        let log_chunks = log.saturating_sub(CHUNK_LINES_LOG);
        Self { log, log_chunks, _lines: PhantomData }
    }

    /// The smallest shape whose capacity is at least this many entries, if there is one.
    pub(super) fn of_entries(entries: usize) -> Option<Self> {
        Self::of_slots(entries.checked_mul(16)?.div_ceil(11))
    }

    /// The number of lines, as a power of two.
    #[inline]
    pub(super) fn log(self) -> u32 {
        self.log
    }

    #[inline]
    pub(super) fn slots(self) -> usize {
        LINE_SLOTS << self.log
    }

    /// Number of entries below which the table never grows: eleven sixteenths of its slots.
    ///
    /// At that load three chunks in a thousand hold more than they have slots for, if the hash is good:
    /// when the first one is full it is about time to grow. Higher, and every growth would come after
    /// many chunks had gone to buckets; lower, and tables would be mostly empty.
    #[inline]
    pub(super) fn capacity(self) -> usize {
        self.slots() / 16 * 11 + self.slots() % 16 * 11 / 16
    }

    pub(super) fn doubled(self) -> Self {
        // PANICS: never: a table that is full of entries cannot have half the address space.
        Self::of_slots(self.slots() * 2).expect("capacity overflow")
    }

    /// Half the size, unless this is the least.
    pub(super) fn halved(self) -> Option<Self> {
        self.log.checked_sub(1).map(Self::of_log)
    }

    #[inline]
    pub(super) fn chunks(self) -> usize {
        1 << self.log_chunks
    }

    /// Number of lines in each chunk.
    #[inline]
    pub(super) fn chunk_lines(self) -> usize {
        1 << (self.log - self.log_chunks)
    }

    fn log_segment(self) -> u32 {
        self.log_chunks.min(S::SEGMENT_LINES_LOG - CHUNK_LINES_LOG)
    }

    /// Number of chunks in each segment.
    #[inline]
    pub(super) fn segment_chunks(self) -> usize {
        1 << self.log_segment()
    }

    pub(super) fn segments(self) -> usize {
        self.chunks() / self.segment_chunks()
    }

    #[inline]
    pub(super) fn segment_of(self, chunk: usize) -> usize {
        chunk >> self.log_segment()
    }

    /// The place of a chunk within its segment.
    #[inline]
    pub(super) fn in_segment(self, chunk: usize) -> usize {
        chunk & (self.segment_chunks() - 1)
    }

    /// The shift by which a hash tells its line, see [`home`](super::probe::home): its topmost bits do.
    #[inline]
    pub(super) fn home_shift(self) -> u32 {
        63 - self.log
    }

    /// The segment of a hash's home line, and the place of the line in it.
    #[inline(always)]
    pub(super) fn home_line(self, hash: u64) -> (usize, usize) {
        let line = (hash >> 1 >> self.home_shift()) as usize;
        // The number of lines of a full segment: of a smaller one every line is below it.
        (line >> S::SEGMENT_LINES_LOG, line & ((1 << S::SEGMENT_LINES_LOG) - 1))
    }

    /// The chunk that a hash belongs to: its topmost bits.
    #[inline]
    pub(super) fn chunk_of(self, hash: u64) -> usize {
        // Two shifts, for one by 64 is not allowed.
        (hash >> 1 >> (63 - self.log_chunks)) as usize
    }

    /// The last hash of the chunk that a hash belongs to.
    #[inline]
    pub(super) fn chunk_end(self, hash: u64) -> u64 {
        hash | u64::MAX >> self.log_chunks
    }

    /// The first hash of the chunk that a hash belongs to.
    #[inline]
    pub(super) fn chunk_start(self, hash: u64) -> u64 {
        hash & !(u64::MAX >> self.log_chunks)
    }

    /// The last hash of the segment that a hash belongs to.
    #[inline]
    pub(super) fn segment_end(self, hash: u64) -> u64 {
        hash | u64::MAX >> (self.log_chunks - self.log_segment())
    }

    /// How many chunks move together to a table of shape `next`, as a power of two: as many as become
    /// one chunk there, or one that becomes one or more.
    #[inline]
    pub(super) fn unit_log(self, next: Self) -> u32 {
        self.log_chunks.saturating_sub(next.log_chunks)
    }

    /// How many chunks one of this table becomes in a table of shape `next`, as a power of two.
    #[inline]
    pub(super) fn spread_log(self, next: Self) -> u32 {
        next.log_chunks.saturating_sub(self.log_chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::super::store::{Boxed, Inline};
    use super::*;

    type Shape = super::Shape<Boxed<u64, u64>>;

    #[test]
    fn segments_of_each_store_cover_the_lines() {
        fn covers<S: Store>() {
            let shape = super::Shape::<S>::of_log(16);
            let lines = shape.segments() * shape.segment_chunks() * shape.chunk_lines();
            assert_eq!(lines, 1 << 16);
            assert_eq!(shape.home_line(u64::MAX).0, shape.segments() - 1);
        }
        covers::<Boxed<u64, u64>>();
        covers::<Inline<u64, u64>>();
    }

    #[test]
    fn shapes_double_and_halve_and_know_their_ranges() {
        let mut shape = Shape::LEAST;
        for _ in 0..20 {
            let double = shape.doubled();
            assert_eq!(double.slots(), 2 * shape.slots());
            assert_eq!(double.halved().map(Shape::log), Some(shape.log()));
            assert_eq!(shape.chunks() * shape.chunk_lines() * LINE_SLOTS, shape.slots());
            assert_eq!(shape.segments() * shape.segment_chunks(), shape.chunks());
            for hash in [0, 1 << 40, 0x9e37_79b9_7f4a_7c15, u64::MAX] {
                let chunk = shape.chunk_of(hash);
                let home = super::super::probe::home(hash, shape.home_shift(), shape.chunk_lines());
                let line = shape.in_segment(chunk) * shape.chunk_lines() + home;
                assert_eq!(shape.home_line(hash), (shape.segment_of(chunk), line));
            }
            shape = double;
        }
        assert!(Shape::LEAST.halved().is_none());
        let mut hash = 0;
        for chunk in 0..shape.chunks() {
            assert_eq!((shape.chunk_of(hash), shape.chunk_start(hash)), (chunk, hash));
            assert_eq!(shape.chunk_of(shape.chunk_end(hash)), chunk);
            hash = shape.chunk_end(hash).wrapping_add(1);
        }
        assert_eq!(hash, 0, "the chunks cover all hashes");
        assert_eq!(shape.segment_of(shape.chunk_of(shape.segment_end(0)) + 1), 1);
    }

    #[test]
    fn a_shape_for_entries_has_the_capacity_or_does_not_exist() {
        for entries in (0..5_000).chain([1 << 20, 12_345_678]) {
            assert!(Shape::of_entries(entries).unwrap().capacity() >= entries, "{entries}");
        }
        assert!(Shape::of_entries(usize::MAX / 16).is_none());
        assert!(Shape::of_entries(usize::MAX).is_none());
    }
}
