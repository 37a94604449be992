//! The workers.

use std::sync::atomic::Ordering::Relaxed;

use snaptrie::{Compute, CopyTrieMap, FlatMap, Operation, TrieMap};

use crate::World;

/// Keys `0..ACCOUNTS` are accounts.
pub(crate) const ACCOUNTS: u64 = 256;
/// The initial balance of each account.
pub(crate) const BALANCE: u64 = 1_000;
/// The most that one transfer moves.
pub(crate) const MOST: u64 = 10;
/// The first mark. Each worker has two marks, which it writes in order.
pub(crate) const MARKS: u64 = 1_000;
/// The first key that is inserted and removed again and again.
pub(crate) const CHURN: u64 = 1_000_000;

/// The operations of workers, for any kind of map.
pub(crate) trait Ledger {
    fn get(&self, key: u64) -> Option<u64>;
    fn insert(&self, key: u64, value: u64) -> Option<u64>;
    fn remove(&self, key: u64) -> Option<u64>;

    /// Withdraws this amount from an account, if it has enough.
    fn withdraw(&self, account: u64, amount: u64) -> bool;
    fn deposit(&self, account: u64, amount: u64);
}

macro_rules! by_reference {
    ($Map:ident) => {
        impl Ledger for $Map<u64, u64> {
            fn get(&self, key: u64) -> Option<u64> {
                self.pin().get(&key).copied()
            }
            fn insert(&self, key: u64, value: u64) -> Option<u64> {
                self.pin().insert(key, value).copied()
            }
            fn remove(&self, key: u64) -> Option<u64> {
                self.pin().remove(&key).copied()
            }
            fn withdraw(&self, account: u64, amount: u64) -> bool {
                let pinned = self.pin();
                let outcome = pinned.compute(account, |entry| match entry {
                    Some((_, balance)) if *balance >= amount => Operation::Insert(balance - amount),
                    _ => Operation::Abort(()),
                });
                matches!(outcome, Compute::Updated { .. })
            }
            fn deposit(&self, account: u64, amount: u64) {
                let pinned = self.pin();
                pinned.update(account, |balance| balance + amount).expect("an account");
            }
        }
    };
}

by_reference!(TrieMap);
by_reference!(FlatMap);

impl Ledger for CopyTrieMap<u64, u64> {
    fn get(&self, key: u64) -> Option<u64> {
        self.get(&key)
    }
    fn insert(&self, key: u64, value: u64) -> Option<u64> {
        self.insert(key, value)
    }
    fn remove(&self, key: u64) -> Option<u64> {
        self.remove(&key)
    }
    fn withdraw(&self, account: u64, amount: u64) -> bool {
        let outcome = self.compute(account, |entry| match entry {
            Some((_, balance)) if balance >= amount => Operation::Insert(balance - amount),
            _ => Operation::Abort(()),
        });
        matches!(outcome, Compute::Updated { .. })
    }
    fn deposit(&self, account: u64, amount: u64) {
        self.update(&account, |balance| balance + amount).expect("an account");
    }
}

/// The value of a key from [`CHURN`] on.
pub(crate) fn value_of(key: u64) -> u64 {
    key.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

pub(crate) fn open_accounts(map: &impl Ledger) {
    (0..ACCOUNTS).for_each(|account| assert!(map.insert(account, BALANCE).is_none()));
}

/// Only while no transfer is in progress.
pub(crate) fn check_accounts(map: &impl Ledger) {
    let total: u64 = (0..ACCOUNTS).filter_map(|account| map.get(account)).sum();
    assert_eq!(total, ACCOUNTS * BALANCE, "transfers lost or made something");
}

/// One worker and its knowledge of the maps.
struct Worker {
    random: u64,
    /// The last value of its marks, in each map.
    marks: [u64; 3],
    /// The last value that it saw of each worker's marks, in each map.
    seen: [Vec<u64>; 3],
    id: u64,
}

impl Worker {
    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 16) % end
    }

    /// Does one or two operations on the map with this number.
    fn step(&mut self, map: &impl Ledger, number: usize, keys: u64, grow: bool) {
        match self.below(16) {
            0..3 => self.transfer(map),
            3 => {
                self.marks[number] += 1;
                let (mark, first) = (self.marks[number], MARKS + 2 * self.id);
                map.insert(first, mark);
                map.insert(first + 1, mark);
            }
            4 => {
                let other = self.below(self.seen[number].len() as u64);
                let now = map.get(MARKS + 2 * other).unwrap_or(0);
                let before = &mut self.seen[number][other as usize];
                assert!(now >= *before, "a mark went back from {before} to {now}");
                *before = now;
            }
            5..9 => {
                let key = CHURN + self.below(keys);
                assert!(map.get(key).is_none_or(|value| value == value_of(key)));
            }
            kind => {
                let key = CHURN + self.below(keys);
                let old = if (kind < 14) == grow {
                    map.insert(key, value_of(key))
                } else {
                    map.remove(key)
                };
                assert!(old.is_none_or(|value| value == value_of(key)), "a value of another key");
            }
        }
    }

    /// Withdraws from one account, if it has enough, and then deposits to another.
    fn transfer(&mut self, map: &impl Ledger) {
        let (from, to) = (self.below(ACCOUNTS), self.below(ACCOUNTS));
        let amount = 1 + self.below(MOST);
        if map.withdraw(from, amount) {
            map.deposit(to, amount);
        }
    }
}

/// Works on all maps until the run ends.
pub(crate) fn work(world: &World, id: u64) {
    let marks_seen = || vec![0; world.workers as usize];
    let mut worker = Worker {
        random: 0x9e37_79b9_7f4a_7c15 ^ (id + 1),
        marks: [0; 3],
        seen: [marks_seen(), marks_seen(), marks_seen()],
        id,
    };
    let mut round = 0_u64;
    while world.goes_on() {
        round += 1;
        // Mostly insertions for a while, then mostly removals.
        let grow = round / 2_000 % 2 == 0;
        for _ in 0..64 {
            worker.step(&world.boxed, 0, world.keys, grow);
            worker.step(&world.inline, 1, world.keys, grow);
            worker.step(&world.flat, 2, world.keys, grow);
        }
        let ticket = round * world.workers + id;
        world.queue.pin().insert(ticket, round);
        world.queued.fetch_add(1, Relaxed);
        world.operations.fetch_add(3 * 64 + 1, Relaxed);
    }
}
