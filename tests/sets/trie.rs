//! Everything that sets do, on a `TrieSet`; and what it alone does.

use snaptrie::TrieMap;
pub(crate) use snaptrie::TrieSet as AnySet;

use crate::support::{over_hashers, sort, verify};

/// The set of most tests, with the hash that the test is about.
pub(crate) type Set<K> = AnySet<K, crate::support::Chosen>;

fn check(set: &Set<u8>) {
    verify(set.as_map());
}

fn into_elements<K: std::fmt::Debug>(set: Set<K>) -> snaptrie::IntoKeys<K> {
    set.try_into_iter().unwrap()
}

#[path = "direct.rs"]
mod direct;
#[path = "elements.rs"]
mod elements;
#[path = "numbers.rs"]
mod numbers;
#[path = "standard.rs"]
mod standard;

over_hashers!(versions, a_clone_is_a_fork, snapshots_iterate, from_a_map);

fn versions() {
    let set: Set<u32> = (0..100).collect();
    let before = set.snapshot();
    set.pin().insert(100);
    set.pin().remove(&0);
    assert_eq!((before.len(), set.len(), before.is_empty()), (100, 100, false));
    assert!(before.contains(&0) && !before.contains(&100));
    assert_eq!((before.get(&0), before.get(&100)), (Some(&0), None));
    let restored = before.fork();
    assert_eq!(sort(restored.pin().iter().copied()), (0..100).collect::<Vec<_>>());
    let taken = set.take();
    assert!(set.is_empty());
    assert_eq!(sort(taken.iter().copied()), (1..101).collect::<Vec<_>>());
    verify(set.as_map());
    verify(restored.as_map());
}

fn a_clone_is_a_fork() {
    let set: Set<u32> = (0..100).collect();
    let (clone, fork) = (set.clone(), set.fork());
    assert_eq!((&clone, &fork), (&set, &set));
    clone.pin().insert(100);
    set.pin().remove(&0);
    assert_eq!((set.len(), clone.len(), fork.len()), (99, 101, 100));
}

fn snapshots_iterate() {
    let snapshot = (0..100_u32).collect::<Set<_>>().snapshot();
    assert_eq!(snapshot.iter().len(), 100);
    assert_eq!(sort(&snapshot), (0..100).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    let same = snapshot.clone();
    assert!(same.as_map().ptr_eq(snapshot.as_map()));
    assert_eq!(same, snapshot);
    let owned: Vec<_> = snapshot.into_iter().collect();
    drop(same);
    assert_eq!(sort(owned.iter().map(|element| *element.key())), (0..100).collect::<Vec<_>>());
    let mut alone = (0..100).collect::<Set<u32>>().snapshot();
    let clone = alone.clone();
    alone = alone.try_into_iter().unwrap_err();
    drop(clone);
    assert_eq!(sort(alone.try_into_iter().unwrap()), (0..100).collect::<Vec<_>>());
    let one = AnySet::from([1]).snapshot();
    assert_eq!(format!("{one:?}"), "{1}");
}

fn from_a_map() {
    let map: TrieMap<u32, (), crate::support::Chosen> = [(1, ()), (2, ())].into_iter().collect();
    let set = Set::from(map);
    assert_eq!(set.snapshot().to_flat().to_trie(), set);
    assert_eq!(snaptrie::FlatSet::from(&set.snapshot()).len(), 2);
}
