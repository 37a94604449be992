//! The structure checker of a tree, for those of the engines.
#![expect(unsafe_code, reason = "reads the hashes of slots")]

use std::collections::HashMap;
use std::ptr;

use super::lookup::read;
use super::node::{FAN_BITS, Node, View, Word};
use super::path_below;
use crate::bucket::{Held, Slot};
use crate::leaf::FAN_WIDTH;
use crate::store::{SlotHashes, Store, TreeSlot};

/// Looks up a hash: finds the slot for which a closure returns true.
type Find<'a, 'g, St> = dyn Fn(
        u64,
        &mut dyn FnMut(&<St as crate::engine::Content>::Key) -> bool,
    ) -> Option<Held<'g, <St as Store>::Slot>>
    + 'a;

/// A walk over a map that no thread changes meanwhile, and its counts.
pub(crate) struct Walk<'a, St: Store> {
    pub(crate) nodes: usize,
    pub(crate) entries: usize,
    /// The most fans above an entry.
    pub(crate) fans: usize,
    hash: SlotHashes<'a, St::Slot>,
}

impl<'a, St: Store> Walk<'a, St> {
    pub(crate) fn new(hash: SlotHashes<'a, St::Slot>) -> Self {
        Self { nodes: 0, entries: 0, fans: 0, hash }
    }

    /// Checks the node of `word`. The word was read under `above`, and a node or root born in `holder` holds it. The
    /// top bits of `path` are the hash bits that lead to it.
    pub(crate) fn node<'g>(
        &mut self,
        word: Word<'g, St::Slot>,
        above: View<'g>,
        holder: u64,
        depth: u32,
        path: u64,
    ) {
        let view = above.below(word);
        let Some(birth) = word.birth() else {
            assert!(!word.is_older(), "OLDER on an empty word");
            return;
        };
        self.nodes += 1;
        if word.is_older() {
            assert!(birth < holder, "OLDER on a node of the holder's generation");
        } else {
            assert_eq!(birth, holder, "a node of another generation without OLDER");
        }
        match word.node() {
            Some(Node::Fan(fan)) => {
                assert!(depth < u64::BITS, "a fan below the last hash bit");
                for index in 0..FAN_WIDTH {
                    let bits = (index as u64) << (u64::BITS - FAN_BITS);
                    let child = fan.words()[index].read(view);
                    self.node(child, view, birth, depth + FAN_BITS, path | bits >> depth);
                }
            }
            Some(Node::Leaf(leaf)) => {
                assert!(depth < u64::BITS, "a leaf below the last hash bit");
                for (index, bucket) in leaf.buckets().enumerate() {
                    let seen = read(bucket, view);
                    assert!(view.is_observed() || !seen.is_busy(), "a claim without a writer");
                    seen.check(|slot| self.hash_of(slot));
                    for slot in seen.contents().expect("a bucket that no thread changes") {
                        let hash = self.hash_of(&slot.now);
                        let right = leaf.index(path_below(hash, depth));
                        assert_eq!(right, index, "in another's bucket");
                        self.slot(&slot.now, depth, path);
                    }
                }
            }
            Some(Node::Collision(node)) => {
                assert!(depth >= u64::BITS, "a collision node above the last hash bit");
                for slot in node.slots() {
                    self.slot(&slot.now, depth, path);
                }
            }
            None => unreachable!("a birth without a node"),
        }
    }

    fn hash_of(&self, slot: &St::Slot) -> u64 {
        // SAFETY:
        // - live, and nothing is freed: the checker runs alone.
        unsafe { slot.hash(self.hash) }
    }

    fn slot(&mut self, slot: &St::Slot, depth: u32, path: u64) {
        self.entries += 1;
        self.fans = self.fans.max((depth / FAN_BITS) as usize);
        let differ = self.hash_of(slot) ^ path;
        let above = u64::MAX.checked_shr(depth).unwrap_or(0);
        assert_eq!(differ & !above, 0, "an entry under another hash's path");
    }

    /// Checks that a lookup reaches each entry that an iteration yields, exactly once.
    pub(crate) fn reach<'g>(
        &self,
        slots: impl Iterator<Item = Held<'g, St::Slot>>,
        find: &Find<'_, 'g, St>,
    ) where
        St: 'g,
    {
        let mut reached = HashMap::new();
        for slot in slots {
            let hash = self.hash_of(&slot.now);
            let reached = reached.entry(hash).or_insert_with(|| Self::reached(hash, find));
            match reached.get(&ptr::from_ref(slot.cell)) {
                Some(times) => assert_eq!(*times, 1, "an entry that is there twice"),
                None => panic!("an entry that no lookup reaches"),
            }
        }
    }

    /// The slots that a lookup of this hash compares, and how often.
    fn reached<'g>(
        hash: u64,
        find: &Find<'_, 'g, St>,
    ) -> HashMap<*const <St::Slot as Slot>::Cell, usize>
    where
        St: 'g,
    {
        let mut reached = HashMap::new();
        for before in 0.. {
            let mut asked = 0;
            let found = find(hash, &mut |_| {
                asked += 1;
                asked > before
            });
            let Some(slot) = found else { break };
            *reached.entry(ptr::from_ref(slot.cell)).or_default() += 1;
        }
        reached
    }
}
