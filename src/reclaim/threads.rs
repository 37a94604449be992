//! What the calling thread remembers of its work on limbos.

use std::cell::Cell;

thread_local! {
    /// Without a destructor, so that it works inside those of other thread-locals.
    static THREAD: Thread = const { Thread { calls: Cell::new((0, 0)), frees: Cell::new(0) } };
}

struct Thread {
    /// The last argument of [`calls_at`], and the number of calls with it.
    calls: Cell<(u64, u32)>,
    /// Depth of nested frees.
    frees: Cell<u32>,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
