//! Walking over all entries.
#![expect(unsafe_code, reason = "hands out the entries of slots")]

use std::ops::Range;

use super::directory::{Directory, Units};
use super::raw::RawFlat;
use crate::bucket::Held;
use crate::reclaim::Guard;
use crate::store::{Store, TreeSlot};
use crate::tree::node::{Indirection, View, Word};
use crate::tree::{self, Pair, path_below};
use crate::unprotected::Unprotected;

/// An iterator over the slots of a map.
///
/// It walks over the directory that was the root when it began. A word that moves meanwhile still leads to its frozen
/// nodes: the guard keeps them, and they hold the entries of the moment of the move. If a move was already under way, a
/// unit that has moved when the walk reaches it is read in the next directory, and otherwise in the old one. So each
/// hash is passed once, and every entry that is present throughout is seen.
pub(crate) struct Iter<'g, T: TreeSlot> {
    guard: Unprotected<'g, Guard>,
    /// The root at the beginning, if there was one.
    old: Option<Unprotected<'g, Directory<T>>>,
    /// The directory that it was moving to at that time.
    next: Option<Unprotected<'g, Directory<T>>>,
    /// Entries before this hash are not wanted.
    first: u64,
    /// The remaining units of a move.
    units: Range<usize>,
    /// The remaining words of this unit, or of the whole directory if there is no move. If `has_moved`, they are words
    /// of the next directory.
    words: Range<usize>,
    has_moved: bool,
    /// The rest of a word.
    tree: tree::Iter<'g, T>,
}

/// Words that are tested together.
const TOGETHER: usize = 16;

/// The number of empty words at the beginning of these.
fn empty_words<T>(words: &[Indirection<T>], guard: &Guard) -> usize {
    let parts = words.chunks_exact(TOGETHER);
    let skipped = parts.take_while(|words| Indirection::are_empty(words, guard)).count() * TOGETHER;
    let is_empty = |word: &&Indirection<T>| word.load(guard).is_empty();
    skipped + words[skipped..].iter().take_while(is_empty).count()
}

/// How many words ahead a walk prefetches nodes.
const AHEAD: usize = 2;

impl<T: TreeSlot> RawFlat<T> {
    /// The slots whose hashes are at least `first`, and possibly others of the leaf where `first` belongs.
    pub(super) fn slots_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Iter<'g, T> {
        let root = self.root_to_walk(guard);
        let next = root.and_then(|root| root.next(guard));
        let (mut units, mut words) = (0..0, 0..0);
        if let Some(root) = root {
            match next {
                Some(next) => {
                    let all = Units::between(root, next);
                    units = all.of_word(root.index(first))..all.count();
                }
                None => words = root.index(first)..root.words().len(),
            }
        }
        let tree = tree::Iter::new(Word::EMPTY, View::live(guard));
        let (old, next) = (root.map(Unprotected::new), next.map(Unprotected::new));
        Iter {
            guard: Unprotected::new(guard),
            old,
            next,
            first,
            units,
            words,
            has_moved: false,
            tree,
        }
    }
}

impl<'g, T: TreeSlot> Iter<'g, T> {
    /// The directory in which the words of this unit are read.
    fn directory(&self) -> Option<&'g Directory<T>> {
        if self.has_moved { self.next } else { self.old }.map(Unprotected::get)
    }

    /// The first remaining hash, if all entries of the hashes before it have been yielded.
    pub(super) fn position(&self) -> Option<u64> {
        let directory = self.directory()?;
        if !self.tree.is_at_end() {
            let path = self.tree.position()?;
            // A path has more bits than a hash has below its word: round up.
            let below = path.div_ceil(1 << directory.bits());
            return directory.first_hash(self.words.start - 1)?.checked_add(below);
        }
        if !self.words.is_empty() {
            return directory.first_hash(self.words.start);
        }
        let (old, next) = (self.old?.get(), self.next?.get());
        let unit = self.units.clone().next()?;
        old.first_hash(Units::between(old, next).words(unit).start)
    }

    /// Goes to the next unit of a move.
    #[cold]
    fn next_unit(&mut self) -> Option<()> {
        let unit = self.units.next()?;
        let (old, next) = (self.old?.get(), self.next?.get());
        let units = Units::between(old, next);
        let words = &old.words()[units.words(unit)];
        // If one word has moved, the successors have the entries of all of them.
        self.has_moved = words.iter().any(|word| word.load(self.guard.get()).is_moved());
        self.words = if self.has_moved { units.successors(unit) } else { units.words(unit) };
        // Of the first unit.
        let first = self.directory()?.index(self.first);
        self.words.start = self.words.start.max(first);
        Some(())
    }

    /// Goes to the next word that is not empty.
    fn next_word(&mut self) -> Option<()> {
        let directory = self.directory()?;
        let (guard, all) = (self.guard.get(), &directory.words()[..self.words.end]);
        let index = self.words.start + empty_words(&all[self.words.start..], guard);
        let Some(cell) = all.get(index) else {
            self.words.start = self.words.end;
            return self.next_unit();
        };
        if let Some(later) = all.get(index + AHEAD) {
            later.prefetch();
        }
        self.words.start = index + 1;
        let (word, view) = (cell.load(guard), View::live(guard));
        if directory.first_hash(index).is_some_and(|hash| hash < self.first) {
            let first = path_below(self.first, directory.bits());
            self.tree = tree::Iter::starting_at(first, word, view);
        } else {
            self.tree.enter(word, view);
        }
        Some(())
    }

    #[inline]
    pub(super) fn next_slot(&mut self) -> Option<Held<'g, T>> {
        loop {
            if let Some(slot) = self.tree.next_slot() {
                return Some(slot);
            }
            self.next_word()?;
        }
    }

    /// Calls `f` for each slot that is left, in one loop for each bucket.
    #[inline]
    fn fold_slots<B>(mut self, init: B, mut f: impl FnMut(B, Held<'g, T>) -> B) -> B {
        let mut result = init;
        loop {
            result = self.tree.fold_slots(result, &mut f);
            if self.next_word().is_none() {
                return result;
            }
        }
    }
}

/// [`Iter`], for the entries behind the slots.
///
/// INVARIANT: they are of this store.
pub(crate) struct Pairs<'g, St: Store>(Iter<'g, St::Slot>);

impl<'g, St: Store> Pairs<'g, St> {
    /// # Safety
    /// - The entries are of this store.
    pub(super) unsafe fn new(slots: Iter<'g, St::Slot>) -> Self {
        Self(slots)
    }

    pub(super) fn slots(&self) -> &Iter<'g, St::Slot> {
        &self.0
    }
}

impl<'g, St: Store + 'g> Iterator for Pairs<'g, St> {
    type Item = Pair<'g, St>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY:
        // - of this store: by the invariant; reached under the guard, which keeps it for `'g`.
        self.0.next_slot().map(|slot| unsafe { St::pair(slot.now) })
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        // SAFETY:
        // - as in `next`.
        self.0.fold_slots(init, |result, slot| f(result, unsafe { St::pair(slot.now) }))
    }
}

/// [`Pairs`] for threads that share one guard.
///
/// A guard keeps everything that was reachable since it was made, whichever thread reads it. It is borrowed for `'g`,
/// so its own thread keeps it until all of them are done.
#[cfg(feature = "rayon")]
pub(crate) struct SharedIter<'g, St: Store>(Pairs<'g, St>);

// SAFETY:
// - Send: it holds shared references to directories, nodes and entries, which consist of atomics, keys and values
//   (`Sync`), and plain memory. They stay allocated for `'g`: the guard is borrowed for that long and was made before
//   any of them was read. Sending this value makes that order hold for the other thread too. Only the lifetime of the
//   guard is used.
#[cfg(feature = "rayon")]
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for SharedIter<'_, St> {}

#[cfg(feature = "rayon")]
impl<'g, St: Store> SharedIter<'g, St> {
    pub(super) fn new(all: Pairs<'g, St>) -> Self {
        Self(all)
    }

    /// Gives away about half of the rest, or nothing if that is too little to share.
    pub(crate) fn split(&mut self) -> Option<Self> {
        fn upper_half(range: &mut Range<usize>) -> Range<usize> {
            let middle = range.start + range.len() / 2;
            let upper = middle..range.end;
            range.end = middle;
            upper
        }
        let this = &mut self.0.0;
        let (units, words, tree);
        let nothing = tree::Iter::new(Word::EMPTY, View::Live(this.guard));
        if !this.units.is_empty() {
            (units, words, tree) = (upper_half(&mut this.units), 0..0, nothing);
        } else if this.words.len() > 1 || !this.words.is_empty() && !this.tree.is_at_end() {
            (units, words, tree) = (0..0, upper_half(&mut this.words), nothing);
        } else {
            // All the rest is below one word.
            if this.tree.is_at_end() {
                this.next_word()?;
            }
            (units, words, tree) = (0..0, 0..0, this.tree.split()?);
        }
        Some(Self(Pairs(Iter { units, words, tree, ..*this })))
    }
}

#[cfg(feature = "rayon")]
impl<'g, St: Store + 'g> Iterator for SharedIter<'g, St> {
    type Item = Pair<'g, St>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, f: F) -> B {
        self.0.fold(init, f)
    }
}
