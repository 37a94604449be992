//! What sets do with elements in their nodes, on a `CopyTrieSet`.

use snaptrie::{CopyTrieSet, FixedState, TrieSet};

use crate::support::{Chosen, over_hashers, sort};

/// The set of most tests, with the hash that the test is about.
pub(crate) type Set<K> = CopyTrieSet<K, Chosen>;

/// The checker of structures tells entries apart by the address of their keys, which are copied here. So
/// this looks up what a walk finds.
fn check(set: &Set<u8>) {
    let (pinned, snapshot) = (set.pin(), set.snapshot());
    assert!(pinned.iter().all(|element| pinned.contains(element) && snapshot.contains(element)));
    assert_eq!(pinned.iter().count(), snapshot.len());
}

#[path = "standard.rs"]
mod standard;

over_hashers!(versions_and_algebra, the_first_of_equal_elements_stays);

fn versions_and_algebra() {
    let set: Set<u32> = (0..100).collect();
    let before = set.snapshot();
    set.pin().insert_many(90..110);
    let boxed: TrieSet<u32, Chosen> = (105..120).collect();
    let (now, other) = (set.snapshot(), boxed.snapshot());
    assert_eq!(sort(now.difference(&before).copied()), (100..110).collect::<Vec<_>>());
    assert_eq!(sort(now.intersection(&other).copied()), (105..110).collect::<Vec<_>>());
    assert_eq!(((&now | &other).len(), (&other - &now).len()), (120, 10));
    assert!(before.is_subset(&now) && !other.is_subset(&now));
    assert_eq!(before.fork(), (0..100).collect());
    assert_eq!(now.to_flat().len(), 110);
    assert_eq!(set.take().into_iter().count(), 110);
    assert!(set.is_empty());
}

/// Equal by the first part alone.
#[derive(Clone, Copy)]
struct Numbered(u32, u32);

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Numbered {}
impl std::hash::Hash for Numbered {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

fn the_first_of_equal_elements_stays() {
    let set = Set::default();
    let pinned = set.pin();
    assert!(pinned.insert(Numbered(1, 1)) && !pinned.insert(Numbered(1, 2)));
    assert_eq!(pinned.get_or_insert(Numbered(1, 3)).1, 1);
    assert_eq!(pinned.replace(Numbered(1, 4)).map(|old| old.1), Some(1));
    assert_eq!(pinned.remove_get(&Numbered(1, 0)).map(|old| old.1), Some(4));
}

#[test]
fn constructors() {
    static STATIC: CopyTrieSet<u32, FixedState> =
        TrieSet::inline_with_hasher(FixedState::with_seed(1));
    assert!(STATIC.pin().insert(1) && TrieSet::inline().pin().insert(1));
}
