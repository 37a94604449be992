//! Idle threads cost writers next to nothing, and threads that have ended cost nothing.
//!
//! A collector is slow beside thousands of threads if it looks at each of them whenever it frees something. The bound
//! here is wide, for unoptimised builds on busy machines; `benches/idle.rs` has the narrow one.

mod support;

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use snaptrie::{FixedState, FlatMap, TrieMap};
use support::{Handle, Tested, one_at_a_time};

/// How much slower overwrites may be.
const FACTOR: f64 = 3.0;

/// Small, and large enough for a lookup in any build.
const STACK: usize = 128 << 10;

#[test]
fn idle_threads_do_not_slow_down_a_trie() {
    idle_threads_do_not_slow_down::<TrieMap<u64, u64, FixedState>>();
}

#[test]
fn idle_threads_do_not_slow_down_a_flat_map() {
    idle_threads_do_not_slow_down::<FlatMap<u64, u64, FixedState>>();
}

fn idle_threads_do_not_slow_down<M>()
where
    M: Tested<Key = u64, Value = u64, Hasher = FixedState> + Default + Sync,
{
    let _turn = one_at_a_time();
    let map = M::default();
    let alone = overwrite(&map);
    println!("alone: {alone:.0} ns for each overwrite");
    for threads in [200, 2_000] {
        let beside = beside_idle_threads(&map, threads, || overwrite(&map));
        let afterwards = overwrite(&map);
        println!("{threads} threads: {beside:.0} ns beside them, {afterwards:.0} ns afterwards");
        assert!(beside < FACTOR * alone, "{beside:.0} ns beside {threads}, {alone:.0} ns alone");
        assert!(
            afterwards < FACTOR * alone,
            "{afterwards:.0} ns after {threads}, {alone:.0} alone"
        );
    }
}

/// Nanoseconds for an overwrite, in the fastest of some rounds.
fn overwrite<M: Tested<Key = u64, Value = u64, Hasher = FixedState>>(map: &M) -> f64 {
    const ROUNDS: usize = 10;
    const OVERWRITES: u64 = 10_000;
    let round = |_| {
        let start = Instant::now();
        (0..OVERWRITES).for_each(|number| _ = map.handle().insert(0, number));
        start.elapsed().as_nanos() as f64 / OVERWRITES as f64
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// Runs a body while so many threads, each of which looked a key up once, wait for its end.
fn beside_idle_threads<M, T>(map: &M, threads: usize, body: impl FnOnce() -> T) -> T
where
    M: Tested<Key = u64, Value = u64, Hasher = FixedState> + Sync,
{
    let (gate, waiting) = (Mutex::new(()), AtomicUsize::new(0));
    thread::scope(|scope| {
        let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let idle: Vec<_> = (0..threads)
            .map(|_| {
                let idle = || {
                    assert!(map.handle().get(&0).is_some());
                    waiting.fetch_add(1, SeqCst);
                    drop(gate.lock());
                };
                let thread = thread::Builder::new().stack_size(STACK);
                thread.spawn_scoped(scope, idle).expect("a thread")
            })
            .collect();
        while waiting.load(SeqCst) < threads {
            thread::yield_now();
        }
        let result = body();
        drop(closed);
        // Until their thread-locals are gone too.
        idle.into_iter().for_each(|thread| thread.join().expect("an idle thread"));
        result
    })
}
