//! Operations on many keys at once do what as many single ones do.

mod support;

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use equivalent::Equivalent;
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap};
use support::{Chosen, Handle, Placed, Tested};

/// Around the size of a group, and many groups.
const SIZES: [u64; 7] = [0, 1, 31, 32, 33, 64, 1_000];

/// A map of numbers, of any kind.
trait Plain: Tested<Key = u64, Value = u64, Hasher = Chosen> + Default {}
impl<M: Tested<Key = u64, Value = u64, Hasher = Chosen> + Default> Plain for M {}

/// A map that batches were put into, what it must have now, and a version of it as it was in between.
fn filled<M: Plain>(size: u64) -> (M, HashMap<u64, u64>, M::Version) {
    let map = M::default();
    let entries = || (0..size).map(|i| (i * 7 % size.max(1), i));
    let mut expected: HashMap<u64, u64> = (0..size / 2).map(|i| (i, 9_999)).collect();
    map.handle().insert_many(expected.clone());
    let before = map.version();
    let known = expected.len();
    expected.extend(entries());
    assert_eq!(map.handle().insert_many(entries()), expected.len() - known);
    map.check();
    (map, expected, before)
}

fn live<M: Plain>(size: u64) {
    let (map, expected, _) = filled::<M>(size);
    let keys: Vec<u64> = (0..2 * size).rev().collect();
    let pinned = map.handle();
    let found: Vec<_> = pinned.get_many(&keys).collect();
    assert_eq!(found, keys.iter().map(|key| expected.get(key)).collect::<Vec<_>>());
}

fn frozen(size: u64) {
    let (map, expected, before) = filled::<TrieMap<u64, u64, Chosen>>(size);
    let keys: Vec<u64> = (0..2 * size).rev().collect();
    let after = map.snapshot();
    assert!(after.get_many(&keys).eq(keys.iter().map(|key| expected.get(key))));
    assert!(before.get_many(&keys).eq(keys.iter().map(|key| before.get(key))));
}

#[test]
fn batches_behave_like_single_operations() {
    for (hash, most) in [(Chosen::Good, 1_000), (Chosen::Truncated, 1_000), (Chosen::Constant, 64)]
    {
        hash.during(|| {
            for size in SIZES.into_iter().filter(|&size| size <= most) {
                live::<TrieMap<u64, u64, Chosen>>(size);
                live::<CopyTrieMap<u64, u64, Chosen>>(size);
                live::<FlatMap<u64, u64, Chosen>>(size);
                live::<CopyFlatMap<u64, u64, Chosen>>(size);
                frozen(size);
            }
        });
    }
}

#[test]
fn batches_find_their_way_down_deep_tries() {
    // The hashes say where: some entries right below the root, and some ten levels down.
    let keys = || (0..1_500_u64).flat_map(|i| [i, i << 30, i << 52]);
    let map: TrieMap<u64, u64, Placed> = keys().step_by(2).map(|key| (key, key)).collect();
    let all: Vec<u64> = keys().collect();
    let check = |map: &TrieMap<u64, u64, Placed>| {
        let (pinned, snapshot) = (map.handle(), map.snapshot());
        assert!(pinned.get_many(&all).eq(all.iter().map(|key| pinned.get(key))));
        assert!(snapshot.get_many(&all).eq(all.iter().map(|key| snapshot.get(key))));
    };
    check(&map);
    // Now what a batch meets was made before the last snapshot, and some of it is replaced.
    map.handle().insert_many(keys().step_by(3).map(|key| (key, key + 1)));
    check(&map);
    map.check_structure();
}

#[test]
fn of_equal_keys_in_a_batch_the_last_one_stays() {
    let map = TrieMap::new();
    assert_eq!(map.handle().insert_many([("a", 1), ("b", 2), ("a", 3), ("a", 4)]), 2);
    assert_eq!((map.handle()["a"], map.handle()["b"]), (4, 2));
}

#[test]
fn borrowed_keys_are_looked_up() {
    let map: TrieMap<String, u32> = [("one".to_string(), 1), ("two".to_string(), 2)].into();
    let pinned = map.handle();
    assert_eq!(pinned.get_many(["two", "none"]).collect::<Vec<_>>(), [Some(&2), None]);
}

fn assert_lazy(pinned: &impl Handle<Key = u32, Value = u32, Hasher: BuildHasher>) {
    let keys: Vec<u32> = (1..40).collect();
    let taken = Cell::new(0);
    let counted = || keys.iter().inspect(|_| taken.set(taken.get() + 1));
    let mut values = pinned.get_many(counted());
    assert_eq!(taken.get(), 0);
    pinned.insert(1, 1);
    pinned.insert(32, 32);
    assert_eq!((values.next(), taken.get()), (Some(Some(&1)), 32));
    // These have been looked up, and those behind them have not.
    pinned.remove(&32);
    pinned.insert(33, 33);
    assert_eq!((values.nth(30), taken.get()), (Some(Some(&32)), 32));
    assert_eq!((values.next(), taken.get()), (Some(Some(&33)), 39));
    assert_eq!(values.count(), 6);
}

#[test]
fn lookups_are_lazy() {
    assert_lazy(&TrieMap::new().handle());
    assert_lazy(&CopyTrieMap::new().handle());
    assert_lazy(&FlatMap::new().handle());
    assert_lazy(&CopyFlatMap::new().handle());
}

/// A number that may be looked for; or not.
struct Looked(u32, bool);

impl Hash for Looked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Equivalent<u32> for Looked {
    fn equivalent(&self, key: &u32) -> bool {
        assert!(self.1, "compared");
        self.0 == *key
    }
}

fn a_panic_costs_its_group(pinned: &impl Handle<Key = u32, Value = u32, Hasher: BuildHasher>) {
    pinned.insert_many((0..100).map(|key| (key, key)));
    let keys: Vec<Looked> = (0..100).map(|key| Looked(key, key != 40)).collect();
    let mut values = pinned.get_many(&keys);
    for key in 0..32 {
        assert_eq!(values.next(), Some(Some(&key)));
    }
    assert!(catch_unwind(AssertUnwindSafe(|| values.next())).is_err());
    assert!(values.eq((64..100).map(|key| pinned.get(&key))));
    assert_eq!(pinned.len(), 100);
}

#[test]
fn a_comparison_that_panics_costs_the_results_of_its_group() {
    a_panic_costs_its_group(&TrieMap::new().handle());
    a_panic_costs_its_group(&CopyTrieMap::new().handle());
    a_panic_costs_its_group(&FlatMap::new().handle());
    a_panic_costs_its_group(&CopyFlatMap::new().handle());
    let map: TrieMap<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let snapshot = map.snapshot();
    let keys: Vec<Looked> = (0..100).map(|key| Looked(key, key != 3)).collect();
    let mut values = snapshot.get_many(&keys);
    assert!(catch_unwind(AssertUnwindSafe(|| values.next())).is_err());
    assert!(values.eq((32..100).map(|key| snapshot.get(&key))));
}

#[test]
fn what_came_before_a_panic_of_the_iterator_is_there() {
    let map = TrieMap::new();
    let entries = (0..100).map(|i| if i == 70 { panic!("no more") } else { (i, i) });
    let result = catch_unwind(AssertUnwindSafe(|| map.handle().insert_many(entries)));
    assert!(result.is_err());
    assert_eq!(map.len(), 70);
    map.check_structure();
}
