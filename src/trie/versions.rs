//! Versions of a map: snapshot, take, fork, and the root of the next generation.
#![expect(unsafe_code, reason = "moves trees between owners")]

use std::ptr::NonNull;
use std::sync::Arc;

use super::Trie;
use super::domain::{Domain, KeptTree};
use super::frozen::Frozen;
use super::raw::{Context, RawTrie};
use super::reclaimer::Fate;
use super::record::Record;
use super::root::{Count, Root};
use crate::reclaim::Garbage;
use crate::store::Store;
use crate::sync::{Ordering, stall_point};
use crate::tree::node::Word;

impl<St: Store> Trie<St> {
    /// The map's content at one instant. O(log n) in the number of live snapshots, for each try. A try fails only if
    /// another thread's snapshot succeeds.
    pub(crate) fn snapshot(&self) -> Frozen<St> {
        // SAFETY:
        // - those of this map, which are.
        unsafe { Frozen::of(self.raw.snapshot()) }
    }

    /// Takes out the whole content of the map at one instant.
    pub(crate) fn take(&self) -> Frozen<St> {
        // SAFETY:
        // - those of this map, which are.
        unsafe { Frozen::of(self.raw.take()) }
    }

    /// [`Self::take`], for the content to be dropped.
    pub(crate) fn clear(&self) {
        drop(self.raw.take());
    }

    /// A map that begins with the content of a frozen tree. Constant time.
    pub(crate) fn fork(tree: &Frozen<St>, never_written: Self) -> Self {
        // SAFETY:
        // - those of the tree, which are.
        RawTrie::fork(tree.kept()).map_or(never_written, |raw| unsafe { Self::of(raw) })
    }
}

impl RawTrie {
    /// See [`Trie::snapshot`].
    fn snapshot(&self) -> KeptTree {
        let guard = self.collector.pin();
        loop {
            let Some(context) = self.root(&guard) else {
                // LINEARIZES snapshot of a map that was never written: the load of its null root.
                return KeptTree::empty();
            };
            let Context { root, .. } = context;
            // Registered before the word is frozen, so every thread that works under a later root sees the record.
            let record = context.domain().reclaimer.register(root.generation);
            stall_point("registered snapshot");
            // LINEARIZES snapshot, and just before it the late writers of this generation whose words no thread has
            // observed yet.
            let top = root.top.freeze();
            stall_point("frozen root");
            self.advance(context);
            if !top.is_frozen() {
                // SAFETY:
                // - registered and frozen just above, by this thread.
                return unsafe { KeptTree::new(context.share_domain(), record, top, false) };
            }
            // Another thread has the snapshot of this generation.
            context.domain().reclaimer.withdraw(&record, &mut Fate::Operation(&guard));
        }
    }

    /// See [`Trie::take`].
    fn take(&self) -> KeptTree {
        let guard = self.collector.pin();
        loop {
            let Some(context) = self.root(&guard) else {
                // LINEARIZES take from a map that was never written: the load of its null root.
                return KeptTree::empty();
            };
            let Context { root, .. } = context;
            let record: Arc<Record> = context.domain().reclaimer.register(root.generation);
            let mut top = root.top.load(&guard);
            while !top.is_frozen() {
                // The empty frozen word tells helping threads that the next root is empty.
                // LINEARIZES take.
                if root.top.replace(top, Word::taken()).is_ok() {
                    stall_point("emptied root");
                    self.advance(context);
                    // SAFETY:
                    // - registered above; the CAS froze the word and unlinked the tree.
                    return unsafe { KeptTree::new(context.share_domain(), record, top, true) };
                }
                top = root.top.load(&guard);
            }
            self.advance(context);
            context.domain().reclaimer.withdraw(&record, &mut Fate::Operation(&guard));
        }
    }

    /// Gives the map the next root after that of `context`, whose top word is frozen. Any thread that meets such a root
    /// does this; none waits for the thread that froze it.
    pub(super) fn advance(&self, context: Context<'_>) {
        let Context { root, guard, .. } = context;
        let top = root.top.load(guard);
        debug_assert!(top.is_frozen());
        let current = std::ptr::from_ref(root).cast_mut();
        let next = root.generation_after(top);
        let next =
            Box::into_raw(Root::boxed(next, top.to_older(), root.domain, root.count_after(top)));
        // Release: the new root, and the registration that this thread saw (Acquire) in the frozen
        // word; pairs with the Acquire in `root`. Relaxed on failure: another thread did it.
        match self.root.compare_exchange(current, next, Ordering::Release, Ordering::Relaxed) {
            Ok(replaced) => {
                // SAFETY:
                // - from a box, so not null; the CAS unlinked the root, and snapshots do not refer to roots.
                let garbage = unsafe { Garbage::of_box(NonNull::new_unchecked(replaced)) };
                context.domain().reclaimer.limbo.retire(guard, garbage);
            }
            Err(_) => {
                // SAFETY:
                // - made above, and not published.
                drop(unsafe { Box::from_raw(next) });
            }
        }
    }

    /// A map that begins with the content of a frozen tree; none if its map was never written. Constant time.
    ///
    /// It shares the tree's nodes and copies what it changes. Objects born up to the tree's generation still belong to
    /// the tree's own map; the fork keeps the tree alive.
    #[expect(
        clippy::arc_with_non_send_sync,
        reason = "its typed handles are, as far as keys and values allow"
    )]
    fn fork(tree: &Arc<KeptTree>) -> Option<Self> {
        let domain = tree.domain()?;
        let (collector, entries) = (domain.reclaimer.collector.clone(), domain.reclaimer.entries);
        // An empty tree need not be kept.
        let base = (!tree.top().is_empty()).then(|| Arc::clone(tree));
        let count = Count::new(base.is_some());
        let own = Domain::new(collector.clone(), domain.lineage.child(), base, entries);
        let top = tree.top().to_older();
        Some(Self::with_root(Arc::new(own), tree.generation() + 1, top, collector, count))
    }
}

impl Context<'_> {
    /// Another reference to the domain.
    fn share_domain(&self) -> Arc<Domain> {
        let domain = self.root.domain.as_ptr();
        // SAFETY:
        // - from `Arc::into_raw`; the map holds a reference, and is not dropped during this call.
        unsafe {
            Arc::increment_strong_count(domain);
            Arc::from_raw(domain)
        }
    }
}
