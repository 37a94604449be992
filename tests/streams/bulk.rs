//! Maps that are built of all their entries at once.

use std::collections::HashMap;

use snaptrie::{
    CopyFlatMap, CopyFlatSet, CopySet, CopyTrieMap, CopyTrieSet, FlatMap, FlatSet, TrieMap, TrieSet,
};

use crate::support::{
    Chosen, Counted, Handle, Ledger, Numbered, Numbers as Random, Placed, panic_on_purpose, panics,
    sort, sorted, stress,
};
use crate::{Numbers, over_maps};

over_maps!(any_number_of_entries, entries_with_equal_keys);

/// None, one, a part, and many parts. Operations on keys with equal hashes are linear in their number.
fn sizes() -> &'static [u64] {
    match Chosen::default() {
        Chosen::Good => &[0, 1, 2, 7, 300, 4_096, 4_097, 9_000],
        Chosen::Truncated if stress() < 2.0 => &[0, 1, 2, 7, 300, 4_097],
        Chosen::Truncated => &[4_096, 9_000],
        Chosen::Constant => &[0, 1, 2, 7, 300],
    }
}

/// The map can be used as any other.
fn use_it<M: Numbers>(map: &M, mut oracle: HashMap<u64, u64>) {
    map.check();
    assert_eq!(map.len(), oracle.len());
    assert_eq!(sorted(map), sort(oracle.clone()));
    let version = map.version();
    let before = sort(M::entries(&version).map(|(key, value)| (*key, *value)));
    assert!(!M::VERSIONS || before == sort(oracle.clone()));
    let keys: Vec<u64> = oracle.keys().copied().chain(1_000_000..1_000_100).collect();
    for key in keys {
        match key % 3 {
            0 => assert_eq!(map.handle().insert(key, 1).copied(), oracle.insert(key, 1)),
            1 => assert_eq!(map.handle().remove(&key).copied(), oracle.remove(&key)),
            _ => assert_eq!(map.handle().get(&key), oracle.get(&key)),
        }
    }
    map.check();
    assert_eq!(sorted(map), sort(oracle));
    assert_eq!(sort(M::entries(&version).map(|(key, value)| (*key, *value))), before);
}

fn any_number_of_entries<M: Numbers>() {
    for &size in sizes() {
        let entries = || (0..size).map(|key| (key * 7, key));
        use_it(&entries().collect::<M>(), entries().collect());
    }
}

fn entries_with_equal_keys<M: Numbers>() {
    let mut random = Random(1);
    for &size in sizes() {
        // From a single key to almost as many as there are entries.
        for keys in [1, 100, size.max(1)] {
            let entries: Vec<(u64, u64)> = (0..size).map(|i| (random.next() % keys, i)).collect();
            use_it(&entries.iter().copied().collect::<M>(), entries.into_iter().collect());
        }
    }
}

#[test]
fn a_million_entries() {
    let map: CopyTrieMap<u64, u64> = (0..1_000_000).map(|key| (key, key * 2)).collect();
    assert_eq!(map.len(), 1_000_000);
    assert!((0..1_000_000).step_by(9).all(|key| map.get(&key) == Some(key * 2)));
    assert_eq!(map.get(&1_000_000), None);
    assert_eq!(map.iter().map(|(key, _)| key).sum::<u64>(), 499_999_500_000);
}

#[test]
fn tables_of_many_parts() {
    let ledger = Ledger::new();
    let keys = || 0..100_000_u64;
    let boxed: FlatMap<u64, Counted> = keys().map(|key| (key % 50_000, ledger.make(key))).collect();
    let inline: CopyFlatMap<u64, u64> = keys().map(|key| (key, key * 2)).collect();
    assert_eq!([boxed.len(), inline.len(), ledger.live()], [50_000, 100_000, 50_000]);
    let is_half = |key: &u64| key % 2 == 0;
    boxed.retain(|key, value| is_half(key) && value.tag() == key + 50_000);
    inline.retain(|key, _| is_half(key));
    assert!(keys().all(|key| boxed.contains_key(&key) == (key < 50_000 && is_half(&key))));
    assert!(keys().all(|key| inline.get(&key) == Some(key * 2).filter(|_| is_half(&key))));
    #[cfg(debug_assertions)]
    {
        boxed.check_structure();
        inline.check_structure();
    }
    drop(boxed);
    assert_eq!(ledger.live(), 0);
}

#[test]
fn hashes_that_share_their_first_bits() {
    // The hashes say where.
    let keys = || (0..6_000_u64).flat_map(|i| [i, i << 30, i << 52]);
    let trie: TrieMap<u64, u64, Placed> = keys().map(|key| (key, key)).collect();
    let table: FlatMap<u64, u64, Placed> = keys().map(|key| (key, key)).collect();
    let expected: HashMap<u64, u64> = keys().map(|key| (key, key)).collect();
    assert_eq!([trie.len(), table.len()], [expected.len(); 2]);
    assert!(expected.keys().all(|key| trie.pin().get(key) == Some(key)));
    assert!(expected.keys().all(|key| table.pin().get(key) == Some(key)));
    #[cfg(debug_assertions)]
    {
        trie.check_structure();
        table.check_structure();
    }
}

#[test]
fn of_equal_keys_the_last_one_stays_and_of_equal_elements_the_first() {
    for count in [3, 10_000] {
        let entries = || (0..count).map(|i| (Numbered(i % 2, i), i));
        let map: TrieMap<Numbered, u32> = entries().collect();
        let last = map.pin().iter().map(|(key, value)| (key.1, *value)).max();
        assert_eq!((map.len(), last), (2, Some((count - 1, count - 1))));
        let table: FlatMap<Numbered, u32> = entries().collect();
        assert_eq!(
            sort(table.pin().iter().map(|(key, value)| (key.1, *value))),
            sort(map.pin().iter().map(|(key, value)| (key.1, *value)))
        );
        let set: TrieSet<Numbered> = entries().map(|(key, _)| key).collect();
        assert_eq!(sort(set.pin().iter().map(|element| element.1)), [0, 1]);
        let set: CopyTrieSet<Numbered> = entries().map(|(key, _)| key).collect();
        assert_eq!(sort(CopySet::iter(&set).map(|element| element.1)), [0, 1]);
        let set: CopyFlatSet<Numbered> = entries().map(|(key, _)| key).collect();
        assert_eq!(sort(CopySet::iter(&set).map(|element| element.1)), [0, 1]);
    }
}

#[test]
fn keys_and_values_are_dropped_once() {
    let ledger = Ledger::new();
    for count in [0, 1, 100, 9_000] {
        let entry = |i| (ledger.make(i % (count / 2 + 1)), ledger.make(i));
        let map: TrieMap<Counted, Counted> = (0..count).map(entry).collect();
        assert_eq!(ledger.live(), 2 * map.len());
        let snapshot = map.snapshot();
        map.clear();
        assert_eq!(ledger.live(), 2 * snapshot.len());
        drop((map, snapshot));
        assert_eq!(ledger.live(), 0);
        let table: FlatMap<Counted, Counted> = (0..count).map(entry).collect();
        assert_eq!(ledger.live(), 2 * table.len());
        let copy = table.clone();
        assert_eq!(ledger.live(), 4 * table.len());
        drop(table);
        assert_eq!(ledger.live(), 2 * copy.len());
        drop(copy);
        assert_eq!(ledger.live(), 0);
    }
}

#[test]
fn a_panic_drops_everything() {
    for hash in [Chosen::Good, Chosen::Constant] {
        hash.during(|| {
            let ledger = Ledger::new();
            for at in [0, 1, 299, 5_000].into_iter().take(if hash == Chosen::Good { 4 } else { 3 })
            {
                let entry = |i| {
                    if i == at {
                        panic_on_purpose(0);
                    }
                    (ledger.make(i), ledger.make(i))
                };
                let entries = || (0..9_000).map(entry);
                assert!(panics(|| drop(entries().collect::<TrieMap<_, _, Chosen>>())));
                assert!(panics(|| drop(entries().collect::<FlatMap<_, _, Chosen>>())));
                assert_eq!(ledger.live(), 0);
            }
        });
    }
}

#[test]
fn keys_and_values_without_size() {
    for count in [0, 1, 10_000] {
        let table: FlatMap<(), ()> = (0..count).map(|_| ((), ())).collect();
        let copies: CopyFlatMap<(), ()> = (0..count).map(|_| ((), ())).collect();
        assert_eq!([table.len(), copies.len()], [count.min(1); 2]);
        assert_eq!(copies.get(&()), (count > 0).then_some(()));
        let set: FlatSet<usize> = (0..count).collect();
        assert!(set.len() == count && (0..count).all(|i| set.pin().contains(&i)));
    }
}

/// A table that was built has the directory that it would have grown to. Its leaves have room, as those that were just
/// moved: those of the other one are fuller.
#[test]
fn tables_are_built_at_their_final_size() {
    for count in [1, 100, 5_000, 200_000_u64] {
        let entries = || (0..count).map(|key| (key, key));
        let built: CopyFlatMap<u64, u64> = entries().collect();
        let grown = CopyFlatMap::new();
        entries().for_each(|(key, value)| _ = grown.insert(key, value));
        let sized = CopyFlatMap::<u64, u64>::with_capacity(count as usize);
        assert_eq!(built.capacity(), sized.capacity());
        let (built, grown) = (built.stats(), grown.stats());
        assert_eq!(built.entries as u64, count);
        assert!(
            built.bytes() <= grown.bytes() + grown.bytes() / 2 + 4_096,
            "{built} against {grown}"
        );
    }
}

#[test]
fn tables_are_copied() {
    for hash in [Chosen::Good, Chosen::Truncated, Chosen::Constant] {
        hash.during(|| {
            for &size in sizes() {
                let oracle = || (0..size).map(|key| (key, key * 3)).collect::<HashMap<_, _>>();
                let trie: TrieMap<u64, u64, Chosen> = oracle().into_iter().collect();
                let copies: CopyTrieMap<u64, u64, Chosen> = oracle().into_iter().collect();
                let (boxed, inline) = (trie.snapshot().to_flat(), copies.snapshot().to_copy_flat());
                use_it(&boxed.clone(), oracle());
                use_it(&inline.clone(), oracle());
                use_it(&boxed, oracle());
                use_it(&inline, oracle());
                use_it(&copies.snapshot().to_flat(), oracle());
                #[cfg(feature = "rayon")]
                {
                    use_it(&trie.snapshot().par_to_flat(), oracle());
                    use_it(&copies.snapshot().par_to_copy_flat(), oracle());
                }
            }
        });
    }
}

#[test]
fn a_table_becomes_a_trie() {
    let table: FlatMap<u64, u64> = (0..10_000).map(|key| (key, key)).collect();
    let trie = table.to_trie();
    assert!((0..10_000).all(|key| trie.pin().get(&key) == Some(&key)));
    let table: CopyFlatMap<u64, u64> = (0..10_000).map(|key| (key, key)).collect();
    assert_eq!(table.to_trie().len(), 10_000);
}

#[cfg(feature = "rayon")]
mod parallel {
    use rayon::iter::{
        FromParallelIterator, IntoParallelIterator, ParallelExtend, ParallelIterator,
    };

    use super::*;

    fn as_without_threads<
        M: Numbers + FromParallelIterator<(u64, u64)> + ParallelExtend<(u64, u64)>,
    >() {
        for hash in [Chosen::Good, Chosen::Truncated, Chosen::Constant] {
            hash.during(|| {
                for &size in sizes() {
                    // Each key twice.
                    let entries =
                        || (0..size).into_par_iter().map(move |i| (i % (size / 2 + 1), i));
                    let expected: HashMap<u64, u64> =
                        (0..size).map(|i| (i % (size / 2 + 1), i)).collect();
                    use_it(&M::from_par_iter(entries()), expected.clone());
                    let mut map = M::default();
                    map.handle().insert(0, 1_000_000);
                    map.par_extend(entries());
                    if size > 0 {
                        use_it(&map, expected);
                    }
                }
            });
        }
    }

    #[test]
    fn tries() {
        as_without_threads::<TrieMap<u64, u64, Chosen>>();
        as_without_threads::<CopyTrieMap<u64, u64, Chosen>>();
    }

    #[test]
    fn tables() {
        as_without_threads::<FlatMap<u64, u64, Chosen>>();
        as_without_threads::<CopyFlatMap<u64, u64, Chosen>>();
    }

    #[test]
    fn keys_and_values_are_dropped_once() {
        let ledger = Ledger::new();
        for count in [0, 1, 100, 9_000] {
            let entry = |i| (ledger.make(i % (count / 2 + 1)), ledger.make(i));
            let entries = || (0..count).into_par_iter().map(entry);
            let map: TrieMap<Counted, Counted> = entries().collect();
            assert_eq!(ledger.live(), 2 * map.len());
            drop(map);
            assert_eq!(ledger.live(), 0);
            let map: FlatMap<Counted, Counted> = entries().collect();
            assert_eq!(ledger.live(), 2 * map.len());
            drop(map);
            assert_eq!(ledger.live(), 0);
        }
    }

    #[test]
    fn a_panic_drops_everything() {
        let ledger = Ledger::new();
        let entry = |i| {
            if i == 7_000 {
                panic_on_purpose(0);
            }
            (ledger.make(i), ledger.make(i))
        };
        let entries = || (0..9_000).into_par_iter().map(entry);
        assert!(panics(|| drop(entries().collect::<TrieMap<_, _>>())));
        assert!(panics(|| drop(entries().collect::<FlatMap<_, _>>())));
        assert_eq!(ledger.live(), 0);
    }
}
