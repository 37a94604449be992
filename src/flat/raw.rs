//! The part of the table that knows neither keys nor values.
#![expect(unsafe_code, reason = "directories are raw pointers that the epoch protects")]

use std::ptr;

use crossbeam_utils::CachePadded;

use super::directory::{Directory, Units};
use crate::bucket::Held;
use crate::count::Counter;
use crate::fallout::Fallout;
use crate::leaf::Size;
use crate::reclaim::{Collector, Garbage, Guard, Limbo};
use crate::store::{SlotHashes, TreeSlot};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};
use crate::tree::lookup::{self, IsIt, Way};
use crate::tree::node::{View, Word};
use crate::tree::{each_node, each_slot, node_garbage};

/// One in `2^LOOKUPS_LOG` lookups that leave the fast path moves a unit.
const LOOKUPS_LOG: u32 = 3;

/// A walk over this many words costs no more than reading the count.
const FEW_WORDS: usize = if cfg!(shuttle) { 1 } else { 16 };

/// A table of slots.
pub(super) struct RawFlat<T: TreeSlot> {
    /// Null until the first write, or a reservation. INVARIANT: comes from `Box::into_raw`.
    pub(super) root: AtomicPtr<Directory<T>>,
    /// Reserved entries: the directory does not shrink by itself below what they need.
    pub(super) reserved: AtomicUsize,
    pub(super) count: CachePadded<Counter>,
    pub(super) limbo: Limbo,
    pub(super) collector: Collector,
    /// Turns an unlinked entry into garbage. Called once for each entry, and only if [`TreeSlot::OWNS`].
    pub(super) garbage: unsafe fn(T) -> Garbage,
}

/// What an operation holds: the directory it works in, and what keeps it.
pub(super) struct Context<'g, T: TreeSlot> {
    pub(super) flat: &'g RawFlat<T>,
    pub(super) directory: &'g Directory<T>,
    pub(super) guard: &'g Guard,
}

impl<T: TreeSlot> Clone for Context<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: TreeSlot> Copy for Context<'_, T> {}

impl<T: TreeSlot> RawFlat<T> {
    pub(super) const fn new(collector: Collector, garbage: unsafe fn(T) -> Garbage) -> Self {
        Self {
            root: AtomicPtr::new(ptr::null_mut()),
            reserved: AtomicUsize::new(0),
            count: CachePadded::new(Counter::new()),
            limbo: Limbo::new(),
            collector,
            garbage,
        }
    }

    #[inline]
    pub(super) fn root<'g>(&'g self, _guard: &'g Guard) -> Option<&'g Directory<T>> {
        // Acquire: the directory, and all that moved there; pairs with the Release of the CASes.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY:
        // - null or from a box. A directory is retired only once it is not the root any more, so the
        //   guard keeps it.
        unsafe { root.as_ref() }
    }

    /// The root, or `None` if the count says that the table is empty.
    pub(super) fn root_to_walk<'g>(&'g self, guard: &'g Guard) -> Option<&'g Directory<T>> {
        let root = self.root(guard)?;
        let is_empty = root.words().len() > FEW_WORDS && self.count.net() == 0;
        (!is_empty).then_some(root)
    }

    /// The root. If there is none, makes one with these properties.
    pub(super) fn root_or_first<'g>(
        &'g self,
        bits: u32,
        least: Size,
        guard: &'g Guard,
    ) -> &'g Directory<T> {
        if self.root(guard).is_none() {
            let first = Box::into_raw(Directory::boxed(bits, least));
            // Release: the directory; pairs with the Acquire of `root`.
            let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
            if self.root.compare_exchange(ptr::null_mut(), first, release, relaxed).is_err() {
                // SAFETY:
                // - made above, and not published.
                drop(unsafe { Box::from_raw(first) });
            }
        }
        // PANICS: never: a root that is there once is only ever replaced by another.
        self.root(guard).expect("a root that was just set")
    }

    /// The word that a hash belongs to, in the directory where it has not moved, and the rest of the hash below it.
    #[inline(always)]
    pub(super) fn way_from<'g>(
        mut directory: Option<&'g Directory<T>>,
        hash: u64,
        guard: &'g Guard,
    ) -> Way<'g, T> {
        while let Some(here) = directory {
            let word = here.towards(hash).load(guard);
            if !word.is_moved() {
                return (word, View::live(guard), hash << here.bits());
            }
            directory = here.next(guard);
        }
        (Word::EMPTY, View::live(guard), 0)
    }

    /// [`Engine::get`](crate::engine::Engine::get) in every case.
    #[inline(never)]
    pub(super) fn help_and_find<'g>(
        &'g self,
        hash: u64,
        is_it: &mut IsIt<'_, T>,
        rehash: SlotHashes<'_, T>,
        guard: &'g Guard,
    ) -> Option<Held<'g, T>> {
        // Without this, a thread that only reads would leave the fast path forever.
        if hash.trailing_zeros() >= LOOKUPS_LOG {
            self.go_on_moving(1, guard, rehash);
        }
        self.find(hash, is_it, guard)
    }

    pub(super) fn find<'g>(
        &'g self,
        hash: u64,
        is_it: &mut IsIt<'_, T>,
        guard: &'g Guard,
    ) -> Option<Held<'g, T>> {
        let (word, view, path) = Self::way_from(self.root(guard), hash, guard);
        lookup::find_below::<T>(word, view, path, hash, is_it)
    }

    /// Passes on everything below a word as garbage: the nodes, and the entries if they are `owned`.
    ///
    /// # Safety
    /// - The tree is frozen, or no other thread can reach it. It was unlinked, and nothing else turns it into garbage.
    ///   The entries too, if they are `owned`.
    pub(super) unsafe fn garbage_below(
        &self,
        word: Word<'_, T>,
        owned: bool,
        f: &mut dyn FnMut(Garbage),
    ) {
        each_node(word.erased(), &mut |word| {
            // SAFETY:
            // - below a word of this map; each node and each owned entry is passed on once: promised by the caller.
            unsafe {
                if T::OWNS && owned {
                    each_slot(word.typed::<T>(), |slot| f((self.garbage)(slot)));
                }
                word.raw_node().into_iter().for_each(|node| f(node_garbage(node)));
            }
        });
    }

    /// Takes the root out of the table.
    pub(super) fn take_root(&mut self) -> Option<Box<Directory<T>>> {
        let root = std::mem::replace(self.root.get_mut(), ptr::null_mut());
        // SAFETY:
        // - null or from a box, and the map's own.
        (!root.is_null()).then(|| unsafe { Box::from_raw(root) })
    }

    /// Frees the directories and everything below them; the entries only `with_entries`.
    ///
    /// # Safety
    /// - Entries that are not freed were taken out.
    pub(super) unsafe fn free_all(&mut self, with_entries: bool, fallout: &mut Fallout) {
        let Some(mut root) = self.take_root() else { return };
        // SAFETY:
        // - no thread looks at it any more.
        let mut free = |garbage: Garbage| unsafe { garbage.free(fallout) };
        let mut next = root.take_next();
        let units = next.as_ref().map(|next| Units::between(&root, next));
        // The words of a unit that has moved, in part at least, own nothing.
        let mut moved = vec![false; units.map_or(0, Units::count)];
        for (index, word) in root.words_mut().iter_mut().enumerate() {
            let word = word.get_mut();
            let unit = units.map(|units| units.of_word(index));
            if let Some(unit) = unit.filter(|_| word.is_moved()) {
                moved[unit] = true;
            }
        }
        for (index, word) in root.words_mut().iter_mut().enumerate() {
            let word = word.get_mut();
            let owned = units.is_none_or(|units| !moved[units.of_word(index)]);
            if !word.is_moved() {
                // SAFETY:
                // - no other thread can reach the map; the nodes of a word that has moved were retired when it did.
                unsafe { self.garbage_below(word, owned && with_entries, &mut free) };
            }
        }
        if let (Some(next), Some(units)) = (&mut next, units) {
            debug_assert!(next.take_next().is_none());
            for (unit, moved) in moved.into_iter().enumerate() {
                for word in &mut next.words_mut()[units.successors(unit)] {
                    // SAFETY:
                    // - as above; of a unit that has not moved these are copies.
                    unsafe { self.garbage_below(word.get_mut(), moved && with_entries, &mut free) };
                }
            }
        }
    }
}

impl<T: TreeSlot> Drop for RawFlat<T> {
    fn drop(&mut self) {
        let mut fallout = Fallout::default();
        // SAFETY:
        // - every operation borrows the map, so none is in flight; with the entries.
        unsafe {
            self.limbo.close(&mut fallout);
            self.free_all(true, &mut fallout);
        }
        fallout.resume();
    }
}
