//! The number of entries: a counter that threads do not fight over.
//!
//! One number until two threads meet at it, and shards from then on. So a small map that one thread writes has no shards.
//! The sum is exact while no thread writes. Otherwise it may miss counts, and even be below zero for a moment.

use crossbeam_utils::CachePadded;

use crate::once::OnceBox;
use crate::reclaim::{shard_count, thread_index};
use crate::sync::{AtomicUsize, Ordering};

pub(crate) struct Counter {
    /// Numbers here are two's complement: a shard may be below zero.
    base: AtomicUsize,
    shards: OnceBox<[CachePadded<AtomicUsize>]>,
}

impl Counter {
    pub(crate) const fn new() -> Self {
        Self { base: AtomicUsize::new(0), shards: OnceBox::new() }
    }

    /// Counts an entry that was put into the map.
    #[inline]
    pub(crate) fn up(&self) {
        self.add(1);
    }

    /// Counts an entry that was taken out of it. Returns what the thread's own part of the number is
    /// now: something that differs each time.
    #[inline]
    pub(crate) fn down(&self) -> usize {
        self.add(usize::MAX)
    }

    /// Counts this many entries at once.
    pub(crate) fn change(&self, by: isize) {
        self.add(by as usize);
    }

    #[inline]
    fn add(&self, by: usize) -> usize {
        // Relaxed, here and below: a number, that nothing else is concluded from.
        if self.shards.get().is_none() {
            let now = self.base.load(Ordering::Relaxed);
            let new = now.wrapping_add(by);
            let (success, failure) = (Ordering::Relaxed, Ordering::Relaxed);
            if self.base.compare_exchange(now, new, success, failure).is_ok() {
                return new;
            }
        }
        let shards = self.shards();
        shards[thread_index() % shards.len()].fetch_add(by, Ordering::Relaxed).wrapping_add(by)
    }

    fn shards(&self) -> &[CachePadded<AtomicUsize>] {
        let make = || (0..shard_count()).map(|_| CachePadded::new(AtomicUsize::new(0))).collect();
        self.shards.get_or_make(make)
    }

    /// What was counted up less what was counted down.
    pub(crate) fn net(&self) -> isize {
        let shards = self.shards.get().into_iter().flatten();
        let sum = shards.map(|shard| shard.load(Ordering::Relaxed));
        sum.fold(self.base.load(Ordering::Relaxed), usize::wrapping_add) as isize
    }

    /// [`Self::net`], or zero if that is below zero.
    pub(crate) fn sum(&self) -> usize {
        self.net().max(0) as usize
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn many_threads_are_counted() {
        let counter = Counter::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..10_000).for_each(|_| counter.up());
                    for _ in 0..9_000 {
                        counter.down();
                    }
                });
            }
        });
        assert_eq!(counter.sum(), 4_000);
    }

    #[test]
    fn more_threads_than_shards_are_counted() {
        let counter = Counter::new();
        let threads = (counter.shards().len() + 1).pow(2);
        for _ in 0..threads {
            std::thread::scope(|scope| {
                scope.spawn(|| counter.up());
            });
        }
        assert_eq!(counter.sum(), threads);
    }

    #[test]
    fn less_than_nothing_is_nothing() {
        let counter = Counter::new();
        counter.down();
        assert_eq!(counter.sum(), 0);
        counter.up();
        counter.up();
        assert_eq!(counter.sum(), 1);
    }
}
