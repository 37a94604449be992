//! Commit: a fork's tree becomes the tree of its map, if the map was not written since the fork.
//!
//! # The instant
//!
//! A fork begins with a word to the tree of a snapshot, and the snapshot's map continues from a root with the same
//! word. Every write to the map, in whatever generation, first renews the top node: it swings the word of the newest
//! root to a copy. A node that was unlinked is never linked again. So if the word of the map's newest root leads to
//! that same node, the map still has the content that the fork began with. If both are empty, the map may have been
//! written and emptied meanwhile, but its content is the same.
//!
//! One CAS changes that word to the fork's tree, with `FROZEN` and `OLDER`. This is the instant of the commit. A `take`
//! ends a generation in the same way, with an empty tree. Operations treat the word as any frozen one: a reader
//! continues below it and observes, because of `OLDER`; a writer, a snapshot, a take or another commit makes the next
//! root and starts again.
//!
//! - *Another writer*: if it has renewed the top node before that CAS, the commit fails. Otherwise its own CAS of the
//!   same word fails, and it starts again in the new tree.
//! - *Another commit* of a fork of the same content: both CASes are of the same word, so one of them fails.
//! - *A snapshot or a take* also freezes the word by a CAS. If it is first, the commit's CAS fails. After a snapshot
//!   the word of the next root leads to the same node, and the commit tries again there; after a take it does not. If
//!   the commit is first, the snapshot finds a word that it did not freeze, withdraws its record, and starts again.
//! - *A late writer* of the generation that the fork grew from, or of an older one, may still publish into nodes that
//!   no thread has observed. The fork has observed all that it renewed, and shares the rest. So such a write is in the
//!   snapshot, the fork, and the map before and after the commit, and is ordered before all of them. No thread writes
//!   to the fork any more: it is passed by value.
//! - *A late reader* of an older generation reads content that the map had after its operation began: words that the
//!   fork renewed are frozen, as they were in the map until the commit.
//!
//! # Who owns what
//!
//! What the fork made (births after its floor) now belongs to the map, and dies there. The generation of the
//! next root is above all those births ([`Root::generation_after`](super::root::Root)). The parts of the fork's first
//! tree that the fork no longer holds belong to the map, or to the map's own base. The CAS unlinks them. So this thread
//! lists them beforehand, walking both trees as a comparison does, and retires them with the new generation as their
//! death. They go to the snapshots that see them, such as the fork's base, or to the limbo. Because of this walk, a
//! commit costs O(changes · log n). It does not slow other users of the map down.
//!
//! The fork's births may be in generations that the map has used too. So an older snapshot of the map may keep an
//! object of the fork that it cannot see: too long, never too short.
//!
//! The fork must have no snapshots: they are registered with the fork's domain, which the map does not consult when it
//! frees objects. While one is alive, the commit is refused.
//!
//! Models: `commit_*` in `tests/models.rs`. Drops: `tests/versions/commits.rs`.
#![expect(unsafe_code, reason = "moves a tree from a fork to its map")]

use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::Trie;
use super::diff::{Beyond, beyond, holds_entry};
use super::domain::Domain;
use super::raw::{Context, RawTrie};
use super::reclaimer::Fate;
use super::record::Dead;
use super::root::Root;
use crate::engine::Engine;
use crate::fallout::Fallout;
use crate::store::{Store, TreeSlot};
use crate::sync::planted;
use crate::tree::node::Word;

/// Why a commit was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The map was written since the fork.
    Changed,
    /// The fork has snapshots or forks of its own.
    Shared,
    /// It is a fork of another map.
    Unrelated,
}

impl<St: Store> Trie<St> {
    /// Replaces the map's tree by that of a fork, if the map still has the content that the fork began with.
    pub(crate) fn try_commit(&self, fork: Self) -> Result<(), (Self, Refusal)> {
        // SAFETY:
        // - over slots of this store.
        let done = unsafe { self.raw.try_commit::<St::Slot>(fork.raw) };
        // SAFETY:
        // - those of the fork, which are.
        done.map_err(|(fork, refusal)| (unsafe { Self::of(fork) }, refusal))
    }

    /// Makes the map's first root if it has none, so that its forks know where they come from.
    pub(crate) fn settle(&self) {
        let guard = self.pin();
        self.raw.root_or_first(&guard);
    }
}

impl RawTrie {
    /// See [`Trie::try_commit`].
    ///
    /// # Safety
    /// - Both are over slots of type `T`.
    unsafe fn try_commit<T: TreeSlot>(&self, mut fork: Self) -> Result<(), (Self, Refusal)> {
        let (from, domain) = match fork.alone() {
            Ok(parts) => parts,
            Err(refusal) => return Err((fork, refusal)),
        };
        let guard = self.collector.pin();
        let base = domain.base.as_ref().map_or(Word::EMPTY, |base| base.top());
        let begun_with = base.to_older();
        let mut losses = None;
        let (root, committed) = loop {
            let mine =
                self.root(&guard).filter(|map| map.domain().lineage.is_parent_of(domain.lineage));
            let Some(context) = mine else { return Err((fork, Refusal::Unrelated)) };
            let top = context.root.top.load(&guard);
            if top.thawed() != begun_with {
                return Err((fork, Refusal::Changed));
            }
            if top.is_frozen() {
                // Frozen by a snapshot. The next root has the same tree.
                self.advance(context);
                continue;
            }
            let tree = from.top.load(&guard);
            // SAFETY:
            // - promised by the caller.
            losses.get_or_insert_with(|| unsafe { Losses::of::<T>(base.typed(), tree.typed()) });
            let committed = tree.to_older().frozen();
            // LINEARIZES commit.
            if context.root.top.replace(top, committed).is_ok() {
                // After an empty tree, counting starts again from zero.
                if !committed.is_empty() {
                    context.root.count.commit(&from.count, domain);
                }
                self.advance(context);
                break (context.root, committed);
            }
        };
        let death = root.generation_after(committed);
        let map = Context { trie: self, root, guard: &guard };
        for (dead, birth) in losses.into_iter().flat_map(|losses| losses.lost) {
            // SAFETY:
            // - unlinked once, under the guard: the CAS above replaced the tree that held it by one without it, and
            //   `beyond` lists each object once.
            unsafe {
                map.domain().reclaimer.retire(dead, birth, death, &mut Fate::Operation(&guard));
            };
        }
        fork.dissolve();
        Ok(())
    }

    /// Root and domain of a map that has no snapshots or forks.
    pub(super) fn alone(&mut self) -> Result<(&Root, &Domain), Refusal> {
        let root = NonNull::new(*self.root.get_mut()).ok_or(Refusal::Unrelated)?;
        // SAFETY:
        // - the map's root, and its reference to the domain, made by `Arc::into_raw`. Both live as long as the map,
        //   which the result borrows.
        unsafe {
            let root = root.as_ref();
            let mut domain = ManuallyDrop::new(Arc::from_raw(root.domain.as_ptr()));
            // Synchronizes with the drop of the last snapshot.
            Arc::get_mut(&mut domain).ok_or(Refusal::Shared)?;
            Ok((root, root.domain.as_ref()))
        }
    }

    /// Drops a map without its tree, which belongs to another map now.
    pub(super) fn dissolve(mut self) {
        let root = std::mem::replace(self.root.get_mut(), ptr::null_mut());
        let mut fallout = Fallout::default();
        // SAFETY:
        // - from a box, and the last root of this map, which is owned: no other thread can reach it.
        // - the map's reference to the domain, which came from `Arc::into_raw`.
        // - every operation borrows the map, so none is in flight that could use what waits in its
        //   limbo; it was unlinked before the tree was committed.
        unsafe {
            let root = Box::from_raw(root);
            let domain = Arc::from_raw(root.domain.as_ptr());
            domain.reclaimer.limbo.close(&mut fallout);
        }
        fallout.resume();
    }
}

/// Lists what the map loses with a commit.
struct Losses {
    /// Each with its birth.
    lost: Vec<(Dead, u64)>,
}

impl Losses {
    fn of<T: TreeSlot>(base: Word<'_, T>, committed: Word<'_, T>) -> Self {
        let mut losses = Self { lost: Vec::new() };
        beyond::<T>(base, committed, 0, &mut losses);
        losses
    }
}

/// Walks over the tree of the fork's base. The fork keeps it, so nothing in it is freed meanwhile.
impl<T: TreeSlot> Beyond<T> for Losses {
    fn has(&self, other: Word<'_, T>, level: u32, slot: &T) -> bool {
        // An entry without memory of its own needs no freeing.
        // SAFETY:
        // - live in the tree that the fork keeps.
        !T::OWNS || unsafe { holds_entry(other, level, slot) }
    }

    fn tree(&mut self, word: Word<'_, T>) -> bool {
        let tree = word.birth().map(|birth| (Dead::Tree(word.erased().detach()), birth));
        self.lost.extend(tree);
        true
    }

    fn node(&mut self, word: Word<'_, T>) {
        if planted("leaked_shell") {
            return;
        }
        let node = word.raw_node().zip(word.birth());
        self.lost.extend(node.map(|(node, birth)| (Dead::Node(node), birth)));
    }

    fn entry(&mut self, slot: &T, _level: u32) {
        if T::OWNS {
            // SAFETY:
            // - not freed: it is in the tree that the fork keeps.
            let birth = unsafe { slot.birth() };
            self.lost.push((Dead::Entry(slot.address()), birth));
        }
    }
}
