//! Several copies of a structure, of which each thread uses one, so that threads do not fight over it.

use std::cell::Cell;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_utils::CachePadded;

use crate::once::OnceBox;

/// The copies. There are none until threads have met for the first time.
pub(crate) struct Shards<S>(OnceBox<[CachePadded<S>]>);

impl<S: Default> Shards<S> {
    pub(crate) const fn new() -> Self {
        Self(OnceBox::new())
    }

    /// All of them, or none.
    pub(crate) fn all(&self) -> &[CachePadded<S>] {
        self.0.get().unwrap_or_default()
    }

    /// The calling thread's, if there are any. Threads may share one.
    #[inline]
    pub(crate) fn own(&self) -> Option<&S> {
        self.0.get().map(own_of)
    }

    /// The calling thread's. Makes all of them if there are none.
    #[cold]
    pub(crate) fn own_or_make(&self) -> &S {
        own_of(self.0.get_or_make(|| (0..shard_count()).map(|_| CachePadded::default()).collect()))
    }
}

#[inline]
fn own_of<S>(shards: &[CachePadded<S>]) -> &S {
    // Their number is a power of two.
    &shards[thread_index() & (shards.len() - 1)]
}

/// A small number that no other thread has.
fn thread_index() -> usize {
    thread_local! {
        /// Without a destructor, so that it works inside those of other thread-locals.
        static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    INDEX.with(|index| {
        if index.get() == usize::MAX {
            // Relaxed: the read-modify-write alone makes the number unique.
            index.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        index.get()
    })
}

/// Several for each processor, so that threads seldom meet even where they outnumber the processors.
fn shard_count() -> usize {
    // In models three threads find all shards busy.
    if cfg!(shuttle) {
        return 1;
    }
    // The standard library asks the operating system each time. A `OnceLock` would let other threads, or the child of a
    // fork, wait for a thread that stalls while it fills it.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed, here and below: threads that arrive together all ask and store the same number.
    let count = COUNT.load(Ordering::Relaxed);
    if count > 0 {
        return count;
    }
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let count = (processors * 4).next_power_of_two().clamp(8, 64);
    COUNT.store(count, Ordering::Relaxed);
    count
}

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::*;

    #[test]
    fn each_thread_has_a_number() {
        let (here, there) = (thread_index(), std::thread::spawn(thread_index).join());
        assert_eq!(thread_index(), here);
        assert_ne!(there.expect("a number"), here);
    }

    #[test]
    #[cfg(not(shuttle))]
    fn shards_are_several_for_each_processor() {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let count = shard_count();
        assert!(
            count.is_power_of_two() && (8..=64).contains(&count) && count >= processors.min(16) * 4
        );
        assert_eq!(shard_count(), count);
    }

    #[test]
    fn a_thread_has_one_of_the_shards_once_they_are_made() {
        let shards = Shards::<u64>::new();
        assert!(shards.own().is_none() && shards.all().is_empty());
        let made = shards.own_or_make();
        let own = || shards.own().expect("made");
        assert!(ptr::eq(own(), made) && ptr::eq(own(), shards.own_or_make()));
        assert_eq!(shards.all().len(), shard_count());
        let all: Vec<_> = shards.all().iter().map(|shard| ptr::from_ref::<u64>(shard)).collect();
        assert!(all.contains(&ptr::from_ref(made)));
    }
}
