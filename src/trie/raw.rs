//! The part of the trie that knows neither keys nor values: the pointer to its newest root.
#![expect(unsafe_code, reason = "roots are raw pointers that the epoch protects")]

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::domain::{Domain, Lineage};
use super::reclaimer::Entries;
use super::root::{Count, Root};
use crate::fallout::Fallout;
use crate::reclaim::{Collector, Guard};
use crate::sync::{AtomicPtr, Ordering};
use crate::tree::node::{Indirection, Word};

/// A trie of any slots.
pub(super) struct RawTrie {
    /// The newest root; null until the first write. INVARIANT: comes from `Box::into_raw`; the trie
    /// holds one reference to the domain of a root that is not null.
    pub(super) root: AtomicPtr<Root>,
    pub(super) collector: Collector,
    /// How to deal with the entries behind its slots; `None` if there are none.
    entries: Option<Entries>,
}

/// The context of an operation: the root it works under, and what keeps the root alive.
#[derive(Clone, Copy)]
pub(super) struct Context<'g> {
    pub(super) trie: &'g RawTrie,
    pub(super) root: &'g Root,
    pub(super) guard: &'g Guard,
}

impl<'g> Context<'g> {
    #[inline]
    pub(super) fn domain(&self) -> &'g Domain {
        // SAFETY:
        // - the map holds a reference to the domain, and is not dropped while an operation is in
        //   flight, as the one that has this context is.
        unsafe { self.root.domain.as_ref() }
    }

    /// # Safety
    /// - The trie is over slots of type `T`.
    #[inline]
    pub(super) unsafe fn typed<T>(self) -> Typed<'g, T> {
        Typed { context: self, _slots: PhantomData }
    }
}

/// A context for operations that look at slots.
///
/// INVARIANT: the trie is over slots of type `T`.
pub(super) struct Typed<'g, T> {
    pub(super) context: Context<'g>,
    _slots: PhantomData<fn() -> T>,
}

impl<T> Clone for Typed<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Typed<'_, T> {}

impl<'g, T> Typed<'g, T> {
    /// The word at the top of the tree.
    #[inline]
    pub(super) fn top(self) -> &'g Indirection<T> {
        // SAFETY:
        // - over such slots: invariant of `Typed`.
        unsafe { self.context.root.top.typed() }
    }
}

impl RawTrie {
    pub(super) const fn new(collector: Collector, entries: Option<Entries>) -> Self {
        Self { root: AtomicPtr::new(ptr::null_mut()), collector, entries }
    }

    #[inline]
    pub(super) fn root<'g>(&'g self, guard: &'g Guard) -> Option<Context<'g>> {
        // Acquire: the root's content, and the registrations before it; pairs with the Release of
        // the CAS that swung it, here or in `advance`.
        let root = self.root.load(Ordering::Acquire);
        // SAFETY:
        // - null or a root; a replaced root is retired, so it lives as long as the guard, which was
        //   there before the load.
        unsafe { root.as_ref() }.map(|root| Context { trie: self, root, guard })
    }

    /// The root. The first write of a map makes it.
    #[inline]
    pub(super) fn root_or_first<'g>(&'g self, guard: &'g Guard) -> Context<'g> {
        match self.root(guard) {
            Some(context) => context,
            None => self.first_root(guard),
        }
    }

    #[cold]
    fn first_root<'g>(&'g self, guard: &'g Guard) -> Context<'g> {
        let domain = self.new_domain();
        let mut made =
            Self::with_root(domain, 1, Word::EMPTY, self.collector.clone(), Count::new(false));
        let root = *made.root.get_mut();
        // Release: the root. Another thread may have been first: then `made` is dropped as it is.
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if self.root.compare_exchange(ptr::null_mut(), root, release, relaxed).is_ok() {
            *made.root.get_mut() = ptr::null_mut();
        }
        // PANICS: never: a root is only ever replaced by another root.
        self.root(guard).expect("a root that was just set")
    }

    /// What the map shares with its snapshots; `None` if the map was never written.
    pub(super) fn domain(&self) -> Option<&Domain> {
        let guard = self.collector.pin();
        // SAFETY:
        // - the map holds a reference to the domain, which is the same for all its roots, and is borrowed.
        self.root(&guard).map(|context| unsafe { context.root.domain.as_ref() })
    }

    pub(super) fn with_root(
        domain: Arc<Domain>,
        generation: u64,
        top: Word<'_, ()>,
        collector: Collector,
        count: Arc<Count>,
    ) -> Self {
        let entries = domain.reclaimer.entries;
        // SAFETY:
        // - a pointer from an `Arc` is not null.
        let domain = unsafe { NonNull::new_unchecked(Arc::into_raw(domain).cast_mut()) };
        let root = Box::into_raw(Root::boxed(generation, top, domain, count));
        Self { root: AtomicPtr::new(root), collector, entries }
    }

    /// The domain of a map that is no fork.
    #[expect(
        clippy::arc_with_non_send_sync,
        reason = "its typed handles are, as far as keys and values allow"
    )]
    pub(super) fn new_domain(&self) -> Arc<Domain> {
        Arc::new(Domain::new(self.collector.clone(), Lineage::first(), None, self.entries))
    }
}

impl Drop for RawTrie {
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
        // - only this map has the tree, except for what snapshots see, which `bury_all` respects. There is no
        //   snapshot of the last root's generation: each made a root of the next one.
        unsafe {
            domain.reclaimer.limbo.close(&mut fallout);
            domain.reclaimer.bury_all(root.top.get_mut(), generation, &mut fallout);
        }
        drop(root);
        drop(domain);
        fallout.resume();
    }
}
