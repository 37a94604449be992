//! Counting what a frozen tree is made of.

use std::ptr::NonNull;

use super::diff::{Beyond, beyond};
use super::frozen::Frozen;
use super::node::{LEVELS, Link, Node, Shape, View, Word};
use crate::entry::Store;

/// Shapes of nodes.
pub(crate) const SHAPES: usize = 8;

/// What was counted.
#[derive(Default)]
pub(crate) struct Tally {
    /// Entries by the number of fans above them.
    pub(crate) depths: [usize; LEVELS as usize + 1],
    pub(crate) nodes: [NodeTally; SHAPES],
    /// Of entries, besides their slots.
    pub(crate) entry_bytes: usize,
}

/// Nodes of one shape.
#[derive(Clone, Copy, Default)]
pub(crate) struct NodeTally {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    /// Room for entries, or for children.
    pub(crate) slots: usize,
    /// How much of that is taken.
    pub(crate) used: usize,
}

impl<St: Store> Frozen<St> {
    /// Counts what is in this tree, and not in `other` if there is one. O(n), or O(changes).
    pub(crate) fn tally(&self, other: Option<&Self>) -> Tally {
        let mut tally = Tally::default();
        let other = other.filter(|other| self.may_share(other));
        let other = other.map_or(Word::EMPTY, Self::top);
        beyond::<St>(self.top(), other, 0, &mut tally);
        tally
    }

    /// The generations of the map's live snapshots, newest first.
    pub(crate) fn generations(&self) -> Vec<u64> {
        self.domain().map_or_else(Vec::new, |domain| domain.generations())
    }
}

impl<St: Store> Beyond<St> for Tally {
    fn tree(&mut self, _: Word<'_, St::Slot>) -> bool {
        false
    }

    fn node(&mut self, word: Word<'_, St::Slot>) {
        let (Some(node), Some((shape, bytes))) = (word.node(), word.shape_and_bytes()) else {
            return;
        };
        let (slots, used) = match node {
            Node::Fan(fan) => {
                let words = fan.words();
                (words.len(), words.iter().filter(|word| !word.observe().is_empty()).count())
            }
            Node::Branch(branch) => {
                let used = branch.groups().map(|group| group.observe().count()).sum();
                (branch.capacity(), used)
            }
            Node::Chain(chain) => (chain.capacity(), chain.links(View::Observed).count()),
        };
        let tally = &mut self.nodes[shape as usize];
        tally.count += 1;
        tally.bytes += bytes;
        tally.slots += slots;
        tally.used += used;
    }

    fn entry(&mut self, _: &St::Slot, level: u32) {
        self.depths[level as usize] += 1;
        self.entry_bytes += St::ENTRY_BYTES;
    }

    fn link(&mut self, _: NonNull<Link<St::Slot>>) {
        self.nodes[Shape::Chain as usize].bytes += size_of::<Link<St::Slot>>();
    }
}
