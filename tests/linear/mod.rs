//! Histories of a few keys, and whether some order of their operations explains them.
//!
//! After Wing and Gong, "Testing and Verifying Concurrent Objects", JPDC 1993, with the memo of
//! finished sets from Lowe, "Testing for Linearizability", 2017. A state is the content of all keys,
//! so that a snapshot is an operation like others, one whose result is the whole state.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part of this module")]

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// Keys `0..KEYS`.
pub const KEYS: usize = 3;

/// What each key holds.
pub type State = [Option<u16>; KEYS];

/// An operation on a map of `u8` to `u16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Get(u8),
    Insert(u8, u16),
    GetOrInsert(u8, u16),
    Remove(u8),
    Snapshot,
    Take,
}

/// What an operation returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// The value that was there, or (for `GetOrInsert`) is there.
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

/// What an operation does to a map, one at a time.
fn step(mut state: State, op: Op) -> (State, Output) {
    let output = match op {
        Op::Get(key) => Output::Value(state[key as usize]),
        Op::Insert(key, value) => Output::Value(state[key as usize].replace(value)),
        Op::GetOrInsert(key, value) => {
            Output::Value(Some(*state[key as usize].get_or_insert(value)))
        }
        Op::Remove(key) => Output::Value(state[key as usize].take()),
        Op::Snapshot => Output::Whole(state),
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
    fn the_checker_refuses_a_torn_snapshot() {
        let first = event(0, 1, Op::Insert(0, 1), Output::Value(None));
        let second = event(2, 3, Op::Insert(1, 1), Output::Value(None));
        let torn = Output::Whole([None, Some(1), None]);
        assert!(!linearizable(&[first, second, event(0, 9, Op::Snapshot, torn)]));
    }
}
