//! The bucket: a state word, a word of tags, and up to seven slots of plain words. No other module touches a slot.
//!
//! ```text
//! | state | tags | slot | slot | …       64, 128 or 256 bytes, on cache lines of its own
//! state = version | number of the spill bucket | FROZEN | BUSY | live bits of the spill bucket and of this one
//! ```
//!
//! A full bucket links a *spill bucket* of the same layout, whose state word is not used: one state word governs both.
//!
//! # Protocol
//!
//! 1. *A live slot is never written.* Writers write dead slots, then flip live bits. So a frozen bucket can be read
//!    forever. Only a map that is borrowed exclusively and shares nothing lends values in their slots mutably.
//! 2. *Claim*: a writer searches under a state that has neither `BUSY` nor `FROZEN`, then sets `BUSY` by a CAS of
//!    exactly that state. From then on it alone may write dead slots and the tag words. The tags of live slots keep
//!    their values.
//! 3. *Publish*: a CAS from the claimed state to the next one. It sets the live bit of the written slot, clears that of
//!    the replaced one, increments the version and clears `BUSY`. It fails only if the bucket was frozen. A *removal*
//!    is one CAS that clears a live bit and increments the version.
//! 4. *A dead slot can be reused at once.* An insertion leaves one slot free, so that entries of a full bucket can
//!    still be replaced.
//! 5. *A claim can be revoked* by freezing the bucket. The owner's publication then fails, and what it wrote stays
//!    dead.
//! 6. *A reader* loads the state, matches tags, reads the slot, and loads the state again. If live bits and version are
//!    the same, the slot was live, and was not written in between. A miss is validated in the same way.
//! 7. *No state occurs twice*: when the version would wrap around, the writer asks for a new leaf instead.
//!
//! User code never runs between claim and publication.
//!
//! # Orderings
//!
//! | write | read | publishes |
//! |---|---|---|
//! | state, by `put` and `remove` (Release) | [`Bucket::load`] (Acquire) | slots and tags; an entry behind a slot |
//! | slot and tags, under a claim (Release) | [`Seen::is_current`] (Acquire fence) | the claim |
//!
//! The second row makes validation work. Suppose that a reader has read a word written under a later claim. After the
//! fence it sees the state of that claim or a later one. The slot was live when the reader began, so it has died in
//! between, and the version is higher. Every state is written by a read-modify-write, so an Acquire load synchronizes
//! with the publication of every slot that is live in it.
//!
//! Models: `tests/models/core.rs`. Planted: `no_validation`, `no_version`, `no_claim`, `publish_frozen`, `no_freeze`,
//! `reuse_live`.
#![expect(unsafe_code, reason = "a bucket is laid out in raw memory by the size of its slots")]

mod tags;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::prefetch;
use crate::sync::{AtomicU64, Ordering, fence, planted, stall_point};

/// What a slot holds: a few plain words.
pub(crate) trait Slot: Copy {
    /// The memory of a slot.
    type Cell;

    /// Percent of the home slots that a new leaf fills: weighs the cost of free slots against that of copying sooner.
    const FILL: usize;

    /// Reads the words one by one. The result has a meaning only once it has been validated.
    fn read(cell: &Self::Cell) -> Self;

    /// Writes the words one by one, each with Release.
    fn write(cell: &Self::Cell, value: Self);
}

const BUSY: u64 = 1 << 14;
const FROZEN: u64 = 1 << 15;
const LINK_SHIFT: u32 = 16;
const LINK: u64 = 0xff << LINK_SHIFT;
/// The unit of the version within a state.
const VERSION: u64 = 1 << 24;
const LIVE: u64 = (1 << (2 * MOST_SLOTS)) - 1;

/// The most slots of a bucket. Also the distance between the live bits of a bucket and those of its spill bucket.
const MOST_SLOTS: u32 = 7;

/// The most entries of a bucket and its spill bucket.
pub(crate) const MOST_ENTRIES: usize = 2 * MOST_SLOTS as usize;

/// The most spill buckets that the buckets of one leaf can link.
pub(crate) const MOST_SPILLS: usize = 0xff;

/// The alignment of buckets: a cache line.
pub(crate) const ALIGN: usize = 64;

/// Offset of the first slot.
const SLOTS_AT: usize = 16;

/// The layout of buckets with slots of type `T`.
pub(crate) struct Geometry<T>(PhantomData<T>);

impl<T: Slot> Geometry<T> {
    const CELL: usize = size_of::<T::Cell>();

    const fn slots_in(bytes: usize) -> usize {
        match (bytes - SLOTS_AT).checked_div(Self::CELL) {
            Some(room) if room < MOST_SLOTS as usize => room,
            _ => MOST_SLOTS as usize,
        }
    }

    /// Bytes of a bucket: one, two or four cache lines, whichever needs the least memory per entry.
    pub(crate) const BYTES: usize = {
        let mut best = 256;
        let mut bytes = 128;
        while bytes >= 64 {
            // One slot stays free.
            let (slots, best_slots) = (Self::slots_in(bytes), Self::slots_in(best));
            if slots > 1 && bytes * (best_slots - 1) <= best * (slots - 1) {
                best = bytes;
            }
            bytes /= 2;
        }
        best
    };

    /// Slots of a bucket.
    pub(crate) const SLOTS: u32 = {
        assert!(Self::CELL <= 64, "key and value of an entry in its slot take 64 bytes at most");
        assert!(
            align_of::<T::Cell>() <= 16,
            "key and value of an entry in its slot have 16-byte alignment at most"
        );
        if cfg!(shuttle) { 3 } else { Self::slots_in(Self::BYTES) as u32 }
    };

    /// The live bits of a bucket without its spill bucket.
    const HOME: u64 = (1 << Self::SLOTS) - 1;

    const SPILL: u64 = Self::HOME << MOST_SLOTS;
}

/// A reference to a bucket.
pub(crate) struct Bucket<'g, T> {
    start: NonNull<u8>,
    /// The spill buckets of the leaf.
    spills: NonNull<u8>,
    _bucket: PhantomData<&'g T>,
}

impl<T> Clone for Bucket<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Bucket<'_, T> {}

/// A slot: the value that was read from it, and its memory.
pub(crate) struct Held<'g, T: Slot> {
    pub(crate) cell: &'g T::Cell,
    pub(crate) now: T,
}

impl<T: Slot> Clone for Held<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Held<'_, T> {}

/// A live slot that a search found.
pub(crate) struct Hit<'g, T: Slot> {
    /// Its live bit.
    bit: u64,
    pub(crate) slot: Held<'g, T>,
}

impl<T: Slot> Clone for Hit<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Hit<'_, T> {}

/// The result of a search.
pub(crate) enum Search<'g, T: Slot> {
    Found(Hit<'g, T>),
    Absent,
    /// The bucket changed meanwhile.
    Changed,
}

/// Where an entry can be put.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// The live bit of the slot.
    bit: u64,
    /// Whether the slot belongs to the spill bucket.
    spilled: bool,
    /// The number of a spill bucket to link, shifted to its place in the state.
    link: u64,
}

impl<'g, T: Slot> Bucket<'g, T> {
    /// # Safety
    /// - `start` is a bucket over `T` that was initialized, aligned, and stays allocated for `'g`.
    /// - `spills` are the spill buckets of its leaf; no link has a number beyond them.
    /// - All memory between the two consists of such buckets of the same leaf.
    #[inline]
    pub(crate) unsafe fn new(start: NonNull<u8>, spills: NonNull<u8>) -> Self {
        Self { start, spills, _bucket: PhantomData }
    }

    /// The bucket that many places behind this one in the leaf.
    #[inline]
    pub(crate) fn behind(self, places: usize) -> Option<Self> {
        let bytes = places * Geometry::<T>::BYTES;
        let left = usize::from(self.spills.addr()) - usize::from(self.start.addr());
        // SAFETY:
        // - in bounds, and a bucket like this one: by `new`.
        (bytes < left).then(|| Self { start: unsafe { self.start.add(bytes) }, ..self })
    }

    #[inline]
    fn state(self) -> &'g AtomicU64 {
        // SAFETY:
        // - initialized, aligned and allocated for `'g`: by `new`.
        unsafe { self.start.cast().as_ref() }
    }

    /// The tags of the bucket, or of its spill bucket.
    #[inline]
    fn tags(start: NonNull<u8>) -> &'g AtomicU64 {
        // SAFETY:
        // - called with a bucket or a spill bucket, whose second word holds its tags.
        unsafe { start.add(8).cast().as_ref() }
    }

    /// # Safety
    /// - `start` is the bucket or its spill bucket, and `index` is that of one of its slots.
    #[inline]
    unsafe fn cell(start: NonNull<u8>, index: u32) -> &'g T::Cell {
        debug_assert!(index < Geometry::<T>::SLOTS);
        // SAFETY:
        // - in bounds and aligned: the geometry has this many slots. A cell consists of atomic words, so any content is
        //   valid.
        unsafe { start.add(SLOTS_AT + index as usize * Geometry::<T>::CELL).cast().as_ref() }
    }

    /// The spill bucket that a state links.
    #[inline]
    fn spill(self, state: u64) -> Option<NonNull<u8>> {
        let number = ((state & LINK) >> LINK_SHIFT) as usize;
        // SAFETY:
        // - in bounds: by `new`, no link has a number beyond the leaf's spill buckets.
        (number > 0).then(|| unsafe { self.spills.add((number - 1) * Geometry::<T>::BYTES) })
    }

    /// The memory of the slot of a live bit.
    ///
    /// # Safety
    /// - The bit is a live bit of [`Geometry`]. If it belongs to the spill bucket, `state` links one.
    #[inline]
    unsafe fn cell_of(self, state: u64, bit: u64) -> &'g T::Cell {
        let index = bit.trailing_zeros();
        // SAFETY:
        // - the slot exists: promised by the caller.
        unsafe {
            if index < MOST_SLOTS {
                Self::cell(self.start, index)
            } else {
                Self::cell(self.spill(state).unwrap_unchecked(), index - MOST_SLOTS)
            }
        }
    }

    /// Prefetches the cache lines other than that of the state.
    #[inline]
    pub(crate) fn prefetch_slots(self) {
        for line in 1..const { Geometry::<T>::BYTES / 64 } {
            prefetch::read(self.start.as_ptr().wrapping_add(line * 64));
        }
    }

    /// Prefetches all cache lines.
    #[inline]
    pub(crate) fn prefetch(self) {
        prefetch::read(self.start.as_ptr());
        self.prefetch_slots();
    }

    /// Reads the state.
    #[inline]
    pub(crate) fn load(self) -> Seen<'g, T> {
        Seen { bucket: self, state: State(self.state()).load() }
    }

    /// Freezes the bucket, if it is not frozen yet, and reads its state.
    #[inline]
    pub(crate) fn observe(self) -> Seen<'g, T> {
        Seen { bucket: self, state: State(self.state()).observe() }
    }
}

/// The state of a bucket over slots of any type.
#[derive(Clone, Copy)]
pub(crate) struct State<'g>(&'g AtomicU64);

impl<'g> State<'g> {
    /// # Safety
    /// - `start` is a bucket that was initialized, aligned, and stays allocated for `'g`.
    pub(crate) unsafe fn new(start: NonNull<u8>) -> Self {
        // SAFETY:
        // - promised by the caller: a bucket begins with its state.
        Self(unsafe { start.cast().as_ref() })
    }

    /// Number of entries.
    pub(crate) fn count(self) -> usize {
        // Relaxed: nothing is read by this number.
        (self.0.load(Ordering::Relaxed) & LIVE).count_ones() as usize
    }

    /// Freezes the bucket, if it is not frozen yet. Returns the number of entries.
    pub(crate) fn freeze(self) -> usize {
        (self.observe() & LIVE).count_ones() as usize
    }

    #[inline]
    fn load(self) -> u64 {
        // Acquire: slots, tags and entries; see the table above.
        self.0.load(Ordering::Acquire)
    }

    #[inline]
    fn observe(self) -> u64 {
        let seen = self.load();
        if seen & FROZEN != 0 {
            return seen;
        }
        stall_point("seen bucket");
        // Acquire: as in `load`. Release: publishes nothing; any read-modify-write continues the releases before it.
        self.0.fetch_or(FROZEN, Ordering::AcqRel) | FROZEN
    }
}

/// The live slots of a bucket or of a spill bucket.
///
/// INVARIANT: each bit of `slots` is an existing slot of the bucket at `start`.
struct Live {
    start: NonNull<u8>,
    slots: u64,
    /// The live bit of the first slot, as a number.
    first: u32,
}

/// A bucket with a state that was read from it.
///
/// INVARIANT: `state` was read with Acquire, or written by this thread.
pub(crate) struct Seen<'g, T> {
    bucket: Bucket<'g, T>,
    state: u64,
}

impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Seen<'_, T> {}

impl<'g, T: Slot> Seen<'g, T> {
    #[inline]
    pub(crate) fn is_frozen(self) -> bool {
        self.state & FROZEN != 0
    }

    /// Whether a writer has claimed the bucket.
    #[inline]
    pub(crate) fn is_busy(self) -> bool {
        self.state & BUSY != 0
    }

    /// Whether the state can be changed by a CAS.
    #[inline]
    pub(crate) fn is_open(self) -> bool {
        self.state & (BUSY | FROZEN) == 0
    }

    /// Number of entries.
    pub(crate) fn count(self) -> usize {
        (self.state & LIVE).count_ones() as usize
    }

    #[inline]
    pub(crate) fn is_empty(self) -> bool {
        self.state & LIVE == 0
    }

    /// Whether both states have the same version.
    pub(crate) fn is_version_of(self, other: Self) -> bool {
        (self.state ^ other.state) & !(VERSION - 1) == 0
    }

    /// Whether the bucket still has the entries of this state, after its slots were read.
    #[inline]
    fn is_current(self) -> bool {
        if planted("no_validation") {
            return true;
        }
        // Acquire: the claims under which the words just read were written; see the table above.
        fence(Ordering::Acquire);
        let now = self.bucket.state().load(Ordering::Relaxed);
        (now ^ self.state) & !(BUSY | FROZEN) == 0
    }

    /// Reads the slot of a live bit.
    ///
    /// # Safety
    /// - The bit is live in this state.
    #[inline]
    unsafe fn read(self, bit: u64) -> Held<'g, T> {
        debug_assert_eq!(self.state & bit, bit);
        // SAFETY:
        // - only existing slots become live, and those of a spill bucket only after it was linked.
        let cell = unsafe { self.bucket.cell_of(self.state, bit) };
        crate::sync::shared_access();
        Held { cell, now: T::read(cell) }
    }

    /// The live slots of the bucket itself.
    #[inline]
    fn home(self) -> Live {
        Live { start: self.bucket.start, slots: self.state & Geometry::<T>::HOME, first: 0 }
    }

    /// The live slots of the spill bucket, if there are any.
    #[inline]
    fn spilled(self) -> Option<Live> {
        let slots = (self.state & Geometry::<T>::SPILL) >> MOST_SLOTS;
        // Tested first, so that the place of a spill bucket is not computed for nothing.
        if slots == 0 {
            return None;
        }
        Some(Live { start: self.bucket.spill(self.state)?, slots, first: MOST_SLOTS })
    }

    /// Folds the slots of all entries, each with the number of its live bit.
    #[inline]
    fn fold<B>(self, init: B, mut f: impl FnMut(B, u32, Held<'g, T>) -> B) -> B {
        let mut result = init;
        let Live { mut start, mut slots, mut first } = self.home();
        loop {
            while slots != 0 {
                let index = slots.trailing_zeros();
                slots &= slots - 1;
                // SAFETY:
                // - live in this state, so the slot exists: invariant of `Live`.
                let cell = unsafe { Bucket::<T>::cell(start, index) };
                crate::sync::shared_access();
                result = f(result, first + index, Held { cell, now: T::read(cell) });
            }
            match self.spilled().filter(|_| first == 0) {
                Some(spill) => Live { start, slots, first } = spill,
                None => return result,
            }
        }
    }

    /// Finds the live slot that has the tag of the hash and for which `is_it` returns true. `is_it` is called only with
    /// slots that were live.
    #[inline(always)]
    pub(crate) fn find(self, hash: u64, mut is_it: impl FnMut(&T) -> bool) -> Search<'g, T> {
        if let Some(end) = self.find_among(self.home(), hash, &mut is_it) {
            return end;
        }
        // Asked only now: whether a bucket has spilled is as good as random, so a branch on it is hard to predict.
        if let Some(spill) = self.spilled() {
            if let Some(end) = self.find_among(spill, hash, &mut is_it) {
                return end;
            }
        }
        if self.is_current() { Search::Absent } else { Search::Changed }
    }

    /// [`Self::find`] among these slots of this state. `None`: not there, if the state is still current.
    #[inline(always)]
    fn find_among(
        self,
        live: Live,
        hash: u64,
        is_it: &mut impl FnMut(&T) -> bool,
    ) -> Option<Search<'g, T>> {
        // Relaxed: read after the state, and validated.
        let tags = Bucket::<T>::tags(live.start).load(Ordering::Relaxed);
        let mut matches = tags::matching(tags, hash);
        while matches != 0 {
            let index = tags::first(matches);
            matches &= matches - 1;
            if live.slots & (1 << index) != 0 {
                // SAFETY:
                // - live: just tested; so the slot exists, by the invariant of `Live`.
                let cell = unsafe { Bucket::<T>::cell(live.start, index) };
                crate::sync::shared_access();
                let slot = Held { cell, now: T::read(cell) };
                if !self.is_current() {
                    return Some(Search::Changed);
                }
                if is_it(&slot.now) {
                    return Some(Search::Found(Hit { bit: 1 << (live.first + index), slot }));
                }
            }
        }
        None
    }

    /// A slot that [`Self::find`] is likely to read. A hint, not validated.
    #[inline]
    pub(crate) fn candidate(self, hash: u64) -> Option<T> {
        let tags = Bucket::<T>::tags(self.bucket.start).load(Ordering::Relaxed);
        let bit = 1_u64.checked_shl(tags::first(tags::matching(tags, hash)))?;
        // SAFETY:
        // - live: tested here.
        (self.state & Geometry::<T>::HOME & bit != 0).then(|| unsafe { self.read(bit) }.now)
    }

    /// Calls `f` with the slots of the bucket itself. Hints, not validated.
    #[inline]
    pub(crate) fn candidates(self, mut f: impl FnMut(T)) {
        let home = Self { state: self.state & Geometry::<T>::HOME, ..self };
        home.fold((), |(), _, slot| f(slot.now));
    }

    /// A free slot of the bucket itself. A new entry (no `hit`) gets it only if another slot stays free.
    #[inline]
    pub(crate) fn room_at_home(self, hit: Option<Hit<'_, T>>) -> Option<Room> {
        let free = !self.state & Geometry::<T>::HOME;
        let others = free & free.wrapping_sub(1);
        if let Some(hit) = hit.filter(|_| planted("reuse_live")) {
            return Some(Room { bit: hit.bit, spilled: false, link: 0 });
        }
        let enough = if hit.is_some() { free } else { others };
        (enough != 0).then_some(Room { bit: free ^ others, spilled: false, link: 0 })
    }

    /// A free slot of the linked spill bucket.
    pub(crate) fn room_in_spill(self) -> Option<Room> {
        let free = !self.state & Geometry::<T>::SPILL;
        (self.state & LINK != 0 && free != 0).then_some(Room {
            bit: free & free.wrapping_neg(),
            spilled: true,
            link: 0,
        })
    }

    /// Whether a spill bucket can be linked.
    pub(crate) fn may_link(self) -> bool {
        self.state & LINK == 0
    }

    /// The first slot of a spill bucket that will be linked.
    pub(crate) fn room_in_new_spill(self, index: usize) -> Room {
        debug_assert!(self.may_link() && index < MOST_SPILLS);
        Room { bit: 1 << MOST_SLOTS, spilled: true, link: (index as u64 + 1) << LINK_SHIFT }
    }

    /// The version after this one; `None` if there is none left.
    #[inline]
    fn next_version(self) -> Option<u64> {
        let step = if planted("no_version") { 0 } else { VERSION };
        self.state.checked_add(step)
    }

    /// Whether the versions are used up.
    pub(crate) fn is_worn_out(self) -> bool {
        self.next_version().is_none()
    }

    /// Puts an entry into a free slot of a bucket that is neither busy nor frozen, replacing `hit` if there is one.
    /// Fails if the bucket is no longer in this state, or was frozen meanwhile.
    ///
    /// LINEARIZES insert and replace: the second CAS.
    #[inline(always)]
    pub(crate) fn put(
        self,
        room: Room,
        hash: u64,
        value: T,
        hit: Option<Hit<'_, T>>,
    ) -> Option<()> {
        let Self { bucket, state } = self;
        debug_assert!(state & (FROZEN | room.bit) == 0 || planted("reuse_live"));
        let removed = hit.map_or(0, |hit| hit.bit);
        let published = ((self.next_version()? | room.link) & !removed) | room.bit;
        let mut index = room.bit.trailing_zeros();
        let mut start = bucket.start;
        if room.spilled {
            start = bucket.spill(state | room.link)?;
            index -= MOST_SLOTS;
        }
        let tags = Bucket::<T>::tags(start);
        // Relaxed: no thread has written it since `state` was read, if the claim succeeds.
        let all_tags = tags::with(tags.load(Ordering::Relaxed), index, hash);
        // SAFETY:
        // - `Room` is made only for existing slots: of this state, or of the spill bucket that it names.
        let cell = unsafe { Bucket::<T>::cell(start, index) };
        let word = bucket.state();
        let claimed = if planted("no_claim") { state } else { state | BUSY };
        // Acquire: not needed, because the state has been acquired before. The writes below stay after the claim
        // because they are releases.
        if !planted("no_claim")
            && word.compare_exchange(state, claimed, Ordering::Acquire, Ordering::Relaxed).is_err()
        {
            return None;
        }
        stall_point("claimed bucket");
        crate::sync::shared_access();
        T::write(cell, value);
        stall_point("written slot");
        // Release: the claim, for validation.
        tags.store(all_tags, Ordering::Release);
        // Release: the slot, its tag, and the entry behind it.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        let result = word.compare_exchange(claimed, published, release, relaxed);
        if planted("publish_frozen") && result.is_err() {
            word.store(published | FROZEN, Ordering::Release);
            return Some(());
        }
        result.ok().map(drop)
    }

    /// Takes an entry out of a bucket that is neither busy nor frozen, and returns the new state. Fails if the bucket
    /// is no longer in this state.
    ///
    /// LINEARIZES remove.
    #[inline]
    pub(crate) fn remove(self, hit: Hit<'_, T>) -> Option<Self> {
        debug_assert_eq!(self.state & (BUSY | FROZEN), 0);
        let left = self.next_version()? & !hit.bit;
        // Release: what this thread did before, for a thread that misses the entry. Relaxed on failure: nothing is
        // read.
        let word = self.bucket.state();
        word.compare_exchange(self.state, left, Ordering::Release, Ordering::Relaxed).ok()?;
        Some(Self { state: left, ..self })
    }

    /// Reads the entries of a frozen bucket.
    #[inline]
    pub(crate) fn slots(self, into: &mut [MaybeUninit<T>; MOST_ENTRIES]) -> &[T] {
        debug_assert!(self.is_frozen());
        let count = self.fold(0, |count, _, slot| {
            into[count].write(slot.now);
            count + 1
        });
        // SAFETY:
        // - the first `count` were just written; `MaybeUninit<T>` has the layout of `T`.
        unsafe { &*(&raw const into[..count] as *const [T]) }
    }

    /// All entries of this state; `None` if the bucket changed meanwhile.
    #[inline]
    pub(crate) fn contents(self) -> Option<Contents<'g, T>> {
        let mut contents = Contents::none();
        contents.refill(self).then_some(contents)
    }

    /// Removes from both states the entries that have the same place in these two frozen buckets and for which `same`
    /// returns true.
    pub(crate) fn forget_common(&mut self, other: &mut Self, same: impl Fn(&T, &T) -> bool) {
        debug_assert!(self.is_frozen() && other.is_frozen());
        let mut both = self.state & other.state & LIVE;
        while both != 0 {
            let bit = both & both.wrapping_neg();
            both &= both - 1;
            // SAFETY:
            // - live in both.
            let (one, two) = unsafe { (self.read(bit), other.read(bit)) };
            if same(&one.now, &two.now) {
                self.state &= !bit;
                other.state &= !bit;
            }
        }
    }

    /// Checks that live slots have the tags of their hashes.
    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(crate) fn check(self, hash: impl Fn(&T) -> u64) {
        let valid = Geometry::<T>::HOME | Geometry::<T>::SPILL;
        assert_eq!(self.state & LIVE & !valid, 0, "a live bit without a slot");
        self.fold((), |(), index, slot| {
            let start = if index < MOST_SLOTS {
                Some(self.bucket.start)
            } else {
                self.bucket.spill(self.state)
            };
            let tags =
                Bucket::<T>::tags(start.expect("a live slot of a spill bucket that is not linked"));
            let tags = tags.load(Ordering::Relaxed);
            assert_eq!(
                tags,
                tags::with(tags, index % MOST_SLOTS, hash(&slot.now)),
                "a slot with another hash's tag"
            );
        });
    }
}

/// The entries of a bucket and its spill bucket, of one instant.
///
/// INVARIANT: `seen` is frozen, or `read` has what was read from each slot that is live in it, by the number of its bit.
pub(crate) struct Contents<'g, T: Slot> {
    /// Without those that were handed out.
    seen: Seen<'g, T>,
    read: [MaybeUninit<T>; MOST_ENTRIES],
}

impl<T: Slot> Clone for Contents<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Contents<'_, T> {}

impl<'g, T: Slot> Contents<'g, T> {
    /// No entries, of no bucket.
    pub(crate) fn none() -> Self {
        let nowhere = NonNull::dangling();
        let bucket = Bucket { start: nowhere, spills: nowhere, _bucket: PhantomData };
        let seen = Seen { bucket, state: 0 };
        Self { seen, read: [const { MaybeUninit::uninit() }; MOST_ENTRIES] }
    }

    /// Takes all entries of this state. Returns false if the bucket changed meanwhile; the entries then have no
    /// meaning. A frozen bucket does not change, so its entries need no copy.
    #[inline]
    pub(crate) fn refill(&mut self, seen: Seen<'g, T>) -> bool {
        self.seen = seen;
        seen.is_frozen() || self.read_all()
    }

    /// Reads all entries. Returns whether the bucket still has those of this state.
    #[inline(never)]
    fn read_all(&mut self) -> bool {
        let seen = self.seen;
        seen.fold((), |(), index, slot| {
            self.read[index as usize].write(slot.now);
        });
        seen.is_current()
    }

    /// Folds all entries that are left, and leaves none.
    #[inline]
    pub(crate) fn fold_rest<B>(&mut self, init: B, mut f: impl FnMut(B, Held<'g, T>) -> B) -> B {
        let seen = self.seen;
        if seen.is_frozen() {
            self.seen.state = 0;
            return seen.fold(init, |result, _, slot| f(result, slot));
        }
        self.by_ref().fold(init, f)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

impl<'g, T: Slot> Iterator for Contents<'g, T> {
    type Item = Held<'g, T>;

    #[inline]
    fn next(&mut self) -> Option<Held<'g, T>> {
        let seen = self.seen;
        if seen.is_empty() {
            return None;
        }
        // The lowest bit of the state is a live bit.
        let index = seen.state.trailing_zeros();
        self.seen.state &= seen.state - 1;
        // SAFETY:
        // - live in a state of the bucket, so the slot exists; its value was read unless it is frozen: by the
        //   invariant.
        unsafe {
            if seen.is_frozen() {
                return Some(seen.read(1 << index));
            }
            let now = self.read.get_unchecked(index as usize).assume_init();
            Some(Held { cell: seen.bucket.cell_of(seen.state, 1 << index), now })
        }
    }
}

/// A bucket that no other thread can see yet.
pub(crate) struct Draft<T> {
    start: NonNull<u8>,
    spills: NonNull<u8>,
    _bucket: PhantomData<T>,
}

impl<T: Slot> Draft<T> {
    /// # Safety
    /// - As for [`Bucket::new`], and no other thread can reach the bucket or the leaf's spill buckets while this
    ///   exists.
    #[inline]
    pub(crate) unsafe fn new(start: NonNull<u8>, spills: NonNull<u8>) -> Self {
        Self { start, spills, _bucket: PhantomData }
    }

    /// Turns raw memory into an empty bucket or spill bucket.
    ///
    /// # Safety
    /// - `start` is aligned, in bounds of a fresh allocation, and has room for a bucket over `T`.
    #[inline]
    pub(crate) unsafe fn initialize(start: NonNull<u8>) {
        // SAFETY:
        // - promised by the caller. Slots need no initialization: none is read before it is written.
        unsafe {
            start.cast::<AtomicU64>().write(AtomicU64::new(0));
            start.add(8).cast::<AtomicU64>().write(AtomicU64::new(0));
        }
    }

    /// The spill bucket that a state links.
    #[inline]
    fn spill(&self, state: u64) -> Option<NonNull<u8>> {
        Bucket::<T> { start: self.start, spills: self.spills, _bucket: PhantomData }.spill(state)
    }

    #[inline]
    fn word(&mut self, start: NonNull<u8>, at: usize) -> &mut u64 {
        // SAFETY:
        // - state or tags of a bucket that no other thread sees.
        unsafe { start.add(8 * at).cast::<AtomicU64>().as_mut() }.get_mut()
    }

    /// Puts an entry into the bucket itself, or returns it if all slots but one are taken.
    #[inline]
    pub(crate) fn push(&mut self, hash: u64, value: T) -> Result<(), T> {
        let start = self.start;
        let state = *self.word(start, 0);
        let index = (!state).trailing_zeros();
        if index + 1 >= Geometry::<T>::SLOTS {
            return Err(value);
        }
        *self.word(start, 0) = state | 1 << index;
        self.write(start, index, hash, value);
        Ok(())
    }

    /// [`Self::push`] into the linked spill bucket, or else into the one that `link` names.
    pub(crate) fn push_spilled(
        &mut self,
        hash: u64,
        value: T,
        link: impl FnOnce() -> Option<usize>,
    ) -> Result<(), T> {
        let start = self.start;
        let mut state = *self.word(start, 0);
        if state & LINK == 0 {
            let Some(index) = link() else { return Err(value) };
            state |= (index as u64 + 1) << LINK_SHIFT;
        }
        let free = !state & Geometry::<T>::SPILL;
        let Some(spill) = self.spill(state).filter(|_| free != 0) else { return Err(value) };
        let index = free.trailing_zeros();
        *self.word(start, 0) = state | 1 << index;
        self.write(spill, index - MOST_SLOTS, hash, value);
        Ok(())
    }

    /// Whether there is room for another entry. `spill`: the bucket could link a spill bucket.
    pub(crate) fn has_room(&mut self, spill: bool) -> bool {
        let start = self.start;
        let state = *self.word(start, 0);
        let home = !state & Geometry::<T>::HOME;
        let spilled = if state & LINK == 0 { spill } else { !state & Geometry::<T>::SPILL != 0 };
        home & home.wrapping_sub(1) != 0 || spilled
    }

    #[inline]
    fn write(&mut self, start: NonNull<u8>, index: u32, hash: u64, value: T) {
        let tags = self.word(start, 1);
        *tags = tags::with_first(*tags, index, hash);
        // SAFETY:
        // - an existing slot: one of those that the geometry counts.
        T::write(unsafe { Bucket::<T>::cell(start, index) }, value);
    }

    /// Makes the bucket a copy of a frozen one, each entry in its place.
    ///
    /// # Safety
    /// - The leaf has a spill bucket with the number that `from` links, and no bucket has linked it.
    pub(crate) unsafe fn copy(&mut self, from: Seen<'_, T>) {
        debug_assert!(from.is_frozen());
        let spilled = from.state & Geometry::<T>::SPILL != 0;
        let kept = if spilled { LIVE | LINK } else { LIVE };
        let start = self.start;
        *self.word(start, 0) = from.state & kept;
        *self.word(start, 1) = Bucket::<T>::tags(from.bucket.start).load(Ordering::Relaxed);
        let pairs = from.bucket.spill(from.state).zip(self.spill(from.state)).filter(|_| spilled);
        if let Some((theirs, ours)) = pairs {
            *self.word(ours, 1) = Bucket::<T>::tags(theirs).load(Ordering::Relaxed);
        }
        from.fold((), |(), index, slot| {
            let (start, index) = match pairs {
                Some((_, ours)) if index >= MOST_SLOTS => (ours, index - MOST_SLOTS),
                _ => (start, index),
            };
            // SAFETY:
            // - live in `from`, and so a slot of both buckets.
            T::write(unsafe { Bucket::<T>::cell(start, index) }, slot.now);
        });
    }
}
