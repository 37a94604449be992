//! Real threads on one map: counts are exact, structure holds, nothing leaks.
//!
//! `SNAPTRIE_STRESS` multiplies the number of operations (default 0.3).

mod linear;
#[path = "common/scale.rs"]
mod scale;
#[path = "common/tested.rs"]
mod tested;

/// The tests, by kind of map. What several kinds do is written once, and compiled for each.
#[allow(clippy::duplicate_mod, reason = "one body for all kinds of map")]
mod stress {
    mod flat;
    mod inline;
    mod inline_flat;
    mod trie;
}

use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

const THREADS: u64 = 4;

/// Operations, scaled to the kind of run.
fn scaled(operations: u64) -> u64 {
    if cfg!(miri) { operations / 2_000 + 20 } else { scale::scaled(operations) }
}

/// A hash of four bits.
#[derive(Default)]
struct Truncated(DefaultHasher);

impl Hasher for Truncated {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }
    fn finish(&self) -> u64 {
        self.0.finish() & 0xf
    }
}

type TruncatedState = BuildHasherDefault<Truncated>;

/// A value that counts the live ones.
struct Counted(u64, Arc<AtomicI64>);

impl Counted {
    fn new(number: u64, live: &Arc<AtomicI64>) -> Self {
        live.fetch_add(1, Ordering::Relaxed);
        Self(number, Arc::clone(live))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        assert!(self.1.fetch_sub(1, Ordering::Relaxed) > 0, "dropped twice");
    }
}

/// A value with a number; those that count themselves do so in `live`.
trait Numbered {
    fn make(number: u64, live: &Arc<AtomicI64>) -> Self;
    fn number(&self) -> u64;
}

impl Numbered for Counted {
    fn make(number: u64, live: &Arc<AtomicI64>) -> Self {
        Self::new(number, live)
    }

    fn number(&self) -> u64 {
        self.0
    }
}

impl Numbered for u64 {
    fn make(number: u64, _live: &Arc<AtomicI64>) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// A small generator, so that runs do not depend on a crate.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

fn on_threads(work: impl Fn(u64) + Sync) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
}
