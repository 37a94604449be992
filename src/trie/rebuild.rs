//! Rebuilding: a node is frozen, copied as it should be now, and the copy swung into its place.
//!
//! One step serves growth (a group is full), renewal (the node is of an older generation), and
//! helping (somebody else froze the node and has not replaced it). Several threads may do it at
//! once; all see the same frozen content, and the CAS of the indirection word takes one copy.
#![expect(unsafe_code, reason = "frees nodes that were built and not used, retires replaced ones")]

use std::ptr::NonNull;

use super::domain::{Dead, Fate};
use super::node::{
    Branch, Chain, FAN_WIDTH, Fan, Header, LEVELS, Link, Node, Word, free_node, shape_for,
};
use super::{Context, Place, Rehash, Trie};
use crate::entry::{Mover, Store};
use crate::sync::stall_point;

impl<St: Store> Trie<St> {
    /// Replaces the node at `place` by one of the operation's generation that has room for a new entry in
    /// each group. Returns the new word; none if the place changed meanwhile, and then the operation
    /// starts again. If `rehash` panics the node stays frozen, and the next operation does this.
    #[cold]
    pub(super) fn rebuild<'g>(
        &self,
        context: Context<'g, St>,
        place: Place<'g, St::Slot>,
        rehash: Rehash<'_, St>,
    ) -> Option<Word<'g, St::Slot>> {
        let generation = context.root.generation;
        match place.word.node()? {
            Node::Fan(fan) => {
                let words = fan.words().each_ref().map(|word| word.observe());
                // What an older fan held is older than the copy. Within a generation the words
                // tell already.
                let words = if place.word.is_older() {
                    words.map(Word::to_older)
                } else {
                    words.map(Word::thawed)
                };
                let copy = Fan::allocate(&context.domain().fans, place.level, generation, words);
                // SAFETY:
                // - the shell is this function's; its children are not.
                self.swing(context, place, copy, |copy| unsafe { Self::free_shell(copy) })
            }
            Node::Branch(branch) => {
                // Its lines come while the first of its states is frozen.
                place.word.prefetch();
                Self::freeze(branch);
                if let Some(copy) = branch.copy(generation) {
                    // SAFETY:
                    // - the shell is this function's; its entries are not.
                    return self
                        .swing(context, place, copy, |copy| unsafe { Self::free_shell(copy) });
                }
                let mut movers = Vec::with_capacity(branch.capacity());
                Self::collect_slots(branch, &mut movers, rehash);
                let built = Self::build(context, &mut movers, place.level);
                // SAFETY:
                // - just built, and not published.
                self.swing(context, place, built, |built| unsafe { Self::unbuild(built) })
            }
            Node::Chain(chain) => {
                let links = chain.observe();
                let copy = if links.is_empty() {
                    Word::EMPTY
                } else {
                    Chain::allocate(generation, &links)
                };
                // SAFETY:
                // - the shell is this function's; its links are not.
                self.swing(context, place, copy, |copy| unsafe { Self::free_shell(copy) })
            }
        }
    }

    pub(super) fn freeze(branch: Branch<'_, St::Slot>) {
        for group in branch.groups() {
            group.observe();
            stall_point("frozen group");
        }
    }

    /// Appends what a frozen branch holds.
    pub(super) fn collect_slots(
        branch: Branch<'_, St::Slot>,
        movers: &mut Vec<St::Mover>,
        rehash: Rehash<'_, St>,
    ) {
        for group in branch.groups() {
            movers.extend(group.observe().iter().map(|slot| St::mover(slot.now, rehash)));
        }
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
        let (Some(node), Some(birth)) = (word.header(), word.birth()) else { return };
        let mut fate = Fate::Operation(context.guard);
        // SAFETY:
        // - unlinked once: promised by the caller.
        unsafe {
            context.domain().retire(Dead::Node(node), birth, context.root.generation, &mut fate);
        }
    }

    /// Builds the smallest tree below `level` that holds these entries with room in each group. Its
    /// nodes are new; nobody sees them yet.
    pub(super) fn build<'n>(
        context: Context<'_, St>,
        movers: &mut [St::Mover],
        level: u32,
    ) -> Word<'n, St::Slot> {
        let birth = context.root.generation;
        if movers.is_empty() {
            return Word::EMPTY;
        }
        if level == LEVELS {
            let link = |mover: &St::Mover| Box::leak(Box::new(Link::new(birth, mover.slot())));
            let links: Vec<NonNull<Link<St::Slot>>> =
                movers.iter().map(|mover| NonNull::from(link(mover))).collect();
            return Chain::allocate(birth, &links);
        }
        let hashes = movers.iter().map(|mover| mover.hash());
        if let Some(shape) = shape_for::<St::Slot>(movers.len(), hashes) {
            return Branch::allocate(shape, birth, movers);
        }
        let mut words = [Word::EMPTY; FAN_WIDTH];
        for (index, part) in partition(movers, level) {
            words[index] = Self::build(context, part, level + 1);
        }
        Fan::allocate(&context.domain().fans, level, birth, words)
    }

    /// Frees what [`Self::build`] made.
    ///
    /// # Safety
    /// - `word` came from `build` and was not published.
    pub(super) unsafe fn unbuild(word: Word<'_, St::Slot>) {
        match word.node() {
            None => return,
            Some(Node::Fan(fan)) => {
                for child in fan.words() {
                    // SAFETY:
                    // - made by the same `build`.
                    unsafe { Self::unbuild(child.observe()) };
                }
            }
            Some(Node::Branch(_)) => {}
            Some(Node::Chain(chain)) => {
                for link in chain.observe() {
                    // SAFETY:
                    // - made by the same `build`, from a box.
                    drop(unsafe { Box::from_raw(link.as_ptr()) });
                }
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
    unsafe fn free_shell(word: Word<'_, St::Slot>) {
        if let Some(node) = word.header() {
            let node: NonNull<Header> = node;
            // SAFETY:
            // - a node over this store's slots; unused, by the contract.
            unsafe { free_node::<St::Slot>(node) };
        }
    }
}

/// Sorts slots by the word of a fan at `level` that they belong to, and cuts them at these borders.
fn partition<T: Mover>(slots: &mut [T], level: u32) -> impl Iterator<Item = (usize, &mut [T])> {
    let word_of = move |slot: &T| Fan::<T::Slot>::index(slot.hash(), level);
    // A counting sort: sixteen buckets, in linear time.
    let mut ends = [0_usize; FAN_WIDTH];
    slots.iter().for_each(|slot| ends[word_of(slot)] += 1);
    (1..FAN_WIDTH).for_each(|word| ends[word] += ends[word - 1]);
    let unsorted = slots.to_vec();
    for slot in unsorted.into_iter().rev() {
        let end = &mut ends[word_of(&slot)];
        *end -= 1;
        slots[*end] = slot;
    }
    slots
        .chunk_by_mut(move |a, b| word_of(a) == word_of(b))
        .map(move |part| (word_of(&part[0]), part))
}
