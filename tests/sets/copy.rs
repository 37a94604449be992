//! What sets do with elements in their nodes, on a `CopyTrieSet`.

use snaptrie::{CopyTrieSet, FixedState, TrieSet};

use crate::support::{Chosen, over_hashers, sort, verify};

/// The set of most tests, with the hash that the test is about.
pub(crate) type Set<K> = CopyTrieSet<K, Chosen>;

fn check(set: &Set<u8>) {
    verify(set.as_map());
}

#[path = "numbers.rs"]
mod numbers;
#[path = "plain.rs"]
mod plain;
#[path = "standard.rs"]
mod standard;

over_hashers!(versions_and_algebra);

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
    assert_eq!((now.to_flat().len(), now.to_copy_flat().len()), (110, 110));
    assert_eq!(((&set - &before.fork()).len(), (&set ^ &before.fork()).len()), (10, 10));
    assert_eq!(set.take().into_iter().count(), 110);
    assert!(set.is_empty());
}

#[test]
fn constructors() {
    static STATIC: CopyTrieSet<u32, FixedState> =
        CopyTrieSet::with_hasher(FixedState::with_seed(1));
    assert!(STATIC.pin().insert(1) && CopyTrieSet::new().insert(1));
}
