//! Values of a MiB: garbage is bounded in bytes, and not in objects alone.

use std::thread;

use crate::support::Handle;
use crate::support::alloc::{live, peak, reset_peak};
use crate::support::scaled;
use crate::{Flat, MIB, Subject, Trie, begin};

const KEYS: u64 = 4;
const OVERWRITES: u64 = 2_000;

type Large = [u8; 1 << 20];

#[test]
fn large_values_of_a_trie() {
    on_a_large_stack(|| assert_most::<Trie<Large>>(40 * MIB, |number| [number as u8; 1 << 20]));
}

#[test]
fn large_values_of_a_flat_map() {
    on_a_large_stack(|| assert_most::<Flat<Large>>(40 * MIB, |number| [number as u8; 1 << 20]));
}

/// Of these the map sees no more than a pointer: the bound is one of objects.
#[test]
fn large_values_that_a_trie_does_not_see() {
    assert_most::<Trie<Box<Large>>>(300 * MIB, boxed);
}

#[test]
fn large_values_that_a_flat_map_does_not_see() {
    assert_most::<Flat<Box<Large>>>(300 * MIB, boxed);
}

fn boxed(number: u64) -> Box<Large> {
    vec![number as u8; 1 << 20].try_into().expect("a MiB")
}

/// A build that is not optimised has several copies of each value on the stack.
fn on_a_large_stack(body: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(256 << 20).spawn(body);
    thread.expect("a thread").join().expect("a test that succeeds");
}

fn assert_most<M: Subject>(allowed: isize, value: impl Fn(u64) -> M::Value) {
    let _turn = begin();
    let before = live();
    let map = M::default();
    reset_peak();
    for number in 0..scaled(OVERWRITES) {
        map.handle().insert(number % KEYS, value(number));
    }
    let most = peak() - before;
    println!("{} MiB at most", most / MIB);
    assert!(most < allowed, "{} MiB, {} allowed", most / MIB, allowed / MIB);
    map.clear();
    assert!(map.flush());
    assert!(live() - before < MIB, "{} MiB are left", (live() - before) / MIB);
}
