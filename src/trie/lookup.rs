//! Reading: the way from a root to an entry, and counting.
#![expect(unsafe_code, reason = "reads the keys of slots that the view protects")]

use super::node::{FAN_BITS, Group, Held, Link, Node, View, Word};
use crate::entry::Store;
use crate::prefetch;

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
    St::may_have(slot, hash) && eq(unsafe { St::key(slot) })
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
#[inline(always)]
pub(super) fn find<'g, St: Store>(
    word: Word<'g, St::Slot>,
    view: View<'g>,
    level: u32,
    hash: u64,
    eq: &mut impl FnMut(&St::Key) -> bool,
) -> Option<Held<'g, St::Slot>> {
    // SAFETY:
    // - not freed: the view protects what is reached under it for `'g`.
    find_slot::<St>(word, view, level, hash, |slot| unsafe { is_it::<St>(slot, hash, eq) })
}

/// [`find`] for the slot of which `is_it` holds, among those that have the hash's place and tag.
#[inline(always)]
pub(super) fn find_slot<'g, St: Store>(
    mut word: Word<'g, St::Slot>,
    view: View<'g>,
    level: u32,
    hash: u64,
    is_it: impl FnMut(&St::Slot) -> bool,
) -> Option<Held<'g, St::Slot>> {
    // What is left of the hash, at the top. (No fan is as far down as its last bit.)
    let mut path = hash.checked_shl(level * FAN_BITS).unwrap_or(0);
    if let View::Live(guard) = view {
        while word.is_own_fan() {
            // SAFETY:
            // - it is: just tested.
            word = unsafe { word.own_fan() }.by_top_bits(path).load(guard);
            path <<= FAN_BITS;
        }
        if let Some(branch) = word.own_wide_branch() {
            return find_in_group::<St>(branch.group(hash), view, hash, is_it);
        }
    }
    find_below::<St>(word, view, path, hash, is_it)
}

/// [`find_slot`] by any way: `path` is what of the hash is left below `word`.
#[inline(never)]
fn find_below<'g, St: Store>(
    mut word: Word<'g, St::Slot>,
    view: View<'g>,
    mut path: u64,
    hash: u64,
    is_it: impl FnMut(&St::Slot) -> bool,
) -> Option<Held<'g, St::Slot>> {
    let mut view = view.below(word);
    while let Some(fan) = word.fan() {
        word = fan.by_top_bits(path).read(view);
        view = view.below(word);
        path <<= FAN_BITS;
    }
    match word.node()? {
        Node::Fan(_) => unreachable!("the walk ends where there is no fan"),
        Node::Branch(branch) => find_in_group::<St>(branch.group(hash), view, hash, is_it),
        Node::Chain(chain) => chain.find(view, is_it).and_then(|hit| hit.link()).map(Link::slot),
    }
}

#[inline(always)]
fn find_in_group<'g, St: Store>(
    group: Group<'g, St::Slot>,
    view: View<'g>,
    hash: u64,
    is_it: impl FnMut(&St::Slot) -> bool,
) -> Option<Held<'g, St::Slot>> {
    group.prefetch(hash);
    group.read(view).find(hash, is_it).map(|hit| hit.slot)
}

/// Hashes that walk down side by side.
const LANES: usize = 32;

/// Asks for the memory that [`find`] is about to read for each of these hashes.
///
/// All of them go down one level, and the lines of the next are asked for, before any goes further;
/// at last the entries with the right tags are. So the misses of a level come together. What it reads
/// it reads as `find` would, and concludes nothing from it.
pub(super) fn prefetch<'g, St: Store>(top: Word<'g, St::Slot>, view: View<'g>, hashes: &[u64]) {
    for hashes in hashes.chunks(LANES) {
        let mut lanes = [(top, view); LANES];
        let mut level = 0;
        while descend::<St>(&mut lanes, hashes, level) {
            level += 1;
        }
        for ((word, view), &hash) in lanes.iter().zip(hashes) {
            if let Some(Node::Branch(branch)) = word.node() {
                let seen = branch.group(hash).read(view.below(*word));
                // One is enough: a second entry with the same tag is rare.
                let _ = seen.find(hash, |slot| {
                    let same = St::may_have(slot, hash);
                    if same {
                        St::prefetch(slot);
                    }
                    same
                });
            }
        }
    }
}

/// One step of [`prefetch()`] for all hashes that are at a fan of `level`. Returns whether there are
/// fans below.
fn descend<'g, St: Store>(
    lanes: &mut [(Word<'g, St::Slot>, View<'g>); LANES],
    hashes: &[u64],
    level: u32,
) -> bool {
    let mut fans_below = false;
    for ((word, view), &hash) in lanes.iter_mut().zip(hashes) {
        let Some(Node::Fan(fan)) = word.node() else { continue };
        *view = view.below(*word);
        *word = fan.towards(hash, level).read(*view);
        match word.node() {
            Some(Node::Fan(below)) => {
                prefetch::read(below.towards(hash, level + 1));
                fans_below = true;
            }
            Some(Node::Branch(branch)) => branch.group(hash).prefetch(hash),
            Some(Node::Chain(_)) | None => {}
        }
    }
    fans_below
}

/// Number of entries below `word`. Reads states, not entries: O(nodes).
pub(super) fn count<St: Store>(word: Word<'_, St::Slot>, view: View<'_>) -> usize {
    let view = view.below(word);
    match word.node() {
        None => 0,
        Some(Node::Fan(fan)) => {
            fan.words().iter().map(|word| count::<St>(word.read(view), view)).sum()
        }
        Some(Node::Branch(branch)) => branch.groups().map(|group| group.read(view).count()).sum(),
        Some(Node::Chain(chain)) => chain.links(view).count(),
    }
}
