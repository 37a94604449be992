//! Moving: from one directory to the next, a unit at a time.
//!
//! A unit is moved in four steps, by any number of threads at once, none of which waits:
//!
//! 1. *Freeze* its words, and everything below them. From here on the entries are fixed. The frozen nodes are still the
//!    current ones.
//! 2. *Build* the nodes for its words in the next directory.
//! 3. *Install* them, each by a CAS from zero. A word that was installed is never zero again: an empty one is `VACANT`.
//!    So the first of several threads wins, and a late one does not undo later writes.
//! 4. *Announce*: mark the old words as moved, by a CAS each. A thread that sees the mark goes to the next directory.
//!    The thread that sets it retires the old nodes.
//!
//! A word that moved keeps its pointer, so that an iteration that began before the move can continue below it.
//!
//! When all words have moved, the next directory becomes the map's root. Only a root moves on, so there are never more
//! than two directories.
//!
//! Models: `tests/models_flat.rs`. Stalls: `tests/stalls.rs`. Planted: `announce_early`, `unmade_again`.
#![expect(unsafe_code, reason = "retires what has moved")]

use std::ops::Range;
use std::ptr::{self, NonNull};

use super::directory::{Directory, Units};
use super::raw::RawFlat;
use crate::leaf::Size;
use crate::reclaim::Guard;
use crate::store::{KnownHashes, SlotHashes, TreeSlot};
use crate::sync::{Ordering, planted, stall_point};
use crate::tree::node::{Indirection, Node, Word};
use crate::tree::{Mover, build, collect, divide, freeze, sort_by_word, unbuild};

/// The most words that one operation checks to see whether all have moved.
const LOOKS: usize = if cfg!(any(miri, shuttle)) { 4 } else { 1_024 };

/// The generation of all nodes and entries.
pub(super) const BIRTH: u64 = 1;

impl<T: TreeSlot> RawFlat<T> {
    /// Starts a move, if `directory` is the root and no move is under way.
    pub(super) fn begin_move(
        &self,
        directory: &Directory<T>,
        bits: u32,
        least: Size,
        guard: &Guard,
    ) {
        let is_root = self.root(guard).is_some_and(|root| ptr::eq(root, directory));
        if is_root && directory.next(guard).is_none() {
            let next = Directory::boxed(bits, least);
            stall_point("unpublished directory");
            directory.set_next(next);
        }
    }

    /// Moves this many units if a move is under way, or ends the move.
    pub(super) fn go_on_moving(&self, units: usize, guard: &Guard, rehash: SlotHashes<'_, T>) {
        let Some(root) = self.root(guard) else { return };
        let Some(next) = root.next(guard) else { return };
        let all = Units::between(root, next).count();
        for _ in 0..units {
            // Relaxed: the read-modify-write alone gives each thread its own units.
            let unit = root.cursor.fetch_add(1, Ordering::Relaxed);
            if unit >= all {
                return self.finish_move(root, next, units, guard, rehash);
            }
            self.move_unit(root, next, unit, guard, Some(rehash));
        }
    }

    /// Moves at most this many units that other threads have taken and not moved. If none is left, replaces the root.
    fn finish_move(
        &self,
        root: &Directory<T>,
        next: &Directory<T>,
        mut left: usize,
        guard: &Guard,
        rehash: SlotHashes<'_, T>,
    ) {
        // Acquire: that those words have moved; pairs with the Release below.
        let mut moved = root.moved.load(Ordering::Acquire);
        let units = Units::between(root, next);
        for word in root.words().iter().skip(moved).take(LOOKS) {
            if !word.load(guard).is_moved() {
                if left == 0 {
                    break;
                }
                self.move_unit(root, next, units.of_word(moved), guard, Some(rehash));
                left -= 1;
            }
            moved += 1;
        }
        root.moved.store(moved, Ordering::Release);
        if moved == root.words().len() {
            self.swing_root(root, guard);
        }
    }

    /// Makes the next directory the root, once this one has moved entirely.
    fn swing_root(&self, root: &Directory<T>, guard: &Guard) {
        stall_point("moved directory");
        // Not derived from a reference, so that it can be freed later.
        let next = root.raw_next();
        let root = ptr::from_ref(root).cast_mut();
        // Release: everything that moved; pairs with the Acquire of `root`. Relaxed on failure: another thread did it.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if let Ok(left) = self.root.compare_exchange(root, next, release, relaxed) {
            // SAFETY:
            // - from a box, so not null; the CAS unlinked it.
            let garbage = unsafe { Directory::garbage(NonNull::new_unchecked(left)) };
            self.limbo.retire(guard, garbage);
        }
    }

    /// Moves everything, if a move from this directory is under way: O(n). Without `rehash`, moves only empty units.
    /// Returns whether everything has moved.
    pub(super) fn move_all(
        &self,
        root: &Directory<T>,
        guard: &Guard,
        rehash: Option<SlotHashes<'_, T>>,
    ) -> bool {
        let Some(next) = root.next(guard) else { return true };
        let units = Units::between(root, next);
        let all = (0..units.count()).all(|unit| self.move_unit(root, next, unit, guard, rehash));
        if all {
            self.swing_root(root, guard);
        }
        all
    }

    /// Moves a unit. Returns false if it has entries and there is no `rehash`.
    #[cold]
    pub(super) fn move_unit(
        &self,
        old: &Directory<T>,
        next: &Directory<T>,
        unit: usize,
        guard: &Guard,
        rehash: Option<SlotHashes<'_, T>>,
    ) -> bool {
        let units = Units::between(old, next);
        let words = &old.words()[units.words(unit)];
        // Words are announced in order, so all of them have moved.
        if words.last().is_some_and(|last| last.load(guard).is_moved()) {
            return true;
        }
        let frozen: Vec<_> = words.iter().map(|word| word.observe()).collect();
        stall_point("frozen unit");
        if planted("announce_early") {
            self.announce(old, units.words(unit), &frozen, guard);
        }
        // If one word is announced, all successors are installed.
        if !frozen.iter().any(|word| word.is_moved()) {
            let entries = frozen.iter().map(|word| freeze(word.erased())).sum();
            let rehash: SlotHashes<'_, T> = match rehash {
                Some(rehash) => rehash,
                None if entries == 0 => &KnownHashes,
                None => return false,
            };
            let successors = units.successors(unit);
            let node = if let [word] = frozen[..] { word.node() } else { None };
            let divided = match node {
                Some(Node::Leaf(leaf)) => {
                    divide(leaf, successors.len(), BIRTH, next.bits(), rehash)
                }
                _ => None,
            };
            let trees = divided.unwrap_or_else(|| {
                let mut movers = Vec::with_capacity(entries);
                frozen.iter().for_each(|word| collect::<T>(*word, &mut movers, rehash));
                Self::build(next, successors.clone(), &mut movers)
            });
            stall_point("frozen entries");
            Self::install(&next.words()[successors], trees, guard);
        }
        self.announce(old, units.words(unit), &frozen, guard);
        true
    }

    /// A tree with those of these entries that belong to it, for each of some words of a directory.
    fn build<'n>(
        directory: &Directory<T>,
        words: Range<usize>,
        movers: &mut [Mover<T>],
    ) -> Vec<Word<'n, T>> {
        // An inconsistent hasher may return any hash.
        let (first, last) = (words.start, words.end - 1);
        let word_of = |mover: &Mover<T>| directory.index(mover.0).clamp(first, last);
        sort_by_word(movers, words.len(), |mover| word_of(mover) - first);
        let mut rest = movers;
        let tree = |index| {
            let count = rest.partition_point(|mover| word_of(mover) == index);
            let (part, after) = std::mem::take(&mut rest).split_at_mut(count);
            rest = after;
            build::<T>(BIRTH, part, directory.bits())
        };
        words.map(tree).collect()
    }

    /// Installs trees in those of these words that are not installed yet.
    fn install<'n>(words: &'n [Indirection<T>], trees: Vec<Word<'n, T>>, guard: &'n Guard) {
        for (cell, tree) in words.iter().zip(trees) {
            let unmade = cell.load(guard);
            let tree = if tree.is_empty() { Word::VACANT } else { tree };
            stall_point("unpublished successor");
            let installed = unmade.is_unmade() && cell.replace(unmade, tree).is_ok();
            if !installed && !planted("leaked_copy") {
                // SAFETY:
                // - just built, and not published.
                unsafe { unbuild(tree.erased()) };
            }
        }
    }

    /// Marks words as moved. Their content is `frozen`.
    fn announce(
        &self,
        old: &Directory<T>,
        words: Range<usize>,
        frozen: &[Word<'_, T>],
        guard: &Guard,
    ) {
        for (cell, &word) in old.words()[words].iter().zip(frozen) {
            stall_point("filled unit");
            // LINEARIZES nothing: the entries stay the same.
            if !word.is_moved() && cell.replace(word, word.moved()).is_ok() {
                let mut retire = |garbage| self.limbo.retire(guard, garbage);
                // SAFETY:
                // - the nodes were unlinked by the CAS above; iterations that began before continue below it under
                //   their guards. The entries have moved.
                unsafe { self.garbage_below(word, false, &mut retire) };
            }
        }
    }
}
