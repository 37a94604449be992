//! What is made of two snapshots, against the standard set; and that it is of the two instants.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::collection::hash_set;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use snaptrie::{SetSnapshot, TrieSet};

use crate::support::{Chosen, over_hashers, sort};

over_hashers!(
    like_a_standard_set,
    of_different_hashers,
    elements_are_those_of_the_left,
    an_intersection_keeps_nothing_of_the_left,
);

type Set = TrieSet<u8, Chosen>;

fn same<'a>(
    ours: impl Iterator<Item = &'a u8>,
    theirs: impl Iterator<Item = &'a u8>,
) -> Result<(), TestCaseError> {
    prop_assert_eq!(sort(ours), sort(theirs));
    Ok(())
}

fn compare(
    (a, b): (&SetSnapshot<u8, Chosen>, &SetSnapshot<u8, Chosen>),
    (x, y): (&HashSet<u8>, &HashSet<u8>),
) -> Result<(), TestCaseError> {
    same(a.union(b), x.union(y))?;
    same(a.intersection(b), x.intersection(y))?;
    same(a.difference(b), x.difference(y))?;
    same(a.symmetric_difference(b), x.symmetric_difference(y))?;
    prop_assert_eq!(a.is_subset(b), x.is_subset(y));
    prop_assert_eq!(a.is_superset(b), x.is_superset(y));
    prop_assert_eq!(a.is_disjoint(b), x.is_disjoint(y));
    prop_assert_eq!(a == b, x == y);
    for (ours, theirs) in [(a | b, x | y), (a & b, x & y), (a - b, x - y), (a ^ b, x ^ y)] {
        same(ours.snapshot().iter(), theirs.iter())?;
    }
    Ok(())
}

fn like_a_standard_set() {
    // Few elements and some that all have, so that subsets and equal sets come up.
    let some = || hash_set(0..12_u8, 0..8);
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() };
    let result = TestRunner::new(config).run(&(some(), some()), |(x, y)| {
        let left: Set = x.iter().copied().collect();
        let right: Set = y.iter().copied().collect();
        let (a, b) = (left.snapshot(), right.snapshot());
        // The operators of live sets take the snapshots themselves.
        let (l, r) = (&left, &right);
        for (ours, theirs) in
            [(l | r, &x | &y), (l & r, &x & &y), (l - r, &x - &y), (l ^ r, &x ^ &y)]
        {
            same(ours.snapshot().iter(), theirs.iter())?;
        }
        // What is written now concerns neither.
        left.clear();
        right.pin().insert_many(100..120);
        compare((&a, &b), (&x, &y))?;
        compare((&a, &a), (&x, &x))?;
        // A part of the other, and one that shares its memory.
        let more = a.fork();
        more.pin().insert_many(y.iter().copied());
        let both: HashSet<u8> = x.union(&y).copied().collect();
        compare((&a, &more.snapshot()), (&x, &both))?;
        compare((&more.snapshot(), &a), (&both, &x))
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

fn of_different_hashers() {
    let left: TrieSet<u8, Chosen> = (0..10).collect();
    let right: TrieSet<u8> = (5..15).collect();
    let (a, b) = (left.snapshot(), right.snapshot());
    assert_eq!(sort(a.intersection(&b).copied()), (5..10).collect::<Vec<_>>());
    assert_eq!(((&a | &b).len(), (&left | &right).len(), (&left & &right).len()), (15, 15, 5));
    assert!(!a.is_subset(&b) && (&a & &b).snapshot().is_subset(&b));
}

fn elements_are_those_of_the_left() {
    #[derive(Clone, Debug)]
    struct Named(u32, &'static str);
    impl PartialEq for Named {
        fn eq(&self, other: &Self) -> bool {
            self.0 == other.0
        }
    }
    impl Eq for Named {}
    impl std::hash::Hash for Named {
        fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }
    let set = |name| -> TrieSet<Named, Chosen> { (0..9).map(|i| Named(i, name)).collect() };
    let (a, b) = (set("left").snapshot(), set("right").snapshot());
    assert!(a.union(&b).chain(a.intersection(&b)).all(|element| element.1 == "left"));
    assert!((&a | &b).pin().iter().chain((&a & &b).pin().iter()).all(|e| e.1 == "left"));
}

fn an_intersection_keeps_nothing_of_the_left() {
    let left: TrieSet<Arc<u8>, Chosen> = (0..100).map(Arc::new).collect();
    let of = |number: u8| Arc::clone(left.pin().get(&number).expect("an element"));
    let (kept, gone) = (of(7), of(8));
    let both = &left & &TrieSet::from([Arc::new(7)]);
    drop(left);
    assert_eq!((Arc::strong_count(&kept), Arc::strong_count(&gone)), (2, 1));
    assert_eq!(both.try_into_iter().expect("a set that shares nothing").count(), 1);
}
