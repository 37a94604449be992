//! Histories of a few keys, and whether some order of their operations explains them.
//!
//! After Wing and Gong, "Testing and Verifying Concurrent Objects", JPDC 1993, with the memo of
//! finished sets from Lowe, "Testing for Linearizability", 2017. A state is the content of all keys,
//! so that a snapshot is an operation like others, one whose result is the whole state.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this module")]

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash};
use std::sync::atomic::{AtomicU64, Ordering};

use snaptrie::{Compute, Operation};

use crate::tested::Handle;

/// Keys `0..KEYS`.
pub const KEYS: usize = 3;

/// What each key holds.
pub type State = [Option<u16>; KEYS];

/// An operation on a map of `u8` to `u16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Get(u8),
    /// Looks up all keys together; this one's value.
    GetMany(u8),
    Insert(u8, u16),
    GetOrInsert(u8, u16),
    /// Adds to the value that is there.
    Update(u8, u16),
    /// Adds one to the value that is there, or inserts this one.
    UpdateOrInsert(u8, u16),
    /// Removes the entry that is there, or inserts this value: a `compute`.
    Flip(u8, u16),
    Remove(u8),
    /// Removes the entry if its value is odd.
    RemoveOdd(u8),
    Snapshot,
    Fork,
    Take,
}

impl Op {
    /// Whether it is about the whole map.
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Snapshot | Self::Fork | Self::Take)
    }
}

/// What an operation returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// The value that was there, or (for `GetOrInsert` and the updates) is there.
    Value(Option<u16>),
    /// What was in the whole map.
    Whole(State),
}

/// An operation as it was seen from outside.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    called: u64,
    returned: u64,
    op: Op,
    output: Output,
}

/// Records the operations of all threads in one order of calls and returns.
#[derive(Debug, Default)]
pub struct Clock(AtomicU64);

impl Clock {
    fn tick(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// Runs an operation and records it. The result of a snapshot may be read after it returned.
    pub fn record<H>(
        &self,
        op: Op,
        run: impl FnOnce() -> H,
        read: impl FnOnce(H) -> Output,
    ) -> Event {
        let called = self.tick();
        let handle = run();
        let returned = self.tick();
        Event { called, returned, op, output: read(handle) }
    }
}

/// A value of a map under test.
pub trait Numbered {
    fn number(&self) -> u16;
}

impl Numbered for u16 {
    fn number(&self) -> u16 {
        *self
    }
}

/// Runs an operation of one key and records it.
pub(crate) fn perform<K, V, S>(
    clock: &Clock,
    pinned: &impl Handle<Key = K, Value = V, Hasher = S>,
    op: Op,
    key: impl Fn(u8) -> K,
    make: impl Fn(u16) -> V,
) -> Event
where
    K: Hash + Eq,
    V: Numbered,
    S: BuildHasher,
{
    let seen = |value: Option<&V>| Output::Value(value.map(V::number));
    let plus = |value: &V, more: u16| make(value.number().wrapping_add(more));
    match op {
        Op::Get(k) => clock.record(op, || pinned.get(&key(k)), seen),
        Op::GetMany(k) => {
            let keys: Vec<K> = (0..KEYS as u8).map(&key).collect();
            clock.record(op, || pinned.get_many(&keys).nth(k.into()).flatten(), seen)
        }
        Op::Insert(k, new) => clock.record(op, || pinned.insert(key(k), make(new)), seen),
        Op::GetOrInsert(k, new) => {
            clock.record(op, || pinned.get_or_insert_with(key(k), || make(new)), |v| seen(Some(v)))
        }
        Op::Update(k, more) => {
            clock.record(op, || pinned.update(key(k), |value| plus(value, more)), seen)
        }
        Op::UpdateOrInsert(k, new) => {
            let first = || make(new);
            let update = || pinned.update_or_insert_with(key(k), |value| plus(value, 1), first);
            clock.record(op, update, |value| seen(Some(value)))
        }
        Op::Flip(k, new) => {
            let flip = || {
                pinned.compute(key(k), |entry| match entry {
                    Some(_) => Operation::Remove,
                    None => Operation::<V, ()>::Insert(make(new)),
                })
            };
            clock.record(op, flip, |done| match done {
                Compute::Inserted(_, value) => {
                    assert_eq!(value.number(), new);
                    Output::Value(None)
                }
                Compute::Removed(_, value) => seen(Some(value)),
                _ => panic!("a flip that did neither"),
            })
        }
        Op::Remove(k) => clock.record(op, || pinned.remove(&key(k)), seen),
        Op::RemoveOdd(k) => {
            let remove = || pinned.remove_if(&key(k), |_, value| value.number() % 2 == 1);
            clock.record(op, remove, |entry| seen(entry.map(|(_, value)| value)))
        }
        Op::Snapshot | Op::Fork | Op::Take => panic!("not an operation of one key"),
    }
}

/// What an operation does to a map, one at a time.
fn step(mut state: State, op: Op) -> (State, Output) {
    let output = match op {
        Op::Get(key) | Op::GetMany(key) => Output::Value(state[key as usize]),
        Op::Insert(key, value) => Output::Value(state[key as usize].replace(value)),
        Op::GetOrInsert(key, value) => {
            Output::Value(Some(*state[key as usize].get_or_insert(value)))
        }
        Op::Update(key, more) => {
            let value = &mut state[key as usize];
            *value = value.map(|value| value.wrapping_add(more));
            Output::Value(*value)
        }
        Op::UpdateOrInsert(key, new) => {
            let value = &mut state[key as usize];
            *value = Some(value.map_or(new, |value| value.wrapping_add(1)));
            Output::Value(*value)
        }
        Op::Flip(key, new) => {
            let value = &mut state[key as usize];
            let old = *value;
            *value = if old.is_some() { None } else { Some(new) };
            Output::Value(old)
        }
        Op::Remove(key) => Output::Value(state[key as usize].take()),
        Op::RemoveOdd(key) => Output::Value(state[key as usize].take_if(|value| *value % 2 == 1)),
        Op::Snapshot | Op::Fork => Output::Whole(state),
        Op::Take => Output::Whole(std::mem::take(&mut state)),
    };
    (state, output)
}

/// Whether some order of the operations, in which none comes before one that had returned when it
/// was called, gives every operation the output that it had.
pub fn linearizable(history: &[Event]) -> bool {
    assert!(history.len() < 64, "a history of at most 63 operations");
    let mut dead_ends = HashSet::new();
    extend(history, 0, State::default(), &mut dead_ends)
}

fn extend(
    history: &[Event],
    done: u64,
    state: State,
    dead_ends: &mut HashSet<(u64, State)>,
) -> bool {
    let open = |index: &usize| done >> index & 1 == 0;
    let Some(first_return) =
        (0..history.len()).filter(open).map(|index| history[index].returned).min()
    else {
        return true;
    };
    if dead_ends.contains(&(done, state)) {
        return false;
    }
    let found = (0..history.len()).filter(open).any(|index| {
        let event = history[index];
        let (next, output) = step(state, event.op);
        event.called < first_return
            && output == event.output
            && extend(history, done | 1 << index, next, dead_ends)
    });
    if !found {
        dead_ends.insert((done, state));
    }
    found
}

/// Panics with the history if it is not linearizable.
pub fn assert_linearizable(history: &[Event]) {
    if !linearizable(history) {
        let mut history = history.to_vec();
        history.sort_by_key(|event| event.called);
        let lines: Vec<String> = history.iter().map(|event| format!("{event:?}")).collect();
        panic!("no order explains this history:\n{}", lines.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(called: u64, returned: u64, op: Op, output: Output) -> Event {
        Event { called, returned, op, output }
    }

    #[test]
    fn the_checker_takes_overlapping_operations_in_either_order() {
        let insert = event(0, 3, Op::Insert(0, 7), Output::Value(None));
        for seen in [None, Some(7)] {
            assert!(linearizable(&[insert, event(1, 2, Op::Get(0), Output::Value(seen))]));
        }
    }

    #[test]
    fn the_checker_refuses_a_read_of_what_was_overwritten() {
        let first = event(0, 1, Op::Insert(0, 7), Output::Value(None));
        let second = event(2, 3, Op::Insert(0, 8), Output::Value(Some(7)));
        let get = |value| event(4, 5, Op::Get(0), Output::Value(value));
        assert!(linearizable(&[first, second, get(Some(8))]));
        assert!(!linearizable(&[first, second, get(Some(7))]));
    }

    #[test]
    fn the_checker_refuses_a_lost_update() {
        let first = event(0, 1, Op::Insert(0, 5), Output::Value(None));
        let update = |called, new| event(called, 9, Op::Update(0, 1), Output::Value(Some(new)));
        assert!(linearizable(&[first, update(2, 6), update(3, 7)]));
        assert!(!linearizable(&[first, update(2, 6), update(3, 6)]));
    }

    #[test]
    fn the_checker_refuses_two_first_insertions() {
        let insert = |new, got| event(0, 9, Op::GetOrInsert(0, new), Output::Value(Some(got)));
        assert!(linearizable(&[insert(1, 1), insert(2, 1)]));
        assert!(!linearizable(&[insert(1, 1), insert(2, 2)]));
    }

    #[test]
    fn the_checker_refuses_a_removal_that_two_threads_had() {
        let first = event(0, 1, Op::Insert(0, 5), Output::Value(None));
        let remove = |value| event(2, 9, Op::Remove(0), Output::Value(value));
        assert!(linearizable(&[first, remove(Some(5)), remove(None)]));
        assert!(!linearizable(&[first, remove(Some(5)), remove(Some(5))]));
    }

    #[test]
    fn the_checker_refuses_a_value_from_nowhere() {
        assert!(!linearizable(&[event(0, 1, Op::Get(0), Output::Value(Some(1)))]));
    }

    #[test]
    fn the_checker_refuses_two_snapshots_that_saw_writes_in_opposite_orders() {
        let write = |key| event(0, 9, Op::Insert(key, 1), Output::Value(None));
        let shot = |state| event(0, 9, Op::Snapshot, Output::Whole(state));
        let (first, second) = ([Some(1), None, None], [None, Some(1), None]);
        assert!(linearizable(&[write(0), write(1), shot(first), shot([Some(1), Some(1), None])]));
        assert!(!linearizable(&[write(0), write(1), shot(first), shot(second)]));
    }

    #[test]
    fn the_checker_refuses_a_write_that_take_left_behind_and_returned() {
        let write = event(0, 1, Op::Insert(0, 1), Output::Value(None));
        let take = event(2, 3, Op::Take, Output::Whole([Some(1), None, None]));
        let get = |value| event(4, 5, Op::Get(0), Output::Value(value));
        assert!(linearizable(&[write, take, get(None)]));
        assert!(!linearizable(&[write, take, get(Some(1))]));
    }

    #[test]
    fn the_checker_refuses_a_torn_snapshot() {
        let first = event(0, 1, Op::Insert(0, 1), Output::Value(None));
        let second = event(2, 3, Op::Insert(1, 1), Output::Value(None));
        let torn = Output::Whole([None, Some(1), None]);
        assert!(!linearizable(&[first, second, event(0, 9, Op::Snapshot, torn)]));
    }
}
