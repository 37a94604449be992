//! A table's memory: segments of chunks, made when they are first needed, and their directory.
//!
//! A new segment is zeroed memory, which the system hands out page by page as it is used, or which a move zeroed
//! bit by bit before it came there ([`spare`](super::spare)). Segments are freed one by one as the move to the next
//! table leaves them. So neither making a table nor leaving it is one big step, however large it is.
//!
//! ```text
//! directory → header | lines of chunk 0 | lines of chunk 1 | … | head of chunk 0 | head of chunk 1 | …
//! ```
#![expect(unsafe_code, reason = "a segment is laid out by hand")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use crossbeam_utils::CachePadded;

use super::bucket::{Chunk, Head};
use super::line::Line;
use super::probe::Lines;
use super::raw::{Header, PAGE, Pages, Raw};
use super::shape::Shape;
use super::spare::Spare;
use super::store::Store;
use crate::reclaim::Garbage;
use crate::sync::{AtomicPtr, AtomicUsize, Ordering, stall_point};

/// A table of the map, or one that it moves to.
pub(super) struct Table<S: Store> {
    pub(super) shape: Shape<S>,
    /// A segment each: null until it is needed, and [`moved`] once all its chunks are.
    directory: Box<[AtomicPtr<Header>]>,
    /// The table that this one's entries move to; null if they do not. Set once.
    next: AtomicPtr<Table<S>>,
    /// Of this table, while entries move there.
    spare: Spare,
    pub(super) progress: CachePadded<Progress>,
}

/// How far the move of a table's entries is, at least: the truth is in heads and directory.
#[derive(Default)]
pub(super) struct Progress {
    /// The next unit that nobody took.
    pub(super) cursor: AtomicUsize,
    /// Segments at the beginning that are known to be moved.
    pub(super) segments: AtomicUsize,
    /// Chunks that have gone to a bucket.
    pub(super) buckets: AtomicUsize,
}

/// Where a segment is.
pub(super) enum Spot<T> {
    /// Nothing was ever written there.
    Absent,
    /// In the next table, as a whole.
    Moved,
    Here(T),
}

/// Where the lines of a segment begin.
///
/// # Safety
/// - `start` came from [`Raw::into_start`], for a table of this type, and the segment is not freed.
#[inline]
unsafe fn first_line<S: Store>(start: NonNull<Header>) -> *const Line<S> {
    // SAFETY:
    // - in bounds: the lines follow the header.
    unsafe { start.as_ptr().add(1).cast() }
}

/// The directory's mark for a segment that has moved.
fn moved() -> *mut Header {
    ptr::without_provenance_mut(1)
}

/// A segment of a table. INVARIANT: a [`Raw`] for a table of this shape, whole, and reached under a
/// guard that lives as long as `'g`.
pub(super) struct Segment<'g, S: Store> {
    header: &'g Header,
    start: NonNull<Header>,
    shape: Shape<S>,
    _entries: PhantomData<&'g Line<S>>,
}

impl<'g, S: Store> Segment<'g, S> {
    /// # Safety
    /// - What the type's invariant says.
    #[inline]
    unsafe fn new(start: *mut Header, shape: Shape<S>) -> Self {
        // SAFETY:
        // - not null and allocated for `'g`, by the contract.
        unsafe {
            let (header, start) = (&*start, NonNull::new_unchecked(start));
            Self { header, start, shape, _entries: PhantomData }
        }
    }

    #[inline]
    pub(super) fn chunk(&self, index: usize) -> Chunk<'g, S> {
        let (chunks, len) = (self.shape.segment_chunks(), self.shape.chunk_lines());
        debug_assert!(index < chunks);
        // SAFETY:
        // - in bounds: `Raw::size` has room for the lines of all chunks and for as many heads; the
        //   index is within, for every caller masks it so.
        // - valid: zeroed memory is a valid line and a valid head, and allocated for `'g`.
        // - `Lines`: reached under the guard, and `chunk_lines` is a power of two. `Chunk`: both are
        //   parts of chunk `index`.
        unsafe {
            let lines = first_line(self.start);
            let own = std::slice::from_raw_parts(lines.add(index * len), len);
            let heads = lines.add(chunks * len).cast::<Head<S>>();
            Chunk::new(Lines::new(own, self.shape.home_shift()), &*heads.add(index))
        }
    }

    /// Bytes that the allocator was asked for.
    pub(super) fn bytes(&self) -> usize {
        self.header.size()
    }

    /// Looks from where the last look ended for the first chunk that has not moved.
    pub(super) fn first_unmoved(&self) -> Option<usize> {
        // Acquire: what the heads before it said, which are not looked at again; pairs with the
        // Release below.
        let from = self.header.moved.load(Ordering::Acquire);
        let chunks = from..self.shape.segment_chunks();
        let first = chunks.into_iter().find(|&chunk| !self.chunk(chunk).head().is_moved());
        let now = first.unwrap_or(self.shape.segment_chunks());
        if now != from {
            // It may go back, if threads store it in another order: then some are looked at again.
            self.header.moved.store(now, Ordering::Release);
        }
        first
    }
}

impl<S: Store> Table<S> {
    pub(super) fn boxed(shape: Shape<S>) -> Box<Self> {
        let absent = || AtomicPtr::new(ptr::null_mut());
        Box::new(Self {
            shape,
            directory: (0..shape.segments()).map(|_| absent()).collect(),
            next: AtomicPtr::new(ptr::null_mut()),
            spare: Spare::none(),
            progress: CachePadded::default(),
        })
    }

    #[inline]
    pub(super) fn segment(&self, index: usize) -> Spot<Segment<'_, S>> {
        // Acquire: the zeroed segment; pairs with the Release in `segment_or_new`. Or that there is
        // a next table, and what was moved there; pairs with the Release in `seal` and `leave`.
        let start = self.directory[index].load(Ordering::Acquire);
        if start.is_null() {
            Spot::Absent
        } else if start == moved() {
            Spot::Moved
        } else {
            // SAFETY:
            // - a `Raw` for this table, whole. It is retired only once the directory no longer
            //   names it, so the guard that this table was reached under keeps it.
            Spot::Here(unsafe { Segment::new(start, self.shape) })
        }
    }

    /// The home line of a hash, in its chunk's own slots, if the segment is there.
    #[inline(always)]
    pub(super) fn home_line(&self, hash: u64) -> Option<&Line<S>> {
        let (segment, line) = self.shape.home_line(hash);
        debug_assert!(segment < self.directory.len());
        // SAFETY:
        // - in bounds: a hash's home line is one of the table's lines, and the directory has all of
        //   their segments (`boxed`).
        let start = unsafe { self.directory.get_unchecked(segment) };
        // Acquire: as in `segment`.
        let start = start.load(Ordering::Acquire);
        if start.addr() <= moved().addr() {
            return None;
        }
        // SAFETY:
        // - as in `segment`: not null, and kept by the guard that this table was reached under.
        // - in bounds, and valid: as in `Segment::chunk`; the line is one of the segment's.
        unsafe { Some(&*first_line(NonNull::new_unchecked(start)).add(line)) }
    }

    #[inline]
    pub(super) fn spot(&self, chunk: usize) -> Spot<Chunk<'_, S>> {
        match self.segment(self.shape.segment_of(chunk)) {
            Spot::Here(segment) => Spot::Here(segment.chunk(self.shape.in_segment(chunk))),
            Spot::Absent => Spot::Absent,
            Spot::Moved => Spot::Moved,
        }
    }

    /// Whether anything was ever written to it.
    pub(super) fn has_segments(&self) -> bool {
        (0..self.shape.segments()).any(|index| !matches!(self.segment(index), Spot::Absent))
    }

    /// A chunk to write to; none if it has moved with its segment.
    pub(super) fn chunk_or_new(&self, chunk: usize, pages: Pages) -> Option<Chunk<'_, S>> {
        if let Spot::Absent = self.spot(chunk) {
            let spare = self.spare.take().map(Raw::whole);
            let new = spare.unwrap_or_else(|| Raw::of_zeros(self.shape, pages));
            stall_point("unpublished segment");
            let start = new.into_start();
            let place = &self.directory[self.shape.segment_of(chunk)];
            // Release: the zeros; pairs with the Acquire of `segment`.
            let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
            if place.compare_exchange(ptr::null_mut(), start, release, relaxed).is_err() {
                // SAFETY:
                // - from above, and not published.
                drop(unsafe { Raw::from_start(start) });
            }
        }
        match self.spot(chunk) {
            Spot::Here(chunk) => Some(chunk),
            Spot::Moved => None,
            Spot::Absent => unreachable!("a segment that was just put there"),
        }
    }

    /// Makes a part of the spare, if a move has come to segment `index` and that one or the next is not there.
    /// Returns whether there was one to make.
    #[inline]
    pub(super) fn prepare(&self, index: usize) -> bool {
        if !self.spare.is_due() || !self.is_worth_a_spare() {
            return false;
        }
        let mut coming = self.directory[index..].iter().take(2);
        // Relaxed: a hint.
        let is_absent = |place: &AtomicPtr<Header>| place.load(Ordering::Relaxed).is_null();
        coming.any(is_absent) && self.spare.advance(self.shape)
    }

    /// Whether it takes long to zero one of its segments.
    #[inline]
    pub(super) fn is_worth_a_spare(&self) -> bool {
        Raw::size(self.shape) > 2 * PAGE
    }

    /// Frees the spare, if there is one, when all entries have come.
    pub(super) fn drop_spare(&self) {
        drop(self.spare.take());
    }

    #[cfg(all(test, not(shuttle)))]
    pub(super) fn has_whole_spare(&self) -> bool {
        self.spare.is_there() && !self.spare.is_due()
    }

    /// Bytes of the spare, if there is one.
    pub(super) fn spare_bytes(&self) -> usize {
        if self.spare.is_there() { Raw::size(self.shape) } else { 0 }
    }

    /// Marks a segment as moved that is not there, so that it never will be. Fails if it is there.
    pub(super) fn seal(&self, segment: usize) -> bool {
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        let place = &self.directory[segment];
        // Release: that there is a next table; pairs with the Acquire of `segment`.
        place.compare_exchange(ptr::null_mut(), moved(), release, relaxed).is_ok()
    }

    /// Marks a segment as moved whose chunks all are. If nobody else did, returns it as garbage.
    ///
    /// # Safety
    /// - Every chunk of it has moved.
    pub(super) unsafe fn leave(&self, index: usize) -> Option<Garbage> {
        let Spot::Here(segment) = self.segment(index) else { return None };
        let start = segment.start.as_ptr();
        // Release: what the moved heads said; pairs with the Acquire of `segment`.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        let left = self.directory[index].compare_exchange(start, moved(), release, relaxed);
        unsafe fn free_segment(start: *mut ()) {
            // SAFETY:
            // - from `into_start`; freed once, by the contract of `Garbage`.
            drop(unsafe { Raw::from_start(start.cast()) });
        }
        // SAFETY:
        // - unlinked just now, by this thread: once. It owns neither entries nor buckets, for all
        //   its chunks have moved.
        left.is_ok().then(|| unsafe { Garbage::new(start.cast(), free_segment, segment.bytes()) })
    }

    /// Looks from where the last look ended for the first segment that has not moved.
    pub(super) fn first_unmoved(&self) -> Option<usize> {
        // Acquire: what the directory said before it, which is not looked at again; pairs with the
        // Release below.
        let from = self.progress.segments.load(Ordering::Acquire);
        let mut rest = from..self.shape.segments();
        let first = rest.find(|&index| !matches!(self.segment(index), Spot::Moved));
        let now = first.unwrap_or(self.shape.segments());
        if now != from {
            // It may go back, as in a segment.
            self.progress.segments.store(now, Ordering::Release);
        }
        first
    }

    /// Counts a chunk that went to a bucket.
    pub(super) fn count_bucket(&self) {
        // Relaxed: a statistic.
        self.progress.buckets.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn next(&self) -> Option<&Table<S>> {
        let next = self.next_address();
        // SAFETY:
        // - null or from a box, by `set_next`. A table is retired only once another one is the root,
        //   which it can be only once it was itself: so after this one was retired, and the guard
        //   that this one was reached under keeps it.
        unsafe { next.as_ref() }
    }

    pub(super) fn next_address(&self) -> *mut Table<S> {
        // Acquire: the table; pairs with the Release of `set_next`.
        self.next.load(Ordering::Acquire)
    }

    /// The next table, of one that was seen to have one.
    pub(super) fn moved_to(&self) -> &Table<S> {
        // PANICS: never: chunks and segments move only once there is a next table, and who reads
        // that they have sees it.
        self.next().expect("a table that entries moved to")
    }

    /// Begins the move to `next`, unless one has begun.
    pub(super) fn set_next(&self, next: Box<Self>) {
        let next = Box::into_raw(next);
        // Release: the table; pairs with the Acquire of `next`.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if self.next.compare_exchange(ptr::null_mut(), next, release, relaxed).is_err() {
            // SAFETY:
            // - made above, and not published.
            drop(unsafe { Box::from_raw(next) });
        }
    }

    /// A table as garbage. Not its segments.
    ///
    /// # Safety
    /// - The table came from a box, was unlinked, and nobody else turns it into garbage.
    pub(super) unsafe fn garbage(table: *mut Self) -> Garbage {
        // SAFETY:
        // - from a box, so not null; one free for each table: the contract of this function.
        unsafe { Garbage::of_box(NonNull::new_unchecked(table)) }
    }

    /// Frees all segments and buckets. Not the entries.
    ///
    /// # Safety
    /// - Nobody else can reach the table, now or later.
    pub(super) unsafe fn free_segments(&mut self) {
        for index in 0..self.shape.segments() {
            if let Spot::Here(segment) = self.segment(index) {
                for chunk in 0..self.shape.segment_chunks() {
                    // SAFETY:
                    // - alone, by the contract; each chunk is visited once.
                    unsafe { segment.chunk(chunk).free_bucket() };
                }
                let start = segment.start.as_ptr();
                *self.directory[index].get_mut() = ptr::null_mut();
                // SAFETY:
                // - from `into_start`, alone, and no longer in the directory.
                drop(unsafe { Raw::from_start(start) });
            }
        }
    }
}
