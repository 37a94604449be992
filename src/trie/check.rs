//! The structure checker: walks a whole trie and verifies the invariants that `mod.rs` states.
//!
//! For tests. No other thread may change the map meanwhile.
#![expect(unsafe_code, reason = "reads the keys of slots")]

use super::Trie;
use crate::engine::{Engine, Structure};
use crate::store::{ByKey, Store};
use crate::tree::node::View;
use crate::tree::{Iter, Walk, lookup};

impl<St: Store> Trie<St> {
    /// [`Engine::check`].
    pub(super) fn verify(&self, hash: impl Fn(&[&St::Key], &mut [u64])) -> Structure {
        let guard = self.pin();
        let mut found = Structure::default();
        if let Some(context) = self.raw.root(&guard) {
            let (top, view) = (self.top(&guard), View::live(&guard));
            assert!(!top.is_frozen(), "the newest root is frozen");
            found.snapshots = context.domain().reclaimer.snapshots();
            let hash = ByKey::<St>(&hash);
            let mut walk = Walk::<St>::new(&hash);
            walk.node(top, view, context.root.generation, 0, 0);
            let mut entries = Iter::new(top, view);
            walk.reach(std::iter::from_fn(|| entries.next_slot()), &|hash, mut eq| {
                // SAFETY:
                // - of this store.
                unsafe { lookup::find::<St>(top, view, 0, hash, &mut eq) }
            });
            (found.nodes, found.entries, found.depth) = (walk.nodes, walk.entries, walk.fans);
        }
        assert_eq!(found.entries, self.len(&guard));
        assert_eq!(found.entries, self.iter(&guard).count());
        found
    }
}
