//! The number of entries: a counter that threads do not fight over.
//!
//! It is one number until two threads contend for it, and shards from then on. So a small map that only one thread
//! writes has no shards. The sum is exact while no thread writes. Otherwise it may miss counts, and may even be below
//! zero for a moment.
//!
//! # The meaning of zero
//!
//! This holds for flat tables alone, the only maps that rely on it: a trie that commits a fork counts afterwards.
//!
//! An entry is counted up before it is put into the map, and down after it was taken out. A shard counts the two
//! separately. A sum first reads all numbers of removals, then the single number, then all numbers of insertions. A sum
//! that has seen a removal therefore also sees the insertion of the same entry: the removal was counted with Release,
//! after the entry had been read from the place where its insertion published it. The same holds for a removal that was
//! counted in the single number: its thread found no shards, so there were none when the insertion was counted, which is
//! therefore in this number too. It follows that if a sum is zero, no entry was in the map throughout the summation.
//!
//! Tests: `an_entry_that_stays_is_never_missed`.

use crate::shards::Shards;
use crate::sync::{AtomicUsize, Ordering};

pub(crate) struct Counter {
    /// In two's complement: it may be below zero.
    base: AtomicUsize,
    shards: Shards<Shard>,
}

#[derive(Default)]
struct Shard {
    ups: AtomicUsize,
    downs: AtomicUsize,
}

impl Counter {
    pub(crate) const fn new() -> Self {
        Self { base: AtomicUsize::new(0), shards: Shards::new() }
    }

    /// Counts an entry that is about to be put into the map.
    #[inline]
    pub(crate) fn up(&self) {
        self.change(1);
    }

    /// Uncounts an entry that was taken out, or that was not put into the map after all.
    #[inline]
    pub(crate) fn down(&self) {
        self.change(-1);
    }

    /// Counts this many entries at once: before they are put into the map, or, if negative, after they were taken out.
    #[inline]
    pub(crate) fn change(&self, by: isize) {
        let shard = match self.shards.own() {
            Some(shard) => shard,
            None => {
                let now = self.base.load(Ordering::Relaxed);
                let new = now.wrapping_add_signed(by);
                // Relaxed: see above.
                let relaxed = Ordering::Relaxed;
                if self.base.compare_exchange(now, new, relaxed, relaxed).is_ok() {
                    return;
                }
                self.shards.own_or_make()
            }
        };
        if by < 0 {
            // Release: the insertion of the same entry; pairs with the Acquire in `net`.
            shard.downs.fetch_add(by.unsigned_abs(), Ordering::Release);
        } else {
            // Relaxed: the publication of the entry publishes this too.
            shard.ups.fetch_add(by.unsigned_abs(), Ordering::Relaxed);
        }
    }

    /// The number counted up minus the number counted down.
    pub(crate) fn net(&self) -> isize {
        // Acquire: the insertions of these entries; pairs with the Release in `change`.
        let downs = self.shards.all().iter().map(|shard| shard.downs.load(Ordering::Acquire));
        let downs = downs.fold(0, usize::wrapping_add);
        let base = self.base.load(Ordering::Relaxed).wrapping_sub(downs);
        let ups = self.shards.all().iter().map(|shard| shard.ups.load(Ordering::Relaxed));
        ups.fold(base, usize::wrapping_add) as isize
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
        counter.shards.own_or_make();
        let threads = (counter.shards.all().len() + 1).pow(2);
        for _ in 0..threads {
            std::thread::scope(|scope| {
                scope.spawn(|| counter.up());
            });
        }
        assert_eq!(counter.sum(), threads);
    }

    #[test]
    fn an_entry_that_stays_is_never_missed() {
        let counter = Counter::new();
        // Shards, and one entry.
        counter.shards.own_or_make();
        counter.up();
        let done = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                // One thread inserts entries, and another one removes them.
                let (put, taken) = std::sync::mpsc::sync_channel(1);
                let counter = &counter;
                scope.spawn(move || taken.into_iter().for_each(|()| counter.down()));
                scope.spawn({
                    let done = &done;
                    move || {
                        for _ in 0..20_000 {
                            counter.up();
                            put.send(()).expect("the other thread takes all");
                        }
                        done.fetch_add(1, Ordering::Release);
                    }
                });
            }
            while done.load(Ordering::Acquire) < 2 {
                assert!(counter.net() > 0);
            }
        });
        assert_eq!(counter.net(), 1);
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

#[cfg(all(test, not(shuttle)))]
mod orderings {
    //! As `src/reclaim/orderings.rs`.

    use std::sync::atomic::AtomicBool;

    use super::*;
    use crate::reclaim::orderings::{at_once, until};

    #[test]
    fn a_removal_that_is_counted_tells_of_the_insertion() {
        for has_shards in [false, true] {
            let (counter, is_inserted) = (Counter::new(), AtomicBool::new(false));
            if has_shards {
                counter.shards.own_or_make();
            }
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    counter.up();
                    // Release: as the publication of the entry.
                    is_inserted.store(true, Ordering::Release);
                });
                let removes = || {
                    until(|| is_inserted.load(Ordering::Acquire));
                    counter.down();
                };
                at_once(removes, || (0..20).for_each(|_| assert!(counter.net() >= 0)));
            });
        }
    }
}
