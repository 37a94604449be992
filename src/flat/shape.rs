//! The size of a table, and which part of it a hash leads to.
#![allow(clippy::cast_possible_truncation, reason = "an index is taken from the bits of a hash")]

/// Slots of the smallest table, and of a chunk in any table of more than one chunk, as powers of two.
///
/// 64 slots are eight cache lines: long enough that a chunk seldom fills before the table does, short
/// enough that moving one is a few microseconds. The model checker gets small ones, so that the rare
/// paths are near.
pub(super) const LEAST_SLOTS_LOG: u32 = if cfg!(shuttle) { 1 } else { 3 };
pub(super) const CHUNK_SLOTS_LOG: u32 = if cfg!(shuttle) { 2 } else { 6 };

/// Chunks of a segment, as a power of two: 256 KiB of slots. Allocating or freeing so much is a few
/// microseconds, and the directory of a table of ten million entries has 4 KiB.
pub(super) const SEGMENT_CHUNKS_LOG: u32 = if cfg!(shuttle) { 1 } else { 9 };

/// Number and size of a table's chunks, as powers of two.
///
/// INVARIANT: a table of several chunks has chunks of full size, and its bytes can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    log_chunks: u32,
    log_slots: u32,
    /// Chunks of a segment: follows from the others, and is here because each lookup needs it.
    log_segment: u32,
}

impl Shape {
    pub(super) const LEAST: Self =
        Self { log_chunks: 0, log_slots: LEAST_SLOTS_LOG, log_segment: 0 };

    /// The smallest shape of at least this many slots, if there is one.
    pub(super) fn of_slots(slots: usize) -> Option<Self> {
        // The bytes of the slots and all that goes with them can be counted in an `isize`.
        let log = slots.checked_next_power_of_two()?.trailing_zeros();
        let most = usize::BITS - 2 - size_of::<usize>().trailing_zeros();
        (log < most).then(|| Self::of_log(log.max(LEAST_SLOTS_LOG)))
    }

    fn of_log(log: u32) -> Self {
        let log_slots = log.min(CHUNK_SLOTS_LOG);
        let log_chunks = log - log_slots;
        Self { log_chunks, log_slots, log_segment: log_chunks.min(SEGMENT_CHUNKS_LOG) }
    }

    /// The smallest shape whose capacity is at least this many entries, if there is one.
    pub(super) fn of_entries(entries: usize) -> Option<Self> {
        Self::of_slots(entries.checked_mul(8)?.div_ceil(5))
    }

    #[inline]
    pub(super) fn log(self) -> u32 {
        self.log_chunks + self.log_slots
    }

    #[inline]
    pub(super) fn slots(self) -> usize {
        1 << self.log()
    }

    /// Number of entries below which the table never grows: five eighths of its slots.
    ///
    /// At that load one chunk in ten thousand holds more than it has slots for, if the hash is good:
    /// when the first one is full it is time to grow. Higher, and every growth would come after many
    /// chunks had gone to buckets; lower, and tables would be mostly empty.
    #[inline]
    pub(super) fn capacity(self) -> usize {
        self.slots() / 8 * 5 + self.slots() % 8 * 5 / 8
    }

    pub(super) fn doubled(self) -> Self {
        // PANICS: never: a table that is full of entries cannot have half the address space.
        Self::of_slots(self.slots() * 2).expect("capacity overflow")
    }

    /// Half the size, unless this is the least.
    pub(super) fn halved(self) -> Option<Self> {
        (self.log() > LEAST_SLOTS_LOG).then(|| Self::of_log(self.log() - 1))
    }

    #[inline]
    pub(super) fn chunks(self) -> usize {
        1 << self.log_chunks
    }

    #[inline]
    pub(super) fn chunk_slots(self) -> usize {
        1 << self.log_slots
    }

    /// Number of chunks in each segment.
    #[inline]
    pub(super) fn segment_chunks(self) -> usize {
        1 << self.log_segment
    }

    pub(super) fn segments(self) -> usize {
        self.chunks() / self.segment_chunks()
    }

    #[inline]
    pub(super) fn segment_of(self, chunk: usize) -> usize {
        chunk >> self.log_segment
    }

    /// The place of a chunk within its segment.
    #[inline]
    pub(super) fn in_segment(self, chunk: usize) -> usize {
        chunk & (self.segment_chunks() - 1)
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
        hash | u64::MAX >> (self.log_chunks - self.log_segment)
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
    use super::*;

    #[test]
    fn shapes_double_and_halve_and_know_their_ranges() {
        let mut shape = Shape::LEAST;
        for _ in 0..20 {
            let double = shape.doubled();
            assert_eq!(double.slots(), 2 * shape.slots());
            assert_eq!(double.halved(), Some(shape));
            assert_eq!(shape.chunks() * shape.chunk_slots(), shape.slots());
            assert_eq!(shape.segments() * shape.segment_chunks(), shape.chunks());
            shape = double;
        }
        assert_eq!(Shape::LEAST.halved(), None);
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
        assert_eq!(Shape::of_entries(usize::MAX / 16), None);
        assert_eq!(Shape::of_entries(usize::MAX), None);
    }
}
