//! Unit tests of the flat table, for what the public interface cannot show or force.
#![cfg(not(shuttle))]

mod orderings;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use super::*;
use crate::bucket::Slot;
use crate::engine::{Action, Content, Outcome};
use crate::leaf::Size;
use crate::store::{HashSlots, Inline, Undated};
use crate::sync::Ordering;
use directory::Directory;

/// From a key to its hash.
type Hash = fn(u64) -> u64;

/// SplitMix64.
fn good(key: u64) -> u64 {
    let mixed = key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// All keys are below the first word.
fn low(key: u64) -> u64 {
    good(key) >> 32
}

/// All keys have the same tag.
fn high(key: u64) -> u64 {
    good(key) & !0xffff
}

fn constant(_: u64) -> u64 {
    7
}

const HASHES: [Hash; 4] = [good, low, high, constant];

/// Fewer keys where each takes long.
fn scaled(number: u64, hash: Hash) -> u64 {
    let bad = std::ptr::fn_addr_eq(hash, constant as Hash);
    let number = if bad { number / 16 } else { number };
    if cfg!(miri) { number / 64 } else { number }
}

/// A store of numbers.
trait Words: Store<Key = u64, Value = u64> + 'static {}

impl Words for Undated<u64, u64> {}
impl Words for Inline<u64, u64> {}

fn numbers<S: Words>(pair: Pair<'_, S>) -> (u64, u64) {
    (*S::pair_key(&pair), *S::pair_value(&pair))
}

/// Runs tests with each store.
macro_rules! with_each_store {
    ($($body:ident,)*) => {
        mod boxed {
            $(#[test] fn $body() { super::$body::<super::Undated<u64, u64>>(); })*
        }
        mod inline {
            $(#[test] fn $body() { super::$body::<super::Inline<u64, u64>>(); })*
        }
    };
}

with_each_store! {
    a_map_grows_and_shrinks_with_its_entries,
    a_good_hash_needs_few_fans_and_little_room,
    churn_at_constant_size_takes_bounded_memory,
    a_key_that_comes_and_goes_does_not_move_anything,
    a_capacity_is_kept_until_it_is_given_up,
    a_cleared_map_is_small_and_works,
    a_lookup_during_a_move_finds_what_is_there_and_not_what_was,
    a_move_comes_to_its_end,
    writers_alone_end_a_move,
    only_a_root_moves_on,
    a_reservation_spreads_a_small_table_over_a_large_one,
    absurd_capacities_are_refused,
    parts_of_an_iteration_see_what_stays,
    random_programs_agree_with_a_hash_map,
    a_map_that_is_only_read_and_removed_from_allocates_no_table,
    an_iteration_across_moves_sees_what_stays_and_nothing_twice,
    a_closure_is_asked_again_when_its_key_has_changed,
    threads_that_insert_and_remove_leave_what_they_should,
}

fn rehash_by(hash: Hash) -> impl Fn(&[&u64], &mut [u64]) {
    move |keys, hashes| {
        for (key, to) in keys.iter().zip(hashes) {
            *to = hash(**key);
        }
    }
}

/// Puts this value, or removes the key.
struct Set<V>(Hash, u64, Option<V>);

impl<'g, S: Store<Key = u64> + 'g> Change<'g, S> for Set<S::Value> {
    fn is_key(&self, candidate: &u64, _in_draft: Option<&u64>) -> bool {
        *candidate == self.1
    }

    fn rehash(&self, keys: &[&u64], hashes: &mut [u64]) {
        rehash_by(self.0)(keys, hashes);
    }

    fn decide(
        &mut self,
        current: Option<Pair<'g, S>>,
        spare: Option<S::Draft>,
    ) -> Action<S::Draft> {
        let draft = self.2.take().map(|value| S::draft((self.0)(self.1), self.1, value)).or(spare);
        match (draft, current) {
            (Some(draft), _) => Action::Put(draft),
            (None, Some(_)) => Action::Remove,
            (None, None) => Action::Keep,
        }
    }
}

fn value_of<S: Store<Value: Clone>>(pair: Pair<'_, S>) -> S::Value {
    S::pair_value(&pair).clone()
}

/// A map with its hash.
struct Map<S: Store> {
    flat: Flat<S>,
    hash: Hash,
}

impl<S: Store<Key = u64>> HashSlots<S::Slot> for Map<S> {
    unsafe fn hashes(&self, slots: &[S::Slot], hashes: &mut [u64]) {
        // SAFETY: the same contract.
        unsafe { ByKey::<S>(&rehash_by(self.hash)).hashes(slots, hashes) };
    }
}

impl<V: Clone, S: Store<Key = u64, Value = V>> Map<S> {
    fn new(hash: Hash) -> Self {
        Self { flat: Flat::new(Collector::private()), hash }
    }

    fn set(&self, key: u64, value: Option<V>) -> Option<V> {
        let guard = self.flat.pin();
        match self.flat.modify((self.hash)(key), false, &guard, Set(self.hash, key, value)) {
            Outcome::Kept(found) => found.map(value_of::<S>),
            Outcome::Put { old, new } => {
                assert_eq!(*S::pair_key(&new), key);
                old.map(value_of::<S>)
            }
            Outcome::Removed(old) => Some(value_of::<S>(old)),
        }
    }

    fn insert(&self, key: u64, value: V) -> Option<V> {
        self.set(key, Some(value))
    }

    fn remove(&self, key: u64) -> Option<V> {
        self.set(key, None)
    }

    fn get(&self, key: u64) -> Option<V> {
        let guard = self.flat.pin();
        let rehash = self.rehash();
        let found = self.flat.get((self.hash)(key), |other| *other == key, rehash, &guard);
        found.map(value_of::<S>)
    }

    fn check(&self) -> Structure {
        self.flat.check(self.rehash())
    }

    fn rehash(&self) -> impl Fn(&[&u64], &mut [u64]) {
        rehash_by(self.hash)
    }

    fn reserve(&self, additional: usize) {
        self.flat.make_room(additional, true, &self.flat.pin(), &self.rehash());
    }

    fn shrink_to_fit(&self) {
        self.flat.shrink_to_fit(&self.flat.pin(), &self.rehash());
    }

    fn words(&self) -> usize {
        self.flat.raw.root(&self.flat.pin()).map_or(0, |root| root.words().len())
    }

    fn collect_all(&self) {
        (0..100).for_each(|_| self.flat.refresh(&self.flat.pin()));
        self.flat.flush();
    }
}

fn random_programs_agree_with_a_hash_map<S: Words>() {
    for (seed, hash) in HASHES.into_iter().enumerate() {
        let map = Map::<S>::new(hash);
        let mut model = HashMap::new();
        let mut state = seed as u64;
        let mut random = |below: u64| {
            state += 1;
            good(state ^ 0xabcd) % below
        };
        let mut keys = 8;
        for step in 0..scaled(80_000, hash) {
            let key = random(keys);
            match random(20) {
                0..=8 => assert_eq!(map.insert(key, step), model.insert(key, step)),
                9..=14 => assert_eq!(map.remove(key), model.remove(&key)),
                _ => assert_eq!(map.get(key), model.get(&key).copied()),
            }
            if random(500) == 0 {
                keys = 1 << random(if hash(1) == hash(2) { 7 } else { 12 });
                let more = usize::try_from(random(300)).unwrap();
                match random(12) {
                    0 => map.reserve(more),
                    1 => map.shrink_to_fit(),
                    2 => {
                        map.flat.clear(&map.rehash());
                        model.clear();
                    }
                    _ => {}
                }
                assert_eq!(map.check().entries, model.len());
            }
        }
        let guard = map.flat.pin();
        let found: HashMap<u64, u64> = map.flat.iter(&guard).map(numbers::<S>).collect();
        assert_eq!(found, model);
    }
}

/// A value that counts how many of its kind are alive.
#[derive(Debug)]
struct Counted(Rc<Cell<isize>>);

impl Counted {
    fn new(live: &Rc<Cell<isize>>) -> Self {
        live.set(live.get() + 1);
        Self(Rc::clone(live))
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(&self.0)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[test]
fn every_entry_is_dropped_once_whenever_the_map_is() {
    for hash in HASHES {
        let most = scaled(4_000, hash).max(70);
        for entries in (0..most).step_by(if hash(1) == hash(2) { 13 } else { 151 }) {
            let live = Rc::default();
            let map = Map::<Undated<_, _>>::new(hash);
            for key in 0..entries {
                map.insert(key, Counted::new(&live));
                if key % 3 == 0 {
                    map.insert(key / 2, Counted::new(&live));
                }
                if key % 5 == 0 {
                    map.remove(key / 3);
                }
            }
            map.check();
            drop(map);
            assert_eq!(live.get(), 0, "{entries} entries");
        }
    }
}

#[test]
fn removed_entries_go_while_the_map_lives() {
    let live = Rc::default();
    let map = Map::<Undated<_, _>>::new(good);
    for key in 0..2_000 {
        map.insert(key, Counted::new(&live));
        map.remove(key);
        map.collect_all();
        if cfg!(miri) && key == 50 {
            break;
        }
    }
    assert!(live.get() < 20, "{} alive", live.get());
}

fn a_map_that_is_only_read_and_removed_from_allocates_no_table<S: Words>() {
    let map = Map::<S>::new(good);
    assert_eq!((map.get(1), map.remove(1)), (None, None));
    assert!(map.flat.iter(&map.flat.pin()).next().is_none());
    map.shrink_to_fit();
    map.flat.clear(&map.rehash());
    assert_eq!(map.flat.capacity(&map.flat.pin()), 0);
    assert!(map.flat.raw.root.load(Ordering::Relaxed).is_null());
    let map = Flat::<S>::with_capacity(0, Collector::private());
    assert!(map.raw.root.load(Ordering::Relaxed).is_null());
}

fn an_iteration_across_moves_sees_what_stays_and_nothing_twice<S: Words>() {
    for hash in HASHES {
        for grow in [true, false] {
            let map = Map::<S>::new(hash);
            let (stay, all) = (scaled(320, hash).max(5), scaled(8_000, hash).max(20));
            for key in 0..if grow { stay } else { all } {
                map.insert(key, key);
            }
            let guard = map.flat.pin();
            let mut seen = HashSet::new();
            let mut iter = map.flat.iter(&guard);
            for round in 0.. {
                let Some((key, value)) = iter.next().map(numbers::<S>) else { break };
                assert_eq!(key, value);
                assert!(seen.insert(key), "{key} twice");
                // From now on the table moves again and again.
                let others = (stay..all).skip(round * 40).take(40);
                others.for_each(|key| {
                    map.set(key, grow.then_some(key));
                });
            }
            assert!((0..stay).all(|key| seen.contains(&key)));
            map.check();
        }
    }
}

/// Runs a closure when it decides.
struct Ask<F>(Hash, u64, F);

impl<'g, S, F> Change<'g, S> for Ask<F>
where
    S: Store<Key = u64, Value = u64> + 'g,
    F: FnMut(Option<u64>) -> Option<u64>,
{
    fn is_key(&self, candidate: &u64, in_draft: Option<&u64>) -> bool {
        assert!(in_draft.is_none_or(|key| *key == self.1));
        *candidate == self.1
    }

    fn rehash(&self, keys: &[&u64], hashes: &mut [u64]) {
        rehash_by(self.0)(keys, hashes);
    }

    fn decide(
        &mut self,
        current: Option<Pair<'g, S>>,
        _spare: Option<S::Draft>,
    ) -> Action<S::Draft> {
        match (self.2)(current.map(value_of::<S>)) {
            Some(value) => Action::Put(S::draft((self.0)(self.1), self.1, value)),
            None => Action::Remove,
        }
    }
}

#[test]
fn a_closure_that_changes_other_keys_is_asked_once() {
    for hash in HASHES {
        for (before, peek) in [(0, true), (0, false), (9, true), (70, true)] {
            let map = Map::<Undated<_, _>>::new(hash);
            let fill = |keys: std::ops::Range<u64>| {
                keys.for_each(|key| assert_eq!(map.insert(key, key), None));
            };
            fill(100..100 + before);
            let mut asked = 0;
            let change = Ask(hash, 3, |_: Option<u64>| {
                asked += 1;
                // Fills slots, and moves the table under the operation.
                fill(1_000..1_000 + scaled(2_000, hash));
                Some(33)
            });
            let guard = map.flat.pin();
            let outcome = map.flat.modify(hash(3), peek, &guard, change);
            assert!(matches!(outcome, Outcome::Put { new: (&3, &33), .. }));
            assert_eq!((asked, map.get(3)), (1, Some(33)));
            map.check();
        }
    }
}

fn a_closure_is_asked_again_when_its_key_has_changed<S: Words>() {
    let map = Map::<S>::new(good);
    map.insert(3, 1);
    let mut seen = Vec::new();
    let change = Ask(good, 3, |current| {
        seen.push(current);
        match seen.len() {
            1 => assert_eq!(map.insert(3, 2), Some(1)),
            2 => assert_eq!(map.remove(3), Some(2)),
            _ => {}
        }
        Some(10)
    });
    let guard = map.flat.pin();
    let outcome = map.flat.modify(good(3), true, &guard, change);
    let Outcome::Put { old: None, new } = outcome else { panic!("not inserted") };
    assert_eq!(numbers::<S>(new), (3, 10));
    assert_eq!(seen, [Some(1), Some(2), None]);
    map.check();
}

#[test]
fn a_panic_in_a_closure_or_a_comparison_leaves_the_map_as_it_was() {
    struct Panics;
    impl<'g, V: 'g> Change<'g, Undated<u64, V>> for Panics {
        fn is_key(&self, _: &u64, _: Option<&u64>) -> bool {
            panic!("on purpose")
        }
        fn decide(
            &mut self,
            _: Option<Pair<'g, Undated<u64, V>>>,
            _: Option<<Undated<u64, V> as Content>::Draft>,
        ) -> Action<<Undated<u64, V> as Content>::Draft> {
            panic!("on purpose")
        }
    }
    let live = Rc::default();
    let map = Map::<Undated<_, _>>::new(constant);
    for key in 0..100 {
        map.insert(key, Counted::new(&live));
        let change = |hash| {
            map.flat.modify(hash, false, &map.flat.pin(), Panics);
        };
        // The hash of the keys, and one that no key has.
        assert!(catch_unwind(AssertUnwindSafe(|| change(7))).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| change(!7))).is_err());
        map.check();
    }
    drop(map);
    assert_eq!(live.get(), 0);
}

#[test]
fn a_destructor_that_panics_in_a_drop_stops_no_other() {
    struct Bomb(#[expect(dead_code, reason = "counts its drop")] Counted, bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.1, "on purpose");
        }
    }
    let live = Rc::default();
    let flat = Flat::<Undated<u64, Bomb>>::new(Collector::private());
    let guard = flat.pin();
    for key in 0..200 {
        let bomb = Bomb(Counted::new(&live), key % 7 == 0);
        flat.modify(good(key), false, &guard, Set(good, key, Some(bomb)));
    }
    drop(guard);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(flat))).is_err());
    assert_eq!(live.get(), 0);
}

fn threads_that_insert_and_remove_leave_what_they_should<S: Words>() {
    let rounds = if cfg!(miri) { 60 } else { 8_000 };
    for hash in [good, low] {
        let map = Map { flat: Flat::<S>::new(Collector::Global), hash };
        let flat = &map.flat;
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                scope.spawn(move || {
                    let set = |key: u64, value: Option<u64>| {
                        let guard = flat.pin();
                        flat.modify(hash(key), false, &guard, Set(hash, key, value));
                    };
                    for round in 0..rounds {
                        let key = (round << 2) | thread;
                        set(key, Some(key));
                        set(round % 64, Some(round));
                        if round % 4 != 0 {
                            set(key, None);
                        }
                    }
                });
            }
        });
        for key in (0..rounds << 2).filter(|key| key % 16 < 4 && *key >= 64) {
            assert_eq!(map.get(key), Some(key));
        }
        map.check();
    }
}

fn a_map_grows_and_shrinks_with_its_entries<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let entries = scaled(15_000, hash);
        for key in 0..entries {
            assert_eq!(map.insert(key, key), None);
            assert_eq!(map.get(key), Some(key));
        }
        let full = map.check();
        assert_eq!(full.entries as u64, entries);
        // As many words as the entries need, whatever the hash.
        let fitting = 1 << Directory::<S::Slot>::bits_for(full.entries).unwrap();
        assert!(full.words <= 2 * fitting, "{full:?}");
        for key in 0..entries {
            assert_eq!(map.get(key), Some(key));
            assert_eq!(map.insert(key, key + 1), Some(key));
            assert_eq!(map.get(key + entries), None);
        }
        map.check();
        for key in 0..entries {
            assert_eq!(map.remove(key), Some(key + 1));
            assert_eq!(map.remove(key), None);
        }
        let empty = map.check();
        assert_eq!((empty.entries, empty.nodes), (0, 0));
        assert!(empty.words <= full.words / 8 + 1, "{empty:?} from {full:?}");
        map.flat.flush();
        assert_eq!((map.words(), map.check().moving), (1, false));
    }
}

fn a_good_hash_needs_few_fans_and_little_room<S: Words>() {
    let map = Map::<S>::new(good);
    let mut most = 0;
    for key in 0..scaled(40_000, good) {
        map.insert(key, key);
        if key % 1_000 == 0 {
            let tally = map.flat.tally();
            // Fans appear only where too many hashes share a bucket by chance.
            assert!(tally.fans <= 1 + tally.words / 64, "{tally:?}");
            if key >= 10_000 {
                most = most.max(tally.table_bytes as u64 / key);
            }
        }
    }
    // Twice what leaves take that are just built, with their spill buckets.
    let (slot, fill) = (size_of::<S::Slot>() as u64, S::Slot::FILL as u64);
    assert!(most <= 270 * slot / fill, "{most} bytes for each slot of {slot}");
    map.check();
}

fn churn_at_constant_size_takes_bounded_memory<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let (live, rounds) = (scaled(2_000, hash), scaled(40_000, hash));
        let mut most = 0;
        for key in 0..rounds {
            map.insert(key, key);
            if key >= live {
                assert_eq!(map.remove(key - live), Some(key - live));
            }
            if key % (rounds / 8) == 0 {
                map.check();
                most = most.max(map.flat.tally().table_bytes as u64);
            }
        }
        assert!(most <= 1_000 + live * 200, "{most} bytes for {live} entries");
    }
}

fn a_key_that_comes_and_goes_does_not_move_anything<S: Words>() {
    for entries in [0, 6, 42, 191, 192, 193, 2_000, 3_071, 3_072, 3_073, 12_000] {
        for reserved in [0, 20_000] {
            let map = Map::<S>::new(good);
            map.reserve(reserved);
            (0..entries).for_each(|key| _ = map.insert(key, key));
            map.collect_all();
            let mut roots = HashSet::new();
            for round in 0..200 {
                assert_eq!(map.insert(entries, round), None);
                assert_eq!(map.remove(entries), Some(round));
                roots.insert(map.flat.raw.root.load(Ordering::Relaxed));
            }
            assert!(roots.len() <= 2, "{} tables for {entries} entries", roots.len());
            map.check();
        }
    }
}

fn a_capacity_is_kept_until_it_is_given_up<S: Words>() {
    let flat = Flat::<S>::with_capacity(1_000, Collector::private());
    let map = Map { flat, hash: good };
    let guard = map.flat.pin();
    let capacity = map.flat.capacity(&guard);
    assert!((1_000..2_000).contains(&capacity), "{capacity}");
    let root = map.flat.raw.root.load(Ordering::Relaxed);
    (0..1_000).for_each(|key| _ = map.insert(key, key));
    (0..1_000).for_each(|key| _ = map.remove(key));
    assert_eq!(map.flat.raw.root.load(Ordering::Relaxed), root, "the table moved");
    assert_eq!(map.flat.tally().leaves, 0, "leaves of an empty table");
    map.reserve(5_000);
    let larger = map.flat.capacity(&guard);
    assert!((5_000..10_000).contains(&larger), "{larger}");
    map.insert(1, 1);
    map.shrink_to_fit();
    assert_eq!(map.words(), 1);
    assert_eq!(map.get(1), Some(1));
    map.check();
}

fn a_cleared_map_is_small_and_works<S: Words>() {
    for hash in HASHES {
        for moving in [false, true] {
            let map = Map::<S>::new(hash);
            (0..scaled(8_000, hash)).for_each(|key| _ = map.insert(key, key));
            if moving {
                let guard = map.flat.pin();
                let root = map.flat.raw.root(&guard).unwrap();
                map.flat.raw.begin_move(root, root.bits() + 2, Size::SMALLEST, &guard);
                map.flat.raw.go_on_moving(3, &guard, &map);
            }
            map.flat.clear(&map.rehash());
            let found = map.check();
            assert_eq!((found.entries, found.words, found.nodes), (0, 1, 0));
            assert_eq!(map.insert(1, 1), None);
            assert_eq!(map.get(1), Some(1));
        }
    }
}

/// A map of several words whose move to the next directory has just begun.
fn moving<S: Words>(hash: Hash, grow: bool) -> (Map<S>, u64) {
    let (map, entries) = (Map::new(hash), scaled(8_000, hash));
    map.reserve(5_000);
    (0..entries).for_each(|key| assert_eq!(map.insert(key, key), None));
    map.collect_all();
    let guard = map.flat.pin();
    let root = map.flat.raw.root(&guard).unwrap();
    assert!(root.next(&guard).is_none() && root.bits() >= 4);
    let bits = if grow { root.bits() + 1 } else { root.bits() - 2 };
    map.flat.raw.begin_move(root, bits, Size::SMALLEST, &guard);
    drop(guard);
    assert!(map.check().moving);
    (map, entries)
}

fn a_lookup_during_a_move_finds_what_is_there_and_not_what_was<S: Words>() {
    for grow in [true, false] {
        let (map, entries) = moving::<S>(good, grow);
        let mut removed = 0;
        while map.check().moving {
            assert_eq!(map.remove(removed), Some(removed));
            map.flat.raw.go_on_moving(1, &map.flat.pin(), &map);
            map.flat.raw.limbo.collect(&map.flat.raw.collector);
            removed += 1;
            for key in 0..removed + 10 {
                assert_eq!(map.get(key), (key >= removed).then_some(key));
            }
        }
        assert!(removed > 3 && removed < entries);
    }
}

fn a_move_comes_to_its_end<S: Words>() {
    for hash in [good, low] {
        for grow in [true, false] {
            // By writers, even if others have taken units without moving them.
            for taken in [0, usize::MAX / 2] {
                let (map, entries) = moving::<S>(hash, grow);
                map.flat
                    .raw
                    .root(&map.flat.pin())
                    .unwrap()
                    .cursor
                    .fetch_add(taken, Ordering::Relaxed);
                // Changes on the fast path move nothing.
                for _ in 0..entries {
                    map.flat.raw.go_on_moving(1, &map.flat.pin(), &map);
                }
                assert!(!map.check().moving);
                assert!((0..entries).all(|key| map.get(key) == Some(key)));
            }
            // By readers, once a word has moved.
            let (map, entries) = moving::<S>(hash, grow);
            map.flat.raw.go_on_moving(1, &map.flat.pin(), &map);
            let mut rounds = 0;
            while map.check().moving {
                assert!((0..entries).all(|key| map.get(key) == Some(key)));
                rounds += 1;
                assert!(rounds < 100);
            }
            (0..entries).for_each(|key| assert_eq!(map.remove(key), Some(key)));
            assert_eq!(map.check().entries, 0);
        }
    }
}

/// With a part of the words moved, and of units too.
fn writers_alone_end_a_move<S: Words>() {
    for grow in [true, false] {
        let (map, entries) = moving::<S>(good, grow);
        map.flat.raw.go_on_moving(1, &map.flat.pin(), &map);
        let mut rounds = 0;
        while map.check().moving {
            (0..entries).for_each(|key| _ = map.insert(key, key));
            rounds += 1;
        }
        assert!(rounds <= 2, "{rounds} times all");
    }
}

fn only_a_root_moves_on<S: Words>() {
    let (map, entries) = moving::<S>(good, true);
    let guard = map.flat.pin();
    let root = map.flat.raw.root(&guard).unwrap();
    let next = root.next(&guard).unwrap();
    map.flat.raw.begin_move(next, next.bits() + 1, Size::SMALLEST, &guard);
    assert!(next.next(&guard).is_none());
    // Nor does the root move elsewhere.
    map.flat.raw.begin_move(root, root.bits(), Size::SMALLEST, &guard);
    assert!(root.next(&guard).is_some_and(|chosen| ptr::eq(chosen, next)));
    map.flat.raw.move_all(root, &guard, Some(&map));
    map.flat.raw.begin_move(next, next.bits() + 1, Size::SMALLEST, &guard);
    assert!(next.next(&guard).is_some());
    assert!((0..entries).all(|key| map.get(key) == Some(key)));
    map.check();
}

fn a_reservation_spreads_a_small_table_over_a_large_one<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let entries = scaled(3_000, hash);
        (0..entries).for_each(|key| _ = map.insert(key, key));
        map.reserve(50_000);
        let found = map.check();
        assert!(!found.moving && found.words >= 256, "{found:?}");
        assert!((0..entries).all(|key| map.get(key) == Some(key)));
    }
}

fn absurd_capacities_are_refused<S: Words>() {
    for entries in [usize::MAX, usize::MAX / 8, usize::MAX / 64] {
        let made = catch_unwind(|| Flat::<S>::with_capacity(entries, Collector::private()));
        assert!(made.is_err(), "{entries}");
        let map = Map::<S>::new(good);
        map.insert(1, 1);
        assert!(catch_unwind(AssertUnwindSafe(|| map.reserve(entries))).is_err());
        assert_eq!(map.get(1), Some(1));
    }
}

/// Parts of an iteration, each of which continues where the last one ended, while the table moves.
fn parts_of_an_iteration_see_what_stays<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let (stay, all) = (scaled(6_000, hash), scaled(24_000, hash));
        (0..stay).for_each(|key| _ = map.insert(key, key));
        let (mut seen, mut next, mut round) = (HashSet::new(), Some(0), 0);
        while let Some(first) = next {
            let guard = map.flat.pin();
            let mut iter = map.flat.iter_from(first, &guard);
            next = loop {
                let Some(pair) = iter.next() else { break None };
                seen.insert(numbers::<S>(pair).0);
                if let Some(position) = Flat::<S>::position(&iter) {
                    assert!(position > first || round == 0);
                    break Some(position);
                }
            };
            round += 1;
            let grow = round % 8 < 4;
            (stay..all).step_by(7).skip(round * 31 % 900).take(300).for_each(|key| {
                map.set(key, grow.then_some(key));
            });
        }
        assert!((0..stay).all(|key| seen.contains(&key)));
        map.check();
    }
}

#[test]
fn every_entry_is_dropped_once_at_each_step_of_a_move() {
    for (bits, more) in [(0, 3), (3, 4), (4, 0), (4, 3), (3, 3)] {
        for steps in 0..=1 << bits.min(more) {
            let live = Rc::default();
            let map = Map::<Undated<_, _>>::new(good);
            map.reserve(1_000);
            (0..1_000).for_each(|key| _ = map.insert(key, Counted::new(&live)));
            let guard = map.flat.pin();
            map.flat.raw.begin_move(
                map.flat.raw.root(&guard).unwrap(),
                bits,
                Size::SMALLEST,
                &guard,
            );
            map.flat.raw.move_all(map.flat.raw.root(&guard).unwrap(), &guard, Some(&map));
            map.flat.raw.begin_move(
                map.flat.raw.root(&guard).unwrap(),
                more,
                Size::SMALLEST,
                &guard,
            );
            map.flat.raw.go_on_moving(steps, &guard, &map);
            (0..1_000).step_by(3).for_each(|key| _ = map.insert(key, Counted::new(&live)));
            (0..1_000).step_by(5).for_each(|key| _ = map.remove(key));
            drop(guard);
            assert_eq!(map.check().entries, 800);
            drop(map);
            assert_eq!(live.get(), 0);
        }
    }
}
