//! The structure checker: walks a whole map and verifies what `mod.rs` says of it.
//!
//! For tests. It must run alone: no other thread may change the map meanwhile.
#![expect(unsafe_code, reason = "reads the hashes of entries")]

use std::collections::HashMap;

use super::Flat;
use super::bucket::{Chunk, Truth};
use super::line::Line;
use super::probe::Lines;
use super::slot::Slot;
use super::store::Store;
use super::table::{Spot, Table};
use crate::engine::Engine;

/// What the checker counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlatStructure {
    /// Slots of the table, or of the one that it moves to.
    pub slots: usize,
    /// Entries.
    pub entries: usize,
    /// Tombstones, where entries are now.
    pub tombstones: usize,
    /// Chunks that have gone to a bucket.
    pub buckets: usize,
    /// The slots of these buckets.
    pub bucket_slots: usize,
    /// Whether a move is under way.
    pub moving: bool,
}

impl<S: Store> Flat<S> {
    /// Verifies every invariant of the map; `hash` tells a key's hash.
    ///
    /// # Panics
    /// If one does not hold.
    pub(crate) fn check(&self, hash: impl Fn(&S::Key) -> u64) -> FlatStructure {
        let guard = self.pin();
        let mut found = FlatStructure::default();
        if let Some(root) = self.root(&guard) {
            found.moving = root.next().is_some();
            found.slots = root.next().unwrap_or(root).shape.slots();
            check_table(root, &mut found);
            if let Some(next) = root.next() {
                assert!(next.next().is_none(), "a table moves on before it is the root");
                check_table(next, &mut found);
            }
        }
        let mut entries = HashMap::<*const S::Key, usize>::new();
        let mut iter = self.iter(&guard);
        while let Some(key) = iter.next_key() {
            *entries.entry(key).or_default() += 1;
            let same = |other: &S::Key| std::ptr::eq(other, key);
            assert!(
                self.lookup::<false>(hash(key), same, &guard).is_some(),
                "an entry that no lookup reaches"
            );
        }
        assert!(entries.values().all(|&times| times == 1), "an entry that comes twice");
        assert_eq!(found.entries, entries.len(), "entries in slots and in an iteration");
        assert_eq!(found.entries, self.len(&guard), "entries in slots and in the counter");
        found
    }
}

fn check_table<S: Store>(table: &Table<S>, found: &mut FlatStructure) {
    for index in 0..table.shape.chunks() {
        let Spot::Here(chunk) = table.spot(index) else { continue };
        let Truth::Here(slots) = chunk.truth() else {
            assert!(table.next().is_some(), "moved to no table");
            continue;
        };
        let own = slots.lines().is(chunk.own());
        assert!(!slots.is_moving(), "a chunk that was claimed and not moved");
        if !own {
            found.buckets += 1;
            found.bucket_slots += slots.lines().len();
            check_frozen(chunk);
        }
        check_lines(table, index, slots.lines(), found);
    }
}

fn check_frozen<S: Store>(chunk: Chunk<'_, S>) {
    let frozen = chunk.own().all().iter().all(|line| line.tags().is_frozen());
    assert!(frozen, "a bucket for a chunk whose own slots can be written to");
}

/// Checks the lines where the entries of a chunk are.
fn check_lines<S: Store>(
    table: &Table<S>,
    index: usize,
    lines: Lines<'_, S>,
    found: &mut FlatStructure,
) {
    for line in lines.all() {
        // SAFETY:
        // - nobody changes the map, by the contract of `check`.
        unsafe { line.check() };
        assert!(!line.tags().is_frozen(), "a frozen line that counts");
        let words = line.slots().each_ref().map(Slot::load);
        let used = words.iter().take_while(|word| !word.is_empty()).count();
        assert!(words[used..].iter().all(|word| word.is_empty()), "an empty slot before another");
        found.tombstones += words.iter().filter(|word| word.is_tombstone()).count();
        for (slot, word) in words.into_iter().enumerate() {
            let Some(entry) = line.entry(slot, word) else { continue };
            found.entries += 1;
            // SAFETY:
            // - in a slot that is not frozen, under a guard.
            let hash = unsafe { S::hash(word, entry) };
            assert_eq!(table.shape.chunk_of(hash), index, "an entry in another's chunk");
            let mut way = lines.way_to(line, hash).map(Line::tags);
            assert!(
                way.all(|tags| tags.may_be_passed(hash)),
                "a way to an entry that ends before it"
            );
        }
    }
}
