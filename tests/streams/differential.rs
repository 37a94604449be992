//! Random streams, against a standard map.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::{Handle, sort, sorted};
use crate::{Numbers, over_maps};

over_maps!(any_stream);

/// One call of a writer, or a batch.
#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u64),
    Remove(u64),
    Update(u64),
    UpdateOrInsert(u64, u64),
    Merge(u64, u64),
    Add(u64, u64),
    Flush,
    /// A new writer.
    Renew,
    InsertMany(Vec<(u64, u64)>),
    UpdateMany(Vec<(u64, u64)>),
    GetOrInsertMany(Vec<(u64, u64)>),
    RemoveMany(Vec<u64>),
    GetMany(Vec<u64>),
}

fn any_step() -> impl Strategy<Value = Step> {
    // Few keys, so that each comes often, and more than a group has places.
    let key = || 0..60_u64;
    let entries = || vec((key(), any::<u64>()), 0..80);
    prop_oneof![
        4 => (key(), any::<u64>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => key().prop_map(Step::Remove),
        4 => key().prop_map(Step::Update),
        4 => (key(), any::<u64>()).prop_map(|(key, value)| Step::UpdateOrInsert(key, value)),
        4 => (key(), any::<u64>()).prop_map(|(key, value)| Step::Merge(key, value)),
        12 => (key(), any::<u64>()).prop_map(|(key, value)| Step::Add(key, value)),
        1 => Just(Step::Flush),
        1 => Just(Step::Renew),
        1 => entries().prop_map(Step::InsertMany),
        1 => entries().prop_map(Step::UpdateMany),
        1 => entries().prop_map(Step::GetOrInsertMany),
        1 => vec(key(), 0..80).prop_map(Step::RemoveMany),
        1 => vec(key(), 0..80).prop_map(Step::GetMany),
    ]
}

// Order shows: these do not commute.
fn update(value: &u64) -> u64 {
    value.wrapping_mul(3) ^ 1
}

fn merge(one: &u64, other: &u64) -> u64 {
    one.wrapping_mul(5) ^ other
}

fn play<M: Numbers>(steps: Vec<Step>) {
    let map = M::default();
    let mut oracle = HashMap::<u64, u64>::new();
    let mut writer = map.writer();
    for step in steps {
        let is_batch = matches!(
            step,
            Step::InsertMany(_)
                | Step::UpdateMany(_)
                | Step::GetOrInsertMany(_)
                | Step::RemoveMany(_)
                | Step::GetMany(_)
                | Step::Flush
        );
        if is_batch {
            writer.flush();
            assert_eq!(sorted(&map), sort(oracle.clone()));
        }
        let pinned = map.handle();
        match step {
            Step::Flush => {}
            Step::Renew => writer = map.writer(),
            Step::Insert(key, value) => {
                writer.insert(key, value);
                oracle.insert(key, value);
            }
            Step::Remove(key) => {
                writer.remove(key);
                oracle.remove(&key);
            }
            Step::Update(key) => {
                writer.update(key, update);
                oracle.entry(key).and_modify(|value| *value = update(value));
            }
            Step::UpdateOrInsert(key, value) => {
                writer.update_or_insert(key, update, value);
                oracle.entry(key).and_modify(|value| *value = update(value)).or_insert(value);
            }
            Step::Merge(key, value) => {
                writer.merge(key, value, merge);
                oracle.entry(key).and_modify(|old| *old = merge(old, &value)).or_insert(value);
            }
            Step::Add(key, amount) => {
                writer.add(key, amount);
                let sum = oracle.entry(key).or_insert(0);
                *sum = sum.wrapping_add(amount);
            }
            Step::InsertMany(entries) => {
                let new = entries.iter().filter(|entry| oracle.insert(entry.0, entry.1).is_none());
                let new = new.count();
                assert_eq!(pinned.insert_many(entries), new);
            }
            Step::UpdateMany(entries) => {
                let updated = pinned.update_many(entries.clone(), merge);
                let there = entries.iter().filter(|(key, with)| {
                    oracle.get_mut(key).map(|value| *value = merge(value, with)).is_some()
                });
                assert_eq!(updated, there.count());
            }
            Step::GetOrInsertMany(entries) => {
                let got: Vec<u64> = pinned.get_or_insert_many(entries.clone()).copied().collect();
                let expected = entries.iter().map(|&(key, new)| *oracle.entry(key).or_insert(new));
                assert_eq!(got, expected.collect::<Vec<_>>());
            }
            Step::RemoveMany(keys) => {
                let removed = keys.iter().filter(|key| oracle.remove(key).is_some()).count();
                assert_eq!(pinned.remove_many(&keys), removed);
            }
            Step::GetMany(keys) => {
                assert!(pinned.get_many(&keys).eq(keys.iter().map(|key| oracle.get(key))));
                let contained = keys.iter().map(|key| oracle.contains_key(key));
                assert!(pinned.contains_many(&keys).eq(contained));
            }
        }
    }
    drop(writer);
    assert_eq!(sorted(&map), sort(oracle));
    map.check();
}

fn any_stream<M: Numbers>() {
    let config = ProptestConfig { cases: 25, failure_persistence: None, ..Default::default() };
    let result = TestRunner::new(config).run(&vec(any_step(), 0..200), |steps| {
        play::<M>(steps);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}
