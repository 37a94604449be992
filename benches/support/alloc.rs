//! An allocator that counts the bytes in use while counting is turned on, so that timings do not include it.
#![expect(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

/// The system's allocator, with a counter that can be turned on.
pub(crate) struct Counting;

// Relaxed throughout: a sum, and read when the threads that changed it were joined.
static ON: AtomicBool = AtomicBool::new(false);
static BYTES: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// Starts to count, until the result is dropped.
pub(crate) fn count() -> Count {
    BYTES.store(0, Relaxed);
    PEAK.store(0, Relaxed);
    ON.store(true, Relaxed);
    Count
}

/// The counter, turned on. One at a time.
pub(crate) struct Count;

impl Count {
    /// Bytes allocated since it was turned on, minus those freed.
    pub(crate) fn bytes(&self) -> isize {
        BYTES.load(Relaxed)
    }

    /// The most that [`Self::bytes`] was.
    pub(crate) fn peak(&self) -> isize {
        PEAK.load(Relaxed)
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        ON.store(false, Relaxed);
    }
}

#[inline]
fn add(bytes: isize) {
    if ON.load(Relaxed) {
        PEAK.fetch_max(BYTES.fetch_add(bytes, Relaxed) + bytes, Relaxed);
    }
}

// SAFETY:
// - every call is forwarded to the system's allocator with the same arguments, so the caller's promises hold for it;
//   the counter does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY:
        // - the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add(layout.size() as isize);
        // SAFETY:
        // - the contract is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add(-(layout.size() as isize));
        // SAFETY:
        // - the contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        add(size as isize - layout.size() as isize);
        // SAFETY:
        // - the contract is the same.
        unsafe { System.realloc(memory, layout, size) }
    }
}
