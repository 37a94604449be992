//! `fork(2)` in a program of several threads, and what the child may do with maps.
//!
//! The child has one thread, a copy of the one that forked. Others may have been in the middle of an operation. No
//! operation waits for another thread, so the child can look keys up, insert and remove them. It cannot free garbage:
//! the guards of those threads are held forever. It ends by `_exit` or `exec`, because nothing that waits for other
//! threads may run in it.
#![cfg(all(unix, not(miri)))]
#![expect(unsafe_code, reason = "fork")]

mod support;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

use snaptrie::{CopyFlatMap, CopyTrieMap, FixedState, FlatMap, TrieMap};
use support::{Handle, Tested, one_at_a_time, stress, verify};

/// Threads that write, and how many keys each of them has: enough for a flat map to move now and then.
const WRITERS: u64 = 4;
const KEYS: u64 = 1_000;

/// Seconds that a child may take on a slow and busy machine.
const PATIENCE: u32 = 30;

/// A map of these tests.
trait Subject: Tested<Key = u64, Value = u64, Hasher = FixedState> + Default + Sync {}

impl<M: Tested<Key = u64, Value = u64, Hasher = FixedState> + Default + Sync> Subject for M {}

#[test]
fn a_forked_child_uses_a_trie() {
    forked_children_use::<TrieMap<u64, u64, FixedState>>();
}

#[test]
fn a_forked_child_uses_a_copy_trie() {
    forked_children_use::<CopyTrieMap<u64, u64, FixedState>>();
}

#[test]
fn a_forked_child_uses_a_flat_map() {
    forked_children_use::<FlatMap<u64, u64, FixedState>>();
}

#[test]
fn a_forked_child_uses_a_copy_flat_map() {
    forked_children_use::<CopyFlatMap<u64, u64, FixedState>>();
}

fn forked_children_use<M: Subject>() {
    let _turn = one_at_a_time();
    let forks = (20.0 * stress()).ceil() as u64;
    let map = M::default();
    // What a thread does once is done by the one that forks: another one could be in the middle of it.
    use_map(&map, 0);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for writer in 1..=WRITERS {
            let (map, done) = (&map, &done);
            scope.spawn(move || {
                while !done.load(Relaxed) {
                    use_map(map, writer);
                }
            });
        }
        let children: Vec<io::Result<()>> = (0..forks).map(|_| fork_and_use(&map)).collect();
        done.store(true, Relaxed);
        for child in children {
            child.expect("a child that succeeds");
        }
    });
    verify(&map);
    assert!(map.flush(), "garbage is left");
    assert!(map.is_empty());
}

/// Inserts, overwrites, looks up and removes keys that no other thread changes.
fn use_map<M: Subject>(map: &M, thread: u64) {
    let keys = || thread * KEYS..(thread + 1) * KEYS;
    for key in keys() {
        assert_eq!(map.handle().insert(key, key), None);
    }
    for key in keys().step_by(3) {
        assert_eq!(map.handle().insert(key, key), Some(&key));
    }
    for key in keys() {
        assert_eq!(map.handle().get(&key), Some(&key));
        assert_eq!(map.handle().remove(&key), Some(&key));
    }
}

/// Uses the map in a child, and waits for its end.
fn fork_and_use<M: Subject>(map: &M) -> io::Result<()> {
    // SAFETY:
    // - the child only allocates, which the C library provides for, and uses maps.
    let child = unsafe { libc::fork() };
    match child {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY:
            // - takes a number. If the child hangs, this ends it.
            unsafe { libc::alarm(PATIENCE) };
            let result = catch_unwind(AssertUnwindSafe(|| use_in_child(map)));
            // SAFETY:
            // - takes a number, and does not return.
            unsafe { libc::_exit(if result.is_ok() { 0 } else { 1 }) }
        }
        child => wait_for(child),
    }
}

fn use_in_child<M: Subject>(map: &M) {
    // The writers are gone. Each of their keys is there or not, and can be removed.
    for key in KEYS..(WRITERS + 1) * KEYS {
        let found = map.handle().get(&key).copied();
        assert!(found.is_none_or(|value| value == key));
        // An insertion that was under way at the fork may be done by the removal that meets it.
        let removed = map.handle().remove(&key).copied();
        assert!(
            removed == found || found.is_none() && removed == Some(key),
            "{found:?} and {removed:?}"
        );
        assert_eq!(map.handle().get(&key), None);
    }
    use_map(map, 0);
    use_map(map, 1);
    assert!(map.is_empty());
    // It may find garbage that it cannot free, and does not wait for it.
    let _none_left = map.flush();
    // Another map of its own works too.
    use_map(&M::default(), 0);
}

fn wait_for(child: libc::pid_t) -> io::Result<()> {
    let mut status = 0;
    // SAFETY:
    // - the status is a place to write to.
    while unsafe { libc::waitpid(child, &raw mut status, 0) } == -1 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        return Ok(());
    }
    Err(io::Error::other(format!("a child ended with status {status:#x}")))
}
