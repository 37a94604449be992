//! Where the garbage of a map goes: to the snapshots that still see it, or to the limbo.
//!
//! # Who owns what
//!
//! The live tree owns the nodes and entries that are linked in it. An object that an operation of
//! generation `death` unlinks is *retired*: the snapshots that can still see it are those with a
//! generation in `birth ..= death - 1`. If one is alive, the object goes on the dead list of the
//! newest of them. Otherwise it goes to the limbo and is freed after a grace period.
//!
//! When the last handle of a snapshot is dropped, its list is closed, its record leaves the
//! registry, and each object on the list is retired again with the snapshot's generation + 1 as its
//! death. So it moves to an older snapshot that sees it, and in the end to the limbo. Nodes have no
//! reference counts. The death of a node retires only its shell: its children live on in its copy.
//!
//! A fork owns only what was born after its base. The base's snapshot owns the rest.
//!
//! # Why no object is lost, or freed too early
//!
//! A snapshot is *live* from the freeze of its root's word until its list is closed. The registry
//! (`registry.rs`) changes by a compare-and-swap of one pointer to an immutable tree, which is where a
//! registration or a withdrawal takes effect. A reader has all records of one instant.
//!
//! *Each tree that a retirement reads has the record of every live snapshot that can see the object.* Take such a
//! snapshot, of a generation below `death`. Its record was registered before its thread froze the word of that
//! generation's root (Release). A thread makes the next root only after it has seen that word frozen (Acquire), and
//! the operation that unlinked the object ran under that root or a later one. So the registration happens before the
//! retirement reads the registry, and only the snapshot's own drop takes the record out, after it has closed the list.
//! It is the same where a record is withdrawn and its objects are retired again, with the generation after the
//! record's as `death`: its thread had read the root of its own generation, and has seen that root's word frozen.
//!
//! *So the object gets to the newest live snapshot that sees it.* The retirement tries the records below `death` from
//! the newest on. It passes one by only if the list is closed: that snapshot needs nothing more. A record that is
//! registered later has a generation of `death` or above, or belongs to a thread that came too late to own a
//! snapshot.
//!
//! *The list of a record is closed once, and each object on it is retired again.* A push is a compare-and-swap of the
//! list's head, and closing swaps the head. A push that comes first is among what is retired again. One that comes
//! later fails, and the retirement tries an older record.
//!
//! *Records of one generation.* A thread registers its record before it knows whether it owns the snapshot; if not, it
//! withdraws it. Meanwhile objects may go to that record. Its withdrawal retires them again, with the generation after
//! this one as their death. So they come to the owner's record of this generation.
//!
//! *One reading of the registry may serve many objects of one death.* No owner of an older generation registers any
//! more, so a later reading would find no other live snapshot.
//!
//! Models: `registrations_withdrawals_and_retirements_at_once`, `all_of_a_registration_against_a_withdrawal`,
//! `all_of_two_withdrawals`, `two_snapshots_of_one_generation_keep_what_either_sees`. Exact counts of drops:
//! `tests/drops/chains.rs`.
#![expect(unsafe_code, reason = "turns unlinked objects into garbage")]

use std::sync::Arc;

use super::record::{Buried, Dead, Key, Record};
use super::registry::{Records, Registry};
use crate::engine::PART;
use crate::fallout::Fallout;
use crate::reclaim::{Collector, Garbage, Guard, Limbo};
use crate::store::{Store, TreeSlot};
use crate::sync::{planted, stall_point};
use crate::tree::node::{AnyNode, Node, Word};
use crate::tree::{each_slot, node_garbage};

/// How to deal with entries that have memory outside of their slots.
#[derive(Clone, Copy)]
pub(super) struct Entries {
    /// Turns the unlinked entry at an address into garbage. Called once for each entry.
    pub(super) garbage: unsafe fn(*mut ()) -> Garbage,
    /// Passes on the address and birth of each entry of a leaf or a collision node. Freezes the leaf.
    each: unsafe fn(Word<'_, ()>, &mut dyn FnMut(*mut (), u64)),
}

impl Entries {
    /// For the entries of a store; `None` if they have no memory outside of their slots.
    pub(super) const fn of<St: Store>() -> Option<Self> {
        const {
            if St::Slot::OWNS {
                Some(Self { garbage: garbage::<St>, each: each::<St::Slot> })
            } else {
                None
            }
        }
    }
}

/// # Safety
/// - The address is that of an entry of this store, which was unlinked, and no other thread turns it into garbage.
unsafe fn garbage<St: Store>(address: *mut ()) -> Garbage {
    // SAFETY: the same contract.
    unsafe { St::garbage(St::Slot::at(address)) }
}

/// # Safety
/// - The word leads to a node over such slots, whose entries are not freed.
unsafe fn each<T: TreeSlot>(word: Word<'_, ()>, f: &mut dyn FnMut(*mut (), u64)) {
    // SAFETY:
    // - promised by the caller.
    let (word, mut show) =
        unsafe { (word.typed::<T>(), |slot: T| f(slot.address(), slot.birth())) };
    match word.node() {
        Some(Node::Leaf(leaf)) if planted("thawed_burial") => {
            let slots = leaf.buckets().filter_map(|bucket| bucket.load().contents());
            slots.flatten().for_each(|slot| show(slot.now));
        }
        _ => each_slot(word, show),
    }
}

/// Keeps what a map has unlinked until it can be freed.
pub(super) struct Reclaimer {
    /// The generation of a fork's base, which owns the objects born up to then. Zero for a map that is no fork.
    floor: u64,
    registry: Registry,
    pub(super) limbo: Limbo,
    pub(super) collector: Collector,
    pub(super) entries: Option<Entries>,
}

/// How an object that no snapshot sees is disposed of.
pub(super) enum Fate<'a> {
    /// By an operation, which holds this guard since before it unlinked the object.
    Operation(&'a Guard),
    /// By the drop of a snapshot while the map lives on.
    Dropping(Guard, usize),
    /// At once: the map is gone.
    Now(Fallout),
}

impl Reclaimer {
    pub(super) fn new(collector: Collector, floor: u64, entries: Option<Entries>) -> Self {
        Self { floor, registry: Registry::new(), limbo: Limbo::new(), collector, entries }
    }

    pub(super) fn register(&self, generation: u64) -> Arc<Record> {
        let record = Arc::new(Record::new(self.registry.new_key(generation)));
        self.registry.add(&record);
        record
    }

    /// Takes a record out of the registry, and retires the objects on its list again.
    pub(super) fn withdraw(&self, record: &Arc<Record>, fate: &mut Fate<'_>) {
        let mut list = record.close();
        stall_point("closed list");
        self.registry.remove(record);
        stall_point("withdrawn snapshot");
        // Read once: a snapshot that is dropped meanwhile has closed its own list.
        let mut snapshots = None;
        while let Some(Buried { dead, birth, .. }) = list.pop() {
            let snapshots = snapshots.get_or_insert_with(|| self.registry.read());
            // SAFETY:
            // - unlinked once: it was retired once and has been on this list alone since.
            unsafe {
                self.retire_among(snapshots, dead, birth, record.generation() + 1, fate);
            }
        }
    }

    /// Takes a record out of the registry. Returns the objects on its list, which the caller now owns.
    pub(super) fn empty(&self, record: &Arc<Record>) -> Vec<Dead> {
        let mut list = record.close();
        self.registry.remove(record);
        std::iter::from_fn(|| list.pop()).map(|buried| buried.dead).collect()
    }

    /// Disposes of an object that an operation of generation `death` unlinked.
    ///
    /// # Safety
    /// - This call took the object out of the live tree, or out of a closed dead list: nothing else
    ///   retires it.
    #[inline]
    pub(super) unsafe fn retire(&self, dead: Dead, birth: u64, death: u64, fate: &mut Fate<'_>) {
        if birth < death {
            // SAFETY: the same contract.
            unsafe { self.retire_older(dead, birth, death, fate) };
        } else {
            // SAFETY: the same contract; no snapshot sees what was born in the generation it died in.
            unsafe { self.discard(dead, birth, death, fate) };
        }
    }

    /// [`Self::retire`] for the entry of a slot that an operation unlinked; `garbage` turns it into garbage. Fast for
    /// most entries: those that were born and died between two snapshots.
    ///
    /// # Safety
    /// - As for [`Self::retire`], by an operation under `guard`; and the entry is not freed.
    #[inline]
    pub(super) unsafe fn retire_entry<T: TreeSlot>(
        &self,
        slot: T,
        death: u64,
        guard: &Guard,
        garbage: impl FnOnce(T) -> Garbage,
    ) {
        if !T::OWNS {
            return;
        }
        // SAFETY:
        // - not freed, unlinked once: promised by the caller; no snapshot sees what was born in the
        //   generation it died in.
        unsafe {
            let birth = slot.birth();
            if birth == death && birth > self.floor {
                self.limbo.retire(guard, garbage(slot));
            } else {
                self.retire_old_entry(slot.address(), birth, death, guard);
            }
        }
    }

    /// # Safety
    /// - As for [`Self::retire_entry`].
    #[cold]
    #[inline(never)]
    unsafe fn retire_old_entry(&self, entry: *mut (), birth: u64, death: u64, guard: &Guard) {
        // SAFETY: the same contract.
        unsafe { self.retire(Dead::Entry(entry), birth, death, &mut Fate::Operation(guard)) };
    }

    /// [`Self::retire`] for what snapshots may see.
    ///
    /// # Safety
    /// - As for [`Self::retire`].
    #[inline(never)]
    unsafe fn retire_older(&self, dead: Dead, birth: u64, death: u64, fate: &mut Fate<'_>) {
        let snapshots = self.registry.read();
        // SAFETY: the same contract.
        unsafe { self.retire_among(&snapshots, dead, birth, death, fate) };
    }

    /// [`Self::retire`], given the living snapshots.
    ///
    /// # Safety
    /// - As for [`Self::retire`].
    #[inline]
    unsafe fn retire_among(
        &self,
        snapshots: &Records,
        dead: Dead,
        birth: u64,
        death: u64,
        fate: &mut Fate<'_>,
    ) {
        if birth <= self.floor {
            return;
        }
        if let Err(dead) = keep(snapshots, dead, birth, death) {
            // SAFETY: the same contract; no snapshot sees the object.
            unsafe { self.discard(dead, birth, death, fate) };
        }
    }

    /// An entry of the map as garbage.
    ///
    /// # Safety
    /// - It was unlinked, and no other thread turns it into garbage.
    pub(super) unsafe fn garbage(&self, entry: *mut ()) -> Garbage {
        // PANICS: never: only entries with memory outside of their slots are retired.
        let entries = self.entries.expect("entries besides slots");
        // SAFETY: the same contract.
        unsafe { (entries.garbage)(entry) }
    }

    /// [`Self::retire`] for what no snapshot sees.
    ///
    /// # Safety
    /// - As for [`Self::retire`], and no snapshot sees the object.
    #[inline]
    unsafe fn discard(&self, dead: Dead, birth: u64, death: u64, fate: &mut Fate<'_>) {
        if birth <= self.floor {
            return;
        }
        // SAFETY:
        // - no snapshot sees the object, and unlinked once: promised by the caller.
        // - a tree's nodes are allocated until this frees them.
        unsafe {
            match dead {
                Dead::Tree(tree) => self.bury(tree.attach(), death, fate),
                Dead::Entry(entry) => self.dispose(self.garbage(entry), fate),
                Dead::Node(node) => self.dispose(node_garbage(node), fate),
            }
        }
    }

    /// Retires a node that no snapshot sees as a whole, and everything below it, each object by its own birth.
    ///
    /// The tree is no longer part of the live one. But late writers of older generations may still publish into words
    /// that no thread has observed. So each word is frozen before it is read, as in a snapshot.
    ///
    /// # Safety
    /// - As for [`Self::retire`].
    unsafe fn bury(&self, tree: Word<'_, ()>, death: u64, fate: &mut Fate<'_>) {
        let Some(raw) = tree.raw_node() else { return };
        // Once for the node: a snapshot that is dropped meanwhile has closed its list.
        let snapshots = self.registry.read();
        // SAFETY:
        // - unlinked once: children and entries of a tree that is out of the live one are reached
        //   from their one parent in it (copies that share them are dead shells, which are retired
        //   alone), and the caller owns the tree.
        // - entries are not freed before this frees them, so their births can be read.
        unsafe {
            if let Some(fan) = tree.fan() {
                for word in fan.words() {
                    let child = word.observe();
                    if let Some(birth) = child.birth() {
                        let child = Dead::Tree(child.detach());
                        self.retire_among(&snapshots, child, birth, death, fate);
                    }
                }
            } else if let Some(entries) = self.entries {
                (entries.each)(tree, &mut |entry, birth| {
                    self.retire_among(&snapshots, Dead::Entry(entry), birth, death, fate);
                });
            } else if let Some(AnyNode::Leaf(leaf)) = tree.any_node() {
                // Late writers then start again in the new generation.
                if !planted("thawed_burial") {
                    leaf.freeze();
                }
            }
            self.dispose(node_garbage(raw), fate);
        }
    }

    /// # Safety
    /// - The object was unlinked under `fate`, no snapshot sees it, and this call alone has it.
    #[inline]
    unsafe fn dispose(&self, garbage: Garbage, fate: &mut Fate<'_>) {
        match fate {
            Fate::Operation(guard) => self.limbo.retire(guard, garbage),
            Fate::Dropping(guard, count) => {
                self.limbo.retire(guard, garbage);
                *count += 1;
                // Otherwise this guard would delay the grace periods that the garbage waits for.
                if *count % PART == 0 {
                    guard.repin();
                }
            }
            // SAFETY:
            // - unreferenced: no operation is in flight once the map is gone, and by the contract
            //   no snapshot sees the object.
            Fate::Now(fallout) => unsafe { garbage.free(fallout) },
        }
    }

    /// Retires the tree of a map that is being dropped.
    ///
    /// # Safety
    /// - As for [`Self::retire`], and no operation on the map is in flight.
    pub(super) unsafe fn bury_all(&self, tree: Word<'_, ()>, death: u64, fallout: &mut Fallout) {
        let Some(birth) = tree.birth() else { return };
        let mut fate = Fate::Now(std::mem::take(fallout));
        // SAFETY:
        // - unlinked once: promised by the caller.
        unsafe { self.retire(Dead::Tree(tree.detach()), birth, death, &mut fate) };
        if let Fate::Now(now) = fate {
            *fallout = now;
        }
    }

    /// How the drop of a snapshot disposes of things.
    pub(super) fn fate_of_drop(&self) -> Fate<'static> {
        if self.limbo.is_closed() {
            Fate::Now(Fallout::default())
        } else {
            Fate::Dropping(self.collector.pin(), 0)
        }
    }

    /// Ends the drop of a snapshot.
    pub(super) fn settle(&self, fate: Fate<'static>) {
        let mut fallout = match fate {
            Fate::Now(fallout) => fallout,
            Fate::Dropping(guard, count) => {
                drop(guard);
                // After a few objects it is left to later operations.
                if count >= PART {
                    self.limbo.collect(&self.collector);
                }
                Fallout::default()
            }
            Fate::Operation(_) => return,
        };
        // The map may have been dropped meanwhile.
        self.limbo.empty_if_closed(&mut fallout);
        fallout.resume();
    }

    /// Number of live snapshots.
    #[cfg(any(debug_assertions, snaptrie_check))]
    pub(super) fn snapshots(&self) -> usize {
        self.generations().len()
    }

    /// The generations of the live snapshots, newest first.
    pub(super) fn generations(&self) -> Vec<u64> {
        self.registry.read().newest_first().map(Record::generation).collect()
    }
}

/// Puts an object on the list of the newest snapshot that sees it; gives it back if none does.
///
/// `snapshots`, read after the object was unlinked, has every snapshot that can see it: see the head of this file.
fn keep(snapshots: &Records, mut dead: Dead, birth: u64, death: u64) -> Result<(), Dead> {
    let mut bound = Key::start_of(death);
    while let Some(record) = snapshots.newest_below(bound) {
        if record.generation() < birth {
            break;
        }
        match record.push(dead, birth) {
            Ok(()) => return Ok(()),
            // That snapshot is being dropped: an older one may see the object too.
            Err(back) => dead = back,
        }
        bound = record.key;
    }
    Err(dead)
}

#[cfg(test)]
mod tests {
    use std::ptr::NonNull;

    use super::*;
    use crate::leaf::RawNode;

    #[test]
    fn an_object_goes_to_the_newest_snapshot_that_sees_it() {
        let registry = Registry::new();
        let records = [2, 4, 6].map(|generation| {
            let record = Arc::new(Record::new(registry.new_key(generation)));
            registry.add(&record);
            record
        });
        // SAFETY:
        // - not a node, and never used as one: the lists of this test free nothing.
        let node = || Dead::Node(unsafe { RawNode::from_body(NonNull::dangling()) });
        let put = |birth, death| keep(&registry.read(), node(), birth, death).is_ok();
        let held = |index: usize| {
            let mut list = records[index].close();
            std::iter::from_fn(|| list.pop()).map(|buried| buried.birth).collect::<Vec<_>>()
        };
        assert!(put(1, 7) && put(1, 6) && put(4, 5) && put(2, 3));
        assert!(!put(5, 6) && !put(7, 9) && !put(3, 4), "no snapshot sees these");
        assert_eq!(held(2), [1]);
        assert!(put(3, 9), "the newest is closed: the next older one takes it");
        assert!(!put(5, 9), "the newest is closed, and no other sees it");
        assert_eq!(held(1), [3, 4, 1]);
        assert_eq!(held(0), [2]);
    }
}
