//! The state that a map shares with its snapshots and roots: which snapshots are alive, and where garbage goes.
//!
//! # Who owns what
//!
//! The live tree owns the nodes and entries that are linked in it. An object that an operation of generation `death`
//! unlinks is *retired*. The snapshots that can still see it are those with a generation in `birth ..= death - 1`. If
//! any of them is alive, the object is put on the dead list of the newest one. Otherwise it goes to the limbo and is
//! freed after a grace period.
//!
//! When the last handle of a snapshot is dropped, its list is closed, its record leaves the
//! registry, and each object on the list is retired again with the snapshot's generation + 1 as its
//! death. So it moves to an older snapshot that sees it, and finally to the limbo. References to nodes are not counted.
//! The death of a node retires only its shell: its children live on in its copy.
//!
//! # Why no object is lost, or freed too early
//!
//! A snapshot is *live* from the freeze of its root's word until its list is closed. The registry (`registry.rs`) is
//! one pointer to an immutable tree. A registration or a withdrawal takes effect by a compare-and-swap of it, and a
//! reader sees all records of one instant.
//!
//! *Each tree that a retirement reads has the record of every live snapshot that can see the object.* Take such a
//! snapshot, of a generation below `death`. Its record was registered before its thread froze the word of that
//! generation's root (Release). A thread makes the next root only after it has seen that word frozen (Acquire), and the
//! operation that unlinked the object ran under that root or a later one. So the registration happens before the
//! retirement reads the registry. Only the snapshot's own drop takes the record out, after it has closed the list. The
//! same argument holds when a record is withdrawn and its objects are retired again, with the generation after the
//! record's as `death`: the withdrawing thread has seen the word of that generation's root frozen.
//!
//! *So the object reaches the newest live snapshot that sees it.* The retirement tries the records below `death`,
//! newest first. It skips a record only if the list is closed, because that snapshot needs nothing any more. A record
//! that is registered later has a generation of `death` or above, or its thread was too late to own a snapshot.
//!
//! *The list of a record is closed once, and each object on it is retired again.* A push is a compare-and-swap of the
//! list's head, and closing swaps the head. An object that is pushed before is retired again. A push that comes later
//! fails, and tries an older record.
//!
//! *Records of one generation.* A thread registers its record before it knows whether it owns the snapshot. If it does
//! not, it withdraws the record. Meanwhile objects may be put on it. The withdrawal retires them again with the same
//! generation + 1 as their death, so they reach the owner's record of this generation.
//!
//! *One reading may serve many objects of one death.* No owner of an older generation registers any more, so a later
//! tree has no live snapshot that this one lacks.
//!
//! Models: `registrations_withdrawals_and_retirements_at_once`, `all_of_a_registration_against_a_withdrawal`,
//! `all_of_two_withdrawals`, `two_snapshots_of_one_generation_keep_what_either_sees`. Exact counts of drops:
//! `tests/drops/chains.rs`.
//!
//! A fork owns only what was born after its base; the base's snapshot owns the rest.
//!
//! `tests/models.rs` runs this under a model checker; `tests/drops.rs` counts drops.
#![expect(unsafe_code, reason = "turns unlinked objects into garbage")]

use std::ptr;
use std::sync::Arc;

use super::frozen::Frozen;
use super::registry::{Key, Records, Registry};
use crate::engine::PART;
use crate::entry::Store;
use crate::fallout::Fallout;
use crate::leaf::RawNode;
use crate::prefetch;
use crate::reclaim::{Collector, Garbage, Guard, Limbo};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, planted, stall_point};
use crate::tree::node::{Detached, Node, Word};
use crate::tree::node_garbage;

/// State shared by a map, its snapshots and its roots.
pub(crate) struct Domain<St: Store> {
    pub(super) lineage: Lineage,
    /// Objects born in this generation or before belong to `base`. Zero for a map that is not a fork.
    floor: u64,
    /// The snapshot that a fork grew from.
    pub(super) base: Option<Arc<Frozen<St>>>,
    registry: Registry<St>,
    pub(super) limbo: Limbo,
    pub(super) collector: Collector,
}

/// The origin of a map. The maps of a family are forks, or forks of forks, of one map. They have its hasher, and may
/// share nodes.
///
/// The numbers have 64 bits on every target, so that none is used twice.
#[derive(Clone, Copy)]
pub(super) struct Lineage {
    /// Unique to this map.
    id: u64,
    /// The map that this one was forked from, or zero.
    pub(super) parent: u64,
    pub(super) family: u64,
}

impl Lineage {
    pub(super) fn first() -> Self {
        let id = Self::new_id();
        Self { id, parent: 0, family: id }
    }

    /// The lineage of a fork of this map.
    pub(super) fn child(self) -> Self {
        Self { id: Self::new_id(), parent: self.id, family: self.family }
    }

    pub(super) fn is_parent_of(self, fork: Self) -> bool {
        fork.parent == self.id
    }

    fn new_id() -> u64 {
        // Relaxed: the read-modify-write alone makes the number unique.
        NEXT_ID.fetch_add(1, Ordering::Relaxed)
    }
}

/// The number of the next map.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// An object that left the live tree.
pub(super) enum Dead<St: Store> {
    /// The shell of a node.
    Node(RawNode),
    Entry(St::Slot),
    /// A node with everything below it.
    Tree(Detached<St::Slot>),
}

/// How an object that no snapshot sees is disposed of.
pub(super) enum Fate<'a> {
    /// By an operation, which has held this guard since before it unlinked the object.
    Operation(&'a Guard),
    /// By the drop of a snapshot while the map lives on.
    Dropping(Guard, usize),
    /// At once: the map is gone.
    Now(Fallout),
}

impl<St: Store> Domain<St> {
    pub(super) fn new(
        collector: Collector,
        lineage: Lineage,
        base: Option<Arc<Frozen<St>>>,
    ) -> Self {
        Self {
            lineage,
            floor: base.as_ref().map_or(0, |base| base.generation()),
            base,
            registry: Registry::new(),
            limbo: Limbo::new(),
            collector,
        }
    }

    /// Number of entries of the snapshot that a fork grew from.
    pub(super) fn base_len(&self) -> usize {
        self.base.as_ref().map_or(0, |base| base.len())
    }

    pub(super) fn register(&self, generation: u64) -> Arc<Record<St>> {
        let record = Arc::new(Record::new(self.registry.new_key(generation)));
        self.registry.add(&record);
        record
    }

    /// Takes a record out of the registry and retires the objects on its list again.
    pub(super) fn withdraw(&self, record: &Arc<Record<St>>, fate: &mut Fate<'_>) {
        let mut list = record.close();
        stall_point("closed list");
        self.registry.remove(record);
        stall_point("withdrawn snapshot");
        // Read once: a snapshot that is dropped meanwhile has closed its own list.
        let mut snapshots = None;
        while let Some(Buried { dead, birth, .. }) = list.pop() {
            let snapshots = snapshots.get_or_insert_with(|| self.registry.read());
            // SAFETY:
            // - unlinked once: it was retired once and has since been only on this list.
            unsafe {
                self.retire_among(snapshots, dead, birth, record.generation() + 1, fate);
            }
        }
    }

    /// Takes a record out of the registry. Returns the objects on its list, which the caller owns now.
    pub(super) fn empty(&self, record: &Arc<Record<St>>) -> Vec<Dead<St>> {
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
    pub(super) unsafe fn retire(
        &self,
        dead: Dead<St>,
        birth: u64,
        death: u64,
        fate: &mut Fate<'_>,
    ) {
        if birth < death {
            // SAFETY: the same contract.
            unsafe { self.retire_older(dead, birth, death, fate) };
        } else {
            // SAFETY: the same contract; no snapshot sees what was born in the generation it died in.
            unsafe { self.discard(dead, birth, death, fate) };
        }
    }

    /// [`Self::retire`] for the entry of a slot that an operation unlinked. Fast for almost every entry: no snapshot
    /// was taken during its life.
    ///
    /// # Safety
    /// - As for [`Self::retire`], by an operation under `guard`; and the entry is not freed.
    #[inline]
    pub(super) unsafe fn retire_entry(&self, slot: St::Slot, death: u64, guard: &Guard) {
        if !St::OWNS {
            return;
        }
        // SAFETY:
        // - not freed, unlinked once: promised by the caller; no snapshot sees what was born in the
        //   generation it died in.
        unsafe {
            let birth = St::birth(&slot);
            if birth == death && birth > self.floor {
                self.limbo.retire(guard, St::garbage(slot));
            } else {
                let mut fate = Fate::Operation(guard);
                self.retire(Dead::Entry(slot), birth, death, &mut fate);
            }
        }
    }

    /// [`Self::retire`] for an object that snapshots may see.
    ///
    /// # Safety
    /// - As for [`Self::retire`].
    #[inline(never)]
    unsafe fn retire_older(&self, dead: Dead<St>, birth: u64, death: u64, fate: &mut Fate<'_>) {
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
        snapshots: &Records<St>,
        dead: Dead<St>,
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

    /// [`Self::retire`] for an object that no snapshot sees.
    ///
    /// # Safety
    /// - As for [`Self::retire`], and no snapshot sees the object.
    #[inline]
    unsafe fn discard(&self, dead: Dead<St>, birth: u64, death: u64, fate: &mut Fate<'_>) {
        if birth <= self.floor {
            return;
        }
        // SAFETY:
        // - no snapshot sees the object, and unlinked once: promised by the caller.
        // - a tree's nodes are allocated until this frees them.
        unsafe {
            match dead {
                Dead::Tree(tree) => self.bury(tree.attach(), death, fate),
                Dead::Entry(slot) => self.dispose(St::garbage(slot), fate),
                Dead::Node(node) => self.dispose(node_garbage::<St>(node), fate),
            }
        }
    }

    /// [`Self::retire_among`] for the entry of a slot, if it has memory outside of the slot.
    ///
    /// # Safety
    /// - As for [`Self::retire`], and the entry is not freed.
    unsafe fn retire_entry_among(
        &self,
        snapshots: &Records<St>,
        slot: St::Slot,
        death: u64,
        fate: &mut Fate<'_>,
    ) {
        if St::OWNS {
            // SAFETY: the same contract.
            unsafe {
                let birth = St::birth(&slot);
                self.retire_among(snapshots, Dead::Entry(slot), birth, death, fate);
            }
        }
    }

    /// Retires a node that no snapshot sees as a whole, and everything below it, each object by its own birth.
    ///
    /// The tree is no longer part of the live one, but late writers of older generations may still publish into words
    /// that no thread has observed. So each word is frozen before it is used, as a snapshot does.
    ///
    /// # Safety
    /// - As for [`Self::retire`].
    unsafe fn bury(&self, tree: Word<'_, St::Slot>, death: u64, fate: &mut Fate<'_>) {
        let (Some(node), Some(raw)) = (tree.node(), tree.raw_node()) else { return };
        // Read once for the node: a snapshot that is dropped meanwhile has closed its list.
        let snapshots = self.registry.read();
        // SAFETY:
        // - unlinked once: children and entries of an unlinked tree are reached from their one parent in it (copies
        //   that share them are dead shells, which are retired alone), and the caller owns the tree.
        // - entries are freed only by this, so their births can still be read.
        unsafe {
            match node {
                Node::Fan(fan) => {
                    for word in fan.words() {
                        let child = word.observe();
                        if let Some(birth) = child.birth() {
                            let child = Dead::Tree(child.detach());
                            self.retire_among(&snapshots, child, birth, death, fate);
                        }
                    }
                }
                Node::Leaf(leaf) if planted("thawed_burial") => {
                    let slots = leaf.buckets().filter_map(|bucket| bucket.load().contents());
                    slots.flatten().for_each(|slot| {
                        self.retire_entry_among(&snapshots, slot.now, death, fate);
                    });
                }
                Node::Leaf(leaf) => {
                    leaf.for_each(|slot| self.retire_entry_among(&snapshots, *slot, death, fate));
                }
                Node::Collision(node) => {
                    for slot in node.slots() {
                        self.retire_entry_among(&snapshots, slot.now, death, fate);
                    }
                }
            }
            self.dispose(node_garbage::<St>(raw), fate);
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
                // So that this guard does not hold up the grace periods that the objects wait for.
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
    pub(super) unsafe fn bury_all(
        &self,
        tree: Word<'_, St::Slot>,
        death: u64,
        fallout: &mut Fallout,
    ) {
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
                // Only a few objects: later operations do it.
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

impl<St: Store> Drop for Domain<St> {
    fn drop(&mut self) {
        // Forks of forks form a chain. Dropping each base inside the drop of the one above it would need stack in
        // proportion to its length.
        let mut base = self.base.take();
        while let Some(frozen) = base {
            base = Arc::into_inner(frozen)
                .and_then(|mut frozen| frozen.dismantle())
                .and_then(Arc::into_inner)
                .and_then(|mut domain| domain.base.take());
        }
    }
}

/// The record of one living snapshot.
pub(super) struct Record<St: Store> {
    pub(super) key: Key,
    /// A lock-free stack that can be closed. It is emptied as a whole, so its CAS knows no ABA.
    dead: AtomicPtr<Buried<St>>,
}

/// An object on a dead list.
struct Buried<St: Store> {
    dead: Dead<St>,
    birth: u64,
    below: *mut Buried<St>,
}

/// The content of a closed dead list.
struct Burials<St: Store>(*mut Buried<St>);

impl<St: Store> Burials<St> {
    fn pop(&mut self) -> Option<Buried<St>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY:
        // - from a box, by `Record::bury`; this value owns the closed list.
        let buried = unsafe { Box::from_raw(self.0) };
        self.0 = buried.below;
        prefetch::read(self.0);
        Some(*buried)
    }
}

impl<St: Store> Record<St> {
    pub(super) fn new(key: Key) -> Self {
        Self { key, dead: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(super) fn generation(&self) -> u64 {
        self.key.generation()
    }

    /// The head of a closed list.
    fn closed() -> *mut Buried<St> {
        ptr::without_provenance_mut(1)
    }

    /// Puts an object on the list, or returns it if the list is closed.
    fn push(&self, dead: Dead<St>, birth: u64) -> Result<(), Dead<St>> {
        // Acquire, here and on failure: nothing behind the head is read, but a thread that sees `closed` must also see
        // the registry that the closing thread left.
        let mut below = self.dead.load(Ordering::Acquire);
        if below == Self::closed() {
            return if planted("lost_burial") { Ok(()) } else { Err(dead) };
        }
        let buried = Box::into_raw(Box::new(Buried { dead, birth, below }));
        loop {
            // Release: the object; pairs with the Acquire of `close`.
            match self.dead.compare_exchange(below, buried, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => below = now,
            }
            // SAFETY:
            // - this thread's own: the CAS that would have published it failed.
            unsafe {
                if below == Self::closed() {
                    return Err(Box::from_raw(buried).dead);
                }
                (*buried).below = below;
            }
        }
    }

    fn close(&self) -> Burials<St> {
        // Acquire: the objects; pairs with the Release of `push`.
        let list = self.dead.swap(Self::closed(), Ordering::AcqRel);
        debug_assert_ne!(list, Self::closed(), "a record is withdrawn once");
        Burials(list)
    }
}

/// Puts an object on the list of the newest snapshot that sees it, or returns it if none does.
///
/// `snapshots` was read after the object was unlinked, so it has every snapshot that can see it: see the head of this
/// file.
fn keep<St: Store>(
    snapshots: &Records<St>,
    mut dead: Dead<St>,
    birth: u64,
    death: u64,
) -> Result<(), Dead<St>> {
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
    use crate::entry::Boxed;

    /// Forking takes a fraction of a microsecond, so some programs do it four billion times.
    #[test]
    fn numbers_of_maps_do_not_come_again_after_32_bits() {
        const LATE: u64 = u32::MAX as u64 - 1;
        let early = Lineage::first();
        NEXT_ID.store(LATE, Ordering::Relaxed);
        let mut late = [(); 4].map(|()| Lineage::first()).map(|lineage| lineage.id);
        late.sort_unstable();
        assert!(late.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(late.iter().all(|id| LATE <= *id && *id != early.id), "{late:?}");
    }

    #[test]
    fn an_object_goes_to_the_newest_snapshot_that_sees_it() {
        let registry = Registry::<Boxed<u8, u8>>::new();
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
