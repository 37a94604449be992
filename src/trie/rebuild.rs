//! Rebuilding: a node is frozen, copied as it should be now, and the copy swung into its place.
//!
//! One step serves growth (a bucket is full), renewal (the node is of an older generation), shrinking, and
//! helping (another thread froze the node and has not replaced it). Several threads may do it at
//! once; all see the same frozen content, and the CAS of the indirection word takes one copy.
#![expect(unsafe_code, reason = "frees nodes that were built and not used, retires replaced ones")]

use std::ops::Range;

use super::domain::{Dead, Fate};
use super::lookup::path_below;
use super::node::{Collision, Fan, LEVELS, Node, Word};
use super::{Context, Place, Rehash, Trie};
use crate::bucket::MOST_ENTRIES;
use crate::entry::Store;
use crate::leaf::{self, FAN_WIDTH, Leaf, LeafDraft, Shape, Size};
use crate::sync::stall_point;

/// A slot on its way to another node, with its hash.
pub(super) type Mover<T> = (u64, T);

impl<St: Store> Trie<St> {
    /// Replaces the node at `place` by one of the operation's generation; a leaf, if it is to `grow`, by one that has room
    /// for another entry of this hash.
    /// Returns the new word; none if the place changed meanwhile, and then the operation
    /// starts again. If `rehash` panics the node stays frozen, and the next operation does this.
    #[cold]
    pub(super) fn rebuild<'g>(
        &self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        grow: Option<u64>,
        rehash: Rehash<'_, St>,
    ) -> Option<Word<'g, St::Slot>> {
        let birth = context.root.generation;
        let copy = match place.word.node()? {
            Node::Fan(fan) => {
                let words = fan.words().each_ref().map(|word| word.observe());
                // What an older fan held is older than the copy. Within a generation the words
                // tell already.
                let words = if place.word.is_older() {
                    words.map(Word::to_older)
                } else {
                    words.map(Word::thawed)
                };
                let copy = Fan::allocate(birth, words);
                // SAFETY:
                // - the shell is this function's; its children are not.
                return self.swing(context, place, copy, |copy| unsafe { Self::free_shell(copy) });
            }
            Node::Leaf(leaf) => {
                // Its lines come while the first of its states is frozen.
                place.word.prefetch();
                let entries = leaf.freeze();
                Self::copy_leaf(leaf, entries, birth, place.level, grow, rehash)
            }
            Node::Collision(node) => {
                let slots: Vec<_> = node.slots().map(|slot| slot.now).collect();
                Collision::allocate(birth, &slots)
            }
        };
        // SAFETY:
        // - just built, and not published.
        self.swing(context, place, copy, |copy| unsafe { Self::unbuild(copy) })
    }

    /// Builds what comes in the place of a frozen leaf.
    fn copy_leaf<'n>(
        leaf: Leaf<'_, St::Slot>,
        entries: usize,
        birth: u64,
        level: u32,
        grow: Option<u64>,
        rehash: Rehash<'_, St>,
    ) -> Word<'n, St::Slot> {
        if entries == 0 {
            return Word::EMPTY;
        }
        if grow.is_none() && !leaf.size().is_far_too_large::<St::Slot>(entries) {
            return to_word(leaf.copy(birth));
        }
        if St::OWNS {
            // Their hashes are needed: so their misses come side by side.
            leaf.for_each(St::prefetch);
        }
        let size = Size::for_entries::<St::Slot>(entries);
        if let Some(size) = size {
            let all = 0..leaf.size().buckets();
            if let Some(copy) = Self::spread(leaf, all, size, birth, level, rehash) {
                // A leaf that had no room for one more entry, and would have little afterwards, becomes larger.
                let roomy =
                    |hash| copy.size() > leaf.size() || copy.has_room(path_below(hash, level));
                if grow.is_none_or(roomy) {
                    return to_word(copy);
                }
            }
        } else if let Some(fan) = Self::split(leaf, birth, level, rehash) {
            return fan;
        }
        let mut movers = Vec::with_capacity(entries);
        Self::collect_slots(leaf, &mut movers, rehash);
        Self::build_larger(birth, &mut movers, level, size.and_then(Size::larger), grow)
    }

    /// A leaf of this size below `level` with the entries of some buckets of a frozen one, if there is room in it.
    fn spread(
        leaf: Leaf<'_, St::Slot>,
        buckets: Range<usize>,
        size: Size,
        birth: u64,
        level: u32,
        rehash: Rehash<'_, St>,
    ) -> Option<LeafDraft<St::Slot>> {
        let mut copy = LeafDraft::new(size, birth);
        let full = leaf.try_for_each(buckets, |slots| {
            let mut hashes = [0; MOST_ENTRIES];
            // SAFETY:
            // - live in a frozen leaf; under the operation's guard, which keeps their entries.
            unsafe { St::hashes(slots, &mut hashes, rehash) };
            let mut both = slots.iter().zip(&hashes);
            both.try_for_each(|(&slot, &hash)| copy.push(path_below(hash, level), hash, slot))
        });
        full.is_ok().then_some(copy)
    }

    /// A fan with the entries of a frozen leaf of the largest size, a leaf for the buckets of each word; none if one of
    /// them has too little room.
    fn split<'n>(
        leaf: Leaf<'_, St::Slot>,
        birth: u64,
        level: u32,
        rehash: Rehash<'_, St>,
    ) -> Option<Word<'n, St::Slot>> {
        let part = leaf.size().buckets() / FAN_WIDTH;
        if leaf.size() < Size::LARGEST || part == 0 {
            return None;
        }
        let mut children = [const { None }; FAN_WIDTH];
        for (index, child) in children.iter_mut().enumerate() {
            let buckets = index * part..(index + 1) * part;
            let entries: usize = buckets.clone().map(|at| leaf.nth(at).observe().count()).sum();
            if entries > 0 {
                let size = Size::for_entries::<St::Slot>(entries)?;
                *child = Some(Self::spread(leaf, buckets, size, birth, level + 1, rehash)?);
            }
        }
        let words = children.map(|child| child.map_or(Word::EMPTY, to_word));
        Some(Fan::allocate(birth, words))
    }

    /// Appends what a frozen leaf holds.
    pub(super) fn collect_slots(
        leaf: Leaf<'_, St::Slot>,
        movers: &mut Vec<Mover<St::Slot>>,
        rehash: Rehash<'_, St>,
    ) {
        leaf.for_each(|&slot| {
            // SAFETY:
            // - live in a frozen leaf; under the operation's guard, which keeps its entry.
            movers.push((unsafe { St::hash(&slot, rehash) }, slot));
        });
    }

    /// Appends what a collision node holds.
    pub(super) fn collect_collisions(
        node: Collision<'_, St::Slot>,
        movers: &mut Vec<Mover<St::Slot>>,
        rehash: Rehash<'_, St>,
    ) {
        // SAFETY:
        // - under the operation's guard, which keeps the entry.
        let mover = |slot: St::Slot| (unsafe { St::hash(&slot, rehash) }, slot);
        movers.extend(node.slots().map(|slot| mover(slot.now)));
    }

    /// Puts `new` at `place` and retires the node that was there; or gives `new` to `undo`.
    pub(super) fn swing<'g>(
        &self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        new: Word<'g, St::Slot>,
        undo: impl FnOnce(Word<'g, St::Slot>),
    ) -> Option<Word<'g, St::Slot>> {
        // All of the old node is frozen.
        stall_point("unpublished copy");
        if place.cell.replace(place.word, new).is_err() {
            undo(new);
            return None;
        }
        stall_point("published copy");
        // SAFETY:
        // - this operation's CAS unlinked the node, and its copy has what it held.
        unsafe { self.retire_shell(context, place.word) };
        Some(new)
    }

    /// Retires a node without what is below it.
    ///
    /// # Safety
    /// - This operation unlinked the node.
    pub(super) unsafe fn retire_shell(&self, context: Context<'_, St>, word: Word<'_, St::Slot>) {
        let (Some(node), Some(birth)) = (word.raw_node(), word.birth()) else { return };
        let mut fate = Fate::Operation(context.guard);
        // SAFETY:
        // - unlinked once: promised by the caller.
        unsafe {
            context.domain().retire(Dead::Node(node), birth, context.root.generation, &mut fate);
        }
    }

    /// Builds the smallest tree below `level` that holds these entries with some room. Its
    /// nodes are new; nobody sees them yet.
    pub(super) fn build<'n>(
        birth: u64,
        movers: &mut [Mover<St::Slot>],
        level: u32,
    ) -> Word<'n, St::Slot> {
        if movers.is_empty() {
            return Word::EMPTY;
        }
        if level == LEVELS {
            let slots: Vec<_> = movers.iter().map(|&(_, slot)| slot).collect();
            return Collision::allocate(birth, &slots);
        }
        let size = Size::for_entries::<St::Slot>(movers.len());
        if let Some(leaf) = size.and_then(|size| Self::leaf_of(birth, movers, level, size)) {
            return to_word(leaf);
        }
        Self::build_larger(birth, movers, level, size.and_then(Size::larger), None)
    }

    /// A leaf of this size with these entries, if there is room in it.
    fn leaf_of(
        birth: u64,
        movers: &[Mover<St::Slot>],
        level: u32,
        size: Size,
    ) -> Option<LeafDraft<St::Slot>> {
        let mut leaf = LeafDraft::new(size, birth);
        let mut push =
            |&(hash, slot): &Mover<_>| leaf.push(path_below(hash, level), hash, slot).is_ok();
        movers.iter().all(&mut push).then_some(leaf)
    }

    /// [`Self::build`], of a leaf from this size on, with room for an entry of the hash `grow`, or of a fan.
    fn build_larger<'n>(
        birth: u64,
        movers: &mut [Mover<St::Slot>],
        level: u32,
        size: Option<Size>,
        grow: Option<u64>,
    ) -> Word<'n, St::Slot> {
        let hashes = movers.iter().map(|&(hash, _)| hash).chain(grow);
        let paths = hashes.map(|hash| path_below(hash, level));
        let size = size.and_then(|size| size.for_paths::<St::Slot>(paths));
        match size.and_then(|size| Self::leaf_of(birth, movers, level, size)) {
            Some(leaf) => to_word(leaf),
            None => Self::build_fan(birth, movers, level),
        }
    }

    fn build_fan<'n>(birth: u64, movers: &mut [Mover<St::Slot>], level: u32) -> Word<'n, St::Slot> {
        let word_of = |mover: &Mover<St::Slot>| Fan::<St::Slot>::index(mover.0, level);
        // Those of a leaf of the largest size are in order.
        if !movers.is_sorted_by_key(word_of) {
            movers.sort_unstable_by_key(word_of);
        }
        let mut words = [Word::EMPTY; FAN_WIDTH];
        for part in movers.chunk_by_mut(|one, other| word_of(one) == word_of(other)) {
            words[word_of(&part[0])] = Self::build(birth, part, level + 1);
        }
        Fan::allocate(birth, words)
    }

    /// Frees what [`Self::build`] made.
    ///
    /// # Safety
    /// - `word` came from `build` and was not published.
    pub(super) unsafe fn unbuild(word: Word<'_, St::Slot>) {
        if let Some(Node::Fan(fan)) = word.node() {
            for child in fan.words() {
                // SAFETY:
                // - made by the same `build`.
                unsafe { Self::unbuild(child.observe()) };
            }
        }
        // SAFETY:
        // - its children are freed, and nobody else has it.
        unsafe { Self::free_shell(word) };
    }

    /// Frees one node that was never published.
    ///
    /// # Safety
    /// - The node was not published and is used no more.
    pub(super) unsafe fn free_shell(word: Word<'_, St::Slot>) {
        if let Some(node) = word.raw_node() {
            // SAFETY:
            // - a node over this store's slots; unused, by the contract.
            unsafe { leaf::free::<St::Slot>(node) };
        }
    }
}

/// The word for a new leaf.
pub(super) fn to_word<'n, T: crate::bucket::Slot>(leaf: LeafDraft<T>) -> Word<'n, T> {
    let (node, size) = leaf.into_node();
    // SAFETY:
    // - a leaf over these slots, which lives until it is freed as one.
    unsafe { Word::to_node(node, Shape::Leaf(size)) }
}
