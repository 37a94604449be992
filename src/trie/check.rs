//! The structure checker: walks a whole trie and verifies what `mod.rs` says of it.
//!
//! For tests. It must run alone: no other thread may change the map meanwhile.
#![expect(unsafe_code, reason = "reads the entries of slots that a guard protects")]

use std::collections::HashMap;
use std::ptr;

use super::lookup;
use super::node::{FAN_WIDTH, Fan, LEVELS, Node, View, Word};
use super::{Rehash, Trie};
use crate::engine::Engine;
use crate::entry::{Mover, Store};
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
    /// Verifies every invariant of the live tree; `hash` tells a key's hash.
    ///
    /// # Panics
    /// If one does not hold.
    pub(crate) fn check(&self, hash: impl Fn(&St::Key) -> u64) -> Structure {
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
        let mut iter = self.iter(&guard);
        while let Some(slot) = iter.next_slot() {
            // SAFETY:
            // - reached under the guard.
            let (key, _) = unsafe { St::pair_ref(slot) };
            let hash = hash(key);
            let reached = reached.entry(hash).or_insert_with(|| self.reached(hash, &guard));
            match reached.get(&ptr::from_ref(key)) {
                Some(times) => assert_eq!(*times, 1, "an entry that is there twice"),
                None => panic!("an entry that no lookup reaches"),
            }
        }
        assert_eq!(found.entries, self.len(&guard));
        assert_eq!(found.entries, self.iter(&guard).count());
        found
    }

    /// The entries that a lookup of this hash asks about, each by the address of its key, and how
    /// often.
    fn reached(&self, hash: u64, guard: &Guard) -> HashMap<*const St::Key, usize> {
        let mut reached = HashMap::new();
        for before in 0.. {
            let mut asked = 0;
            // Who asks may do so about a copy: it is the answer that says where the entry is.
            let mut after_those = |_: &St::Key| {
                asked += 1;
                asked > before
            };
            let Some(context) = self.root(guard) else { break };
            let (top, view) = (context.root.top.load(guard), View::Live(guard));
            let Some(slot) = lookup::find::<St>(top, view, 0, hash, &mut after_those) else {
                break;
            };
            // SAFETY:
            // - reached under the guard.
            let (key, _) = unsafe { St::pair_ref(slot) };
            *reached.entry(ptr::from_ref(key)).or_default() += 1;
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
            Some(Node::Branch(branch)) => {
                assert!(level < LEVELS, "a branch below the last hash bit");
                for (index, group) in branch.groups().enumerate() {
                    let seen = group.read(view);
                    seen.check(|slot| self.hash_of(slot));
                    for slot in seen.iter() {
                        let hash = self.hash_of(&slot.now);
                        assert_eq!(branch.group_index(hash), index, "in another's group");
                        self.check_slot(&slot.now, level, path);
                    }
                }
            }
            Some(Node::Chain(chain)) => {
                assert_eq!(level, LEVELS, "a chain above the last hash bit");
                for link in chain.links(view) {
                    assert!(link.birth <= birth, "a link younger than its chain");
                    self.check_slot(&link.slot().now, level, path);
                }
            }
            None => unreachable!("a birth without a node"),
        }
    }

    fn hash_of(&self, slot: &St::Slot) -> u64 {
        St::mover(*slot, self.hash).hash()
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
