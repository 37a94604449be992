//! Destructors that panic: every other one runs, exactly once.

use std::hash::{Hash, Hasher};
use std::panic::{panic_any, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::Map;
use crate::support::{
    Chosen, Counted, Ledger, OnPurpose, Tested, catch, is_on_purpose, over_hashers,
    panic_on_purpose, panics, quieten, refresh_until, verify,
};

over_hashers!(
    dropping_a_map_passes_the_panic_on,
    keys_that_panic,
    every_destructor_panics,
    clearing_a_map,
    insertions_do_not_panic_for_others,
    handles_and_flushes_do_not_panic_for_others,
    unused_arguments_that_panic,
    dropping_a_map_while_panicking,
    payloads_that_panic_themselves,
);

/// Panics when it is dropped, if its tag is a multiple of `every`. What it counts by is dropped all
/// the same.
pub(super) struct Bomb {
    counted: Counted,
    every: u64,
    exploded: Arc<AtomicUsize>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.counted.tag() % self.every == 0 {
            self.exploded.fetch_add(1, Relaxed);
            panic_on_purpose(self.counted.tag() as u32);
        }
    }
}

impl Hash for Bomb {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.counted.hash(state);
    }
}

impl PartialEq for Bomb {
    fn eq(&self, other: &Self) -> bool {
        self.counted == other.counted
    }
}

impl Eq for Bomb {}

/// Makes bombs, and knows which of them are left.
#[derive(Clone)]
pub(super) struct Factory {
    pub(super) ledger: Ledger,
    every: u64,
    exploded: Arc<AtomicUsize>,
}

impl Factory {
    pub(super) fn new(every: u64) -> Self {
        quieten();
        Self { ledger: Ledger::new(), every, exploded: Arc::default() }
    }

    pub(super) fn make(&self, tag: u64) -> Bomb {
        let (counted, exploded) = (self.ledger.make(tag), Arc::clone(&self.exploded));
        Bomb { counted, every: self.every, exploded }
    }

    pub(super) fn filled(&self, keys: std::ops::Range<u64>) -> Map<u64, Bomb> {
        let map = Map::with_private_collector(Chosen::default());
        keys.for_each(|key| {
            map.pin().insert(key, self.make(key));
        });
        map
    }

    /// All destructors have run, and this many of them panicked.
    pub(super) fn assert_all_gone(&self, exploded: usize) {
        assert_eq!(self.ledger.tags(), []);
        assert_eq!(self.exploded.load(Relaxed), exploded);
    }
}

/// Whether a body panics, with what a bomb throws.
pub(super) fn explodes(body: impl FnOnce()) -> bool {
    match catch(body) {
        Ok(()) => false,
        Err(payload) => {
            assert!(is_on_purpose(&*payload));
            true
        }
    }
}

fn dropping_a_map_passes_the_panic_on() {
    for keys in [1, 5, 50, 300] {
        let bombs = Factory::new(10);
        let map = bombs.filled(0..keys);
        (0..keys / 2).for_each(|key| _ = map.pin().remove(&key));
        assert!(explodes(|| drop(map)));
        bombs.assert_all_gone(keys.div_ceil(10) as usize);
    }
    let harmless = Factory::new(10);
    let map = harmless.filled(1..10);
    assert!(!explodes(|| drop(map)));
    harmless.assert_all_gone(0);
}

fn keys_that_panic() {
    let bombs = Factory::new(7);
    let map = Map::<Bomb, Counted>::with_private_collector(Chosen::default());
    for key in 0..200 {
        map.pin().insert(bombs.make(key), bombs.ledger.make(key));
    }
    assert!(explodes(|| drop(map)));
    bombs.assert_all_gone(29);
}

fn every_destructor_panics() {
    let bombs = Factory::new(1);
    let map = bombs.filled(0..200);
    (0..200).for_each(|key| _ = map.pin().insert(key, bombs.make(key)));
    map.pin().retain(|key, _| key % 2 == 0);
    assert!(explodes(|| drop(map)));
    bombs.assert_all_gone(400);
}

fn clearing_a_map() {
    let bombs = Factory::new(10);
    let map = bombs.filled(0..200);
    assert!(!explodes(|| map.clear()));
    assert!(map.is_empty());
    assert!(refresh_until(&map, 200, || bombs.ledger.live() == 0), "{}", bombs.ledger.live());
    (0..200).for_each(|key| _ = map.pin().insert(key, bombs.make(key)));
    assert!(explodes(|| drop(map)));
    bombs.assert_all_gone(40);
}

/// Destructors that panic inside reclamation go unnoticed.
fn insertions_do_not_panic_for_others() {
    let bombs = Factory::new(2);
    let map = bombs.filled(0..10);
    for step in 0..5_000 {
        map.pin().insert(step % 10, bombs.make(step));
        if step % 500 == 0 {
            let _short = map.version();
        }
    }
    assert!(bombs.exploded.load(Relaxed) > 1_000, "reclamation ran none of them");
    assert!(map.pin().iter().all(|(key, bomb)| bomb.counted.tag() % 10 == *key));
    verify(&map);
    assert!(explodes(|| drop(map)));
    bombs.assert_all_gone(5 + 2_500);
}

fn handles_and_flushes_do_not_panic_for_others() {
    let bombs = Factory::new(1);
    let map = bombs.filled(0..300);
    map.retain(|key, _| key % 2 == 0);
    map.pin().retain(|_, _| false);
    assert!(map.is_empty() && map.flush());
    bombs.assert_all_gone(300);
    let mut pinned = map.pin();
    (0..300).for_each(|key| _ = pinned.insert(key, bombs.make(key)));
    pinned.retain(|_, _| false);
    (0..200).for_each(|_| pinned.refresh());
    drop(pinned);
    bombs.assert_all_gone(600);
    assert!(!explodes(|| drop(map)));
}

fn unused_arguments_that_panic() {
    let bombs = Factory::new(1);
    let map = bombs.filled(0..30);
    for key in 0..30 {
        assert!(explodes(|| _ = map.pin().get_or_insert(key, bombs.make(key))));
        assert!(explodes(|| _ = map.pin().try_insert(key, bombs.make(key))));
    }
    let keyed = Map::<Bomb, u64>::default();
    assert!(explodes(|| _ = keyed.pin().update(bombs.make(1), |value| *value)));
    assert!(keyed.is_empty());
    assert_eq!((map.len(), bombs.ledger.live()), (30, 30));
    verify(&map);
    assert!(explodes(|| drop(map)));
    bombs.assert_all_gone(30 + 60 + 1);
}

/// The panic that is under way goes on; those of the destructors are dropped.
fn dropping_a_map_while_panicking() {
    let bombs = Factory::new(1);
    let payload = catch(|| {
        let map = bombs.filled(0..100);
        let _version = map.version();
        (0..50).for_each(|key| _ = map.pin().insert(key, bombs.make(key)));
        panic_any(OnPurpose(424_242));
    });
    let payload = payload.map(|_: ()| ()).unwrap_err();
    assert_eq!(payload.downcast_ref::<OnPurpose>(), Some(&OnPurpose(424_242)));
    bombs.assert_all_gone(150);
}

/// Throws, when it is dropped, something that throws when it is dropped.
struct Grenade(Counted);

struct Shrapnel;

impl Drop for Shrapnel {
    fn drop(&mut self) {
        resume_unwind(Box::new(()));
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        assert!(self.0.tag() < 1_000);
        resume_unwind(Box::new(Shrapnel));
    }
}

fn payloads_that_panic_themselves() {
    let ledger = Ledger::new();
    let map = Map::<u64, Grenade>::with_private_collector(Chosen::default());
    for step in 0..1_000 {
        map.pin().insert(step % 20, Grenade(ledger.make(step)));
    }
    assert!(ledger.live() < 1_000, "reclamation ran none of them");
    let payload = catch(|| drop(map)).unwrap_err();
    assert_eq!(ledger.live(), 0);
    assert!(payload.is::<Shrapnel>());
    assert!(panics(|| drop(payload)));
}
