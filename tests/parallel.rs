//! Flat maps made on all processors: the same as those made in one go.
#![cfg(feature = "rayon")]

mod support;

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread::{self, ThreadId};

use snaptrie::TrieMap;
use support::{
    Chosen, Counted, Ledger, catch, finish, is_on_purpose, over_hashers, panic_on_purpose,
};

type Trie<K, V> = TrieMap<K, V, Chosen>;

over_hashers!(as_in_one_go, of_forks_and_takes, a_clone_that_panics,);

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
        let flat = snapshot.par_to_flat();
        assert_eq!(flat.len(), count as usize);
        assert!(flat.pin().iter().all(|(key, value)| *value == !key));
        assert_eq!(flat, snapshot.to_flat());
        finish(flat);
    }
}

fn of_forks_and_takes() {
    let trie: Trie<u32, u32> = (0..500).map(|key| (key, 0)).collect();
    let fork = trie.fork();
    (0..100).for_each(|key| _ = fork.pin().insert(key, 1));
    fork.pin().retain(|key, _| key % 2 == 0);
    let flat = fork.take().par_to_flat();
    assert_eq!((flat.len(), flat.pin().values().sum::<u32>()), (250, 50));
    assert_eq!(trie.snapshot().par_to_flat().len(), 500);
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
