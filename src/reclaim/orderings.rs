//! Programs of two threads, each about one or two atomic words: what one thread did must be seen by another that saw its
//! effect. They are for Miri, which emulates weak memory and reports data races; see `tests/planted/orderings`. Those of
//! whole maps are in `tests/orderings.rs`.
#![expect(unsafe_code, reason = "plain memory that atomics must order; pins without a collector")]

#[cfg(snaptrie_stall)]
use std::cell::Cell;
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed, Ordering::SeqCst, fence};
use std::thread;

use super::participants::{GRACE, Participants, Visit};
use super::{Collector, Garbage, Limbo, clock::Clock};
use crate::once::OnceBox;
use crate::sync::planted;

/// Plain memory: Miri reports two accesses that nothing orders, if one of them writes.
#[derive(Default)]
pub(crate) struct Plain(UnsafeCell<u64>);

// SAFETY:
// - not ensured here: the tests show that the words order its accesses.
unsafe impl Sync for Plain {}

impl Plain {
    pub(crate) fn read(&self) -> u64 {
        // SAFETY:
        // - as above.
        unsafe { *self.0.get() }
    }

    pub(crate) fn write(&self, value: u64) {
        // SAFETY:
        // - as above.
        unsafe { *self.0.get() = value };
    }
}

/// Runs both at once.
pub(crate) fn at_once(one: impl FnOnce() + Send, other: impl FnOnce() + Send) {
    // What the environment chooses is read once. Later reads would order what the threads do.
    let _ = (planted(""), crate::sync::AtomicBool::new(false).load(Relaxed));
    thread::scope(|scope| {
        scope.spawn(one);
        scope.spawn(other);
    });
}

/// Waits until the other thread has done something.
pub(crate) fn until(mut done: impl FnMut() -> bool) {
    while !done() {
        thread::yield_now();
    }
}

#[test]
fn a_reading_of_the_clock_tells_what_came_before_the_tick() {
    let (clock, plain) = (Clock::new(), Plain::default());
    let ticks = || {
        plain.write(1);
        clock.tick(1);
    };
    let reads = || {
        until(|| clock.now() == 2);
        assert_eq!(plain.read(), 1);
    };
    at_once(ticks, reads);
}

#[test]
fn a_participant_is_whole_when_it_is_found() {
    let participants = Participants::new();
    let joins = || {
        participants.join();
    };
    let looks = || {
        until(|| participants.len() > 0);
        participants.advance();
    };
    at_once(joins, looks);
}

#[test]
fn the_place_of_a_thread_goes_to_another_one() {
    let participants = Participants::new();
    let visits = || {
        let place = participants.join();
        // SAFETY:
        // - joined by this thread, which leaves at the end; the list outlives the threads.
        unsafe {
            drop(Visit::begin(place, &participants));
            Participants::leave(place);
        }
    };
    let left = AtomicBool::new(false);
    let first = || {
        visits();
        left.store(true, Relaxed);
    };
    let second = || {
        until(|| left.load(Relaxed));
        visits();
    };
    at_once(first, second);
}

/// One thread reads under its first guard what another one unlinks then, and frees. The second guard keeps nothing.
fn guards_that_follow_each_other(
    next: impl Fn(Visit, &Participants, &dyn Fn() -> Visit) -> Visit + Sync,
) {
    let participants = Participants::new();
    let (has_read, plain) = (AtomicBool::new(false), Plain::default());
    let reader = || {
        let place = participants.join();
        // SAFETY:
        // - joined by this thread, which leaves at the end; the list outlives the threads.
        let begin = || unsafe { Visit::begin(place, &participants) };
        let visit = begin();
        plain.read();
        has_read.store(true, Relaxed);
        drop(next(visit, &participants, &begin));
        // SAFETY:
        // - as above.
        unsafe { Participants::leave(place) };
    };
    let writer = || {
        until(|| has_read.load(Relaxed));
        fence(SeqCst);
        let ripe_at = participants.clock.now() + GRACE;
        until(|| {
            participants.advance();
            participants.clock.now() >= ripe_at
        });
        plain.write(1);
        IS_FREED.store(true, Relaxed);
    };
    at_once(reader, writer);
}

/// Set at the end of a writer.
static IS_FREED: AtomicBool = AtomicBool::new(false);

#[test]
fn what_a_guard_has_seen_outlives_it() {
    guards_that_follow_each_other(|visit, _, _| visit);
}

#[test]
fn a_guard_tells_of_the_one_before_it() {
    guards_that_follow_each_other(|visit, _, begin| {
        drop(visit);
        begin()
    });
}

/// It is late with its second pin: the writer comes first.
#[test]
#[cfg(snaptrie_stall)]
fn a_guard_that_is_renewed_tells_of_what_it_has_seen() {
    thread_local! {
        static IS_LATE: Cell<bool> = const { Cell::new(false) };
    }
    crate::sync::stalls::set_hook(|name| {
        if IS_LATE.get() && name == "unpublished pin" {
            until(|| IS_FREED.load(Relaxed));
        }
    });
    guards_that_follow_each_other(|mut visit, participants, _| {
        IS_LATE.set(true);
        // SAFETY:
        // - begun in this list.
        unsafe { visit.renew(participants) };
        visit
    });
}

#[test]
fn a_shard_changes_hands() {
    unsafe fn free(_: *mut ()) {}

    let (limbo, collector) = (Limbo::new(), Collector::private());
    let retires = || {
        let guard = collector.pin();
        // SAFETY:
        // - nothing is freed.
        limbo.retire(&guard, unsafe { Garbage::new(ptr::null_mut(), free, 1) });
    };
    let retires_and_sweeps = || {
        retires();
        limbo.sweep(&collector.pin());
    };
    at_once(retires, retires_and_sweeps);
}

#[test]
fn a_value_that_is_made_once_is_whole() {
    let once = OnceBox::new();
    let makes = || {
        once.get_or_make(|| Box::new(7));
    };
    let reads = || {
        until(|| once.get().is_some());
        assert_eq!(once.get(), Some(&7));
    };
    at_once(makes, reads);
}

#[test]
fn of_several_values_made_at_once_the_first_is_whole() {
    let once: [OnceBox<u64>; 8] = std::array::from_fn(|_| OnceBox::new());
    let both = || {
        once.iter().for_each(|once| assert_eq!(*once.get_or_make(|| Box::new(7)), 7));
    };
    at_once(both, both);
}
