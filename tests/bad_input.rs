//! The bad inputs that a concurrent map must survive, point by point.
//!
//! The list is what other maps were seen to leak, hang or crash on. Tests that are not in this file are in the one
//! that the table names.
//!
//! | point | input | tests |
//! |---|---|---|
//! | 1 | `Hash`, `Eq`, a closure, an iterator panics at the n-th call | `unwind/fuses.rs`; [`p01_panicking_keys_in_an_inline_map`] |
//! | 2 | a destructor panics | `unwind/destructors.rs`, `unwind/versions.rs` |
//! | 3 | a destructor, `Hash`, `Eq` or a closure calls back | `api/reentrancy.rs`, `api/snapshot_reentrancy.rs`; [`p03_hashes_that_call_back`] |
//! | 4 | use in destructors of thread-locals, in statics | `drops/threads.rs`: `in_destructors_of_thread_locals`, `maps_in_thread_locals`, `maps_in_statics` |
//! | 5 | inconsistent `Hash` and `Eq` | `unwind/nonsense.rs`; [`p05_inconsistent_keys_in_an_inline_map`] |
//! | 6 | hashes that collide in all bits, the low, the high; 0 and `u64::MAX` | `over_hashers!` in most files; [`p06_colliding_hashes`] |
//! | 7 | keys chosen to collide | [`p07_the_default_hasher_has_a_key`] |
//! | 8 | types without size, over-aligned, large, unsized inside | `unwind/types.rs`; [`p08_odd_types_in_an_inline_map`] |
//! | 9 | a capacity that cannot be | `api/room.rs`; [`p09_capacities_that_cannot_be`]; memory that runs out aborts the process, as everywhere in `std` |
//! | 10 | `Rc`, `Cell`, `*const`, hashers that must stay on their thread | `api/auto_traits.rs`, and the `compile_fail` examples of `TrieMap`, `FlatMap`, `Snapshot`, `Pinned` |
//! | 11 | a reference that outlives its handle | `compile_fail` examples of `Pinned`; no `'static` is asked for: `drops/times.rs` |
//! | 12 | the guard of another collector | cannot be: guards are not in the interface |
//! | 13 | a handle or snapshot held or forgotten | `drops/times.rs`: `forgotten_handles_delay_no_drop_of_a_map`; `memory.rs`: `a_handle_that_is_held_keeps_what_is_replaced_and_no_more`; [`p13_forgotten_snapshots`] |
//! | 14 | values that live on after the map | `drops/times.rs`: `dropping_a_map_drops_everything` |
//! | 15 | iterators and snapshots amid writes, snapshots that outlive the map | `snapshots.rs`, `stress/bodies.rs`: `live_iteration_under_writers`, `drops/versions.rs`; [`p15_a_snapshot_across_100_000_updates`] |
//! | 16 | `retain` against a replacement; one key inserted by many | [`p16_retain_spares_what_replaced_the_tested_value`], [`p16_sixteen_threads_get_or_insert_one_value`] |
//! | 17 | an address that comes back as another entry | `models.rs`, `models_flat.rs`: there garbage dies as soon as it may |
//! | 18 | thousands of threads, threads that panic while pinned | `drops/threads.rs`: `thousands_of_short_threads`; [`p18_threads_that_panic_while_pinned`] |
//! | 19 | `panic = "abort"` | `.ci/long` builds and runs an example so; `no_std` is not claimed |
//! | 20 | many processors | schedules of `models.rs`; [`p20_many_more_threads_than_processors`] |

mod support;

use std::cell::Cell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use snaptrie::{CopyFlatMap, CopyTrieMap, FixedState, FlatMap, Operation, RandomState, TrieMap};
use support::alloc::live;
use support::{
    Chosen, Handle, Ledger, Numbers, Placed, Tested, panic_on_purpose, panics, sorted, watched,
};

#[global_allocator]
static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;

/// A map of numbers, of any kind.
trait Subject<S>: Tested<Key = u64, Value = u64, Hasher = S> + Send + Sync + 'static {}
impl<S, M: Tested<Key = u64, Value = u64, Hasher = S> + Send + Sync + 'static> Subject<S> for M {}

/// Makes a test of each body for each kind of map.
macro_rules! for_each_map {
    ($($body:ident $Hasher:ty,)*) => {
        mod trie { $(#[test] fn $body() { super::$body::<super::TrieMap<u64, u64, $Hasher>>(); })* }
        mod inline {
            $(#[test] fn $body() { super::$body::<super::CopyTrieMap<u64, u64, $Hasher>>(); })*
        }
        mod flat { $(#[test] fn $body() { super::$body::<super::FlatMap<u64, u64, $Hasher>>(); })* }
        mod inline_flat {
            $(#[test] fn $body() { super::$body::<super::CopyFlatMap<u64, u64, $Hasher>>(); })*
        }
    };
}
for_each_map! {
    p03_hashes_that_call_back super::Calling,
    p06_colliding_hashes super::Placed,
    p16_retain_spares_what_replaced_the_tested_value super::Chosen,
    p16_sixteen_threads_get_or_insert_one_value super::Chosen,
    p18_threads_that_panic_while_pinned super::Chosen,
    p20_many_more_threads_than_processors super::Chosen,
}

thread_local! {
    /// How many more hashes and comparisons of a [`Rude`] key go well.
    static FUSE: Cell<u64> = const { Cell::new(u64::MAX) };
    /// Where the answers of inconsistent keys come from; none if they are consistent.
    static MOOD: Cell<Option<u64>> = const { Cell::new(None) };
}

fn burn() {
    match FUSE.get() {
        0 => {
            FUSE.set(u64::MAX);
            panic_on_purpose(0);
        }
        u64::MAX => {}
        left => FUSE.set(left - 1),
    }
}

/// A number at random, if keys are inconsistent just now.
fn mood() -> Option<u64> {
    let mut numbers = Numbers(MOOD.get()?);
    let number = numbers.next();
    MOOD.set(Some(numbers.0));
    Some(number)
}

/// A plain key that panics, or breaks the rules, when it is told to.
#[derive(Clone, Copy, Debug)]
struct Rude(u64);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - a number.
unsafe impl snaptrie::Plain for Rude {}

impl Hash for Rude {
    fn hash<H: Hasher>(&self, state: &mut H) {
        burn();
        state.write_u64(match mood() {
            Some(number) if number % 4 == 0 => number,
            _ => self.0,
        });
    }
}

impl PartialEq for Rude {
    fn eq(&self, other: &Self) -> bool {
        burn();
        let equal = self.0 == other.0;
        match mood() {
            Some(number) if number % 8 == 0 => !equal,
            _ => equal,
        }
    }
}

impl Eq for Rude {}

/// An inline map of such keys.
trait RudeMap: Tested<Key = Rude, Value = u64, Hasher = Chosen> {}
impl<M: Tested<Key = Rude, Value = u64, Hasher = Chosen>> RudeMap for M {}

/// Grows past every size of node, or chunk, and shrinks again, with versions if there are any.
fn grow_and_shrink<M: RudeMap>(map: &M, keys: u64) {
    for key in 0..keys {
        map.handle().insert(Rude(key), key);
    }
    let version = map.version();
    for key in 0..keys {
        map.handle().update(Rude(key), |value| value + 1);
    }
    for key in 0..keys {
        map.handle().remove(&Rude(key));
    }
    map.shrink_to_fit();
    assert!(M::entries(&version).all(|(key, value)| key.0 == *value));
}

/// An inline trie hashes keys anew when it rebuilds a node: so a `Hash` that panics may do so there.
#[test]
fn p01_panicking_keys_in_an_inline_map() {
    panicking_keys::<CopyTrieMap<Rude, u64, Chosen>>();
    panicking_keys::<CopyFlatMap<Rude, u64, Chosen>>();
}

fn panicking_keys<M: RudeMap>() {
    for (hashing, keys) in [(Chosen::Good, 90), (Chosen::Truncated, 70), (Chosen::Constant, 40)] {
        let body = |fuse: u64| {
            let map = M::with_private_collector(hashing);
            FUSE.set(fuse);
            let blew = panics(|| grow_and_shrink(&map, keys));
            FUSE.set(u64::MAX);
            // What is there is whole, and the map goes on.
            let there: Vec<u64> = map.handle().keys().map(|key| key.0).collect();
            assert_eq!(there.len(), map.len());
            assert!(there.iter().all(|key| map.handle().contains_key(&Rude(*key))));
            map.check();
            grow_and_shrink(&map, keys);
            assert!(map.is_empty());
            map.check();
            blew
        };
        body(u64::MAX);
        let (before, mut fuse, mut blown) = (live(), 0, 0);
        while body(fuse) {
            blown += 1;
            fuse += 1 + fuse / 16;
        }
        assert!(blown > 30, "only {blown} panics");
        // Nothing of any of these maps is left.
        let left = live() - before;
        assert!(left < 4_096, "{left} bytes left of {blown} maps");
    }
}

#[test]
fn p05_inconsistent_keys_in_an_inline_map() {
    inconsistent_keys::<CopyTrieMap<Rude, u64, Chosen>>();
    inconsistent_keys::<CopyFlatMap<Rude, u64, Chosen>>();
}

fn inconsistent_keys<M: RudeMap>() {
    for hashing in [Chosen::Good, Chosen::Truncated, Chosen::Constant] {
        watched(move || {
            for seed in 0..30 {
                let map = M::with_private_collector(hashing);
                MOOD.set(Some(seed));
                let mut numbers = Numbers(seed);
                for _ in 0..2_000 {
                    let key = Rude(numbers.next() % 200);
                    let pinned = map.handle();
                    match numbers.next() % 8 {
                        0..4 => drop(pinned.insert(key, key.0)),
                        4 => drop(pinned.remove(&key)),
                        5 => drop(pinned.compute(key, |_| Operation::<u64, ()>::Insert(1))),
                        6 => _ = map.fork().map(|fork| fork.handle().remove(&key).copied()),
                        _ => drop((map.version(), pinned.get(&key))),
                    }
                }
                // A key may be there more than once, and lost: but not more often than it was put.
                assert!(map.len() <= 2_000 && map.handle().iter().count() <= 2_000);
                assert!(M::entries(&map.version()).count() <= 2_000);
                map.clear();
                MOOD.set(None);
                assert!(map.is_empty());
                grow_and_shrink(&map, 100);
            }
        });
    }
}

/// A hasher that uses another map, of the same kind and the same process.
#[derive(Clone, Copy, Default)]
struct Calling;

impl BuildHasher for Calling {
    type Hasher = CallingHasher;
    fn build_hasher(&self) -> CallingHasher {
        CallingHasher(0)
    }
}

struct CallingHasher(u64);

impl Hasher for CallingHasher {
    fn write(&mut self, _: &[u8]) {
        unimplemented!("only for u64 keys");
    }
    fn write_u64(&mut self, key: u64) {
        static INNER: FlatMap<u64, u64, FixedState> =
            FlatMap::with_hasher(FixedState::with_seed(1));
        static OTHER: TrieMap<u64, u64, FixedState> =
            TrieMap::with_hasher(FixedState::with_seed(1));
        self.0 = *INNER.handle().get_or_insert(key, key.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        OTHER.handle().insert(key % 64, key);
        drop(OTHER.snapshot());
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

fn p03_hashes_that_call_back<M: Subject<Calling>>() {
    let map = M::with_hasher(Calling);
    for key in 0..2_000 {
        map.handle().insert(key, key);
    }
    map.handle().retain(|key, _| key % 2 == 0);
    assert_eq!(map.len(), 1_000);
    map.check();
}

fn p06_colliding_hashes<M: Subject<Placed>>() {
    // With `Placed` a key is its hash.
    let low = (0..300).map(|i: u64| i << 48);
    let high = (0..300).map(|i: u64| u64::MAX << 20 | i);
    let middle = (0..300).map(|i: u64| 0xabcd << 48 | i << 24 | 0xef);
    let ends = [0, 1, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1].into_iter();
    let map = M::with_hasher(Placed::default());
    let keys = support::sort(low.chain(high).chain(middle).chain(ends));
    let mut distinct = keys.clone();
    distinct.dedup();
    for key in &keys {
        map.handle().insert(*key, !*key);
    }
    assert_eq!(map.len(), distinct.len());
    assert_eq!(sorted(&map), distinct.iter().map(|key| (*key, !*key)).collect::<Vec<_>>());
    map.check();
    for (removed, key) in distinct.iter().enumerate() {
        assert_eq!(map.handle().remove(key), Some(&!*key));
        assert_eq!(map.len(), distinct.len() - removed - 1);
    }
    map.check();
}

#[test]
fn p07_the_default_hasher_has_a_key() {
    fn of<S: BuildHasher>(map: &S) -> u64 {
        map.hash_one(1_u64)
    }
    let hashes: Vec<u64> = (0..8)
        .flat_map(|_| {
            let (trie, flat) = (TrieMap::<u64, u64>::new(), FlatMap::<u64, u64>::new());
            [of::<RandomState>(trie.hasher()), of(flat.hasher())]
        })
        .collect();
    assert!(hashes.iter().any(|hash| *hash != hashes[0]), "every map hashes alike");
}

/// Puts inline maps with these keys through everything.
fn try_out_inline<
    K: snaptrie::Plain + Eq + Hash + std::fmt::Debug,
    V: snaptrie::Plain + PartialEq + std::fmt::Debug,
>(
    keys: impl Iterator<Item = K> + Clone,
    values: [V; 2],
) {
    try_out::<CopyTrieMap<K, V, FixedState>>(keys.clone(), values);
    try_out::<CopyFlatMap<K, V, FixedState>>(keys, values);
}

fn try_out<M>(keys: impl Iterator<Item = M::Key> + Clone, values: [M::Value; 2])
where
    M: Tested<Hasher = FixedState>,
    M::Key: Copy + Eq + Hash + std::fmt::Debug,
    M::Value: Copy + PartialEq + std::fmt::Debug,
{
    let map = M::with_hasher(FixedState::default());
    for key in keys.clone() {
        assert_eq!(map.handle().insert(key, values[0]), None);
    }
    let version = map.version();
    for key in keys.clone() {
        assert_eq!(map.handle().insert(key, values[1]), Some(&values[0]));
        let pinned = map.handle();
        let value = pinned.get(&key).expect("just inserted");
        assert!(*value == values[1] && std::ptr::from_ref(value).is_aligned());
    }
    let in_version = if M::VERSIONS { keys.clone().count() } else { 0 };
    assert_eq!(M::entries(&version).count(), in_version);
    assert!(M::entries(&version).all(|(_, value)| *value == values[0]));
    map.check();
    map.reserve(5_000);
    map.check();
    assert_eq!(keys.clone().filter(|key| map.handle().remove(key).is_none()).count(), 0);
    assert!(map.is_empty());
    map.check();
}

#[test]
fn p08_odd_types_in_an_inline_map() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(align(16))]
    struct Aligned([u8; 16]);
    #[allow(unsafe_code, reason = "a promise about the bytes of a type")]
    // SAFETY:
    // - single bytes alone, which fill it.
    unsafe impl snaptrie::Plain for Aligned {}

    try_out_inline([()].into_iter(), [(), ()]);
    try_out_inline([()].into_iter(), [1_u8, 2]);
    try_out_inline(0..2_000_u16, [(), ()]);
    try_out_inline(0..=u8::MAX, [1_u8, 2]);
    try_out_inline(0..2_000_u64, [Aligned([1; 16]), Aligned([2; 16])]);
    try_out_inline(0..2_000_u64, [[1_u64; 7], [2; 7]]);
    try_out_inline((0..2_000_u128).map(|i| i << 100), [std::num::NonZeroU32::new(7), None]);
    try_out_inline((0..500_u32).map(|i| ([i as u8; 4], i, [i; 3])), ['a', 'b']);
    try_out_inline((0..500_i32).map(|i| i as f32 as i64), [f64::NAN.is_nan(), false]);
}

#[test]
fn p09_capacities_that_cannot_be() {
    for capacity in [usize::MAX, usize::MAX / 2, usize::MAX / 64, isize::MAX as usize] {
        assert!(panics_quietly(|| drop(FlatMap::<u64, u64>::with_capacity(capacity))));
        no_room_for(&FlatMap::new(), capacity);
        no_room_for(&CopyFlatMap::new(), capacity);
    }
}

fn no_room_for(map: &impl Tested<Key = u64, Value = u64, Hasher = RandomState>, capacity: usize) {
    map.handle().insert(1, 1);
    assert!(panics_quietly(|| map.reserve(capacity)));
    assert_eq!(sorted(map), [(1, 1)]);
    map.handle().insert(2, 2);
    map.check();
}

/// Whether a body panics, by a panic of the library's own: without its message in the output.
fn panics_quietly(body: impl FnOnce()) -> bool {
    let result = support::catch(body);
    let message = |panic: &Box<dyn std::any::Any + Send>| {
        panic.downcast_ref::<&str>().map(ToString::to_string).or(panic.downcast_ref().cloned())
    };
    result.is_err_and(|panic| message(&panic).is_some_and(|text| text.contains("overflow")))
}

/// A snapshot that is never dropped keeps what it sees, and nothing of what comes later.
#[test]
fn p13_forgotten_snapshots() {
    let ledger = Ledger::new();
    let map = TrieMap::with_private_collector(Chosen::Good);
    for key in 0..100_u64 {
        map.handle().insert(key, ledger.make(0));
    }
    mem::forget(map.snapshot());
    mem::forget(map.snapshot());
    for round in 1..50 {
        for key in 0..100 {
            map.handle().insert(key, ledger.make(round));
        }
    }
    drop(map);
    assert_eq!(ledger.tags(), [0; 100], "other values than those that the snapshots see");
}

#[test]
fn p15_a_snapshot_across_100_000_updates() {
    fn body<M: Subject<Chosen>>() {
        let map = M::with_hasher(Chosen::Good);
        for key in 0..500 {
            map.handle().insert(key, 0);
        }
        let version = map.version();
        let mut numbers = Numbers(1);
        for step in 1..=100_000_u64 {
            let key = numbers.next() % 600;
            if step % 5 == 0 {
                map.handle().remove(&key);
            } else {
                map.handle().insert(key, step);
            }
            if step % 10_000 == 0 {
                assert_eq!(M::entries(&version).count(), 500);
                assert!(M::entries(&version).all(|(key, value)| *key < 500 && *value == 0));
            }
        }
        drop(map);
        assert_eq!(support::sort(M::entries(&version).map(|(key, _)| *key)), support::sort(0..500));
    }
    body::<TrieMap<u64, u64, Chosen>>();
    body::<CopyTrieMap<u64, u64, Chosen>>();
}

fn p16_retain_spares_what_replaced_the_tested_value<M: Subject<Chosen>>() {
    for hashing in [Chosen::Good, Chosen::Constant] {
        let map = M::with_hasher(hashing);
        for key in 0..50 {
            map.handle().insert(key, 0);
        }
        map.handle().retain(|key, value| {
            // Between the test of an entry and its removal another comes.
            if *value == 0 && key % 2 == 0 {
                map.handle().insert(*key, 1);
            }
            *value == 1
        });
        let left: Vec<_> = (0..50).step_by(2).map(|key| (key, 1)).collect();
        assert_eq!(sorted(&map), left);
    }
}

fn p16_sixteen_threads_get_or_insert_one_value<M: Subject<Chosen>>() {
    for (round, hashing) in [Chosen::Good, Chosen::Truncated, Chosen::Constant].iter().enumerate() {
        let map = M::with_hasher(*hashing);
        let (made, start) = (AtomicU64::new(0), Barrier::new(16));
        let seen: Vec<Vec<u64>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..16_u64)
                .map(|id| {
                    let (map, made, start) = (&map, &made, &start);
                    scope.spawn(move || {
                        start.wait();
                        (0..100)
                            .map(|key| {
                                let new = || made.fetch_add(1, Ordering::Relaxed) << 8 | id;
                                *map.handle().get_or_insert_with(key, new)
                            })
                            .collect()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(seen.iter().all(|values| *values == seen[0]), "round {round}");
        assert_eq!(map.len(), 100);
    }
}

fn p18_threads_that_panic_while_pinned<M: Subject<Chosen>>() {
    let map = Arc::new(M::with_hasher(Chosen::Good));
    for round in 0..50 {
        let shared = Arc::clone(&map);
        support::quieten();
        let thread = thread::spawn(move || {
            let pinned = shared.handle();
            for key in 0..50 {
                pinned.insert(key, round);
            }
            let _held = pinned.get(&1);
            pinned.update(2, |_| panic_on_purpose(0));
        });
        assert!(thread.join().is_err());
        let all: Vec<_> = (0..50).map(|key| (key, round)).collect();
        assert_eq!(sorted(&*map), all);
    }
    // The dead hold no epoch: what was replaced goes.
    let before = live();
    for _ in 0..200 {
        for key in 0..50 {
            map.handle().insert(key, 0);
        }
    }
    support::refresh_until(&*map, 8_000, || live() - before < 64 * 1024);
    assert!(live() - before < 64 * 1024, "{} bytes", live() - before);
    map.check();
}

fn p20_many_more_threads_than_processors<M: Subject<Chosen>>() {
    let map = M::with_hasher(Chosen::Good);
    let sum = AtomicUsize::new(0);
    thread::scope(|scope| {
        for id in 0..64_u64 {
            let (map, sum) = (&map, &sum);
            scope.spawn(move || {
                for step in 0..300 {
                    let (mine, shared) = (1_000 + id * 1_000 + step, step % 10);
                    map.handle().insert(mine, step);
                    map.handle().update_or_insert(shared, |value| value + 1, 1);
                    if step % 3 == 0 {
                        assert_eq!(map.handle().remove(&mine), Some(&step));
                        sum.fetch_add(1, Ordering::Relaxed);
                    }
                    if step % 50 == 0 {
                        drop(map.version());
                        thread::yield_now();
                    }
                }
            });
        }
    });
    let counted: u64 = (0..10).filter_map(|key| map.handle().get(&key).copied()).sum();
    assert_eq!(counted, 64 * 300);
    assert_eq!(map.len(), 10 + 64 * 300 - sum.load(Ordering::Relaxed));
    map.check();
}
