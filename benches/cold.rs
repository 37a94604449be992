//! What do the rare operations of a flat table cost, and how much memory does it take?
//!
//! ```sh
//! cargo bench --bench cold                            # tables of 4 Mi entries, 5 repetitions
//! cargo bench --bench cold -- --size 1000000 empty    # one section
//! ```
//!
//! Times are nanoseconds per operation on average, in the fastest repetition.

mod support;

use std::hint::black_box;
use std::time::Instant;

use snaptrie::{CopyFlatMap, FlatMap, RandomState};

use support::alloc::{Counting, count};
use support::keys::Key;
use support::options::{Options, header, is_trial};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Entries of the table that is emptied entry by entry.
const EMPTIED: u64 = 200_000;

/// Number of sizes at which one key is inserted and removed.
const SIZES: u64 = 1_000;

fn main() {
    let options = Options::get();
    header(&options);
    println!("\n| what | FlatMap | CopyFlatMap |\n|---|---:|---:|");
    let row = |name: &str, measure: [&dyn Fn() -> f64; 2]| {
        if options.wants(name) {
            let best = |measure: &dyn Fn() -> f64| {
                (0..options.reps).map(|_| measure()).fold(f64::INFINITY, f64::min)
            };
            println!("| {name} | {:.1} | {:.1} |", best(measure[0]), best(measure[1]));
        }
    };
    let size = options.size as u64;
    row(
        "`is_empty`, empty with room",
        [&|| boxed::is_empty(size, false), &|| inline::is_empty(size, false)],
    );
    row(
        "`is_empty`, emptied with room",
        [&|| boxed::is_empty(size, true), &|| inline::is_empty(size, true)],
    );
    row("`iter().next()`, emptied with room", [&|| boxed::first(size), &|| inline::first(size)]);
    row("removing any until none is left", [&boxed::remove_any, &inline::remove_any]);
    row("iterating over 10", [&boxed::iterate_ten, &inline::iterate_ten]);
    row("one in and out, the worst size", [&boxed::in_and_out, &inline::in_and_out]);
    row("bytes of an entry", [&|| boxed::bytes(size), &|| inline::bytes(size)]);
    row("peak of growth in final sizes", [&|| boxed::peak(size), &|| inline::peak(size)]);
}

/// Nanoseconds per operation.
fn timed(operations: u64, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / operations as f64
}

fn rounds(usual: u64) -> u64 {
    if is_trial() { 10 } else { usual }
}

/// The measurements of a kind of table.
macro_rules! measurements {
    ($kind:ident, $Map:ident, |$pair:ident| $key:expr) => {
        mod $kind {
            use super::*;

            type Map = $Map<u64, u64>;

            fn fill(map: Map, entries: u64) -> Map {
                (0..entries).for_each(|i| _ = map.pin().insert(u64::nth(i), i));
                map
            }

            fn empty_with_room(entries: u64, emptied: bool) -> Map {
                let map = Map::with_capacity(entries as usize);
                if !emptied {
                    return map;
                }
                let map = fill(map, entries);
                (0..entries).for_each(|i| _ = map.pin().remove(&u64::nth(i)));
                map
            }

            pub(super) fn is_empty(entries: u64, emptied: bool) -> f64 {
                let map = empty_with_room(entries, emptied);
                let calls = rounds(1_000);
                timed(calls, || (0..calls).for_each(|_| assert!(black_box(&map).is_empty())))
            }

            pub(super) fn first(entries: u64) -> f64 {
                let map = empty_with_room(entries, true);
                let calls = rounds(1_000);
                timed(calls, || {
                    (0..calls).for_each(|_| assert!(black_box(&map).pin().iter().next().is_none()));
                })
            }

            pub(super) fn remove_any() -> f64 {
                let entries = if is_trial() { 1_000 } else { EMPTIED };
                let map = fill(Map::new(), entries);
                timed(entries, || {
                    for _ in 0..entries {
                        let pinned = map.pin();
                        let $pair = pinned.iter().next().expect("an entry is left");
                        assert!(pinned.remove($key).is_some());
                    }
                })
            }

            pub(super) fn iterate_ten() -> f64 {
                let map = fill(Map::new(), 10);
                let calls = rounds(10_000);
                let pinned = map.pin();
                timed(calls, || {
                    (0..calls).for_each(|_| assert_eq!(black_box(&pinned).iter().count(), 10))
                })
            }

            /// Each of the two gets half of the time.
            pub(super) fn in_and_out() -> f64 {
                let times = rounds(300);
                let map = Map::new();
                let mut worst = 0_f64;
                for size in 0..SIZES {
                    let key = u64::nth(size);
                    let work = || {
                        timed(2 * times, || {
                            for _ in 0..times {
                                map.pin().insert(key, 1);
                                map.pin().remove(&key);
                            }
                        })
                    };
                    // An interruption by the rest of the machine is not in all three.
                    worst = worst.max(work().min(work()).min(work()));
                    map.pin().insert(key, 1);
                }
                worst
            }

            pub(super) fn bytes(entries: u64) -> f64 {
                fill(Map::new(), entries).stats().bytes() as f64 / entries as f64
            }

            /// The most memory while one thread fills the table, with a handle per insertion.
            pub(super) fn peak(entries: u64) -> f64 {
                let counted = count();
                let map = fill($Map::with_hasher(RandomState::default()), entries);
                let peak = counted.peak();
                map.flush();
                peak as f64 / counted.bytes() as f64
            }
        }
    };
}

measurements!(boxed, FlatMap, |pair| pair.0);
measurements!(inline, CopyFlatMap, |pair| &pair.0);
