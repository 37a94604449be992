//! Garbage does not pile up, however maps are used, and `flush` frees all of it.
//!
//! Counted in bytes requested from the allocator and in values that are alive. All maps share the collector of the
//! process, as a user's do. `SNAPTRIE_STRESS` multiplies how long the tests of many threads run, and how much the
//! others overwrite (default 0.3).

mod support;

mod garbage {
    mod handles;
    mod large;
    mod maps;
    mod sweeps;
    mod threads;
}

use std::sync::MutexGuard;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use snaptrie::{CopyFlatMap, CopyTrieMap, FixedState, FlatMap, TrieMap};
use support::{Handle, Tested, one_at_a_time};

#[global_allocator]
static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;

type Trie<V> = TrieMap<u64, V, FixedState>;
type Flat<V> = FlatMap<u64, V, FixedState>;
type CopyTrie = CopyTrieMap<u64, u64, FixedState>;
type CopyFlat = CopyFlatMap<u64, u64, FixedState>;

const KIB: isize = 1 << 10;
const MIB: isize = 1 << 20;

/// A map of these tests: any kind, with numbers as keys.
trait Subject: Tested<Key = u64, Hasher = FixedState> + Default {}

impl<M: Tested<Key = u64, Hasher = FixedState> + Default> Subject for M {}

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A value that is counted while it is alive.
struct Alive<T>(T);

impl<T> Alive<T> {
    fn new(content: T) -> Self {
        ALIVE.fetch_add(1, Relaxed);
        Self(content)
    }
}

impl<T> Drop for Alive<T> {
    fn drop(&mut self) {
        assert!(ALIVE.fetch_sub(1, Relaxed) > 0, "dropped twice");
    }
}

/// The number of values that are alive.
fn alive() -> usize {
    ALIVE.load(Relaxed)
}

/// Something to overwrite entries with.
trait Fresh {
    fn fresh(number: u64) -> Self;
}

impl Fresh for u64 {
    fn fresh(number: u64) -> Self {
        number
    }
}

impl Fresh for Alive<u64> {
    fn fresh(number: u64) -> Self {
        Self::new(number)
    }
}

/// A value that the map keeps 8 bytes of.
type Block = Alive<Box<[u8; 256]>>;

impl Fresh for Block {
    fn fresh(number: u64) -> Self {
        Self::new(Box::new([number as u8; 256]))
    }
}

/// Waits for the other tests, and lets this thread and the collector allocate what they keep.
fn begin() -> MutexGuard<'static, ()> {
    let turn = one_at_a_time();
    let map = Trie::<u64>::default();
    overwrite(&map, 4, 10_000);
    map.clear();
    assert!(map.flush(), "an idle map has garbage left");
    drop(map);
    assert_eq!(alive(), 0, "left by another test");
    turn
}

/// Overwrites keys below `keys` this many times, with a handle for each write.
fn overwrite<M: Subject<Value: Fresh>>(map: &M, keys: u64, times: u64) {
    for number in 0..times {
        map.handle().insert(number % keys, M::Value::fresh(number));
    }
}
