//! Walking over all entries.
#![expect(unsafe_code, reason = "hands out the entries of slots that the view protects")]

use super::node::{
    Branch, Chain, FAN_BITS, FAN_WIDTH, Fan, Group, Held, Indirection, Node, Seen, Slot, View, Word,
};
use crate::entry::Store;

/// An iterator over the entries below a word.
///
/// A key has one place in the order of hashes: one prefix, one group. The iterator passes each
/// prefix once and reads each group's state once, whatever node it finds there, so that it yields no
/// key twice. (Of a chain it walks the words that were taken when it came there: a key that is removed
/// and inserted again meanwhile comes back behind them.) A node that was replaced while the iterator was
/// above it is frozen and holds what was there at that time: what is in the map throughout is seen.
///
/// Below an `OLDER` word everything is frozen before it is read, as for a lookup: what an iteration over a
/// fork has shown is not changed by a late writer of the map that it came from.
pub(crate) struct Iter<'g, St: Store> {
    /// What the leaf is read under.
    view: View<'g>,
    /// The fans on the way down, each with the words to follow.
    path: Vec<Part<'g, St::Slot>>,
    leaf: Leaf<'g, St::Slot>,
}

impl<St: Store> Clone for Iter<'_, St> {
    fn clone(&self) -> Self {
        Self { view: self.view, path: self.path.clone(), leaf: self.leaf }
    }
}

/// The words `next..end` of a fan.
struct Part<'g, T> {
    fan: &'g Fan<T>,
    /// What they are read under.
    view: View<'g>,
    next: usize,
    end: usize,
}

impl<T> Clone for Part<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Part<'_, T> {}

impl<'g, T: Slot> Part<'g, T> {
    fn next(&mut self) -> Option<Word<'g, T>> {
        if self.next == self.end {
            return None;
        }
        self.next += 1;
        if let Some(later) = self.fan.words()[self.next..self.end].get(AHEAD - 1) {
            later.prefetch();
        }
        Some(self.fan.words()[self.next - 1].read(self.view))
    }
}

/// How many words ahead of a walk the memory of their nodes is asked for. (A walk over a snapshot of a
/// million inline pairs took 15 ns a pair without, 6.2 with one or two ahead, 5.4 with four, 5.3 with six;
/// over boxed ones 48, and 20 to 22. Seen once.)
const AHEAD: usize = 4;

enum Leaf<'g, T: Slot> {
    Nothing,
    Branch {
        branch: Branch<'g, T>,
        next_group: usize,
        rest: Seen<'g, T>,
    },
    /// The words `from..end`; the chain may grow past `end` while it is walked.
    Chain {
        chain: Chain<'g, T>,
        from: usize,
        end: usize,
    },
}

impl<T: Slot> Clone for Leaf<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Leaf<'_, T> {}

/// Reads a group of a branch, and asks for its entries.
#[inline]
fn read_group<'g, St: Store>(group: Group<'g, St::Slot>, view: View<'g>) -> Seen<'g, St::Slot> {
    let seen = group.read(view);
    if St::OWNS {
        seen.iter().for_each(|slot| St::prefetch(&slot.now));
    }
    seen
}

impl<'g, St: Store> Iter<'g, St> {
    pub(super) fn new(word: Word<'g, St::Slot>, view: View<'g>) -> Self {
        let mut iter = Self { view, path: Vec::new(), leaf: Leaf::Nothing };
        iter.enter(word, view);
        iter
    }

    /// The entries whose hashes are at least `first`, and others of the leaf where that would be.
    pub(super) fn starting_at(first: u64, word: Word<'g, St::Slot>, view: View<'g>) -> Self {
        let mut iter = Self::new(word, view);
        let (mut rest, mut level) = (first, 0);
        while let Some(part) = iter.path.get_mut(level).filter(|_| rest != 0) {
            part.next = (rest >> (u64::BITS - FAN_BITS)) as usize;
            let above = part.view;
            if let Some(word) = part.next() {
                iter.enter(word, above);
            }
            (rest, level) = (rest << FAN_BITS, level + 1);
        }
        iter
    }

    /// The hash that the next leaf begins with; none within a leaf, or if there is no next.
    pub(super) fn position(&self) -> Option<u64> {
        let done = match &self.leaf {
            Leaf::Nothing => true,
            Leaf::Branch { branch, next_group, rest } => {
                rest.is_empty() && *next_group == branch.group_count()
            }
            Leaf::Chain { from, end, .. } => from == end,
        };
        let (mut hash, mut position) = (0, None);
        let mut shift = u64::BITS;
        for part in self.path.iter().filter(|_| done) {
            shift -= FAN_BITS;
            if part.next < part.end {
                position = Some(hash | (part.next as u64) << shift);
            }
            // The word that the walk is below; above the last part there is one.
            hash |= (part.next.saturating_sub(1) as u64) << shift;
        }
        position
    }

    /// Goes to the node of a word that was read under `above`.
    fn enter(&mut self, word: Word<'g, St::Slot>, above: View<'g>) {
        self.view = above.below(word);
        self.leaf = match word.node() {
            None => Leaf::Nothing,
            Some(Node::Fan(fan)) => {
                fan.words()[..AHEAD].iter().for_each(Indirection::prefetch);
                self.path.push(Part { fan, view: self.view, next: 0, end: FAN_WIDTH });
                Leaf::Nothing
            }
            Some(Node::Branch(branch)) => {
                let rest = read_group::<St>(branch.nth_group(0), self.view);
                Leaf::Branch { branch, next_group: 1, rest }
            }
            Some(Node::Chain(chain)) => Leaf::Chain { chain, from: 0, end: chain.end(self.view) },
        };
    }

    #[inline]
    fn next_in_leaf(&mut self) -> Option<Held<'g, St::Slot>> {
        match &mut self.leaf {
            Leaf::Nothing => None,
            Leaf::Branch { branch, next_group, rest } => loop {
                if let Some(slot) = rest.pop() {
                    return Some(slot);
                }
                if *next_group == branch.group_count() {
                    return None;
                }
                *rest = read_group::<St>(branch.nth_group(*next_group), self.view);
                *next_group += 1;
            },
            Leaf::Chain { chain, from, end } => {
                let (next, link) = chain.next(self.view, *from)?;
                *from = next;
                // Past the end are keys that came since, some of them from words before it.
                (next <= *end).then(|| link.slot())
            }
        }
    }

    #[inline]
    pub(super) fn next_slot(&mut self) -> Option<Held<'g, St::Slot>> {
        loop {
            if let Some(slot) = self.next_in_leaf() {
                return Some(slot);
            }
            self.next_leaf()?;
        }
    }

    /// Goes to the next leaf, when this one has no more to yield; or only up or down in the tree.
    fn next_leaf(&mut self) -> Option<()> {
        let part = self.path.last_mut()?;
        let above = part.view;
        match part.next() {
            Some(word) => self.enter(word, above),
            None => {
                self.path.pop();
                self.leaf = Leaf::Nothing;
            }
        }
        Some(())
    }

    /// What is left of the leaf, in one loop for each group.
    #[inline]
    fn fold_leaf<B>(&mut self, init: B, mut f: impl FnMut(B, Held<'g, St::Slot>) -> B) -> B {
        let mut result = init;
        if let Leaf::Branch { branch, next_group, mut rest } = self.leaf {
            self.leaf = Leaf::Nothing;
            for group in next_group..=branch.group_count() {
                while let Some(slot) = rest.pop() {
                    result = f(result, slot);
                }
                if group < branch.group_count() {
                    rest = read_group::<St>(branch.nth_group(group), self.view);
                }
            }
        }
        while let Some(slot) = self.next_in_leaf() {
            result = f(result, slot);
        }
        result
    }

    /// Calls `f` for each slot that is left, in one loop for each leaf.
    #[inline]
    pub(super) fn fold_slots<B>(
        mut self,
        init: B,
        mut f: impl FnMut(B, Held<'g, St::Slot>) -> B,
    ) -> B {
        let mut result = init;
        loop {
            result = self.fold_leaf(result, &mut f);
            if self.next_leaf().is_none() {
                return result;
            }
        }
    }

    /// Gives away about half of what this has yet to yield; none if it is too little to be shared.
    #[cfg(feature = "rayon")]
    pub(super) fn split(&mut self) -> Option<Self> {
        loop {
            // The higher a fan, the more is below its words.
            let at = self.path.iter().position(|part| part.next < part.end)?;
            let lowest = at + 1 == self.path.len();
            let part = &mut self.path[at];
            if part.end - part.next == 1 && lowest && matches!(self.leaf, Leaf::Nothing) {
                // Nothing else is left here: share what is below.
                let above = part.view;
                let word = part.next()?;
                self.enter(word, above);
                continue;
            }
            let middle = part.next + (part.end - part.next) / 2;
            let given = Part { next: middle, ..*part };
            part.end = middle;
            return Some(Self { view: given.view, path: vec![given], leaf: Leaf::Nothing });
        }
    }
}

impl<'g, St: Store + 'g> Iterator for Iter<'g, St> {
    type Item = St::Pair<'g>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.next_slot()?;
        // SAFETY:
        // - not freed during `'g`: the view protects what is reached under it.
        Some(unsafe { St::pair(slot) })
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(self, init: B, mut f: F) -> B {
        // SAFETY:
        // - as in `next`.
        self.fold_slots(init, |result, slot| f(result, unsafe { St::pair(slot) }))
    }
}
