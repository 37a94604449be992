//! The entries of a table that nobody else can reach.
#![expect(unsafe_code, reason = "takes entries out of slots, and hands out values to be changed")]

use std::ptr;

use super::bucket::Truth;
use super::line::Line;
use super::store::{Boxed, Store};
use super::table::Spot;
use super::{Flat, current};
use crate::sync::Ordering;

impl<S: Store> Flat<S> {
    /// Takes all entries out.
    pub(crate) fn into_pairs(mut self) -> Vec<(S::Key, S::Value)> {
        let mut pairs = Vec::with_capacity(self.count.sum());
        let root = std::mem::replace(self.root.get_mut(), ptr::null_mut());
        if !root.is_null() {
            // SAFETY:
            // - a table of this map, which is owned: nobody else can reach it, and its entries are taken out once.
            unsafe {
                Self::for_all_lines(&*root, |lines| take_entries(lines, &mut pairs));
                Self::free_tables(root);
            }
        }
        pairs
    }
}

/// # Safety
/// - Nobody else can reach the entries, and nobody takes or frees them again.
unsafe fn take_entries<S: Store>(lines: &[Line<S>], pairs: &mut Vec<(S::Key, S::Value)>) {
    for line in lines {
        for (slot, word) in line.slots().iter().map(|slot| slot.load().thawed()).enumerate() {
            if line.entry(slot, word).is_some() {
                // SAFETY:
                // - in a slot, so from the store, for this slot; this caller's alone: by the contract.
                pairs.push(S::into_pair(unsafe { S::retract(word, line.cells(), slot) }));
            }
        }
    }
}

impl<K, V> Flat<Boxed<K, V>> {
    /// The value of the key with this hash for which `eq` holds, to be changed where it is.
    pub(crate) fn get_mut(&mut self, hash: u64, mut eq: impl FnMut(&K) -> bool) -> Option<&mut V> {
        // Relaxed: exclusive.
        let root = self.root.load(Ordering::Relaxed);
        // SAFETY:
        // - null, or a table of this map, which is borrowed.
        let mut next = unsafe { root.as_ref() };
        while let Some(table) = next {
            if let Spot::Here(chunk) = table.spot(table.shape.chunk_of(hash)) {
                if let Truth::Here(_) = chunk.truth() {
                    let entries = current(chunk).iter().flat_map(Line::slots);
                    for entry in entries.filter_map(|slot| slot.load().pointer()) {
                        // SAFETY:
                        // - an entry of this map, which is borrowed exclusively for as long as the result.
                        let (key, value) = unsafe { Boxed::pair_mut(entry) };
                        if eq(key) {
                            return Some(value);
                        }
                    }
                    return None;
                }
            } else if let Spot::Absent = table.spot(table.shape.chunk_of(hash)) {
                return None;
            }
            next = table.next();
        }
        None
    }

    /// All entries, with values to be changed where they are.
    pub(crate) fn pairs_mut(&mut self) -> Vec<(&K, &mut V)> {
        let mut pairs = Vec::with_capacity(self.count.sum());
        // Relaxed: exclusive.
        let root = self.root.load(Ordering::Relaxed);
        // SAFETY:
        // - null, or a table of this map, which is borrowed.
        if let Some(root) = unsafe { root.as_ref() } {
            Self::for_all_lines(root, |lines| {
                let entries = lines.iter().flat_map(Line::slots);
                for entry in entries.filter_map(|slot| slot.load().pointer()) {
                    // SAFETY:
                    // - an entry of this map, which is borrowed exclusively for as long as the result; each is in
                    //   one line, as `for_all_lines` says.
                    pairs.push(unsafe { Boxed::pair_mut(entry) });
                }
            });
        }
        pairs
    }
}
