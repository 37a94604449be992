//! Tests that race the fences of participants. They need optimised builds: in others, steps that must follow each other
//! closely take too long. On x86 with two idle processors, the tests fail without the kernel's part of the heavy fence,
//! or without a pin's ordinary fence.
#![expect(unsafe_code, reason = "pins without a collector")]

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::thread;

use crossbeam_utils::Backoff;

use super::participants::{GRACE, Participants, Visit};

const ROUNDS: usize = match (cfg!(miri), cfg!(debug_assertions)) {
    (true, _) => 50,
    (_, true) => 2_000,
    (_, false) => 100_000,
};

/// For the processors: one race at a time.
static TURN: Mutex<()> = Mutex::new(());

/// Where two threads wait for each other, without sleeping.
#[derive(Default)]
struct Meeting(AtomicUsize);

impl Meeting {
    fn wait(&self) {
        let meeting = self.0.fetch_add(1, Ordering::AcqRel) / 2;
        let backoff = Backoff::new();
        while self.0.load(Ordering::Acquire) / 2 <= meeting {
            backoff.snooze();
        }
    }
}

/// Stores to memory that is in no cache: those that the thread does next are seen late, unless it executes a fence.
struct Crowd(Vec<AtomicUsize>);

impl Crowd {
    const LINE: usize = 8;

    fn new() -> Self {
        let len = if cfg!(miri) { Self::LINE } else { 1 << 22 };
        Self(std::iter::repeat_with(AtomicUsize::default).take(len).collect())
    }

    fn store(&self, round: usize) {
        let lines = self.0.len() / Self::LINE;
        for nth in 0..32 {
            // Far from each other and from those of the last rounds.
            let line = (round * 32 + nth).wrapping_mul(40_503) % lines;
            self.0[line * Self::LINE].store(round, Ordering::Relaxed);
        }
    }
}

/// So that the two are not always as far from each other.
fn linger(round: usize) {
    (0..round % 64).for_each(|_| std::hint::spin_loop());
}

/// Two threads, of which one pins and looks, and the other unlinks and moves the clock. Returns how often that was over
/// without either having seen the other.
fn race(participants: &Participants) -> usize {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (meeting, crowd) = (Meeting::default(), Crowd::new());
    let (unlinked, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let reader = || {
        let place = participants.join();
        for round in 1..=ROUNDS {
            meeting.wait();
            crowd.store(round);
            // SAFETY:
            // - joined by this thread, which leaves after its last guard; the list outlives it.
            let visit = unsafe { Visit::begin(place, participants) };
            // Relaxed: ordered by the fences alone.
            seen.store(unlinked.load(Ordering::Relaxed), Ordering::Relaxed);
            meeting.wait();
            drop(visit);
        }
        // SAFETY:
        // - as above.
        unsafe { Participants::leave(place) };
    };
    let mut missed = 0;
    thread::scope(|scope| {
        scope.spawn(reader);
        for round in 1..=ROUNDS {
            meeting.wait();
            linger(round);
            // Relaxed: as above.
            unlinked.store(round, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            let ripe_at = participants.clock.now() + GRACE;
            (0..GRACE).for_each(|_| participants.advance());
            let is_ripe = participants.clock.now() >= ripe_at;
            meeting.wait();
            missed += usize::from(is_ripe && seen.load(Ordering::Relaxed) != round);
        }
    });
    missed
}

#[test]
fn a_guard_with_ordinary_fences_sees_what_was_unlinked_or_is_waited_for() {
    assert_eq!(race(&Participants::new()), 0, "freed under guards that can reach it");
}

#[cfg(feature = "membarrier")]
#[test]
fn a_guard_with_a_light_fence_sees_what_was_unlinked_or_is_waited_for() {
    let participants = Participants::undecided();
    participants.decide();
    assert_eq!(race(&participants), 0, "freed under guards that can reach it");
}
