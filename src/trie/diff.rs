//! Comparing two trees without visiting the nodes that they share.
//!
//! Trees of one family of maps (a map, its snapshots, and forks of any of these) share the nodes that have not been
//! written since they parted. A comparison walks both trees at once and turns back wherever the two words lead to the
//! same node. So it visits only the nodes on the paths to the changes, and the words next to them.
//!
//! Two different nodes may have the same entries: on one side a leaf may have become a fan, a fan may have collapsed,
//! or a node may have been copied. So if either of two different nodes is not a fan, each entry below one is looked up
//! below the other, by its hash. An allocated entry is unchanged if it is the same object; values are not compared. A
//! pair in a node is unchanged if its bytes are.
//!
//! Both trees are frozen, and read as snapshots are.
#![expect(unsafe_code, reason = "reads the entries of frozen trees")]

use super::frozen::Frozen;
use crate::bucket::{Held, Slot};
use crate::engine::{Content, PairRef};
use crate::hash::Rehash;
use crate::leaf::{FAN_WIDTH, Leaf};
use crate::store::{ByKey, KnownHashes, Store, TreeSlot};
use crate::tree::node::{FAN_BITS, Fan, Node, View, Word};
use crate::tree::{Iter, lookup, path_below};

/// One difference, with the entries that make it.
pub(crate) enum TreeChange<'g, K, V> {
    Added((&'g K, &'g V)),
    Removed((&'g K, &'g V)),
    Changed { old: (&'g K, &'g V), new: (&'g K, &'g V) },
}

type ChangeOf<'g, St> = TreeChange<'g, <St as Content>::Key, <St as Content>::Value>;

/// The differences between two frozen trees of one family, found lazily.
pub(crate) struct TreeDiff<'g, St: Store> {
    /// The fans on the way down that differ.
    path: Vec<Fans<'g, St::Slot>>,
    leaves: Option<Leaves<'g, St>>,
    /// Pairs of different nodes that were compared.
    visited: usize,
}

/// Two fans at one place, compared up to the word `next`.
struct Fans<'g, T> {
    old: &'g Fan<T>,
    new: &'g Fan<T>,
    next: usize,
}

impl<'g, T> Fans<'g, T> {
    fn next(&mut self) -> Option<(Word<'g, T>, Word<'g, T>)> {
        if self.next == FAN_WIDTH {
            return None;
        }
        self.next += 1;
        let at = self.next - 1;
        Some((self.old.words()[at].observe(), self.new.words()[at].observe()))
    }
}

/// Two nodes at one place, at least one of which is not a fan.
struct Leaves<'g, St: Store> {
    old: Word<'g, St::Slot>,
    new: Word<'g, St::Slot>,
    level: u32,
    /// Entries of `old` that may have changed.
    from_old: Entries<'g, St>,
    /// Entries of `new`, compared afterwards.
    from_new: Entries<'g, St>,
}

enum Entries<'g, St: Store> {
    All(Iter<'g, St::Slot>),
    Some(Vec<Held<'g, St::Slot>>),
}

impl<'g, St: Store> Entries<'g, St> {
    #[inline]
    fn next(&mut self) -> Option<Held<'g, St::Slot>> {
        match self {
            Self::All(iter) => iter.next_slot(),
            Self::Some(slots) => slots.pop(),
        }
    }
}

impl<St: Store> TreeDiff<'_, St> {
    /// How many pairs of different nodes were compared so far.
    pub(crate) fn visited(&self) -> usize {
        self.visited
    }
}

impl<'g, St: Store + 'g> TreeDiff<'g, St> {
    /// The trees must be of one family, see [`Frozen::may_share`].
    pub(crate) fn new(old: &'g Frozen<St>, new: &'g Frozen<St>) -> Self {
        debug_assert!(old.may_share(new));
        let mut diff = Self { path: Vec::new(), leaves: None, visited: 0 };
        diff.enter(old.top(), new.top());
        diff
    }

    /// Begins the comparison of two nodes at one place.
    fn enter(&mut self, old: Word<'g, St::Slot>, new: Word<'g, St::Slot>) {
        if old.same_node(new) {
            return;
        }
        self.visited += 1;
        let level = self.path.len() as u32;
        match (old.fan(), new.fan()) {
            (Some(old), Some(new)) => self.path.push(Fans { old, new, next: 0 }),
            _ => self.leaves = Some(Leaves::new(old, new, level)),
        }
    }

    /// The next difference.
    pub(crate) fn next(&mut self, rehash: Rehash<'_, St::Key>) -> Option<ChangeOf<'g, St>>
    where
        St::Key: Eq,
    {
        loop {
            if let Some(leaves) = &mut self.leaves {
                if let Some(change) = leaves.next(rehash) {
                    return Some(change);
                }
                self.leaves = None;
            }
            match self.path.last_mut()?.next() {
                Some((old, new)) => self.enter(old, new),
                None => drop(self.path.pop()),
            }
        }
    }
}

impl<'g, St: Store + 'g> Leaves<'g, St> {
    fn new(old: Word<'g, St::Slot>, new: Word<'g, St::Slot>, level: u32) -> Self {
        let (from_old, from_new) = match (old.node(), new.node()) {
            (Some(Node::Leaf(old)), Some(Node::Leaf(new))) if old.size() == new.size() => {
                Self::candidates(old, new)
            }
            _ => {
                let all = |word| Entries::All(Iter::new(word, View::Observed));
                (all(old), all(new))
            }
        };
        Self { old, new, level, from_old, from_new }
    }

    /// The entries that are not in the same place of both leaves. A copied leaf has most entries in their old places,
    /// so few are left to hash and look up.
    fn candidates(
        old: Leaf<'g, St::Slot>,
        new: Leaf<'g, St::Slot>,
    ) -> (Entries<'g, St>, Entries<'g, St>) {
        let (mut from_old, mut from_new) = (Vec::new(), Vec::new());
        for (old, new) in old.buckets().zip(new.buckets()) {
            let (mut old, mut new) = (old.observe(), new.observe());
            // SAFETY:
            // - live in frozen trees, which are borrowed.
            old.forget_common(&mut new, |old, new| unsafe { St::unchanged(old, new) });
            // A frozen bucket does not change.
            from_old.extend(old.contents().into_iter().flatten());
            from_new.extend(new.contents().into_iter().flatten());
        }
        (Entries::Some(from_old), Entries::Some(from_new))
    }

    fn next(&mut self, rehash: Rehash<'_, St::Key>) -> Option<ChangeOf<'g, St>>
    where
        St::Key: Eq,
    {
        while let Some(slot) = self.from_old.next() {
            match self.counterpart(slot, self.new, rehash) {
                Counterpart::Same => {}
                Counterpart::None => return Some(TreeChange::Removed(pair::<St>(slot))),
                Counterpart::Other(new) => {
                    let (old, new) = (pair::<St>(slot), pair::<St>(new));
                    return Some(TreeChange::Changed { old, new });
                }
            }
        }
        while let Some(slot) = self.from_new.next() {
            // A changed entry was reported with the old entries.
            if let Counterpart::None = self.counterpart(slot, self.old, rehash) {
                return Some(TreeChange::Added(pair::<St>(slot)));
            }
        }
        None
    }

    /// The other node's entry for the key of a slot.
    fn counterpart(
        &self,
        slot: Held<'g, St::Slot>,
        other: Word<'g, St::Slot>,
        rehash: Rehash<'_, St::Key>,
    ) -> Counterpart<'g, St::Slot>
    where
        St::Key: Eq,
    {
        // SAFETY:
        // - live in a frozen tree, which is borrowed.
        let hash = unsafe { slot.now.hash(&ByKey::<St>(rehash)) };
        // SAFETY:
        // - as above, for both.
        let unchanged = |now: &St::Slot| unsafe { St::unchanged(&slot.now, now) };
        // First look for the unchanged entry: most are, and a boxed store finds it without comparing keys.
        if holds(other, self.level, hash, unchanged) {
            return Counterpart::Same;
        }
        let (key, _) = pair::<St>(slot);
        let mut eq = |other: &St::Key| other == key;
        let depth = self.level * FAN_BITS;
        // SAFETY:
        // - of this store.
        let found = unsafe { lookup::find::<St>(other, View::Observed, depth, hash, &mut eq) };
        found.map_or(Counterpart::None, Counterpart::Other)
    }
}

/// The entry of another node for the same key, and how it compares.
enum Counterpart<'g, T: Slot> {
    Same,
    Other(Held<'g, T>),
    None,
}

/// Receives the parts of a tree that another tree does not have, each once.
pub(super) trait Beyond<T: TreeSlot> {
    /// Whether the other tree has this entry, below `other`, which was read as for [`holds`].
    fn has(&self, other: Word<'_, T>, level: u32, slot: &T) -> bool;
    /// A node with everything below it, none of which is in the other tree. Returns true if this is enough; otherwise
    /// its parts follow.
    fn tree(&mut self, word: Word<'_, T>) -> bool;
    /// A node alone.
    fn node(&mut self, word: Word<'_, T>);
    /// An entry, with `level` fans above it.
    fn entry(&mut self, slot: &T, level: u32);
}

/// Passes on what is below `word` and not below `other`. `word` was read from a node at `level`; `other` at the same
/// place, or above it if it leads to no fan.
///
/// An entry that has moved to another node counts as being in both.
pub(super) fn beyond<T: TreeSlot>(
    word: Word<'_, T>,
    other: Word<'_, T>,
    level: u32,
    visitor: &mut impl Beyond<T>,
) {
    let Some(node) = word.node().filter(|_| !word.same_node(other)) else { return };
    if other.is_empty() && visitor.tree(word) {
        return;
    }
    let has =
        |slot: &T, visitor: &_| !other.is_empty() && Beyond::<T>::has(visitor, other, level, slot);
    match node {
        Node::Fan(fan) => {
            for index in 0..FAN_WIDTH {
                let other = other.fan().map_or(other, |fan| fan.words()[index].observe());
                beyond(fan.words()[index].observe(), other, level + 1, visitor);
            }
        }
        Node::Leaf(leaf) => {
            leaf.for_each(|slot| {
                if !has(slot, &*visitor) {
                    visitor.entry(slot, level);
                }
            });
        }
        Node::Collision(node) => {
            for slot in node.slots() {
                if !has(&slot.now, &*visitor) {
                    visitor.entry(&slot.now, level);
                }
            }
        }
    }
    visitor.node(word);
}

/// Whether an entry for which `is_it` returns true is below `word`. `word` was read from a node at `level`, or above if
/// it leads to no fan.
pub(super) fn holds<T: TreeSlot>(
    word: Word<'_, T>,
    level: u32,
    hash: u64,
    is_it: impl FnMut(&T) -> bool,
) -> bool {
    let path = path_below(hash, level * FAN_BITS);
    lookup::find_at::<T>(word, View::Observed, path, hash, is_it).is_some()
}

/// [`holds`] for an entry. Only for stores whose entries are allocated and keep their hashes.
///
/// # Safety
/// - The slot was live, and its entry is not freed.
pub(super) unsafe fn holds_entry<T: TreeSlot>(word: Word<'_, T>, level: u32, slot: &T) -> bool {
    // SAFETY: the same contract.
    let hash = unsafe { slot.hash(&KnownHashes) };
    holds::<T>(word, level, hash, |candidate| slot.is_same(candidate))
}

fn pair<'g, St: Store + 'g>(slot: Held<'g, St::Slot>) -> PairRef<'g, St> {
    // SAFETY:
    // - not freed for `'g`: called with slots of the trees being compared, which are borrowed.
    unsafe { St::pair_ref(slot) }
}

impl<St: Store> Frozen<St> {
    /// Panics unless both are of the same map. If either map was never written, that cannot be told.
    #[track_caller]
    pub(crate) fn assert_is_of_map_of(&self, other: &Self) {
        if let (Some(one), Some(other)) = (self.domain(), other.domain()) {
            let same = std::sync::Arc::ptr_eq(one, other);
            assert!(same, "a snapshot of another map; a fork must be committed first");
        }
    }

    /// Whether both lead to the same tree, so that nothing was written between them.
    pub(crate) fn is_unchanged(&self, other: &Self) -> bool {
        self.top().same_node(other.top())
    }

    /// Whether a key has the same entry in both, or none in either. `hash` is its hash here, `other_hash` its hash
    /// there.
    pub(crate) fn has_same(
        &self,
        other: &Self,
        (hash, other_hash): (u64, u64),
        eq: &mut impl FnMut(&St::Key) -> bool,
    ) -> bool {
        // SAFETY:
        // - of this store; live in frozen trees, which are borrowed.
        unsafe {
            let here = lookup::find::<St>(self.top(), View::Observed, 0, hash, eq);
            let there = lookup::find::<St>(other.top(), View::Observed, 0, other_hash, eq);
            match (here, there) {
                (Some(here), Some(there)) => St::unchanged(&here.now, &there.now),
                (None, None) => true,
                _ => false,
            }
        }
    }

    /// Whether both are trees of one family, or one is empty. If so, [`TreeDiff`] can compare them.
    pub(crate) fn may_share(&self, other: &Self) -> bool {
        match (self.domain(), other.domain()) {
            (Some(one), Some(other)) => one.lineage.family == other.lineage.family,
            // Never written.
            _ => true,
        }
    }
}

impl<St: Store> Clone for TreeDiff<'_, St> {
    fn clone(&self) -> Self {
        let Self { path, leaves, visited } = self;
        Self { path: path.clone(), leaves: leaves.clone(), visited: *visited }
    }
}

impl<T> Clone for Fans<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Fans<'_, T> {}

impl<St: Store> Clone for Entries<'_, St> {
    fn clone(&self) -> Self {
        match self {
            Self::All(iter) => Self::All(iter.clone()),
            Self::Some(slots) => Self::Some(slots.clone()),
        }
    }
}

impl<St: Store> Clone for Leaves<'_, St> {
    fn clone(&self) -> Self {
        let Self { old, new, level, from_old, from_new } = self;
        let (from_old, from_new) = (from_old.clone(), from_new.clone());
        Self { old: *old, new: *new, level: *level, from_old, from_new }
    }
}

// SAFETY:
// - Send: it holds shared references to nodes and entries of frozen trees, as `FrozenIter`.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for TreeDiff<'_, St> {}
// SAFETY:
// - Sync: a shared reference to it allows no operation.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for TreeDiff<'_, St> {}
