//! Tests of the parts in isolation. Whole maps: `tests/garbage.rs`, `tests/drops.rs`, `tests/models.rs`.
#![expect(unsafe_code, reason = "makes garbage")]

use std::ptr::{self, NonNull};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::atomic::{AtomicPtr, AtomicUsize};
use std::sync::mpsc::channel;
use std::thread;

use super::participants::{Participants, Visit};
use super::*;

unsafe fn count(counter: *mut ()) {
    // SAFETY:
    // - the tests below pass counters that outlive their limbo.
    unsafe { &*counter.cast::<AtomicUsize>() }.fetch_add(1, Relaxed);
}

fn garbage(counter: &AtomicUsize) -> Garbage {
    // SAFETY:
    // - `count` only reads the counter, which outlives the limbo.
    unsafe { Garbage::new(ptr::from_ref(counter).cast_mut().cast(), count, 8) }
}

#[test]
fn the_clock_of_the_process_moves_and_waits_for_guards() {
    let collector = Collector::Global;
    let before = collector.pin().now();
    // Other tests of this process hold guards too, for a while.
    while collector.pin().now() < before + 10 {
        collector.pin().advance(true);
        thread::yield_now();
    }
    let guard = collector.pin();
    let reading = guard.now();
    let others = || (0..100).for_each(|_| collector.pin().advance(true));
    thread::scope(|scope| {
        scope.spawn(others);
    });
    assert!(guard.now() <= reading + 1, "a guard is gone at its reading and 2");
}

#[test]
fn guards_of_one_thread_share_a_pin_in_whatever_order_they_go() {
    let participants = Participants::new();
    let place = participants.join();
    // SAFETY:
    // - joined just now, by this thread, which leaves at the end; the list is dropped after all guards.
    let pin = || unsafe { Visit::begin(place, &participants) };
    // Guards that another thread holds never stand in the way here.
    let ticks = || {
        let before = participants.clock.now();
        (0..5).for_each(|_| participants.advance());
        participants.clock.now() - before
    };
    assert_eq!(ticks(), 5);
    let (first, mut second) = (pin(), pin());
    assert_eq!(ticks(), 1);
    // SAFETY:
    // - begun in this list; so is the third.
    unsafe { second.renew(&participants) };
    assert_eq!(ticks(), 0, "the first guard keeps the pin");
    drop(first);
    let mut third = pin();
    assert_eq!(ticks(), 0, "the second guard keeps it");
    drop(second);
    assert_eq!(ticks(), 0, "the third guard keeps it");
    // SAFETY:
    // - as the second.
    unsafe { third.renew(&participants) };
    assert_eq!(ticks(), 1, "a guard alone is renewed");
    drop(third);
    assert_eq!(ticks(), 5);
    // SAFETY:
    // - as above, and no guard is left.
    unsafe { Participants::leave(place) };
}

#[test]
fn a_guard_that_is_renewed_holds_nothing_back() {
    let mut guard = Collector::Global.pin();
    let before = guard.now();
    // Other tests of this process hold guards too, for a while.
    while guard.now() < before + 10 {
        guard.repin();
        guard.advance(true);
        thread::yield_now();
    }
}

#[test]
fn a_guard_of_an_exiting_thread_works_and_keeps_no_place() {
    struct Late(AtomicUsize);
    impl Drop for Late {
        fn drop(&mut self) {
            let guards = [Collector::Global.pin(), Collector::Global.pin()];
            assert!(guards[0].now() > 0);
        }
    }
    thread_local! {
        static LATE: Late = const { Late(AtomicUsize::new(0)) };
    }
    for _ in 0..20 {
        // The library's thread-locals are gone first: they were initialised last.
        thread::spawn(|| {
            LATE.with(|late| late.0.fetch_add(1, Relaxed));
            drop(Collector::Global.pin());
        })
        .join()
        .unwrap();
    }
}

#[test]
fn garbage_waits_for_the_guards_of_its_time_and_then_goes() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    let reader = collector.pin();
    for _ in 0..1_000 {
        limbo.retire(&collector.pin(), garbage(&freed));
    }
    limbo.collect(&collector);
    assert_eq!(freed.load(Relaxed), 0, "freed under a guard");
    drop(reader);
    assert!(limbo.flush(&collector));
    assert_eq!(freed.load(Relaxed), 1_000);
}

#[test]
fn retirements_free_what_came_before() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    const MANY: usize = if cfg!(miri) { 500 } else { 100_000 };
    for _ in 0..MANY {
        limbo.retire(&collector.pin(), garbage(&freed));
    }
    let waiting = MANY - freed.load(Relaxed);
    // The clock has the pauses of its attempts: some ten thousand retirements on a slow machine.
    assert!(waiting < MANY / 2, "{waiting} objects wait");
}

#[test]
fn what_a_thread_left_is_freed_by_others() {
    let (left, own) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let collector = Collector::private();
    let limbo = Limbo::new();
    limbo.spread();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                (0..10).for_each(|_| limbo.retire(&collector.pin(), garbage(&left)));
            });
        }
    });
    let mut retired = 0;
    while left.load(Relaxed) < 80 {
        limbo.retire(&collector.pin(), garbage(&own));
        retired += 1;
        assert!(retired < 10_000_000, "{} of 80 were freed", left.load(Relaxed));
    }
}

#[test]
fn a_limbo_whose_shards_are_all_busy_takes_garbage_still() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    limbo.spread();
    let busy = limbo.enter_all();
    (0..100).for_each(|_| limbo.retire(&collector.pin(), garbage(&freed)));
    assert!(!limbo.flush(&collector));
    assert_eq!(freed.load(Relaxed), 0);
    drop(busy);
    assert!(limbo.flush(&collector));
    assert_eq!(freed.load(Relaxed), 100);
}

#[test]
fn threads_that_meet_get_shards_of_their_own() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    let busy = limbo.enter_all();
    limbo.retire(&collector.pin(), garbage(&freed));
    assert!(!limbo.flush(&collector), "the first shard is busy");
    assert_eq!(freed.load(Relaxed), 1, "it went to another one");
    drop(busy);
}

#[test]
fn bytes_are_counted_from_the_seal_of_a_bag_until_it_is_freed() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    let reader = collector.pin();
    (0..1_000).for_each(|_| limbo.retire(&collector.pin(), garbage(&freed)));
    limbo.sweep(&collector.pin());
    assert_eq!(limbo.sealed_bytes(), 8_000);
    drop(reader);
    assert!(limbo.flush(&collector));
    assert_eq!(limbo.sealed_bytes(), 0);
}

/// Threads that swap boxes and look at those of others: for Miri and ThreadSanitizer.
fn swap_boxes(collector: &Collector) {
    const ROUNDS: usize = if cfg!(miri) { 12 } else { 5_000 };
    let limbo = Limbo::new();
    let new = |number: usize| Box::into_raw(Box::new([number, !number]));
    let at = [AtomicPtr::new(new(0)), AtomicPtr::new(new(1))];
    thread::scope(|scope| {
        for thread in 0..3 {
            let (at, limbo) = (&at, &limbo);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mut guard = collector.pin();
                    let here = &at[(thread + round) % 2];
                    // SAFETY:
                    // - never null, and not freed under a guard that was there before.
                    let [number, inverted] = unsafe { *here.load(Acquire) };
                    assert_eq!(number, !inverted);
                    let old = here.swap(new(round), AcqRel);
                    // SAFETY:
                    // - from a box, and taken out by the swap.
                    limbo.retire(&guard, unsafe { Garbage::of_box(NonNull::new(old).unwrap()) });
                    // SAFETY:
                    // - as above.
                    assert_eq!(unsafe { (*old)[0] }, !unsafe { (*old)[1] });
                    if round % 3 == 0 {
                        guard.repin();
                        limbo.sweep(&guard);
                    }
                }
            });
        }
    });
    for last in at {
        // SAFETY:
        // - from a box, and no thread is left.
        drop(unsafe { Box::from_raw(last.into_inner()) });
    }
}

#[test]
fn boxes_that_threads_swap_stay_under_their_guards() {
    swap_boxes(&Collector::private());
    swap_boxes(&Collector::Global);
}

#[test]
fn a_limbo_that_is_dropped_frees_everything() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let _reader = collector.pin();
    let limbo = Limbo::new();
    (0..500).for_each(|_| limbo.retire(&collector.pin(), garbage(&freed)));
    limbo.spread();
    let busy = limbo.enter_all();
    limbo.retire(&collector.pin(), garbage(&freed));
    drop(busy);
    drop(limbo);
    assert_eq!(freed.load(Relaxed), 501);
}

#[test]
fn one_destructor_that_panics_stops_no_other() {
    unsafe fn panics(_: *mut ()) {
        panic!("in a destructor");
    }
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    for index in 0..200 {
        let object = if index % 10 == 0 {
            // SAFETY:
            // - `panics` does not look at its argument.
            unsafe { Garbage::new(ptr::null_mut(), panics, 8) }
        } else {
            garbage(&freed)
        };
        limbo.retire(&collector.pin(), object);
    }
    assert!(limbo.flush(&collector));
    assert_eq!(freed.load(Relaxed), 180);
}

#[test]
fn a_destructor_may_retire_more() {
    struct Chain<'a>(&'a Limbo, &'a Collector, &'a AtomicUsize, usize);
    unsafe fn free(link: *mut ()) {
        // SAFETY:
        // - from a box, below, and freed once.
        let Chain(limbo, collector, freed, left) = *unsafe { Box::from_raw(link.cast()) };
        freed.fetch_add(1, Relaxed);
        if left > 0 {
            retire(limbo, collector, freed, left - 1);
        }
    }
    fn retire(limbo: &Limbo, collector: &Collector, freed: &AtomicUsize, left: usize) {
        let link = Box::into_raw(Box::new(Chain(limbo, collector, freed, left)));
        // SAFETY:
        // - once, by the limbo, which is dropped before what the link refers to.
        limbo.retire(&collector.pin(), unsafe { Garbage::new(link.cast(), free, 32) });
    }
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    retire(&limbo, &collector, &freed, 5);
    while !limbo.flush(&collector) {}
    assert_eq!(freed.load(Relaxed), 6);
}

#[test]
fn destructors_that_retire_need_no_stack_in_proportion_to_the_garbage() {
    struct Retires<'a>(&'a Limbo, &'a Collector, &'a AtomicUsize);
    unsafe fn free(object: *mut ()) {
        // SAFETY:
        // - from a box, below, and freed once.
        let Retires(limbo, collector, freed) = *unsafe { Box::from_raw(object.cast()) };
        limbo.retire(&collector.pin(), garbage(freed));
    }
    const MANY: usize = if cfg!(miri) { 100 } else { 100_000 };
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    let reader = collector.pin();
    for _ in 0..MANY {
        let object = Box::into_raw(Box::new(Retires(&limbo, &collector, &freed)));
        // SAFETY:
        // - once, by the limbo, which is dropped before what the object refers to.
        limbo.retire(&collector.pin(), unsafe { Garbage::new(object.cast(), free, 24) });
    }
    drop(reader);
    // All of it is ripe at once.
    (0..10).for_each(|_| collector.pin().advance(true));
    let mut own = 0;
    while freed.load(Relaxed) < MANY + own {
        limbo.retire(&collector.pin(), garbage(&freed));
        own += 1;
        assert!(own <= MANY || limbo.flush(&collector), "garbage comes faster than it goes");
    }
}

#[test]
fn a_guard_that_another_thread_holds_stops_a_flush_and_its_end_lets_it_go_on() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    let ((held, is_held), (end, ended)) = (channel(), channel());
    let holder = &collector;
    thread::scope(|scope| {
        scope.spawn(move || {
            let guard = holder.pin();
            held.send(()).unwrap();
            ended.recv().unwrap();
            drop(guard);
        });
        is_held.recv().unwrap();
        limbo.retire(&collector.pin(), garbage(&freed));
        assert!(!limbo.flush(&collector));
        end.send(()).unwrap();
    });
    assert!(limbo.flush(&collector));
}

#[test]
fn each_retirement_frees_two_of_what_waited_however_large() {
    let freed = AtomicUsize::new(0);
    let collector = Collector::private();
    let limbo = Limbo::new();
    // SAFETY:
    // - as in `garbage`.
    let large = || unsafe { Garbage::new(ptr::from_ref(&freed).cast_mut().cast(), count, 1 << 20) };
    let reader = collector.pin();
    (0..200).for_each(|_| limbo.retire(&collector.pin(), large()));
    drop(reader);
    (0..10).for_each(|_| collector.pin().advance(true));
    for retired in 1..=100 {
        limbo.retire(&collector.pin(), large());
        assert_eq!(freed.load(Relaxed), 2 * retired);
    }
}
