//! Rebuilding: a node is frozen and copied as it should be now, and the copy takes its place.
//!
//! One step serves growth (a bucket is full), renewal (the node is of an older generation), shrinking, and helping
//! (another thread froze the node and has not replaced it). Several threads may do it at once. All of them see the same
//! frozen content, and the CAS of the indirection word takes one copy.
#![expect(unsafe_code, reason = "frees nodes that were built and not used, retires replaced ones")]

use std::ops::Range;
use std::ptr::NonNull;

use super::node::{Collision, FAN_BITS, Fan, Node, Word};
use super::{Host, Mover, Place, Rehash, path_below};
use crate::bucket::{MOST_ENTRIES, Slot};
use crate::engine::Hashed;
use crate::entry::Store;
use crate::leaf::{self, FAN_WIDTH, Leaf, LeafDraft, RawNode, Shape, Size};
use crate::reclaim::Garbage;
use crate::sync::stall_point;

/// Replaces the node at `place` by one of the operation's generation. With `grow`, the new leaf has room for another
/// entry of this hash. Returns the new word, or `None` if the place changed meanwhile; the operation then starts again.
/// If `rehash` panics, the node stays frozen, and the next operation replaces it.
#[cold]
pub(super) fn rebuild<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    place: Place<'g, St::Slot>,
    grow: Option<u64>,
    rehash: Rehash<'_, St>,
) -> Option<Word<'g, St::Slot>> {
    let birth = host.birth();
    let copy = match place.word.node()? {
        Node::Fan(fan) => {
            let mut words = fan.observe();
            for word in &mut words {
                // The children of an older fan are older than its copy. Within one generation the words already say
                // which are.
                *word = if place.word.is_older() { word.to_older() } else { word.thawed() };
            }
            let copy = Fan::allocate(birth, words);
            // SAFETY:
            // - this function owns the shell, but not its children.
            return swing(host, place, copy, |copy| unsafe { free_shell::<St>(copy) });
        }
        Node::Leaf(leaf) => {
            // The other lines arrive while the first state is being frozen.
            place.word.prefetch();
            let entries = leaf.freeze();
            copy_leaf::<St>(leaf, entries, birth, place.depth, grow, host.least(), rehash)
        }
        Node::Collision(node) => {
            let slots: Vec<_> = node.slots().map(|slot| slot.now).collect();
            Collision::allocate(birth, &slots)
        }
    };
    // SAFETY:
    // - just built, and not published.
    swing(host, place, copy, |copy| unsafe { unbuild::<St>(copy) })
}

/// Builds the replacement of a frozen leaf.
fn copy_leaf<'n, St: Store>(
    leaf: Leaf<'_, St::Slot>,
    entries: usize,
    birth: u64,
    depth: u32,
    grow: Option<u64>,
    least: Size,
    rehash: Rehash<'_, St>,
) -> Word<'n, St::Slot> {
    if entries == 0 {
        return Word::EMPTY;
    }
    if grow.is_none() && !leaf.size().is_far_too_large::<St::Slot>(entries) {
        return to_word(leaf.copy(birth));
    }
    if St::OWNS {
        // Their hashes are needed; this overlaps the cache misses.
        leaf.for_each(St::prefetch);
    }
    let size = Size::for_entries::<St::Slot>(entries).map(|size| size.max(least));
    if let Some(size) = size {
        let all = 0..leaf.size().buckets();
        if let Some(copy) = spread::<St>(leaf, all, size, birth, depth, rehash) {
            // If a leaf had no room for another entry and its copy would have little, it becomes larger.
            let roomy = |hash| copy.size() > leaf.size() || copy.has_room(path_below(hash, depth));
            if grow.is_none_or(roomy) {
                return to_word(copy);
            }
        }
    } else if let Some(fan) = split::<St>(leaf, birth, depth, rehash) {
        return fan;
    }
    let mut movers = Vec::with_capacity(entries);
    collect_slots::<St>(leaf, &mut movers, rehash);
    build_larger::<St>(birth, &mut movers, depth, size.and_then(Size::larger), grow)
}

/// A leaf of this size at `depth` with the entries of some buckets of a frozen leaf; `None` if they do not fit.
fn spread<St: Store>(
    leaf: Leaf<'_, St::Slot>,
    buckets: Range<usize>,
    size: Size,
    birth: u64,
    depth: u32,
    rehash: Rehash<'_, St>,
) -> Option<LeafDraft<St::Slot>> {
    let mut copy = LeafDraft::new(size, birth);
    let full = leaf.try_for_each(buckets, |slots| {
        let mut hashes = [0; MOST_ENTRIES];
        // SAFETY:
        // - live in a frozen leaf; under the operation's guard, which keeps their entries.
        unsafe { St::hashes(slots, &mut hashes, rehash) };
        let mut both = slots.iter().zip(&hashes);
        both.try_for_each(|(&slot, &hash)| copy.push(path_below(hash, depth), hash, slot))
    });
    full.is_ok().then_some(copy)
}

/// A fan with the entries of a frozen leaf of the largest size: each word leads to a leaf with the entries of its
/// buckets. `None` if they do not fit into one of them.
fn split<'n, St: Store>(
    leaf: Leaf<'_, St::Slot>,
    birth: u64,
    depth: u32,
    rehash: Rehash<'_, St>,
) -> Option<Word<'n, St::Slot>> {
    let part = leaf.size().buckets() / FAN_WIDTH;
    if leaf.size() < Size::LARGEST || part == 0 {
        return None;
    }
    let mut children = Vec::with_capacity(FAN_WIDTH);
    for index in 0..FAN_WIDTH {
        let buckets = index * part..(index + 1) * part;
        let entries: usize = buckets.clone().map(|at| leaf.nth(at).observe().count()).sum();
        if entries > 0 {
            let size = Size::for_entries::<St::Slot>(entries)?;
            let child = spread::<St>(leaf, buckets, size, birth, depth + FAN_BITS, rehash)?;
            children.push((index, child));
        }
    }
    let mut words = [Word::EMPTY; FAN_WIDTH];
    children.into_iter().for_each(|(index, child)| words[index] = to_word(child));
    Some(Fan::allocate(birth, words))
}

/// The hash of a slot of a frozen leaf, or of a collision node, that was reached under a guard.
#[inline]
fn hash_of<St: Store>(slot: &St::Slot, rehash: Rehash<'_, St>) -> u64 {
    // SAFETY:
    // - live in a frozen node; under the operation's guard, which keeps its entry.
    unsafe { St::hash(slot, rehash) }
}

/// Appends the slots of a frozen leaf.
fn collect_slots<St: Store>(
    leaf: Leaf<'_, St::Slot>,
    movers: &mut Vec<Mover<St::Slot>>,
    rehash: Rehash<'_, St>,
) {
    leaf.for_each(|slot| movers.push((hash_of::<St>(slot, rehash), *slot)));
}

/// Freezes everything below a frozen word. Returns the number of entries.
pub(crate) fn freeze<St: Store>(word: Word<'_, St::Slot>) -> usize {
    match word.node() {
        None => 0,
        Some(Node::Fan(fan)) => {
            // The words first, so that no child is replaced.
            let children = fan.observe();
            stall_point("frozen fan");
            children.into_iter().map(freeze::<St>).sum()
        }
        Some(Node::Leaf(leaf)) => leaf.freeze(),
        Some(Node::Collision(node)) => node.len(),
    }
}

/// Appends everything below a word. All of it is frozen, or unreachable for other threads.
pub(crate) fn collect<St: Store>(
    word: Word<'_, St::Slot>,
    movers: &mut Vec<Mover<St::Slot>>,
    rehash: Rehash<'_, St>,
) {
    match word.node() {
        None => {}
        Some(Node::Fan(fan)) => {
            fan.words().iter().for_each(|word| collect::<St>(word.observe(), movers, rehash));
        }
        Some(Node::Leaf(leaf)) => {
            if St::OWNS {
                leaf.for_each(St::prefetch);
            }
            collect_slots::<St>(leaf, movers, rehash);
        }
        Some(Node::Collision(node)) => {
            movers.extend(node.slots().map(|slot| (hash_of::<St>(&slot.now, rehash), slot.now)));
        }
    }
}

/// Calls `f` with the words of all nodes below, then with the word itself. All are frozen, or unreachable for other
/// threads.
pub(crate) fn each_node<'g, St: Store + 'g>(
    word: Word<'g, St::Slot>,
    f: &mut impl FnMut(Word<'g, St::Slot>),
) {
    if let Some(Node::Fan(fan)) = word.node() {
        fan.words().iter().for_each(|word| each_node::<St>(word.observe(), f));
    }
    f(word);
}

/// Puts `new` at `place` and retires the node that was there. If the place has changed, passes `new` to `undo`.
pub(super) fn swing<'g, St: Store + 'g, H: Host<'g, St>>(
    host: H,
    place: Place<'g, St::Slot>,
    new: Word<'g, St::Slot>,
    undo: impl FnOnce(Word<'g, St::Slot>),
) -> Option<Word<'g, St::Slot>> {
    let new = if new.is_empty() { host.vacant() } else { new };
    // The whole old node is frozen.
    stall_point("unpublished copy");
    if place.cell.replace(place.word, new).is_err() {
        undo(new);
        return None;
    }
    stall_point("published copy");
    // SAFETY:
    // - this operation's CAS unlinked the node, and the copy has its content.
    unsafe { host.retire_shell(place.word) };
    Some(new)
}

/// The slots of new entries, which are in the order of their hashes. Those of a boxed store are allocated in that order.
///
/// No user code may run until a tree owns them, because nothing frees them if the caller unwinds.
pub(crate) fn movers<St: Store>(
    entries: Hashed<St::Key, St::Value>,
    birth: u64,
) -> Vec<Mover<St::Slot>> {
    debug_assert!(entries.is_sorted_by_key(|(hash, _)| *hash));
    let slot = |hash, (key, value)| St::expose(St::draft(hash, key, value), birth);
    entries.into_iter().map(|(hash, entry)| (hash, slot(hash, entry))).collect()
}

/// Builds the smallest tree at `depth` that holds these entries and has room to spare. Its nodes are not published yet.
pub(crate) fn build<'n, St: Store>(
    birth: u64,
    movers: &mut [Mover<St::Slot>],
    depth: u32,
) -> Word<'n, St::Slot> {
    if movers.is_empty() {
        return Word::EMPTY;
    }
    if depth >= u64::BITS {
        let slots: Vec<_> = movers.iter().map(|&(_, slot)| slot).collect();
        return Collision::allocate(birth, &slots);
    }
    let size = Size::for_entries::<St::Slot>(movers.len());
    if let Some(leaf) = size.and_then(|size| leaf_of::<St>(birth, movers, depth, size)) {
        return to_word(leaf);
    }
    build_larger::<St>(birth, movers, depth, size.and_then(Size::larger), None)
}

/// A leaf of this size with these entries; `None` if they do not fit.
fn leaf_of<St: Store>(
    birth: u64,
    movers: &[Mover<St::Slot>],
    depth: u32,
    size: Size,
) -> Option<LeafDraft<St::Slot>> {
    let mut leaf = LeafDraft::new(size, birth);
    let mut push =
        |&(hash, slot): &Mover<_>| leaf.push(path_below(hash, depth), hash, slot).is_ok();
    movers.iter().all(&mut push).then_some(leaf)
}

/// [`build`] of a leaf of this size or larger with room for an entry of the hash `grow`, or of a fan.
fn build_larger<'n, St: Store>(
    birth: u64,
    movers: &mut [Mover<St::Slot>],
    depth: u32,
    size: Option<Size>,
    grow: Option<u64>,
) -> Word<'n, St::Slot> {
    let hashes = movers.iter().map(|&(hash, _)| hash).chain(grow);
    let paths = hashes.map(|hash| path_below(hash, depth));
    let size = size.and_then(|size| size.for_paths::<St::Slot>(paths));
    match size.and_then(|size| leaf_of::<St>(birth, movers, depth, size)) {
        Some(leaf) => to_word(leaf),
        None => build_fan::<St>(birth, movers, depth),
    }
}

fn build_fan<'n, St: Store>(
    birth: u64,
    movers: &mut [Mover<St::Slot>],
    depth: u32,
) -> Word<'n, St::Slot> {
    let word_of = |mover: &Mover<St::Slot>| Fan::<St::Slot>::index(path_below(mover.0, depth));
    // The entries of a leaf of the largest size are already in order.
    if !movers.is_sorted_by_key(word_of) {
        sort_by_word(movers, word_of);
    }
    let mut words = [Word::EMPTY; FAN_WIDTH];
    for part in movers.chunk_by_mut(|one, other| word_of(one) == word_of(other)) {
        words[word_of(&part[0])] = build::<St>(birth, part, depth + FAN_BITS);
    }
    Fan::allocate(birth, words)
}

/// Sorts entries by the word of a fan that they belong to. Smaller and faster than the sort of the standard library.
fn sort_by_word<T: Copy>(movers: &mut [Mover<T>], word_of: impl Fn(&Mover<T>) -> usize) {
    // For each word, the index where its next entry goes.
    let mut places = [0; FAN_WIDTH];
    movers.iter().for_each(|mover| places[word_of(mover)] += 1);
    let mut before = 0;
    for place in &mut places {
        before += std::mem::replace(place, before);
    }
    let unsorted = movers.to_vec();
    for mover in unsorted {
        let place = &mut places[word_of(&mover)];
        movers[*place] = mover;
        *place += 1;
    }
}

/// Frees the nodes of a tree made by [`build`], but not its entries.
///
/// # Safety
/// - No other thread has the tree, and it is no longer used.
pub(crate) unsafe fn unbuild<St: Store>(word: Word<'_, St::Slot>) {
    // SAFETY:
    // - made by the same `build`, and no other thread has it; children come first.
    each_node::<St>(word, &mut |word| unsafe { free_shell::<St>(word) });
}

/// Frees one node that was never published.
///
/// # Safety
/// - The node was not published and is no longer used.
pub(crate) unsafe fn free_shell<St: Store>(word: Word<'_, St::Slot>) {
    if let Some(node) = word.raw_node() {
        // SAFETY:
        // - a node with this store's slots; unused, by the contract.
        unsafe { leaf::free::<St::Slot>(node) };
    }
}

/// The word for a new leaf.
pub(super) fn to_word<'n, T: Slot>(leaf: LeafDraft<T>) -> Word<'n, T> {
    let (node, size) = leaf.into_node();
    // SAFETY:
    // - a leaf over these slots, which lives until it is freed as one.
    unsafe { Word::to_node(node, Shape::Leaf(size)) }
}

/// A node without its children, as garbage.
///
/// # Safety
/// - The node was unlinked and is not freed, and no other thread turns it into garbage.
pub(crate) unsafe fn node_garbage<St: Store>(node: RawNode) -> Garbage {
    unsafe fn free<St: Store>(body: *mut ()) {
        // SAFETY:
        // - the body of a node over this store's slots, freed once, by the contract of `Garbage`.
        unsafe { leaf::free::<St::Slot>(RawNode::from_body(NonNull::new_unchecked(body.cast()))) };
    }
    // SAFETY:
    // - not freed, and one free for each node: the contract of this function.
    unsafe {
        let bytes = leaf::allocated_bytes::<St::Slot>(node.header());
        Garbage::new(node.body().as_ptr().cast(), free::<St>, bytes)
    }
}
