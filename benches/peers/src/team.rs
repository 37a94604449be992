//! Threads that run the phases of a workload together, and the clock over each phase.

use std::hint;
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often a waiting thread spins before it starts to yield its core.
const SPINS: usize = 10_000;

/// Runs `work(thread, clock)` in `threads` threads; returns how long each phase took, in order.
///
/// The threads live through all phases, as those of a program do. Every thread must call
/// [`Clock::phase`] equally often.
pub fn run(threads: usize, work: impl Fn(usize, &mut Clock<'_>) + Sync) -> Vec<Duration> {
    let gate = Gate::new(threads);
    let spans: Vec<Vec<Span>> = thread::scope(|scope| {
        let start = |thread| {
            let (gate, work) = (&gate, &work);
            scope.spawn(move || {
                let mut clock = Clock { gate, spans: Vec::new() };
                let alarm = Alarm;
                work(thread, &mut clock);
                drop(alarm);
                clock.spans
            })
        };
        let handles: Vec<_> = (0..threads).map(start).collect();
        let join = |handle: thread::ScopedJoinHandle<'_, _>| handle.join().expect("a thread");
        handles.into_iter().map(join).collect()
    });
    let phases = spans.first().map_or(0, Vec::len);
    assert!(spans.iter().all(|own| own.len() == phases), "same phases");
    let elapsed = |phase: usize| {
        let start = spans.iter().map(|own| own[phase].start).min();
        let end = spans.iter().map(|own| own[phase].end).max();
        end.zip(start).map_or(Duration::ZERO, |(e, s)| e - s)
    };
    (0..phases).map(elapsed).collect()
}

/// In tests, aborts the process if a thread panics: the others would wait for it at the gate forever. Elsewhere a panic
/// aborts anyway.
struct Alarm;

impl Drop for Alarm {
    fn drop(&mut self) {
        if thread::panicking() {
            process::abort();
        }
    }
}

/// One thread's view of the clock.
#[derive(Debug)]
pub struct Clock<'a> {
    gate: &'a Gate,
    spans: Vec<Span>,
}

impl Clock<'_> {
    /// Runs `work` in step with the other threads, timed from the first start to the last end. Code between two phases
    /// is not timed, and does not run during any thread's timed work.
    pub fn phase<R>(&mut self, work: impl FnOnce() -> R) -> R {
        self.gate.wait();
        let start = Instant::now();
        let result = work();
        let end = Instant::now();
        self.spans.push(Span { start, end });
        self.gate.wait();
        result
    }
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: Instant,
    end: Instant,
}

/// A barrier that spins first: waking a sleeping thread would cost more than a short phase.
#[derive(Debug)]
struct Gate {
    threads: usize,
    arrived: AtomicUsize,
}

impl Gate {
    fn new(threads: usize) -> Self {
        let arrived = AtomicUsize::new(0);
        Self { threads, arrived }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_keep_step() {
        let count = AtomicUsize::new(0);
        let spans = run(4, |_, clock| {
            for phase in 1..=100 {
                clock.phase(|| count.fetch_add(1, Ordering::Relaxed));
                assert!(count.load(Ordering::Relaxed) >= 4 * phase);
            }
        });
        assert_eq!(spans.len(), 100);
        assert_eq!(count.into_inner(), 400);
    }
}
