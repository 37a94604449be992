//! What the library knows of the calling thread.

use std::cell::Cell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Without a destructor, so that it works inside those of other thread-locals.
    pub(super) static THREAD: Thread = const { Thread::new() };
}

pub(super) struct Thread {
    index: Cell<usize>,
    /// The last argument of [`calls_at`], and how often it came.
    calls: Cell<(u64, u32)>,
    /// Frees that are under way, each inside the one before.
    frees: Cell<u32>,
    /// Whether it lets others run after its guard of crossbeam-epoch.
    #[cfg(not(feature = "membarrier"))]
    pub(super) yields: Cell<bool>,
    /// Its place among the participants, if it has one.
    #[cfg(feature = "membarrier")]
    pub(super) place: Cell<Option<std::ptr::NonNull<super::participants::Participant>>>,
}

impl Thread {
    const fn new() -> Self {
        Self {
            index: Cell::new(usize::MAX),
            calls: Cell::new((0, 0)),
            frees: Cell::new(0),
            #[cfg(not(feature = "membarrier"))]
            yields: Cell::new(false),
            #[cfg(feature = "membarrier")]
            place: Cell::new(None),
        }
    }
}

/// A small number of the calling thread's own.
pub(crate) fn thread_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    THREAD.with(|thread| {
        if thread.index.get() == usize::MAX {
            // Relaxed: only needs to be a different number.
            thread.index.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        thread.index.get()
    })
}

/// How often the calling thread has called this with the same reading of the clock in a row.
pub(super) fn calls_at(reading: u64) -> u32 {
    THREAD.with(|thread| {
        let (last, calls) = thread.calls.get();
        let calls = if last == reading { calls.saturating_add(1) } else { 1 };
        thread.calls.set((reading, calls));
        calls
    })
}

/// How deep frees may nest: a destructor may retire, which frees, which runs a destructor. Without a bound they need
/// stack in proportion to the garbage. With a lower one, garbage of destructors that retire could come faster than
/// it goes.
const NESTED_FREES: u32 = 4;

/// Whether the calling thread may free something, or is in too many frees already.
#[inline]
pub(super) fn may_free() -> bool {
    THREAD.with(|thread| thread.frees.get() < NESTED_FREES)
}

/// Runs a step that frees something and does not panic.
#[inline]
pub(super) fn while_freeing(step: impl FnOnce()) {
    THREAD.with(|thread| {
        thread.frees.set(thread.frees.get() + 1);
        step();
        thread.frees.set(thread.frees.get() - 1);
    });
}

/// How many parts a structure has that threads should not share: several for each processor, so that few threads meet
/// even where they outnumber the processors.
pub(crate) fn shard_count() -> usize {
    // So that three threads find all shards busy, in models.
    if cfg!(shuttle) {
        return 1;
    }
    // The standard library asks the operating system each time. Not a `OnceLock`: other threads, or the child of a fork,
    // would wait for one that stalls while it fills it.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed, here and below: threads that come here at once all ask, and nothing else is read by it.
    let count = COUNT.load(Ordering::Relaxed);
    if count > 0 {
        return count;
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let count = (processors * 4).next_power_of_two().clamp(8, 64);
    COUNT.store(count, Ordering::Relaxed);
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_a_number() {
        let (here, there) = (thread_index(), std::thread::spawn(thread_index).join());
        assert_eq!(thread_index(), here);
        assert_ne!(there.expect("a number"), here);
    }

    #[test]
    fn calls_are_counted_by_reading() {
        let counts = [7, 7, 7, 8, 7, 7].map(calls_at);
        assert_eq!(counts, [1, 2, 3, 1, 1, 2]);
    }

    #[test]
    fn frees_nest_a_few_times() {
        fn depth() -> u32 {
            let mut below = 0;
            if may_free() {
                while_freeing(|| below = 1 + depth());
            }
            below
        }
        assert_eq!((depth(), depth()), (NESTED_FREES, NESTED_FREES));
    }

    #[test]
    #[cfg(not(shuttle))]
    fn shards_are_several_for_each_processor() {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let count = shard_count();
        assert!(
            count.is_power_of_two() && (8..=64).contains(&count) && count >= processors.min(16) * 4
        );
        assert_eq!(shard_count(), count);
    }
}
