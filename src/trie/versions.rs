//! Versions of a map: snapshot, take, fork, and the root of the next generation.
#![expect(unsafe_code, reason = "moves trees between owners")]

use std::ptr::NonNull;
use std::sync::Arc;

use super::domain::{Domain, Fate, Record};
use super::frozen::Frozen;
use super::root::{Count, Root};
use super::{Context, Trie};
use crate::engine::Engine;
use crate::entry::Store;
use crate::reclaim::Garbage;
use crate::sync::{Ordering, stall_point};
use crate::tree::node::Word;

impl<St: Store> Trie<St> {
    /// The map's content at one instant. O(log n) in the number of live snapshots, for each try. A try fails only if
    /// another thread's snapshot succeeds.
    pub(crate) fn snapshot(&self) -> Frozen<St> {
        let guard = self.pin();
        loop {
            let Some(context) = self.root(&guard) else {
                // LINEARIZES snapshot of a map that was never written: the load of its null root.
                return Frozen::empty();
            };
            let Context { root, .. } = context;
            // Registered before the word is frozen, so every thread that works under a later root sees the record.
            let record = context.domain().register(root.generation);
            stall_point("registered snapshot");
            // LINEARIZES snapshot, and just before it the late writers of this generation whose words no thread has
            // observed yet.
            let top = root.top.freeze();
            stall_point("frozen root");
            self.advance(context);
            if !top.is_frozen() {
                // SAFETY:
                // - registered and frozen just above, by this thread.
                return unsafe { Frozen::new(context.share_domain(), record, top, false) };
            }
            // Another thread has the snapshot of this generation.
            context.domain().withdraw(&record, &mut Fate::Operation(&guard));
        }
    }

    /// Takes out the whole content of the map at one instant.
    pub(crate) fn take(&self) -> Frozen<St> {
        let guard = self.pin();
        loop {
            let Some(context) = self.root(&guard) else {
                // LINEARIZES take from a map that was never written: the load of its null root.
                return Frozen::empty();
            };
            let Context { root, .. } = context;
            let record: Arc<Record<St>> = context.domain().register(root.generation);
            let mut top = root.top.load(&guard);
            while !top.is_frozen() {
                // The empty frozen word tells helping threads that the next root is empty.
                // LINEARIZES take.
                if root.top.replace(top, Word::taken()).is_ok() {
                    stall_point("emptied root");
                    self.advance(context);
                    // SAFETY:
                    // - registered above; the CAS froze the word and unlinked the tree.
                    return unsafe { Frozen::new(context.share_domain(), record, top, true) };
                }
                top = root.top.load(&guard);
            }
            self.advance(context);
            context.domain().withdraw(&record, &mut Fate::Operation(&guard));
        }
    }

    /// Gives the map the next root after that of `context`, whose top word is frozen. Any thread that meets such a root
    /// does this; none waits for the thread that froze it.
    pub(super) fn advance(&self, context: Context<'_, St>) {
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
                context.domain().limbo.retire(guard, garbage);
            }
            Err(_) => {
                // SAFETY:
                // - made above, and not published.
                drop(unsafe { Box::from_raw(next) });
            }
        }
    }

    /// A map that begins with the content of a frozen tree. Constant time.
    ///
    /// It shares the tree's nodes and copies what it changes. Objects born up to the tree's generation still belong to
    /// the tree's own map; the fork keeps the tree alive.
    pub(crate) fn fork(tree: &Arc<Frozen<St>>, never_written: Self) -> Self {
        let Some(domain) = tree.domain() else { return never_written };
        let collector = domain.collector.clone();
        // An empty tree need not be kept.
        let base = (!tree.top().is_empty()).then(|| Arc::clone(tree));
        let count = Count::new(base.is_some());
        let own = Arc::new(Domain::new(collector.clone(), domain.lineage.child(), base));
        Self::with_root(own, tree.generation() + 1, tree.top().to_older(), collector, count)
    }
}

impl<St: Store> Context<'_, St> {
    /// Another reference to the domain.
    fn share_domain(&self) -> Arc<Domain<St>> {
        let domain = self.root.domain.as_ptr();
        // SAFETY:
        // - from `Arc::into_raw`; the map holds a reference, and is not dropped during this call.
        unsafe {
            Arc::increment_strong_count(domain);
            Arc::from_raw(domain)
        }
    }
}
