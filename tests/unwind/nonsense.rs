//! Keys whose `Hash` and `Eq` break the rules: what the map then holds is open, but nothing
//! crashes, hangs, leaks or grows without bound.

use std::cell::Cell;
use std::hash::{Hash, Hasher};

use super::Map;
use crate::support::{Counted, Ledger, Numbers, Tested, over_hashers, scaled, watched};

over_hashers!(
    hashes_at_random,
    never_equal,
    always_equal,
    equal_at_random,
    hashes_that_change_after_the_insertion,
);

/// How a key breaks the rules.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    RandomHash,
    NeverEqual,
    AlwaysEqual,
    RandomEqual,
}

struct Key {
    counted: Counted,
    fault: Fault,
}

thread_local! {
    static NUMBERS: Cell<u64> = const { Cell::new(0) };
}

fn random() -> u64 {
    let mut numbers = Numbers(NUMBERS.get());
    let number = numbers.next();
    NUMBERS.set(numbers.0);
    number
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let number = if self.fault == Fault::RandomHash { random() } else { self.counted.tag() };
        number.hash(state);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        let equal = self.counted == other.counted;
        match self.fault {
            Fault::RandomHash => equal,
            Fault::NeverEqual => false,
            Fault::AlwaysEqual => true,
            Fault::RandomEqual => random() % 2 == 0,
        }
    }
}

impl Eq for Key {}

/// Calls everything. Returns how many keys were inserted.
fn use_everything(map: &Map<Key, Counted>, make: impl Fn(u64) -> Key, ledger: Ledger) -> usize {
    let (before, mut inserted) = (map.len(), 0);
    for step in 0..scaled(480) {
        let tag = step % 50;
        let (key, value) = (make(tag), ledger.make(tag));
        let pinned = map.handle();
        inserted += 1;
        match step % 12 {
            0..3 => _ = pinned.insert(key, value),
            3 => _ = pinned.try_insert(key, value).is_ok(),
            4 => _ = pinned.get_or_insert(key, value),
            5 => _ = pinned.update(key, Clone::clone),
            6 => _ = pinned.update_or_insert(key, Clone::clone, value),
            7 => _ = pinned.remove(&key).map(Counted::tag),
            8 => _ = pinned.remove_if(&key, |_, value| value.tag() == tag),
            9 => _ = pinned.get(&key).map(Counted::tag),
            10 => pinned.retain(|key, _| key.counted.tag() != tag),
            _ => _ = <Map<Key, Counted> as Tested>::entries(&map.version()).count(),
        }
        assert!(pinned.len() <= before + inserted);
    }
    inserted
}

fn survives(fault: Fault) {
    watched(move || {
        let ledger = Ledger::new();
        let make = |tag| Key { counted: ledger.make(tag), fault };
        let map = Map::<Key, Counted>::default();
        let first = use_everything(&map, make, ledger);
        let version = map.version();
        let held = || <Map<Key, Counted> as Tested>::entries(&version).count();
        let in_version = held();
        assert!(in_version <= first);
        let inserted = first + use_everything(&map, make, ledger);
        assert!(map.len() <= inserted && map.handle().iter().count() == map.len());
        assert_eq!(held(), in_version);
        assert!(ledger.live() <= 2 * inserted + 2 * in_version);
        let other = Map::<Key, Counted>::default();
        use_everything(&other, make, ledger);
        let equal = map == other;
        assert!(!equal || fault != Fault::NeverEqual || map.is_empty());
        let taken = map.take();
        assert!(map.is_empty());
        use_everything(&map, make, ledger);
        drop((map, version, taken));
        assert_eq!(
            other.handle().iter().map(|(key, _)| key.counted.tag()).max().is_some(),
            !other.is_empty()
        );
        drop(other);
        assert_eq!(ledger.live(), 0);
    });
}

fn hashes_at_random() {
    survives(Fault::RandomHash);
}

fn never_equal() {
    survives(Fault::NeverEqual);
}

fn always_equal() {
    survives(Fault::AlwaysEqual);
}

fn equal_at_random() {
    survives(Fault::RandomEqual);
}

/// A key whose hash is its present content.
#[derive(PartialEq, Eq)]
struct Changing(Cell<u64>);

impl Hash for Changing {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.get().hash(state);
    }
}

fn hashes_that_change_after_the_insertion() {
    watched(|| {
        let ledger = Ledger::new();
        let map = Map::<Changing, Counted>::default();
        let change = |map: &Map<Changing, Counted>| {
            map.handle().keys().for_each(|key| key.0.set(key.0.get() + 1_000));
        };
        for step in 0..1_000 {
            map.handle().insert(Changing(Cell::new(step)), ledger.make(step));
            if step % 100 == 0 {
                change(&map);
                drop(map.version());
            }
        }
        change(&map);
        assert!(map.len() <= 1_000);
        for key in 0..4_000 {
            map.handle().remove(&Changing(Cell::new(key)));
        }
        map.handle().retain(|key, _| key.0.get() % 2 == 0);
        drop(map);
        assert_eq!(ledger.live(), 0);
    });
}
