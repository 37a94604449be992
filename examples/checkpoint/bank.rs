//! The workload of the example, and the invariants that hold for it at every instant.
//!
//! An operation on a map is atomic for its key only. So the invariants follow from the order of each writer's
//! operations. In round `n` a writer
//!
//! 1. sets its key `Begun` to `n`,
//! 2. moves an amount, a function of `n`, from one account to another,
//! 3. inserts its key `Item(n)`, and removes `Item(n - w)`, where `w` is the value of the key `Window`,
//! 4. sets its key `Done` to `n`.
//!
//! So at every instant, for every writer, `Begun - Done` is 0 or 1, the items have no gap, and the newest and the
//! oldest item belong to round `Begun` or `Done`. The accounts hold the initial sum, less at most the amounts of
//! the rounds in progress. A walk over the live map instead of a snapshot would soon violate this.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde::{Deserialize, Serialize};
use snaptrie::{Compute, Operation, Pinned, Snapshot, TrieMap};

const ACCOUNTS: u64 = 1_000;

/// Initial balance of each account.
const BALANCE: u64 = 1_000;

/// Map operations in one round of a writer.
pub(crate) const ROUND: u64 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Key {
    /// The last round that a writer has begun.
    Begun(u32),
    /// The last round that a writer has finished.
    Done(u32),
    /// What a writer inserted in a round.
    Item(u32, u64),
    Account(u64),
    /// The number of items that a writer keeps.
    Window,
}

pub(crate) type Map = TrieMap<Key, u64>;
pub(crate) type State = Snapshot<Key, u64>;

/// A map before the first round.
pub(crate) fn new(writers: u32, window: u64) -> Map {
    let accounts = (0..ACCOUNTS).map(|number| (Key::Account(number), BALANCE));
    let rounds = (0..writers).flat_map(|w| [(Key::Begun(w), 0), (Key::Done(w), 0)]);
    accounts.chain(rounds).chain([(Key::Window, window)]).collect()
}

/// Number of writers of a state.
pub(crate) fn writers(state: &State) -> u32 {
    (0..).take_while(|writer| state.contains_key(&Key::Begun(*writer))).count() as u32
}

/// Number of finished rounds of all writers.
pub(crate) fn rounds(state: &State) -> u64 {
    (0..).map_while(|writer| state.get(&Key::Done(writer))).sum()
}

/// Undoes the rounds that were in progress when the state was saved. Money that was withdrawn and not yet
/// deposited goes to the first account.
pub(crate) fn settle(map: &Map) {
    let state = map.snapshot();
    let window = state[&Key::Window];
    let map = map.pin();
    for writer in 0..writers(&state) {
        let (begun, done) = (state[&Key::Begun(writer)], state[&Key::Done(writer)]);
        if begun == done {
            continue;
        }
        map.remove(&Key::Item(writer, begun));
        if begun > window {
            map.insert(Key::Item(writer, begun - window), scramble(begun - window));
        }
        map.insert(Key::Begun(writer), done);
    }
    let missing = ACCOUNTS * BALANCE - sum(&state);
    map.update(Key::Account(0), |balance| balance + missing);
}

/// Does one round after the other.
pub(crate) fn write(map: &Map, writer: u32, stop: &AtomicBool) {
    let mut round = map.pin()[&Key::Done(writer)];
    let window = map.pin()[&Key::Window];
    while !stop.load(Relaxed) {
        round += 1;
        // One handle per round, so that replaced entries can be freed soon.
        let map = map.pin();
        map.insert(Key::Begun(writer), round);
        transfer(&map, writer, round);
        map.insert(Key::Item(writer, round), scramble(round));
        if round > window {
            map.remove(&Key::Item(writer, round - window));
        }
        map.insert(Key::Done(writer), round);
    }
}

/// Moves an amount between two accounts, if the balance allows it.
fn transfer(map: &Pinned<'_, Key, u64>, writer: u32, round: u64) {
    let dice = scramble(u64::from(writer) << 40 | round);
    let (from, to) = (Key::Account(dice % ACCOUNTS), Key::Account((dice >> 20) % ACCOUNTS));
    let amount = amount(writer, round);
    let withdrawn = map.compute(from, |entry| match entry {
        Some((_, balance)) if *balance >= amount => Operation::Insert(balance - amount),
        _ => Operation::Abort(()),
    });
    if matches!(withdrawn, Compute::Updated { .. }) {
        map.update(to, |balance| balance + amount);
    }
}

fn amount(writer: u32, round: u64) -> u64 {
    1 + scramble(round ^ u64::from(writer)) % 100
}

/// A number that looks random (the finalizer of SplitMix64).
fn scramble(number: u64) -> u64 {
    let mut n = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// Checks the invariants.
pub(crate) fn check(state: &State) -> Result<(), String> {
    let round = |key| state.get(&key).copied().ok_or_else(|| format!("{key:?} is missing"));
    let window = round(Key::Window)?;
    let mut entries = ACCOUNTS + 1;
    let mut in_transit = 0;
    for writer in 0..writers(state) {
        let (begun, done) = (round(Key::Begun(writer))?, round(Key::Done(writer))?);
        expect(begun == done || begun == done + 1, || {
            format!("writer {writer} has begun round {begun} and is done with {done}")
        })?;
        if begun > done {
            in_transit += amount(writer, begun);
        }
        entries += 2 + check_items(state, writer, (begun, done), window)?;
    }
    let (initial, now) = (ACCOUNTS * BALANCE, sum(state));
    expect(now <= initial && initial - now <= in_transit, || {
        format!("{now} in the accounts; {initial} less at most {in_transit} must be there")
    })?;
    expect(state.len() as u64 == entries, || {
        format!("{} entries, but {entries} belong to the writers and accounts", state.len())
    })
}

/// Checks the items of a writer. Returns their number.
fn check_items(
    state: &State,
    writer: u32,
    (begun, done): (u64, u64),
    window: u64,
) -> Result<u64, String> {
    let has = |round| state.contains_key(&Key::Item(writer, round));
    let inserted = begun > done && has(begun);
    let newest = if inserted { begun } else { done };
    // Only the round in progress can have removed this item, after inserting its own.
    let oldest = (done + 1).saturating_sub(window).max(1);
    let removed = inserted && begun > window && !has(oldest);
    let oldest = oldest + u64::from(removed);
    for round in oldest..=newest {
        let value = state.get(&Key::Item(writer, round));
        expect(value == Some(&scramble(round)), || {
            format!("writer {writer}: item {round} of {oldest} to {newest} is {value:?}")
        })?;
    }
    Ok(newest + 1 - oldest)
}

fn expect(holds: bool, what: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what()) }
}

/// Sum of all balances.
fn sum(state: &State) -> u64 {
    let balance = |(key, value): (&Key, &u64)| matches!(key, Key::Account(_)).then_some(*value);
    state.iter().filter_map(balance).sum()
}
