//! The limbo of one map: what was unlinked and waits for its grace period.
//!
//! Terms: *young* garbage was retired and nobody watches it yet; *waiting* garbage has a probe in
//! flight, a flag that crossbeam-epoch sets once the grace period is over; *ready* garbage may be
//! freed. A turn moves each list one step on and frees a few of the ready.
//!
//! The lists are kept in shards, by thread. A shard is worked on by one thread at a time, but
//! nobody waits for it: who finds it busy leaves the garbage in its inbox, a lock-free stack. A
//! thread that stalls inside a shard delays that shard's garbage only, as a thread that stalls with
//! a guard would.
//!
//! What is larger than an entry goes to the shard of the thread that allocated it, by the inbox: an
//! allocator with an arena for each thread, as glibc's, takes the arena's lock to free it, and threads
//! that free each other's memory sleep on each other's locks. (Two threads that insert a million entries
//! spent a sixth of their time so, by samples.)
#![expect(unsafe_code, reason = "a shard's lists are plain memory behind a busy flag")]

use std::any::Any;
use std::cell::{Cell, UnsafeCell};
use std::num::NonZero;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::OnceLock;

use crossbeam_utils::CachePadded;

use super::guard::{Guard, LARGE, count_retired};
use super::inbox::Inbox;
use crate::prefetch;
use crate::sync::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, Ordering, fence, stall_point};

/// Young garbage is sent on its way once there is this much of it. Each grace period costs a flush of
/// the epoch collector, which looks at every thread that uses it: so not for every object.
const BATCH: usize = if cfg!(any(miri, shuttle)) { 1 } else { 64 };

/// Retirements to a shard of which one takes a turn: few enough that the allocator, whose cache of a
/// thread has room for seven of a size in glibc, takes all that one frees into it. (A pair of an
/// insertion and a removal took 1 284 instructions so, 1 298 with 2 and 1 300 with 8, counted once by
/// callgrind; and 1 241 with the budget below instead of two objects for each.)
const TURN_EVERY: usize = if cfg!(any(miri, shuttle)) { 1 } else { 4 };

/// Turns that find a grace period not over, of which one helps to end it.
const POLL_EVERY: usize = if cfg!(any(miri, shuttle)) { 1 } else { 16 };

/// Of those that help, one pushes the epoch on.
///
/// Who makes a handle for each operation pushes it on by that. Where handles are held for many, as in batches,
/// nobody else does: next to nothing was freed then, and no slot handed back. (A million entries overwritten again
/// and again in batches of 1024, ns for each, one thread: `TrieMap` 374 and 186 with this, `CopyTrieMap` 193 and
/// 115, `FlatMap` 337 and 160, `CopyFlatMap` 358 and 183. With a handle for each it is the same within the spread.)
const LATE: usize = if cfg!(any(miri, shuttle)) { 1 } else { 4 };

/// Where so much is ready each retirement takes a turn, so that none of them frees for several.
const MUCH: usize = 512;

/// Objects that a turn frees, if so many are ready and so many came in since the last one.
///
/// A quarter more than came in: the ready list shrinks even while it is fed, no operation pays for a
/// lump, and what is freed is mostly what the allocator hands out again at once. More when much is
/// ready: where threads outnumber processors, most objects come in by the inbox, while a suspended
/// thread has the shard, and the few operations that enter it must free for all. (With two for each
/// that came in, eight threads on two processors freed nothing like what they retired.)
fn budget(retired: usize, ready: usize) -> usize {
    retired + retired.div_ceil(4) + retired * (ready / MUCH).min(62)
}

/// Objects whose memory is asked for before it is their turn to be freed: the allocator writes to what
/// is given back, and what was retired a grace period ago has left the cache.
const PREFETCHED: usize = 2 * TURN_EVERY;

/// Letters that a shard may have unread for others to send more: then its thread is gone, or busy elsewhere.
const UNREAD: usize = if cfg!(any(miri, shuttle)) { 2 } else { 64 };

/// Objects in a bag. With its length and link a bag is about a KiB.
const BAG: usize = 62;

/// An unlinked object, and how to free it.
pub(crate) struct Garbage {
    object: *mut (),
    free: unsafe fn(*mut ()),
}

impl Garbage {
    /// # Safety
    /// - `free(object)` may be called once, from any thread on which the map's keys and values may
    ///   be dropped, as soon as nobody holds a reference into the object.
    pub(crate) unsafe fn new(object: *mut (), free: unsafe fn(*mut ())) -> Self {
        Self { object, free }
    }

    /// What a box leaked.
    ///
    /// # Safety
    /// - The pointer came from a box, and as for [`Self::new`].
    pub(crate) unsafe fn of_box<T>(object: NonNull<T>) -> Self {
        unsafe fn free<T>(object: *mut ()) {
            // SAFETY:
            // - from a box, by the contract of `of_box`; freed once, by that of `free`.
            drop(unsafe { Box::from_raw(object.cast::<T>()) });
        }
        // SAFETY:
        // - the contract of this function.
        unsafe { Self::new(object.as_ptr().cast(), free::<T>) }
    }

    /// Frees the object; a panic of its destructor goes to `fallout`.
    ///
    /// # Safety
    /// - Nobody holds a reference into the object or can get one.
    pub(crate) unsafe fn free(self, fallout: &mut Fallout) {
        // SAFETY:
        // - once: this consumes the value, and `new`'s caller promised that it is the only one.
        // - unreferenced: promised by this function's caller.
        fallout.catch(|| unsafe { (self.free)(self.object) });
    }
}

/// Panics of destructors that ran on behalf of somebody else.
///
/// The panic hook has reported each by the time it gets here.
#[derive(Default)]
pub(crate) struct Fallout(Option<Box<dyn Any + Send>>);

impl Fallout {
    pub(crate) fn catch(&mut self, step: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(step)) {
            let later = self.0.replace(payload);
            Self::discard(later);
        }
    }

    fn discard(payload: Option<Box<dyn Any + Send>>) {
        // A payload may itself panic when it is dropped; what that throws is left alone.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
    }

    /// Goes on with the panic caught last, unless the thread is panicking already: for the end of a
    /// drop that owned what it destroyed.
    pub(crate) fn resume(mut self) {
        if let Some(payload) = self.0.take() {
            if std::thread::panicking() {
                Self::discard(Some(payload));
            } else {
                resume_unwind(payload);
            }
        }
    }
}

impl Drop for Fallout {
    fn drop(&mut self) {
        Self::discard(self.0.take());
    }
}

/// A bag of garbage, and the bags below it.
struct Bag {
    items: Vec<Garbage>,
    below: Option<Box<Bag>>,
}

/// A stack of garbage in bags: constant time for each step, and no array that ever moves.
#[derive(Default)]
struct Heap {
    top: Option<Box<Bag>>,
    len: usize,
}

impl Heap {
    #[inline]
    fn push(&mut self, garbage: Garbage) {
        self.len += 1;
        match &mut self.top {
            // The capacity, and not `BAG`: so `push` needs no look at it.
            Some(bag) if bag.items.len() < bag.items.capacity() => bag.items.push(garbage),
            top => Self::push_on_new(top, garbage),
        }
    }

    #[cold]
    fn push_on_new(top: &mut Option<Box<Bag>>, garbage: Garbage) {
        let mut items = Vec::with_capacity(BAG);
        items.push(garbage);
        *top = Some(Box::new(Bag { items, below: top.take() }));
    }

    fn pop(&mut self) -> Option<Garbage> {
        let bag = self.top.as_mut()?;
        let garbage = bag.items.pop();
        if bag.items.is_empty() {
            self.top = bag.below.take();
        }
        self.len -= usize::from(garbage.is_some());
        garbage
    }
}

/// The garbage of the grace periods that are over.
#[derive(Default)]
struct Ready {
    batches: Vec<Heap>,
    len: usize,
}

impl Ready {
    fn push(&mut self, batch: Heap) {
        self.len += batch.len;
        self.batches.push(batch);
    }

    /// Asks for the memory of the objects that are freed next.
    fn prefetch(&self) {
        let bag = self.batches.last().and_then(|batch| batch.top.as_ref());
        let items = bag.into_iter().flat_map(|bag| bag.items.iter().rev());
        items.take(PREFETCHED).for_each(|garbage| prefetch::read(garbage.object));
    }

    /// Takes out up to `most` objects, a bag at a time.
    fn take(&mut self, most: usize, mut each: impl FnMut(Garbage)) {
        let mut left = most;
        while left > 0 {
            let Some(batch) = self.batches.last_mut() else { return };
            if let Some(bag) = &mut batch.top {
                let rest = bag.items.len().saturating_sub(left);
                let taken = bag.items.len() - rest;
                bag.items.drain(rest..).for_each(&mut each);
                left -= taken;
                self.len -= taken;
                batch.len -= taken;
                if rest == 0 {
                    batch.top = bag.below.take();
                }
            }
            if batch.top.is_none() {
                self.batches.pop();
            }
        }
    }

    fn pop(&mut self) -> Option<Garbage> {
        loop {
            if let Some(garbage) = self.batches.last_mut()?.pop() {
                self.len -= 1;
                return Some(garbage);
            }
            self.batches.pop();
        }
    }
}

/// What one shard holds.
#[derive(Default)]
struct Lists {
    young: Heap,
    waiting: Heap,
    ready: Ready,
    /// Set when the grace period of `waiting` is over. Shared with the collector, which may set it
    /// when the limbo is long gone.
    probe: Option<Arc<AtomicBool>>,
    /// Retirements since the last turn that one of them took.
    retired: usize,
    /// Turns that found the grace period of `waiting` not over, since one helped.
    polls: usize,
    /// How often one helped since `waiting` began to wait, or since one pushed the epoch on.
    helps: usize,
}

impl Lists {
    /// Moves garbage one step on and frees up to `budget` objects. Garbage that waits for its grace
    /// period since the last turn moves however little it is, if `all` is set.
    fn turn(&mut self, guard: &Guard, clock: &Arc<Clock>, all: bool, budget: usize) {
        // Acquire: the end of the grace period; pairs with the Release store of the probe.
        let over = self.probe.as_ref().is_some_and(|probe| probe.load(Ordering::Acquire));
        if over {
            self.ready.push(std::mem::take(&mut self.waiting));
            self.probe = None;
        }
        let enough = if all { 1 } else { BATCH };
        if self.probe.is_none() && self.young.len >= enough {
            self.waiting = std::mem::take(&mut self.young);
            self.helps = 0;
            let probe = Arc::new(AtomicBool::new(false));
            self.probe = Some(Arc::clone(&probe));
            stall_point("probe");
            let clock = clock.begin();
            guard.defer(move || {
                // Release: pairs with the Acquire above: what the guards' holders did is over.
                probe.store(true, Ordering::Release);
                if let Some(clock) = clock {
                    clock.tick();
                }
            });
        } else if self.probe.is_some() {
            self.polls += 1;
            if all || self.polls >= POLL_EVERY {
                self.polls = 0;
                self.helps += 1;
                guard.help(true);
            }
            if self.helps >= LATE {
                self.helps = 0;
                guard.advance();
            }
        }
        let mut fallout = Fallout::default();
        self.ready.take(budget, |garbage| {
            // SAFETY:
            // - unreferenced: it was unlinked before it was retired, and since then a grace period
            //   has passed for every guard held at that time.
            unsafe { garbage.free(&mut fallout) };
        });
        self.ready.prefetch();
    }

    fn is_empty(&self) -> bool {
        self.young.len + self.waiting.len + self.ready.len == 0
    }

    fn pop_any(&mut self) -> Option<Garbage> {
        self.ready.pop().or_else(|| self.waiting.pop()).or_else(|| self.young.pop())
    }
}

/// Counts grace periods of a map, one after the other. Shared with the collector, as a probe is.
///
/// What [`Limbo::now`] returns is the number of periods that are over. Let an operation under a guard read it.
/// Whoever reads two more knows that this guard is gone, and sees all that was done under it: of these two
/// periods the second one began when the first had been counted, which the guard's holder did not see. So
/// its guard was held when that period began, and a period lasts as long as such guards do.
#[derive(Default)]
struct Clock {
    now: AtomicU64,
    /// Whether a probe is in flight that ends the present period.
    running: AtomicBool,
}

impl Clock {
    /// Begins a period with a probe that is about to be sent, unless one is running.
    fn begin(self: &Arc<Self>) -> Option<Arc<Self>> {
        // Acquire: this period begins after the last one ended; pairs with the Release in `tick`.
        let running = self.running.swap(true, Ordering::Acquire);
        (!running).then(|| Arc::clone(self))
    }

    fn tick(&self) {
        // Release: what the holders of guards did until now; pairs with the Acquire in `Limbo::now`.
        self.now.fetch_add(1, Ordering::Release);
        // Release: the tick; pairs with the Acquire in `begin`.
        self.running.store(false, Ordering::Release);
    }
}

#[derive(Default)]
struct Shard {
    /// Set while a thread works on the lists.
    busy: AtomicFlag,
    lists: UnsafeCell<Lists>,
    /// Garbage that found the shard busy.
    inbox: Inbox<Garbage>,
    /// Letters from other threads since the shard's own thread took a turn, about.
    unread: AtomicUsize,
    /// Whether the shard's own thread took a turn since others last looked.
    attended: AtomicBool,
    /// Whether the lists hold anything. Written by whoever works on them.
    stocked: AtomicBool,
}

impl Shard {
    /// The shard's own thread takes a turn.
    fn attend(&self) {
        // Relaxed, for both: only tell who frees what.
        self.unread.store(0, Ordering::Relaxed);
        self.attended.store(true, Ordering::Relaxed);
    }

    /// Whether there may be garbage here. Writes nothing: threads that only read look at each other's shards.
    fn has_garbage(&self) -> bool {
        // Relaxed: only tells who frees what.
        self.stocked.load(Ordering::Relaxed) || !self.inbox.is_empty()
    }
}

struct AtomicFlag(AtomicBool);

impl Default for AtomicFlag {
    fn default() -> Self {
        Self(AtomicBool::new(false))
    }
}

impl Shard {
    /// The right to work on the lists, unless another thread (or this one, further up its stack)
    /// has it.
    fn enter(&self) -> Option<Busy<'_>> {
        // Acquire: what the last one left in the lists; pairs with the Release in `Busy::drop`.
        let free = !self.busy.0.swap(true, Ordering::Acquire);
        // Not `then_some`: its argument would be made, and dropped, in any case.
        free.then(|| Busy(self))
    }

    /// Puts what is in the inbox with the young. Returns the number of letters.
    fn empty_inbox(&self, lists: &mut Lists) -> usize {
        let before = lists.young.len;
        self.inbox.empty(|garbage| lists.young.push(garbage));
        lists.young.len - before
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
    fn drop(&mut self) {
        // Release: the lists; pairs with the swap in `enter`.
        self.0.busy.0.store(false, Ordering::Release);
    }
}

struct Shards {
    shards: Box<[CachePadded<Shard>]>,
    clock: Arc<Clock>,
}

impl Shards {
    /// The shard of the thread with this index, or with another one that leads there.
    fn of(&self, thread: usize) -> &Shard {
        // Their number is a power of two, 256 at most.
        &self.shards[thread & (self.shards.len() - 1)]
    }

    /// Puts garbage into a shard, which is this thread's own or is left to it.
    #[inline]
    fn put(&self, shard: &Shard, mine: bool, guard: &Guard, garbage: Garbage) {
        match shard.enter() {
            Some(mut lists) => {
                stall_point("busy shard");
                lists.young.push(garbage);
                // Relaxed, for both: as in `has_garbage`. A store only if it is the first since a turn.
                if !shard.stocked.load(Ordering::Relaxed) {
                    shard.stocked.store(true, Ordering::Relaxed);
                }
                lists.retired += 1;
                if lists.retired >= TURN_EVERY || lists.ready.len >= MUCH {
                    self.turn_of_one(shard, lists, mine, guard);
                }
            }
            None => shard.inbox.post(garbage),
        }
    }

    /// The turn that a retirement takes.
    #[inline(never)]
    fn turn_of_one(&self, shard: &Shard, mut lists: Busy<'_>, mine: bool, guard: &Guard) {
        let letters = shard.empty_inbox(&mut lists);
        if mine {
            shard.attend();
        }
        let budget = budget(lists.retired + letters, lists.ready.len);
        lists.retired = 0;
        lists.turn(guard, &self.clock, false, budget);
    }
}

/// The garbage of one map.
pub(crate) struct Limbo {
    /// Made by the first retirement: a map that never removed anything has none.
    shards: OnceBox<Shards>,
    /// The map is gone: no operation can look at garbage any more.
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
        Self { shards: OnceBox::new(), closed: AtomicBool::new(false) }
    }

    #[inline]
    fn shards(&self) -> &Shards {
        match self.shards.get() {
            Some(shards) => shards,
            None => self.first_shards(),
        }
    }

    #[cold]
    #[inline(never)]
    fn first_shards(&self) -> &Shards {
        self.shards.get_or_make(|| {
            let shards = (0..shard_count()).map(|_| CachePadded::default()).collect();
            Box::new(Shards { shards, clock: Arc::default() })
        })
    }

    /// The grace periods of this map that are over, of those that it counts: see [`Clock`].
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        // Acquire: pairs with the Release in `Clock::tick`. A map that retired nothing counts nothing.
        self.shards.get().map_or(0, |shards| shards.clock.now.load(Ordering::Acquire))
    }

    /// Takes an object that was just unlinked, under a guard held since before that.
    #[inline]
    pub(crate) fn retire(&self, guard: &Guard, garbage: Garbage) {
        count_retired(1);
        self.put_own(guard, garbage);
    }

    /// [`Self::retire`] for what is larger than an entry.
    pub(crate) fn retire_larger(&self, guard: &Guard, garbage: Garbage) {
        count_retired(LARGE);
        self.put_own(guard, garbage);
    }

    #[inline]
    fn put_own(&self, guard: &Guard, garbage: Garbage) {
        let shards = self.shards();
        shards.put(shards.of(thread_index()), true, guard, garbage);
    }

    /// [`Self::retire`] for what the thread of this index allocated, modulo 256.
    pub(crate) fn retire_of(&self, maker: usize, guard: &Guard, garbage: Garbage) {
        count_retired(LARGE);
        let shards = self.shards();
        let (shard, own) = (shards.of(maker), shards.of(thread_index()));
        let mine = ptr::eq(shard, own);
        // Relaxed, here and below: only tells who frees what.
        if !mine && shard.unread.load(Ordering::Relaxed) < UNREAD {
            shard.unread.fetch_add(1, Ordering::Relaxed);
            shard.inbox.post(garbage);
        } else {
            shards.put(shard, mine, guard, garbage);
        }
    }

    /// Moves the garbage of every shard one step on, however little there is, and frees up to
    /// `budget` objects of each.
    pub(crate) fn turn(&self, guard: &Guard, budget: usize) {
        if let Some(Shards { shards, clock }) = self.shards.get() {
            shards.iter().for_each(|shard| Self::turn_shard(shard, clock, guard, budget));
        }
    }

    /// [`Self::turn`] for one shard, a different one for each of a thread's turns; but not for one that another
    /// thread sees to.
    ///
    /// Where there is no garbage, this reads what nobody writes. (With a counter of turns that threads shared,
    /// and a flag taken of each shard that they looked at, each of two threads that made 128 handles for each call of
    /// this spent 3 of 17 ns a handle here, of which one thread spent nothing.)
    pub(crate) fn tick(&self, guard: &Guard, budget: usize, turn: usize) {
        let Some(all) = self.shards.get() else { return };
        let own = thread_index();
        let shard = all.of(own.wrapping_add(turn));
        if !shard.has_garbage() {
            return;
        }
        let mine = ptr::eq(shard, all.of(own));
        // Relaxed: only spreads the work.
        if mine || !shard.attended.swap(false, Ordering::Relaxed) {
            Self::turn_shard(shard, &all.clock, guard, budget);
        }
    }

    fn turn_shard(shard: &Shard, clock: &Arc<Clock>, guard: &Guard, budget: usize) {
        if let Some(mut lists) = shard.enter() {
            shard.empty_inbox(&mut lists);
            lists.turn(guard, clock, true, budget);
            // Relaxed: as in `has_garbage`.
            shard.stocked.store(!lists.is_empty(), Ordering::Relaxed);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        // Acquire: pairs with the store in `close`: the map's last operations are over.
        self.closed.load(Ordering::Acquire)
    }

    /// Frees everything, now and from now on: no operation is in flight and none can begin.
    ///
    /// A snapshot that is being dropped on another thread may be in the middle of a turn, and then
    /// has the shard. It calls [`Self::empty_if_closed`] afterwards. This thread sets `closed` and
    /// then looks at the shard, that one leaves the shard and then looks at `closed`, each with a
    /// SeqCst fence in between: so either this thread finds the shard free, or that one finds
    /// `closed` set. Model: `map_and_snapshots_are_dropped_at_once`.
    ///
    /// # Safety
    /// - No operation on the map is in flight and none can begin: the map is being dropped.
    pub(crate) unsafe fn close(&self, fallout: &mut Fallout) {
        // Release: pairs with the load in `is_closed`.
        self.closed.store(true, Ordering::Release);
        self.empty_if_closed(fallout);
    }

    /// If the map is gone, frees all garbage of shards that nobody works on.
    pub(crate) fn empty_if_closed(&self, fallout: &mut Fallout) {
        // SeqCst: between this thread's store to `closed` or `busy` and its loads below, see `close`.
        fence(Ordering::SeqCst);
        if !self.is_closed() {
            return;
        }
        for shard in self.shards.get().into_iter().flat_map(|shards| &shards.shards) {
            while let Some(mut lists) = shard.enter() {
                shard.empty_inbox(&mut lists);
                while let Some(garbage) = lists.pop_any() {
                    // SAFETY:
                    // - unreferenced: it is unlinked, no snapshot sees it (or it would not be in a
                    //   limbo), and `close`'s caller promised that no operation is left.
                    unsafe { garbage.free(fallout) };
                }
                drop(lists);
                // A letter that came while the shard was busy has nobody else to see to it.
                fence(Ordering::SeqCst);
                if shard.inbox.is_empty() {
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

/// A boxed value that is made when it is first needed. Unlike `OnceLock`, nobody waits for the
/// thread that makes it: of several values made at once, all but one are dropped.
pub(crate) struct OnceBox<T: ?Sized>(AtomicPtr<Box<T>>);

impl<T: ?Sized> OnceBox<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: the value; pairs with the Release of `get_or_make`.
        let value = self.0.load(Ordering::Acquire);
        // SAFETY:
        // - null, or made by `get_or_make`, and freed only by drop.
        unsafe { value.as_ref() }.map(|value| &**value)
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Box::into_raw(Box::new(make()));
        // Release: the value. Acquire on failure: the other thread's value.
        let (before, new) = (ptr::null_mut(), made);
        match self.0.compare_exchange(before, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY:
            // - just made; from now on freed only by drop.
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY:
                // - `made` was never shared; `other` was made by another call of this function.
                unsafe {
                    drop(Box::from_raw(made));
                    &*other
                }
            }
        }
    }
}

impl<T: ?Sized> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let value = *self.0.get_mut();
        if !value.is_null() {
            // SAFETY:
            // - made by `get_or_make` from a box; nobody can use it any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

/// Several shards for each processor, so that threads seldom meet in one even where they outnumber
/// the processors: a thread that is suspended inside a shard makes all others there use the inbox.
pub(crate) fn shard_count() -> usize {
    // The standard library asks the operating system each time.
    static COUNT: OnceLock<usize> = OnceLock::new();
    *COUNT.get_or_init(|| {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        (processors * 4).next_power_of_two().clamp(8, 64)
    })
}

thread_local! {
    // Without a destructor, so that it works inside the destructors of other thread-locals.
    static INDEX: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A small number of the calling thread's own.
pub(crate) fn thread_index() -> usize {
    static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let mut index = INDEX.get();
    if index == usize::MAX {
        // Relaxed: only needs to be a different number.
        index = NEXT.fetch_add(1, Ordering::Relaxed);
        INDEX.set(index);
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reclaim::Collector;

    unsafe fn count(counter: *mut ()) {
        // SAFETY:
        // - the tests below pass counters that outlive their limbo.
        unsafe { &*counter.cast::<std::sync::atomic::AtomicUsize>() }
            .fetch_add(1, Ordering::Relaxed);
    }

    fn garbage(counter: &std::sync::atomic::AtomicUsize) -> Garbage {
        // SAFETY:
        // - `count` only reads the counter, which outlives the limbo.
        unsafe { Garbage::new(std::ptr::from_ref(counter).cast_mut().cast(), count) }
    }

    #[test]
    fn a_busy_shard_is_left_to_its_owner() {
        let shard = Shard::default();
        let owner = shard.enter().unwrap();
        assert!(shard.enter().is_none());
        // The refused one must not have freed the shard for a third.
        assert!(shard.enter().is_none());
        drop(owner);
        assert!(shard.enter().is_some());
    }

    #[test]
    fn garbage_waits_for_the_guards_of_its_time_and_then_goes() {
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let collector = Collector::private();
        let reader = collector.pin();
        let limbo = Limbo::new();
        for _ in 0..1_000 {
            limbo.retire(&collector.pin(), garbage(&freed));
        }
        (0..100).for_each(|_| limbo.turn(&collector.pin(), 1_000));
        assert_eq!(freed.load(Ordering::Relaxed), 0, "freed under a guard");
        drop(reader);
        // Each guard registered anew leaves an empty bag behind, which the collector works off first.
        (0..1_000).for_each(|_| limbo.turn(&collector.pin(), 1_000));
        assert_eq!(freed.load(Ordering::Relaxed), 1_000);
    }

    #[test]
    fn a_limbo_that_is_dropped_frees_what_waits_and_what_is_in_its_inboxes() {
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let collector = Collector::private();
        let _reader = collector.pin();
        let limbo = Limbo::new();
        for _ in 0..500 {
            limbo.retire(&collector.pin(), garbage(&freed));
        }
        limbo.shards().shards[0].inbox.post(garbage(&freed));
        drop(limbo);
        assert_eq!(freed.load(Ordering::Relaxed), 501);
    }

    #[test]
    fn what_another_thread_made_is_left_to_it_until_it_does_not_come() {
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let collector = Collector::private();
        let limbo = Limbo::new();
        let other = thread_index() + 1;
        let retire = |maker| limbo.retire_of(maker, &collector.pin(), garbage(&freed));
        let shard = |thread| limbo.shards().of(thread);
        let held = |thread: usize| shard(thread).enter().unwrap().retired;
        (0..UNREAD).for_each(|_| retire(other));
        assert_eq!((shard(other).unread.load(Ordering::Relaxed), held(other)), (UNREAD, 0));
        // It does not come: from now on this thread works on its shard.
        retire(other);
        assert_eq!(
            (shard(other).unread.load(Ordering::Relaxed), held(other)),
            (UNREAD, 1 % TURN_EVERY)
        );
        // And here it is. (The index of a thread counts, and not which one it is.)
        shard(other).attend();
        retire(other);
        assert_eq!(shard(other).unread.load(Ordering::Relaxed), 1);
        // Others look after a shard only if its own thread did not, since they last looked.
        let visit = || {
            let tick = |turn| limbo.tick(&collector.pin(), 1_000, turn);
            (0..shard_count()).for_each(tick);
        };
        let letters = |thread: usize| !shard(thread).inbox.is_empty();
        visit();
        assert!(letters(other));
        visit();
        assert!(!letters(other));
        (0..1_000).for_each(|_| limbo.turn(&collector.pin(), 1_000));
        assert_eq!(freed.load(Ordering::Relaxed), UNREAD + 2);
    }

    #[test]
    fn ticks_alone_free_what_is_there_and_leave_empty_shards_alone() {
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let collector = Collector::private();
        let limbo = Limbo::new();
        let tick = |turn| limbo.tick(&collector.pin(), 1_000, turn);
        for round in 1..=2 {
            limbo.retire(&collector.pin(), garbage(&freed));
            assert!(limbo.shards().of(thread_index()).has_garbage());
            (0..200 * shard_count()).for_each(tick);
            assert_eq!(freed.load(Ordering::Relaxed), round);
            assert!(limbo.shards().shards.iter().all(|shard| !shard.has_garbage()));
        }
        // Threads that only read write nothing here.
        limbo.shards().shards.iter().for_each(|shard| shard.attend());
        (0..shard_count()).for_each(tick);
        let attended = |shard: &CachePadded<Shard>| shard.attended.load(Ordering::Relaxed);
        assert!(limbo.shards().shards.iter().all(attended));
    }

    #[test]
    fn one_destructor_that_panics_stops_no_other() {
        unsafe fn panics(_: *mut ()) {
            panic!("in a destructor");
        }
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let collector = Collector::private();
        let limbo = Limbo::new();
        for index in 0..200 {
            let object = if index % 10 == 0 {
                // SAFETY:
                // - `panics` does not look at its argument.
                unsafe { Garbage::new(ptr::null_mut(), panics) }
            } else {
                garbage(&freed)
            };
            limbo.retire(&collector.pin(), object);
        }
        (0..1_000).for_each(|_| limbo.turn(&collector.pin(), 100));
        assert_eq!(freed.load(Ordering::Relaxed), 180);
    }

    #[test]
    fn bags_are_filled_before_there_are_more() {
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let mut heap = Heap::default();
        (0..2 * BAG).for_each(|_| heap.push(garbage(&freed)));
        fn bags(heap: &Heap) -> Vec<usize> {
            let bags = std::iter::successors(heap.top.as_deref(), |bag| bag.below.as_deref());
            bags.map(|bag| bag.items.len()).collect()
        }
        assert_eq!((bags(&heap), heap.len), (vec![BAG, BAG], 2 * BAG));
        heap.push(garbage(&freed));
        assert_eq!((bags(&heap), heap.len), (vec![1, BAG, BAG], 2 * BAG + 1));
        for left in (0..=2 * BAG).rev() {
            assert!(heap.pop().is_some());
            assert_eq!(heap.len, left);
        }
        assert!(heap.pop().is_none() && heap.top.is_none());
    }

    #[test]
    fn so_many_are_taken_as_were_asked_for() {
        let freed = std::sync::atomic::AtomicUsize::new(0);
        let mut ready = Ready::default();
        for size in [2 * BAG + 3, 1, BAG] {
            let mut batch = Heap::default();
            (0..size).for_each(|_| batch.push(garbage(&freed)));
            ready.push(batch);
        }
        let mut left = 3 * BAG + 4;
        for _ in 0..3 {
            assert!(ready.pop().is_some());
            left -= 1;
            assert_eq!(ready.len, left);
        }
        for most in [0, 1, BAG - 2, 5, 2 * BAG, 1, 1_000, 1] {
            let mut taken = 0;
            ready.take(most, |_| taken += 1);
            assert_eq!(taken, most.min(left));
            left -= taken;
            assert_eq!(ready.len, left);
            assert_eq!(ready.batches.iter().map(|batch| batch.len).sum::<usize>(), left);
        }
        assert!(ready.batches.is_empty() && ready.pop().is_none());
    }

    #[test]
    fn more_is_freed_than_came_in_and_far_more_where_there_is_much() {
        assert_eq!(budget(1, 0), 2);
        assert_eq!(budget(4, MUCH - 1), 5);
        assert_eq!(budget(4, MUCH), 5 + 4);
        assert_eq!(budget(1, 3 * MUCH), 2 + 3);
        assert_eq!(budget(1, usize::MAX), 2 + 62);
    }

    #[test]
    fn a_panic_whose_payload_panics_goes_no_further() {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("in the destructor of what was thrown");
            }
        }
        let mut fallout = Fallout::default();
        for _ in 0..3 {
            fallout.catch(|| std::panic::panic_any(Payload));
        }
        drop(fallout);
    }
}
