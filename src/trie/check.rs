//! The structure checker: walks a whole trie and verifies the invariants that `mod.rs` states.
//!
//! For tests. No other thread may change the map meanwhile.

use super::Trie;
use crate::engine::Engine;
use crate::entry::Store;
use crate::tree::node::View;
use crate::tree::{Iter, Walk, lookup};

/// The checker's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Fans, leaves and collision nodes of the live tree.
    pub nodes: usize,
    /// Entries in the live tree.
    pub entries: usize,
    /// Levels of fans above the deepest entry.
    pub depth: usize,
    /// Snapshots that are registered with the map.
    pub snapshots: usize,
}

impl<St: Store> Trie<St> {
    /// Verifies every invariant of the live tree. `hash` computes the hashes of keys.
    ///
    /// # Panics
    /// If one does not hold.
    pub(crate) fn check(&self, hash: impl Fn(&[&St::Key], &mut [u64])) -> Structure {
        let guard = self.pin();
        let mut found = Structure::default();
        if let Some(context) = self.root(&guard) {
            let (top, view) = (context.root.top.load(&guard), View::Live(&guard));
            assert!(!top.is_frozen(), "the newest root is frozen");
            found.snapshots = context.domain().snapshots();
            let mut walk = Walk::<St>::new(&hash);
            walk.node(top, view, context.root.generation, 0, 0);
            let mut entries = Iter::<St>::new(top, view);
            walk.reach(std::iter::from_fn(|| entries.next_slot()), &|hash, mut eq| {
                lookup::find::<St>(top, view, 0, hash, &mut eq)
            });
            (found.nodes, found.entries, found.depth) = (walk.nodes, walk.entries, walk.fans);
        }
        assert_eq!(found.entries, self.len(&guard));
        assert_eq!(found.entries, self.iter(&guard).count());
        found
    }
}
