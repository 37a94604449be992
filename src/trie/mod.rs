//! The concurrent hash trie (Ctrie) with constant-time snapshots.
//!
//! After Prokopec, Bronson, Bagwell, Odersky, "Concurrent Tries with Efficient Non-Blocking
//! Snapshots", PPoPP 2012. The structure follows the paper with indirection nodes folded into their
//! parents and entries kept in buckets; the snapshot protocol (*freeze on observe*) takes the place
//! of the paper's GCAS and RDCSS.
//!
//! # Terms
//!
//! | term | paper | here |
//! |---|---|---|
//! | indirection node | I-node | an atomic word embedded in its parent, the only way to reach a child: [`Indirection`](crate::tree::node::Indirection) |
//! | fan | C-node of I-nodes | 16 indirection words, indexed by the next four hash bits |
//! | leaf | C-node of S-nodes | a table of [buckets](crate::bucket), see [`crate::leaf`] |
//! | collision node | L-node | entries whose hashes agree in every bit; immutable |
//! | generation | Gen | number of the root; every node and entry bears the one it was born in |
//! | freeze | replaces GCAS | setting the bit that keeps a word, or the state of a bucket, from ever changing again |
//!
//! # Paths
//!
//! 1. A lookup ([`lookup`]) walks from the map's root through fans to one bucket of a leaf, matches all its
//!    tags at once, and compares the key.
//! 2. A change ([`upsert`]) walks the same way, claims that bucket, writes a dead slot, and publishes it by one CAS of
//!    the bucket's state, which makes the slot live and the replaced one dead. A removal is one CAS.
//! 3. A full bucket, or a frozen one, makes the operation rebuild the leaf
//!    (`rebuild` in [`crate::tree`]): freeze it, copy what lives into a new one, or into a fan of leaves when it
//!    is too much for one, and swing the one word that points to it. No thread waits: whoever
//!    meets a frozen node does this.
//! 4. After removals nodes are rebuilt smaller, and fans that hold little collapse (`shrink`).
//! 5. A snapshot ([`versions`]) freezes the root's word and gives the map a root of the next
//!    generation with the same tree. From then on the tree is shared: operations of the new
//!    generation freeze what they read of it and copy what they change, once for each node.
//! 6. What was unlinked goes to the snapshots that still see it, or is freed after a grace period
//!    ([`domain`]).
//!
//! # Why a snapshot is one instant
//!
//! *The rule*: an operation of a newer generation than a node's, and every read of a snapshot, uses
//! a word of a fan, or the state of a bucket, only once it is frozen. All changes are CASes of words that are
//! not frozen. Take a writer of generation g that is late: generation g + 1 has begun. If any thread has
//! observed the word it wants to change, its CAS fails and it starts again in the new generation. If
//! none has, its change takes effect in a tree that the snapshot and the live map still share, and
//! it is ordered just before the snapshot: it began before it, and no thread has seen a state without
//! it. So no second CAS commits a change and none is ever rolled back. `tests/models.rs` runs these
//! races under a model checker, `tests/snapshots.rs` and `tests/stress.rs` on real threads.
//!
//! # Orderings
//!
//! | write | read | publishes |
//! |---|---|---|
//! | `Indirection::replace` (Release) | `Indirection::load` (Acquire) | a node, whole |
//! | see [`crate::bucket`] | | slots and tags of a bucket, and the entries behind them |
//! | swap of the map's root (Release) | `Trie::root` (Acquire) | a root, and that the snapshots before it are registered |
//! | `Record::push` (Release) | `Record::close` (Acquire) | an object on a dead list |
//! | `Clock::tick` (Release) | `Clock::now` (Acquire) | that guards are gone |
//!
//! Progress: every operation is lock-free. The loops here go round again only if a CAS failed, so
//! another operation's CAS took effect, or after helping a frozen node or root on.
#![expect(unsafe_code, reason = "roots are raw pointers that the epoch protects")]

mod build;
#[cfg(any(debug_assertions, snaptrie_check))]
mod check;
mod commit;
mod diff;
mod domain;
mod frozen;
mod owned;
mod registry;
mod root;
mod stats;
mod upsert;
mod versions;

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

#[cfg(any(debug_assertions, snaptrie_check))]
pub use check::Structure;
pub(crate) use commit::Refusal;
pub(crate) use diff::{TreeChange, TreeDiff};
use domain::{Domain, Lineage};
pub(crate) use frozen::{Frozen, FrozenIter, OwnedIter, OwnedPair};
use root::{Count, Root};
pub(crate) use stats::{SHAPES, Tally};

use crate::bucket::Held;
use crate::engine::{Builder, Change, Content, Engine};
use crate::entry::Store;
use crate::fallout::Fallout;
use crate::reclaim::{Collector, Guard};
use crate::sync::{AtomicPtr, Ordering};
use crate::tree::node::{View, Word};
use crate::tree::{Changed, Iter, Pair, lookup};

/// A key and value of a frozen tree.
type PairRef<'g, St> = (&'g <St as Content>::Key, &'g <St as Content>::Value);

/// A concurrent hash trie.
#[expect(missing_debug_implementations, reason = "public as a part of sealed traits alone")]
pub struct Trie<St: Store> {
    /// The newest root; null until the first write. INVARIANT: comes from `Box::into_raw`; the trie
    /// holds one reference to the domain of a root that is not null.
    root: AtomicPtr<Root<St>>,
    collector: Collector,
    _owns: PhantomData<(St::Key, St::Value)>,
}

// SAFETY:
// - Send: moving a map may leave snapshots behind that share its keys and values, so both must be
//   `Send + Sync`, as for an `Arc`.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for Trie<St> {}
// SAFETY:
// - Sync: a shared map hands out references to keys and values on any thread (`Sync`), takes them
//   from any thread, and drops them on any thread (`Send`).
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for Trie<St> {}

/// What an operation holds: the root it works under, and what keeps it.
struct Context<'g, St: Store> {
    trie: &'g Trie<St>,
    root: &'g Root<St>,
    guard: &'g Guard,
}

impl<St: Store> Clone for Context<'_, St> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<St: Store> Copy for Context<'_, St> {}

impl<'g, St: Store> Context<'g, St> {
    fn domain(&self) -> &'g Domain<St> {
        // SAFETY:
        // - the map holds a reference to the domain, and is not dropped while an operation is in
        //   flight, as the one that has this context is.
        unsafe { self.root.domain.as_ref() }
    }
}

impl<St: Store> Trie<St> {
    pub(crate) const fn new(collector: Collector) -> Self {
        Self { root: AtomicPtr::new(ptr::null_mut()), collector, _owns: PhantomData }
    }

    #[inline]
    fn root<'g>(&'g self, guard: &'g Guard) -> Option<Context<'g, St>> {
        // Acquire: the root's content, and the registrations before it; pairs with the Release of
        // the CAS that swung it, here or in `advance`.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY:
        // - null or a root; a replaced root is retired, so it lives as long as the guard, which was
        //   there before the load.
        unsafe { root.as_ref() }.map(|root| Context { trie: self, root, guard })
    }

    /// The root; made now if this is the map's first write.
    #[inline]
    fn root_or_first<'g>(&'g self, guard: &'g Guard) -> Context<'g, St> {
        match self.root(guard) {
            Some(context) => context,
            None => self.first_root(guard),
        }
    }

    #[cold]
    fn first_root<'g>(&'g self, guard: &'g Guard) -> Context<'g, St> {
        let domain = Arc::new(Domain::new(self.collector.clone(), Lineage::first(), None));
        let mut made =
            Self::with_root(domain, 1, Word::EMPTY, self.collector.clone(), Count::new(false));
        let root = *made.root.get_mut();
        // Release: the root. Another thread may have been first: then `made` is dropped as it is.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if self.root.compare_exchange(ptr::null_mut(), root, release, relaxed).is_ok() {
            *made.root.get_mut() = ptr::null_mut();
        }
        // PANICS: never: a root that is there once is only ever replaced by another.
        self.root(guard).expect("a root that was just set")
    }

    /// What the map shares with its snapshots; none if it was never written.
    fn domain(&self) -> Option<&Domain<St>> {
        let guard = self.pin();
        // SAFETY:
        // - the map holds a reference to the domain, which is the same for all its roots, and is borrowed.
        self.root(&guard).map(|context| unsafe { context.root.domain.as_ref() })
    }

    fn with_root(
        domain: Arc<Domain<St>>,
        generation: u64,
        top: Word<'_, St::Slot>,
        collector: Collector,
        count: Arc<Count>,
    ) -> Self {
        // SAFETY:
        // - a pointer from an `Arc` is not null.
        let domain = unsafe { NonNull::new_unchecked(Arc::into_raw(domain).cast_mut()) };
        let root = Box::into_raw(Root::boxed(generation, top, domain, count));
        Self { root: AtomicPtr::new(root), collector, _owns: PhantomData }
    }
}

impl<St: Store> Engine for Trie<St> {
    type Key = St::Key;
    type Value = St::Value;
    type Content = St;
    type Iter<'g>
        = Iter<'g, St>
    where
        Self: 'g;

    const BUILDER: Builder<Self> = Self::BUILD;

    fn empty(collector: Collector) -> Self {
        Self::new(collector)
    }

    #[inline(always)]
    fn pin(&self) -> Guard {
        self.collector.pin()
    }

    #[inline(always)]
    fn get<'g>(
        &'g self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
        _rehash: impl Fn(&[&St::Key], &mut [u64]),
        guard: &'g Guard,
    ) -> Option<Pair<'g, St>> {
        let context = self.root(guard)?;
        let top = context.root.top.load(guard);
        // SAFETY:
        // - not freed: the guard keeps what is reached under it.
        let is_it = |slot: &St::Slot| unsafe { lookup::is_it::<St>(slot, hash, &mut eq) };
        let found = lookup::find_at::<St>(top, View::Live(guard), hash, hash, is_it);
        // SAFETY:
        // - the entry was reached under the guard, which keeps it for `'g`.
        found.map(|slot| unsafe { St::pair(slot.now) })
    }

    fn get_many<'g>(
        &'g self,
        hashes: &[u64],
        eq: impl FnMut(usize, &St::Key) -> bool,
        guard: &'g Guard,
        mut found: impl FnMut(usize, Option<Pair<'g, St>>),
    ) {
        let top = self.root(guard).map_or(Word::EMPTY, |context| context.root.top.load(guard));
        // SAFETY:
        // - reached under the guard, which keeps it for `'g`.
        let pair = |slot: Held<'g, St::Slot>| unsafe { St::pair(slot.now) };
        let found = |index, slot: Option<_>| found(index, slot.map(pair));
        lookup::find_many::<St>(|hash| (top, View::Live(guard), hash), hashes, eq, found);
    }

    #[inline]
    fn modify<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, St>,
    ) -> Changed<'g, St> {
        self.upsert(hash, peek, guard, change)
    }

    fn prefetch(&self, hashes: &[u64], guard: &Guard) {
        if let Some(context) = self.root(guard) {
            let top = context.root.top.load(guard);
            lookup::prefetch::<St>(|hash| (top, View::Live(guard), hash), hashes);
        }
    }

    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Iter<'g, St> {
        let top = self.root(guard).map_or(Word::EMPTY, |context| context.root.top.load(guard));
        Iter::starting_at(first, top, View::Live(guard))
    }

    fn position(iter: &Iter<'_, St>) -> Option<u64> {
        iter.position()
    }

    fn len(&self, guard: &Guard) -> usize {
        self.root(guard).map_or(0, |context| context.root.count.len(context.domain()))
    }

    fn refresh(&self, guard: &Guard) {
        if let Some(context) = self.root(guard) {
            context.domain().limbo.sweep(guard);
        }
    }

    fn collect(&self) {
        if let Some(domain) = self.domain() {
            domain.limbo.collect(&self.collector);
        }
    }

    fn flush(&self) -> bool {
        self.domain().is_none_or(|domain| domain.limbo.flush(&self.collector))
    }
}

impl<St: Store> Drop for Trie<St> {
    fn drop(&mut self) {
        let root = *self.root.get_mut();
        if root.is_null() {
            return;
        }
        // SAFETY:
        // - from a box, and the last root of this map: no other thread can reach it.
        // - the map's reference to the domain, which came from `Arc::into_raw`.
        let (mut root, domain) = unsafe {
            let root = Box::from_raw(root);
            let domain = Arc::from_raw(root.domain.as_ptr());
            (root, domain)
        };
        let generation = root.generation;
        let mut fallout = Fallout::default();
        // SAFETY:
        // - every operation borrows the map, so none is in flight.
        // - the tree is this map's alone, but for what snapshots see, which `bury_all` heeds. There is none of
        //   the last root's own generation: each brought a root of the next one.
        unsafe {
            domain.limbo.close(&mut fallout);
            domain.bury_all(root.top.get_mut(), generation, &mut fallout);
        }
        drop(root);
        drop(domain);
        fallout.resume();
    }
}
