//! `strings`: `String -> u64`. `insert`: N strings that the map is given, from empty, disjoint slices. `hit`:
//! every thread looks up all N by `&str`, in an order of its own. The strings are as long as words are in
//! text with numbers in it: 8 to 24 bytes, made before the map.
//!
//! A trait of its own: the other workloads are of numbers, and not every map takes strings.

use super::Job;
use crate::keys::share;
use crate::maps::{Hasher, MapName};
use crate::record::Record;
use crate::team;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError, RwLock};

/// A concurrent map, `String -> u64`.
trait Strings: Sync {
    fn new() -> Self;

    /// Inserts a key that is absent; returns whether it was.
    fn insert(&self, key: String, value: u64) -> bool;

    fn get(&self, key: &str) -> Option<u64>;
}

macro_rules! strings {
    ($Map:ty, |$self:ident, $key:ident, $value:ident| $insert:expr, |$me:ident, $wanted:ident| $get:expr) => {
        impl Strings for $Map {
            fn new() -> Self {
                <$Map>::with_hasher(Hasher::default())
            }

            #[inline]
            fn insert(&self, $key: String, $value: u64) -> bool {
                let $self = self;
                $insert
            }

            #[inline]
            fn get(&self, $wanted: &str) -> Option<u64> {
                let $me = self;
                $get
            }
        }
    };
}

#[cfg(feature = "snaptrie")]
type Trie = snaptrie::TrieMap<String, u64, Hasher>;
#[cfg(feature = "snaptrie")]
type Flat = snaptrie::FlatMap<String, u64, Hasher>;
type Dashmap = dashmap::DashMap<String, u64, Hasher>;
type Papaya = papaya::HashMap<String, u64, Hasher>;
type SccMap = scc::HashMap<String, u64, Hasher>;
type SccIndex = scc::HashIndex<String, u64, Hasher>;
type Flurry = flurry::HashMap<String, u64, Hasher>;
type Contrie = contrie::ConMap<String, u64, Hasher>;

#[cfg(feature = "snaptrie")]
strings!(Trie, |map, k, v| map.pin().insert(k, v).is_none(), |map, k| map.pin().get(k).copied());
#[cfg(feature = "snaptrie")]
strings!(Flat, |map, k, v| map.pin().insert(k, v).is_none(), |map, k| map.pin().get(k).copied());
strings!(Dashmap, |map, k, v| map.insert(k, v).is_none(), |map, k| map.get(k).map(|v| *v));
strings!(Papaya, |map, k, v| map.pin().insert(k, v).is_none(), |map, k| map.pin().get(k).copied());
strings!(SccMap, |map, k, v| map.insert_sync(k, v).is_ok(), |map, k| map.read_sync(k, |_, v| *v));
strings!(SccIndex, |map, k, v| map.insert_sync(k, v).is_ok(), |map, k| map.peek_with(k, |_, v| *v));
strings!(Flurry, |map, k, v| map.pin().insert(k, v).is_none(), |map, k| map.pin().get(k).copied());
strings!(Contrie, |map, k, v| map.insert(k, v).is_none(), |map, k| {
    map.get(k).map(|element| *element.value())
});

impl Strings for RwLock<std::collections::HashMap<String, u64, Hasher>> {
    fn new() -> Self {
        Self::default()
    }

    fn insert(&self, key: String, value: u64) -> bool {
        self.write().unwrap_or_else(PoisonError::into_inner).insert(key, value).is_none()
    }

    fn get(&self, key: &str) -> Option<u64> {
        self.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }
}

/// The measurement for a map; none if it is not one of strings.
type Measurement = fn(&Job) -> Vec<Record>;

fn measurement(map: MapName) -> Option<Measurement> {
    match map {
        #[cfg(feature = "snaptrie")]
        MapName::Snaptrie => Some(run_on::<Trie>),
        #[cfg(feature = "snaptrie")]
        MapName::Flat => Some(run_on::<Flat>),
        MapName::Dashmap => Some(run_on::<Dashmap>),
        MapName::Papaya => Some(run_on::<Papaya>),
        MapName::SccMap => Some(run_on::<SccMap>),
        MapName::SccIndex => Some(run_on::<SccIndex>),
        MapName::Flurry => Some(run_on::<Flurry>),
        MapName::Contrie => Some(run_on::<Contrie>),
        MapName::StdRwlock => Some(run_on::<RwLock<std::collections::HashMap<_, _, Hasher>>>),
        _ => None,
    }
}

/// Whether a map is measured.
pub(super) fn suits(map: MapName) -> bool {
    measurement(map).is_some()
}

pub(super) fn run(job: &Job) -> Vec<Record> {
    measurement(job.map).map_or_else(Vec::new, |measure| measure(job))
}

/// The string of a number: 8 to 24 bytes.
fn string(key: u64) -> String {
    let digits = format!("{key:016x}");
    match key % 3 {
        0 => digits[..8].to_owned(),
        1 => digits,
        _ => format!("{digits}-{}", &digits[..7]),
    }
}

fn run_on<M: Strings>(job: &Job) -> Vec<Record> {
    let (n, threads) = (job.size, job.threads);
    let keys: Vec<String> = (0..n as u64).map(|i| string(job.keys.key(i))).collect();
    let slice = |thread| share(n, threads, thread).map(|i| (keys[i].clone(), i as u64)).collect();
    let given: Vec<Mutex<Vec<(String, u64)>>> =
        (0..threads).map(|t| Mutex::new(slice(t))).collect();
    let shuffled = |thread| {
        let mut order: Vec<&str> = keys.iter().map(String::as_str).collect();
        job.keys.rng(thread + 1).shuffle(&mut order);
        order
    };
    let orders: Vec<Vec<&str>> = (0..threads).map(shuffled).collect();

    let map = M::new();
    let spans = team::run(threads, |thread, clock| {
        let mut given = given[thread].lock().unwrap_or_else(PoisonError::into_inner);
        let given = std::mem::take(&mut *given);
        clock.phase(|| {
            for (key, value) in given {
                // Two keys of eight digits may be the same string.
                map.insert(key, value);
            }
        });
        clock.phase(|| {
            for key in &orders[thread] {
                black_box(map.get(key).expect("the key is present"));
            }
        });
    });
    let record = |((phase, ops), span)| job.record(phase, ops).timed(span);
    [("insert", n), ("hit", n * threads)].into_iter().zip(spans).map(record).collect()
}
