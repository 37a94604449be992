//! Random sequences of operations, against the standard set. Compiled for each kind of set.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{Set, check};
use crate::support::{over_hashers, plain, sort};

over_hashers!(like_a_standard_set);

#[derive(Clone, Debug)]
enum Op {
    Insert(u8),
    Remove(u8),
    RemoveGet(u8),
    Replace(u8),
    GetOrInsert(u8),
    InsertMany(Vec<u8>),
    RetainBelow(u8),
    Clear,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => any::<u8>().prop_map(Op::Insert),
        4 => any::<u8>().prop_map(Op::Remove),
        2 => any::<u8>().prop_map(Op::RemoveGet),
        2 => any::<u8>().prop_map(Op::Replace),
        2 => any::<u8>().prop_map(Op::GetOrInsert),
        2 => vec(any::<u8>(), 0..50).prop_map(Op::InsertMany),
        1 => any::<u8>().prop_map(Op::RetainBelow),
        1 => Just(Op::Clear),
    ]
}

fn apply(set: &Set<u8>, model: &mut HashSet<u8>, op: Op) {
    let pinned = set.pin();
    match op {
        Op::Insert(element) => assert_eq!(pinned.insert(element), model.insert(element)),
        Op::Remove(element) => assert_eq!(pinned.remove(&element), model.remove(&element)),
        Op::RemoveGet(element) => {
            assert_eq!(pinned.remove_get(&element).map(plain), model.take(&element));
        }
        Op::Replace(element) => {
            assert_eq!(pinned.replace(element).map(plain), model.replace(element));
        }
        Op::GetOrInsert(element) => {
            model.insert(element);
            assert_eq!(plain::<u8>(pinned.get_or_insert(element)), element);
        }
        Op::InsertMany(elements) => {
            let new = elements.iter().filter(|element| model.insert(**element)).count();
            assert_eq!(pinned.insert_many(elements), new);
        }
        Op::RetainBelow(limit) => {
            pinned.retain(|element| *element < limit);
            model.retain(|element| *element < limit);
        }
        Op::Clear => {
            set.clear();
            model.clear();
        }
    }
}

fn like_a_standard_set() {
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..Default::default() };
    let result = TestRunner::new(config).run(&vec(op(), 0..120), |ops| {
        let (set, mut model) = (Set::default(), HashSet::new());
        for op in ops {
            apply(&set, &mut model, op);
            prop_assert_eq!(set.len(), model.len());
        }
        prop_assert_eq!(sort(set.pin().iter().map(plain::<u8>)), sort(model));
        check(&set);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
