//! How much memory a map holds: it gives back what it does not need, and does not grow under churn.
//!
//! Counted in bytes asked of the allocator, on the thread of the test. `SNAPTRIE_STRESS` multiplies how long the maps
//! are in use.

mod support;

/// The tests of flat maps, by kind. What both kinds do is written once, and compiled for each.
#[allow(clippy::duplicate_mod, reason = "one body for both kinds of map")]
mod memory {
    mod flat;
    mod inline_flat;
}

use std::collections::VecDeque;
use std::thread;

use snaptrie::{CopyTrieMap, FixedState, Snapshot, TrieMap};
use support::alloc::{allocations, live, peak, reset_peak, reset_total_peak, total, total_peak};
use support::{
    Chosen, Handle, Numbers, Tested, one_at_a_time, refresh_until, scaled, stress, verify,
};

#[global_allocator]
static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;

type Map = TrieMap<u64, u64, FixedState>;
type Inline = CopyTrieMap<u64, u64, FixedState>;

const KIB: isize = 1024;

/// What an empty map may keep: its root, its domain, the shards of its limbo.
const EMPTY: isize = 8 * KIB;

/// What may be left when all maps are gone: a few bags of the epoch collector, for all maps.
const LEFT: isize = 8 * KIB;

/// Entries of the maps here.
const LARGE: usize = 25_000;

/// Garbage that may wait for its grace period, or for a turn.
const SLACK: isize = 256 * KIB;

fn filled(entries: usize) -> Map {
    filled_as(entries)
}

/// A map of numbers, of any kind.
trait Plain: Tested<Key = u64, Value = u64, Hasher = FixedState> + Default {}

impl<M: Tested<Key = u64, Value = u64, Hasher = FixedState> + Default> Plain for M {}

fn filled_as<M: Plain>(entries: usize) -> M {
    let map = M::default();
    for key in 0..entries as u64 {
        map.handle().insert(key, key);
    }
    map
}

/// Lets this thread, and the epoch collector, allocate what they keep. Returns the bytes in use.
fn warm_up() -> isize {
    let map = filled(10_000);
    for key in 0..10_000 {
        map.handle().remove(&key);
    }
    drop(map.snapshot());
    assert!(refresh_until(&map, 1_000, || false) || map.is_empty());
    drop(map);
    live()
}

/// Bytes that a map of so many entries takes once its garbage is gone.
fn bytes_of(entries: usize) -> isize {
    bytes_of_as::<Map>(entries)
}

fn bytes_of_as<M: Plain>(entries: usize) -> isize {
    let before = live();
    let map = filled_as::<M>(entries);
    refresh_until(&map, 1_000, || false);
    let bytes = live() - before;
    drop(map);
    bytes
}

/// Refreshes until no more than `allowed` bytes are in use, a bounded number of times.
#[track_caller]
fn assert_shrinks_to(map: &impl Tested, allowed: isize) {
    let shrunk = refresh_until(map, 10_000, || live() <= allowed);
    assert!(shrunk, "{} bytes in use, {allowed} allowed", live());
}

#[test]
fn removing_all_entries_gives_their_memory_back() {
    assert_removal_gives_memory_back::<Map>();
}

fn assert_removal_gives_memory_back<M: Plain>() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled_as::<M>(LARGE);
    assert!(live() - start > 32 * LARGE as isize, "the allocator counts");
    let mut keys: Vec<u64> = (0..LARGE as u64).collect();
    let with_keys = live();
    Numbers(1).shuffle(&mut keys);
    for key in &keys {
        assert!(map.handle().remove(key).is_some());
    }
    drop(keys);
    assert!(live() < with_keys);
    assert_shrinks_to(&map, start + EMPTY);
    verify(&map);
    // And it can be filled again, and dropped.
    map.handle().insert(1, 1);
    drop(map);
    assert!(live() <= start + LEFT, "{} bytes left", live() - start);
}

#[test]
fn clear_and_take_give_memory_back() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled(LARGE);
    map.clear();
    assert_shrinks_to(&map, start + EMPTY);
    for key in 0..LARGE as u64 {
        map.handle().insert(key, key);
    }
    drop(map.take());
    assert_shrinks_to(&map, start + EMPTY);
    for key in 0..LARGE as u64 {
        map.handle().insert(key, key);
    }
    let taken = map.take();
    assert_eq!(taken.len(), LARGE);
    drop((map, taken));
    assert!(live() <= start + LEFT, "{} bytes left", live() - start);
}

#[test]
fn dropping_a_map_gives_everything_back() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled(LARGE / 4);
    let (snapshot, fork) = (map.snapshot(), map.fork());
    for key in 0..LARGE as u64 / 8 {
        map.handle().insert(key, 0);
        fork.handle().remove(&(key * 2));
    }
    drop(fork);
    drop(map);
    drop(snapshot);
    assert!(live() <= start + LEFT, "{} bytes left", live() - start);
}

#[test]
fn entries_by_value_leave_nothing_of_a_map_or_a_snapshot() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled(LARGE / 4);
    assert_eq!(map.try_into_iter().expect("a map of its own").count(), LARGE / 4);
    assert!(live() <= start + LEFT, "{} bytes of a map left", live() - start);
    let map = filled(LARGE / 4);
    let taken = map.take();
    drop(map);
    assert_eq!(taken.try_into_iter().expect("the last snapshot").count(), LARGE / 4);
    assert!(live() <= start + LEFT, "{} bytes of what was taken left", live() - start);
}

#[test]
fn dropping_maps_gives_their_pages_of_fans_back() {
    let _turn = one_at_a_time();
    let start = warm_up();
    // Equal hashes: fans at every level.
    for _ in 0..50 {
        let map = TrieMap::with_hasher(Chosen::Constant);
        (0..100).for_each(|key| _ = map.handle().insert(key, key));
    }
    assert!(live() <= start + LEFT, "{} bytes left", live() - start);
}

#[test]
fn stats_tell_the_bytes_that_were_allocated() {
    for hash in [Chosen::Good, Chosen::Truncated, Chosen::Constant] {
        assert_stats_tell_bytes::<TrieMap<u64, u64, Chosen>>(hash, |map| map.stats().bytes());
        assert_stats_tell_bytes::<CopyTrieMap<u64, u64, Chosen>>(hash, |map| map.stats().bytes());
    }
}

fn assert_stats_tell_bytes<M>(hash: Chosen, bytes: impl Fn(&M) -> usize)
where
    M: Tested<Key = u64, Value = u64, Hasher = Chosen>,
{
    let entries = if hash == Chosen::Good { [1, 100, 20_000] } else { [1, 100, 1_000] };
    let _turn = one_at_a_time();
    for entries in entries {
        warm_up();
        let start = live();
        let map = M::with_hasher(hash);
        for key in 0..entries {
            map.handle().insert(key, key);
        }
        refresh_until(&map, 1_000, || false);
        let counted = live() - start;
        let told = bytes(&map) as isize;
        assert!(told <= counted + LEFT, "{hash:?}, {entries}: {told} and not {counted} bytes");
        // What maps have besides nodes and entries; and a page of fans that are not yet made.
        let rest = EMPTY + 4 * KIB + counted / 32;
        assert!(counted <= told + rest, "{hash:?}, {entries}: {told} and not {counted} bytes");
    }
}

#[test]
fn churn_at_constant_size_does_not_grow() {
    assert_churn_does_not_grow::<Map>(2);
}

fn assert_churn_does_not_grow<M: Plain>(times: isize) {
    const WINDOW: u64 = 10_000;
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of_as::<M>(WINDOW as usize);
    let map = filled_as::<M>(WINDOW as usize);
    reset_peak();
    for key in WINDOW..WINDOW + scaled(150_000) {
        map.handle().insert(key, key);
        assert!(map.handle().remove(&(key - WINDOW)).is_some());
    }
    assert_eq!(map.len(), WINDOW as usize);
    let most = peak() - start;
    assert!(most < times * size + SLACK, "{most} bytes for a map that takes {size}");
    verify(&map);
}

#[test]
fn entries_that_come_and_go_allocate_themselves_and_little_else() {
    const WINDOW: u64 = 40_000;
    let _turn = one_at_a_time();
    warm_up();
    let map = filled(WINDOW as usize);
    let mut key = WINDOW;
    let mut step = || {
        map.handle().insert(key, key);
        assert!(map.handle().remove(&(key - WINDOW)).is_some());
        key += 1;
    };
    const STEPS: usize = 5 * WINDOW as usize;
    let all = allocations(|| (0..STEPS).for_each(|_| step()));
    // The others are bags for the garbage, and leaves that are rebuilt when no spill bucket is left.
    let others = all - STEPS;
    assert!(others < STEPS / 8, "{others} allocations besides the entries");
    verify(&map);
}

#[test]
fn overwriting_does_not_grow() {
    assert_overwriting_does_not_grow::<Map>(1);
}

/// As in a batch: garbage waits until a handle is gone, and not until a hundred are.
#[test]
fn overwriting_with_handles_that_are_held_does_not_grow() {
    assert_overwriting_does_not_grow::<Map>(1_000);
}

/// So many writes with each handle.
fn assert_overwriting_does_not_grow<M: Plain>(writes: u64) {
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of_as::<M>(10_000);
    let map = filled_as::<M>(10_000);
    reset_peak();
    let mut numbers = Numbers(2);
    for step in 0..scaled(150_000) / writes {
        let map = map.handle();
        (0..writes).for_each(|_| _ = map.insert(numbers.below(10_000) as u64, step));
    }
    let most = peak() - start;
    assert!(most < 2 * size + SLACK, "{most} bytes for a map that takes {size}");
}

#[test]
fn a_snapshot_costs_what_changes() {
    const SIZE: usize = 20_000;
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of(SIZE);
    let map = filled(SIZE);
    let before = live();
    let snapshot = map.snapshot();
    assert!(live() - before < 4 * KIB, "a snapshot allocates {} bytes", live() - before);
    // Few changes cost little,
    (0..100).for_each(|key| _ = map.handle().insert(key, 0));
    let few = live() - before;
    assert!(few < size / 4, "{few} bytes for 100 changes in a map of {size}");
    // many changes no more than one more map.
    reset_peak();
    let mut numbers = Numbers(3);
    for step in 0..300_000 {
        map.handle().insert(numbers.below(SIZE) as u64, step);
    }
    let most = peak() - start;
    assert!(most < 3 * size + SLACK, "{most} bytes for two maps of {size}");
    assert!(snapshot.iter().all(|(key, value)| key == value));
    drop(snapshot);
    assert_shrinks_to(&map, start + size + size / 4 + EMPTY);
}

#[test]
fn snapshot_overwrite_and_drop_does_not_grow() {
    const SIZE: usize = 5_000;
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of(SIZE);
    let map = filled(SIZE);
    reset_peak();
    let mut numbers = Numbers(4);
    for step in 0..scaled(1_000) {
        let snapshot = map.snapshot();
        (0..100).for_each(|_| _ = map.handle().insert(numbers.below(SIZE) as u64, step));
        assert!(snapshot.get(&0).is_some());
    }
    let most = peak() - start;
    assert!(most < 3 * size + SLACK, "{most} bytes for a map that takes {size}");
    assert_shrinks_to(&map, start + size + size / 4 + EMPTY);
}

#[test]
fn snapshots_of_an_idle_map_do_not_grow() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled(100);
    let before = live();
    reset_peak();
    for _ in 0..scaled(30_000) {
        assert!(map.snapshot().contains_key(&1));
    }
    assert!(peak() - before < SLACK, "{} bytes", peak() - before);
    drop(map);
    assert!(live() <= start + LEFT, "{} bytes left", live() - start);
}

/// Writes to a map for a while, with three recent snapshots at any time. Returns the bytes in use
/// when those and the garbage are gone.
fn bytes_after_a_while(map: &Map, size: usize, numbers: &mut Numbers) -> isize {
    let mut recent: VecDeque<Snapshot<u64, u64, FixedState>> = VecDeque::new();
    for step in 0..scaled(400).max(200) {
        (0..100).for_each(|_| _ = map.handle().insert(numbers.below(size) as u64, step));
        recent.push_back(map.snapshot());
        if recent.len() > 3 {
            recent.pop_front();
        }
    }
    drop(recent);
    refresh_until(map, 1_000, || false);
    live()
}

#[test]
fn an_old_snapshot_keeps_only_what_it_sees() {
    const SIZE: usize = 5_000;
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of(SIZE);
    let map = filled(SIZE);
    let old = map.snapshot();
    reset_peak();
    let mut numbers = Numbers(5);
    let first = bytes_after_a_while(&map, SIZE, &mut numbers);
    let second = bytes_after_a_while(&map, SIZE, &mut numbers);
    let most = peak() - start;
    assert!(most < 6 * size + SLACK, "{most} bytes, of maps that take {size} each");
    // The map, what the old snapshot sees, and a record of each thing that it alone sees.
    assert!(first - start < 3 * size + EMPTY, "{} bytes, for {size}", first - start);
    assert!(second < first + size / 20, "grew from {first} to {second} bytes");
    assert!(old.iter().all(|(key, value)| key == value));
    drop(old);
    assert_shrinks_to(&map, start + size + size / 4 + EMPTY);
}

#[test]
fn forks_of_forks_that_are_dropped_do_not_grow() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled(5_000);
    let size = live() - start;
    reset_peak();
    for step in 0..scaled(700) {
        let fork = map.fork();
        (0..50).for_each(|key| _ = fork.handle().insert(key * 7, step));
        let deeper = fork.fork();
        (0..50).for_each(|key| _ = deeper.handle().remove(&(key * 11)));
        map.handle().insert(step % 5_000, step);
    }
    let most = peak() - start;
    assert!(most < 2 * size + SLACK, "{most} bytes for a map that takes {size}");
}

#[test]
fn keys_with_one_hash_do_not_grow_under_churn() {
    let _turn = one_at_a_time();
    let map = TrieMap::<u64, u64, _>::with_hasher(support::Chosen::Constant);
    for key in 0..100 {
        map.handle().insert(key, key);
    }
    reset_peak();
    let before = live();
    for key in 100..scaled(15_000) {
        map.handle().insert(key, key);
        map.handle().remove(&(key - 100));
    }
    assert_eq!(map.len(), 100);
    assert!(peak() - before < SLACK, "{} bytes", peak() - before);
}

/// Over many sizes, since how full leaves are goes up and down with the number of entries.
#[test]
fn an_inline_entry_takes_few_bytes() {
    const MOST: f64 = 43.0;
    let _turn = one_at_a_time();
    warm_up();
    let sizes = if stress() > 1.0 { 19 } else { 13 };
    let ratio = 10_f64.powf(6_f64.recip());
    let each = |index| {
        let entries = 1_000.0 * ratio.powi(index);
        bytes_of_as::<Inline>(entries as usize) as f64 / entries
    };
    let bytes: Vec<f64> = (0..sizes).map(each).collect();
    let average = bytes.iter().sum::<f64>() / f64::from(sizes);
    assert!((16.0..=MOST).contains(&average), "{average:.1} bytes: {bytes:.1?}");
}

#[test]
fn removing_all_inline_entries_gives_their_memory_back() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = filled_as::<Inline>(LARGE);
    assert!(live() - start > 16 * LARGE as isize, "the allocator counts");
    for key in 0..LARGE as u64 {
        assert_eq!(map.handle().remove(&(key * 7 % LARGE as u64)), Some(&(key * 7 % LARGE as u64)));
    }
    assert_shrinks_to(&map, start + EMPTY);
    verify(&map);
    let taken = {
        (0..LARGE as u64).for_each(|key| _ = map.handle().insert(key, key));
        map.take()
    };
    assert_eq!(taken.len(), LARGE);
    drop(taken);
    assert_shrinks_to(&map, start + EMPTY);
    drop(map);
    assert!(live() <= start + LEFT, "{} bytes left", live() - start);
}

/// A value is overwritten in another slot of its node: a node is allocated only when all are taken.
#[test]
fn overwriting_inline_entries_seldom_allocates_and_does_not_grow() {
    assert_overwriting_inline_entries_seldom_allocates(1, 2);
}

/// As in a batch. Nodes wait for some more handles than entries do, for fewer of them are retired.
#[test]
fn overwriting_inline_entries_with_handles_that_are_held_does_not_grow() {
    assert_overwriting_inline_entries_seldom_allocates(1_000, 8);
}

/// So many writes with each handle, in so many times the map's memory.
fn assert_overwriting_inline_entries_seldom_allocates(writes: u64, most_times: isize) {
    const ENTRIES: usize = 10_000;
    const OVERWRITES: u64 = 200_000;
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of_as::<Inline>(ENTRIES);
    let map = filled_as::<Inline>(ENTRIES);
    reset_peak();
    let mut numbers = Numbers(2);
    let overwrite = |step| {
        let map = map.pin();
        (0..writes).for_each(|_| _ = map.insert(numbers.below(ENTRIES) as u64, step));
    };
    let times = allocations(|| (0..OVERWRITES / writes).for_each(overwrite)) as u64;
    assert!(times < OVERWRITES / 5, "{times} allocations for {OVERWRITES} overwrites");
    let most = peak() - start;
    assert!(most < most_times * size + SLACK, "{most} bytes for a map that takes {size}");
    assert_eq!(map.len(), ENTRIES);
    verify(&map);
}

#[test]
fn a_snapshot_of_inline_entries_costs_what_changes() {
    const SIZE: usize = 20_000;
    let _turn = one_at_a_time();
    let start = warm_up();
    let size = bytes_of_as::<Inline>(SIZE);
    let map = filled_as::<Inline>(SIZE);
    let before = live();
    let snapshot = map.snapshot();
    assert!(live() - before < 4 * KIB, "a snapshot allocates {} bytes", live() - before);
    reset_peak();
    let mut numbers = Numbers(3);
    for step in 0..300_000 {
        map.handle().insert(numbers.below(SIZE) as u64, step);
    }
    let most = peak() - start;
    assert!(most < 3 * size + SLACK, "{most} bytes for two maps of {size}");
    assert!(snapshot.iter().all(|(key, value)| key == value));
    drop(snapshot);
    assert_shrinks_to(&map, start + size + size / 4 + EMPTY);
}

/// More threads than processors: each writes keys of its own and removes them again. Garbage may
/// wait for threads that the system suspended, but most of it must be gone by the end.
#[test]
fn churn_by_many_threads_does_not_grow() {
    const WINDOW: u64 = 5_000;
    let _turn = one_at_a_time();
    warm_up();
    let (start, size) = (total(), bytes_of(8 * WINDOW as usize));
    let map = Map::default();
    reset_total_peak();
    thread::scope(|scope| {
        for id in 0..8_u64 {
            let map = &map;
            scope.spawn(move || {
                for step in 0..scaled(100_000) {
                    map.handle().insert(id << 32 | step, step);
                    if let Some(old) = step.checked_sub(WINDOW) {
                        assert!(map.handle().remove(&(id << 32 | old)).is_some());
                    }
                }
            });
        }
    });
    let most = total_peak() - start;
    assert_eq!(map.len(), 8 * WINDOW as usize);
    verify(&map);
    let allowed = start + size + size / 2 + SLACK;
    assert!(refresh_until(&map, 20_000, || total() < allowed), "{} bytes", total() - start);
    // Without end they make more than that of garbage.
    assert!(most < 96 * KIB * KIB, "{most} bytes for a map that takes {size}");
}

/// Garbage of all maps piles up while any handle is held, as documented: what is replaced meanwhile
/// and nothing else. It goes when the handle does.
#[test]
fn a_handle_that_is_held_keeps_what_is_replaced_and_no_more() {
    let _turn = one_at_a_time();
    warm_up();
    let (map, other) = (filled(100), Map::default());
    let replaced = 100_000;
    let before = live();
    let handle = other.handle();
    for step in 0..replaced {
        map.handle().insert(step % 100, step);
    }
    // An entry and the note that it is garbage: of 24 and 16 bytes, and their share of the lists.
    let piled = live() - before;
    let each = piled / replaced as isize;
    assert!((24..64).contains(&each), "{each} bytes for each replaced entry");
    drop(handle);
    refresh_until(&map, 4_000, || live() - before < SLACK);
    assert!(live() - before < SLACK, "{} KiB are left", (live() - before) / KIB);
}

/// What a commit takes over, and what the map loses by it: nodes, entries, links of equal hashes.
#[test]
fn commits_do_not_grow() {
    let _turn = one_at_a_time();
    for (hash, entries) in [(support::Chosen::Good, 5_000), (support::Chosen::Constant, 40)] {
        warm_up();
        let map = TrieMap::<u64, u64, _>::with_hasher(hash);
        (0..entries).for_each(|key| _ = map.handle().insert(key, key));
        let start = live();
        for step in 0..2_000 {
            map.commit_with(|fork| {
                let fork = fork.handle();
                for number in 0..10 {
                    let key = (step * 10 + number * 7) % entries;
                    fork.remove(&key);
                    fork.insert(key, step);
                }
            });
        }
        assert_eq!(map.len(), entries as usize);
        assert_shrinks_to(&map, start + SLACK / 4);
        verify(&map);
        drop(map);
        assert!(live() < start, "{hash:?}");
    }
}

/// What is left of a large map takes about what a map of these entries would: branches that are far too
/// large for what they hold become smaller, and fans that hold little become branches.
#[test]
fn removing_most_entries_gives_most_memory_back() {
    let _turn = one_at_a_time();
    for keep in [8, 64, 1_024] {
        let start = warm_up();
        let map = filled(LARGE);
        for key in (0..LARGE as u64).filter(|key| key % keep != 0) {
            assert!(map.handle().remove(&key).is_some());
        }
        let left = LARGE / keep as usize;
        assert_shrinks_to(&map, start + 4 * bytes_of(left) + EMPTY);
        verify(&map);
    }
}
