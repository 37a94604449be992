//! Single operations on a map, and the same ones on a model of it.

use std::collections::BTreeMap;

use snaptrie::{Compute, Operation};

use super::hooks::{Event, Eventful, happens};
use super::{Chosen, Handle, Ledger, Tested};

pub(crate) type Model = BTreeMap<u32, u32>;

/// A map of keys at which things happen.
pub(crate) trait TouchyMap:
    Tested<Key: Eventful, Value = u32, Hasher = Chosen> + FromIterator<(Self::Key, u32)>
{
}

impl<M> TouchyMap for M where
    M: Tested<Key: Eventful, Value = u32, Hasher = Chosen> + FromIterator<(M::Key, u32)>
{
}

/// An operation, with its key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
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
pub(crate) enum Found {
    Value(Option<u32>),
    All(Model),
    Nothing,
}

/// The value of what is inserted.
pub(crate) const NEW: u32 = 1_000_000;

/// What a map or snapshot holds.
pub(crate) fn model_of<'a, K: Eventful>(
    entries: impl IntoIterator<Item = (&'a K, &'a u32)>,
) -> Model {
    entries.into_iter().map(|(key, value)| (key.tag() as u32, *value)).collect()
}

/// The value that was there before, or was not, by the value that is there now.
fn before(now: u32) -> Option<u32> {
    (now != NEW).then(|| now - 1)
}

impl Op {
    /// Does it.
    pub(crate) fn run<M: TouchyMap>(self, map: &M, ledger: Ledger) -> Found {
        let key = |tag: u32| M::Key::make(ledger, u64::from(tag));
        let pinned = map.handle();
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
                let condition = |_: &M::Key, _: &u32| {
                    happens(Event::Closure);
                    true
                };
                pinned.remove_if(&key(tag), condition).map(|(_, value)| *value)
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
            Self::Snapshot => return Found::All(model_of(M::entries(&map.version()))),
            Self::Take => return Found::All(model_of(M::entries(&map.take()))),
        })
    }

    /// Does it to the model.
    pub(crate) fn run_on_model(self, model: &mut Model) -> Found {
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
                model.entry(key).and_modify(|value| *value += 1).or_insert(NEW);
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

fn compute<K: Eventful>(
    pinned: &impl Handle<Key = K, Value = u32, Hasher = Chosen>,
    key: K,
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

/// A key that is in every map that is not too small.
pub(crate) const PRESENT: u32 = 1;
/// A key that is in no map at first.
pub(crate) const ABSENT: u32 = 2_001;

/// Whether the operation is one that such maps have.
fn is_of<M: Tested>(op: &Op) -> bool {
    M::VERSIONS || !matches!(op, Op::Snapshot | Op::Take)
}

/// Every operation, on a key that is there and on one that is not.
pub(crate) fn all_operations<M: Tested>() -> impl Iterator<Item = Op> {
    let of_a_key = |key| {
        use Op::{
            ComputeAbort, ComputeInsert, ComputeRemove, Get, GetOrInsertWith, Insert, Remove,
            RemoveIf, TryInsert, Update, UpdateOrInsert,
        };
        [Get(key), Insert(key), TryInsert(key), GetOrInsertWith(key), Update(key)]
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
    let of_the_map = [Op::Clear, Op::Snapshot, Op::Take].into_iter().filter(is_of::<M>);
    of_a_key(PRESENT).chain(of_a_key(ABSENT)).chain(of_the_map)
}

/// A few operations, on these keys and on others.
pub(crate) fn some_operations<M: Tested>() -> impl Iterator<Item = Op> {
    let of_a_key = |key| [Op::Insert(key), Op::Remove(key), Op::UpdateOrInsert(key)];
    let keys = [PRESENT, ABSENT, PRESENT + 1, ABSENT + 1];
    let of_the_map = [Op::Retain, Op::Clear, Op::Snapshot, Op::Take].into_iter();
    keys.into_iter().flat_map(of_a_key).chain(of_the_map.filter(is_of::<M>))
}

/// A map of keys `0..size`, each with ten times itself as its value.
pub(crate) fn touchy_map<M: TouchyMap>(size: u32, ledger: Ledger) -> (M, Model) {
    let entries = (0..size).map(|key| (key, key * 10));
    let map: M = std::iter::empty().collect();
    // One by one: a map that is made of them all at once has room to spare in its leaves.
    for (key, value) in entries.clone() {
        map.handle().insert(M::Key::make(ledger, u64::from(key)), value);
    }
    (map, entries.collect())
}
