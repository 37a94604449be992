//! A global allocator that counts what is allocated, for `peers-memory` alone: the timed binary does not
//! install it, so only the times of `garbage` include it.

#![expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; every call is forwarded unchanged"
)]

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicI64, Ordering};

/// What glibc keeps in front of each block.
const HEADER: usize = 8;

/// The size of the block behind a pointer of the wrapped allocator.
///
/// # Safety
///
/// The pointer must be a live block of that allocator.
pub type UsableSize = unsafe fn(*mut u8) -> usize;

// Relaxed throughout: these are sums, and they are read after the threads were joined.
static REQUESTED: AtomicI64 = AtomicI64::new(0);
static USABLE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// Bytes allocated and not yet freed.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// As asked for.
    pub requested: i64,
    /// As taken by the allocator, including headers; 0 if it does not report this.
    pub usable: i64,
}

/// The bytes allocated now; all zero unless [`Counting`] is the global allocator.
pub fn now() -> Bytes {
    Bytes { requested: REQUESTED.load(Ordering::Relaxed), usable: USABLE.load(Ordering::Relaxed) }
}

/// The most requested bytes that were allocated at once since [`restart_peak`].
pub fn peak() -> i64 {
    PEAK.load(Ordering::Relaxed)
}

/// Sets [`peak`] to the bytes allocated now. No other thread may allocate meanwhile.
pub fn restart_peak() {
    PEAK.store(now().requested, Ordering::Relaxed);
}

/// Forwards to `A` and counts.
#[derive(Debug)]
pub struct Counting<A> {
    inner: A,
    usable_size: Option<UsableSize>,
}

impl<A> Counting<A> {
    /// Counts what `inner` allocates.
    ///
    /// # Safety
    ///
    /// `usable_size`, if given, must be meant for blocks of `inner`.
    pub const unsafe fn new(inner: A, usable_size: Option<UsableSize>) -> Self {
        Self { inner, usable_size }
    }

    /// Adds (`sign` 1) or takes away (`sign` -1) a block of `size` requested bytes.
    ///
    /// # Safety
    ///
    /// `block` must be null or a live block of the inner allocator.
    unsafe fn count(&self, block: *mut u8, size: usize, sign: i64) {
        if block.is_null() {
            return;
        }
        let change = sign * size as i64;
        let requested = REQUESTED.fetch_add(change, Ordering::Relaxed) + change;
        // Reads first: an allocation below the peak writes nothing.
        if requested > PEAK.load(Ordering::Relaxed) {
            PEAK.fetch_max(requested, Ordering::Relaxed);
        }
        if let Some(usable_size) = self.usable_size {
            // SAFETY:
            // - the block is live: promised by the caller of this function;
            // - it belongs to the allocator that `usable_size` is for: promised to `new`.
            let usable = unsafe { usable_size(block) };
            USABLE.fetch_add(sign * (usable + HEADER) as i64, Ordering::Relaxed);
        }
    }
}

// SAFETY: every method returns what the inner allocator returned for the same arguments, so it keeps the
// contract because `A` does; counting neither allocates nor unwinds.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counting<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises on `layout` are those of the inner call.
        let block = unsafe { self.inner.alloc(layout) };
        // SAFETY: the inner allocator has just returned `block`.
        unsafe { self.count(block, layout.size(), 1) };
        block
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises on `layout` are those of the inner call.
        let block = unsafe { self.inner.alloc_zeroed(layout) };
        // SAFETY: the inner allocator has just returned `block`.
        unsafe { self.count(block, layout.size(), 1) };
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller owns the live `block` until the next line.
        unsafe { self.count(block, layout.size(), -1) };
        // SAFETY: the caller's promises on `block` and `layout` are those of the inner call.
        unsafe { self.inner.dealloc(block, layout) };
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller owns the live `block` until the inner call.
        unsafe { self.count(block, layout.size(), -1) };
        // SAFETY: the caller's promises on all arguments are those of the inner call.
        let moved = unsafe { self.inner.realloc(block, layout, size) };
        let (live, size) = if moved.is_null() { (block, layout.size()) } else { (moved, size) };
        // SAFETY: a failed `realloc` leaves `block` live, a successful one has returned `moved`.
        unsafe { self.count(live, size, 1) };
        moved
    }
}
