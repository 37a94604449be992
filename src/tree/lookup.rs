//! Reading: the path from a root to an entry, and counting.
#![expect(unsafe_code, reason = "reads the keys of slots that the view protects")]

use super::node::{AnyNode, FAN_BITS, Node, View, Word};
use super::path_below;
use crate::bucket::{Bucket, Held, Search, Seen, Slot, State};
use crate::engine::BATCH;
use crate::leaf::Leaf;
use crate::reclaim::Guard;
use crate::store::{Store, TreeSlot};
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

/// Whether a slot holds the key being looked up.
///
/// # Safety
/// - The slot was live in a map of this store, and its entry is not freed during the call.
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

/// Walks down from `word`, which is at `depth`, to the entry for which `eq` returns true.
///
/// In the operation's own generation words are read as they are. Below an `OLDER` word each word is frozen before it is
/// used, so every later reader of that generation sees the same.
///
/// LINEARIZES get, contains_key: the read of the bucket's state that validates the result, or the read of the word to
/// an empty place or a collision node, if the node was still linked then. Otherwise the node was frozen and replaced
/// during this operation, and the result was current at some moment since the operation began. Model:
/// `late_writer_against_snapshot` and the random programs in `tests/models.rs`.
///
/// # Safety
/// - The entries are of this store.
#[inline(always)]
pub(crate) unsafe fn find<'g, St: Store>(
    word: Word<'g, St::Slot>,
    view: View<'g>,
    depth: u32,
    hash: u64,
    eq: &mut impl FnMut(&St::Key) -> bool,
) -> Option<Held<'g, St::Slot>> {
    // SAFETY:
    // - of this store: promised by the caller; not freed: the view protects what is reached under it for `'g`.
    let is_it = |slot: &St::Slot| unsafe { is_it::<St>(slot, hash, eq) };
    find_at(word, view, path_below(hash, depth), hash, is_it)
}

/// Tests whether a slot holds the key being looked up.
pub(crate) type IsIt<'a, T> = dyn FnMut(&T) -> bool + 'a;

/// [`find`] for the slot for which `is_it` returns true, among those that have the hash's place and tag. `path` is the
/// rest of the hash below `word`.
#[inline(always)]
pub(crate) fn find_at<'g, T: TreeSlot>(
    word: Word<'g, T>,
    view: View<'g>,
    path: u64,
    hash: u64,
    mut is_it: impl FnMut(&T) -> bool,
) -> Option<Held<'g, T>> {
    if let View::Live(guard) = view {
        return match find_at_once(word, guard.get(), path, hash, &mut is_it) {
            Some(found) => found,
            None => find_rarely(word, view, path, hash, is_it),
        };
    }
    find_below(word, view, path, hash, is_it)
}

/// [`find_below`] through a pointer, so that it is compiled once for all kinds of keys. Takes the closure by value, so
/// that only this path stores it in memory.
#[cold]
#[inline(never)]
fn find_rarely<'g, T: TreeSlot>(
    word: Word<'g, T>,
    view: View<'g>,
    path: u64,
    hash: u64,
    mut is_it: impl FnMut(&T) -> bool,
) -> Option<Held<'g, T>> {
    find_below(word, view, path, hash, &mut is_it as &mut IsIt<'_, T>)
}

/// [`find_at`] for almost every lookup: through nodes of the operation's generation to a bucket that no thread changes
/// meanwhile. `None` in any other case.
#[inline(always)]
pub(crate) fn find_at_once<'g, T: TreeSlot>(
    word: Word<'g, T>,
    guard: &'g Guard,
    path: u64,
    hash: u64,
    is_it: impl FnMut(&T) -> bool,
) -> Option<Option<Held<'g, T>>> {
    let (leaf, path) = own_leaf(word, guard, path)?;
    find_in_leaf(leaf, path, hash, is_it)
}

/// The leaf that a path leads to and the rest of the path, if all nodes on the way are of the operation's generation.
#[inline(always)]
pub(crate) fn own_leaf<'g, T: Slot>(
    mut word: Word<'g, T>,
    guard: &'g Guard,
    mut path: u64,
) -> Option<(Leaf<'g, T>, u64)> {
    while word.is_own_fan() {
        // SAFETY:
        // - `is_own_fan` was just tested.
        word = unsafe { word.own_fan() }.by_top_bits(path).load(guard);
        path <<= FAN_BITS;
    }
    Some((word.own_leaf()?, path))
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
    find_in_bucket(bucket, hash, is_it)
}

/// [`find_at_once`] in a bucket.
#[inline(always)]
fn find_in_bucket<'g, T: Slot>(
    bucket: Bucket<'g, T>,
    hash: u64,
    is_it: impl FnMut(&T) -> bool,
) -> Option<Option<Held<'g, T>>> {
    match bucket.load().find(hash, is_it) {
        Search::Found(hit) => Some(Some(hit.slot)),
        Search::Absent => Some(None),
        Search::Changed => None,
    }
}

/// [`find_at`] in every case.
#[inline(never)]
pub(crate) fn find_below<'g, T: TreeSlot>(
    word: Word<'g, T>,
    view: View<'g>,
    path: u64,
    hash: u64,
    mut is_it: impl FnMut(&T) -> bool,
) -> Option<Held<'g, T>> {
    let (word, view, path) = below_fans((word, view, path));
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

/// Where a walk begins: a word, the view under which it was read, and the rest of the hash below it.
pub(crate) type Way<'g, T> = (Word<'g, T>, View<'g>, u64);

/// Walks down to the first node that is no fan. The resulting view is that of this node.
#[inline]
fn below_fans<'g, T: Slot>((mut word, view, mut path): Way<'g, T>) -> Way<'g, T> {
    let mut view = view.below(word);
    while let Some(fan) = word.fan() {
        word = fan.by_top_bits(path).read(view);
        view = view.below(word);
        path <<= FAN_BITS;
    }
    (word, view, path)
}

/// Prefetches the entries of these buckets, except of spill buckets.
#[inline]
pub(super) fn prefetch_entries<'g, T: TreeSlot + 'g>(
    buckets: impl IntoIterator<Item = Bucket<'g, T>>,
) {
    if T::OWNS {
        for bucket in buckets {
            bucket.load().candidates(|slot| slot.prefetch());
        }
    }
}

/// Prefetches what [`find`] is about to read for each of these hashes.
#[inline(always)]
pub(crate) fn prefetch<'g, T: TreeSlot + 'g>(start: impl Fn(u64) -> Way<'g, T>, hashes: &[u64]) {
    approach(start, hashes, &mut [None; BATCH]);
}

/// [`find`] for each of these hashes, with overlapping cache misses. `start` says where each walk begins; `eq`
/// and `found` get the hash's index.
///
/// # Safety
/// - The entries are of this store.
#[inline(always)]
pub(crate) unsafe fn find_many<'g, St: Store + 'g>(
    start: impl Fn(u64) -> Way<'g, St::Slot>,
    hashes: &[u64],
    mut eq: impl FnMut(usize, &St::Key) -> bool,
    mut found: impl FnMut(usize, Option<Held<'g, St::Slot>>),
) {
    let mut buckets = [None; BATCH];
    let others = approach(&start, hashes, &mut buckets);
    for (index, (&hash, bucket)) in hashes.iter().zip(&buckets).enumerate() {
        let mut eq = |key: &St::Key| eq(index, key);
        // SAFETY:
        // - of this store: promised by the caller; not freed: the view protects what is reached under it for `'g`.
        let mut is_it = |slot: &St::Slot| unsafe { is_it::<St>(slot, hash, &mut eq) };
        let at_once = |bucket: &Bucket<'g, _>| find_in_bucket(*bucket, hash, &mut is_it);
        let own = bucket.as_ref().filter(|_| others >> index & 1 == 0);
        let slot = own.and_then(at_once).unwrap_or_else(|| {
            let (word, view, path) = start(hash);
            find_rarely(word, view, path, hash, is_it)
        });
        found(index, slot);
    }
}

/// Walks down for all hashes, and prefetches the buckets that [`find`] is about to read and the entries behind them.
/// The fans above are in the cache, or the processor overlaps the walks by itself. Returns, as bits, which of the
/// buckets are not, or may not be, of the operation's own generation.
#[inline(always)]
fn approach<'g, T: TreeSlot + 'g>(
    start: impl Fn(u64) -> Way<'g, T>,
    hashes: &[u64],
    buckets: &mut [Option<Bucket<'g, T>>; BATCH],
) -> u32 {
    const { assert!(BATCH <= u32::BITS as usize) };
    let mut others = 0;
    for (index, (bucket, &hash)) in buckets.iter_mut().zip(hashes).enumerate() {
        let (word, view, path) = start(hash);
        let own = match view {
            View::Live(guard) => own_leaf(word, guard.get(), path),
            View::Observed => None,
        };
        *bucket = match own {
            Some((leaf, path)) => Some(leaf.bucket(path)),
            None => {
                others |= 1 << index;
                bucket_below(word, view, path)
            }
        };
        if let Some(bucket) = bucket {
            bucket.prefetch();
        }
    }
    if T::OWNS {
        for (bucket, &hash) in buckets.iter().zip(hashes) {
            // A hint: this read is not validated.
            let slot = bucket.and_then(|bucket| bucket.load().candidate(hash));
            slot.iter().for_each(T::prefetch);
        }
    }
    others
}

/// The bucket that [`find_below`] is about to read.
#[cold]
#[inline(never)]
fn bucket_below<'g, T: TreeSlot + 'g>(
    word: Word<'g, T>,
    view: View<'g>,
    path: u64,
) -> Option<Bucket<'g, T>> {
    let (word, _, path) = below_fans((word, view, path));
    match word.node()? {
        Node::Leaf(leaf) => Some(leaf.bucket(path)),
        Node::Fan(_) | Node::Collision(_) => None,
    }
}

/// Number of entries below `word`. Reads states, not entries: O(nodes).
pub(crate) fn count(word: Word<'_, ()>, view: View<'_>) -> usize {
    let view = view.below(word);
    match word.any_node() {
        None => 0,
        Some(AnyNode::Fan(fan)) => {
            fan.words().iter().map(|word| count(word.read(view), view)).sum()
        }
        Some(AnyNode::Leaf(leaf)) => match view {
            View::Observed if !planted("no_freeze") => leaf.freeze(),
            _ => leaf.states().map(State::count).sum(),
        },
        Some(AnyNode::Collision(entries)) => entries,
    }
}
