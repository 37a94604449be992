//! The flat table under a model checker, one test an interleaving.
//!
//! Runs as `tests/models.rs` does. In this build buckets have three slots and leaves two buckets at most, a word is
//! for one entry, and a table with a fourth of those shrinks: so moves, fans and shrinking are near.
//!
//! `SNAPTRIE_MODEL_RUNS` sets the number of schedules a test. Of the tests whose name begins with `all` every
//! schedule of few preemptions is run (`schedules`), for two threads.
#![cfg(shuttle)]

mod linear;
mod schedules;
#[path = "common/tested.rs"]
mod tested;

/// The tests for both kinds of flat map, by kind: one body, compiled for each.
#[allow(clippy::duplicate_mod, reason = "one body for both kinds of map")]
mod models {
    mod flat_boxed;
    mod flat_inline;
    pub(crate) mod items;
}

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use linear::{Clock, Event, KEYS, Op, assert_linearizable};
use models::items::{Item, Plain, Value};
use schedules::runs;
use shuttle::thread;
use snaptrie::{CopyFlatMap, FlatMap};
use tested::{Handle, Tested};

/// A kind of flat map.
trait Kind: Sized + 'static {
    type Value: Item;
    type Map<H: Default + Hasher + 'static>: Tested<Key = u8, Value = Self::Value, Hasher = BuildHasherDefault<H>>;
}

enum Boxed {}

impl Kind for Boxed {
    type Value = Value;
    type Map<H: Default + Hasher + 'static> = FlatMap<u8, Value, BuildHasherDefault<H>>;
}

enum Inline {}

impl Kind for Inline {
    type Value = Plain;
    type Map<H: Default + Hasher + 'static> = CopyFlatMap<u8, Plain, BuildHasherDefault<H>>;
}

/// A map, the count of its live values, and the clock of its history.
struct AnyWorld<H: Default + Hasher + 'static, K: Kind> {
    map: K::Map<H>,
    live: Arc<AtomicIsize>,
    clock: Clock,
}

impl<H: Default + Hasher + 'static, K: Kind> AnyWorld<H, K>
where
    Self: Send + Sync,
{
    fn new() -> Arc<Self> {
        let map = K::Map::with_private_collector(BuildHasherDefault::default());
        Arc::new(Self { map, live: Arc::default(), clock: Clock::default() })
    }

    /// A map that holds these keys besides those of the history.
    fn with(keys: impl IntoIterator<Item = u8>) -> Arc<Self> {
        let world = Self::new();
        keys.into_iter().for_each(|key| world.put(key));
        world
    }

    fn value(&self, number: u16) -> K::Value {
        K::Value::make(number, &self.live)
    }

    fn put(&self, key: u8) {
        self.map.handle().insert(key, self.value(0));
    }

    fn take(&self, key: u8) {
        self.map.handle().remove(&key);
    }

    fn run(&self, op: Op) -> Event {
        let pinned = self.map.handle();
        assert!(!op.is_whole(), "a flat map has no snapshots");
        linear::perform(&self.clock, &pinned, op, |key| key, |new| self.value(new))
    }

    /// Runs a program on a thread.
    fn spawn(self: &Arc<Self>, program: impl Into<Vec<Op>>) -> thread::JoinHandle<Vec<Event>> {
        let (world, program) = (Arc::clone(self), program.into());
        thread::spawn(move || program.into_iter().map(|op| world.run(op)).collect())
    }

    /// Runs one program a thread, while this thread does `besides`, and checks everything.
    fn check(self: Arc<Self>, programs: Vec<Vec<Op>>, besides: impl FnOnce(&Self)) {
        let threads: Vec<_> = programs.into_iter().map(|program| self.spawn(program)).collect();
        besides(&self);
        let mut history = Vec::new();
        for thread in threads {
            history.extend(thread.join().unwrap());
        }
        history.extend((0..KEYS as u8).map(|key| self.run(Op::Get(key))));
        assert_linearizable(&history);
        self.check_alone();
    }

    /// Checks structure and drops when all threads are done.
    fn check_alone(self: Arc<Self>) {
        self.map.check();
        let live = Arc::clone(&self.live);
        drop(Arc::into_inner(self).unwrap());
        assert_eq!(live.load(Ordering::SeqCst), 0, "values that were never dropped");
        assert_eq!(snaptrie::nodes::count(), 0, "nodes that were never freed");
    }

    /// Lets everything go that may: a few epochs for each batch of garbage that stands before it.
    fn free(&self) {
        (0..12).for_each(|_| self.map.handle().refresh());
    }
}

/// For tests in which one thread must stall at one place while others run far.
fn explore_stalls(test: impl Fn() + Send + Sync + 'static) {
    let test = Arc::new(test);
    let again = Arc::clone(&test);
    shuttle::check_pct(move || test(), runs(), 2);
    shuttle::check_pct(move || again(), runs(), 4);
}
