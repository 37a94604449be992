//! An allocator that counts, thread by thread.
//!
//! Thread by thread, so that a test measures what it does itself and not what others do meanwhile;
//! and in total, for tests of several threads that run alone.
//! A test binary that measures says:
//!
//! ```ignore
//! #[global_allocator]
//! static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;
//! ```
#![expect(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

/// The system's allocator, with counters.
pub(crate) struct Counting;

thread_local! {
    // Constant and without destructors, so that the allocator may use them at any time.
    static CALLS: Cell<usize> = const { Cell::new(0) };
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The same for all threads together.
static TOTAL: AtomicIsize = AtomicIsize::new(0);
static TOTAL_PEAK: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: isize) {
    let total = TOTAL.fetch_add(bytes, Relaxed) + bytes;
    if total > TOTAL_PEAK.load(Relaxed) {
        TOTAL_PEAK.fetch_max(total, Relaxed);
    }
    let live = LIVE.get() + bytes;
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
    CALLS.set(CALLS.get() + usize::from(bytes > 0));
}

/// Bytes that this thread allocated, less those that it freed.
pub(crate) fn live() -> isize {
    LIVE.get()
}

/// The most that [`live`] ever was since [`reset_peak`].
pub(crate) fn peak() -> isize {
    PEAK.get()
}

pub(crate) fn reset_peak() {
    PEAK.set(LIVE.get());
}

/// Bytes that all threads together hold.
pub(crate) fn total() -> isize {
    TOTAL.load(Relaxed)
}

/// The most that [`total`] ever was since [`reset_total_peak`].
pub(crate) fn total_peak() -> isize {
    TOTAL_PEAK.load(Relaxed)
}

pub(crate) fn reset_total_peak() {
    TOTAL_PEAK.store(total(), Relaxed);
}

/// How often a body allocates on this thread.
pub(crate) fn allocations(body: impl FnOnce()) -> usize {
    let before = CALLS.get();
    body();
    CALLS.get() - before
}

// SAFETY:
// - every call goes to the system's allocator with the arguments of the caller, who promised what
//   that one asks for; the counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY:
        // - the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY:
        // - the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY:
        // - the caller's promises are passed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}
