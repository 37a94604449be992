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

/// The most that was ever in use.
pub(crate) fn peak() -> isize {
    PEAK.load(Relaxed)
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
}
