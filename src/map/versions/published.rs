//! The latest snapshot of a map, for many readers.
//!
//! Readers of a [`Published`] read a snapshot that was published earlier. That costs less than reading the map: they
//! freeze nothing and retry nothing. `evmap` and left-right work in this way too. Here there is one copy of the data,
//! any number of writers, and publications never wait for readers.
//!
//! A publication swaps one pointer ([`arc_swap`]). The list of wakers has a lock. Publishers and waiting threads take
//! it; readers and writers never do.

use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Cache, Guard};

use crate::fallout::Fallout;
use crate::map::mode::{Boxed, Place};
use crate::{RandomState, Snapshot, SnapshotIter};

type Shared<K, V, S, M> = Arc<Snapshot<K, V, S, M>>;
type Cached<'p, K, V, S, M> = Cache<&'p Latest<K, V, S, M>, Shared<K, V, S, M>>;
type Latest<K, V, S, M> = ArcSwap<Snapshot<K, V, S, M>>;

/// The latest published snapshot of a map.
///
/// Readers see the whole map at one instant: that of the last [published](Self::publish) snapshot. A writer may publish
/// after a batch, a [`Publisher`] after a number of writes, or a thread at intervals
/// ([`refresh_every`](Self::refresh_every)). An older snapshot never replaces a newer one.
///
/// | operation | cost |
/// |---|---|
/// | [`load`](Self::load) | wait-free, a few nanoseconds, writes no shared counter |
/// | [`Reader::latest`] | one load of a pointer if nothing new was published |
/// | [`publish`](Self::publish) | O(1): a swap, and a wake-up for each waiter |
/// | a poll of [`newer_than`](Self::newer_than) | O(1), however many wait |
///
/// It keeps in memory the entries that the map has changed since the published version.
///
/// # Examples
/// ```
/// use snaptrie::{Published, TrieMap};
///
/// let routes = TrieMap::from([("/", "index")]);
/// let published = Published::new(routes.snapshot());
/// routes.pin().insert("/about", "about");
/// assert_eq!(published.load().get("/about"), None); // not published yet
/// published.publish(routes.snapshot());
/// assert_eq!(published.load().get("/about"), Some(&"about"));
/// ```
pub struct Published<K, V, S = RandomState, M: Place<K, V> = Boxed> {
    latest: Latest<K, V, S, M>,
    waiting: Mutex<Waiting>,
}

/// The wakers that the next publication calls.
#[derive(Default)]
struct Waiting {
    /// Keyed by the number of the future.
    wakers: HashMap<u64, Waker>,
    next_id: u64,
}

impl<K, V, S: Clone, M: Place<K, V>> Published<K, V, S, M> {
    /// A handle for a writing thread that publishes after every `every` writes.
    ///
    /// # Panics
    /// If `every` is zero.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// let published = snaptrie::Published::new(map.snapshot());
    /// let publisher = published.publisher(&map, 100);
    /// for i in 0..250 {
    ///     publisher.map().pin().insert(i, i);
    ///     publisher.wrote(1);
    /// }
    /// assert_eq!(published.load().len(), 200);
    /// drop(publisher); // publishes the rest
    /// assert_eq!(published.load().len(), 250);
    /// ```
    pub fn publisher<'p>(&'p self, map: &'p M::Map<S>, every: u64) -> Publisher<'p, K, V, S, M> {
        assert_ne!(every, 0, "a publisher publishes after some writes");
        Publisher { map, published: self, every, writes: Cell::new(0) }
    }
}

impl<K, V, S, M: Place<K, V>> Published<K, V, S, M> {
    /// Begins with this snapshot of a map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// assert_eq!(snaptrie::Published::new(map.snapshot()).load().len(), 1);
    /// ```
    pub fn new(snapshot: Snapshot<K, V, S, M>) -> Self {
        Self { latest: ArcSwap::from_pointee(snapshot), waiting: Mutex::default() }
    }

    /// Publishes a snapshot of the map. Returns whether this changes what readers see. It does not if the map was not
    /// written since the last publication, or if a newer snapshot was published.
    ///
    /// # Panics
    /// If it is a snapshot of another map than the previous one. A fork is another map: to publish its content,
    /// [commit](crate::TrieMap::try_commit) it first. A snapshot of a map that was never written passes as one of any
    /// map.
    ///
    /// Also if a waker or a destructor of the replaced version panics. The snapshot is still published, and all wakers
    /// are called.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let published = snaptrie::Published::new(map.snapshot());
    /// map.pin().insert(2, 'b');
    /// let earlier = map.snapshot();
    /// map.pin().insert(3, 'c');
    /// assert!(published.publish(map.snapshot()));
    /// assert!(!published.publish(earlier), "versions only go forward");
    /// ```
    pub fn publish(&self, snapshot: Snapshot<K, V, S, M>) -> bool {
        let new = Arc::new(snapshot);
        let mut fallout = Fallout::default();
        let mut current = self.latest.load();
        loop {
            current.tree().assert_is_of_map_of(new.tree());
            if current.generation() >= new.generation() || current.tree().is_unchanged(new.tree()) {
                fallout.resume();
                return false;
            }
            let found = self.latest.compare_and_swap(&current, Arc::clone(&new));
            if Arc::ptr_eq(&found, &current) {
                break;
            }
            // This may be the last handle to that version. A destructor that panics does not stop the publication.
            let replaced = std::mem::replace(&mut current, found);
            fallout.catch(|| drop(replaced));
        }
        // After the swap, so that a thread that is too late for the list finds the new version.
        let wakers = std::mem::take(&mut self.waiting().wakers);
        // If one panics, the others are still called.
        wakers.into_values().for_each(|waker| fallout.catch(|| waker.wake()));
        fallout.resume();
        true
    }

    /// The latest published snapshot, for short use. Wait-free, and cheaper than a clone.
    ///
    /// The result keeps its version alive. To keep a version for long, clone the [`Snapshot`] inside: each thread has
    /// only a few cheap results at a time. A replaced version is dropped by its last holder, which may be a reader.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let published = snaptrie::Published::new(map.snapshot());
    /// let latest = published.load();
    /// assert_eq!((latest[&1], latest.len()), ('a', 1));
    /// for (key, value) in &published.load() {
    ///     assert_eq!((key, value), (&1, &'a'));
    /// }
    /// ```
    pub fn load(&self) -> Current<K, V, S, M> {
        Current(self.latest.load())
    }

    /// A reader for a hot loop. It caches the version that it saw last.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 1)]);
    /// let published = snaptrie::Published::new(map.snapshot());
    /// let mut reader = published.reader();
    /// assert_eq!(reader.latest()[&1], 1);
    /// map.pin().insert(1, 2);
    /// published.publish(map.snapshot());
    /// assert_eq!(reader.latest()[&1], 2);
    /// ```
    pub fn reader(&self) -> Reader<'_, K, V, S, M> {
        Reader(Cache::new(&self.latest))
    }

    /// A future for the next version after this [generation](Snapshot::generation). It is ready when the latest
    /// published snapshot has a higher one.
    ///
    /// It skips the versions in between. To find the changes, compare the new snapshot with the last one: see
    /// [`Snapshot::diff`]. It works with any runtime and needs no thread: a publication wakes all waiting tasks.
    ///
    /// # Examples
    /// ```
    /// # use std::{pin::pin, task::{Context, Poll, Waker}, future::Future};
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let published = snaptrie::Published::new(map.snapshot());
    /// let seen = published.load().generation();
    /// let mut next = pin!(published.newer_than(seen));
    /// # let mut context = Context::from_waker(Waker::noop());
    /// assert!(next.as_mut().poll(&mut context).is_pending());
    /// map.pin().insert(2, 'b');
    /// published.publish(map.snapshot());
    /// # let Poll::Ready(snapshot) = next.poll(&mut context) else { panic!() };
    /// // let snapshot = next.await;
    /// assert_eq!(snapshot.len(), 2);
    /// ```
    pub fn newer_than(&self, generation: u64) -> Newer<'_, K, V, S, M> {
        Newer { published: self, generation, id: None }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No user code runs under the lock, and nothing panics.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, V, S: Clone, M: Place<K, V>> Published<K, V, S, M> {
    /// Blocks the thread until there is a newer version than this [generation](Snapshot::generation). Returns `None` if
    /// the time runs out.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// let published = snaptrie::Published::new(map.snapshot());
    /// let seen = published.load().generation();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| {
    ///         map.pin().insert(2, 'b');
    ///         published.publish(map.snapshot());
    ///     });
    ///     let next = published.wait_newer_than(seen, Duration::from_secs(60)).unwrap();
    ///     assert_eq!(next.len(), 2);
    /// });
    /// ```
    pub fn wait_newer_than(
        &self,
        generation: u64,
        timeout: Duration,
    ) -> Option<Snapshot<K, V, S, M>> {
        let (bell, rings) = channel();
        let waker = Waker::from(Arc::new(Bell(bell)));
        let start = Instant::now();
        let mut newer = pin!(self.newer_than(generation));
        loop {
            if let Poll::Ready(snapshot) = newer.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(snapshot);
            }
            let left = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero())?;
            // Woken, or out of time: the next poll tells which.
            _ = rings.recv_timeout(left);
        }
    }
}

/// Wakes a waiting thread. Not by `unpark`, because a thread has only one token, which other code may need.
struct Bell(Sender<()>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // An error means that the thread no longer waits.
        _ = self.0.send(());
    }
}

impl<K, V, S, M> Published<K, V, S, M>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: Clone + Send + Sync + 'static,
    M: Place<K, V> + 'static,
{
    /// Starts a thread that publishes the map once in each `period`, until the result is dropped.
    ///
    /// If the map was not written since the last time, it publishes nothing and wakes no task.
    ///
    /// # Panics
    /// If no thread can be started.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    /// use std::time::Duration;
    /// use snaptrie::{Published, TrieMap};
    ///
    /// let map = Arc::new(TrieMap::from([(1, 'a')]));
    /// let published = Arc::new(Published::new(map.snapshot()));
    /// let refresher = published.refresh_every(&map, Duration::from_millis(1));
    /// let seen = published.load().generation();
    /// map.pin().insert(2, 'b');
    /// assert!(published.wait_newer_than(seen, Duration::from_secs(60)).is_some());
    /// drop(refresher); // ends the thread
    /// ```
    pub fn refresh_every(self: &Arc<Self>, map: &Arc<M::Map<S>>, period: Duration) -> Refresher
    where
        M::Map<S>: Send + Sync + 'static,
    {
        let (published, map) = (Arc::clone(self), Arc::clone(map));
        let (stop, stopped) = channel::<()>();
        let work = move || {
            while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(period) {
                published.publish(Snapshot::of(&*map));
            }
        };
        let thread = thread::Builder::new().name(String::from("snaptrie-refresher")).spawn(work);
        let thread = thread.expect("a thread for the refresher");
        Refresher { stop: Some(stop), thread: Some(thread) }
    }
}

impl<K, V, S, M: Place<K, V>> fmt::Debug for Published<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = self.load().generation();
        f.debug_struct("Published").field("generation", &generation).finish_non_exhaustive()
    }
}

/// The latest published snapshot, from [`Published::load`].
pub struct Current<K, V, S = RandomState, M: Place<K, V> = Boxed>(Guard<Shared<K, V, S, M>>);

impl<K, V, S, M: Place<K, V>> Deref for Current<K, V, S, M> {
    type Target = Snapshot<K, V, S, M>;

    #[inline]
    fn deref(&self) -> &Snapshot<K, V, S, M> {
        &self.0
    }
}

/// `for (key, value) in &published.load()`.
impl<'c, K, V, S, M: Place<K, V>> IntoIterator for &'c Current<K, V, S, M> {
    type Item = (&'c K, &'c V);
    type IntoIter = SnapshotIter<'c, K, V, M>;

    fn into_iter(self) -> SnapshotIter<'c, K, V, M> {
        self.iter()
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S, M: Place<K, V>> fmt::Debug for Current<K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

/// A reader that caches the version that it saw last, from [`Published::reader`].
pub struct Reader<'p, K, V, S = RandomState, M: Place<K, V> = Boxed>(Cached<'p, K, V, S, M>);

impl<K, V, S, M: Place<K, V>> Reader<'_, K, V, S, M> {
    /// The latest published snapshot.
    #[inline]
    pub fn latest(&mut self) -> &Snapshot<K, V, S, M> {
        self.0.load()
    }
}

impl<K, V, S, M: Place<K, V>> Clone for Reader<'_, K, V, S, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, S, M: Place<K, V>> fmt::Debug for Reader<'_, K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").finish_non_exhaustive()
    }
}

/// A writer's handle that publishes after a number of writes, from [`Published::publisher`].
///
/// It counts in a plain cell, so each writing thread needs its own. Dropping it publishes the remaining writes.
pub struct Publisher<'p, K, V, S: Clone = RandomState, M: Place<K, V> = Boxed> {
    map: &'p M::Map<S>,
    published: &'p Published<K, V, S, M>,
    every: u64,
    writes: Cell<u64>,
}

impl<'p, K, V, S: Clone, M: Place<K, V>> Publisher<'p, K, V, S, M> {
    /// The map.
    pub fn map(&self) -> &'p M::Map<S> {
        self.map
    }

    /// Counts writes of this thread, and publishes when there are enough.
    ///
    /// # Panics
    /// As for [`Published::publish`]. Writes stay counted until they are published.
    #[inline]
    pub fn wrote(&self, writes: u64) {
        self.writes.set(self.writes.get().saturating_add(writes));
        if self.writes.get() >= self.every {
            self.flush();
        }
    }

    /// Publishes now.
    ///
    /// # Panics
    /// As for [`Self::wrote`].
    pub fn flush(&self) {
        let snapshot = Snapshot::of(self.map);
        self.writes.set(0);
        self.published.publish(snapshot);
    }
}

impl<K, V, S: Clone, M: Place<K, V>> Drop for Publisher<'_, K, V, S, M> {
    fn drop(&mut self) {
        if self.writes.get() > 0 {
            // While the thread is panicking, a second panic would abort the process.
            let mut fallout = Fallout::default();
            fallout.catch(|| self.flush());
            fallout.resume();
        }
    }
}

impl<K, V, S: Clone, M: Place<K, V>> fmt::Debug for Publisher<'_, K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("every", &self.every)
            .field("writes", &self.writes)
            .finish_non_exhaustive()
    }
}

/// A thread that publishes a map at intervals, from [`Published::refresh_every`]. Dropping this ends the thread and
/// waits for it.
#[derive(Debug)]
pub struct Refresher {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Refresher {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // The thread may hold the last handle to the map, so a destructor of a value may have panicked.
        match thread.join() {
            Err(panic) if !thread::panicking() => resume_unwind(panic),
            _ => {}
        }
    }
}

/// A future for the next published version, from [`Published::newer_than`].
pub struct Newer<'p, K, V, S = RandomState, M: Place<K, V> = Boxed> {
    published: &'p Published<K, V, S, M>,
    generation: u64,
    /// The key of this future's waker in the list.
    id: Option<u64>,
}

impl<K, V, S, M: Place<K, V>> Newer<'_, K, V, S, M> {
    fn ready(&self) -> Option<Current<K, V, S, M>> {
        Some(self.published.load()).filter(|latest| latest.generation() > self.generation)
    }

    /// Puts a waker into the list, replacing this future's previous one.
    fn enlist(&mut self, waker: Waker) {
        let mut waiting = self.published.waiting();
        let id = self.id.unwrap_or(waiting.next_id);
        waiting.next_id = waiting.next_id.max(id + 1);
        let replaced = waiting.wakers.insert(id, waker);
        drop(waiting);
        self.id = Some(id);
        // Not under the lock: the waker's destructor is user code.
        drop(replaced);
    }

    /// Removes this future's waker from the list.
    fn leave(&mut self) {
        let Some(id) = self.id.take() else { return };
        let mut waiting = self.published.waiting();
        let mine = waiting.wakers.remove(&id);
        drop(waiting);
        drop(mine);
    }
}

impl<K, V, S: Clone, M: Place<K, V>> Future for Newer<'_, K, V, S, M> {
    type Output = Snapshot<K, V, S, M>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Snapshot<K, V, S, M>> {
        if self.ready().is_none() {
            self.enlist(context.waker().clone());
        }
        // After `enlist`: a publication that took the list before the waker was in it had already swapped.
        // Not under the lock: cloning or dropping a version may run user code.
        let Some(latest) = self.ready() else { return Poll::Pending };
        self.leave();
        Poll::Ready(latest.clone())
    }
}

impl<K, V, S, M: Place<K, V>> Drop for Newer<'_, K, V, S, M> {
    fn drop(&mut self) {
        self.leave();
    }
}

impl<K, V, S, M: Place<K, V>> fmt::Debug for Newer<'_, K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Newer").field("than", &self.generation).finish_non_exhaustive()
    }
}
