//! Counting the parts of a table, while it may change.

use super::Flat;
use super::directory::Directory;
use super::raw::RawFlat;
use crate::bucket::Geometry;
use crate::engine::Engine;
use crate::reclaim::Guard;
use crate::store::{Store, TreeSlot};
use crate::tree::node::{Node, Word};

/// The counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FlatTally {
    /// Of the directory. During a move, of the next one.
    pub(crate) words: usize,
    pub(crate) capacity: usize,
    pub(crate) leaves: usize,
    /// Of leaves.
    pub(crate) slots: usize,
    pub(crate) fans: usize,
    pub(crate) collisions: usize,
    /// Words of the old directory, and how many of them have moved.
    pub(crate) moving: Option<(usize, usize)>,
    /// Of directories and nodes.
    pub(crate) table_bytes: usize,
}

impl<St: Store> Flat<St> {
    /// Bytes of an entry outside of its leaf.
    #[expect(clippy::unused_self, reason = "tells the store")]
    pub(crate) fn entry_bytes(&self) -> usize {
        St::ENTRY_BYTES
    }

    /// Counts all parts. O(n). Each number was right at some moment of the call.
    pub(crate) fn tally(&self) -> FlatTally {
        let guard = self.pin();
        let mut tally = FlatTally::default();
        let Some(root) = self.raw.root(&guard) else { return tally };
        let next = root.next(&guard);
        tally.words = next.unwrap_or(root).words().len();
        tally.capacity = RawFlat::room_of(next.unwrap_or(root));
        let moved = add(root, &mut tally, &guard);
        if let Some(next) = next {
            tally.moving = Some((moved, root.words().len()));
            add(next, &mut tally, &guard);
        }
        tally
    }
}

/// Counts the parts of one directory. Returns how many of its words have moved.
fn add<T: TreeSlot>(directory: &Directory<T>, tally: &mut FlatTally, guard: &Guard) -> usize {
    tally.table_bytes += directory.bytes();
    let mut moved = 0;
    for word in directory.words() {
        let word = word.load(guard);
        if word.is_moved() {
            moved += 1;
        } else {
            add_nodes(word, tally, guard);
        }
    }
    moved
}

fn add_nodes<T: TreeSlot>(word: Word<'_, T>, tally: &mut FlatTally, guard: &Guard) {
    let (Some(node), Some((_, bytes))) = (word.node(), word.shape_and_bytes()) else { return };
    tally.table_bytes += bytes;
    match node {
        Node::Leaf(leaf) => {
            tally.leaves += 1;
            let buckets = leaf.size().buckets() + leaf.size().spills();
            tally.slots += buckets * Geometry::<T>::SLOTS as usize;
        }
        Node::Collision(_) => tally.collisions += 1,
        Node::Fan(fan) => {
            tally.fans += 1;
            for word in fan.words() {
                add_nodes(word.load(guard), tally, guard);
            }
        }
    }
}
