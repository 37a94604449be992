//! Counting the parts of a frozen tree.
#![expect(unsafe_code, reason = "reads the hashes of entries of frozen trees")]

use super::diff::{Beyond, beyond, holds};
use super::frozen::Frozen;
use crate::bucket::Geometry;
use crate::hash::Rehash;
use crate::leaf::{Shape, Size};
use crate::store::{ByKey, Store, TreeSlot};
use crate::tree::node::{LEVELS, Node, Word};

/// Number of shapes: the sizes of leaves by their codes, fans, collision nodes.
pub(crate) const SHAPES: usize = Size::CODES + 2;

fn number(shape: Shape) -> usize {
    match shape {
        Shape::Leaf(size) => size.code(),
        Shape::Fan => Size::CODES,
        Shape::Collision => Size::CODES + 1,
    }
}

/// The counts.
#[derive(Default)]
pub(crate) struct Tally {
    /// Entries by the number of fans above them.
    pub(crate) depths: [usize; LEVELS as usize + 1],
    pub(crate) nodes: [NodeTally; SHAPES],
    /// Bytes of entries outside of their slots.
    pub(crate) entry_bytes: usize,
}

/// Nodes of one shape.
#[derive(Clone, Copy, Default)]
pub(crate) struct NodeTally {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
    /// Room for entries, or for children.
    pub(crate) slots: usize,
    /// How much of that is used.
    pub(crate) used: usize,
}

impl<St: Store> Frozen<St> {
    /// Counts the parts of this tree. O(n).
    pub(crate) fn tally(&self) -> Tally {
        let mut count = Count::of::<St>(|_: Word<'_, _>, _, _: &_| false);
        beyond(self.top(), Word::EMPTY, 0, &mut count);
        count.tally
    }

    /// Counts the parts of this tree that are not in `other`. O(changes · log n) if they may share nodes.
    pub(crate) fn tally_beyond(&self, other: &Self, rehash: Rehash<'_, St::Key>) -> Tally {
        if !self.may_share(other) {
            return self.tally();
        }
        let has = |word: Word<'_, St::Slot>, level, slot: &St::Slot| {
            // SAFETY:
            // - live in frozen trees, which are borrowed.
            let hash = unsafe { slot.hash(&ByKey::<St>(rehash)) };
            // SAFETY:
            // - as above, for both.
            let unchanged = |candidate: &St::Slot| unsafe { St::unchanged(slot, candidate) };
            holds(word, level, hash, unchanged)
        };
        let mut count = Count::of::<St>(has);
        beyond(self.top(), other.top(), 0, &mut count);
        count.tally
    }

    /// The generations of the map's live snapshots, newest first.
    pub(crate) fn generations(&self) -> Vec<u64> {
        self.domain().map_or_else(Vec::new, |domain| domain.reclaimer.generations())
    }
}

/// Counts the parts that it receives. `has` tests whether the other tree has an entry.
struct Count<F> {
    tally: Tally,
    /// What an entry takes besides its slot.
    entry_bytes: usize,
    has: F,
}

impl<F> Count<F> {
    fn of<St: Store>(has: F) -> Self {
        Self { tally: Tally::default(), entry_bytes: St::ENTRY_BYTES, has }
    }
}

impl<T: TreeSlot, F> Beyond<T> for Count<F>
where
    F: Fn(Word<'_, T>, u32, &T) -> bool,
{
    fn has(&self, other: Word<'_, T>, level: u32, slot: &T) -> bool {
        (self.has)(other, level, slot)
    }

    fn tree(&mut self, _: Word<'_, T>) -> bool {
        false
    }

    fn node(&mut self, word: Word<'_, T>) {
        let (Some(node), Some((shape, bytes))) = (word.node(), word.shape_and_bytes()) else {
            return;
        };
        let (slots, used) = match node {
            Node::Fan(fan) => {
                let words = fan.words();
                (words.len(), words.iter().filter(|word| !word.observe().is_empty()).count())
            }
            Node::Leaf(leaf) => {
                let buckets = leaf.size().buckets() + leaf.size().spills();
                (buckets * Geometry::<T>::SLOTS as usize, leaf.freeze())
            }
            Node::Collision(node) => (node.len(), node.len()),
        };
        let tally = &mut self.tally.nodes[number(shape)];
        tally.count += 1;
        tally.bytes += bytes;
        tally.slots += slots;
        tally.used += used;
    }

    fn entry(&mut self, _: &T, level: u32) {
        self.tally.depths[level as usize] += 1;
        self.tally.entry_bytes += self.entry_bytes;
    }
}
