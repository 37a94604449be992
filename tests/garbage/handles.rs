//! Handles that are held: they keep the garbage of all maps, as documented. What is cloned out of one keeps none.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::support::alloc::{reset_total_peak, total, total_peak};
use crate::support::{Tested, scaled};
use crate::{Alive, Flat, KIB, MIB, Subject, Trie, alive, begin, overwrite};

const OVERWRITES: u64 = 500_000;
const KEYS: u64 = 100;

#[test]
fn a_held_handle_keeps_garbage_of_a_trie_until_it_is_dropped() {
    a_held_handle_keeps_garbage_until_it_is_dropped::<Trie<Alive<u64>>>();
}

#[test]
fn a_held_handle_keeps_garbage_of_a_flat_map_until_it_is_dropped() {
    a_held_handle_keeps_garbage_until_it_is_dropped::<Flat<Alive<u64>>>();
}

fn a_held_handle_keeps_garbage_until_it_is_dropped<M: Subject<Value = Alive<u64>> + Sync>() {
    let _turn = begin();
    let before = total();
    let (held, map) = (Trie::default(), M::default());
    let overwrites = scaled(OVERWRITES);
    held.handle().insert(0, 0);
    // By the thread that writes, and then by another one.
    let handle = held.handle();
    overwrite(&map, KEYS, overwrites / 2);
    assert_eq!(alive() as u64, overwrites / 2);
    thread::scope(|scope| {
        let ((holds, held_now), (done, ended)) = (channel(), channel::<()>());
        let held = &held;
        let other = scope.spawn(move || {
            let handle = held.handle();
            holds.send(()).expect("the test waits");
            // Until the test hangs up.
            ended.recv().expect_err("nothing is sent");
            assert_eq!(handle.get(&0), Some(&0));
        });
        held_now.recv().expect("a handle");
        drop(handle);
        overwrite(&map, KEYS, overwrites / 2);
        assert!(alive() as u64 >= overwrites / 2, "{} alive", alive());
        assert!(!map.flush(), "a handle is held");
        drop(done);
        other.join().expect("the other thread");
    });
    assert!(map.flush());
    assert_eq!(alive(), map.len());
    drop((held, map));
    assert!(total() - before < 16 * KIB, "{} KiB are left", (total() - before) / KIB);
}

#[test]
fn a_lock_cloned_out_of_a_map_keeps_no_garbage_of_a_trie() {
    a_lock_cloned_out_of_a_map_keeps_no_garbage::<Trie<Alive<u64>>>();
}

#[test]
fn a_lock_cloned_out_of_a_map_keeps_no_garbage_of_a_flat_map() {
    a_lock_cloned_out_of_a_map_keeps_no_garbage::<Flat<Alive<u64>>>();
}

fn a_lock_cloned_out_of_a_map_keeps_no_garbage<M: Subject<Value = Alive<u64>>>() {
    let _turn = begin();
    let (locks, map) = (Trie::default(), M::default());
    locks.handle().insert(0, Arc::new(Mutex::new(0)));
    let before = total();
    reset_total_peak();
    let lock = Arc::clone(&locks.handle()[&0]);
    let mut locked = lock.lock().unwrap_or_else(PoisonError::into_inner);
    overwrite(&map, KEYS, scaled(OVERWRITES / 4));
    *locked += 1;
    let most = total_peak() - before;
    // Optimised, a thread retires more in one pause of the clock.
    let bound = if cfg!(debug_assertions) { 256 * KIB } else { 2 * MIB };
    assert!(most < bound, "{} KiB of garbage", most / KIB);
    assert!(map.flush());
    assert_eq!(alive(), map.len());
}
