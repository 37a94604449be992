//! The directory: an array of indirection words, indexed by the topmost bits of a hash.
#![expect(unsafe_code, reason = "memory that is allocated as zeros; an index that is masked")]

use std::alloc::{Layout, alloc_zeroed, handle_alloc_error};
use std::ops::Range;
use std::ptr::{self, NonNull};

use crate::bucket::Slot;
use crate::leaf::Size;
use crate::reclaim::{Garbage, Guard};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::tree::node::Indirection;

/// The most bits of a directory: more words would not fit into memory.
const MOST_BITS: u32 = if usize::BITS < 64 { usize::BITS - 5 } else { 40 };

/// The indirection words of a table. Word `i` leads to all entries whose hashes begin with the bits of `i`.
pub(super) struct Directory<T> {
    /// How many words there are, as a power of two.
    bits: u32,
    /// The size that leaves get once they outgrow the smallest one, and keep until they are empty.
    pub(super) least: Size,
    /// INVARIANT: `2^bits` words.
    words: Box<[Indirection<T>]>,
    /// The directory that this one moves to. INVARIANT: null, or from a box; set once.
    next: AtomicPtr<Self>,
    /// The next unit to move that no thread has taken.
    pub(super) cursor: AtomicUsize,
    /// All words before this one have moved. Others may have moved too.
    pub(super) moved: AtomicUsize,
}

impl<T: Slot> Directory<T> {
    /// Number of entries per word: three quarters of what the largest leaf is made for, so leaves are not full if
    /// hashes are good.
    pub(super) fn entries_of_word() -> usize {
        (Size::LARGEST.entries::<T>() * 3 / 4).max(1)
    }

    /// The fewest bits that this many entries need.
    pub(super) fn bits_for(entries: usize) -> Option<u32> {
        let words = entries.div_ceil(Self::entries_of_word()).max(1);
        let bits = words.checked_next_power_of_two()?.ilog2();
        (bits <= MOST_BITS).then_some(bits)
    }

    /// The size of leaves with which this many entries fit without rebuilding.
    pub(super) fn least_for(entries: usize, bits: u32) -> Size {
        Size::for_entries::<T>(entries.div_ceil(1 << bits)).unwrap_or(Size::LARGEST)
    }
}

impl<T> Directory<T> {
    /// A directory whose words are all zero. In a new table they are empty. In the next directory of a move they are
    /// not installed yet.
    pub(super) fn boxed(bits: u32, least: Size) -> Box<Self> {
        // PANICS: never: `bits_for` returns no more bits than `MOST_BITS`.
        let layout = Layout::array::<Indirection<T>>(1 << bits).expect("layout of a directory");
        // SAFETY:
        // - the layout's size is not zero.
        // - a word is an atomic pointer, for which zeros are null.
        // - from the global allocator, with the layout of this slice.
        let words = unsafe {
            let Some(words) = NonNull::new(alloc_zeroed(layout)) else {
                handle_alloc_error(layout)
            };
            let words = words.cast::<Indirection<T>>().as_ptr();
            Box::from_raw(ptr::slice_from_raw_parts_mut(words, 1 << bits))
        };
        Self::of_words(words, least)
    }

    /// A directory of these words. Their number is a power of two.
    pub(super) fn of_words(words: Box<[Indirection<T>]>, least: Size) -> Box<Self> {
        debug_assert!(words.len().is_power_of_two());
        let bits = words.len().ilog2();
        let next = AtomicPtr::new(ptr::null_mut());
        let (cursor, moved) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Box::new(Self { bits, least, words, next, cursor, moved })
    }

    /// Its words, when no other thread can reach them.
    pub(super) fn into_words(self) -> Box<[Indirection<T>]> {
        self.words
    }

    #[inline]
    pub(super) fn bits(&self) -> u32 {
        self.bits
    }

    pub(super) fn words(&self) -> &[Indirection<T>] {
        &self.words
    }

    pub(super) fn words_mut(&mut self) -> &mut [Indirection<T>] {
        &mut self.words
    }

    /// The number of the word that a hash belongs to.
    #[inline]
    pub(super) fn index(&self, hash: u64) -> usize {
        index_of(hash, self.bits)
    }

    /// The word that a hash belongs to.
    #[inline]
    pub(super) fn towards(&self, hash: u64) -> &Indirection<T> {
        let index = self.index(hash);
        debug_assert!(index < self.words.len());
        // SAFETY:
        // - in bounds: there are `2^bits` words, and the index has no more bits.
        unsafe { self.words.get_unchecked(index) }
    }

    /// The first hash that belongs to a word; `None` past the last word.
    pub(super) fn first_hash(&self, index: usize) -> Option<u64> {
        (index < self.words.len()).then(|| ((index as u64) << 1) << (u64::BITS - 1 - self.bits))
    }

    #[inline]
    pub(super) fn next<'g>(&'g self, _guard: &'g Guard) -> Option<&'g Self> {
        // SAFETY:
        // - null or from a box. It is retired only after it was the root, and so after this directory. The guard under
        //   which this one was reached keeps both.
        unsafe { self.raw_next().as_ref() }
    }

    /// [`Self::next`] as a pointer that can be freed, or null.
    #[inline]
    pub(super) fn raw_next(&self) -> *mut Self {
        // Acquire: the directory; pairs with the Release of `set_next`.
        self.next.load(Ordering::Acquire)
    }

    /// Sets the directory that this one moves to, unless it is set already.
    pub(super) fn set_next(&self, next: Box<Self>) {
        let next = Box::into_raw(next);
        // Release: the directory; pairs with the Acquire of `next`. Relaxed on failure: nothing is read.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if self.next.compare_exchange(ptr::null_mut(), next, release, relaxed).is_err() {
            // SAFETY:
            // - made by this function, and not published.
            drop(unsafe { Box::from_raw(next) });
        }
    }

    /// The directory that this one was moving to, when no other thread can reach either.
    pub(super) fn take_next(&mut self) -> Option<Box<Self>> {
        let next = std::mem::replace(self.next.get_mut(), ptr::null_mut());
        // SAFETY:
        // - null or from a box; owned by this directory alone: promised by the caller; taken once.
        (!next.is_null()).then(|| unsafe { Box::from_raw(next) })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val::<[Indirection<T>]>(&self.words)
    }

    /// # Safety
    /// - `this` came from a box, was unlinked, and no other thread turns it into garbage.
    pub(super) unsafe fn garbage(this: NonNull<Self>) -> Garbage {
        unsafe fn free<T>(this: *mut ()) {
            // SAFETY:
            // - from a box, freed once, by the contract of `Garbage`.
            drop(unsafe { Box::from_raw(this.cast::<Directory<T>>()) });
        }
        // SAFETY:
        // - not freed, and one free for each: the contract of this function.
        unsafe { Garbage::new(this.as_ptr().cast(), free::<T>, this.as_ref().bytes()) }
    }
}

/// The number of the word that a hash belongs to in a directory of this many bits.
#[inline]
pub(super) fn index_of(hash: u64, bits: u32) -> usize {
    ((hash >> 1) >> (u64::BITS - 1 - bits)) as usize
}

/// How the words of a directory become those of the next one: one unit at a time. A unit is the range of hashes of one
/// word of the smaller directory.
#[derive(Clone, Copy)]
pub(super) struct Units {
    old: u32,
    next: u32,
}

impl Units {
    pub(super) fn between<T>(old: &Directory<T>, next: &Directory<T>) -> Self {
        Self { old: old.bits, next: next.bits }
    }

    fn bits(self) -> u32 {
        self.old.min(self.next)
    }

    pub(super) fn count(self) -> usize {
        1 << self.bits()
    }

    /// The words of a unit in the old directory.
    pub(super) fn words(self, unit: usize) -> Range<usize> {
        let each = self.old - self.bits();
        unit << each..(unit + 1) << each
    }

    /// The words of a unit in the next directory.
    pub(super) fn successors(self, unit: usize) -> Range<usize> {
        let each = self.next - self.bits();
        unit << each..(unit + 1) << each
    }

    /// The unit of a word of the old directory.
    pub(super) fn of_word(self, word: usize) -> usize {
        word >> (self.old - self.bits())
    }
}
