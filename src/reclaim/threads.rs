//! State of the calling thread.

use std::cell::Cell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// Without a destructor, so that it works inside those of other thread-locals.
    pub(super) static THREAD: Thread = const { Thread::new() };
}

pub(super) struct Thread {
    index: Cell<usize>,
    /// The last argument of [`calls_at`], and the number of calls with it.
    calls: Cell<(u64, u32)>,
    /// Depth of nested frees.
    frees: Cell<u32>,
    /// Whether it yields after its guard of crossbeam-epoch.
    #[cfg(not(feature = "membarrier"))]
    pub(super) yields: Cell<bool>,
    /// Its participant, if it has one.
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

/// A small number that no other thread has.
pub(crate) fn thread_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    THREAD.with(|thread| {
        if thread.index.get() == usize::MAX {
            // Relaxed: the read-modify-write alone makes the number unique.
            thread.index.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        thread.index.get()
    })
}

/// The number of calls in a row that the thread has made with this reading of the clock.
pub(super) fn calls_at(reading: u64) -> u32 {
    THREAD.with(|thread| {
        let (last, calls) = thread.calls.get();
        let calls = if last == reading { calls.saturating_add(1) } else { 1 };
        thread.calls.set((reading, calls));
        calls
    })
}

/// How deep frees may nest, where destructors retire: bounds the stack. With a lower bound, garbage could grow.
const NESTED_FREES: u32 = 4;

/// Whether the thread may free, because few frees are under way in it.
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

/// The number of shards of a structure: several for each processor, so that threads seldom meet even where they
/// outnumber the processors.
pub(crate) fn shard_count() -> usize {
    // In models three threads find all shards busy.
    if cfg!(shuttle) {
        return 1;
    }
    // The standard library asks the operating system each time. A `OnceLock` would let other threads, or the child of a
    // fork, wait for a thread that stalls while it fills it.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed, here and below: threads that arrive together all ask and store the same number.
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
