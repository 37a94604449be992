//! Threads that run rounds together, and the clock over each round. They are started once for all
//! rounds of a measurement; starting them is never timed.

use std::hint;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiting thread looks before it starts to yield its core.
const SPINS: usize = 10_000;

/// Runs `rounds` rounds of `work(state, thread, round)` in `threads` threads, of which the caller is
/// the first. Returns the sum over the rounds of the time from the first thread's start to the last
/// one's end.
///
/// Before each round the caller makes a new `state`, and drops the one before it, untimed.
pub(crate) fn rounds<S: Send + Sync>(
    threads: usize,
    rounds: u64,
    mut prepare: impl FnMut() -> S,
    work: impl Fn(&S, usize, u64) + Sync,
) -> Duration {
    let gate = Gate::new(threads);
    let state = RwLock::new(None);
    let spans: Vec<_> = (0..threads).map(|_| Mutex::new(None)).collect();
    let round = |thread: usize, round: u64| {
        gate.wait();
        let guard = state.read().unwrap_or_else(PoisonError::into_inner);
        let alarm = Alarm;
        let own: &S = guard.as_ref().expect("a state was made");
        // Once more, so that all threads are awake.
        gate.wait();
        let start = Instant::now();
        work(own, thread, round);
        let end = Instant::now();
        *spans[thread].lock().unwrap_or_else(PoisonError::into_inner) = Some((start, end));
        drop(guard);
        drop(alarm);
        gate.wait();
    };
    let mut total = Duration::ZERO;
    thread::scope(|scope| {
        for thread in 1..threads {
            let round = &round;
            scope.spawn(move || (0..rounds).for_each(|index| round(thread, index)));
        }
        for index in 0..rounds {
            drop(state.write().unwrap_or_else(PoisonError::into_inner).take());
            let next = prepare();
            *state.write().unwrap_or_else(PoisonError::into_inner) = Some(next);
            round(0, index);
            total += span(&spans);
        }
    });
    total
}

/// Ends the process if a thread panics: the others would wait for it at the gate forever.
struct Alarm;

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            process::abort();
        }
    }
}

type Span = Mutex<Option<(Instant, Instant)>>;

/// From the first start to the last end.
fn span(spans: &[Span]) -> Duration {
    let spans =
        spans.iter().filter_map(|span| *span.lock().unwrap_or_else(PoisonError::into_inner));
    let (starts, ends): (Vec<_>, Vec<_>) = spans.unzip();
    let first = starts.into_iter().min().expect("at least one thread");
    let last = ends.into_iter().max().expect("at least one thread");
    last - first
}

/// A barrier that spins first: waking a sleeping thread would cost more than a short round.
struct Gate {
    threads: usize,
    arrived: AtomicUsize,
}

impl Gate {
    fn new(threads: usize) -> Self {
        Self { threads, arrived: AtomicUsize::new(0) }
    }

    /// Waits until every thread has called this as often as the caller.
    fn wait(&self) {
        // AcqRel: publishes what this thread did before the gate; pairs with the load below.
        let ticket = self.arrived.fetch_add(1, Ordering::AcqRel);
        let open = (ticket / self.threads + 1) * self.threads;
        let mut looks = 0;
        // Acquire: what the others did before they arrived happened before what follows.
        while self.arrived.load(Ordering::Acquire) < open {
            looks += 1;
            if looks < SPINS {
                hint::spin_loop();
            } else {
                thread::yield_now();
            }
        }
    }
}
