//! Calls of a map's methods inside those of the same map: in closures, in `Hash`, `Eq` and `Drop`
//! of keys and values, with handles, iterators and snapshots held.
//!
//! No operation waits for another, so none of this can deadlock; every body runs under a watchdog.
//! And it drives the engine through the races of two threads, one schedule at a time: what the inner
//! operation does happens between two steps of the outer one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use snaptrie::{Compute, Operation, Pinned, Snapshot, TrieMap};

use crate::support::hooks::{Event, Touchy, happens, hook, unhook};
use crate::support::{Ledger, TestHasher, finish, over_hashers, verify, watched};

over_hashers!(
    an_operation_within_an_operation,
    closures_that_change_other_keys,
    closures_that_change_the_key_once,
    closures_that_remove_and_insert_the_key,
    insertions_whose_closure_inserts_the_key,
    closures_that_clear_or_take_once,
    closures_that_take_a_snapshot_each_time,
    closures_that_read_a_snapshot_each_time,
    retain_with_a_busy_closure,
    iterators_amid_everything,
    values_that_use_the_map_when_they_are_dropped,
);

// ---- every operation inside every other ----

type Model = BTreeMap<u32, u32>;
type Map<S> = TrieMap<Touchy, u32, S>;

#[derive(Clone, Copy, Debug)]
enum Op {
    Get(u32),
    Insert(u32),
    TryInsert(u32),
    GetOrInsertWith(u32),
    Update(u32),
    UpdateOrInsert(u32),
    ComputeInsert(u32),
    ComputeRemove(u32),
    ComputeAbort(u32),
    Remove(u32),
    RemoveIf(u32),
    Retain,
    Clear,
    Snapshot,
    Take,
}

/// What an operation says it found.
#[derive(Clone, Debug, PartialEq)]
enum Found {
    Value(Option<u32>),
    All(Model),
    Nothing,
}

const NEW: u32 = 1_000_000;

fn model_of<'a>(entries: impl IntoIterator<Item = (&'a Touchy, &'a u32)>) -> Model {
    entries
        .into_iter()
        .map(|(key, value)| (key.tag() as u32, *value))
        .collect()
}

/// The value that was there before, or was not, by the value that is there now.
fn before(now: u32) -> Option<u32> {
    (now != NEW).then(|| now - 1)
}

impl Op {
    fn run<S: TestHasher>(self, map: &Map<S>, ledger: Ledger) -> Found {
        let key = |tag: u32| Touchy(ledger.make(u64::from(tag)));
        let pinned = map.pin();
        let update = |value: &u32| {
            happens(Event::Closure);
            value + 1
        };
        let first = || {
            happens(Event::Closure);
            NEW
        };
        Found::Value(match self {
            Self::Get(tag) => pinned.get(&key(tag)).copied(),
            Self::Insert(tag) => pinned.insert(key(tag), NEW).copied(),
            Self::TryInsert(tag) => pinned.try_insert(key(tag), NEW).err().map(|e| *e.current),
            Self::GetOrInsertWith(tag) => pinned.try_insert_with(key(tag), first).err().copied(),
            Self::Update(tag) => pinned.update(key(tag), update).copied().and_then(before),
            Self::UpdateOrInsert(tag) => {
                before(*pinned.update_or_insert_with(key(tag), update, first))
            }
            Self::ComputeInsert(tag) => compute(&pinned, key(tag), Operation::Insert(NEW)),
            Self::ComputeRemove(tag) => compute(&pinned, key(tag), Operation::Remove),
            Self::ComputeAbort(tag) => compute(&pinned, key(tag), Operation::Abort(())),
            Self::Remove(tag) => pinned.remove(&key(tag)).copied(),
            Self::RemoveIf(tag) => {
                let condition = |_: &Touchy, _: &u32| {
                    happens(Event::Closure);
                    true
                };
                pinned
                    .remove_if(&key(tag), condition)
                    .map(|(_, value)| *value)
            }
            Self::Retain => {
                pinned.retain(|key, _| {
                    happens(Event::Closure);
                    key.tag() % 2 == 0
                });
                return Found::Nothing;
            }
            Self::Clear => {
                map.clear();
                return Found::Nothing;
            }
            Self::Snapshot => return Found::All(model_of(&map.snapshot())),
            Self::Take => return Found::All(model_of(&map.take())),
        })
    }

    fn run_on_model(self, model: &mut Model) -> Found {
        Found::Value(match self {
            Self::Get(key) | Self::ComputeAbort(key) => model.get(&key).copied(),
            Self::Insert(key) | Self::ComputeInsert(key) => model.insert(key, NEW),
            Self::TryInsert(key) | Self::GetOrInsertWith(key) => {
                let there = model.get(&key).copied();
                model.entry(key).or_insert(NEW);
                there
            }
            Self::Update(key) => model.get_mut(&key).map(|value| {
                *value += 1;
                *value - 1
            }),
            Self::UpdateOrInsert(key) => {
                let there = model.get(&key).copied();
                model
                    .entry(key)
                    .and_modify(|value| *value += 1)
                    .or_insert(NEW);
                there
            }
            Self::Remove(key) | Self::RemoveIf(key) | Self::ComputeRemove(key) => {
                model.remove(&key)
            }
            Self::Retain => {
                model.retain(|key, _| key % 2 == 0);
                return Found::Nothing;
            }
            Self::Clear => {
                model.clear();
                return Found::Nothing;
            }
            Self::Snapshot => return Found::All(model.clone()),
            Self::Take => return Found::All(std::mem::take(model)),
        })
    }
}

fn compute<S: TestHasher>(
    pinned: &Pinned<'_, Touchy, u32, S>,
    key: Touchy,
    operation: Operation<u32, ()>,
) -> Option<u32> {
    let mut seen = None;
    let outcome = pinned.compute(key, |entry| {
        happens(Event::Closure);
        seen = entry.map(|(_, value)| *value);
        operation
    });
    match outcome {
        Compute::Inserted(_, new) => assert_eq!((seen, *new), (None, NEW)),
        Compute::Updated { old, new } => assert_eq!((seen, *new.1), (Some(*old.1), NEW)),
        Compute::Removed(_, old) => assert_eq!(seen, Some(*old)),
        Compute::Aborted(()) => assert_eq!(operation, Operation::Abort(())),
        Compute::Absent => assert_eq!((operation, seen), (Operation::Remove, None)),
    }
    seen
}

const PRESENT: u32 = 1;
const ABSENT: u32 = 2_001;

fn outer_operations() -> impl Iterator<Item = Op> {
    let of_a_key = |key| {
        use Op::{
            ComputeAbort, ComputeInsert, ComputeRemove, Get, GetOrInsertWith, Insert, Remove,
            RemoveIf, TryInsert, Update, UpdateOrInsert,
        };
        [
            Get(key),
            Insert(key),
            TryInsert(key),
            GetOrInsertWith(key),
            Update(key),
        ]
        .into_iter()
        .chain([
            UpdateOrInsert(key),
            ComputeInsert(key),
            ComputeRemove(key),
            ComputeAbort(key),
            Remove(key),
            RemoveIf(key),
        ])
    };
    of_a_key(PRESENT)
        .chain(of_a_key(ABSENT))
        .chain([Op::Clear, Op::Snapshot, Op::Take])
}

fn inner_operations() -> impl Iterator<Item = Op> {
    let of_a_key = |key| [Op::Insert(key), Op::Remove(key), Op::UpdateOrInsert(key)];
    let keys = [PRESENT, ABSENT, PRESENT + 1, ABSENT + 1];
    keys.into_iter()
        .flat_map(of_a_key)
        .chain([Op::Retain, Op::Clear, Op::Snapshot, Op::Take])
}

/// One operation inside another: where, and in what map.
#[derive(Clone, Copy, Debug)]
struct Nesting {
    outer: Op,
    inner: Op,
    event: Event,
    spared: u32,
    size: u32,
    after_snapshot: bool,
}

impl Nesting {
    /// Returns whether the inner operation happened: whether there are so many events.
    fn run<S: TestHasher>(self) -> bool {
        let ledger = Ledger::new();
        let entries = (0..self.size).map(|key| (key, key * 10));
        let model: Model = entries.clone().collect();
        let map: Arc<Map<S>> = Arc::new(
            entries
                .map(|(key, value)| (Touchy(ledger.make(u64::from(key))), value))
                .collect(),
        );
        let snapshot = self.after_snapshot.then(|| map.snapshot());
        let pinned = map.pin();
        let mut iter = pinned.iter();
        let _held = iter.next();

        let found_inside = Rc::new(RefCell::new(None));
        let (there, tell) = (Arc::clone(&map), Rc::clone(&found_inside));
        hook(self.event, self.spared, move || {
            let found = self.inner.run(&there, ledger);
            *tell.borrow_mut() = Some(found);
        });
        let found = self.outer.run(&map, ledger);
        let happened = unhook();

        let found_inside = found_inside.take();
        assert_eq!(happened, found_inside.is_some());
        self.judge(&model, found, found_inside, model_of(&pinned));
        assert!(snapshot.is_none_or(|snapshot| model_of(&snapshot) == model));
        iter.for_each(drop);
        drop(pinned);
        verify(&map);
        drop(map);
        assert_eq!(ledger.live(), 0, "{self:?}");
        happened
    }

    /// The two must look as if one had come after the other.
    fn judge(self, start: &Model, outside: Found, inside: Option<Found>, end: Model) {
        let (mut outer_first, mut inner_first) = (start.clone(), start.clone());
        let one = self.outer.run_on_model(&mut outer_first);
        let Some(inside) = inside else {
            assert_eq!((&outside, &end), (&one, &outer_first), "{self:?}");
            return;
        };
        let one = (one, self.inner.run_on_model(&mut outer_first), outer_first);
        let inner = self.inner.run_on_model(&mut inner_first);
        let two = (
            self.outer.run_on_model(&mut inner_first),
            inner,
            inner_first,
        );
        let real = (outside, inside, end);
        assert!(
            real == one || real == two,
            "{self:?}: {real:?}, and not {one:?} or {two:?}"
        );
    }
}

fn an_operation_within_an_operation<S: TestHasher>() {
    watched(|| {
        for (outer, inner) in
            outer_operations().flat_map(|outer| inner_operations().map(move |inner| (outer, inner)))
        {
            for event in [Event::Hash, Event::Eq, Event::Closure, Event::Drop] {
                for (size, after_snapshot) in [0, 1, 4, 13, 30, 180]
                    .into_iter()
                    .flat_map(|size| [(size, false), (size, true)])
                {
                    let nesting = |spared| Nesting {
                        outer,
                        inner,
                        event,
                        spared,
                        size,
                        after_snapshot,
                    };
                    (0..5)
                        .take_while(|spared| nesting(*spared).run::<S>())
                        .for_each(drop);
                }
            }
        }
    });
}

// ---- closures ----

type Numbers<S> = TrieMap<u32, u32, S>;

fn numbered<S: TestHasher>(count: u32) -> Numbers<S> {
    (0..count).map(|key| (key, 0)).collect()
}

fn closures_that_change_other_keys<S: TestHasher>() {
    watched(|| {
        let map = numbered::<S>(1);
        let busy = |value: u32| {
            (100..400).for_each(|key| drop(map.pin().insert(key, value)));
            (200..300).for_each(|key| drop(map.pin().remove(&key)));
            value
        };
        assert_eq!(map.pin().update(0, |value| busy(value + 1)), Some(&1));
        assert_eq!(
            map.pin().update_or_insert_with(1, |_| busy(2), || busy(3)),
            &3
        );
        assert_eq!(map.pin().get_or_insert_with(2, || busy(4)), &4);
        let outcome =
            map.pin().compute::<()>(3, |_| Operation::Insert(busy(5))) == Compute::Inserted(&3, &5);
        assert!(outcome);
        assert!(
            map.pin()
                .remove_if(&3, |_, value| busy(*value) == 5)
                .is_some()
        );
        assert_eq!(map.len(), 3 + 200);
        finish(map);
    });
}

fn closures_that_change_the_key_once<S: TestHasher>() {
    watched(|| {
        let map = numbered::<S>(40);
        let once = Cell::new(true);
        let update = |value: &u32| {
            if once.replace(false) {
                map.pin().insert(7, 100);
            }
            value + 1
        };
        assert_eq!(map.pin().update(7, update), Some(&101));
        once.set(true);
        assert_eq!(map.pin().update_or_insert(7, update, 0), &101);
        let condition = |_: &u32, value: &u32| {
            map.pin().insert(7, 0);
            *value == 101
        };
        assert_eq!(
            map.pin().remove_if(&7, condition),
            None,
            "the entry it asked about is gone"
        );
        assert_eq!(map.pin().get(&7), Some(&0));
        finish(map);
    });
}

fn closures_that_remove_and_insert_the_key<S: TestHasher>() {
    watched(|| {
        let ledger = Ledger::new();
        let map = TrieMap::<u32, _, S>::default();
        (0..20).for_each(|key| drop(map.pin().insert(key, ledger.make(0))));
        let flips = Cell::new(5);
        // The key comes and goes while the operation wants to change it.
        let flip = || {
            if flips.get() > 0 {
                flips.set(flips.get() - 1);
                if map.pin().remove(&7).is_none() {
                    map.pin().insert(7, ledger.make(50));
                }
            }
        };
        let pinned = map.pin();
        let update = |value: &crate::support::Counted| {
            flip();
            ledger.make(value.tag() + 1)
        };
        let first = || {
            flip();
            ledger.make(1_000)
        };
        let value = pinned.update_or_insert_with(7, update, first).tag();
        // Removed; first made, inserted; updated, removed; first offered again.
        assert!([51, 1_000].contains(&value), "{value}");
        flips.set(1);
        assert!(pinned.update(7, update).is_none(), "removed meanwhile");
        drop(pinned);
        assert_eq!(map.len(), 19);
        finish(map);
        assert_eq!(ledger.live(), 0);
    });
}

fn insertions_whose_closure_inserts_the_key<S: TestHasher>() {
    watched(|| {
        for size in [0, 1, 4, 30, 180] {
            let map = numbered::<S>(size);
            let pinned = map.pin();
            let insert = |key, value| {
                pinned.insert(key, value);
                1_000
            };
            assert_eq!(pinned.get_or_insert_with(500, || insert(500, 1)), &1);
            assert_eq!(pinned.try_insert_with(501, || insert(501, 1)), Err(&1));
            assert_eq!(
                pinned.update_or_insert_with(502, |v| v + 5, || insert(502, 1)),
                &6
            );
            assert_eq!(pinned.len(), size as usize + 3);
            drop(pinned);
            finish(map);
        }
    });
}

fn closures_that_clear_or_take_once<S: TestHasher>() {
    watched(|| {
        for size in [1, 4, 30, 180] {
            let map = numbered::<S>(size);
            let (once, mut calls, mut taken) = (Cell::new(true), Vec::new(), None);
            map.pin().compute::<()>(0, |entry| {
                calls.push(entry.is_some());
                if once.replace(false) {
                    taken = Some(map.take());
                }
                Operation::Insert(7)
            });
            // Either the take has the change, or the map.
            let taken: Snapshot<u32, u32, S> = taken.unwrap();
            assert_eq!(taken.len(), size as usize);
            match taken[&0] {
                0 => assert_eq!((map.len(), map.pin().get(&0)), (1, Some(&7))),
                7 => assert!(map.is_empty()),
                other => panic!("{other}"),
            }
            map.pin().get_or_insert_with(1, || {
                map.clear();
                1
            });
            assert_eq!(map.pin().iter().next(), Some((&1, &1)));
            map.pin().update_or_insert_with(
                1,
                |value| {
                    if *value == 1 {
                        map.clear();
                    }
                    2
                },
                || 3,
            );
            // Cleared before the update or after it.
            let left: Vec<u32> = map.pin().values().copied().collect();
            assert!(left.is_empty() || left == [3], "{left:?}");
            finish(map);
        }
    });
}

/// Calls of a closure that must be enough.
const ENOUGH: usize = 1_000;

/// Runs each operation that takes a closure with one that does `inside` every time.
fn with_each_closure<S: TestHasher>(inside: impl Fn(&Numbers<S>)) {
    for (size, key) in [
        (0, 0),
        (1, 0),
        (1, 9),
        (20, 3),
        (20, 99),
        (400, 7),
        (400, 999),
    ] {
        let map = numbered::<S>(size);
        map.pin().remove(&1_000);
        let pinned = map.pin();
        let calls = Cell::new(0);
        let run = || {
            calls.set(calls.get() + 1);
            assert!(
                calls.get() < ENOUGH,
                "called for ever, of {size} keys for {key}"
            );
            inside(&map);
            1
        };
        let there = key < size;
        assert_eq!(pinned.update(key, |_| run()).is_some(), there);
        assert_eq!(pinned.update_or_insert_with(key, |_| run(), run), &1);
        pinned.compute::<()>(key, |_| Operation::Insert(run()));
        pinned.remove_if(&key, |_, _| run() == 1);
        assert!(!pinned.contains_key(&key));
        pinned.compute::<()>(key, |_| Operation::Insert(run()));
        pinned.compute::<()>(key, |_| {
            run();
            Operation::Remove
        });
        assert_eq!(pinned.get_or_insert_with(key, run), &1);
        assert_eq!(
            pinned.len(),
            size.max(key.min(size) + u32::from(there)) as usize + usize::from(!there)
        );
        drop(pinned);
        finish(map);
    }
}

fn closures_that_take_a_snapshot_each_time<S: TestHasher>() {
    watched(|| with_each_closure::<S>(|map| drop(map.snapshot())));
}

/// A value computed from a consistent view of the whole map.
fn closures_that_read_a_snapshot_each_time<S: TestHasher>() {
    watched(|| {
        with_each_closure::<S>(|map| {
            let snapshot = map.snapshot();
            assert_eq!(snapshot.iter().count(), snapshot.len());
        });
    });
}

fn retain_with_a_busy_closure<S: TestHasher>() {
    watched(|| {
        let map = numbered::<S>(200);
        let mut fresh = 1_000..;
        map.pin().retain(|key, _| {
            let next = fresh.next().unwrap();
            map.pin().insert(next, 0);
            map.pin().remove(&(key ^ 1));
            assert!(map.snapshot().contains_key(&next));
            key % 3 == 0
        });
        verify(&map);
        map.pin().retain(|_, _| {
            map.clear();
            false
        });
        assert!(map.is_empty());
        (0..100).for_each(|key| drop(map.pin().insert(key, 0)));
        let mut taken = Vec::new();
        map.pin().retain(|_, _| {
            taken.push(map.take());
            true
        });
        assert!(map.is_empty());
        assert_eq!(taken.iter().map(Snapshot::len).sum::<usize>(), 100);
        finish(map);
    });
}

fn iterators_amid_everything<S: TestHasher>() {
    watched(|| {
        let map = numbered::<S>(200);
        let pinned = map.pin();
        let mut snapshots = Vec::new();
        for (steps, (key, _)) in pinned.iter().enumerate() {
            snapshots.push(map.snapshot());
            pinned.remove(key);
            pinned.insert(key + 10_000, 0);
            if steps % 50 == 49 {
                snapshots.clear();
            }
            if steps == 150 {
                map.clear();
            }
        }
        drop(pinned);
        finish(map);
    });
}

// ---- destructors ----

/// A value that writes into its own map when it is dropped, as long as the budget lasts.
struct Echo<S: TestHasher> {
    map: Weak<TrieMap<u32, Echo<S>, S>>,
    budget: Arc<AtomicUsize>,
    dropped: Arc<AtomicUsize>,
}

impl<S: TestHasher> Echo<S> {
    fn again(&self) -> Self {
        let (budget, dropped) = (Arc::clone(&self.budget), Arc::clone(&self.dropped));
        Self {
            map: Weak::clone(&self.map),
            budget,
            dropped,
        }
    }
}

impl<S: TestHasher> Drop for Echo<S> {
    fn drop(&mut self) {
        let count = self.dropped.fetch_add(1, Relaxed);
        let spend = |left: usize| left.checked_sub(1);
        if self.budget.fetch_update(Relaxed, Relaxed, spend).is_err() {
            return;
        }
        let Some(map) = self.map.upgrade() else {
            return;
        };
        let key = count as u32 % 50;
        match count % 6 {
            0 => drop(map.pin().remove(&key)),
            1 => drop(map.snapshot().iter().count()),
            2 => map.pin().retain(|other, _| *other != key),
            3 => drop(map.fork()),
            4 => drop(map.pin().iter().count()),
            _ => drop(map.pin().insert(key, self.again())),
        }
    }
}

fn values_that_use_the_map_when_they_are_dropped<S: TestHasher>() {
    watched(|| {
        let map: Arc<TrieMap<u32, Echo<S>, S>> = Arc::default();
        let (budget, dropped) = (Arc::new(AtomicUsize::new(3_000)), Arc::default());
        let seed = Echo {
            map: Arc::downgrade(&map),
            budget,
            dropped,
        };
        for step in 0..3_000 {
            map.pin().insert(step % 50, seed.again());
            map.pin().refresh();
        }
        map.clear();
        for _ in 0..100 {
            map.pin().refresh();
        }
        verify(&map);
        let (budget, dropped) = (Arc::clone(&seed.budget), Arc::clone(&seed.dropped));
        assert!(
            budget.load(Relaxed) < 3_000,
            "no destructor ran while the map was there"
        );
        drop((map, seed));
        assert!(dropped.load(Relaxed) > 3_000);
        assert_eq!(
            (Arc::strong_count(&budget), Arc::strong_count(&dropped)),
            (1, 1)
        );
    });
}
