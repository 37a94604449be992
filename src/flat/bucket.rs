//! Buckets: slots of their own for a chunk that has no room left, and the word that leads to them.
//!
//! A chunk whose slots are used up while the table is not full is frozen, and its live entries are
//! copied to a bucket of fitting size, which takes its place; when that is used up, another one takes
//! its place. So a key that comes and goes all the time costs a copy of one chunk now and then, and not
//! a move of the table; and hashes that are all the same fill one bucket that doubles.
#![expect(unsafe_code, reason = "a bucket is a header with slots behind it")]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::line::{LINE_SLOTS, Line};
use super::probe::{Lines, home};
use super::slot::{UNUSED_BITS, Word};
use super::store::Store;
use crate::reclaim::Garbage;
use crate::sync::{AtomicPtr, Ordering};

/// The header of a bucket. The lines follow it.
#[repr(C, align(8))]
pub(super) struct Bucket<S: Store> {
    /// Number of lines, a power of two.
    len: usize,
    lines: [Line<S>; 0],
}

/// The shift by which a hash tells its home line in a bucket: bits that its tag does not depend on.
const HOME_SHIFT: u32 = 7 + UNUSED_BITS;

impl<S: Store> Bucket<S> {
    fn layout(len: usize) -> Layout {
        let lines = Layout::array::<Line<S>>(len);
        // PANICS: never: so many entries as would ask for it do not fit into memory.
        let layout = lines.and_then(|lines| Layout::new::<Self>().extend(lines));
        layout.expect("capacity overflow").0
    }

    /// The lines of a bucket.
    ///
    /// # Safety
    /// - The bucket came from [`OwnBucket::into_raw`], and stays allocated for `'g`.
    unsafe fn lines<'g>(bucket: NonNull<Self>) -> &'g [Line<S>] {
        // SAFETY:
        // - `OwnBucket::new` allocated `len` lines behind the header and zeroed them, which makes
        //   them valid; `len` never changes; allocated for `'g`, by the contract.
        unsafe {
            let first = (&raw const (*bucket.as_ptr()).lines).cast();
            std::slice::from_raw_parts(first, bucket.as_ref().len)
        }
    }

    /// A bucket as garbage. Its entries are not freed with it: they live on in its copy.
    ///
    /// # Safety
    /// - The bucket came from [`OwnBucket::into_raw`], was unlinked, and nobody else turns it into
    ///   garbage.
    unsafe fn garbage(bucket: NonNull<Self>) -> Garbage {
        unsafe fn free<S: Store>(bucket: *mut ()) {
            // SAFETY:
            // - from `into_raw`; freed once, by the contract of `Garbage`.
            drop(unsafe { OwnBucket::<S>::from_raw(bucket.cast()) });
        }
        // SAFETY:
        // - not freed, and one free for each bucket: the contract of this function.
        unsafe {
            let bytes = Self::layout(bucket.as_ref().len).size();
            Garbage::new(bucket.as_ptr().cast(), free::<S>, bytes)
        }
    }
}

/// A bucket that nobody else can see. INVARIANT: allocated by [`Self::new`].
pub(super) struct OwnBucket<S: Store>(NonNull<Bucket<S>>);

impl<S: Store> OwnBucket<S> {
    /// A bucket of empty lines; their number must be a power of two.
    fn new(len: usize) -> Self {
        assert!(len.is_power_of_two());
        let layout = Bucket::<S>::layout(len);
        // SAFETY:
        // - the layout has a header at least, so its size is not zero.
        let memory = unsafe { alloc_zeroed(layout) };
        let Some(bucket) = NonNull::new(memory.cast::<Bucket<S>>()) else {
            handle_alloc_error(layout)
        };
        // SAFETY:
        // - just allocated, with room for the header.
        unsafe { (&raw mut (*bucket.as_ptr()).len).write(len) };
        Self(bucket)
    }

    /// A bucket for these entries, with a third of its slots free at least, and no fewer lines than
    /// `least`.
    ///
    /// # Safety
    /// - The entries are not freed.
    pub(super) unsafe fn of(entries: &[Live<S>], least: usize) -> Self {
        let mut bucket = Self::new(bucket_len(entries.len(), least));
        let lines = bucket.lines_mut();
        let mask = lines.len() - 1;
        for live in entries {
            let mut at = home(live.hash, HOME_SHIFT, lines.len());
            // SAFETY:
            // - not freed, by the contract.
            while unsafe { lines[at].fill(live) }.is_err() {
                at = (at + 1) & mask;
            }
        }
        bucket
    }

    fn lines_mut(&mut self) -> &mut [Line<S>] {
        // SAFETY:
        // - as in `Bucket::lines`; nobody else can see the bucket, so the lines are this borrow's
        //   alone.
        unsafe {
            let first = (&raw mut (*self.0.as_ptr()).lines).cast();
            std::slice::from_raw_parts_mut(first, self.0.as_ref().len)
        }
    }

    fn into_raw(self) -> NonNull<Bucket<S>> {
        ManuallyDrop::new(self).0
    }

    /// # Safety
    /// - `bucket` came from [`Self::into_raw`], and nobody else can see it or will free it.
    unsafe fn from_raw(bucket: *mut Bucket<S>) -> Self {
        // SAFETY:
        // - what `into_raw` returned is not null.
        Self(unsafe { NonNull::new_unchecked(bucket) })
    }
}

impl<S: Store> Drop for OwnBucket<S> {
    fn drop(&mut self) {
        // SAFETY:
        // - allocated by `new` with this layout, and freed once: nobody else can see it. Slots have
        //   no destructor.
        unsafe {
            let layout = Bucket::<S>::layout(self.0.as_ref().len);
            dealloc(self.0.as_ptr().cast(), layout);
        }
    }
}

fn bucket_len(entries: usize, least: usize) -> usize {
    (entries + entries / 2 + 1).div_ceil(LINE_SLOTS).next_power_of_two().max(least)
}

/// A live entry that is being copied.
pub(crate) struct Live<S: Store> {
    pub(super) hash: u64,
    /// Not frozen.
    pub(super) word: Word<S>,
    pub(super) entry: NonNull<S::Entry>,
}

/// What a chunk left when its entries came to be somewhere else: lines that are frozen, and nobody reaches any
/// more.
pub(super) struct Left<'g, S: Store> {
    lines: Lines<'g, S>,
    /// That of the lines, if they are not the chunk's own.
    bucket: Option<NonNull<Bucket<S>>>,
}

impl<S: Store> Left<'_, S> {
    /// Whether the lines are the chunk's own.
    pub(super) fn is_own(&self) -> bool {
        self.bucket.is_none()
    }

    /// Calls `retire` with all that is garbage now: the bucket, and the entries if their copies are what counts.
    ///
    /// # Safety
    /// - Called once for what [`Chunk::swing`] or [`Chunk::set_moved`] returned.
    pub(super) unsafe fn retire(self, mut retire: impl FnMut(Garbage)) {
        if !S::STAYS {
            for slot in self.lines.slots() {
                // SAFETY:
                // - in a slot, so from the store; frozen, so it is the only slot that ever had this copy; only
                //   the thread that announced the other copies comes here, once.
                unsafe { S::garbage(slot.load()) }.map(&mut retire);
            }
        }
        if let Some(bucket) = self.bucket {
            // SAFETY:
            // - heads name only buckets that came from `into_raw`, and this one was taken out by this
            //   thread's CAS.
            retire(unsafe { Bucket::garbage(bucket) });
        }
    }
}

/// Set when the chunk is claimed for the move to the next table: no bucket takes its place any more.
const MOVING: usize = 1;
/// The chunk's entries are in the next table.
const MOVED: usize = 2;
const FLAGS: usize = MOVING | MOVED;

/// The word of a chunk that says where its entries are:
///
/// | word | the entries are |
/// |---|---|
/// | zero | in the chunk's own slots |
/// | a bucket | there; the chunk's own slots are frozen |
/// | either with `MOVING` | there still, and will be in the next table |
/// | `MOVED` | in the next table |
///
/// Who finds a slot that is not frozen does not need to look here.
#[repr(transparent)]
pub(super) struct Head<S: Store>(AtomicPtr<Bucket<S>>);

/// What a [`Head`] holds.
pub(super) struct HeadWord<S: Store>(*mut Bucket<S>);

impl<S: Store> Clone for HeadWord<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Store> Copy for HeadWord<S> {}

impl<S: Store> HeadWord<S> {
    fn with(self, flags: usize) -> Self {
        Self(self.0.map_addr(|bits| bits | flags))
    }

    pub(super) fn is_moving(self) -> bool {
        self.0.addr() & MOVING != 0
    }

    pub(super) fn is_moved(self) -> bool {
        self.0.addr() & MOVED != 0
    }

    pub(super) fn bucket(self) -> Option<NonNull<Bucket<S>>> {
        NonNull::new(self.0.map_addr(|bits| bits & !FLAGS))
    }

    /// The lines that the word names, of a chunk with these of its own.
    ///
    /// # Safety
    /// - The word was read from the chunk's head under the guard that `own` was reached under.
    unsafe fn lines<'g>(self, own: Lines<'g, S>) -> Lines<'g, S> {
        match self.bucket() {
            // SAFETY:
            // - a bucket that a head names came from `into_raw`. It is retired only once no head
            //   names it, so the guard keeps it for `'g`.
            // - `Lines`: reached under the guard, and a power of two by `OwnBucket::new`.
            Some(bucket) => unsafe { Lines::new(Bucket::lines(bucket), HOME_SHIFT) },
            None => own,
        }
    }
}

impl<S: Store> Head<S> {
    pub(super) fn load(&self) -> HeadWord<S> {
        // Acquire: a bucket, whole; or that the entries are in the next table, and that there is one.
        // Pairs with the Release of `replace`.
        HeadWord(self.0.load(Ordering::Acquire))
    }

    fn replace(&self, old: HeadWord<S>, new: HeadWord<S>) -> bool {
        // Release: what `load` says.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        self.0.compare_exchange(old.0, new.0, release, relaxed).is_ok()
    }
}

/// A chunk of a table. INVARIANT: both parts belong to it, and were reached under a guard that
/// lives as long as `'g`.
pub(super) struct Chunk<'g, S: Store> {
    own: Lines<'g, S>,
    head: &'g Head<S>,
}

impl<S: Store> Clone for Chunk<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Store> Copy for Chunk<'_, S> {}

/// Where a chunk's entries are.
pub(super) enum Truth<'g, S: Store> {
    Here(Trusted<'g, S>),
    /// In the next table.
    Moved,
}

/// Slots that a chunk's head named. INVARIANT: it did so at a moment at which the guard was held that
/// they were reached under.
///
/// That is what makes it safe to look at the entries of frozen slots. Such an entry can be removed
/// only where it was copied to, and that happens only once the head no longer names these slots:
/// so it was unlinked after that moment, and the guard keeps it. (In frozen slots that no head
/// names any more there may be entries that were freed long ago.) Model:
/// `a_reader_of_frozen_slots_meets_no_freed_entry`.
pub(super) struct Trusted<'g, S: Store> {
    lines: Lines<'g, S>,
    word: HeadWord<S>,
}

impl<S: Store> Clone for Trusted<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S: Store> Copy for Trusted<'_, S> {}

impl<'g, S: Store> Trusted<'g, S> {
    #[inline]
    pub(super) fn lines(self) -> Lines<'g, S> {
        self.lines
    }

    /// Whether the move to the next table has claimed them.
    pub(super) fn is_moving(self) -> bool {
        self.word.is_moving()
    }
}

impl<'g, S: Store> Chunk<'g, S> {
    /// # Safety
    /// - `own` and `head` belong to one chunk of a table, and were reached under one guard.
    #[inline]
    pub(super) unsafe fn new(own: Lines<'g, S>, head: &'g Head<S>) -> Self {
        Self { own, head }
    }

    /// The chunk's own lines.
    #[inline]
    pub(super) fn own(self) -> Lines<'g, S> {
        self.own
    }

    /// What the head holds, for those who are alone with the table, and for hints.
    pub(super) fn head(self) -> HeadWord<S> {
        self.head.load()
    }

    /// Where the chunk's entries are, for who met a frozen slot.
    pub(super) fn truth(self) -> Truth<'g, S> {
        let word = self.head.load();
        if word.is_moved() {
            return Truth::Moved;
        }
        // SAFETY:
        // - just read, under the guard that the chunk was reached under. That makes it `Trusted` too.
        Truth::Here(Trusted { lines: unsafe { word.lines(self.own) }, word })
    }

    /// Claims the chunk for the move to the next table: from now on the slots that the head names
    /// stay the same until they are moved.
    pub(super) fn claim(self) -> Truth<'g, S> {
        loop {
            let Truth::Here(trusted) = self.truth() else {
                return Truth::Moved;
            };
            let word = trusted.word.with(MOVING);
            if trusted.word.is_moving() || self.head.replace(trusted.word, word) {
                return Truth::Here(Trusted { word, ..trusted });
            }
        }
    }

    /// Says that the entries are in the next table, where they are by now. If nobody else did, returns
    /// what is left.
    pub(super) fn set_moved(self) -> Option<Left<'g, S>> {
        let Truth::Here(Trusted { lines, word }) = self.truth() else { return None };
        debug_assert!(word.is_moving());
        let moved = HeadWord(ptr::without_provenance_mut(MOVED));
        self.head.replace(word, moved).then(|| Left { lines, bucket: word.bucket() })
    }

    /// Puts a bucket in the place of slots, all of which are frozen and copied. Returns what is left.
    /// Fails if another thread was first.
    pub(super) fn swing(self, from: Trusted<'g, S>, to: OwnBucket<S>) -> Option<Left<'g, S>> {
        debug_assert!(!from.is_moving());
        let bucket = to.into_raw();
        if self.head.replace(from.word, HeadWord(bucket.as_ptr())) {
            return Some(Left { lines: from.lines, bucket: from.word.bucket() });
        }
        // SAFETY:
        // - made above, and not published.
        let mut bucket = unsafe { OwnBucket::from_raw(bucket.as_ptr()) };
        for line in bucket.lines_mut() {
            for (index, slot) in line.slots().iter().enumerate() {
                let word = slot.load();
                if word.is_live() {
                    // SAFETY:
                    // - `OwnBucket::of` had it from `carry`, and nobody else has seen it.
                    unsafe { S::drop_carried(word, line.cells(), index) };
                }
            }
        }
        None
    }

    /// Frees the chunk's bucket, if it has one.
    ///
    /// # Safety
    /// - Nobody else can reach the table, now or later, and the chunk is not used again.
    pub(super) unsafe fn free_bucket(self) {
        if let Some(bucket) = self.head.load().bucket() {
            // SAFETY:
            // - a bucket that a head names came from `into_raw`; alone, by the contract.
            drop(unsafe { OwnBucket::from_raw(bucket.as_ptr()) });
        }
    }
}
