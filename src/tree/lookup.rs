//! Reading: the way from a root to an entry, and counting.
#![expect(unsafe_code, reason = "reads the keys of slots that the view protects")]

use super::node::{FAN_BITS, Node, View, Word};
use super::path_below;
use crate::bucket::{Bucket, Held, Search, Seen, Slot};
use crate::engine::BATCH;
use crate::entry::Store;
use crate::leaf::Leaf;
use crate::prefetch;
use crate::reclaim::Guard;
use crate::sync::planted;

/// Reads a bucket as `view` allows.
#[inline]
pub(crate) fn read<'g, T: Slot>(bucket: Bucket<'g, T>, view: View<'g>) -> Seen<'g, T> {
    match view {
        View::Live(_) => bucket.load(),
        View::Observed if planted("no_freeze") => bucket.load(),
        View::Observed => bucket.observe(),
    }
}

/// Whether a slot is the one that is looked for.
///
/// # Safety
/// - The slot was live, and its entry is not freed during the call.
#[inline]
pub(crate) unsafe fn is_it<St: Store>(
    slot: &St::Slot,
    hash: u64,
    eq: &mut impl FnMut(&St::Key) -> bool,
) -> bool {
    // SAFETY:
    // - not freed during the call: promised by the caller.
    unsafe { St::may_have(slot, hash) && eq(St::key(slot)) }
}

/// Walks down from `word`, which is at `depth`, to the entry for which `eq` holds.
///
/// In the operation's own generation words are read as they are; below a word that is `OLDER` each
/// is frozen before it is used, so that what was read once is what every later reader of that
/// generation sees.
///
/// LINEARIZES get, contains_key: the read of the bucket's state that validates what was found (or of the word to an
/// empty place or a collision node), if the node was then still linked; else the node had
/// been frozen and replaced during this operation, and what was read was current at some moment
/// since the operation began. Model: `late_writer_against_snapshot` and the random programs in `tests/models.rs`.
#[inline(always)]
pub(crate) fn find<'g, St: Store>(
    word: Word<'g, St::Slot>,
    view: View<'g>,
    depth: u32,
    hash: u64,
    eq: &mut impl FnMut(&St::Key) -> bool,
) -> Option<Held<'g, St::Slot>> {
    // SAFETY:
    // - not freed: the view protects what is reached under it for `'g`.
    let is_it = |slot: &St::Slot| unsafe { is_it::<St>(slot, hash, eq) };
    find_at::<St>(word, view, path_below(hash, depth), hash, is_it)
}

/// [`find`] for the slot of which `is_it` holds, among those that have the hash's place and tag. `path` is the rest of
/// the hash below `word`.
#[inline(always)]
pub(crate) fn find_at<'g, St: Store>(
    word: Word<'g, St::Slot>,
    view: View<'g>,
    path: u64,
    hash: u64,
    mut is_it: impl FnMut(&St::Slot) -> bool,
) -> Option<Held<'g, St::Slot>> {
    if let View::Live(guard) = view {
        if let Some(found) = find_at_once::<St>(word, guard, path, hash, &mut is_it) {
            return found;
        }
    }
    find_below::<St>(word, view, path, hash, is_it)
}

/// [`find_at`] for almost every lookup: through nodes of the operation's generation to a bucket that no thread changes
/// meanwhile. None in any other case.
#[inline(always)]
pub(crate) fn find_at_once<'g, St: Store>(
    mut word: Word<'g, St::Slot>,
    guard: &'g Guard,
    mut path: u64,
    hash: u64,
    is_it: impl FnMut(&St::Slot) -> bool,
) -> Option<Option<Held<'g, St::Slot>>> {
    while word.is_own_fan() {
        // SAFETY:
        // - it is: just tested.
        word = unsafe { word.own_fan() }.by_top_bits(path).load(guard);
        path <<= FAN_BITS;
    }
    find_in_leaf(word.own_leaf()?, path, hash, is_it)
}

/// [`find_at_once`] in a leaf.
#[inline(always)]
pub(crate) fn find_in_leaf<'g, T: Slot>(
    leaf: Leaf<'g, T>,
    path: u64,
    hash: u64,
    is_it: impl FnMut(&T) -> bool,
) -> Option<Option<Held<'g, T>>> {
    let bucket = leaf.bucket(path);
    bucket.prefetch_slots();
    match bucket.load().find(hash, is_it) {
        Search::Found(hit) => Some(Some(hit.slot)),
        Search::Absent => Some(None),
        Search::Changed => None,
    }
}

/// [`find_at`] in every case.
#[inline(never)]
pub(crate) fn find_below<'g, St: Store>(
    mut word: Word<'g, St::Slot>,
    view: View<'g>,
    mut path: u64,
    hash: u64,
    mut is_it: impl FnMut(&St::Slot) -> bool,
) -> Option<Held<'g, St::Slot>> {
    let mut view = view.below(word);
    while let Some(fan) = word.fan() {
        word = fan.by_top_bits(path).read(view);
        view = view.below(word);
        path <<= FAN_BITS;
    }
    match word.node()? {
        Node::Fan(_) => unreachable!("the walk ends where there is no fan"),
        Node::Collision(collision) => collision.find(is_it),
        Node::Leaf(leaf) => loop {
            match read(leaf.bucket(path), view).find(hash, &mut is_it) {
                Search::Found(hit) => return Some(hit.slot),
                Search::Absent => return None,
                Search::Changed => {}
            }
        },
    }
}

/// Levels that a batch goes down at once: their fans, 4369 at most, are mostly in the cache.
const TOP_LEVELS: u32 = 4;

/// A walk on its way: the word it is at, the view this word was read under, and the rest of the hash below it.
pub(crate) type Lane<'g, T> = (Word<'g, T>, View<'g>, u64);

/// Asks for the memory that [`find`] is about to read for each of these hashes.
pub(crate) fn prefetch<'g, St: Store + 'g>(
    start: impl Fn(u64) -> Lane<'g, St::Slot>,
    hashes: &[u64],
) {
    approach::<St>(start, hashes);
}

/// [`find`] for each of these hashes, from where `start` says, with their cache misses side by side: `eq` is told the
/// hash's index. `pair` makes the result from a slot that was reached under the view.
pub(crate) fn find_many<'g, St: Store + 'g, P>(
    start: impl Fn(u64) -> Lane<'g, St::Slot>,
    hashes: &[u64],
    mut eq: impl FnMut(usize, &St::Key) -> bool,
    pair: impl Fn(Held<'g, St::Slot>) -> P,
    found: &mut [Option<P>],
) {
    let lanes = approach::<St>(start, hashes);
    for (index, (&(word, view, path), &hash)) in lanes.iter().zip(hashes).enumerate() {
        let mut eq = |key: &St::Key| eq(index, key);
        // SAFETY:
        // - not freed: the view protects what is reached under it for `'g`.
        let is_it = |slot: &St::Slot| unsafe { is_it::<St>(slot, hash, &mut eq) };
        found[index] = find_at::<St>(word, view, path, hash, is_it).map(&pair);
    }
}

/// Walks down for all hashes, and asks for the buckets, and the entries behind them, that [`find`] is about to read.
#[inline(always)]
fn approach<'g, St: Store + 'g>(
    start: impl Fn(u64) -> Lane<'g, St::Slot>,
    hashes: &[u64],
) -> [Lane<'g, St::Slot>; BATCH] {
    let lanes = descend_all(start, hashes);
    if St::OWNS {
        for (&(word, _, path), &hash) in lanes.iter().zip(hashes) {
            // A hint: nothing that is read here is validated.
            let slot = bucket(word, path).and_then(|bucket| bucket.load().candidate(hash));
            slot.iter().for_each(St::prefetch);
        }
    }
    lanes
}

/// Goes down for all hashes as far as there are fans, and asks for what [`find`] reads below: all go down the
/// same levels, and the lines of the next are asked for, before any goes further. So the misses of a level come
/// together.
#[inline(always)]
fn descend_all<'g, T: Slot + 'g>(
    start: impl Fn(u64) -> Lane<'g, T>,
    hashes: &[u64],
) -> [Lane<'g, T>; BATCH] {
    debug_assert!(hashes.len() <= BATCH);
    let mut lanes = [(Word::EMPTY, View::Observed, 0); BATCH];
    lanes.iter_mut().zip(hashes).for_each(|(lane, &hash)| *lane = start(hash));
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
    for (word, view, path) in &mut lanes[..hashes.len()] {
        if level > 0 && word.fan().is_none() {
            continue;
        }
        let mut left = levels;
        if let View::Live(guard) = *view {
            while word.is_own_fan() && left > 0 {
                // SAFETY:
                // - it is: just tested.
                *word = unsafe { word.own_fan() }.by_top_bits(*path).load(guard);
                *path <<= FAN_BITS;
                left -= 1;
            }
        }
        while left > 0 {
            let Some(fan) = word.fan() else { break };
            *view = view.below(*word);
            *word = fan.by_top_bits(*path).read(*view);
            *path <<= FAN_BITS;
            left -= 1;
        }
        if let Some(below) = word.fan() {
            prefetch::read(below.by_top_bits(*path));
            fans_below = true;
        } else if let Some(bucket) = bucket(*word, *path) {
            bucket.prefetch();
        }
    }
    fans_below
}

/// The bucket that a path leads to, if the word leads to a leaf.
#[inline(always)]
fn bucket<'g, T: Slot>(word: Word<'g, T>, path: u64) -> Option<Bucket<'g, T>> {
    if let Some(leaf) = word.own_leaf() {
        return Some(leaf.bucket(path));
    }
    match word.node()? {
        Node::Leaf(leaf) => Some(leaf.bucket(path)),
        Node::Fan(_) | Node::Collision(_) => None,
    }
}

/// Number of entries below `word`. Reads states, not entries: O(nodes).
pub(crate) fn count<St: Store>(word: Word<'_, St::Slot>, view: View<'_>) -> usize {
    let view = view.below(word);
    match word.node() {
        None => 0,
        Some(Node::Fan(fan)) => {
            fan.words().iter().map(|word| count::<St>(word.read(view), view)).sum()
        }
        Some(Node::Leaf(leaf)) => leaf.buckets().map(|bucket| read(bucket, view).count()).sum(),
        Some(Node::Collision(collision)) => collision.len(),
    }
}
