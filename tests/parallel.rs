//! Iteration, collection and conversion on all processors: the same as on one.
#![cfg(feature = "rayon")]

mod support;

use std::collections::{HashMap, HashSet};
use std::fmt::Debug;
use std::hash::{BuildHasher, Hash};
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use rayon::prelude::*;
use snaptrie::{CopyFlatMap, CopyFlatSet, CopyTrieMap, FlatMap, FlatSet, TrieMap, TrieSet};
use support::{
    Chosen, Counted, Handle, Ledger, Numbered, Numbers, Placed, Tested, beside_a_writer, catch,
    finish, is_on_purpose, over_hashers, panic_on_purpose, sort, sorted, verify,
};

type Trie<K, V> = TrieMap<K, V, Chosen>;
type Flat<K, V> = FlatMap<K, V, Chosen>;

over_hashers!(
    as_in_one_go,
    of_forks_and_takes,
    a_clone_that_panics,
    iterating,
    collecting_maps,
    collecting_sets,
    what_is_collected_is_dropped_once,
);

/// Runs a body on a pool of four threads, which all have this thread's hasher.
fn on_four<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let chosen = Chosen::default();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    pool.install(|| {
        let mut result = None;
        chosen.during(|| result = Some(body()));
        result.unwrap()
    })
}

/// Sizes at which the trie is a branch, a fan, and several levels of fans.
fn sizes() -> &'static [u32] {
    match Chosen::default() {
        Chosen::Good => &[0, 1, 5, 40, 300, 700, 20_000],
        _ => &[0, 1, 5, 40, 300],
    }
}

fn as_in_one_go() {
    for &count in sizes() {
        let trie: Trie<u32, u32> = (0..count).map(|key| (key, !key)).collect();
        let snapshot = trie.snapshot();
        trie.clear();
        same(snapshot.par_to_flat(), &snapshot.to_flat(), count);
        same(snapshot.par_to_copy_flat(), &snapshot.to_copy_flat(), count);
    }
}

fn same<M>(flat: M, other: &M, count: u32)
where
    M: Tested<Key = u32, Value = u32, Hasher = Chosen> + PartialEq + Debug,
{
    assert_eq!(flat.len(), count as usize);
    assert!(flat.handle().iter().all(|(key, value)| *value == !key));
    assert_eq!(&flat, other);
    finish(flat);
}

fn of_forks_and_takes() {
    let trie: Trie<u32, u32> = (0..500).map(|key| (key, 0)).collect();
    let fork = trie.fork();
    (0..100).for_each(|key| _ = fork.pin().insert(key, 1));
    fork.pin().retain(|key, _| key % 2 == 0);
    let flat = fork.take().par_to_flat();
    assert_eq!((flat.len(), flat.pin().values().sum::<u32>()), (250, 50));
    assert_eq!(trie.snapshot().par_to_flat().len(), 500);
    assert_eq!(fork.snapshot().par_to_copy_flat().len(), 0);
}

/// A value whose clone panics, if it is the one.
struct Fickle(Counted);

impl Clone for Fickle {
    fn clone(&self) -> Self {
        if self.0.tag() == 77 {
            panic_on_purpose(77);
        }
        Self(self.0.clone())
    }
}

fn a_clone_that_panics() {
    let ledger = Ledger::new();
    let trie: Trie<u64, Fickle> = (0..200).map(|tag| (tag, Fickle(ledger.make(tag)))).collect();
    let snapshot = trie.snapshot();
    let payload = catch(|| drop(snapshot.par_to_flat())).unwrap_err();
    assert!(is_on_purpose(&*payload));
    assert_eq!(ledger.live(), 200, "what was cloned is dropped");
    drop((trie, snapshot));
    assert_eq!(ledger.live(), 0);
}

/// A key that notes which thread cloned it.
#[derive(PartialEq, Eq, Hash)]
struct Traveller(u32);

static SEEN: Mutex<Option<HashSet<ThreadId>>> = Mutex::new(None);

impl Clone for Traveller {
    fn clone(&self) -> Self {
        // Long enough that the other threads get their share.
        thread::sleep(std::time::Duration::from_micros(200));
        SEEN.lock().unwrap().get_or_insert_default().insert(thread::current().id());
        Self(self.0)
    }
}

#[test]
fn the_work_is_shared() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(4).build().unwrap();
    let trie: TrieMap<Traveller, ()> = (0..2_000).map(|key| (Traveller(key), ())).collect();
    let flat = pool.install(|| trie.snapshot().par_to_flat());
    assert_eq!(flat.len(), 2_000);
    assert!(SEEN.lock().unwrap().as_ref().is_some_and(|threads| threads.len() > 1));
}

fn iterating() {
    for &count in sizes() {
        let trie: Trie<u32, u32> = (0..count).map(|key| (key, !key)).collect();
        let (flat, copies) = (trie.snapshot().to_flat(), trie.snapshot().to_copy_flat());
        let snapshot = trie.take();
        let all: Vec<_> = (0..count).map(|key| (key, !key)).collect();
        on_four(|| {
            let entries: Vec<_> = snapshot.par_iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(sort(entries), all);
            assert_eq!(sort(snapshot.par_keys().copied().collect::<Vec<_>>()), sort(0..count));
            assert_eq!(
                snapshot.par_values().map(|value| u64::from(!value)).sum::<u64>(),
                total(count)
            );
            assert_eq!(seen(&flat), all);
            assert_eq!(seen(&copies), all);
        });
    }
}

/// A map that is iterated over in parallel through a handle.
trait Table: Tested<Key: Copy, Value: Copy> + FromIterator<(Self::Key, Self::Value)> {
    /// What all threads together see.
    fn seen(&self) -> Vec<(Self::Key, Self::Value)>;
}

impl<N: Copy + Hash + Eq + Send + Sync, S: BuildHasher + Default> Table for FlatMap<N, N, S> {
    fn seen(&self) -> Vec<(N, N)> {
        self.pin().par_iter().map(|(key, value)| (*key, *value)).collect()
    }
}

impl<N: snaptrie::Plain + Hash + Eq + Send + Sync, S: BuildHasher + Default> Table
    for CopyFlatMap<N, N, S>
{
    fn seen(&self) -> Vec<(N, N)> {
        self.pin().par_iter().collect()
    }
}

fn seen<M: Table<Key: Ord, Value: Ord>>(flat: &M) -> Vec<(M::Key, M::Value)> {
    sort(flat.seen())
}

/// The sum of the numbers below.
fn total(count: u32) -> u64 {
    (0..u64::from(count)).sum()
}

/// Entries with many equal keys, in no order.
fn repetitive(count: u32) -> Vec<(u32, u32)> {
    let mut numbers = Numbers(7);
    (0..count).map(|index| (numbers.below(1 + count as usize / 3) as u32, index)).collect()
}

fn collecting_maps() {
    for &count in sizes() {
        let entries = repetitive(count);
        let model: HashMap<u32, u32> = entries.iter().copied().collect();
        on_four(|| {
            collect::<Trie<u32, u32>>(&entries, &model);
            collect::<CopyTrieMap<u32, u32, Chosen>>(&entries, &model);
            collect::<Flat<u32, u32>>(&entries, &model);
            collect::<CopyFlatMap<u32, u32, Chosen>>(&entries, &model);
            let copies: CopyTrieMap<u32, u32, Chosen> = entries.par_iter().copied().collect();
            let snapshot = copies.snapshot();
            let copies: Vec<_> = snapshot.par_iter().map(|(key, value)| (*key, *value)).collect();
            assert_eq!(sort(copies), sort(model.clone()));
        });
    }
}

fn collect<M>(entries: &[(u32, u32)], model: &HashMap<u32, u32>)
where
    M: Tested<Key = u32, Value = u32, Hasher = Chosen>
        + FromParallelIterator<(u32, u32)>
        + ParallelExtend<(u32, u32)>,
    for<'m> &'m M: ParallelExtend<(u32, u32)>,
{
    let count = entries.len() as u32;
    let mut map: M = entries.par_iter().copied().collect();
    assert_eq!(sorted(&map), sort(model.clone()));
    // Over what is there; half of it is.
    map.par_extend((0..count).into_par_iter().map(|key| (key, 7)));
    (&map).par_extend([(u32::MAX, 8)]);
    let all = (0..count).map(|key| (key, 7)).chain([(u32::MAX, 8)]);
    assert_eq!(sorted(&map), all.collect::<Vec<_>>());
    finish(map);
}

fn collecting_sets() {
    for &count in sizes() {
        let elements = repetitive(count).into_iter().map(|(key, at)| Numbered(key, at));
        let elements: Vec<Numbered> = elements.collect();
        let model: HashSet<Numbered> = elements.iter().copied().collect();
        let model = sort(model.iter().map(|element| (element.0, element.1)));
        on_four(|| {
            let trie: TrieSet<Numbered, Chosen> = elements.par_iter().copied().collect();
            let mut flat = FlatSet::<Numbered, Chosen>::default();
            flat.par_extend(elements.par_iter().copied());
            (&flat).par_extend(elements.par_iter().map(|element| Numbered(element.0, u32::MAX)));
            (&trie).par_extend(elements.par_iter().map(|element| Numbered(element.0, u32::MAX)));
            let snapshot = trie.snapshot();
            let seen: Vec<_> = snapshot.par_iter().map(|element| (element.0, element.1)).collect();
            assert_eq!(sort(seen), model, "the first of equal elements stays");
            let pinned = flat.pin();
            let seen: Vec<_> = pinned.par_iter().map(|element| (element.0, element.1)).collect();
            assert_eq!(sort(seen), model);
            let mut copies: CopyFlatSet<Numbered, Chosen> = elements.par_iter().copied().collect();
            copies.par_extend(elements.par_iter().map(|element| Numbered(element.0, u32::MAX)));
            let pinned = copies.pin();
            let seen: Vec<_> = pinned.par_iter().map(|element| (element.0, element.1)).collect();
            assert_eq!(sort(seen), model);
        });
    }
}

fn what_is_collected_is_dropped_once() {
    let ledger = Ledger::new();
    on_four(|| {
        let entries = || (0..200_u64).into_par_iter().map(|tag| (tag % 50, ledger.make(tag)));
        let trie: Trie<u64, Counted> = entries().collect();
        let flat: Flat<u64, Counted> = entries().collect();
        let payload = catch(|| {
            (&trie).par_extend(entries().map(|(key, value)| match value.tag() {
                77 => panic_on_purpose(77),
                _ => (key, value),
            }));
        });
        assert!(is_on_purpose(&*payload.unwrap_err()));
        assert_eq!((trie.len(), flat.len()), (50, 50));
        verify(&trie);
    });
    assert_eq!(ledger.live(), 0);
}

/// The table moves to larger and smaller ones meanwhile.
#[test]
fn iterating_over_a_flat_map_that_is_written() {
    iterate_beside_a_writer::<FlatMap<u32, u32, Chosen>>();
    iterate_beside_a_writer::<CopyFlatMap<u32, u32, Chosen>>();
}

fn iterate_beside_a_writer<M: Table<Key = u32, Value = u32, Hasher = Chosen> + Sync>() {
    const STAY: u32 = 1_000;
    let map: M = (0..STAY).map(|key| (key, key)).collect();
    let write = |number: u32| {
        let key = STAY + number % 30_000;
        match number / 30_000 % 2 {
            0 => _ = map.handle().insert(key, key),
            _ => _ = map.handle().remove(&key),
        }
    };
    let look = || {
        let seen = seen(&map);
        assert!(seen.iter().all(|(key, value)| key == value));
        assert!(seen.windows(2).all(|two| two[0].0 != two[1].0), "a key twice");
        assert!(seen.iter().take(STAY as usize).map(|entry| entry.0).eq(0..STAY), "one is missing");
    };
    beside_a_writer(write, || on_four(|| (0..60).for_each(|_| look())));
    finish(map);
}

/// A writer moves one token from key to key: each instant has it once or, in between, twice.
#[test]
fn iterating_over_a_snapshot_is_exact() {
    let map: Trie<u32, bool> = (0..3_000).map(|key| (key, key == 0)).collect();
    let write = |number: u32| {
        map.pin().insert((number + 1) % 3_000, true);
        map.pin().insert(number % 3_000, false);
    };
    let look = || {
        let snapshot = map.snapshot();
        let tokens = snapshot.par_values().filter(|token| **token).count();
        assert!((1..=2).contains(&tokens), "{tokens} tokens");
        assert_eq!(snapshot.par_iter().count(), 3_000);
    };
    beside_a_writer(write, || on_four(|| (0..60).for_each(|_| look())));
}

#[test]
fn all_threads_iterate() {
    let trie: Trie<u32, u32> = (0..3_000).map(|key| (key, key)).collect();
    let (flat, copies) = (trie.snapshot().to_flat(), trie.snapshot().to_copy_flat());
    let slow = |_: (&u32, &u32)| {
        thread::sleep(std::time::Duration::from_micros(50));
        thread::current().id()
    };
    let threads = |ids: Vec<ThreadId>| ids.into_iter().collect::<HashSet<_>>().len();
    on_four(|| {
        assert!(threads(trie.snapshot().par_iter().map(slow).collect()) > 1);
        assert!(threads(flat.pin().par_iter().map(slow).collect()) > 1);
        assert!(
            threads(copies.pin().par_iter().map(|entry| slow((&entry.0, &entry.1))).collect()) > 1
        );
    });
}

#[test]
fn entries_at_the_ends_of_chunks_are_given_away_once() {
    give_ends_away::<FlatMap<u64, u64, Placed>>();
    give_ends_away::<CopyFlatMap<u64, u64, Placed>>();
}

fn give_ends_away<M: Table<Key = u64, Value = u64>>() {
    // Hashes that are the first and the last of their chunk, whatever its size.
    let keys: Vec<u64> =
        (0..1 << 12).flat_map(|i| [i << 52, (i << 52) | ((1 << 52) - 1)]).collect();
    let map: M = keys.iter().map(|&key| (key, key)).collect();
    for _ in 0..20 {
        assert!(seen(&map).iter().map(|(key, _)| key).eq(&keys));
    }
}
