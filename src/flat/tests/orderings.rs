//! As `src/reclaim/orderings.rs`, for the end of a move.

use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;
use crate::reclaim::orderings::until;

/// The hash of a key is the key, so this one belongs to the first word.
const KEY: u64 = 1;

/// One thread moves the entry, another one the rest, which is empty, and makes the next directory the root. A third one
/// finds the entry there. They do this one after the other, which tells them nothing else.
#[test]
fn what_has_moved_is_in_the_next_root() {
    let map = Map::<Undated<u64, u64>>::new(|key| key);
    {
        let guard = map.flat.pin();
        let root = map.flat.raw.root_or_first(3, Size::SMALLEST, &guard);
        map.insert(KEY, 7);
        map.flat.raw.begin_move(root, 4, Size::SMALLEST, &guard);
    }
    // So that no thread executes the fence of a full bag.
    map.flat.raw.limbo.spread();
    let _busy = map.flat.raw.limbo.enter_all();
    let (map, begun, step) = (&map, &AtomicUsize::new(0), &AtomicUsize::new(0));
    let wait_for = |what: &AtomicUsize, number| until(|| what.load(Ordering::Relaxed) >= number);
    // A pin has a fence, so all come first.
    let begin = || {
        let guard = map.flat.pin();
        begun.fetch_add(1, Ordering::Relaxed);
        wait_for(begun, 3);
        guard
    };
    let go_on = |units, guard: &_| map.flat.raw.go_on_moving(units, guard, map);
    let words = |guard: &_| map.flat.raw.root(guard).map(|root| root.words().len());
    thread::scope(|scope| {
        scope.spawn(move || {
            let guard = begin();
            go_on(1, &guard);
            step.store(1, Ordering::Relaxed);
            wait_for(step, 2);
            go_on(1, &guard);
            step.store(3, Ordering::Relaxed);
        });
        scope.spawn(move || {
            let guard = begin();
            wait_for(step, 1);
            go_on(7, &guard);
            step.store(2, Ordering::Relaxed);
            wait_for(step, 3);
            while words(&guard) != Some(16) {
                go_on(1, &guard);
            }
            step.store(4, Ordering::Relaxed);
        });
        scope.spawn(move || {
            let guard = begin();
            wait_for(step, 4);
            assert!(map.flat.raw.find(KEY, &mut |_: &_| true, &guard).is_some());
        });
    });
}
