//! The store for small plain keys and values: a slot is the pair itself.
//!
//! Nothing is allocated for an entry. A slot is read and written as atomic words. It becomes a key and a value only
//! after it has been validated: until then its words may belong to two different entries. A slot does not keep the hash
//! of its key, which would take half as much memory again. So keys are hashed again when a leaf is rebuilt.
#![expect(unsafe_code, reason = "a pair is copied word by word")]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::{MaybeUninit, offset_of};
use std::ptr;
use std::sync::atomic::AtomicU64;

use super::{SlotHashes, Store, TreeSlot};
use crate::bucket::{Held, Slot};
use crate::engine::Content;
use crate::plain::{self, Plain};
use crate::reclaim::Garbage;
use crate::sync::{Ordering, planted};

/// The store for pairs of plain types.
#[expect(missing_debug_implementations, reason = "public as a part of sealed traits alone")]
pub struct Inline<K, V>(PhantomData<(K, V)>);

/// Aligned like an atomic word on every target, so its size is a multiple of a word's.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct Pair<K, V> {
    key: K,
    value: V,
}

/// The slot of an [`Inline`] store: a pair, once it has been validated.
pub(crate) struct PairSlot<K, V>(MaybeUninit<Pair<K, V>>);

impl<K: Plain, V: Plain> Clone for PairSlot<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K: Plain, V: Plain> Copy for PairSlot<K, V> {}

/// The memory of a [`PairSlot`]: words that are accessed as atomics while any thread may write them.
#[repr(transparent)]
pub(crate) struct PairCell<K, V>(UnsafeCell<MaybeUninit<Pair<K, V>>>);

impl<K, V> PairCell<K, V> {
    const WORDS: usize = size_of::<Pair<K, V>>() / size_of::<u64>();

    /// The words, in order.
    #[inline]
    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < Self::WORDS);
        // SAFETY:
        // - in bounds; aligned: a pair is; initialized: no slot is read before it is written.
        unsafe { AtomicU64::from_ptr(self.0.get().cast::<u64>().add(index)) }
    }
}

/// The most words of a pair.
const MOST_WORDS: usize = 8;

impl<K: Plain, V: Plain> Slot for PairSlot<K, V> {
    type Cell = PairCell<K, V>;

    const FILL: usize = 67;

    #[inline]
    fn read(cell: &PairCell<K, V>) -> Self {
        let mut pair = MaybeUninit::<Pair<K, V>>::uninit();
        for index in 0..PairCell::<K, V>::WORDS {
            // Relaxed: validated afterwards.
            let word = cell.word(index).load(Ordering::Relaxed);
            // SAFETY:
            // - in bounds and aligned: as in `word`.
            unsafe { pair.as_mut_ptr().cast::<u64>().add(index).write(word) };
        }
        Self(pair)
    }

    #[inline]
    fn write(cell: &PairCell<K, V>, value: Self) {
        const {
            assert!(K::CHECKED && V::CHECKED, "keys and values of plain pairs have no padding");
            assert!(PairCell::<K, V>::WORDS <= MOST_WORDS);
        };
        let mut words = [0_u64; MOST_WORDS];
        let (pair, to) = (value.0.as_ptr().cast::<u8>(), words.as_mut_ptr().cast::<u8>());
        // SAFETY:
        // - in bounds of the pair, and of the words, of which there are at least as many.
        // - initialized: all bytes of plain types are.
        unsafe {
            let key_at = offset_of!(Pair<K, V>, key);
            ptr::copy_nonoverlapping(pair.add(key_at), to.add(key_at), size_of::<K>());
            let value_at = offset_of!(Pair<K, V>, value);
            ptr::copy_nonoverlapping(pair.add(value_at), to.add(value_at), size_of::<V>());
        }
        for (index, word) in words.into_iter().enumerate().take(PairCell::<K, V>::WORDS) {
            // Release: see `crate::bucket`, Orderings.
            let order =
                if planted("relaxed_slots") { Ordering::Relaxed } else { Ordering::Release };
            cell.word(index).store(word, order);
        }
    }
}

impl<K: Plain, V: Plain> TreeSlot for PairSlot<K, V> {
    const OWNS: bool = false;

    #[inline]
    unsafe fn hashes(slots: &[Self], hashes: &mut [u64], rehash: SlotHashes<'_, Self>) {
        // SAFETY: the same contract.
        unsafe { rehash.hashes(slots, hashes) };
    }

    unsafe fn birth(&self) -> u64 {
        unreachable!("a pair is nothing besides its slot")
    }

    fn is_same(&self, _other: &Self) -> bool {
        unreachable!("a pair is nothing besides its slot")
    }

    #[inline]
    fn prefetch(&self) {}

    fn address(self) -> *mut () {
        unreachable!("a pair is nothing besides its slot")
    }

    unsafe fn at(_address: *mut ()) -> Self {
        unreachable!("a pair is nothing besides its slot")
    }
}

impl<K: Plain, V: Plain> Content for Inline<K, V> {
    type Key = K;
    type Value = V;
    type Draft = (K, V);
    type Pair<'g>
        = (K, V)
    where
        Self: 'g;

    #[inline]
    fn draft(_hash: u64, key: K, value: V) -> (K, V) {
        (key, value)
    }

    fn into_pair(draft: (K, V)) -> (K, V) {
        draft
    }

    #[inline]
    fn draft_key(draft: &(K, V)) -> &K {
        &draft.0
    }

    #[inline]
    fn pair_key<'a, 'g>(pair: &'a (K, V)) -> &'a K
    where
        Self: 'g,
    {
        &pair.0
    }

    #[inline]
    fn pair_value<'a, 'g>(pair: &'a (K, V)) -> &'a V
    where
        Self: 'g,
    {
        &pair.1
    }

    #[inline]
    fn same_entry<'g>(one: &(K, V), other: &(K, V)) -> bool
    where
        Self: 'g,
    {
        plain::is_same(&one.0, &other.0) && plain::is_same(&one.1, &other.1)
    }
}

impl<K: Plain, V: Plain> PairSlot<K, V> {
    /// # Safety
    /// - The slot was live.
    #[inline]
    unsafe fn pair(&self) -> &Pair<K, V> {
        // SAFETY:
        // - a live slot has the words of one pair: promised by the caller.
        unsafe { self.0.assume_init_ref() }
    }
}

impl<K: Plain, V: Plain> Store for Inline<K, V> {
    type Slot = PairSlot<K, V>;
    const ENTRY_BYTES: usize = 0;

    #[inline]
    fn expose((key, value): (K, V), _birth: u64) -> PairSlot<K, V> {
        PairSlot(MaybeUninit::new(Pair { key, value }))
    }

    unsafe fn retract(slot: PairSlot<K, V>) -> (K, V) {
        // SAFETY:
        // - from `expose`: promised by the caller.
        let pair = unsafe { slot.pair() };
        (pair.key, pair.value)
    }

    /// Always true: the key itself is at hand.
    #[inline]
    unsafe fn may_have(_slot: &PairSlot<K, V>, _hash: u64) -> bool {
        true
    }

    /// A pair has no address that identifies it, so its bytes decide.
    #[inline]
    unsafe fn unchanged(one: &PairSlot<K, V>, other: &PairSlot<K, V>) -> bool {
        // SAFETY:
        // - both were live: promised by the caller.
        let (one, other) = unsafe { (one.pair(), other.pair()) };
        plain::is_same(&one.key, &other.key) && plain::is_same(&one.value, &other.value)
    }

    #[inline]
    unsafe fn key(slot: &PairSlot<K, V>) -> &K {
        // SAFETY:
        // - was live: promised by the caller.
        &unsafe { slot.pair() }.key
    }

    #[inline]
    unsafe fn pair<'g>(slot: PairSlot<K, V>) -> (K, V)
    where
        Self: 'g,
    {
        // SAFETY:
        // - was live: promised by the caller.
        let Pair { key, value } = *unsafe { slot.pair() };
        (key, value)
    }

    #[inline]
    unsafe fn pair_ref<'g>(slot: Held<'g, PairSlot<K, V>>) -> (&'g K, &'g V)
    where
        K: 'g,
        V: 'g,
    {
        // SAFETY:
        // - live in a frozen node, so never written again; not freed for `'g`: promised by the caller.
        let Pair { key, value } = unsafe { (*slot.cell.0.get()).assume_init_ref() };
        (key, value)
    }

    unsafe fn pair_mut<'a>(slot: Held<'_, PairSlot<K, V>>) -> (&'a K, &'a mut V)
    where
        K: 'a,
        V: 'a,
    {
        // SAFETY:
        // - live, so the words are those of one pair. Not freed, and not accessed by anything else for `'a`: promised
        //   by the caller.
        // - the words stay initialized: a plain value has no padding.
        let Pair { key, value } = unsafe { (*slot.cell.0.get()).assume_init_mut() };
        (key, value)
    }

    unsafe fn garbage(_slot: PairSlot<K, V>) -> Garbage {
        unreachable!("a pair is nothing besides its slot")
    }
}
