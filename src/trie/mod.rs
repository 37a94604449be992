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
//! 6. What was unlinked goes to the snapshots that still see it, or is freed after a grace period
//!    ([`reclaimer`]).
//!
//! # Why a snapshot is one instant
//!
//! *The rule*: an operation of a newer generation than a node's, and every read of a snapshot, uses
//! a word of a fan, or the state of a bucket, only once it is frozen. All changes are CASes of words that are
//! not frozen. Take a late writer: one of generation g that still runs when generation g + 1 has begun. If any thread
//! has observed the word that it wants to change, its CAS fails and it starts again in the new generation. If none has,
//! its change takes effect in a tree that the snapshot and the live map still share. It is ordered just before the
//! snapshot: the write began before the snapshot, and no thread has seen a state without it. So no change needs a
//! second CAS to commit it, and none is ever rolled back. `tests/models.rs` runs these races under a model checker,
//! `tests/snapshots.rs` and `tests/stress.rs` on real threads.
//!
//! # Orderings
//!
//! | write | read | publishes |
//! |---|---|---|
//! | `Indirection::replace` (Release) | `Indirection::load` (Acquire) | a node, whole |
//! | see [`crate::bucket`] | | slots and tags of a bucket, and the entries behind them |
//! | swap of the map's root (Release) | `RawTrie::root` (Acquire) | a root, and that the snapshots before it are registered |
//! | `Record::push` (Release) | `Record::close` (AcqRel) | an object on a dead list |
//! | `Clock::tick` (AcqRel) | `Clock::now` (Acquire) | that guards are gone |
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
mod raw;
mod reclaimer;
mod record;
mod registry;
mod root;
mod stats;
mod upsert;
mod versions;

use std::marker::PhantomData;

pub(crate) use commit::Refusal;
pub(crate) use diff::{TreeChange, TreeDiff};
pub(crate) use frozen::{Frozen, FrozenIter, OwnedIter, OwnedPair};
use raw::{RawTrie, Typed};
use reclaimer::Entries;
pub(crate) use stats::{SHAPES, Tally};

use crate::bucket::Held;
#[cfg(any(debug_assertions, snaptrie_check))]
use crate::engine::Structure;
use crate::engine::{Builder, Change, Engine};
use crate::reclaim::{Collector, Guard};
use crate::store::Store;
use crate::tree::node::{View, Word};
use crate::tree::{Changed, Iter, Pair, Pairs, lookup};

/// A concurrent hash trie.
#[expect(missing_debug_implementations, reason = "public as a part of sealed traits alone")]
pub struct Trie<St: Store> {
    /// INVARIANT: its entries are of this store.
    raw: RawTrie,
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

impl<St: Store> Trie<St> {
    pub(crate) const fn new(collector: Collector) -> Self {
        // SAFETY:
        // - there are none.
        unsafe { Self::of(RawTrie::new(collector, Entries::of::<St>())) }
    }

    /// # Safety
    /// - The entries are of this store, and `raw` makes garbage of them as it does.
    const unsafe fn of(raw: RawTrie) -> Self {
        Self { raw, _owns: PhantomData }
    }

    #[inline]
    fn root<'g>(&'g self, guard: &'g Guard) -> Option<Typed<'g, St::Slot>> {
        // SAFETY:
        // - over slots of this store.
        self.raw.root(guard).map(|context| unsafe { context.typed() })
    }

    fn top<'g>(&'g self, guard: &'g Guard) -> Word<'g, St::Slot> {
        self.root(guard).map_or(Word::EMPTY, |root| root.top().load(guard))
    }
}

impl<St: Store> Engine for Trie<St> {
    type Key = St::Key;
    type Value = St::Value;
    type Content = St;
    type Iter<'g>
        = Pairs<'g, St>
    where
        Self: 'g;

    const BUILDER: Builder<Self> = Self::BUILD;

    fn empty(collector: Collector) -> Self {
        Self::new(collector)
    }

    #[inline(always)]
    fn pin(&self) -> Guard {
        self.raw.collector.pin()
    }

    #[inline(always)]
    fn get<'g>(
        &'g self,
        hash: u64,
        mut eq: impl FnMut(&St::Key) -> bool,
        _rehash: impl Fn(&[&St::Key], &mut [u64]),
        guard: &'g Guard,
    ) -> Option<Pair<'g, St>> {
        let top = self.root(guard)?.top().load(guard);
        // SAFETY:
        // - not freed: the guard keeps everything reached under it.
        let is_it = |slot: &St::Slot| unsafe { lookup::is_it::<St>(slot, hash, &mut eq) };
        let found = lookup::find_at(top, View::live(guard), hash, hash, is_it);
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
        let top = self.top(guard);
        // SAFETY:
        // - reached under the guard, which keeps it for `'g`.
        let pair = |slot: Held<'g, St::Slot>| unsafe { St::pair(slot.now) };
        let found = |index, slot: Option<_>| found(index, slot.map(pair));
        let start = |hash| (top, View::live(guard), hash);
        // SAFETY:
        // - of this store.
        unsafe { lookup::find_many::<St>(start, hashes, eq, found) };
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
        let top = self.top(guard);
        lookup::prefetch(|hash| (top, View::live(guard), hash), hashes);
    }

    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Pairs<'g, St> {
        let slots = Iter::starting_at(first, self.top(guard), View::live(guard));
        // SAFETY:
        // - of this store.
        unsafe { Pairs::new(slots) }
    }

    fn position(iter: &Pairs<'_, St>) -> Option<u64> {
        iter.slots().position()
    }

    fn len(&self, guard: &Guard) -> usize {
        self.raw.root(guard).map_or(0, |context| context.root.count.len(context.domain()))
    }

    fn refresh(&self, guard: &Guard) {
        if let Some(context) = self.raw.root(guard) {
            context.domain().reclaimer.limbo.sweep(guard);
        }
    }

    fn collect(&self) {
        if let Some(domain) = self.raw.domain() {
            domain.reclaimer.limbo.collect(&self.raw.collector);
        }
    }

    #[cfg(any(debug_assertions, snaptrie_check))]
    fn check(&self, hash: impl Fn(&[&St::Key], &mut [u64])) -> Structure {
        self.verify(hash)
    }

    fn flush(&self) -> bool {
        self.raw.domain().is_none_or(|domain| domain.reclaimer.limbo.flush(&self.raw.collector))
    }
}
