//! The entries of a map or a snapshot that nothing else can reach: no other snapshot, no fork, no operation in flight.
#![expect(unsafe_code, reason = "takes entries out of slots, and lends values mutably")]

use super::Trie;
use super::commit::Refusal;
use super::diff::holds_entry;
use super::frozen::Frozen;
use super::record::Dead;
use crate::engine::{Content, Engine, Shared};
use crate::fallout::Fallout;
use crate::leaf;
use crate::store::{Store, TreeSlot};
use crate::tree::node::{View, Word};
use crate::tree::{Iter, lookup, unbuild};

/// Keys and values of a store.
type Pairs<St> = Vec<(<St as Content>::Key, <St as Content>::Value)>;

/// The same, with mutable references to the values.
type PairsMut<'a, St> = Vec<(&'a <St as Content>::Key, &'a mut <St as Content>::Value)>;

impl<St: Store> Trie<St> {
    /// Takes all entries out, if nothing shares them.
    pub(crate) fn into_pairs(mut self) -> Result<Pairs<St>, Self> {
        match self.is_exclusive() {
            Ok(true) => {}
            Ok(false) => return Ok(Vec::new()),
            Err(Shared) => return Err(self),
        }
        let mut pairs = Vec::new();
        let guard = self.pin();
        let top = self.top(&guard);
        Iter::new(top, View::live(&guard)).fold_slots((), |(), slot| {
            // SAFETY:
            // - live in an owned map that shares nothing; each entry is in one slot, and nothing else takes it.
            pairs.push(St::into_pair(unsafe { St::retract(slot.now) }));
        });
        // SAFETY:
        // - as above. The map is dissolved next, which does not touch the tree.
        unsafe { unbuild(top.erased()) };
        drop(guard);
        self.raw.dissolve();
        Ok(pairs)
    }

    /// A mutable reference to the value of the key with this hash for which `eq` returns true.
    pub(crate) fn get_mut(
        &mut self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
    ) -> Result<Option<&mut St::Value>, Shared> {
        self.is_exclusive()?;
        let guard = self.pin();
        let (top, view) = (self.top(&guard), View::live(&guard));
        // SAFETY:
        // - of this store; live in a map that shares nothing, and is borrowed exclusively for as long as the result.
        unsafe {
            let found = lookup::find::<St>(top, view, 0, hash, &mut eq);
            Ok(found.map(|slot| St::pair_mut(slot).1))
        }
    }

    /// All entries, with mutable references to the values.
    pub(crate) fn pairs_mut(&mut self) -> Result<PairsMut<'_, St>, Shared> {
        self.is_exclusive()?;
        let guard = self.pin();
        let mut entries = Iter::new(self.top(&guard), View::live(&guard));
        let mut pairs = Vec::new();
        // SAFETY:
        // - live in a map that shares nothing and is borrowed exclusively for as long as the result. Each entry is in
        //   one slot, which is read only once.
        entries.fold_slots((), |(), slot| pairs.push(unsafe { St::pair_mut(slot) }));
        Ok(pairs)
    }

    /// Whether there is a tree, owned by the map alone.
    fn is_exclusive(&mut self) -> Result<bool, Shared> {
        match self.raw.alone() {
            // A fork's first tree belongs to its base.
            Ok((_, domain)) if domain.base.is_none() => Ok(true),
            Ok(_) | Err(Refusal::Shared) => Err(Shared),
            Err(_) => Ok(false),
        }
    }
}

impl<St: Store> Frozen<St> {
    /// Takes all entries out, if the map is gone, and no other snapshot or fork shares them.
    ///
    /// Frees everything else that the snapshot keeps. That is more than the nodes of its tree: it may also be objects
    /// that a fork made and the map lost after a commit (see `commit.rs`). Destructors that panic are caught.
    pub(crate) fn into_pairs(self) -> Result<Pairs<St>, Self> {
        let mut tree = self.into_kept()?;
        if !tree.is_alone() {
            // SAFETY:
            // - those of this snapshot, which are.
            return Err(unsafe { Self::of(tree) });
        }
        let (kept, owns_tree) = tree.disband();
        // SAFETY:
        // - over slots of this store; nothing on the list is freed yet.
        let (top, strays) = unsafe {
            let top = tree.top().typed::<St::Slot>();
            (top, strays(&kept, top))
        };
        let mut pairs = Vec::new();
        Iter::new(top, View::Observed).fold_slots((), |(), slot| {
            // SAFETY:
            // - in the tree of an owned snapshot that shares nothing; each entry is in one slot, and nothing else takes
            //   it.
            pairs.push(St::into_pair(unsafe { St::retract(slot.now) }));
        });
        let mut fallout = Fallout::default();
        // SAFETY:
        // - nothing else reaches the tree or the list, and each object was retired once. The entries of the tree were
        //   taken above; the others are strays.
        unsafe {
            for dead in kept {
                match dead {
                    Dead::Node(node) => leaf::free(node),
                    Dead::Tree(tree) => unbuild(tree.attach()),
                    Dead::Entry(_) => {}
                }
            }
            if owns_tree {
                unbuild(top.erased());
            }
            strays.into_iter().for_each(|slot| St::garbage(slot).free(&mut fallout));
        }
        Ok(pairs)
    }
}

/// The entries on a dead list that are not in this tree.
///
/// # Safety
/// - The list is that of a map over slots of type `T`, and nothing on it is freed.
unsafe fn strays<T: TreeSlot>(kept: &[Dead], top: Word<'_, T>) -> Vec<T> {
    let mut strays = Vec::new();
    let mut look = |slot: T| {
        // SAFETY:
        // - retired and not freed: on the list, or in a tree on it.
        if T::OWNS && !unsafe { holds_entry(top, 0, &slot) } {
            strays.push(slot);
        }
    };
    for dead in kept {
        // SAFETY:
        // - over such slots, and not freed: promised by the caller.
        unsafe {
            match dead {
                Dead::Node(_) => {}
                Dead::Entry(entry) => look(T::at(*entry)),
                Dead::Tree(tree) => Iter::new(tree.attach().typed::<T>(), View::Observed)
                    .fold_slots((), |(), slot| look(slot.now)),
            }
        }
    }
    strays
}
