//! What a map, its snapshots and its roots share: which snapshots live, and where garbage goes.
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
//! death. So it moves to an older snapshot that sees it, and at last to the limbo. Nobody counts
//! references to nodes. A node's death retires its shell alone: its children live on in its copy.
//!
//! A fork owns only what was born after its base; the base's snapshot owns the rest.
//!
//! `tests/models.rs` runs this under a model checker; `tests/drops.rs` counts drops.
#![expect(unsafe_code, reason = "turns unlinked objects into garbage")]

use std::ptr::{self, NonNull};
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::frozen::Frozen;
use super::node::{Detached, Header, Link, Node, Slab, Word, allocated_bytes, free_node};
use crate::engine::PART;
use crate::entry::Store;
use crate::fallout::Fallout;
use crate::prefetch;
use crate::reclaim::{Collector, Garbage, Guard, Limbo};
use crate::sync::{AtomicPtr, AtomicU64, Ordering, shared_access, stall_point};

/// State shared by a map, its snapshots and its roots.
pub(crate) struct Domain<St: Store> {
    pub(super) lineage: Lineage,
    /// Objects born in this generation or before belong to `base`. Zero for a map that is no fork.
    floor: u64,
    /// The snapshot that a fork grew from.
    pub(super) base: Option<Arc<Frozen<St>>>,
    registry: Registry<St>,
    pub(super) limbo: Limbo,
    /// Where the map's lower fans are made.
    pub(super) fans: Slab,
    pub(super) collector: Collector,
}

/// Where a map comes from. The maps of a family are forks of forks of one map: they have its hasher, and
/// may share nodes.
///
/// The numbers have 64 bits on every target, so that none comes twice.
#[derive(Clone, Copy)]
pub(super) struct Lineage {
    /// This map, and no other that ever was.
    id: u64,
    /// The map that this one was forked from; zero for none.
    pub(super) parent: u64,
    pub(super) family: u64,
}

impl Lineage {
    pub(super) fn first() -> Self {
        let id = Self::new_id();
        Self { id, parent: 0, family: id }
    }

    /// That of a fork of this map.
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
    Node(NonNull<Header>),
    /// The cell of a chain's entry.
    Link(NonNull<Link<St::Slot>>),
    Entry(St::Slot),
    /// A node with everything below it.
    Tree(Detached<St::Slot>),
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
            registry: Registry { newest: ArcSwapOption::const_empty() },
            limbo: Limbo::new(),
            fans: Slab::new(),
            collector,
        }
    }

    pub(super) fn register(&self, generation: u64) -> Arc<Record<St>> {
        let record = Arc::new(Record { generation, dead: AtomicPtr::new(ptr::null_mut()) });
        self.registry.add(&record);
        record
    }

    /// Takes a record out of the registry and finds new places for what its list holds.
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
            // - unlinked once: it was retired once and has been on this list alone since.
            unsafe {
                self.retire_among(snapshots, dead, birth, record.generation + 1, fate);
            }
        }
    }

    /// Disposes of an object that an operation of generation `death` unlinked.
    ///
    /// # Safety
    /// - This call took the object out of the live tree, or out of a closed dead list: nobody else
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
            unsafe { self.retire_among(&None, dead, birth, death, fate) };
        }
    }

    /// [`Self::retire`] for the entry of a slot that an operation unlinked. The way of almost every entry
    /// that is replaced or removed: no snapshot was taken in its life.
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

    /// [`Self::retire`] for what snapshots may see.
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
        snapshots: &List<St>,
        dead: Dead<St>,
        birth: u64,
        death: u64,
        fate: &mut Fate<'_>,
    ) {
        if birth <= self.floor {
            return;
        }
        let Err(dead) = keep(snapshots, dead, birth, death) else { return };
        // SAFETY:
        // - no snapshot sees the object, and unlinked once: promised by the caller.
        // - a tree's nodes are allocated until this frees them.
        unsafe {
            match dead {
                Dead::Tree(tree) => self.bury(tree.attach(), death, fate),
                Dead::Entry(slot) => self.dispose(St::garbage(slot), fate),
                Dead::Node(node) => self.dispose(node_garbage::<St>(node), fate),
                Dead::Link(link) => self.dispose(link_garbage::<St>(link), fate),
            }
        }
    }

    /// [`Self::retire_among`] for the entry of a slot, if it is something besides the slot.
    ///
    /// # Safety
    /// - As for [`Self::retire`], and the entry is not freed.
    unsafe fn retire_entry_among(
        &self,
        snapshots: &List<St>,
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

    /// Retires a node, which no snapshot sees as a whole, and all below it, each by its own birth.
    ///
    /// The tree is out of the live one, but late writers of older generations may still publish into
    /// words that nobody has observed. Each is frozen before it is used, as a snapshot would.
    ///
    /// # Safety
    /// - As for [`Self::retire`].
    unsafe fn bury(&self, tree: Word<'_, St::Slot>, death: u64, fate: &mut Fate<'_>) {
        let (Some(node), Some(header)) = (tree.node(), tree.header()) else { return };
        // Once for the node: a snapshot that is dropped meanwhile has closed its list.
        let snapshots = self.registry.read();
        // SAFETY:
        // - unlinked once: children and entries of a tree that is out of the live one are reached
        //   from their one parent in it (copies that share them are dead shells, which are retired
        //   alone), and the caller owns the tree.
        // - entries are not freed before this frees them, so their births can be read.
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
                Node::Branch(branch) => {
                    for slot in branch.groups().flat_map(|group| group.observe().iter()) {
                        self.retire_entry_among(&snapshots, slot.now, death, fate);
                    }
                }
                Node::Chain(chain) => {
                    for cell in chain.observe() {
                        let link = cell.as_ref();
                        let birth = link.birth;
                        self.retire_entry_among(&snapshots, link.slot().now, death, fate);
                        self.retire_among(&snapshots, Dead::Link(cell), birth, death, fate);
                    }
                }
            }
            self.dispose(node_garbage::<St>(header), fate);
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
                // So that it does not hold up the grace periods that it waits for.
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
        let newest = self.registry.read();
        std::iter::successors(newest.as_deref(), |enlisted| enlisted.older.as_deref())
            .map(|enlisted| enlisted.record.generation)
            .collect()
    }
}

impl<St: Store> Drop for Domain<St> {
    fn drop(&mut self) {
        // A fork of a fork of a fork …: dropping each base inside the drop of the one above it
        // would need stack in proportion to the length of the chain.
        let mut base = self.base.take();
        while let Some(frozen) = base {
            base = Arc::into_inner(frozen)
                .and_then(|mut frozen| frozen.dismantle())
                .and_then(Arc::into_inner)
                .and_then(|mut domain| domain.base.take());
        }
    }
}

/// # Safety
/// - As for [`Domain::retire`], and the node is not freed.
unsafe fn node_garbage<St: Store>(node: NonNull<Header>) -> Garbage {
    unsafe fn free<St: Store>(node: *mut ()) {
        // SAFETY:
        // - a node over this store's slots, freed once, by the contract of `Garbage`.
        unsafe { free_node::<St::Slot>(NonNull::new_unchecked(node.cast())) };
    }
    // SAFETY:
    // - not freed, and one free for each node: the contract of this function.
    unsafe {
        let bytes = allocated_bytes::<St::Slot>(node.as_ref());
        Garbage::new(node.as_ptr().cast(), free::<St>, bytes)
    }
}

/// # Safety
/// - As for [`Domain::retire`].
unsafe fn link_garbage<St: Store>(link: NonNull<Link<St::Slot>>) -> Garbage {
    // SAFETY:
    // - from a box; one free for each link: the contract of this function. (Its entry is not part of it.)
    unsafe { Garbage::of_box(link) }
}

/// The record of one living snapshot.
pub(super) struct Record<St: Store> {
    pub(super) generation: u64,
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
        // - from a box, by `Record::bury`; the closed list is this value's alone.
        let buried = unsafe { Box::from_raw(self.0) };
        self.0 = buried.below;
        prefetch::read(self.0);
        Some(*buried)
    }
}

impl<St: Store> Record<St> {
    /// The head of a list that takes nothing more.
    fn closed() -> *mut Buried<St> {
        ptr::without_provenance_mut(1)
    }

    /// Puts an object on the list; gives it back if the list is closed.
    fn push(&self, dead: Dead<St>, birth: u64) -> Result<(), Dead<St>> {
        // Acquire, here and on failure: nothing is read behind the head, but `closed` must be seen
        // together with the registry that the closing thread left.
        let mut below = self.dead.load(Ordering::Acquire);
        if below == Self::closed() {
            return Err(dead);
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

/// The records of the living snapshots, newest first.
///
/// An immutable list behind one atomic pointer: reading it never waits and registering a snapshot
/// takes constant time. Removing one copies the newer part of the list.
struct Registry<St: Store> {
    newest: ArcSwapOption<Enlisted<St>>,
}

struct Enlisted<St: Store> {
    record: Arc<Record<St>>,
    older: List<St>,
}

type List<St> = Option<Arc<Enlisted<St>>>;

impl<St: Store> Registry<St> {
    fn read(&self) -> arc_swap::Guard<List<St>> {
        shared_access();
        self.newest.load()
    }

    /// Adds a record behind all newer ones: [`keep`] relies on the order.
    fn add(&self, record: &Arc<Record<St>>) {
        shared_access();
        self.newest.rcu(|newest| {
            Enlisted::rebuild(
                newest,
                |at| at.record.generation > record.generation,
                |rest| Some(Arc::new(Enlisted { record: Arc::clone(record), older: rest.clone() })),
            )
        });
    }

    fn remove(&self, record: &Arc<Record<St>>) {
        shared_access();
        self.newest.rcu(|newest| {
            Enlisted::rebuild(
                newest,
                |at| !Arc::ptr_eq(&at.record, record),
                |rest| rest.as_ref().and_then(|found| found.older.clone()),
            )
        });
    }
}

/// Puts an object on the list of the newest snapshot that sees it; gives it back if none does.
///
/// `newest`, read after the object was unlinked, has every snapshot that can see it: a thread
/// registers its record before it freezes the top word of its root (Release), whoever makes the next
/// root has seen that word frozen (Acquire), and the operation that unlinked the object read a later
/// root. A snapshot that registers later has a generation of `death` or above.
fn keep<St: Store>(
    newest: &List<St>,
    mut dead: Dead<St>,
    birth: u64,
    death: u64,
) -> Result<(), Dead<St>> {
    let mut at = newest.as_deref();
    while let Some(Enlisted { record, older }) = at {
        if record.generation < birth {
            break;
        }
        if record.generation < death {
            match record.push(dead, birth) {
                Ok(()) => return Ok(()),
                // That snapshot is being dropped: an older one may see the object too.
                Err(back) => dead = back,
            }
        }
        at = older.as_deref();
    }
    Err(dead)
}

impl<St: Store> Enlisted<St> {
    /// Copies the part of a list for which `keep` holds, and puts `end(rest)` behind it.
    fn rebuild(
        list: &List<St>,
        keep: impl Fn(&Self) -> bool,
        end: impl FnOnce(&List<St>) -> List<St>,
    ) -> List<St> {
        let mut kept = Vec::new();
        let mut rest = list;
        while let Some(at) = rest.as_ref().filter(|at| keep(at)) {
            kept.push(&at.record);
            rest = &at.older;
        }
        kept.into_iter().rev().fold(end(rest), |older, record| {
            Some(Arc::new(Enlisted { record: Arc::clone(record), older }))
        })
    }
}

impl<St: Store> Drop for Enlisted<St> {
    fn drop(&mut self) {
        // Not by recursion: the list may be long.
        let mut next = self.older.take();
        while let Some(older) = next {
            next = Arc::into_inner(older).and_then(|mut older| older.older.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Boxed;

    fn generations(registry: &Registry<Boxed<u8, u8>>) -> Vec<u64> {
        let newest = registry.read();
        std::iter::successors(newest.as_deref(), |enlisted| enlisted.older.as_deref())
            .map(|enlisted| enlisted.record.generation)
            .collect()
    }

    #[test]
    fn records_are_newest_first_in_whatever_order_they_come_and_go() {
        let registry = Registry { newest: ArcSwapOption::const_empty() };
        let dead = || AtomicPtr::new(ptr::null_mut());
        let records = [5, 7, 6, 6, 9, 1].map(|generation| {
            let record = Arc::new(Record { generation, dead: dead() });
            registry.add(&record);
            record
        });
        assert_eq!(generations(&registry), [9, 7, 6, 6, 5, 1]);
        for (record, left) in [(0, vec![9, 7, 6, 6, 1]), (3, vec![9, 7, 6, 1]), (4, vec![7, 6, 1])]
        {
            registry.remove(&records[record]);
            assert_eq!(generations(&registry), left);
        }
    }

    /// Forking takes a fraction of a microsecond: some programs do it four billion times.
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
        let registry = Registry::<Boxed<u8, u8>> { newest: ArcSwapOption::const_empty() };
        let records = [2, 4, 6].map(|generation| {
            let record = Arc::new(Record { generation, dead: AtomicPtr::new(ptr::null_mut()) });
            registry.add(&record);
            record
        });
        let node = || Dead::Node(NonNull::dangling());
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
