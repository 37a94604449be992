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
//! 2. A change ([`upsert`]) walks the same path, claims that bucket, writes a dead slot, and publishes it by one CAS of
//!    the bucket's state. This makes the slot live and the replaced one dead. A removal is one CAS.
//! 3. If the bucket is full or frozen, the operation rebuilds the leaf (`rebuild` in [`crate::tree`]): it freezes the
//!    leaf, copies the live entries into a new leaf, or into a fan of leaves if one is not enough, and swings the one
//!    word that points to it. No thread waits: every thread that meets a frozen node does this.
//! 4. After removals, nodes are rebuilt smaller, and fans that hold little collapse (`shrink`).
//! 5. A snapshot ([`versions`]) freezes the root's word and gives the map a root of the next
//!    generation with the same tree. From then on the tree is shared: operations of the new generation freeze what they
//!    read and copy what they change, once for each node.
//! 6. Unlinked nodes and entries go to the snapshots that still see them, or are freed after a grace period
//!    ([`domain`]).
//!
//! # Why a snapshot is one instant
//!
//! *The rule*: an operation of a newer generation than a node's, and every read of a snapshot, uses
//! a word of a fan, or the state of a bucket, only once it is frozen. All changes are CASes of words that are
//! not frozen. Take a late writer of generation g: generation g + 1 has begun. If any thread has observed the word that
//! it wants to change, its CAS fails and it starts again in the new generation. If none has, its change takes effect in
//! a tree that the snapshot and the live map still share. It is ordered just before the snapshot: the write began
//! before the snapshot, and no thread has seen a state without it. So no change needs a second CAS to commit it, and
//! none is ever rolled back. `tests/models.rs` runs these
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
//! Progress: every operation is lock-free. A loop here repeats only after helping with a frozen node or root, or after
//! its CAS failed because another operation's CAS succeeded.
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
// - Send: a moved map may leave snapshots behind that share its keys and values, so both must be `Send + Sync`, as for
//   an `Arc`.
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Send for Trie<St> {}
// SAFETY:
// - Sync: a shared map hands out references to keys and values on any thread (`Sync`), takes them
//   from any thread, and drops them on any thread (`Send`).
unsafe impl<St: Store<Key: Send + Sync, Value: Send + Sync>> Sync for Trie<St> {}

/// The context of an operation: the root it works under, and what keeps the root alive.
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
        // - the map holds a reference to the domain, and is not dropped while the operation with this context is in
        //   flight.
        unsafe { self.root.domain.as_ref() }
    }
}

impl<St: Store> Trie<St> {
    pub(crate) const fn new(collector: Collector) -> Self {
        Self { root: AtomicPtr::new(ptr::null_mut()), collector, _owns: PhantomData }
    }

    #[inline]
    fn root<'g>(&'g self, guard: &'g Guard) -> Option<Context<'g, St>> {
        // Acquire: the root's content, and the registrations before it; pairs with the Release of the CAS that set it,
        // here or in `advance`.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY:
        // - null or a root. A replaced root is retired, so it lives as long as the guard, which was made before the
        //   load.
        unsafe { root.as_ref() }.map(|root| Context { trie: self, root, guard })
    }

    /// The root. If this is the map's first write, it is made now.
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
        // Release: the root. If another thread was first, `made` is simply dropped.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if self.root.compare_exchange(ptr::null_mut(), root, release, relaxed).is_ok() {
            *made.root.get_mut() = ptr::null_mut();
        }
        // PANICS: never: a root is only ever replaced by another one.
        self.root(guard).expect("a root that was just set")
    }

    /// The state shared with the map's snapshots; `None` if the map was never written.
    fn domain(&self) -> Option<&Domain<St>> {
        let guard = self.pin();
        // SAFETY:
        // - the map, which is borrowed, holds a reference to the domain, which all its roots share.
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
        // - not freed: the guard keeps everything reached under it.
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
        // - this map owns the tree, except for what snapshots see, which `bury_all` respects. No snapshot has the last
        //   root's generation, because each snapshot made a root of the next one.
        unsafe {
            domain.limbo.close(&mut fallout);
            domain.bury_all(root.top.get_mut(), generation, &mut fallout);
        }
        drop(root);
        drop(domain);
        fallout.resume();
    }
}
