//! Memory for the lower fans of a map: pages that several fans share.
//!
//! Every operation passes a fan of the lowest level, at random. From the general allocator these
//! fans come between entries and branches, each on a page of its own, and with a million entries
//! there are more of them than the processor remembers pages: the walk of the page tables cost more
//! than the fan's own cache miss. Packed, they take a twenty-fifth of the pages
//! ([`FIRST_LEVEL`] has the measurement).
//!
//! A page is filled from front to back, once; it is given back when its last fan is freed. So a page
//! that keeps one fan of many costs the rest; fans that are made together mostly die together, in
//! the copying after snapshots.
#![expect(unsafe_code, reason = "hands out parts of raw pages")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::{self, NonNull};

use super::fan;
use super::header::{Header, NODE_ALIGN};
use crate::sync::{AtomicPtr, AtomicUsize, Ordering};

/// Fans of this level and below come from pages. A map that has any has some tens of thousands of
/// entries, so that a page is nothing to it.
///
/// A million `u64 -> u64` from empty, one thread, median of five alternating runs in ns, without and
/// with pages: insert 384 / 266, hit 284 / 221, miss 140 / 92; overwriting and removing within the
/// spread.
const FIRST_LEVEL: u32 = 2;

/// Whether fans of this level come from pages.
pub(super) fn serves(level: u32) -> bool {
    cfg!(any(miri, shuttle)) || level >= FIRST_LEVEL
}

const PAGE_BYTES: usize = 4096;

/// From one fan to the next.
pub(super) const STRIDE: usize = fan::NODE_BYTES.next_multiple_of(NODE_ALIGN);

/// Where the fans of a page begin.
const FANS_AT: usize = size_of::<Page>().next_multiple_of(NODE_ALIGN);

/// Fans of a page.
const FANS: usize = (PAGE_BYTES - FANS_AT) / STRIDE;

// PANICS: never: a power of two, and a size that it divides.
const LAYOUT: Layout = match Layout::from_size_align(PAGE_BYTES, PAGE_BYTES) {
    Ok(layout) => layout,
    Err(_) => panic!("layout of a page"),
};

/// What a page begins with.
struct Page {
    /// Fans on the page that are not freed, and one for the slab while it fills the page.
    users: AtomicUsize,
    /// Fans handed out so far. Belongs to the thread that has taken the page from the slab.
    filled: usize,
}

/// The page that is being filled.
pub(crate) struct Slab {
    /// Null if there is none, or while a thread has taken it.
    open: AtomicPtr<Page>,
}

impl Slab {
    pub(crate) const fn new() -> Self {
        Self { open: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Room for a fan, uninitialised. Goes back by [`free`].
    pub(super) fn allocate(&self) -> NonNull<Header> {
        // Acquire: the page's `filled`; pairs with the Release below. Whoever swaps a page out has it
        // alone; others make a page of their own meanwhile instead of waiting.
        let taken = NonNull::new(self.open.swap(ptr::null_mut(), Ordering::Acquire));
        let page = taken.unwrap_or_else(new_page);
        // SAFETY:
        // - allocated: the slab's own use is counted until `release`.
        // - exclusive, for `filled`: this thread took the page out of the slab, or made it.
        // - in bounds: there are fewer than `FANS` fans on an open page.
        let (node, full) = unsafe {
            // Relaxed: this thread's fan is freed later than this; the slab's use keeps the page now.
            (*page.as_ptr()).users.fetch_add(1, Ordering::Relaxed);
            let index = (*page.as_ptr()).filled;
            debug_assert!(index < FANS);
            (*page.as_ptr()).filled = index + 1;
            (page.cast::<u8>().add(FANS_AT + index * STRIDE).cast(), index + 1 == FANS)
        };
        // Release: `filled`; pairs with the Acquire above.
        let (none, back) = (ptr::null_mut(), page.as_ptr());
        let (release, relaxed) = (Ordering::Release, Ordering::Relaxed);
        if full || self.open.compare_exchange(none, back, release, relaxed).is_err() {
            // SAFETY:
            // - the slab's use, which ends here: the page is not in the slab any more.
            unsafe { release_page(page) };
        }
        node
    }
}

impl Drop for Slab {
    fn drop(&mut self) {
        if let Some(page) = NonNull::new(*self.open.get_mut()) {
            // SAFETY:
            // - the slab's use, which ends here.
            unsafe { release_page(page) };
        }
    }
}

fn new_page() -> NonNull<Page> {
    // SAFETY:
    // - the layout's size is not zero.
    let start = unsafe { alloc(LAYOUT) };
    let Some(page) = NonNull::new(start.cast::<Page>()) else { handle_alloc_error(LAYOUT) };
    // SAFETY:
    // - fresh memory, large enough and aligned.
    unsafe { page.write(Page { users: AtomicUsize::new(1), filled: 0 }) };
    page
}

/// Gives a fan's room back.
///
/// # Safety
/// - `node` came from [`Slab::allocate`], was not freed before, and nobody uses it any more.
pub(super) unsafe fn free(node: NonNull<Header>) {
    let page = node.as_ptr().map_addr(|address| address & !(PAGE_BYTES - 1)).cast::<Page>();
    // SAFETY:
    // - not null: a page is aligned to its size, so a fan's address rounded down is its page's.
    // - the fan's use of the page, which ends here.
    unsafe { release_page(NonNull::new_unchecked(page)) };
}

/// Ends one use of a page; the last one frees it.
///
/// # Safety
/// - The use was counted, and is over.
unsafe fn release_page(page: NonNull<Page>) {
    // SAFETY:
    // - allocated: this use is still counted. Of the page only `users` is borrowed: `filled` may be
    //   written by who fills the page.
    // Release: what this user did on the page comes before it is freed. Acquire: the last one frees
    // after all that the others did.
    let before = unsafe { (*page.as_ptr()).users.fetch_sub(1, Ordering::AcqRel) };
    if before == 1 {
        // SAFETY:
        // - from `alloc` with this layout, and nobody uses it any more.
        unsafe { dealloc(page.as_ptr().cast(), LAYOUT) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_of_a_page_do_not_overlap_and_the_page_goes_with_the_last() {
        let slab = Slab::new();
        let mut nodes: Vec<_> = (0..3 * FANS).map(|_| slab.allocate()).collect();
        nodes.sort();
        for pair in nodes.windows(2) {
            assert!(pair[1].addr().get() - pair[0].addr().get() >= fan::NODE_BYTES);
        }
        drop(slab);
        // SAFETY:
        // - from this slab, each once.
        nodes.into_iter().rev().for_each(|node| unsafe { free(node) });
    }

    #[test]
    fn threads_share_a_slab() {
        let slab = Slab::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 * FANS {
                        let node = slab.allocate();
                        // SAFETY:
                        // - room for a fan, this thread's own; freed once.
                        unsafe {
                            node.cast::<[u8; fan::NODE_BYTES]>().write([7; fan::NODE_BYTES]);
                            free(node);
                        }
                    }
                });
            }
        });
    }
}
