//! The line: some slots, and a byte of hash for each of them, on one cache line.
//!
//! ```text
//! tags = FROZEN | PASSED 6 … 0 | tag 6 | … | tag 0     one atomic word; a tag of zero is one that is not set
//! slots = [Slot; 7]
//! cells                                                 of an inline store, on the cache lines behind
//! ```
//!
//! A slot is filled by one CAS, and its tag is set right after that, once and for ever: it is the tag
//! of the slot's key, which never changes. *The insertion of a key takes effect when its tag is set.*
//! So a lookup needs the slots whose tag is right, and no others: it finds them with a few
//! instructions, and no branch of it depends on where in the line an entry is. (In a table where each
//! slot had its hash bits with it, and a search went from slot to slot, three lookups in four went
//! through a branch that the processor had guessed wrong, and only knew it when the line had come
//! from memory. A model program took 38 ns a hit there and 16 here, among 100 000 entries; 20 and 9
//! for a key that is not in the map.)
//!
//! Who sets a tag:
//!
//! - who filled the slot, or who meets it filled before that: every change that passes over it, and an
//!   iteration that yields its entry. So a key that anybody has seen is seen by everybody, and *an entry
//!   is put into a slot only when the tags of all slots before it, on its way, are set*: a lookup that
//!   finds one missing need look no further;
//! - who copies a frozen line, in the copy. (A tag that is missing in the line itself may still be set
//!   there, by whom it is late for. The insertion takes effect then, or when the copy is announced.)
//!
//! An entry whose way leads past a line that is full leaves a *mark* there, before its slot is filled: one of the
//! seven bits `PASSED`, which its hash tells. So a lookup that finds a line full, and the mark of its hash missing,
//! need look no further either: an entry that is anywhere behind the line left its mark before anybody could see
//! it. Marks stay as long as tags do; a copy of a chunk makes its own. (When a table is about to grow, one line in four
//! is full, and the mark of a hash is missing in five of six of these. Among ten million entries, which is about then,
//! looking for a key that is not there took 92 ns without marks and 65 with them, in lines with cells 102 and 74; among
//! four million 58 and 50, 69 and 60: medians of three alternating runs.)
//!
//! `FROZEN` is set after the slots were frozen, and before a copy of them is announced. So who reads the
//! tags without it knows that the entries were here then.
#![allow(clippy::cast_possible_truncation, reason = "a tag is part of a hash")]
#![expect(unsafe_code, reason = "hands entries to the store")]

use std::ops::ControlFlow;
use std::ptr::NonNull;

use super::bucket::Live;
use super::slot::{Slot, UNUSED_BITS, Word};
use super::store::{Boxed, Inline, Store};
use crate::sync::{AtomicU64, Ordering, planted, stall_point};

/// Slots of a line: with the tags they are one cache line, where a pointer is eight bytes. The model
/// checker gets fewer, so that the rare paths are near.
pub(super) const LINE_SLOTS: usize = if cfg!(shuttle) { 2 } else { 7 };

/// Set when the slots never change again.
const FROZEN: u64 = 1 << 63;

/// The lowest of the marks.
const PASSED: u64 = 1 << 56;

/// The lowest bit of each tag, and the highest.
const ONES: u64 = ones();
const HIGHS: u64 = ONES << 7;

/// The topmost byte is for `FROZEN` and `PASSED`.
const _: () = assert!(LINE_SLOTS <= 7);

const fn ones() -> u64 {
    let mut ones = 0;
    let mut slot = 0;
    while slot < LINE_SLOTS {
        ones |= 1 << (8 * slot);
        slot += 1;
    }
    ones
}

/// The tag of a hash: its lowest byte of those that are used, but never zero.
#[inline]
fn tag_of(hash: u64) -> u64 {
    let tag = (hash >> UNUSED_BITS) & 0xff;
    if tag == 0 { 0x80 } else { tag }
}

/// The mark of a hash, by the eight bits above those of its tag.
#[inline]
fn mark_of(hash: u64) -> u64 {
    PASSED << (((hash >> (UNUSED_BITS + 8) & 0xff) * 7) >> 8)
}

/// The tags of a line, as they were read.
#[derive(Clone, Copy)]
pub(super) struct Tags(u64);

impl Tags {
    pub(super) const NONE: Self = Self(0);

    /// These tags and that of one more slot, of a key with this hash.
    #[inline]
    pub(super) fn with(self, slot: usize, hash: u64) -> Self {
        Self(self.0 | tag_of(hash) << (8 * slot))
    }

    /// Whether the line was frozen.
    #[inline]
    pub(super) fn is_frozen(self) -> bool {
        self.0 & FROZEN != 0
    }

    /// Whether the tags of all slots are set.
    #[inline]
    pub(super) fn are_set(self) -> bool {
        self.missing() == 0
    }

    /// The first slot whose tag is not set; their number, if there is none.
    #[inline]
    pub(super) fn first_missing(self) -> usize {
        match self.missing() {
            0 => LINE_SLOTS,
            missing => missing.trailing_zeros() as usize / 8,
        }
    }

    /// These tags and the mark of an entry with this hash.
    #[inline]
    pub(super) fn passed(self, hash: u64) -> Self {
        Self(self.0 | mark_of(hash))
    }

    /// Whether an entry with this hash may be in a line behind this one.
    #[inline]
    pub(super) fn may_be_passed(self, hash: u64) -> bool {
        self.are_set() && self.0 & mark_of(hash) != 0
    }

    #[inline]
    pub(super) fn has(self, slot: usize) -> bool {
        self.0 >> (8 * slot) & 0xff != 0
    }

    /// The highest bits of the tags that are zero. Above the first of them other bits may be set too,
    /// for a tag of one: the subtraction borrows.
    #[inline]
    fn missing(self) -> u64 {
        zero_bytes(self.0)
    }

    /// Calls `found` with each slot that has the tag of this hash, until it breaks; maybe with others
    /// too, filled or not.
    #[inline(always)]
    pub(super) fn find<B>(
        self,
        hash: u64,
        mut found: impl FnMut(usize) -> ControlFlow<B>,
    ) -> Option<B> {
        let mut slots = zero_bytes(self.0 ^ (tag_of(hash) * ONES));
        while slots != 0 {
            if let ControlFlow::Break(result) = found(slots.trailing_zeros() as usize / 8) {
                return Some(result);
            }
            slots &= slots - 1;
        }
        None
    }
}

/// The highest bit of each byte that is zero, among those of tags; see [`Tags::missing`].
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(ONES) & !word & HIGHS
}

/// A line. All bits zero is a valid line, an empty one: tables are made of zeroed memory.
#[repr(C)]
pub(super) struct Line<S: Store> {
    tags: AtomicU64,
    slots: [Slot<S>; LINE_SLOTS],
    cells: S::Cells,
}

const _: () = assert!(
    cfg!(shuttle)
        || cfg!(not(target_pointer_width = "64"))
        || (size_of::<Line<Boxed<u8, u8>>>() == 64
            && std::mem::offset_of!(Line<Inline<u64, u64>>, cells) == 64
            && size_of::<Line<Inline<u64, u64>>>() == 192)
);

impl<S: Store> Line<S> {
    /// The slots, in the order in which they are filled.
    #[inline]
    pub(super) fn slots(&self) -> &[Slot<S>; LINE_SLOTS] {
        &self.slots
    }

    /// The places besides the slots.
    #[inline]
    pub(super) fn cells(&self) -> &S::Cells {
        &self.cells
    }

    /// The entry of a slot that holds `word`, if it is live.
    #[inline]
    pub(super) fn entry(&self, slot: usize, word: Word<S>) -> Option<NonNull<S::Entry>> {
        S::entry(word, &self.cells, slot)
    }

    #[inline]
    pub(super) fn tags(&self) -> Tags {
        // Acquire: the slots whose tags are set; pairs with the Release of `set_tag`. (All writes are
        // read-modify-writes: what the first one released is still released.) And, if the line is
        // frozen, why; pairs with the Release of `freeze`.
        Tags(self.tags.load(Ordering::Acquire))
    }

    /// Sets the tag of a slot that was filled with a key of this hash, if it is not set.
    ///
    /// LINEARIZES insert, if this call is the first that sets it.
    #[inline]
    pub(super) fn set_tag(&self, slot: usize, hash: u64) {
        stall_point("untagged slot");
        // Release: the slot; pairs with the Acquire of `tags`. Whoever sets a tag sets the same one, so
        // the second time changes nothing.
        self.tags.fetch_or(Tags::NONE.with(slot, hash).0, Ordering::Release);
    }

    /// [`Self::set_tag`], if it was missing in `tags`, for an entry that was met in a slot.
    #[inline]
    pub(super) fn help_tag(&self, slot: usize, tags: Tags, hash: u64) {
        if !tags.has(slot) && !planted("no_help") {
            self.set_tag(slot, hash);
        }
    }

    /// Leaves the mark of an entry with this hash, which is not in a slot yet and goes to one behind this line.
    #[inline]
    pub(super) fn pass(&self, hash: u64) {
        stall_point("unmarked line");
        // Relaxed, for both: whoever sees the entry sees what came before it; pairs, through the slot's Release, with
        // the Acquire of who sets or reads its tag.
        if self.tags.load(Ordering::Relaxed) & mark_of(hash) == 0 {
            self.tags.fetch_or(mark_of(hash), Ordering::Relaxed);
        }
    }

    /// Makes the memory's page the process's own, if it is fresh.
    ///
    /// A fresh page that is read first is the system's page of zeros; written then, it is copied, and every
    /// processor that runs the process is interrupted to forget the other one. A move that began by
    /// looking at empty slots spent half of the time that two threads inserted on that.
    #[inline]
    pub(super) fn touch(&self) {
        // Relaxed: replaces zero by zero. (A `fetch_or` of nothing the compiler takes for a load.)
        let _ = self.tags.compare_exchange(0, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Sets tags of slots that this thread filled or saw filled.
    pub(super) fn set_tags(&self, tags: Tags) {
        // Release: as in `set_tag`.
        self.tags.fetch_or(tags.0, Ordering::Release);
    }

    /// Keeps the slots from ever changing again. Calls `live` for each live entry, in their order, with
    /// its word, not frozen.
    pub(super) fn freeze(&self, mut live: impl FnMut(Word<S>, NonNull<S::Entry>)) {
        for (index, slot) in self.slots.iter().enumerate() {
            let word = slot.freeze().thawed();
            stall_point("half-frozen chunk");
            if let Some(entry) = self.entry(index, word) {
                live(word, entry);
            }
        }
        // Release: the slots, and why the line is frozen; pairs with the Acquire of `tags`.
        self.tags.fetch_or(FROZEN, Ordering::Release);
    }

    /// Puts an entry into the first empty slot of a line that nobody else can see. Fails if there is none, and
    /// leaves the entry's mark.
    ///
    /// # Safety
    /// - The entry is not freed.
    pub(super) unsafe fn fill(&mut self, live: &Live<S>) -> Result<(), ()> {
        let tags = Tags(*self.tags.get_mut());
        let index = tags.first_missing();
        let Some(slot) = self.slots.get_mut(index) else {
            *self.tags.get_mut() = tags.passed(live.hash).0;
            return Err(());
        };
        // SAFETY:
        // - not freed, by the contract.
        slot.fill(unsafe { S::carry(live, &self.cells, index) });
        *self.tags.get_mut() = tags.with(index, live.hash).0;
        Ok(())
    }

    /// Verifies what holds when nobody changes the line.
    ///
    /// # Safety
    /// - The entries in the slots are not freed during the call.
    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(super) unsafe fn check(&self) {
        let tags = self.tags();
        let marks = 0x7f * PASSED;
        assert_eq!(tags.0 & !(FROZEN | marks | (0xff * ONES)), 0, "a tag without a slot");
        assert!(tags.0 & marks == 0 || tags.are_set(), "a mark on a line with room");
        let words = self.slots.each_ref().map(Slot::load);
        let frozen = words.iter().filter(|word| word.is_frozen()).count();
        assert_eq!(frozen, if tags.is_frozen() { LINE_SLOTS } else { 0 }, "frozen in part");
        for (index, word) in words.into_iter().enumerate() {
            assert_eq!(tags.has(index), !word.is_empty(), "a slot without a tag, or the reverse");
            if word.is_in_cell() {
                assert!(S::is_claimed(&self.cells, index), "a cell that nobody claimed");
            }
            if let Some(entry) = self.entry(index, word) {
                // SAFETY:
                // - not freed: promised by the caller.
                let tag = tag_of(unsafe { S::hash(word, entry) });
                assert_eq!(tags.0 >> (8 * index) & 0xff, tag, "a wrong tag");
            }
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99);
        *state >> 7
    }

    #[test]
    fn tags_are_found_as_byte_by_byte() {
        let mut state = 1;
        for _ in 0..20_000 {
            // Few distinct bytes, so that neighbours often match and often differ by one.
            let tags = Tags(random(&mut state) & 0x8081_0201_8003_0181);
            for hash in [0, 1, 2, 3, 0x80, 0x81, 0x7f, 0xff].map(|tag| tag << UNUSED_BITS) {
                let mut found = Vec::new();
                let end = tags.find(hash, |slot| {
                    found.push(slot);
                    ControlFlow::<()>::Continue(())
                });
                assert_eq!(end, None);
                let is = |slot: usize| tags.0 >> (8 * slot) & 0xff == tag_of(hash);
                assert!((0..LINE_SLOTS).all(|slot| !is(slot) || found.contains(&slot)));
                // What else is found is behind what is right, and only where a bit is the difference.
                let wrong = |slot: usize| tags.0 >> (8 * slot) & 0xff == tag_of(hash) ^ 1;
                assert!(found.iter().all(|&slot| is(slot) || (slot > 0 && wrong(slot))));
            }
            let bytes = tags.0.to_le_bytes();
            let missing = bytes[..LINE_SLOTS].iter().position(|byte| *byte == 0);
            assert_eq!(tags.first_missing(), missing.unwrap_or(LINE_SLOTS));
            assert_eq!(tags.are_set(), missing.is_none());
            assert!((0..LINE_SLOTS).all(|slot| tags.has(slot) == (bytes[slot] != 0)));
        }
    }

    #[test]
    fn no_hash_has_the_tag_of_a_slot_without_one() {
        assert!((0..=0xf_ffff).all(|hash| (1..=0xff).contains(&tag_of(hash))));
        // And all that a byte can say are used.
        let tags: std::collections::HashSet<_> =
            (0..=0xff).map(|byte| tag_of(byte << UNUSED_BITS)).collect();
        assert_eq!(tags.len(), 0xff);
    }
}
