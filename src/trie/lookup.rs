//! Reading: the way from a root to an entry, and counting.
#![expect(unsafe_code, reason = "reads the keys of slots that the view protects")]

use super::node::{FAN_BITS, Group, Held, Link, Node, Slot, View, Word};
use crate::engine::BATCH;
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

/// Levels that are gone down at once. Their fans are 4369 at most, 600 KB, and so mostly in the
/// cache, or, for the few misses that there are, the processor overlaps the walks by itself.
const TOP_LEVELS: u32 = 4;

/// What the walk for a hash came to, before a key was compared.
enum Candidate<'g, T: Slot> {
    /// If the key is here, it is probably this one's.
    Slot(Held<'g, T>),
    /// Nothing with such a hash is here.
    Absent,
    /// Only [`find`] can tell.
    Unknown,
}

/// A walk on its way: the word that it is at, and the view that this word was read under.
type Lane<'g, T> = (Word<'g, T>, View<'g>);

/// Asks for the memory that [`find`] is about to read for each of these hashes.
pub(super) fn prefetch<St: Store>(top: Word<'_, St::Slot>, view: View<'_>, hashes: &[u64]) {
    // Entries that are in their slots come with the lines of these. (To read them here all the same made a batch of
    // insertions of inline pairs take 4 to 6 % longer.)
    if St::OWNS {
        candidates::<St>(top, view, hashes, |_, _| {});
    } else {
        descend_all(top, view, hashes);
    }
}

/// [`find`] for each of these hashes, from the top, with their cache misses side by side: `eq` is told its
/// index. `pair` makes what is asked for of a slot that was reached under the view.
///
/// A candidate is what `find` would compare first: where it is the key's, or there is none, the lookup took
/// effect as said there. A slot's key never changes, and the view protects it. In all other cases it is `find`
/// that looks the key up.
pub(super) fn find_many<'g, St: Store, P>(
    top: Word<'g, St::Slot>,
    view: View<'g>,
    hashes: &[u64],
    mut eq: impl FnMut(usize, &St::Key) -> bool,
    pair: impl Fn(Held<'g, St::Slot>) -> P,
    found: &mut [Option<P>],
) {
    let mut reached = [const { Candidate::Unknown }; BATCH];
    candidates::<St>(top, view, hashes, |index, candidate| reached[index] = candidate);
    for (index, (candidate, &hash)) in reached.iter().zip(hashes).enumerate() {
        let mut eq = |key: &St::Key| eq(index, key);
        let slot = match candidate {
            // SAFETY:
            // - not freed: the view protects what is reached under it for `'g`.
            Candidate::Slot(slot) if eq(unsafe { St::key(&slot.now) }) => Some(*slot),
            Candidate::Absent => None,
            Candidate::Slot(_) | Candidate::Unknown => find::<St>(top, view, 0, hash, &mut eq),
        };
        found[index] = slot.map(&pair);
    }
}

/// Walks down for all hashes and tells what each comes to.
///
/// At last the entries that the candidates have elsewhere are asked for. What it reads it reads as [`find`]
/// would.
#[inline(always)]
fn candidates<'g, St: Store>(
    top: Word<'g, St::Slot>,
    view: View<'g>,
    hashes: &[u64],
    mut reached: impl FnMut(usize, Candidate<'g, St::Slot>),
) {
    let lanes = descend_all(top, view, hashes);
    for (index, (&(word, view), &hash)) in lanes.iter().zip(hashes).enumerate() {
        let candidate = match group(word, hash) {
            Some(group) => {
                let seen = group.read(view.below(word));
                match seen.find(hash, |slot| St::may_have(slot, hash)) {
                    Some(hit) => {
                        St::prefetch(&hit.slot.now);
                        Candidate::Slot(hit.slot)
                    }
                    None => Candidate::Absent,
                }
            }
            None if word.is_empty() => Candidate::Absent,
            None => Candidate::Unknown,
        };
        reached(index, candidate);
    }
}

/// Goes down for all hashes as far as there are fans, and asks for what [`find`] reads below: all go down the
/// same levels, and the lines of the next are asked for, before any goes further. So the misses of a level come
/// together.
#[inline(always)]
fn descend_all<'g, T: Slot>(
    top: Word<'g, T>,
    view: View<'g>,
    hashes: &[u64],
) -> [Lane<'g, T>; BATCH] {
    debug_assert!(hashes.len() <= BATCH);
    let mut lanes = [(top, view); BATCH];
    let mut fans_below = descend(&mut lanes, hashes, 0, TOP_LEVELS);
    let mut level = TOP_LEVELS;
    while fans_below {
        fans_below = descend(&mut lanes, hashes, level, 1);
        level += 1;
    }
    lanes
}

/// Goes some levels down, for all hashes that are at a fan of this `level`. Returns whether there are fans
/// below.
#[inline(always)]
fn descend<'g, T: Slot>(
    lanes: &mut [Lane<'g, T>; BATCH],
    hashes: &[u64],
    level: u32,
    levels: u32,
) -> bool {
    let mut fans_below = false;
    for ((word, view), &hash) in lanes.iter_mut().zip(hashes) {
        if level > 0 && word.fan().is_none() {
            continue;
        }
        let mut at = level;
        if let View::Live(guard) = *view {
            while word.is_own_fan() && at < level + levels {
                // SAFETY:
                // - it is: just tested.
                *word = unsafe { word.own_fan() }.towards(hash, at).load(guard);
                at += 1;
            }
        }
        while at < level + levels {
            let Some(fan) = word.fan() else { break };
            *view = view.below(*word);
            *word = fan.towards(hash, at).read(*view);
            at += 1;
        }
        if let Some(below) = word.fan() {
            prefetch::read(below.towards(hash, level + levels));
            fans_below = true;
        } else if let Some(group) = group(*word, hash) {
            group.prefetch(hash);
        }
    }
    fans_below
}

/// The group that a hash belongs to, if the word leads to a branch.
#[inline(always)]
fn group<'g, T: Slot>(word: Word<'g, T>, hash: u64) -> Option<Group<'g, T>> {
    if let Some(branch) = word.own_wide_branch() {
        return Some(branch.group(hash));
    }
    match word.node()? {
        Node::Branch(branch) => Some(branch.group(hash)),
        Node::Fan(_) | Node::Chain(_) => None,
    }
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
