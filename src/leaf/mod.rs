//! The leaf: a small flat table of buckets.
//!
//! A leaf has 1, 2, 3, 4, 6, 8, 12 … 64 *home buckets* and some *spill buckets* behind them. A key's *path* is the part
//! of its hash that the nodes above have not used. Its highest bits choose the home bucket. A full home bucket links a
//! spill bucket. When none is left, the leaf is rebuilt: all its buckets are frozen, and the entries are copied into a
//! leaf of another size. Buckets are in the order of paths in leaves of every size, so a copy reads and writes in
//! order.
//!
//! A leaf does not know keys. It is given hashes, and closures for everything else.
#![expect(unsafe_code, reason = "the buckets of a leaf are at computed places of its memory")]

mod header;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr::NonNull;

pub(crate) use header::{
    FAN_WIDTH, Header, NODE_ALIGN, RawNode, Shape, allocate, allocated_bytes, bytes_to_read, free,
};

use crate::bucket::{Bucket, Draft, Geometry, MOST_ENTRIES, MOST_SPILLS, Room, Seen, Slot, State};
use crate::sync::Ordering;

/// The size of a leaf, as a code: 1 for a single home bucket, `2n` for `2^n` of them, `2n + 1` for one and a half times
/// `2^n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size(u8);

impl Size {
    pub(crate) const SMALLEST: Self = Self(1);

    /// A leaf that outgrows this size is replaced by a fan of leaves. Under the model checker and Miri, which are slow,
    /// a few entries must be enough for that.
    pub(crate) const LARGEST: Self = Self(match (cfg!(shuttle), cfg!(miri)) {
        (true, _) => 2,
        (_, true) => 6,
        _ => 12,
    });

    const MOST_BUCKETS: usize = 64;

    /// Exclusive upper bound of the codes.
    pub(crate) const CODES: usize = 14;

    /// The size with this code.
    #[inline]
    pub(crate) fn of_code(code: usize) -> Self {
        debug_assert!((1..=Self::LARGEST.0.into()).contains(&code));
        Self(code as u8)
    }

    #[inline]
    pub(crate) fn code(self) -> usize {
        self.0.into()
    }

    /// Number of home buckets.
    #[inline]
    pub(crate) fn buckets(self) -> usize {
        ((2 | self.code() & 1) << (self.code() >> 1)) >> 1
    }

    /// Number of spill buckets: a third of the home buckets. With fewer, leaves would have to grow sooner.
    #[inline]
    pub(crate) fn spills(self) -> usize {
        const { assert!(Self::LARGEST.0 <= 12 && Self::MOST_BUCKETS <= MOST_SPILLS) };
        (self.buckets() + 1) / 3
    }

    /// The next size.
    pub(crate) fn larger(self) -> Option<Self> {
        (self < Self::LARGEST).then_some(Self(self.0 + 1))
    }

    /// All sizes, in order.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        std::iter::successors(Some(Self::SMALLEST), |size| size.larger())
    }

    /// Entries that a leaf of this size is made for: a part of what home buckets take without spilling.
    pub(crate) fn entries<T: Slot>(self) -> usize {
        self.buckets() * (Geometry::<T>::SLOTS as usize - 1) * T::FILL / 100
    }

    /// The entries at which a leaf of this size shrinks: a third of those that it is made for.
    pub(crate) fn few<T: Slot>(self) -> usize {
        if self > Self::SMALLEST { self.entries::<T>() / 3 } else { 0 }
    }

    /// The smallest size, starting with this one, that has room for entries with these paths.
    pub(crate) fn for_paths<T: Slot>(
        self,
        paths: impl Iterator<Item = u64> + Clone,
    ) -> Option<Self> {
        let home = Geometry::<T>::SLOTS as usize - 1;
        let has_room = |size: Self| {
            let mut load = [0_usize; Self::MOST_BUCKETS];
            paths.clone().for_each(|path| load[index(path, size)] += 1);
            let spilled = load.iter().filter(|load| **load > home).count();
            spilled <= size.spills() && load.iter().all(|load| *load <= home + home + 1)
        };
        // No size has room for too many equal hashes.
        if !has_room(Self::LARGEST) {
            return None;
        }
        std::iter::successors(Some(self), |size| size.larger()).find(|size| has_room(*size))
    }

    /// The smallest size that is made for this many entries.
    pub(crate) fn for_entries<T: Slot>(entries: usize) -> Option<Self> {
        Self::all().find(|size| entries <= size.entries::<T>())
    }
}

/// The home bucket that a path belongs to.
#[inline]
fn index(path: u64, size: Size) -> usize {
    (((path >> 32) * size.buckets() as u64) >> 32) as usize
}

/// A reference to a leaf.
pub(crate) struct Leaf<'g, T> {
    buckets: NonNull<u8>,
    size: Size,
    _leaf: PhantomData<&'g T>,
}

impl<T> Clone for Leaf<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Leaf<'_, T> {}

impl<'g, T: Slot> Leaf<'g, T> {
    /// # Safety
    /// - `node` is a leaf over `T` of this size from [`LeafDraft`], and stays allocated for `'g`.
    #[inline]
    pub(crate) unsafe fn new(node: RawNode, size: Size) -> Self {
        Self { buckets: node.body(), size, _leaf: PhantomData }
    }

    pub(crate) fn size(self) -> Size {
        self.size
    }

    fn header(self) -> &'g Header {
        // SAFETY:
        // - the body of a node, which is not freed for `'g`: by `new`.
        unsafe { RawNode::from_body(self.buckets).header() }
    }

    #[inline]
    fn start(self, index: usize) -> NonNull<u8> {
        debug_assert!(index <= self.size.buckets());
        // SAFETY:
        // - in bounds: the leaf has that many home buckets, and spill buckets behind.
        unsafe { self.buckets.add(index * Geometry::<T>::BYTES) }
    }

    #[inline]
    pub(crate) fn nth(self, index: usize) -> Bucket<'g, T> {
        // SAFETY:
        // - made by `LeafDraft`, which initializes all buckets; allocated for `'g`.
        unsafe { Bucket::new(self.start(index), self.start(self.size.buckets())) }
    }

    /// The bucket that a path belongs to.
    #[inline]
    pub(crate) fn bucket(self, path: u64) -> Bucket<'g, T> {
        self.nth(self.index(path))
    }

    #[inline]
    pub(crate) fn index(self, path: u64) -> usize {
        index(path, self.size)
    }

    /// The home buckets.
    pub(crate) fn buckets(self) -> impl Iterator<Item = Bucket<'g, T>> {
        std::iter::successors(Some(self.nth(0)), |bucket| bucket.behind(1))
    }

    /// Number of entries. The buckets are read one after another.
    pub(crate) fn count(self) -> usize {
        self.buckets().map(|bucket| bucket.load().count()).sum()
    }

    /// Whether it is worth calling [`Self::is_far_too_large`] after a removal from the bucket of `path`: in the last
    /// bucket, or if the one before it is empty. So removals in the order of buckets, as by `retain`, do it at the end.
    #[inline]
    pub(crate) fn may_be_far_too_large(self, path: u64) -> bool {
        let (index, last) = (self.index(path), self.size.buckets() - 1);
        index == last || self.nth(if index > 0 { index - 1 } else { last }).load().is_empty()
    }

    /// Whether a removal from the bucket of `path` has left the leaf empty, or with so few entries that it should be
    /// rebuilt. A leaf of at most the `least` size is not rebuilt while it holds any entry.
    ///
    /// Counts from that bucket on, and stops once the part counted so far holds too many entries. So it may miss a leaf
    /// whose entries are unevenly spread, until a later removal looks at it.
    pub(crate) fn is_far_too_large(self, path: u64, least: Size) -> bool {
        const MARGIN: usize = 4;
        let (first, buckets) = (self.index(path), self.size.buckets());
        let few = if self.size > least { self.size.few::<T>() } else { 0 };
        let (mut seen, mut count) = (0, 0);
        (first..buckets).chain(0..first).all(|index| {
            seen += 1;
            count += self.nth(index).load().count();
            count * buckets <= few * buckets.min(seen + MARGIN)
        })
    }

    /// Takes a spill bucket for a bucket that has none. Fails if none is left, or if the bucket cannot link one.
    pub(crate) fn take_spill(self, seen: Seen<'g, T>) -> Option<Room> {
        if !seen.may_link() {
            return None;
        }
        // Relaxed: the read-modify-write alone tells the buckets apart, and they were published with the leaf.
        let spills = &self.header().spills;
        if spills.load(Ordering::Relaxed) >= self.size.spills() {
            return None;
        }
        let index = spills.fetch_add(1, Ordering::Relaxed);
        (index < self.size.spills()).then(|| seen.room_in_new_spill(index))
    }

    /// Freezes all buckets. Returns the number of entries.
    pub(crate) fn freeze(self) -> usize {
        // SAFETY:
        // - a leaf of this size, allocated for `'g`: by `new`.
        unsafe { Buckets::new(RawNode::from_body(self.buckets), self.size) }.freeze()
    }

    /// Calls `f` with the entries of each of some buckets of a frozen leaf, until it fails.
    #[inline(always)]
    pub(crate) fn try_for_each<E>(
        self,
        buckets: Range<usize>,
        mut f: impl FnMut(&[T]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut slots = [const { MaybeUninit::uninit() }; MOST_ENTRIES];
        for index in buckets {
            f(self.nth(index).observe().slots(&mut slots))?;
        }
        Ok(())
    }

    /// Calls `f` with each entry of a frozen leaf. Buckets are in the order of paths.
    pub(crate) fn for_each(self, mut f: impl FnMut(&T)) {
        let Ok(()) = self.try_for_each(0..self.size.buckets(), |slots| {
            slots.iter().for_each(&mut f);
            Ok::<_, std::convert::Infallible>(())
        });
    }

    /// A copy of this frozen leaf, each entry in its place.
    pub(crate) fn copy(self, birth: u64) -> LeafDraft<T> {
        let copy = LeafDraft::new(self.size, birth);
        // Relaxed: a frozen bucket links no spill bucket any more, and the copy is published as a whole.
        let spills = self.header().spills.load(Ordering::Relaxed);
        copy.header().spills.store(spills, Ordering::Relaxed);
        for (index, bucket) in self.buckets().enumerate() {
            // SAFETY:
            // - the copy has as many spill buckets, and each bucket links the one with the same number.
            unsafe { copy.nth(index).copy(bucket.observe()) };
        }
        copy
    }
}

/// The buckets of a leaf over slots of any type: what they are without their slots.
#[derive(Clone, Copy)]
pub(crate) struct Buckets<'g> {
    node: RawNode,
    size: Size,
    _leaf: PhantomData<&'g u8>,
}

impl<'g> Buckets<'g> {
    /// # Safety
    /// - `node` is a leaf of this size from [`LeafDraft`], and stays allocated for `'g`.
    pub(crate) unsafe fn new(node: RawNode, size: Size) -> Self {
        Self { node, size, _leaf: PhantomData }
    }

    pub(crate) fn states(self) -> impl Iterator<Item = State<'g>> {
        // SAFETY:
        // - not freed for `'g`: by `new`.
        let bytes = unsafe { self.node.header() }.part_bytes();
        // SAFETY:
        // - in bounds and initialized: the leaf has that many buckets of this size, which begin with their states.
        (0..self.size.buckets())
            .map(move |index| unsafe { State::new(self.node.body().add(index * bytes)) })
    }

    /// Freezes all buckets. Returns the number of entries.
    pub(crate) fn freeze(self) -> usize {
        let freeze = |state: State<'g>| {
            let count = state.freeze();
            crate::sync::stall_point("frozen bucket");
            count
        };
        self.states().map(freeze).sum()
    }
}

/// A leaf that no other thread can see yet. Dropping it frees the leaf, but not its entries.
pub(crate) struct LeafDraft<T: Slot> {
    node: RawNode,
    size: Size,
    _slots: PhantomData<T>,
}

impl<T: Slot> LeafDraft<T> {
    /// An empty leaf.
    pub(crate) fn new(size: Size, birth: u64) -> Self {
        let node = allocate::<T>(Shape::Leaf(size), birth, 0);
        let leaf = Self { node, size, _slots: PhantomData };
        for index in 0..size.buckets() + size.spills() {
            // SAFETY:
            // - in bounds of a fresh leaf.
            unsafe { Draft::<T>::initialize(leaf.start(index)) };
        }
        leaf
    }

    fn header(&self) -> &Header {
        // SAFETY:
        // - not freed before this value is dropped.
        unsafe { self.node.header() }
    }

    #[inline]
    fn start(&self, index: usize) -> NonNull<u8> {
        debug_assert!(index < self.size.buckets() + self.size.spills().max(1));
        // SAFETY:
        // - in bounds: home buckets, and spill buckets behind them.
        unsafe { self.node.body().add(index * Geometry::<T>::BYTES) }
    }

    #[inline]
    fn nth(&self, index: usize) -> Draft<T> {
        // SAFETY:
        // - initialized, and owned by this value.
        unsafe {
            let spills = self.node.body().add(self.size.buckets() * Geometry::<T>::BYTES);
            Draft::new(self.start(index), spills)
        }
    }

    /// Adds an entry, or returns it if there is no room.
    #[inline]
    pub(crate) fn push(&mut self, path: u64, hash: u64, value: T) -> Result<(), T> {
        let mut bucket = self.nth(index(path, self.size));
        match bucket.push(hash, value) {
            Ok(()) => Ok(()),
            Err(value) => self.push_spilled(bucket, hash, value),
        }
    }

    #[cold]
    fn push_spilled(&mut self, mut bucket: Draft<T>, hash: u64, value: T) -> Result<(), T> {
        bucket.push_spilled(hash, value, || {
            let spills = &self.header().spills;
            // Relaxed, here and below: no other thread sees the leaf yet.
            let taken = spills.load(Ordering::Relaxed);
            spills.store(taken + 1, Ordering::Relaxed);
            (taken < self.size.spills()).then_some(taken)
        })
    }

    /// Whether a few spill buckets are left and the bucket of this path has room for another entry.
    pub(crate) fn has_room(&self, path: u64) -> bool {
        let spills = self.header().spills.load(Ordering::Relaxed);
        spills * 4 <= self.size.spills() * 3
            && self.nth(index(path, self.size)).has_room(spills < self.size.spills())
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// The leaf, to be published. It is freed by [`free`].
    pub(crate) fn into_node(self) -> (RawNode, Size) {
        let this = std::mem::ManuallyDrop::new(self);
        (this.node, this.size)
    }
}

impl<T: Slot> Drop for LeafDraft<T> {
    fn drop(&mut self) {
        // SAFETY:
        // - from `allocate`, and not published.
        unsafe { free(self.node) };
    }
}
