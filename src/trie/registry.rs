//! The registry of a map's live snapshots: their records, ordered by generation.
//!
//! An immutable tree behind one atomic pointer. A reader loads the pointer and sees all records of one instant. A
//! change copies the path to one leaf and swaps the pointer. If another change was first, it starts again from the new
//! tree, so the registry is lock-free.
//!
//! The tree is a Patricia trie over the bits of the keys (Okasaki and Gill, "Fast Mergeable Integer Maps",
//! 1998). It needs no balancing: its shape depends only on its keys. With n live snapshots whose generations span
//! a range of r, a leaf has at most n - 1 forks above it, and at most 1 + log2 r (besides those between records of
//! its own generation). So "log n" below is exact for consecutive generations, and recursion is shallow in any case.
//!
//! | operation, with n live snapshots | cost |
//! |---|---|
//! | [`Records::newest_below`] | O(log n) |
//! | [`Registry::add`], [`Registry::remove`] | O(log n): a small allocation for each level |
//! | [`Records::newest_first`] | O(n log n) |
//!
//! An empty registry has no allocation. `reclaimer.rs` says which order of changes and reads the trie relies on.
//! A withdrawn record holds no keys or values, so no destructor of user code runs here.

use std::sync::Arc;

use arc_swap::{ArcSwapOption, Guard};

use super::record::{Key, Record};
use crate::sync::{AtomicU64, Ordering, planted, shared_access};

/// The records of a map's live snapshots.
pub(super) struct Registry {
    records: ArcSwapOption<Tree>,
    /// Number of the latest key.
    number: AtomicU64,
}

/// The records of the registry at one instant.
pub(super) struct Records(Guard<Option<Arc<Tree>>>);

/// One record or more.
#[derive(Clone)]
enum Tree {
    Leaf(Arc<Record>),
    Fork(Arc<Fork>),
}

/// Two trees whose keys agree above some bit, and differ there.
struct Fork {
    /// The least key that the newer tree could have. Its lowest set bit is the bit in which the two differ.
    split: u128,
    /// The keys with that bit clear.
    older: Tree,
    /// The keys with that bit set.
    newer: Tree,
}

impl Registry {
    pub(super) const fn new() -> Self {
        Self { records: ArcSwapOption::const_empty(), number: AtomicU64::new(0) }
    }

    pub(super) fn read(&self) -> Records {
        shared_access();
        Records(self.records.load())
    }

    /// A key that no other record has.
    pub(super) fn new_key(&self, generation: u64) -> Key {
        // Relaxed: the read-modify-write alone makes the number unique.
        Key::new(generation, self.number.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn add(&self, record: &Arc<Record>) {
        self.update(|records| {
            Some(match records {
                None => Tree::Leaf(Arc::clone(record)),
                Some(tree) => tree.with(record),
            })
        });
    }

    pub(super) fn remove(&self, record: &Record) {
        self.update(|records| records?.without(record.key.0));
    }

    /// Not `ArcSwap::rcu`: the model checker may let other threads run between the load and the swap.
    fn update(&self, change: impl Fn(Option<&Tree>) -> Option<Tree>) {
        let mut seen = self.read().0;
        loop {
            let changed = change(seen.as_deref()).map(Arc::new);
            shared_access();
            if planted("lost_record") {
                return self.records.store(changed);
            }
            // `seen` is held meanwhile, so no other tree can have its address.
            let found = self.records.compare_and_swap(&*seen, changed);
            if address(&found) == address(&seen) {
                return;
            }
            seen = found;
        }
    }
}

fn address(tree: &Option<Arc<Tree>>) -> Option<*const Tree> {
    tree.as_ref().map(Arc::as_ptr)
}

impl Records {
    /// The record with the greatest key below `bound`.
    #[inline]
    pub(super) fn newest_below(&self, bound: Key) -> Option<&Record> {
        self.0.as_deref()?.newest_below(bound.0)
    }

    /// All records, newest first.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = &Record> {
        let newest = self.newest_below(Key(u128::MAX));
        std::iter::successors(newest, |record| self.newest_below(record.key))
    }
}

impl Tree {
    fn newest_below(&self, bound: u128) -> Option<&Record> {
        let mut at = self;
        // All of it is below the bound, and above every subtree that was skipped.
        let mut otherwise = None;
        loop {
            match at {
                Self::Fork(fork) if fork.split < bound => {
                    otherwise = Some(&fork.older);
                    at = &fork.newer;
                }
                Self::Fork(fork) => at = &fork.older,
                Self::Leaf(record) if record.key.0 < bound => return Some(record),
                Self::Leaf(_) => return otherwise.map(Self::newest),
            }
        }
    }

    fn newest(&self) -> &Record {
        let mut at = self;
        loop {
            match at {
                Self::Fork(fork) => at = &fork.newer,
                Self::Leaf(record) => return record,
            }
        }
    }

    /// This tree with another record, whose key it does not have.
    fn with(&self, record: &Arc<Record>) -> Self {
        let key = record.key.0;
        match self {
            Self::Fork(fork) if fork.covers(key) => {
                let Fork { split, older, newer } = &**fork;
                if key < *split {
                    Self::fork(*split, older.with(record), newer.clone())
                } else {
                    Self::fork(*split, older.clone(), newer.with(record))
                }
            }
            _ => {
                let other = self.prefix();
                // The highest bit in which they differ.
                let bit = (key ^ other).ilog2();
                let split = key.max(other) >> bit << bit;
                let leaf = Self::Leaf(Arc::clone(record));
                if key < other {
                    Self::fork(split, leaf, self.clone())
                } else {
                    Self::fork(split, self.clone(), leaf)
                }
            }
        }
    }

    /// This tree without the record of a key; `None` if it has no other.
    fn without(&self, key: u128) -> Option<Self> {
        match self {
            Self::Leaf(record) => (record.key.0 != key).then(|| self.clone()),
            Self::Fork(fork) => {
                let Fork { split, older, newer } = &**fork;
                if key < *split {
                    Some(match older.without(key) {
                        Some(older) => Self::fork(*split, older, newer.clone()),
                        None => newer.clone(),
                    })
                } else {
                    Some(match newer.without(key) {
                        Some(newer) => Self::fork(*split, older.clone(), newer),
                        None => older.clone(),
                    })
                }
            }
        }
    }

    fn fork(split: u128, older: Self, newer: Self) -> Self {
        Self::Fork(Arc::new(Fork { split, older, newer }))
    }

    /// A number with the bits that all keys have in common.
    fn prefix(&self) -> u128 {
        match self {
            Self::Leaf(record) => record.key.0,
            Self::Fork(fork) => fork.split,
        }
    }
}

impl Fork {
    /// Whether a key agrees with the keys here above the bit in which they differ.
    fn covers(&self, key: u128) -> bool {
        // In two steps: shifting by all bits at once would overflow.
        (key ^ self.split) >> self.split.trailing_zeros() >> 1 == 0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    fn add(registry: &Registry, generation: u64) -> Arc<Record> {
        let record = Arc::new(Record::new(registry.new_key(generation)));
        registry.add(&record);
        record
    }

    fn generations(registry: &Registry) -> Vec<u64> {
        registry.read().newest_first().map(Record::generation).collect()
    }

    fn depth(tree: &Tree) -> u32 {
        match tree {
            Tree::Leaf(_) => 0,
            Tree::Fork(fork) => 1 + depth(&fork.older).max(depth(&fork.newer)),
        }
    }

    #[test]
    fn records_are_newest_first_in_whatever_order_they_come_and_go() {
        let registry = Registry::new();
        let records = [5, 7, 6, 6, 9, 1].map(|generation| add(&registry, generation));
        assert_eq!(generations(&registry), [9, 7, 6, 6, 5, 1]);
        for (record, left) in [(0, vec![9, 7, 6, 6, 1]), (3, vec![9, 7, 6, 1]), (4, vec![7, 6, 1])]
        {
            registry.remove(&records[record]);
            assert_eq!(generations(&registry), left);
        }
    }

    #[test]
    fn threads_of_one_generation_may_register_in_another_order_than_they_got_their_numbers() {
        let registry = Registry::new();
        let records = [5; 3].map(|generation| Arc::new(Record::new(registry.new_key(generation))));
        [0, 2, 1].into_iter().for_each(|record: usize| registry.add(&records[record]));
        let keys = || registry.read().newest_first().map(|record| record.key).collect::<Vec<_>>();
        assert_eq!(keys(), [records[2].key, records[1].key, records[0].key]);
        registry.remove(&records[1]);
        assert_eq!(keys(), [records[2].key, records[0].key]);
    }

    #[test]
    fn nothing_is_left_of_an_emptied_registry() {
        let registry = Registry::new();
        let records = [1, 1, 2].map(|generation| add(&registry, generation));
        records.iter().for_each(|record| registry.remove(record));
        assert!(registry.records.load().is_none());
        assert!(records.iter().all(|record| Arc::strong_count(record) == 1));
    }

    #[test]
    fn random_records_are_found_as_in_an_ordered_map() {
        // A splitmix64 generator.
        let mut state = 0_u64;
        let mut random = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed ^ (mixed >> 31)
        };
        let registry = Registry::new();
        let mut expected = BTreeMap::new();
        for _ in 0..if cfg!(miri) { 300 } else { 20_000 } {
            // Generations that are close together or equal, or far apart, up to the greatest.
            let generation = match random() % 4 {
                0 => u64::MAX - random() % 4,
                1 => random() >> (random() % 64),
                _ => random() % 64,
            };
            if random() % 8 < 5 {
                let record = add(&registry, generation);
                assert!(expected.insert(record.key, record).is_none());
            } else if let Some((&key, _)) = expected.range(Key::start_of(generation)..).next() {
                registry.remove(&expected.remove(&key).unwrap());
            }
            let records = registry.read();
            for bound in [Key::start_of(generation), Key::start_of(random() % 64), Key(u128::MAX)] {
                let found = records.newest_below(bound).map(|record| record.key);
                assert_eq!(found, expected.range(..bound).next_back().map(|(key, _)| *key));
            }
        }
        let all = registry.read();
        assert!(all.newest_first().map(|record| record.key).eq(expected.keys().rev().copied()));
        assert!(expected.len() > 20);
    }

    #[test]
    fn the_tree_is_no_deeper_than_the_logarithm_of_the_number_of_generations() {
        const COUNT: u64 = if cfg!(miri) { 100 } else { 10_000 };
        let registry = Registry::new();
        let records: Vec<_> = (1..=COUNT).map(|generation| add(&registry, generation)).collect();
        let depth_now = || registry.records.load().as_deref().map_or(0, depth);
        assert_eq!(depth_now(), COUNT.ilog2() + 1);
        records.iter().step_by(2).for_each(|record| registry.remove(record));
        assert_eq!(depth_now(), COUNT.ilog2());
        // The worst case: each is twice the last.
        let registry = Registry::new();
        (0..64).for_each(|bit| _ = add(&registry, 1 << bit));
        assert_eq!(registry.records.load().as_deref().map(depth), Some(63));
    }

    #[test]
    fn records_that_threads_add_and_remove_at_once_are_all_there_or_gone() {
        const ROUNDS: u64 = if cfg!(miri) { 8 } else { 5_000 };
        let registry = Registry::new();
        let kept: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut last = add(&registry, 0);
                        for generation in 1..ROUNDS {
                            let next = add(&registry, generation);
                            assert_eq!(
                                registry
                                    .read()
                                    .newest_first()
                                    .filter(|record| record.key == next.key)
                                    .count(),
                                1
                            );
                            registry.remove(&last);
                            last = next;
                        }
                        last
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(generations(&registry), [ROUNDS - 1; 3]);
        kept.iter().for_each(|record| registry.remove(record));
        assert!(registry.records.load().is_none());
    }
}
