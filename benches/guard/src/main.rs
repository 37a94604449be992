//! The hot paths of the library, one at a time, for `benches/compare`. Prints nanoseconds, or is run under
//! callgrind, which counts the instructions of `measured` alone. The same source is built against two
//! versions of the library.
//!
//! ```sh
//! guard                    # names of all paths
//! guard PATH ENTRIES       # runs one
//! ```

mod maps;

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use maps::{Map, Snapshots};
use snaptrie::{CopyFlatMap, CopyTrieMap, FixedState, FlatMap, TrieMap};

/// The operations on a map. The setup is not measured.
const PATHS: [&str; 8] =
    ["insert", "hit", "miss", "overwrite", "remove", "churn", "update", "walk"];
/// What only maps with snapshots can do.
const SNAPSHOT_PATHS: [&str; 3] = ["snapshot", "write-after", "scan"];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [path, entries] = arguments.as_slice() else {
        names().into_iter().for_each(|name| println!("{name}"));
        return ExitCode::SUCCESS;
    };
    let (Some((map, path)), Ok(entries)) = (path.split_once('-'), entries.parse()) else {
        eprintln!("usage: guard [PATH ENTRIES]");
        return ExitCode::FAILURE;
    };
    let took = match map {
        "trie" => frozen::<TrieMap<u64, u64, FixedState>>(path, entries),
        "copytrie" => frozen::<CopyTrieMap<u64, u64, FixedState>>(path, entries),
        "flat" => live::<FlatMap<u64, u64, FixedState>>(path, entries),
        "copyflat" => live::<CopyFlatMap<u64, u64, FixedState>>(path, entries),
        _ => None,
    };
    let Some(took) = took else {
        eprintln!("no path is called {map}-{path}");
        return ExitCode::FAILURE;
    };
    println!("{}", took.as_nanos());
    ExitCode::SUCCESS
}

fn names() -> Vec<String> {
    let of = |map: &'static str, paths: &'static [&str]| {
        paths.iter().map(move |path| format!("{map}-{path}"))
    };
    let mut names = Vec::new();
    for map in ["trie", "copytrie", "flat", "copyflat"] {
        names.extend(of(map, &PATHS));
        if map.ends_with("trie") {
            names.extend(of(map, &SNAPSHOT_PATHS));
        }
    }
    names
}

/// The only place whose instructions are counted.
#[inline(never)]
fn measured(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn live<M: Map>(path: &str, entries: u64) -> Option<Duration> {
    let map = M::new();
    if path == "insert" {
        return Some(measured(|| fill(&map, entries)));
    }
    fill(&map, entries);
    let present = || (0..entries).map(|i| key(scatter(i, entries)));
    let took = match path {
        "hit" => measured(|| present().for_each(|key| assert!(map.get(key).is_some()))),
        "miss" => measured(|| {
            (entries..2 * entries).for_each(|i| assert!(map.get(key(i)).is_none()));
        }),
        "overwrite" => measured(|| present().for_each(|key| assert!(!map.insert(key, 2)))),
        "update" => measured(|| present().for_each(|key| assert!(map.update(key)))),
        "remove" => measured(|| present().for_each(|key| assert!(map.remove(key)))),
        "walk" => measured(|| assert_eq!(map.sum(), entries)),
        "churn" => measured(|| {
            for i in 0..entries {
                assert!(map.insert(key(entries + i), 1));
                assert!(map.remove(key(i)));
            }
        }),
        _ => return None,
    };
    Some(took)
}

fn frozen<M: Snapshots>(path: &str, entries: u64) -> Option<Duration> {
    if !SNAPSHOT_PATHS.contains(&path) {
        return live::<M>(path, entries);
    }
    let map = M::new();
    fill(&map, entries);
    let took = match path {
        "snapshot" => measured(|| {
            for i in 0..entries / 10 {
                map.insert(key(i), 2);
                drop(black_box(map.snapshot()));
            }
        }),
        "write-after" => {
            let snapshot = map.snapshot();
            let took = measured(|| {
                (0..entries / 10).for_each(|i| assert!(!map.insert(key(scatter(i, entries)), 2)));
            });
            drop(snapshot);
            took
        }
        "scan" => {
            let snapshot = map.snapshot();
            measured(|| assert_eq!(M::scan(&snapshot), entries))
        }
        _ => return None,
    };
    Some(took)
}

fn fill<M: Map>(map: &M, entries: u64) {
    (0..entries).for_each(|i| assert!(map.insert(key(i), 1)));
}

/// A bijection of `u64` (the splitmix64 step).
fn key(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Another order: each number below `entries` once, if `entries` has no factor of 7919.
fn scatter(i: u64, entries: u64) -> u64 {
    i * 7919 % entries
}
