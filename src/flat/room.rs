//! When a table moves and to how many words; and clearing it.
#![expect(unsafe_code, reason = "retires what is cleared")]

use super::directory::Directory;
use super::raw::RawFlat;
use crate::leaf::Size;
use crate::reclaim::Guard;
use crate::store::{SlotHashes, TreeSlot};
use crate::sync::{Ordering, stall_point};
use crate::tree::freeze;
use crate::tree::node::Word;

/// A directory with room for more than this many times its entries shrinks.
const SPARSE: usize = if cfg!(shuttle) { 4 } else { 16 };

/// A directory shrinks to room for this many times its entries.
const ROOMY: usize = if cfg!(shuttle) { 2 } else { 4 };

impl<T: TreeSlot> RawFlat<T> {
    /// Makes a new table hold this many entries before it grows, and keeps it from shrinking by itself.
    ///
    /// # Panics
    /// If the capacity overflows.
    pub(super) fn reserve_from_start(&mut self, entries: usize) {
        if entries > 0 {
            let bits = Self::bits_for(entries);
            let least = Directory::<T>::least_for(entries, bits);
            *self.reserved.get_mut() = entries;
            *self.root.get_mut() = Box::into_raw(Directory::boxed(bits, least));
        }
    }

    /// # Panics
    /// If the capacity overflows.
    pub(super) fn bits_for(entries: usize) -> u32 {
        Directory::<T>::bits_for(entries).expect("capacity overflow")
    }

    /// Number of entries up to which a directory does not grow.
    pub(super) fn room_of(directory: &Directory<T>) -> usize {
        directory.words().len() * Directory::<T>::entries_of_word()
    }

    /// Whether there are enough entries for the directory to grow.
    pub(super) fn is_full(&self, directory: &Directory<T>) -> bool {
        self.count.sum() >= Self::room_of(directory)
    }

    /// Number of entries below which the table does not grow.
    pub(super) fn capacity(&self, guard: &Guard) -> usize {
        let root = self.root(guard);
        root.map_or(0, |root| Self::room_of(root.next(guard).unwrap_or(root)))
    }

    /// Makes the table large enough for `additional` more entries, now: O(n). With `for_good`, it does not shrink below
    /// that by itself until the next [`Self::shrink_to_fit`] or [`Self::clear`].
    ///
    /// # Panics
    /// If the capacity overflows, or if `rehash` panics.
    pub(super) fn make_room(
        &self,
        additional: usize,
        for_good: bool,
        guard: &Guard,
        rehash: SlotHashes<'_, T>,
    ) {
        let entries = self.count.sum().checked_add(additional).expect("capacity overflow");
        let bits = Self::bits_for(entries);
        if additional == 0 {
            return;
        }
        if for_good {
            self.raise_reserved(entries);
        }
        let least = Directory::<T>::least_for(entries, bits);
        loop {
            let root = self.root_or_first(bits, least, guard);
            if root.next(guard).is_none() {
                if root.bits() >= bits {
                    return;
                }
                self.begin_move(root, bits, least, guard);
            }
            self.move_all(root, guard, Some(rehash));
        }
    }

    fn raise_reserved(&self, entries: usize) {
        // All Relaxed: only a number, which publishes nothing.
        let mut now = self.reserved.load(Ordering::Relaxed);
        while now < entries {
            match self.reserved.compare_exchange(now, entries, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(other) => now = other,
            }
        }
    }

    /// Starts a move to a smaller directory if this one has far too many words.
    pub(super) fn shrink_if_due(&self, guard: &Guard) {
        let Some(root) = self.root(guard) else { return };
        if root.bits() == 0 || root.next(guard).is_some() {
            return;
        }
        let len = self.count.sum();
        // Relaxed: only a number, which publishes nothing.
        let wanted = self.reserved.load(Ordering::Relaxed).max(len * ROOMY);
        if len * SPARSE < Self::room_of(root) {
            if let Some(bits) = Directory::<T>::bits_for(wanted) {
                if bits < root.bits() {
                    self.begin_move(root, bits, Size::SMALLEST, guard);
                }
            }
        }
    }

    /// Makes the table as small as its entries allow, now: O(n).
    pub(super) fn shrink_to_fit(&self, guard: &Guard, rehash: SlotHashes<'_, T>) {
        // Relaxed: as in `raise_reserved`.
        self.reserved.store(0, Ordering::Relaxed);
        // A bounded number of rounds: insertions of other threads may make the table grow again.
        for _ in 0..u64::BITS {
            let Some(root) = self.root(guard) else { return };
            if root.next(guard).is_none() {
                let bits = Directory::<T>::bits_for(self.count.sum());
                let bits = bits.map_or(root.bits(), |bits| bits.min(root.bits()));
                if bits == root.bits() && root.least == Size::SMALLEST {
                    return;
                }
                self.begin_move(root, bits, Size::SMALLEST, guard);
            }
            self.move_all(root, guard, Some(rehash));
        }
    }

    /// Removes all entries, leaf by leaf, and makes the table small: O(n + words). Entries that other threads insert
    /// meanwhile may stay.
    pub(super) fn clear(&self, rehash: SlotHashes<'_, T>) {
        let mut next = Some(0);
        while let Some(first) = next {
            next = self.clear_word(first, &self.collector.pin(), rehash);
        }
        self.shrink_to_fit(&self.collector.pin(), rehash);
        self.limbo.collect(&self.collector);
    }

    /// Empties the word that a hash belongs to, and skips the empty words after it. Returns the first hash after them.
    fn clear_word(&self, hash: u64, guard: &Guard, rehash: SlotHashes<'_, T>) -> Option<u64> {
        let mut directory = self.root(guard)?;
        loop {
            let (index, cell) = (directory.index(hash), directory.towards(hash));
            let word = cell.load(guard);
            if word.is_frozen() {
                if !word.is_moved() {
                    self.move_unit_of(directory, hash, guard, rehash);
                }
                directory = Self::moved_to(directory, guard);
                continue;
            }
            if word.is_empty() {
                let rest = &directory.words()[index..];
                let empty = |word: Word<'_, T>| word.is_empty() && !word.is_frozen();
                let skipped = rest.iter().take_while(|cell| empty(cell.load(guard))).count();
                return directory.first_hash(index + skipped.max(1));
            }
            // Nothing below changes, unless another thread puts a copy here.
            let entries = freeze(word.erased());
            stall_point("unpublished copy");
            // LINEARIZES the removal of everything below.
            if cell.replace(word, Word::VACANT).is_ok() {
                self.count.change(-(entries as isize));
                let mut retire = |garbage| self.limbo.retire(guard, garbage);
                // SAFETY:
                // - frozen, and unlinked by the CAS above: no other thread retires it.
                unsafe { self.garbage_below(word, true, &mut retire) };
                return directory.first_hash(index + 1);
            }
        }
    }

    /// Frees the words of an empty table.
    pub(super) fn empty_out(&self) {
        let guard = self.collector.pin();
        for _ in 0..2 {
            let Some(root) = self.root(&guard) else { return };
            if self.count.sum() > 0 {
                return;
            }
            self.shrink_if_due(&guard);
            if !self.move_all(root, &guard, None) {
                return;
            }
        }
    }
}
