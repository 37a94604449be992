//! The structure checker: walks a whole map and verifies the invariants that `mod.rs` states.
//!
//! For tests. No other thread may change the map meanwhile.
#![expect(unsafe_code, reason = "reads the keys of slots")]

use super::Flat;
use super::directory::{Directory, Units};
use super::moving::BIRTH;
use super::raw::RawFlat;
use crate::engine::{Engine, Structure};
use crate::reclaim::Guard;
use crate::store::{ByKey, Store};
use crate::tree::node::View;
use crate::tree::{Walk, lookup};

impl<St: Store> Flat<St> {
    /// [`Engine::check`].
    pub(super) fn verify(&self, hash: impl Fn(&[&St::Key], &mut [u64])) -> Structure {
        let guard = self.pin();
        let mut found = Structure::default();
        let hash = ByKey::<St>(&hash);
        let mut walk = Walk::<St>::new(&hash);
        if let Some(root) = self.raw.root(&guard) {
            let next = root.next(&guard);
            found.moving = next.is_some();
            found.words = next.unwrap_or(root).words().len();
            match next {
                None => check_words(root, 0..root.words().len(), &mut walk, &guard),
                Some(next) => check_move(root, next, &mut walk, &guard),
            }
        }
        let mut entries = self.raw.slots_from(0, &guard);
        walk.reach(std::iter::from_fn(|| entries.next_slot()), &|hash, mut eq| {
            // Unlike other operations, this one does not help to move.
            let (word, view, path) = RawFlat::way_from(self.raw.root(&guard), hash, &guard);
            // SAFETY:
            // - live, and reached under the guard.
            let is_it = |slot: &St::Slot| unsafe { lookup::is_it::<St>(slot, hash, &mut eq) };
            lookup::find_below(word, view, path, hash, is_it)
        });
        (found.nodes, found.entries, found.depth) = (walk.nodes, walk.entries, walk.fans);
        assert_eq!(
            found.entries,
            self.iter(&guard).count(),
            "entries in leaves and in an iteration"
        );
        assert_eq!(found.entries, self.len(&guard), "entries in leaves and in the counter");
        found
    }
}

fn check_words<St: Store>(
    directory: &Directory<St::Slot>,
    words: std::ops::Range<usize>,
    walk: &mut Walk<'_, St>,
    guard: &Guard,
) {
    for index in words {
        let word = directory.words()[index].load(guard);
        assert!(!word.is_moved(), "moved to no directory");
        let path = directory.first_hash(index).expect("a word");
        walk.node(word, View::live(guard), BIRTH, directory.bits(), path);
    }
}

fn check_move<St: Store>(
    old: &Directory<St::Slot>,
    next: &Directory<St::Slot>,
    walk: &mut Walk<'_, St>,
    guard: &Guard,
) {
    assert!(next.next(guard).is_none(), "a directory moves on before it is the root");
    let units = Units::between(old, next);
    for unit in 0..units.count() {
        let words = &old.words()[units.words(unit)];
        if words.iter().any(|word| word.load(guard).is_moved()) {
            let successors = &next.words()[units.successors(unit)];
            let made = successors.iter().all(|word| !word.load(guard).is_unmade());
            assert!(made, "moved to words that were not made");
            check_words(next, units.successors(unit), walk, guard);
        } else {
            check_words(old, units.words(unit), walk, guard);
        }
    }
}
