//! The spare: a segment that is made ahead, a page at a time.
//!
//! To zero a whole segment takes ten to forty microseconds: as long as moving a dozen chunks. So while a table
//! moves, some of the writers that would move a chunk zero a page of the segment that the move comes to next
//! instead. Who needs a segment takes the spare if there is one, whole or not, and makes one by itself if not: nobody
//! waits for who works on it.
//!
//! (The slowest insertion of a thousand, while a map grew to four million entries: `FlatMap` 5.1 µs and with spares
//! 4.2, `CopyFlatMap` 6.3 and 4.6; of two thousand, `CopyFlatMap` 21 and 5. Medians of three runs by turns.)
#![expect(unsafe_code, reason = "memory that is no segment yet is kept as a raw pointer")]

use std::ptr;

use super::raw::{Header, PAGE, Raw};
use super::shape::Shape;
use super::store::Store;
use crate::sync::{AtomicPtr, Ordering, stall_point};

/// With an address: the spare is whole. Alone: a thread works on it, and has it for itself.
const BUSY: usize = 1;

/// The spare of a table: null, an address, an address with `BUSY`, or `BUSY` alone.
///
/// INVARIANT: an address is from [`Raw::into_start`], and whoever takes it out of the word has it for itself.
pub(super) struct Spare(AtomicPtr<Header>);

impl Spare {
    pub(super) const fn none() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(super) fn is_there(&self) -> bool {
        // Relaxed: a statistic.
        !self.0.load(Ordering::Relaxed).is_null()
    }

    /// Whether there is none, or one that is not whole and that nobody works on.
    #[inline]
    pub(super) fn is_due(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Ordering::Relaxed).addr() & BUSY == 0
    }

    /// Takes what `wants` says out of the word, and puts `instead` there.
    fn swap(&self, wants: impl Fn(usize) -> bool, instead: *mut Header) -> Option<*mut Header> {
        // Relaxed: the CAS looks again.
        let now = self.0.load(Ordering::Relaxed);
        // Acquire: what was zeroed, and how much; pairs with the Release in `advance`.
        let (acquire, relaxed) = (Ordering::Acquire, Ordering::Relaxed);
        let swap = || self.0.compare_exchange(now, instead, acquire, relaxed).ok();
        if wants(now.addr()) { swap() } else { None }
    }

    /// Makes a page of it. Returns whether there was one to make.
    #[cold]
    pub(super) fn advance<S: Store>(&self, shape: Shape<S>) -> bool {
        let busy = ptr::without_provenance_mut(BUSY);
        let Some(start) = self.swap(|now| now & BUSY == 0, busy) else { return false };
        let mut raw = if start.is_null() {
            Raw::new(shape)
        } else {
            // SAFETY:
            // - from `into_start`, and this thread's: taken out just now.
            unsafe { Raw::from_start(start) }
        };
        stall_point("held spare");
        let is_whole = raw.zero(PAGE);
        let start = raw.into_start();
        let start = start.map_addr(|address| if is_whole { address | BUSY } else { address });
        // Release: what is zeroed; pairs with the Acquire in `swap`. Nobody else writes while it is `BUSY` alone.
        self.0.store(start, Ordering::Release);
        true
    }

    /// Takes it, if there is one that nobody works on.
    pub(super) fn take(&self) -> Option<Raw> {
        let start = self.swap(|now| now & !BUSY != 0, ptr::null_mut())?;
        // SAFETY:
        // - from `into_start`, and this thread's: taken out just now.
        Some(unsafe { Raw::from_start(start.map_addr(|address| address & !BUSY)) })
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        drop(self.take());
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::sync::Barrier;

    use super::super::store::Inline;
    use super::*;

    type Shape = super::Shape<Inline<u64, u64>>;

    /// Of one segment of full size.
    fn shape() -> Shape {
        Shape::of_entries(2_000).unwrap()
    }

    fn is_zero(raw: Raw) -> bool {
        raw.whole().content().iter().all(|byte| *byte == 0)
    }

    #[test]
    fn it_is_made_a_page_at_a_time_and_then_waits() {
        let spare = Spare::none();
        assert!(spare.take().is_none());
        let mut steps = 0;
        while spare.is_due() {
            assert!(spare.advance(shape()));
            steps += 1;
        }
        assert_eq!(steps, Raw::size(shape()).div_ceil(PAGE));
        assert!(!spare.advance(shape()), "it is whole");
        assert!(is_zero(spare.take().unwrap()));
        assert!(!spare.is_there());
        assert!(spare.is_due(), "for the next one");
    }

    #[test]
    fn one_that_is_not_whole_can_be_taken() {
        let spare = Spare::none();
        (0..3).for_each(|_| assert!(spare.advance(shape())));
        assert!(is_zero(spare.take().unwrap()));
        // And freed with the table.
        spare.advance(shape());
    }

    #[test]
    fn each_is_taken_once_by_whom_nobody_disturbs() {
        let (spare, start) = (Spare::none(), Barrier::new(3));
        let rounds = if cfg!(miri) { 50 } else { 5_000 };
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let (spare, start) = (&spare, &start);
                scope.spawn(move || {
                    start.wait();
                    for round in 0..rounds {
                        spare.advance(shape());
                        if (round + thread) % 20 == 0 {
                            assert!(spare.take().is_none_or(is_zero));
                        }
                    }
                });
            }
        });
    }
}
