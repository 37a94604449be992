//! Rebuilding: a node is frozen and copied as it should be now, and the copy takes its place.
//!
//! One step serves growth (a bucket is full), renewal (the node is of an older generation), shrinking, and helping
//! (another thread froze the node and has not replaced it). Several threads may do it at once. All of them see the same
//! frozen content, and the CAS of the indirection word takes one copy.
#![expect(unsafe_code, reason = "frees nodes that were built and not used, retires replaced ones")]

use std::convert::Infallible;
use std::ops::Range;
use std::ptr::NonNull;

use super::lookup::prefetch_entries;
use super::node::{AnyNode, Collision, FAN_BITS, Fan, Node, Word};
use super::{Host, Mover, Place, path_below};
use crate::bucket::{MOST_ENTRIES, Slot};
use crate::engine::Hashed;
use crate::leaf::{self, FAN_WIDTH, Leaf, LeafDraft, RawNode, Shape, Size};
use crate::reclaim::Garbage;
use crate::store::{SlotHashes, Store, TreeSlot};
use crate::sync::stall_point;

/// Replaces the node at `place` by one of the operation's generation. With `grow`, the new leaf has room for another
/// entry of this hash. Returns the new word, or `None` if the place changed meanwhile; the operation then starts again.
/// If `rehash` panics, the node stays frozen, and the next operation replaces it.
#[cold]
pub(super) fn rebuild<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    grow: Option<u64>,
    rehash: SlotHashes<'_, T>,
) -> Option<Word<'g, T>> {
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
            return swing(host, place, copy, |copy| unsafe { free_shell(copy.erased()) });
        }
        Node::Leaf(leaf) => {
            // The other lines arrive while the first state is being frozen.
            place.word.prefetch();
            let entries = leaf.freeze();
            copy_leaf(leaf, entries, birth, place.depth, grow, host.least(), rehash)
        }
        Node::Collision(node) => {
            let slots: Vec<_> = node.slots().map(|slot| slot.now).collect();
            Collision::allocate(birth, &slots)
        }
    };
    // SAFETY:
    // - just built, and not published.
    swing(host, place, copy, |copy| unsafe { unbuild(copy.erased()) })
}

/// Builds the replacement of a frozen leaf.
fn copy_leaf<'n, T: TreeSlot>(
    leaf: Leaf<'_, T>,
    entries: usize,
    birth: u64,
    depth: u32,
    grow: Option<u64>,
    least: Size,
    rehash: SlotHashes<'_, T>,
) -> Word<'n, T> {
    if entries == 0 {
        return Word::EMPTY;
    }
    if grow.is_none() && entries > leaf.size().few::<T>() {
        return to_word(leaf.copy(birth));
    }
    let size = Size::for_entries::<T>(entries).map(|size| size.max(least));
    if let Some(size) = size {
        prefetch_entries(leaf.buckets());
        let all = 0..leaf.size().buckets();
        if let Some(copy) = spread(leaf, all, size, birth, depth, rehash) {
            // If a leaf was full and its copy would have little room, the copy becomes larger.
            let roomy = |hash| copy.size() > leaf.size() || copy.has_room(path_below(hash, depth));
            if grow.is_none_or(roomy) {
                return to_word(copy);
            }
        }
    } else if let Some(parts) = divide(leaf, FAN_WIDTH, birth, depth + FAN_BITS, rehash) {
        let mut words = [Word::EMPTY; FAN_WIDTH];
        words.copy_from_slice(&parts);
        return Fan::allocate(birth, words);
    }
    let mut movers = Vec::with_capacity(entries);
    collect_slots(leaf, &mut movers, rehash);
    build_larger(birth, &mut movers, depth, size.and_then(Size::larger), grow)
}

/// A leaf of this size at `depth` with the entries of some buckets of a frozen leaf; `None` if they do not fit.
fn spread<T: TreeSlot>(
    leaf: Leaf<'_, T>,
    buckets: Range<usize>,
    size: Size,
    birth: u64,
    depth: u32,
    rehash: SlotHashes<'_, T>,
) -> Option<LeafDraft<T>> {
    let mut copy = LeafDraft::new(size, birth);
    let mut hashes = [0; MOST_ENTRIES];
    let full = leaf.try_for_each(buckets, |slots| {
        hash_all(slots, &mut hashes, rehash);
        let mut both = slots.iter().zip(&hashes);
        both.try_for_each(|(&slot, &hash)| copy.push(path_below(hash, depth), hash, slot))
    });
    full.is_ok().then_some(copy)
}

/// Divides the entries of a frozen leaf by the next bits of their hashes, into trees for `parts` words, a power of two.
/// `None` if its number of buckets is not a multiple of `parts`, if no leaf may be at `depth`, where the parts go, or if
/// the entries of one part do not fit into a leaf.
#[inline(never)]
pub(crate) fn divide<'n, T: TreeSlot>(
    leaf: Leaf<'_, T>,
    parts: usize,
    birth: u64,
    depth: u32,
    rehash: SlotHashes<'_, T>,
) -> Option<Vec<Word<'n, T>>> {
    let all = leaf.size().buckets();
    let part = all / parts;
    if part * parts < all || depth >= u64::BITS {
        return None;
    }
    prefetch_entries(leaf.buckets());
    let leaf_of_part = |index| {
        let buckets = index * part..(index + 1) * part;
        let entries: usize = buckets.clone().map(|at| leaf.nth(at).observe().count()).sum();
        if entries == 0 {
            return Some(None);
        }
        spread(leaf, buckets, Size::for_entries::<T>(entries)?, birth, depth, rehash).map(Some)
    };
    let leaves: Vec<_> = (0..parts).map(leaf_of_part).collect::<Option<_>>()?;
    Some(leaves.into_iter().map(|leaf| leaf.map_or(Word::EMPTY, to_word)).collect())
}

/// Computes the hashes of slots of a frozen bucket, or of a collision node, that was reached under a guard.
#[inline(never)]
fn hash_all<T: TreeSlot>(slots: &[T], hashes: &mut [u64; MOST_ENTRIES], rehash: SlotHashes<'_, T>) {
    // SAFETY:
    // - live in a frozen node; under the operation's guard, which keeps their entries.
    unsafe { T::hashes(slots, hashes, rehash) };
}

/// Appends the slots of a frozen leaf.
#[inline(never)]
fn collect_slots<T: TreeSlot>(
    leaf: Leaf<'_, T>,
    movers: &mut Vec<Mover<T>>,
    rehash: SlotHashes<'_, T>,
) {
    prefetch_entries(leaf.buckets());
    let mut hashes = [0; MOST_ENTRIES];
    let Ok(()) = leaf.try_for_each(0..leaf.size().buckets(), |slots| {
        hash_all(slots, &mut hashes, rehash);
        movers.extend(hashes.into_iter().zip(slots.iter().copied()));
        Ok::<_, Infallible>(())
    });
}

/// Freezes everything below a frozen word. Returns the number of entries.
pub(crate) fn freeze(word: Word<'_, ()>) -> usize {
    match word.any_node() {
        None => 0,
        Some(AnyNode::Fan(fan)) => {
            // The words first, so that no child is replaced.
            let children = fan.observe();
            stall_point("frozen fan");
            children.into_iter().map(freeze).sum()
        }
        Some(AnyNode::Leaf(leaf)) => leaf.freeze(),
        Some(AnyNode::Collision(entries)) => entries,
    }
}

/// Appends everything below a word. All of it is frozen, or unreachable for other threads.
pub(crate) fn collect<T: TreeSlot>(
    word: Word<'_, T>,
    movers: &mut Vec<Mover<T>>,
    rehash: SlotHashes<'_, T>,
) {
    match word.node() {
        None => {}
        Some(Node::Fan(fan)) => {
            fan.words().iter().for_each(|word| collect(word.observe(), movers, rehash));
        }
        Some(Node::Leaf(leaf)) => {
            collect_slots(leaf, movers, rehash);
        }
        Some(Node::Collision(node)) => {
            let mut hashes = [0; MOST_ENTRIES];
            for slot in node.slots() {
                hash_all(&[slot.now], &mut hashes, rehash);
                movers.push((hashes[0], slot.now));
            }
        }
    }
}

/// Calls `f` with the slots of a node that is frozen, or that no other thread can reach. A fan has none.
pub(crate) fn each_slot<T: Slot>(word: Word<'_, T>, mut f: impl FnMut(T)) {
    match word.node() {
        Some(Node::Leaf(leaf)) => leaf.for_each(|slot| f(*slot)),
        Some(Node::Collision(node)) => node.slots().for_each(|slot| f(slot.now)),
        Some(Node::Fan(_)) | None => {}
    }
}

/// Calls `f` with the words of all nodes below, then with the word itself. All are frozen, or unreachable for other
/// threads.
pub(crate) fn each_node<'g>(word: Word<'g, ()>, f: &mut dyn FnMut(Word<'g, ()>)) {
    if let Some(fan) = word.fan() {
        fan.words().iter().for_each(|word| each_node(word.observe(), f));
    }
    f(word);
}

/// Puts `new` at `place` and retires the node that was there. If the place has changed, passes `new` to `undo`.
pub(super) fn swing<'g, T: TreeSlot + 'g, H: Host<'g, T>>(
    host: H,
    place: Place<'g, T>,
    new: Word<'g, T>,
    undo: impl FnOnce(Word<'g, T>),
) -> Option<Word<'g, T>> {
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

/// The slots of new entries, in the order of their hashes. A boxed store allocates the entries in that order.
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
pub(crate) fn build<'n, T: TreeSlot>(
    birth: u64,
    movers: &mut [Mover<T>],
    depth: u32,
) -> Word<'n, T> {
    if movers.is_empty() {
        return Word::EMPTY;
    }
    if depth >= u64::BITS {
        let slots: Vec<_> = movers.iter().map(|&(_, slot)| slot).collect();
        return Collision::allocate(birth, &slots);
    }
    let size = Size::for_entries::<T>(movers.len());
    if let Some(leaf) = size.and_then(|size| leaf_of(birth, movers, depth, size)) {
        return to_word(leaf);
    }
    build_larger(birth, movers, depth, size.and_then(Size::larger), None)
}

/// A leaf of this size with these entries; `None` if they do not fit.
fn leaf_of<T: TreeSlot>(
    birth: u64,
    movers: &[Mover<T>],
    depth: u32,
    size: Size,
) -> Option<LeafDraft<T>> {
    let mut leaf = LeafDraft::new(size, birth);
    let mut push =
        |&(hash, slot): &Mover<_>| leaf.push(path_below(hash, depth), hash, slot).is_ok();
    movers.iter().all(&mut push).then_some(leaf)
}

/// [`build`] of a leaf of this size or larger with room for an entry of the hash `grow`, or of a fan.
fn build_larger<'n, T: TreeSlot>(
    birth: u64,
    movers: &mut [Mover<T>],
    depth: u32,
    size: Option<Size>,
    grow: Option<u64>,
) -> Word<'n, T> {
    let hashes = movers.iter().map(|&(hash, _)| hash).chain(grow);
    let paths = hashes.map(|hash| path_below(hash, depth));
    let size = size.and_then(|size| size.for_paths::<T>(paths));
    match size.and_then(|size| leaf_of(birth, movers, depth, size)) {
        Some(leaf) => to_word(leaf),
        None => build_fan(birth, movers, depth),
    }
}

fn build_fan<'n, T: TreeSlot>(birth: u64, movers: &mut [Mover<T>], depth: u32) -> Word<'n, T> {
    let word_of = |mover: &Mover<T>| Fan::<T>::index(path_below(mover.0, depth));
    // The entries of a leaf of the largest size are already in order.
    sort_by_word(movers, FAN_WIDTH, word_of);
    let mut words = [Word::EMPTY; FAN_WIDTH];
    for part in movers.chunk_by_mut(|one, other| word_of(one) == word_of(other)) {
        words[word_of(&part[0])] = build(birth, part, depth + FAN_BITS);
    }
    Fan::allocate(birth, words)
}

/// Sorts entries by the word that each belongs to, of this many words. Faster than the standard sort, and less code.
pub(crate) fn sort_by_word<T: Copy>(
    movers: &mut [Mover<T>],
    words: usize,
    word_of: impl Fn(&Mover<T>) -> usize,
) {
    if movers.is_sorted_by_key(&word_of) {
        return;
    }
    // For each word, the index where its next entry goes.
    let mut places = vec![0; words];
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
pub(crate) unsafe fn unbuild(word: Word<'_, ()>) {
    // SAFETY:
    // - made by the same `build`, and no other thread has it; children come first.
    each_node(word, &mut |word| unsafe { free_shell(word) });
}

/// Frees one node that was never published.
///
/// # Safety
/// - The node was not published and is no longer used.
pub(super) unsafe fn free_shell(word: Word<'_, ()>) {
    if let Some(node) = word.raw_node() {
        // SAFETY:
        // - unused, by the contract.
        unsafe { leaf::free(node) };
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
pub(crate) unsafe fn node_garbage(node: RawNode) -> Garbage {
    unsafe fn free(body: *mut ()) {
        // SAFETY:
        // - the body of a node, freed once, by the contract of `Garbage`.
        unsafe { leaf::free(RawNode::from_body(NonNull::new_unchecked(body.cast()))) };
    }
    // SAFETY:
    // - not freed, and one free for each node: the contract of this function.
    unsafe {
        let bytes = leaf::allocated_bytes(node.header());
        Garbage::new(node.body().as_ptr().cast(), free, bytes)
    }
}
