//! Reading: the way from a root to an entry, and counting.
#![expect(unsafe_code, reason = "reads the keys of slots that the view protects")]

use super::node::{Held, Link, Node, View, Word};
use crate::entry::Store;

/// Whether a slot is the one that is looked for.
///
/// # Safety
/// - The slot's entry is not freed during the call.
#[inline]
pub(super) unsafe fn is_it<St: Store>(
    slot: &St::Slot,
    hash: u64,
    eq: &mut impl FnMut(&St::Key) -> bool,
) -> bool {
    // SAFETY:
    // - not freed during the call: promised by the caller.
    St::hash(slot) == hash && eq(unsafe { St::key(slot) })
}

/// Walks down from `word`, which was read from a node at `level`, to the entry for which `eq` holds.
///
/// In the operation's own generation words are read as they are; below a word that is `OLDER` each
/// is frozen before it is used, so that what was read once is what every later reader of that
/// generation sees.
///
/// LINEARIZES get, contains_key: the read of the group's state (or of the chain's word, or of an
/// empty indirection word) that ends the walk, if the node was then still linked; else the node had
/// been frozen and replaced during this operation, and the value read was current at some moment
/// since the operation began. Model: `late_writer_against_snapshot` and the random programs in `tests/models.rs`.
#[inline]
pub(super) fn find<'g, St: Store>(
    mut word: Word<'g, St::Slot>,
    mut view: View<'g>,
    mut level: u32,
    hash: u64,
    eq: &mut impl FnMut(&St::Key) -> bool,
) -> Option<Held<'g, St::Slot>> {
    loop {
        view = view.below(word);
        match word.node()? {
            Node::Fan(fan) => word = fan.towards(hash, level).read(view),
            Node::Branch(branch) => {
                let group = branch.group(hash);
                group.prefetch(hash);
                // SAFETY:
                // - not freed: the view protects what is reached under it for `'g`.
                let hit =
                    group.read(view).find(hash, |slot| unsafe { is_it::<St>(slot, hash, eq) });
                return hit.map(|hit| hit.slot);
            }
            Node::Chain(chain) => {
                // SAFETY:
                // - not freed: the view protects what is reached under it for `'g`.
                let hit = chain.find(view, |slot| unsafe { is_it::<St>(slot, hash, eq) });
                return hit.and_then(|hit| hit.link()).map(Link::slot);
            }
        }
        level += 1;
    }
}

/// Number of entries below `word`. Reads states, not entries: O(nodes).
pub(super) fn count<St: Store>(word: Word<'_, St::Slot>, view: View<'_>) -> usize {
    match word.node() {
        None => 0,
        Some(Node::Fan(fan)) => {
            fan.words().iter().map(|word| count::<St>(word.read(view), view)).sum()
        }
        Some(Node::Branch(branch)) => branch.groups().map(|group| group.read(view).count()).sum(),
        Some(Node::Chain(chain)) => chain.links(view).count(),
    }
}
