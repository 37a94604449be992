//! Unit tests of the flat table: what the public interface cannot see or force.
#![cfg(not(shuttle))]

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use super::line::{LINE_SLOTS, Tags};
use super::*;
use crate::engine::{Action, Content};

/// From a key to its hash.
type Hash = fn(u64) -> u64;

/// SplitMix64.
fn good(key: u64) -> u64 {
    let mixed = key.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// All in the first chunk.
fn low(key: u64) -> u64 {
    good(key) >> 32
}

/// All with the same tag.
fn high(key: u64) -> u64 {
    good(key) & !0xffff
}

fn constant(_: u64) -> u64 {
    7
}

const HASHES: [Hash; 4] = [good, low, high, constant];

/// Fewer of them where each takes long.
fn scaled(number: u64, hash: Hash) -> u64 {
    let bad = std::ptr::fn_addr_eq(hash, constant as Hash);
    let number = if bad { number / 16 } else { number };
    if cfg!(miri) { number / 64 } else { number }
}

/// A store of numbers.
trait Words: Store<Key = u64, Value = u64> + 'static {}

impl Words for Boxed<u64, u64> {}
impl Words for Inline<u64, u64> {}

fn numbers<S: Words>(pair: Pair<'_, S>) -> (u64, u64) {
    (*S::pair_key(&pair), *S::pair_value(&pair))
}

/// Runs tests with each store.
macro_rules! with_each_store {
    ($($body:ident,)*) => {
        mod boxed {
            $(#[test] fn $body() { super::$body::<super::Boxed<u64, u64>>(); })*
        }
        mod inline {
            $(#[test] fn $body() { super::$body::<super::Inline<u64, u64>>(); })*
        }
    };
}

with_each_store! {
    a_map_grows_and_shrinks_with_its_entries,
    tombstones_make_a_table_move_before_many_of_its_chunks_have_buckets,
    a_good_hash_needs_few_buckets,
    few_lookups_of_absent_keys_look_at_more_than_one_line,
    a_growing_map_makes_its_segments_ahead,
    churn_at_constant_size_takes_bounded_memory,
    a_key_that_comes_and_goes_in_a_large_table_does_not_move_it,
    random_programs_agree_with_a_hash_map,
    a_capacity_is_kept_until_it_is_given_up,
    a_lookup_during_a_move_finds_what_is_there_and_not_what_was,
    a_move_that_writers_have_left_comes_to_its_end,
    a_move_comes_to_its_end_where_threads_left_units_that_they_took,
    a_tally_counts_what_has_moved_and_what_was_removed,
    a_table_that_entries_still_come_to_does_not_move_on,
    a_reservation_spreads_a_small_table_over_a_large_one,
    absurd_capacities_are_refused,
    a_map_that_is_only_read_and_removed_from_allocates_no_table,
    a_removal_of_what_is_not_there_makes_no_room,
    a_cleared_map_is_small_and_works,
    an_iteration_across_moves_sees_what_stays_and_nothing_twice,
    a_closure_is_asked_again_when_its_key_has_changed,
    threads_that_insert_and_remove_leave_what_they_should,
}

/// Puts this value, or removes the key.
struct Set<V>(u64, u64, Option<V>);

impl<'g, S: Store<Key = u64> + 'g> Change<'g, S> for Set<S::Value> {
    fn is_key(&self, candidate: &u64, _in_draft: Option<&u64>) -> bool {
        *candidate == self.1
    }

    fn decide(
        &mut self,
        current: Option<Pair<'g, S>>,
        spare: Option<S::Draft>,
    ) -> Action<S::Draft> {
        let draft = self.2.take().map(|value| S::draft(self.0, self.1, value)).or(spare);
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

impl<V: Clone, S: Store<Key = u64, Value = V>> Map<S> {
    fn new(hash: Hash) -> Self {
        Self { flat: Flat::new(Collector::private()), hash }
    }

    fn set(&self, key: u64, value: Option<V>) -> Option<V> {
        let guard = self.flat.pin();
        let hash = (self.hash)(key);
        match self.flat.modify(hash, false, &guard, Set(hash, key, value)) {
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
        let found = self.flat.lookup::<false>((self.hash)(key), |other| *other == key, &guard);
        found.map(value_of::<S>)
    }

    fn check(&self) -> FlatStructure {
        self.flat.check(|key| (self.hash)(*key))
    }

    /// Looks many keys up, which helps a move once it has begun.
    fn read_often(&self) {
        let guard = self.flat.pin();
        self.flat.go_on_moving(1, &guard);
        (0..200_000).for_each(|key| _ = self.flat.get((self.hash)(key), |_| false, &guard));
    }

    /// As [`Self::collect_all`], but a move does not go on.
    fn free_garbage(&self) {
        self.flat.limbo.collect(&self.flat.collector);
    }

    fn collect_all(&self) {
        (0..100).for_each(|_| self.flat.refresh(&self.flat.pin()));
        self.flat.flush();
    }
}

fn a_map_grows_and_shrinks_with_its_entries<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let entries = scaled(60_000, hash);
        for key in 0..entries {
            assert_eq!(map.insert(key, key), None);
            assert_eq!(map.get(key), Some(key));
        }
        let full = map.check();
        assert_eq!(full.entries as u64, entries);
        assert!(full.slots as u64 <= entries * 4 + 64, "{full:?}");
        assert!(full.bucket_slots as u64 <= entries * 3, "{full:?}");
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
        assert_eq!(empty.entries, 0);
        assert!(empty.slots <= 1_024, "{empty:?}");
    }
}

fn tombstones_make_a_table_move_before_many_of_its_chunks_have_buckets<S: Words>() {
    let map = Map::<S>::new(good);
    let (entries, rounds) = (scaled(5_000, good), scaled(60_000, good));
    (0..entries).for_each(|key| assert_eq!(map.insert(key, key), None));
    for key in 0..rounds {
        assert_eq!(map.remove(key), Some(key));
        assert_eq!(map.insert(key + entries, key + entries), None);
    }
    let found = map.check();
    assert!(found.slots as u64 <= entries * 4, "{found:?}");
    // One in eight, and not a few more.
    assert!(found.buckets * 56 * 6 <= found.slots, "{found:?}");
}

fn a_good_hash_needs_few_buckets<S: Words>() {
    let map = Map::<S>::new(good);
    for key in 0..scaled(100_000, good) {
        map.insert(key, key);
    }
    let found = map.check();
    assert!(found.buckets * 64 * 100 <= found.slots, "{found:?}");
}

fn few_lookups_of_absent_keys_look_at_more_than_one_line<S: Words>() {
    let map = Map::<S>::new(good);
    let mut keys = 0..;
    let insert = |key| assert_eq!(map.insert(key, key), None);
    keys.by_ref().take(if cfg!(miri) { 300 } else { 60_000 }).for_each(insert);
    // Up to the moment at which the table grows.
    let room = map.flat.tally().capacity - map.flat.count.sum();
    keys.by_ref().take(room).for_each(insert);
    let guard = map.flat.pin();
    let table = map.flat.root(&guard).unwrap();
    assert!(table.next().is_none(), "the table grows below its capacity");
    let (mut full, mut passed, absent) = (0, 0, if cfg!(miri) { 1_000 } else { 50_000 });
    for hash in keys.take(absent).map(good) {
        let tags = table.home_line(hash).map_or(Tags::NONE, Line::tags);
        full += usize::from(tags.are_set());
        passed += usize::from(tags.may_be_passed(hash));
    }
    assert!(full * 100 > absent * 20, "{full} of {absent} come to a full line");
    assert!(passed * 100 < absent * 10, "{passed} of {absent} look further");
    drop(guard);
    map.check();
}

fn a_growing_map_makes_its_segments_ahead<S: Words>() {
    let map = Map::<S>::new(good);
    // Segments of the table that entries move to, how many of them there are, and whether the next one waits.
    let look = || {
        let guard = map.flat.pin();
        let next = map.flat.root(&guard).and_then(Table::next)?;
        let all = next.shape.segments();
        let made = (0..all).filter(|&index| matches!(next.segment(index), Spot::Here(_))).count();
        next.is_worth_a_spare().then(|| (all, made, next.has_whole_spare()))
    };
    let (mut ahead, mut late) = (0, 0);
    // A table of four segments is too small for so many. (One whose segment is worth a spare is, with Miri.)
    let large = (4 * LINE_SLOTS as u64) << S::SEGMENT_LINES_LOG;
    let entries = if cfg!(not(miri)) {
        large
    } else if S::STAYS {
        1_200
    } else {
        400
    };
    for key in 0..entries {
        let before = look();
        assert_eq!(map.insert(key, key), None);
        if let (Some((all, made, waited)), Some((all_now, made_now, _))) = (before, look()) {
            assert_eq!(all, all_now);
            *if waited { &mut ahead } else { &mut late } += made_now - made;
        }
    }
    assert!(late == 0 && ahead > 0, "{ahead} segments were ready, {late} were not");
    map.check();
    map.collect_all();
    let tally = map.flat.tally();
    assert_eq!((tally.moving, tally.segments_made), (None, tally.segments), "{tally:?}");
    let guard = map.flat.pin();
    assert_eq!(map.flat.root(&guard).unwrap().spare_bytes(), 0);
}

fn churn_at_constant_size_takes_bounded_memory<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let (live, rounds) = (scaled(2_000, hash), scaled(100_000, hash));
        for key in 0..rounds {
            map.insert(key, key);
            if key >= live {
                assert_eq!(map.remove(key - live), Some(key - live));
            }
            if key % (rounds / 8) == 0 {
                let found = map.check();
                assert!(found.slots as u64 <= live * 4 + 64, "{found:?}");
                assert!(found.bucket_slots as u64 <= live * 4 + 128, "{found:?}");
            }
        }
    }
}

fn a_key_that_comes_and_goes_in_a_large_table_does_not_move_it<S: Words>() {
    let map = Map::<S>::new(good);
    // Fewer than the capacity of the table that they fit into, by far.
    let entries = scaled(15_000, good);
    for key in 0..entries {
        map.insert(key, key);
    }
    map.flat.shrink_to_fit(&map.flat.pin());
    let root = map.flat.root.load(Ordering::Relaxed);
    for round in 0..10_000 {
        assert_eq!(map.insert(entries, round), None);
        assert_eq!(map.remove(entries), Some(round));
    }
    assert_eq!(map.flat.root.load(Ordering::Relaxed), root);
    let found = map.check();
    assert!(found.buckets >= 1 && found.bucket_slots <= 128 * found.buckets, "{found:?}");
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
                let (guard, more) = (map.flat.pin(), usize::try_from(random(300)).unwrap());
                match random(12) {
                    0 => map.flat.reserve_for_good(more, &guard),
                    1 => map.flat.shrink_to_fit(&guard),
                    2 => {
                        map.flat.clear();
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

/// A value that says how many of its kind are alive.
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
        let (mut moving, most) = (0, scaled(4_000, hash).max(70));
        for entries in (0..most).step_by(if hash(1) == hash(2) { 9 } else { 61 }) {
            let live = Rc::default();
            let map = Map::<Boxed<_, _>>::new(hash);
            for key in 0..entries {
                map.insert(key, Counted::new(&live));
                if key % 3 == 0 {
                    map.insert(key / 2, Counted::new(&live));
                }
                if key % 5 == 0 {
                    map.remove(key / 3);
                }
            }
            moving += usize::from(map.check().moving);
            drop(map);
            assert_eq!(live.get(), 0, "{entries} entries");
        }
        if std::ptr::fn_addr_eq(hash, good as Hash) && !cfg!(miri) {
            assert!(moving > 0, "no map was dropped during a move");
        }
    }
}

#[test]
fn every_entry_is_dropped_once_where_a_chunk_becomes_many() {
    let live = Rc::default();
    let map = Map::<Boxed<_, _>>::new(good);
    (0..1_000).for_each(|key| _ = map.insert(key, Counted::new(&live)));
    map.collect_all();
    let guard = map.flat.pin();
    let root = map.flat.root(&guard).unwrap();
    let wanted = root.shape.doubled().doubled().doubled();
    assert!(map.flat.begin_move(root, wanted, &guard).is_some());
    map.flat.go_on_moving(3, &guard);
    drop(guard);
    assert!(map.check().moving);
    drop(map);
    assert_eq!(live.get(), 0);
}

#[test]
fn removed_entries_go_while_the_map_lives() {
    let live = Rc::default();
    let map = Map::<Boxed<_, _>>::new(good);
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

fn a_capacity_is_kept_until_it_is_given_up<S: Words>() {
    let flat = Flat::<S>::with_capacity(1_000, Collector::private());
    let map = Map { flat, hash: good };
    let guard = map.flat.pin();
    let capacity = map.flat.capacity(&guard);
    assert!((1_000..2_000).contains(&capacity), "{capacity}");
    let root = map.flat.root.load(Ordering::Relaxed);
    for key in 0..1_000 {
        map.insert(key, key);
    }
    for key in 0..1_000 {
        map.remove(key);
    }
    assert_eq!(map.flat.root.load(Ordering::Relaxed), root, "the table moved");
    map.flat.reserve_for_good(5_000, &guard);
    let larger = map.flat.capacity(&guard);
    assert!((5_000..10_000).contains(&larger), "{larger}");
    map.insert(1, 1);
    map.flat.shrink_to_fit(&guard);
    assert!(map.flat.capacity(&guard) <= 8);
    assert_eq!(map.get(1), Some(1));
    map.check();
}

/// A map of several chunks whose move to the next table has just begun.
fn moving<S: Words>(hash: Hash) -> (Map<S>, u64) {
    moving_from(hash, |shape| shape.chunks() >= 16)
}

/// A map of several segments whose move to the next table has just begun.
fn moving_segments<S: Words>() -> (Map<S>, u64) {
    let segments = if cfg!(miri) { 1 } else { 2 };
    moving_from(good, |shape| shape.chunks() >= 16 && shape.segments() >= segments)
}

/// A map whose move from a table of such a shape has just begun.
fn moving_from<S: Words>(hash: Hash, wanted: impl Fn(Shape<S>) -> bool) -> (Map<S>, u64) {
    let map = Map::new(hash);
    let mut entries = 0;
    while !(map.flat.root(&map.flat.pin()))
        .is_some_and(|root| root.next().is_some() && wanted(root.shape))
    {
        assert_eq!(map.insert(entries, entries), None);
        entries += 1;
    }
    (map, entries)
}

fn a_lookup_during_a_move_finds_what_is_there_and_not_what_was<S: Words>() {
    let (map, entries) = moving::<S>(good);
    let mut removed = 0;
    while map.check().moving {
        assert_eq!(map.remove(removed), Some(removed));
        map.free_garbage();
        removed += 1;
        for key in 0..removed + 10 {
            assert_eq!(map.get(key), (key >= removed).then_some(key));
        }
    }
    assert!(removed > 10 && removed < entries);
}

fn a_move_that_writers_have_left_comes_to_its_end<S: Words>() {
    for come_to_an_end in [Map::collect_all as fn(&Map<S>), Map::read_often] {
        let (map, entries) = moving::<S>(good);
        come_to_an_end(&map);
        assert!(!map.check().moving);
        assert!((0..entries).all(|key| map.get(key) == Some(key)));
    }
}

fn a_move_comes_to_its_end_where_threads_left_units_that_they_took<S: Words>() {
    let (map, entries) = moving_segments::<S>();
    let guard = map.flat.pin();
    let root = map.flat.root(&guard).unwrap();
    let chunks = root.shape.chunks();
    root.progress.cursor.store(chunks, Ordering::Relaxed);
    drop(guard);
    // Each moves eight units.
    (0..chunks).for_each(|_| map.flat.refresh(&map.flat.pin()));
    assert!(!map.check().moving);
    assert!((0..entries).all(|key| map.get(key) == Some(key)));
}

fn a_tally_counts_what_has_moved_and_what_was_removed<S: Words>() {
    let (map, _) = moving_segments::<S>();
    let mut step = 0;
    while map.flat.tally().moving.is_some() {
        // Removals go on with the move, and leave tombstones in chunks of both tables.
        map.remove(step);
        step += 1;
        if step % 64 == 0 {
            let guard = map.flat.pin();
            let root = map.flat.root(&guard).unwrap();
            let has_moved = |&chunk: &usize| match root.spot(chunk) {
                Spot::Moved => true,
                Spot::Here(chunk) => chunk.head().is_moved(),
                Spot::Absent => false,
            };
            let moved = (0..root.shape.chunks()).filter(has_moved).count();
            let tally = map.flat.tally();
            if let Some(progress) = tally.moving {
                assert_eq!(progress, (moved, root.shape.chunks()));
            }
            assert_eq!(tally.tombstones, map.check().tombstones);
        }
    }
    assert!(step > 64 && map.flat.tally().tombstones > 0);
}

fn a_table_that_entries_still_come_to_does_not_move_on<S: Words>() {
    let (map, entries) = moving::<S>(good);
    let guard = map.flat.pin();
    let root = map.flat.root(&guard).unwrap();
    let next = root.next().unwrap();
    assert!(map.flat.begin_move(next, next.shape.doubled(), &guard).is_none());
    // Nor does the root move elsewhere.
    let chosen = map.flat.begin_move(root, root.shape, &guard);
    assert!(chosen.is_some_and(|chosen| ptr::eq(chosen, next)));
    map.flat.move_all(root, &guard);
    assert!(map.flat.begin_move(next, next.shape.doubled(), &guard).is_some());
    assert!((0..entries).all(|key| map.get(key) == Some(key)));
    map.check();
}

fn a_reservation_spreads_a_small_table_over_a_large_one<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        let entries = scaled(3_000, hash);
        for key in 0..entries {
            map.insert(key, key);
        }
        map.flat.reserve(50_000, &map.flat.pin());
        let found = map.check();
        assert!(!found.moving && found.slots >= 65_536, "{found:?}");
        assert!((0..entries).all(|key| map.get(key) == Some(key)));
    }
}

fn absurd_capacities_are_refused<S: Words>() {
    for entries in [usize::MAX, usize::MAX / 8, usize::MAX / 64] {
        let made = catch_unwind(|| Flat::<S>::with_capacity(entries, Collector::private()));
        assert!(made.is_err(), "{entries}");
        let map = Map::<S>::new(good);
        map.insert(1, 1);
        let reserve = || map.flat.reserve(entries, &map.flat.pin());
        assert!(catch_unwind(AssertUnwindSafe(reserve)).is_err());
        assert_eq!(map.get(1), Some(1));
    }
}

fn a_map_that_is_only_read_and_removed_from_allocates_no_table<S: Words>() {
    let map = Map::<S>::new(good);
    assert_eq!((map.get(1), map.remove(1)), (None, None));
    assert!(map.flat.iter(&map.flat.pin()).next().is_none());
    map.flat.shrink_to_fit(&map.flat.pin());
    map.flat.clear();
    assert_eq!(map.flat.capacity(&map.flat.pin()), 0);
    assert!(map.flat.root.load(Ordering::Relaxed).is_null());
    let map = Flat::<S>::with_capacity(0, Collector::private());
    assert!(map.root.load(Ordering::Relaxed).is_null());
}

fn a_removal_of_what_is_not_there_makes_no_room<S: Words>() {
    let map = Map { flat: Flat::<S>::with_capacity(10_000, Collector::private()), hash: constant };
    let guard = map.flat.pin();
    let root = map.flat.root(&guard).unwrap();
    let chunk = root.shape.chunk_of(constant(0));
    assert_eq!(map.remove(0), None);
    assert!(matches!(root.spot(chunk), Spot::Absent));
    let slots = (root.shape.chunk_lines() * LINE_SLOTS) as u64;
    for key in 0..slots {
        assert_eq!(map.insert(key, key), None);
    }
    assert_eq!(map.remove(slots), None);
    assert_eq!(map.check().buckets, 0);
    assert_eq!(map.insert(slots, slots), None);
    assert_eq!(map.check().buckets, 1);
}

fn a_cleared_map_is_small_and_works<S: Words>() {
    for hash in HASHES {
        let map = Map::<S>::new(hash);
        for key in 0..scaled(8_000, hash) {
            map.insert(key, key);
        }
        map.flat.clear();
        let found = map.check();
        assert_eq!((found.entries, found.slots, found.buckets), (0, LINE_SLOTS, 0));
        assert_eq!(map.insert(1, 1), None);
        assert_eq!(map.get(1), Some(1));
    }
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

/// Runs a closure when it is asked.
struct Ask<F>(u64, u64, F);

impl<'g, S, F> Change<'g, S> for Ask<F>
where
    S: Store<Key = u64, Value = u64> + 'g,
    F: FnMut(Option<u64>) -> Option<u64>,
{
    fn is_key(&self, candidate: &u64, in_draft: Option<&u64>) -> bool {
        assert!(in_draft.is_none_or(|key| *key == self.1));
        *candidate == self.1
    }

    fn decide(
        &mut self,
        current: Option<Pair<'g, S>>,
        _spare: Option<S::Draft>,
    ) -> Action<S::Draft> {
        match (self.2)(current.map(value_of::<S>)) {
            Some(value) => Action::Put(S::draft(self.0, self.1, value)),
            None => Action::Remove,
        }
    }
}

#[test]
fn a_closure_that_changes_other_keys_is_asked_once() {
    for hash in HASHES {
        for (before, peek) in [(0, true), (0, false), (9, true), (70, true)] {
            let map = Map::<Boxed<_, _>>::new(hash);
            let fill = |keys: std::ops::Range<u64>| {
                keys.for_each(|key| assert_eq!(map.insert(key, key), None));
            };
            fill(100..100 + before);
            let mut asked = 0;
            let change = Ask(hash(3), 3, |_: Option<u64>| {
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
    let change = Ask(good(3), 3, |current| {
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
    impl<'g, V: 'g> Change<'g, Boxed<u64, V>> for Panics {
        fn is_key(&self, _: &u64, _: Option<&u64>) -> bool {
            panic!("on purpose")
        }
        fn decide(
            &mut self,
            _: Option<Pair<'g, Boxed<u64, V>>>,
            _: Option<<Boxed<u64, V> as Content>::Draft>,
        ) -> Action<<Boxed<u64, V> as Content>::Draft> {
            panic!("on purpose")
        }
    }
    let live = Rc::default();
    let map = Map::<Boxed<_, _>>::new(constant);
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
    let flat = Flat::<Boxed<u64, Bomb>>::new(Collector::private());
    let guard = flat.pin();
    for key in 0..200 {
        let bomb = Bomb(Counted::new(&live), key % 7 == 0);
        flat.modify(good(key), false, &guard, Set(good(key), key, Some(bomb)));
    }
    drop(guard);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(flat))).is_err());
    assert_eq!(live.get(), 0);
}

fn threads_that_insert_and_remove_leave_what_they_should<S: Words>() {
    let rounds = if cfg!(miri) { 60 } else { 20_000 };
    for hash in [good, low] {
        let map = Map { flat: Flat::<S>::new(Collector::Global), hash };
        let flat = &map.flat;
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                scope.spawn(move || {
                    let set = |key: u64, value: Option<u64>| {
                        let (guard, hash) = (flat.pin(), hash(key));
                        flat.modify(hash, false, &guard, Set(hash, key, value));
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
