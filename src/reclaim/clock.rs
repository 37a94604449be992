//! The clock: a counter that ticks when a grace period has passed.
//!
//! What makes it tick depends on the kind of guard: participants (`participants.rs`), or crossbeam-epoch
//! (`epoch.rs`). Both keep one promise: **a guard under which the clock read `t` is gone once the clock reads
//! `t + 2`**, and a thread that reads `t + 2` sees everything that was done under the guard. An object is stamped with
//! [`Guard::ripe_at`] after it was unlinked, and may be freed when the clock reads the stamp.
//!
//! [`Guard::ripe_at`]: super::Guard::ripe_at

use std::time::{Duration, Instant};

use crate::once::OnceBox;
use crate::sync::{AtomicU64, HAS_TIME, Ordering, planted};

/// The pause after an attempt, as a multiple of its duration: bounds the share of time that attempts take.
const PAUSE_FACTOR: u64 = if cfg!(miri) { 0 } else { 16 };

/// The longest pause: a preempted attempt seems to have taken long, and would cause a long pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

pub(crate) struct Clock {
    now: AtomicU64,
    /// When the next attempt may begin, in nanoseconds since the first.
    next_attempt: AtomicU64,
}

impl Clock {
    pub(super) const fn new() -> Self {
        // Not zero, which stands for a participant without a guard.
        Self { now: AtomicU64::new(1), next_attempt: AtomicU64::new(0) }
    }

    #[inline]
    pub(super) fn now(&self) -> u64 {
        // Acquire: everything done under the guards that are gone; pairs with the Release in `tick`.
        self.now.load(Ordering::Acquire)
    }

    /// Advances the clock from `reading`, unless another thread has done so.
    pub(super) fn tick(&self, reading: u64) {
        // Release: what this thread has seen of the guards that are gone; pairs with the Acquire in `now`.
        // Relaxed on failure: another thread ticked.
        let (release, relaxed) = (Ordering::AcqRel, Ordering::Relaxed);
        let reading = if planted("double_tick") { self.now() } else { reading };
        let _ = self.now.compare_exchange(reading, reading + 1, release, relaxed);
    }

    /// Runs an attempt to advance the clock, unless the last one is too recent. With `hurry`, runs it
    /// even then.
    pub(super) fn attempt(&self, hurry: bool, attempt: impl FnOnce()) {
        if !HAS_TIME {
            return attempt();
        }
        let start = since_first();
        // Relaxed, here and below: a hint.
        if !hurry && start < self.next_attempt.load(Ordering::Relaxed) {
            return;
        }
        attempt();
        let end = since_first();
        let pause = (PAUSE_FACTOR * end.saturating_sub(start)).min(nanoseconds(LONGEST_PAUSE));
        self.next_attempt.store(end + pause, Ordering::Relaxed);
    }
}

/// Nanoseconds since this function was first called.
fn since_first() -> u64 {
    static FIRST: OnceBox<Instant> = OnceBox::new();
    nanoseconds(FIRST.get_or_make(|| Box::new(Instant::now())).elapsed())
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}

#[cfg(all(test, not(miri), not(shuttle)))]
mod tests {
    use std::thread;

    use super::*;

    /// Whether an attempt that does not hurry is made.
    fn is_made(clock: &Clock) -> bool {
        let mut made = false;
        clock.attempt(false, || made = true);
        made
    }

    #[test]
    fn an_attempt_is_followed_by_a_pause_in_proportion() {
        let spin = |time: Duration| {
            let start = Instant::now();
            while start.elapsed() < time {}
        };
        let clock = Clock::new();
        let mut paused = 0;
        // On a busy machine a thread may lose its processor for longer than the pause.
        for _ in 0..1_000 {
            let start = Instant::now();
            clock.attempt(true, || spin(Duration::from_micros(50)));
            spin(Duration::from_micros(200));
            let made = is_made(&clock);
            if start.elapsed() < LONGEST_PAUSE {
                assert!(!made);
                paused += 1;
            }
            if paused == 3 {
                break;
            }
        }
        assert_eq!(paused, 3);
        let mut hurried = false;
        clock.attempt(true, || hurried = true);
        assert!(hurried);
        thread::sleep(2 * LONGEST_PAUSE);
        assert!(is_made(&clock));
    }
}
