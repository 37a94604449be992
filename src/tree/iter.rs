//! Walking over all entries.
#![expect(unsafe_code, reason = "hands out the entries of slots that the view protects")]

use super::lookup::{prefetch_entries, read};
use super::node::{Collision, FAN_BITS, Fan, Indirection, Node, View, Word};
use crate::bucket::{Bucket, Contents, Held, Slot};
use crate::leaf::FAN_WIDTH;
use crate::store::{Store, TreeSlot};

/// An iterator over the slots below a word.
///
/// A key has one place in the order of hashes: one prefix, one bucket. The iterator passes each prefix once and reads
/// each bucket at one instant, so it yields no key twice. A node that is replaced while the iterator is in it is frozen
/// and keeps the entries of that moment, so every entry that is present throughout is seen.
///
/// Below an `OLDER` word everything is frozen before it is read, as in a lookup. So a late writer of the original map
/// cannot change what an iteration over a fork has yielded.
pub(crate) struct Iter<'g, T: TreeSlot> {
    /// What is left of a bucket.
    contents: Contents<'g, T>,
    /// The view of the rest.
    view: View<'g>,
    /// The fans on the way down, each with its remaining words.
    path: Vec<Part<'g, T>>,
    rest: Rest<'g, T>,
}

impl<T: TreeSlot> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { path: self.path.clone(), ..*self }
    }
}

/// The words `next..end` of a fan.
struct Part<'g, T> {
    fan: &'g Fan<T>,
    /// The view under which they are read.
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

/// How many words ahead a walk prefetches nodes.
const AHEAD: usize = 4;

/// The rest of a node of entries.
enum Rest<'g, T: Slot> {
    Nothing,
    /// A leaf, of which this is the next bucket.
    Leaf(Bucket<'g, T>),
    Collision {
        node: Collision<'g, T>,
        next: usize,
    },
}

impl<T: Slot> Clone for Rest<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Rest<'_, T> {}

/// How many buckets ahead a walk prefetches entries: about as many entries as a processor can have cache misses.
const BUCKETS_AHEAD: usize = 4;

impl<'g, T: TreeSlot> Iter<'g, T> {
    pub(crate) fn new(word: Word<'g, T>, view: View<'g>) -> Self {
        let mut iter =
            Self { contents: Contents::none(), view, path: Vec::new(), rest: Rest::Nothing };
        iter.enter(word, view);
        iter
    }

    /// The entries whose hashes are at least `first`, and possibly others of the leaf where `first` belongs.
    pub(crate) fn starting_at(first: u64, word: Word<'g, T>, view: View<'g>) -> Self {
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

    /// The first hash of the next node. `None` within a node, or if there is no next one.
    pub(crate) fn position(&self) -> Option<u64> {
        let done = self.is_between_nodes();
        let (mut hash, mut position) = (0, None);
        let mut shift = u64::BITS;
        for part in self.path.iter().filter(|_| done) {
            shift -= FAN_BITS;
            if part.next < part.end {
                position = Some(hash | (part.next as u64) << shift);
            }
            // The word that the walk is below. Each part except the last has one.
            hash |= (part.next.saturating_sub(1) as u64) << shift;
        }
        position
    }

    fn is_between_nodes(&self) -> bool {
        let at_end = match &self.rest {
            Rest::Nothing => true,
            Rest::Leaf(_) => false,
            Rest::Collision { node, next } => *next == node.len(),
        };
        at_end && self.contents.is_empty()
    }

    /// Whether there is no next node, and nothing left of this one.
    pub(crate) fn is_at_end(&self) -> bool {
        self.is_between_nodes() && self.path.iter().all(|part| part.next == part.end)
    }

    /// Enters the node of a word that was read under `above`.
    pub(crate) fn enter(&mut self, word: Word<'g, T>, above: View<'g>) {
        self.view = above.below(word);
        self.rest = match word.node() {
            None => Rest::Nothing,
            Some(Node::Fan(fan)) => {
                fan.words()[..AHEAD].iter().for_each(Indirection::prefetch);
                self.path.push(Part { fan, view: self.view, next: 0, end: FAN_WIDTH });
                Rest::Nothing
            }
            Some(Node::Leaf(leaf)) => {
                prefetch_entries(leaf.buckets().take(BUCKETS_AHEAD));
                Rest::Leaf(leaf.nth(0))
            }
            Some(Node::Collision(node)) => Rest::Collision { node, next: 0 },
        };
    }

    #[inline]
    pub(crate) fn next_slot(&mut self) -> Option<Held<'g, T>> {
        self.contents.next().or_else(|| self.next_elsewhere())
    }

    /// The next slot, when nothing is left of the last bucket.
    #[inline(never)]
    fn next_elsewhere(&mut self) -> Option<Held<'g, T>> {
        loop {
            match self.rest {
                Rest::Leaf(bucket) => self.read_bucket(bucket),
                Rest::Collision { node, next } if next < node.len() => {
                    self.rest = Rest::Collision { node, next: next + 1 };
                    return node.nth(next);
                }
                Rest::Collision { .. } | Rest::Nothing => self.next_node()?,
            }
            if let Some(slot) = self.contents.next() {
                return Some(slot);
            }
        }
    }

    /// Reads the next bucket of a leaf, at one instant.
    #[inline]
    fn read_bucket(&mut self, bucket: Bucket<'g, T>) {
        self.rest = bucket.behind(1).map_or(Rest::Nothing, Rest::Leaf);
        prefetch_entries(bucket.behind(BUCKETS_AHEAD));
        while !self.contents.refill(read(bucket, self.view)) {}
    }

    /// Moves towards the next node, by one step up or down in the tree.
    fn next_node(&mut self) -> Option<()> {
        let part = self.path.last_mut()?;
        let above = part.view;
        match part.next() {
            Some(word) => self.enter(word, above),
            None => {
                self.path.pop();
                self.rest = Rest::Nothing;
            }
        }
        Some(())
    }

    /// Folds all slots that are left, in one loop per bucket.
    #[inline]
    pub(crate) fn fold_slots<B>(&mut self, init: B, mut f: impl FnMut(B, Held<'g, T>) -> B) -> B {
        let mut result = init;
        loop {
            result = self.contents.fold_rest(result, &mut f);
            if let Rest::Leaf(bucket) = self.rest {
                self.read_bucket(bucket);
                continue;
            }
            match self.next_elsewhere() {
                Some(slot) => result = f(result, slot),
                None => return result,
            }
        }
    }

    /// Gives away about half of the rest, or nothing if that is too little to share.
    #[cfg(feature = "rayon")]
    pub(crate) fn split(&mut self) -> Option<Self> {
        loop {
            // The topmost fan has the most below each word.
            let at = self.path.iter().position(|part| part.next < part.end)?;
            let lowest = at + 1 == self.path.len();
            let part = &mut self.path[at];
            if part.end - part.next == 1 && lowest && matches!(self.rest, Rest::Nothing) {
                // Only one word is left here: share its children.
                let above = part.view;
                let word = part.next()?;
                self.enter(word, above);
                continue;
            }
            let middle = part.next + (part.end - part.next) / 2;
            let given = Part { next: middle, ..*part };
            part.end = middle;
            let (contents, view) = (Contents::none(), given.view);
            return Some(Self { contents, view, path: vec![given], rest: Rest::Nothing });
        }
    }
}

/// [`Iter`], for the entries behind the slots.
///
/// INVARIANT: they are of this store.
pub(crate) struct Pairs<'g, St: Store>(Iter<'g, St::Slot>);

impl<'g, St: Store> Pairs<'g, St> {
    /// # Safety
    /// - The entries are of this store.
    pub(crate) unsafe fn new(slots: Iter<'g, St::Slot>) -> Self {
        Self(slots)
    }

    pub(crate) fn slots(&self) -> &Iter<'g, St::Slot> {
        &self.0
    }
}

impl<'g, St: Store + 'g> Iterator for Pairs<'g, St> {
    type Item = St::Pair<'g>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.0.next_slot()?;
        // SAFETY:
        // - of this store: by the invariant; not freed during `'g`: the view protects what is reached under it.
        Some(unsafe { St::pair(slot.now) })
    }

    #[inline]
    fn fold<B, F: FnMut(B, Self::Item) -> B>(mut self, init: B, mut f: F) -> B {
        // SAFETY:
        // - as in `next`.
        self.0.fold_slots(init, |result, slot| f(result, unsafe { St::pair(slot.now) }))
    }
}
