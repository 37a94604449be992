//! The structure checker: walks a whole trie and verifies what `mod.rs` says of it.
//!
//! For tests. It must run alone: no other thread may change the map meanwhile.
#![expect(unsafe_code, reason = "reads the hashes of slots")]

use std::collections::HashMap;
use std::ptr;

use super::lookup::{self, path_below, read};
use super::node::{Fan, LEVELS, Node, View, Word};
use super::{Iter, Rehash, Trie};
use crate::bucket::Slot;
use crate::engine::Engine;
use crate::entry::Store;
use crate::leaf::FAN_WIDTH;
use crate::reclaim::Guard;

/// What the checker counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Nodes that hold words or entries, in the live tree.
    pub nodes: usize,
    /// Entries in the live tree.
    pub entries: usize,
    /// Levels of fans above the deepest entry.
    pub depth: usize,
    /// Snapshots that are registered with the map.
    pub snapshots: usize,
}

impl<St: Store> Trie<St> {
    /// Verifies every invariant of the live tree; `hash` tells the hashes of keys.
    ///
    /// # Panics
    /// If one does not hold.
    pub(crate) fn check(&self, hash: impl Fn(&[&St::Key], &mut [u64])) -> Structure {
        let guard = self.pin();
        let mut found = Structure::default();
        if let Some(context) = self.root(&guard) {
            let top = context.root.top.load(&guard);
            assert!(!top.is_frozen(), "the newest root is frozen");
            found.snapshots = context.domain().snapshots();
            let mut walk = Walk::<St> { found: &mut found, hash: &hash };
            walk.check(top, View::Live(&guard), context.root.generation, 0, 0);
        }
        // What lookups of each hash come by.
        let mut reached = HashMap::new();
        let top = self.root(&guard).map_or(Word::EMPTY, |context| context.root.top.load(&guard));
        let mut entries = Iter::<St>::new(top, View::Live(&guard));
        while let Some(slot) = entries.next_slot() {
            // SAFETY:
            // - live, and reached under the guard.
            let hash = unsafe { St::hash(&slot.now, &hash) };
            let reached = reached.entry(hash).or_insert_with(|| self.reached(hash, &guard));
            match reached.get(&ptr::from_ref(slot.cell)) {
                Some(times) => assert_eq!(*times, 1, "an entry that is there twice"),
                None => panic!("an entry that no lookup reaches"),
            }
        }
        assert_eq!(found.entries, self.len(&guard));
        assert_eq!(found.entries, self.iter(&guard).count());
        found
    }

    /// The slots that a lookup of this hash asks about, and how often.
    fn reached(&self, hash: u64, guard: &Guard) -> HashMap<*const <St::Slot as Slot>::Cell, usize> {
        let mut reached = HashMap::new();
        let top = self.root(guard).map_or(Word::EMPTY, |context| context.root.top.load(guard));
        for before in 0.. {
            let mut asked = 0;
            let mut after_those = |_: &St::Key| {
                asked += 1;
                asked > before
            };
            let view = View::Live(guard);
            let found = lookup::find::<St>(top, view, 0, hash, &mut after_those);
            let Some(slot) = found else { break };
            *reached.entry(ptr::from_ref(slot.cell)).or_default() += 1;
        }
        reached
    }
}

struct Walk<'a, St: Store> {
    found: &'a mut Structure,
    hash: Rehash<'a, St>,
}

impl<St: Store> Walk<'_, St> {
    /// Checks the node of `word`, which was read under `above` and a node (or root) born in `holder` holds;
    /// `path` has the hash bits that lead to it, at the top.
    fn check<'g>(
        &mut self,
        word: Word<'g, St::Slot>,
        above: View<'g>,
        holder: u64,
        level: u32,
        path: u64,
    ) {
        let view = above.below(word);
        let Some(birth) = word.birth() else {
            assert!(!word.is_older(), "OLDER on an empty word");
            return;
        };
        self.found.nodes += 1;
        self.found.depth = self.found.depth.max(level as usize);
        if word.is_older() {
            assert!(birth < holder, "OLDER on a node of the holder's generation");
        } else {
            assert_eq!(birth, holder, "a node of another generation without OLDER");
        }
        match word.node() {
            Some(Node::Fan(fan)) => {
                assert!(level < LEVELS, "a fan below the last hash bit");
                for index in 0..FAN_WIDTH {
                    let below = path | (index as u64) << (60 - 4 * level);
                    let child = fan.words()[index].read(view);
                    self.check(child, view, birth, level + 1, below);
                }
            }
            Some(Node::Leaf(leaf)) => {
                assert!(level < LEVELS, "a leaf below the last hash bit");
                for (index, bucket) in leaf.buckets().enumerate() {
                    let seen = read(bucket, view);
                    assert!(view.is_observed() || !seen.is_busy(), "a claim without a writer");
                    seen.check(|slot| self.hash_of(slot));
                    for slot in seen.contents().expect("a bucket that nobody changes") {
                        let hash = self.hash_of(&slot.now);
                        let right = leaf.index(path_below(hash, level));
                        assert_eq!(right, index, "in another's bucket");
                        self.check_slot(&slot.now, level, path);
                    }
                }
            }
            Some(Node::Collision(node)) => {
                assert_eq!(level, LEVELS, "a collision node above the last hash bit");
                for slot in node.slots() {
                    self.check_slot(&slot.now, level, path);
                }
            }
            None => unreachable!("a birth without a node"),
        }
    }

    fn hash_of(&self, slot: &St::Slot) -> u64 {
        // SAFETY:
        // - live, and nothing is freed while the checker runs, which runs alone.
        unsafe { St::hash(slot, self.hash) }
    }

    fn check_slot(&mut self, slot: &St::Slot, level: u32, path: u64) {
        let hash = self.hash_of(slot);
        self.found.entries += 1;
        let above = (0..level).all(|above| {
            let index = Fan::<St::Slot>::index;
            index(hash, above) == index(path, above)
        });
        assert!(above, "an entry under another hash's path");
    }
}
