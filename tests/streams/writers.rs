//! What a writer does when, and what it holds.

use std::sync::atomic::{AtomicI32, AtomicU64, Ordering::Relaxed};

use snaptrie::{CopyTrieMap, FlatMap, TrieMap, Writer};

use crate::support::{Counted, Handle, Ledger, eventually};
use crate::{Numbers, over_maps};

over_maps!(
    changes_wait_for_the_queue_to_fill,
    a_flush_and_the_drop_do_what_waits,
    additions_to_one_key_are_one_change,
    additions_keep_their_place_among_changes_of_their_key,
    a_writer_and_the_map_are_used_side_by_side,
);

const QUEUE: u64 = 32;

fn changes_wait_for_the_queue_to_fill<M: Numbers>() {
    let map = M::default();
    let mut writer = map.writer();
    (1..QUEUE).for_each(|key| writer.insert(key, key));
    assert!(map.is_empty());
    writer.insert(0, 0);
    assert_eq!(map.len() as u64, QUEUE);
    writer.remove(0);
    assert_eq!(map.len() as u64, QUEUE);
}

fn a_flush_and_the_drop_do_what_waits<M: Numbers>() {
    let map = M::default();
    let mut writer = map.writer();
    writer.flush();
    writer.insert(1, 10);
    writer.flush();
    assert_eq!(map.handle().get(&1), Some(&10));
    writer.insert(2, 20);
    assert_eq!(map.handle().get(&2), None);
    drop(writer);
    assert_eq!(map.handle().get(&2), Some(&20));
    drop(map.writer());
}

fn additions_to_one_key_are_one_change<M: Numbers>() {
    let map = M::default();
    let mut writer = map.writer();
    (0..1_000).for_each(|_| writer.add(7, 1));
    assert!(map.is_empty());
    (0..1_000).for_each(|_| writer.add(8, u64::MAX));
    assert!(map.is_empty());
    writer.flush();
    assert_eq!(map.handle().get(&7), Some(&1_000));
    assert_eq!(map.handle().get(&8), Some(&0_u64.wrapping_sub(1_000)));
}

fn additions_keep_their_place_among_changes_of_their_key<M: Numbers>() {
    let map = M::default();
    let mut writer = map.writer();
    for round in 0..40 {
        writer.add(round % 3, 1);
        writer.insert(round % 3, 100);
        writer.add(round % 3, 1);
        writer.add(round % 3, 1);
        writer.update(round % 3, |value| value * 2);
        writer.add(round % 3, 3);
    }
    writer.flush();
    assert!(map.handle().values().all(|value| *value == 207));
    assert_eq!(map.len(), 3);
    writer.add(0, 5);
    writer.remove(0);
    writer.add(0, 1);
    drop(writer);
    assert_eq!(map.handle().get(&0), Some(&1));
}

fn a_writer_and_the_map_are_used_side_by_side<M: Numbers>() {
    let map = M::default();
    let (mut one, mut other) = (map.writer(), map.writer());
    let pinned = map.handle();
    for key in 0..100 {
        one.insert(key, key);
        other.add(key, 1_000);
        pinned.remove(&(key + 1_000));
    }
    drop((one, other));
    assert_eq!(map.len(), 100);
    // Whichever came last.
    let known = |(key, value): (&u64, &u64)| *value == *key || *value == *key + 1_000;
    assert!(pinned.iter().all(known));
}

#[test]
fn an_atomic_number_changes_where_it_is() {
    let map = TrieMap::<&str, AtomicU64>::new();
    map.writer().add("a", 1);
    let snapshot = map.snapshot();
    let pinned = map.pin();
    let before = pinned.get("a").unwrap();
    map.writer().add("a", 5);
    assert!(std::ptr::eq(before, pinned.get("a").unwrap()));
    assert_eq!((before.load(Relaxed), snapshot["a"].load(Relaxed)), (6, 6));
    let table = FlatMap::<u32, AtomicI32>::new();
    let mut writer = table.writer();
    for key in 0..100 {
        writer.add(key % 10, -1);
    }
    drop(writer);
    assert!(table.pin().values().all(|value| value.load(Relaxed) == -10));
}

#[test]
fn a_snapshot_has_what_was_flushed() {
    let map = CopyTrieMap::<u32, u32>::new();
    let mut writer = map.writer();
    writer.add(1, 1);
    let before = map.snapshot();
    writer.flush();
    let after = map.snapshot();
    writer.add(1, 1);
    drop(writer);
    assert_eq!((before.get(&1), after.get(&1), map.get(&1)), (None, Some(&1), Some(2)));
}

#[test]
fn a_writer_moves_to_another_thread() {
    fn is_send<T: Send>(_: &T) {}
    let map = TrieMap::<String, u64>::new();
    let mut writer = map.writer();
    is_send(&writer);
    writer.add("a".to_string(), 1);
    std::thread::scope(|scope| {
        scope.spawn(move || writer.add("a".to_string(), 1));
    });
    assert_eq!(map.pin()["a"], 2);
}

#[test]
fn debug_tells_how_many_wait() {
    let map = CopyTrieMap::<u32, u32>::new();
    let mut writer: Writer<'_, CopyTrieMap<u32, u32>> = map.writer();
    writer.insert(1, 1);
    writer.insert(2, 2);
    assert_eq!(format!("{writer:?}"), "Writer { queued: 2, .. }");
}

#[test]
fn everything_that_is_queued_is_dropped_once() {
    let ledger = Ledger::new();
    let map = TrieMap::<Counted, Counted>::new();
    let mut writer = map.writer();
    for round in 0..200 {
        let key = |tag| ledger.make(tag);
        writer.insert(key(round % 50), ledger.make(round));
        writer.update(key(round % 70), Clone::clone);
        writer.update_or_insert(key(round % 60), Clone::clone, ledger.make(round));
        writer.merge(key(round % 40), ledger.make(round), |_, new| new.clone());
        writer.remove(key(round % 30));
    }
    drop(writer);
    let live = map.len();
    assert!(eventually(|| map.flush()));
    assert_eq!(ledger.live(), 2 * live);
    // What is never done is dropped too.
    let mut writer = map.writer();
    writer.insert(ledger.make(1), ledger.make(1));
    drop(writer);
    drop(map);
    assert_eq!(ledger.live(), 0);
}
