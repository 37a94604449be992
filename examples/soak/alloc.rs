//! An allocator that counts the bytes in use.
#![expect(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};

pub(crate) struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

fn count(bytes: isize) {
    let live = LIVE.fetch_add(bytes, Relaxed) + bytes;
    if live > PEAK.load(Relaxed) {
        PEAK.fetch_max(live, Relaxed);
    }
}

/// Bytes in use.
pub(crate) fn live() -> isize {
    LIVE.load(Relaxed)
}

/// The most bytes that were ever in use.
pub(crate) fn peak() -> isize {
    PEAK.load(Relaxed)
}

// SAFETY:
// - every call is forwarded to the system's allocator with the same arguments, so the caller's promises hold for it;
//   the counters do not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY:
        // - the contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY:
        // - the contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}
