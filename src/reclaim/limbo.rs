//! The limbo of one map: unlinked objects that wait until the clock says that they may be freed.
//!
//! Garbage is collected in *bags*. A full bag is sealed: it is stamped with the reading of the clock at which its
//! objects may be freed, and joins a queue. Once the clock gets there, the bag is *ripe*. A retirement frees at most
//! two ripe objects.
//!
//! A limbo starts with one *shard*: an open bag and a queue. When two threads meet there it gets more shards, which
//! threads share by their numbers. One thread at a time uses a shard, and no thread waits for one: it takes the next
//! shard, and if all are busy, a lock-free stack. Destructors run outside of shards. So a thread that stalls keeps at
//! most the garbage of one shard, and what its guard keeps.
//!
//! # The bound
//!
//! Let a *period* be the time that the clock takes for the ticks of [`Guard::ripe_at`]. A bag is ripe a period after it
//! was sealed, and it is sealed when it is full.
//!
//! *One shard.* A retirement adds one object and frees two, unless fewer are ripe. So a shard grows only while fewer
//! than two of its objects are ripe. All others were retired within the last period or are in the open bag. So it never
//! holds more than what is retired there in a period, and a bag.
//!
//! *All shards.* Each sealing also looks after another shard, in turn ([`Limbo::look_after`]). If no thread has used it
//! since the last time, its open bag is sealed and a ripe bag is freed. So a shard whose threads have ended is empty
//! after some more sealings elsewhere.
//!
//! *The period.* It lasts until the guards that were held at its start are gone, plus the pauses between attempts to
//! advance the clock. Where threads outnumber processors, a preempted thread may hold a guard until all others have had
//! their turns. Therefore, above [`CROWDED`] bytes, threads yield when they have dropped their guards. They do so at
//! most [`YIELDS`] times for each reading of the clock, so that a handle that is held for long does not slow other
//! threads.
//!
//! So the garbage of a map is at most what is retired within a period and a bag for each shard, for any number of
//! threads. Tests: `tests/garbage.rs`.
#![expect(unsafe_code, reason = "a shard's lists are plain memory behind a busy flag")]

use std::cell::UnsafeCell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::thread;
use std::time::Duration;

use super::garbage::Garbage;
use super::guard::{Collector, Guard};
use super::threads::{calls_at, may_free, while_freeing};
use crate::fallout::Fallout;
use crate::prefetch;
use crate::shards::Shards;
use crate::sync::{
    AtomicBool, AtomicPtr, AtomicUsize, HAS_TIME, Ordering, fence, planted, stall_point,
};

/// Objects in a full bag. Sealing one costs a fence and an attempt to advance the clock.
const BAG_OBJECTS: usize = if cfg!(any(miri, shuttle)) { 1 } else { 32 };

/// Bytes in a full bag: large objects do not wait for others.
const BAG_BYTES: usize = 4 << 10;

/// Bytes of garbage above which threads yield: far more than waits where each thread has a processor.
const CROWDED: usize = 2 << 20;

/// How often a thread yields for one reading of the clock, which may stand still forever.
const YIELDS: u32 = 64;

/// Attempts of [`Limbo::collect`] to advance the clock: enough for all ticks if no other thread holds a guard.
const COLLECT_ATTEMPTS: usize = 16;

/// Attempts of [`Limbo::flush`], with pauses between the later ones.
const FLUSH_ATTEMPTS: usize = 64;

const FLUSH_PAUSE: Duration = Duration::from_micros(100);

#[derive(Default)]
struct Bag {
    items: Vec<Garbage>,
    bytes: usize,
    /// The clock's reading at which the objects may be freed.
    ripe_at: u64,
}

/// The content of a shard.
#[derive(Default)]
struct Lists {
    open: Bag,
    /// The oldest first.
    sealed: VecDeque<Bag>,
    /// Whether a thread has looked after the shard since the last retirement here.
    looked_after: bool,
}

impl Lists {
    #[inline]
    fn push(&mut self, garbage: Garbage) {
        self.open.bytes += garbage.bytes();
        self.open.items.push(garbage);
        self.looked_after = false;
    }

    fn is_full(&self) -> bool {
        self.open.items.len() >= BAG_OBJECTS || self.open.bytes >= BAG_BYTES
    }

    /// Seals the open bag, unless it is empty.
    fn seal(&mut self, limbo: &Limbo, guard: &Guard) {
        if self.open.items.is_empty() {
            return;
        }
        // The next bag will grow as large.
        let next = Bag { items: Vec::with_capacity(self.open.items.capacity()), ..Bag::default() };
        let mut bag = std::mem::replace(&mut self.open, next);
        let stamped = if planted("unsealed") { &mut self.open } else { &mut bag };
        stamped.ripe_at = guard.ripe_at();
        // Relaxed: a statistic.
        limbo.bytes.fetch_add(bag.bytes, Ordering::Relaxed);
        self.sealed.push_back(bag);
    }

    /// The oldest bag, if it is ripe and the thread may free it.
    #[inline]
    fn ripe(&mut self, now: u64) -> Option<&mut Bag> {
        self.sealed.front_mut().filter(|bag| bag.ripe_at <= now && may_free())
    }

    /// Takes two objects that may be freed.
    #[inline]
    fn take_two(&mut self, limbo: &Limbo, now: u64) -> [Option<Garbage>; 2] {
        match self.ripe(now) {
            None => [None, None],
            Some(Bag { items, .. }) if items.len() > 2 => {
                let two = [items.pop(), items.pop()];
                // The allocator writes to freed memory, and this has left the cache since.
                items.iter().rev().take(2).for_each(|next| prefetch::read(next.object()));
                two
            }
            Some(_) => [self.take_last(limbo, now), self.take_last(limbo, now)],
        }
    }

    /// Takes an object that may be freed, of a bag that has few left.
    #[cold]
    #[inline(never)]
    fn take_last(&mut self, limbo: &Limbo, now: u64) -> Option<Garbage> {
        let bag = self.ripe(now)?;
        let garbage = bag.items.pop();
        if bag.items.is_empty() {
            self.take_oldest(limbo);
        }
        garbage
    }

    /// Takes a bag whose objects may be freed.
    fn take_ripe(&mut self, limbo: &Limbo, now: u64) -> Option<Vec<Garbage>> {
        self.ripe(now)?;
        self.take_oldest(limbo)
    }

    fn take_oldest(&mut self, limbo: &Limbo) -> Option<Vec<Garbage>> {
        let bag = self.sealed.pop_front()?;
        // Relaxed: as in `seal`.
        limbo.bytes.fetch_sub(bag.bytes, Ordering::Relaxed);
        Some(bag.items)
    }

    fn is_empty(&self) -> bool {
        self.open.items.is_empty() && self.sealed.is_empty()
    }
}

#[derive(Default)]
struct Shard {
    /// Set while a thread works on the lists.
    busy: AtomicBool,
    lists: UnsafeCell<Lists>,
}

impl Shard {
    /// Exclusive use of the lists. `None` if a thread already has it, possibly this one in an outer call.
    #[inline]
    fn enter(&self) -> Option<Busy<'_>> {
        // Acquire: what the last one left in the lists; pairs with the Release in `Busy::drop`.
        let free = !self.busy.swap(true, Ordering::Acquire);
        // Not `then_some`: its argument would be made in any case, and its drop would clear the flag.
        free.then(|| Busy(self))
    }
}

/// INVARIANT: made only by [`Shard::enter`]; while it exists the shard's flag is set, and its holder
/// alone uses the lists.
struct Busy<'a>(&'a Shard);

impl Deref for Busy<'_> {
    type Target = Lists;
    fn deref(&self) -> &Lists {
        // SAFETY:
        // - no one else uses the lists: invariant of `Busy`.
        unsafe { &*self.0.lists.get() }
    }
}

impl DerefMut for Busy<'_> {
    fn deref_mut(&mut self) -> &mut Lists {
        // SAFETY:
        // - no one else uses the lists: invariant of `Busy`.
        unsafe { &mut *self.0.lists.get() }
    }
}

impl Drop for Busy<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release: the lists; pairs with the swap in `enter`.
        self.0.busy.store(false, Ordering::Release);
    }
}

/// Garbage that found all shards busy: a stack. It is emptied as a whole, so its CAS has no ABA problem.
struct Overflow(AtomicPtr<Spilled>);

struct Spilled {
    garbage: Garbage,
    below: *mut Spilled,
}

impl Overflow {
    const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    fn push(&self, garbage: Garbage) {
        let spilled = Box::into_raw(Box::new(Spilled { garbage, below: ptr::null_mut() }));
        let mut top = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY:
            // - this thread's own, until the CAS publishes it.
            unsafe {
                (*spilled).below = if planted("lost_overflow") { ptr::null_mut() } else { top }
            };
            // Release: the garbage; pairs with the Acquire in `empty_into`.
            match self.0.compare_exchange(top, spilled, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    fn is_empty(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Ordering::Relaxed).is_null()
    }

    fn empty_into(&self, lists: &mut Lists) {
        if self.is_empty() {
            return;
        }
        // Acquire: the garbage; pairs with the Release of `push`.
        let mut next = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        while !next.is_null() {
            // SAFETY:
            // - from a box, by `push`; taken out by the swap, so no one else has it.
            let spilled = unsafe { Box::from_raw(next) };
            next = spilled.below;
            lists.push(spilled.garbage);
        }
    }
}

/// The garbage of one map.
pub(crate) struct Limbo {
    first: Shard,
    /// Made when two threads meet in the first one.
    others: Shards<Shard>,
    overflow: Overflow,
    /// Bytes in sealed bags.
    bytes: AtomicUsize,
    /// Chooses the shard to look after next.
    turns: AtomicUsize,
    /// Whether the map is gone, so that no operation can look at garbage.
    closed: AtomicBool,
}

// SAFETY:
// - Send and Sync: garbage is made only by operations on a map or its snapshots, and handed to
//   other threads only if those can reach the map or a snapshot, whose own Send and Sync impls ask
//   that keys and values be `Send + Sync`. The lists are used by one thread at a time (`Busy`).
unsafe impl Send for Limbo {}
// SAFETY:
// - as for Send.
unsafe impl Sync for Limbo {}

impl Limbo {
    pub(crate) const fn new() -> Self {
        Self {
            first: Shard {
                busy: AtomicBool::new(false),
                lists: UnsafeCell::new(Lists {
                    open: Bag { items: Vec::new(), bytes: 0, ripe_at: 0 },
                    sealed: VecDeque::new(),
                    looked_after: false,
                }),
            },
            others: Shards::new(),
            overflow: Overflow::new(),
            bytes: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    fn shards(&self) -> impl Iterator<Item = &Shard> {
        std::iter::once(&self.first).chain(self.others.all().iter().map(|shard| &**shard))
    }

    /// A shard that no thread uses, if there is one.
    #[inline]
    fn enter(&self) -> Option<Busy<'_>> {
        self.others.own().unwrap_or(&self.first).enter().or_else(|| self.enter_another())
    }

    #[cold]
    fn enter_another(&self) -> Option<Busy<'_>> {
        self.spread();
        self.shards().find_map(Shard::enter)
    }

    /// Makes the other shards.
    pub(crate) fn spread(&self) {
        self.others.own_or_make();
    }

    /// Until it is dropped, garbage finds all shards busy.
    #[cfg(test)]
    pub(crate) fn enter_all(&self) -> impl Sized {
        self.shards().map(|shard| shard.enter().expect("a shard that is free")).collect::<Vec<_>>()
    }

    #[cfg(test)]
    pub(super) fn sealed_bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes an object that was just unlinked, under a guard held since before that. Frees up to two other objects.
    #[inline]
    pub(crate) fn retire(&self, guard: &Guard, garbage: Garbage) {
        let Some(mut lists) = self.enter() else { return self.overflow(guard, garbage) };
        stall_point("busy shard");
        lists.push(garbage);
        let ripe = lists.take_two(self, guard.now());
        if lists.is_full() {
            self.seal(lists, guard);
        } else {
            drop(lists);
        }
        // SAFETY:
        // - taken from a ripe bag.
        unsafe { free(ripe.into_iter().flatten()) };
    }

    /// Keeps garbage that found all shards busy, mostly because preempted threads use them.
    #[cold]
    fn overflow(&self, guard: &Guard, garbage: Garbage) {
        self.overflow.push(garbage);
        guard.yield_afterwards();
    }

    #[inline(never)]
    fn seal(&self, mut lists: Busy<'_>, guard: &Guard) {
        self.overflow.empty_into(&mut lists);
        lists.seal(self, guard);
        stall_point("sealed bag");
        let waits = lists.ripe(guard.now()).is_none();
        drop(lists);
        if waits {
            guard.advance(false);
        }
        self.look_after(guard);
        // Relaxed: as in `Lists::seal`.
        if self.bytes.load(Ordering::Relaxed) > CROWDED && calls_at(guard.now()) <= YIELDS {
            guard.yield_afterwards();
        }
    }

    /// Looks after one of the shards, in turn: if nothing was retired there since the last turn, seals its open bag and
    /// frees a ripe one.
    fn look_after(&self, guard: &Guard) {
        let others = self.others.all().len();
        if others == 0 {
            return;
        }
        // Relaxed: only spreads the work.
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let shard = self.shards().nth(turn % (others + 1));
        let Some(mut lists) = shard.and_then(Shard::enter) else { return };
        // A shard in use is left to its threads: allocators are slow to free memory of other threads.
        if !std::mem::replace(&mut lists.looked_after, true) {
            return;
        }
        lists.seal(self, guard);
        let ripe = lists.take_ripe(self, guard.now());
        drop(lists);
        // SAFETY:
        // - taken from a ripe bag.
        unsafe { free(ripe.into_iter().flatten()) };
    }

    /// Seals all open bags, frees everything that is ripe, and tries to advance the clock if anything is left. Returns
    /// whether there was nothing to do.
    pub(crate) fn sweep(&self, guard: &Guard) -> bool {
        let (mut waits, mut freed) = (false, false);
        for shard in self.shards() {
            let Some(mut lists) = shard.enter() else {
                waits = true;
                continue;
            };
            stall_point("swept shard");
            self.overflow.empty_into(&mut lists);
            lists.seal(self, guard);
            let now = guard.now();
            let ripe: Vec<_> = std::iter::from_fn(|| lists.take_ripe(self, now)).collect();
            if lists.is_empty() {
                *lists = Lists::default();
            } else {
                waits = true;
            }
            drop(lists);
            freed |= !ripe.is_empty();
            // SAFETY:
            // - taken from ripe bags.
            unsafe { free(ripe.into_iter().flatten()) };
        }
        if waits {
            guard.advance(true);
        }
        // Destructors may have retired more.
        !waits && !freed
    }

    /// Frees everything that can be freed without waiting for other threads, at the end of an operation that retired
    /// much. The caller holds no guard.
    pub(crate) fn collect(&self, collector: &Collector) {
        let _ = (0..COLLECT_ATTEMPTS).any(|_| self.sweep(&collector.pin()));
    }

    /// [`Self::collect`], but waits some milliseconds for guards of other threads. Returns whether nothing is left.
    pub(crate) fn flush(&self, collector: &Collector) -> bool {
        (0..FLUSH_ATTEMPTS).any(|attempt| {
            if attempt > COLLECT_ATTEMPTS && HAS_TIME {
                thread::sleep(FLUSH_PAUSE);
            }
            self.sweep(&collector.pin())
        })
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the store in `close`: the map's last operations are over.
        self.closed.load(Ordering::Acquire)
    }

    /// Frees everything, and lets everything retired from now on be freed at once.
    ///
    /// Another thread may use a shard at this moment, to drop a snapshot. It calls [`Self::empty_if_closed`]
    /// afterwards. This thread sets `closed` and then looks at the shard. The other one leaves the shard and then reads
    /// `closed`. A SeqCst fence stands in between on both sides. So either this thread finds the shard free, or the
    /// other one finds `closed` set. Model: `map_and_snapshots_are_dropped_at_once`.
    ///
    /// # Safety
    /// - No operation on the map is in flight and none can begin: the map is being dropped.
    pub(crate) unsafe fn close(&self, fallout: &mut Fallout) {
        // Release: pairs with the load in `is_closed`.
        self.closed.store(true, Ordering::Release);
        self.empty_if_closed(fallout);
    }

    /// If the map is gone, frees the garbage of all shards that no thread uses.
    pub(crate) fn empty_if_closed(&self, fallout: &mut Fallout) {
        // SeqCst: between this thread's store to `closed` or `busy` and its loads below, see `close`.
        fence(Ordering::SeqCst);
        if !self.is_closed() {
            return;
        }
        for shard in self.shards() {
            while let Some(mut lists) = shard.enter() {
                self.overflow.empty_into(&mut lists);
                let Lists { open, sealed, .. } = std::mem::take(&mut *lists);
                let garbage = sealed.into_iter().chain([open]).flat_map(|bag| bag.items);
                // SAFETY:
                // - unreferenced: it is unlinked; what a snapshot sees is in no limbo; and `close`'s caller promised
                //   that no operation is left.
                garbage.for_each(|garbage| unsafe { garbage.free(fallout) });
                drop(lists);
                // A thread that found all shards busy meanwhile has left its garbage to this one.
                fence(Ordering::SeqCst);
                if self.overflow.is_empty() {
                    break;
                }
            }
        }
    }
}

impl Drop for Limbo {
    fn drop(&mut self) {
        let mut fallout = Fallout::default();
        // SAFETY:
        // - the limbo is dropped with the last handle of its map and snapshots.
        unsafe { self.close(&mut fallout) };
    }
}

/// # Safety
/// - All of it is ripe: it was unlinked before its bag was sealed, and the clock has reached the bag's stamp.
unsafe fn free(ripe: impl IntoIterator<Item = Garbage>) {
    let mut fallout = Fallout::default();
    for garbage in ripe {
        stall_point("taken garbage");
        // SAFETY:
        // - unreferenced: promised by the caller, see `clock.rs`.
        while_freeing(|| unsafe { garbage.free(&mut fallout) });
    }
}

#[cfg(all(test, not(shuttle)))]
mod orderings {
    //! As `src/reclaim/orderings.rs`.

    use super::*;
    use crate::reclaim::orderings::{Plain, at_once, until};

    #[test]
    fn garbage_that_finds_all_shards_busy_is_whole() {
        unsafe fn free(_: *mut ()) {}

        let overflow = Overflow::new();
        // SAFETY:
        // - nothing is freed.
        let pushes = || overflow.push(unsafe { Garbage::new(ptr::null_mut(), free, 7) });
        let empties = || {
            until(|| !overflow.is_empty());
            let mut lists = Lists::default();
            overflow.empty_into(&mut lists);
            assert_eq!(lists.open.bytes, 7);
        };
        at_once(pushes, empties);
    }

    #[test]
    fn a_limbo_that_is_closed_tells_what_came_before() {
        let (limbo, plain) = (Limbo::new(), Plain::default());
        let closes = || {
            plain.write(1);
            // SAFETY:
            // - there is no map.
            unsafe { limbo.close(&mut Fallout::default()) };
        };
        let looks = || {
            // Relaxed: tells nothing.
            until(|| limbo.closed.load(Ordering::Relaxed));
            assert!(limbo.is_closed());
            assert_eq!(plain.read(), 1);
        };
        at_once(closes, looks);
    }
}
