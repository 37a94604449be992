//! The writer: a queue of changes that are made a group at a time.
//!
//! It holds no guard between calls. When the queue is full, all changes in it share one guard: their memory is
//! prefetched side by side, and then they are made in order.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::access::Access;
use super::base::Base;
use super::batch::Group;
use super::mode::{Inline, Kind};
use super::number::{Addition, Number};
use super::{CopyMap, FlatMap, TrieMap};
use crate::engine::{Content, Engine, PairOf};
use crate::fallout::Fallout;
use crate::flat::Flat;
use crate::hash;
use crate::plain::Plain;
use crate::store::{Boxed, Undated};
use crate::trie::Trie;

/// A stream of changes to a map, from [`TrieMap::writer`], [`FlatMap::writer`] or [`CopyMap::writer`].
///
/// In a map that is larger than the cache, single changes wait for memory one after another. A writer queues up to 32
/// of them, waits for the memory of all of them together, and then makes them. So a change costs about as much as in a
/// [batch](crate::Pinned#batches), and the caller need not collect one.
///
/// # What other threads see
///
/// Each change is one atomic step. It takes effect when the queue is full, or when the writer is [flushed](Self::flush)
/// or dropped. Until then the map does not show it to any thread. The changes of one writer take
/// effect in the order of the calls, with one exception: an [`add`](Self::add) to a key whose last queued change is
/// also an `add` is merged into that one.
///
/// A writer that is leaked, for example by [`mem::forget`](std::mem::forget), loses the changes in its queue.
///
/// # Functions
///
/// Queued closures become function pointers, so that the queue needs no allocation. They cannot capture anything; pass
/// data as a value to [`merge`](Self::merge), or use `update_many` of a handle. A function runs again if another thread
/// changed the key meanwhile.
///
/// # Cost
///
/// The queue is part of the writer: about 32 times the size of a key, a value and four words. No call allocates for it.
/// A writer holds no handle between calls, so an idle one does not keep garbage from being freed. Making one is cheap,
/// but a drop makes the remaining changes in a smaller group: keep a writer for many changes.
///
/// # Panics
///
/// `Hash` of a key runs when its change is queued, and so does `Eq` of a key in `add`. If either panics, that change is
/// dropped and the queue stays as it was. `Eq` and the functions run when changes take effect, in a later call. If one
/// of these panics, its change is dropped without effect. All others stay in the queue, including the new one of that
/// call, and later calls make them. Dropping a writer makes all remaining changes, even while the thread unwinds, and
/// then continues with the last panic.
///
/// # Examples
/// ```
/// use snaptrie::CopyTrieMap;
///
/// let counts = CopyTrieMap::<char, u64>::new();
/// std::thread::scope(|scope| {
///     for text in ["the cat and the dog", "the dog and the bird"] {
///         let counts = &counts;
///         scope.spawn(move || {
///             let mut writer = counts.writer();
///             text.chars().for_each(|letter| writer.add(letter, 1));
///         });
///     }
/// });
/// assert_eq!(counts.get(&'t'), Some(5));
/// ```
pub struct Writer<'m, M: Writable> {
    map: &'m M,
    queue: Queue<M::Key, M::Value>,
}

/// A key and its change.
type Queued<K, V> = (K, Task<V>);

enum Task<V> {
    Insert(V),
    Remove,
    Update(fn(&V) -> V),
    UpdateOrInsert(fn(&V) -> V, V),
    Merge(fn(&V, &V) -> V, V),
    Add(Addition<V>, V),
}

/// The length of [`Queue::latest`].
const PLACES: usize = 64;

struct Queue<K, V> {
    group: Group<Queued<K, V>>,
    /// Indexed by the lowest bits of a hash: one more than the position of the last task that was queued for such a
    /// hash, or zero.
    latest: [u8; PLACES],
}

impl<K, V> Queue<K, V> {
    fn push(&mut self, hash: u64, key: K, task: Task<V>) {
        // PANICS: never: a group has fewer positions.
        self.latest[place(hash)] = u8::try_from(self.group.len() + 1).expect("a place in a group");
        self.group.push(hash, (key, task));
    }
}

impl<K: Eq, V> Queue<K, V> {
    /// The amount of the latest task for this key, if that is an addition.
    fn sum_of(&mut self, hash: u64, key: &K) -> Option<&mut V> {
        let at = usize::from(self.latest[place(hash)]).checked_sub(1)?;
        if self.group.hashes()[at] != hash {
            return None;
        }
        match self.group.get_mut(at)? {
            (queued, Task::Add(_, value)) if queued == key => Some(value),
            _ => None,
        }
    }
}

fn place(hash: u64) -> usize {
    hash as usize % PLACES
}

impl<'m, M: Writable> Writer<'m, M> {
    fn new(map: &'m M) -> Self {
        Self { map, queue: Queue { group: Group::new(), latest: [0; PLACES] } }
    }

    /// The map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::new();
    /// let mut writer = map.writer();
    /// writer.insert(1, 'a');
    /// assert_eq!(writer.map().len(), 0);
    /// writer.flush();
    /// assert_eq!(writer.map().len(), 1);
    /// ```
    pub fn map(&self) -> &'m M {
        self.map
    }

    /// Queues the insertion or replacement of an entry.
    ///
    /// # Examples
    /// ```
    /// let squares = snaptrie::CopyTrieMap::new();
    /// let mut writer = squares.writer();
    /// (0..1_000_u64).for_each(|i| writer.insert(i, i * i));
    /// drop(writer);
    /// assert_eq!((squares.len(), squares.get(&30)), (1_000, Some(900)));
    /// ```
    #[inline]
    pub fn insert(&mut self, key: M::Key, value: M::Value) {
        self.push(key, Task::Insert(value));
    }

    /// Queues the removal of a key.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// let mut writer = map.writer();
    /// writer.remove("a");
    /// writer.insert("b", 2);
    /// writer.flush();
    /// assert_eq!(map, snaptrie::TrieMap::from([("b", 2)]));
    /// ```
    #[inline]
    pub fn remove(&mut self, key: M::Key) {
        self.push(key, Task::Remove);
    }

    /// Queues an update of a key: its entry is replaced by this key and the result of the [function](#functions) for
    /// its value. If the key is not in the map by then, nothing happens.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("a", 1)]);
    /// map.writer().update("a", |value| value + 10);
    /// map.writer().update("b", |value| value + 10);
    /// assert_eq!(map, snaptrie::TrieMap::from([("a", 11)]));
    /// ```
    #[inline]
    pub fn update(&mut self, key: M::Key, update: fn(&M::Value) -> M::Value) {
        self.push(key, Task::Update(update));
    }

    /// Queues an [update](Self::update), or an insertion of `value` if the key is not in the map by then.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<&str, u64>::new();
    /// let mut writer = map.writer();
    /// for word in ["the", "cat", "the"] {
    ///     writer.update_or_insert(word, |count| count + 1, 1);
    /// }
    /// writer.flush();
    /// assert_eq!(map.pin()["the"], 2);
    /// ```
    #[inline]
    pub fn update_or_insert(
        &mut self,
        key: M::Key,
        update: fn(&M::Value) -> M::Value,
        value: M::Value,
    ) {
        self.push(key, Task::UpdateOrInsert(update, value));
    }

    /// Queues an insertion of `value`. If the key is in the map by then, its value is replaced by the result of the
    /// [function](#functions) for that value and `value`.
    ///
    /// # Examples
    /// ```
    /// let highest = snaptrie::CopyTrieMap::new();
    /// let mut writer = highest.writer();
    /// for (name, score) in [(1, 30), (2, 20), (1, 10)] {
    ///     writer.merge(name, score, |old, new| *old.max(new));
    /// }
    /// writer.flush();
    /// assert_eq!(highest.get(&1), Some(30));
    /// ```
    #[inline]
    pub fn merge(
        &mut self,
        key: M::Key,
        value: M::Value,
        merge: fn(&M::Value, &M::Value) -> M::Value,
    ) {
        self.push(key, Task::Merge(merge, value));
    }

    /// Queues an addition to the value of a key, or an insertion of `amount` if the key is not in the map by then.
    ///
    /// If the last queued change of the key is an addition, this adds to it: a frequent key is changed in the map once
    /// per group. An atomic value changes in place, which snapshots that share it will show.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let counts = snaptrie::TrieMap::<&str, AtomicU64>::new();
    /// let mut writer = counts.writer();
    /// for word in "the cat and the dog".split(' ') {
    ///     writer.add(word, 1);
    /// }
    /// writer.flush();
    /// assert_eq!(counts.pin()["the"].load(Relaxed), 2);
    /// ```
    #[inline]
    pub fn add(&mut self, key: M::Key, amount: <M::Value as Number>::Amount)
    where
        M::Value: Number,
    {
        let hash = hash::of(&self.map.base().hasher, &key);
        match self.queue.sum_of(hash, &key) {
            Some(sum) => sum.gain(amount),
            None => {
                self.push_hashed(hash, key, Task::Add(M::Value::ADDITION, M::Value::of(amount)));
            }
        }
    }

    #[inline]
    fn push(&mut self, key: M::Key, task: Task<M::Value>) {
        self.push_hashed(hash::of(&self.map.base().hasher, &key), key, task);
    }

    #[inline]
    fn push_hashed(&mut self, hash: u64, key: M::Key, task: Task<M::Value>) {
        self.queue.push(hash, key, task);
        if self.queue.group.is_full() {
            self.flush();
        }
    }

    /// Makes all queued changes.
    ///
    /// This does not free garbage: see [`TrieMap::flush`].
    ///
    /// # Panics
    /// If `Eq` of a key or a function panics, see [panics](#panics).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::new();
    /// let mut writer = map.writer();
    /// writer.insert(1, 10);
    /// writer.flush();
    /// assert_eq!(map.get(&1), Some(10));
    /// ```
    #[inline(never)]
    pub fn flush(&mut self) {
        if self.queue.group.len() == 0 {
            return;
        }
        let guard = self.map.base().pin();
        let access = self.map.base().with(&guard);
        self.queue.latest = [0; PLACES];
        access.perform_group(&mut self.queue.group, |hash, (key, task)| {
            perform(access, hash, key, task);
        });
    }
}

/// Makes the queued change of a key.
fn perform<E: Engine<Key: Hash + Eq>, S: BuildHasher>(
    access: Access<'_, E, S>,
    hash: u64,
    key: E::Key,
    task: Task<E::Value>,
) {
    /// Applies `update` to the value of an entry.
    fn of_value<'g, E: Engine + 'g>(
        update: fn(&E::Value) -> E::Value,
    ) -> impl Fn(PairOf<'g, E>) -> E::Value {
        move |pair| update(E::Content::pair_value(&pair))
    }

    match task {
        Task::Insert(value) => {
            access.insert(hash, key, value);
        }
        Task::Remove => {
            access.remove(hash, &key, |_| true);
        }
        Task::Update(update) => {
            access.update(hash, key, of_value::<E>(update));
        }
        Task::UpdateOrInsert(update, value) => {
            access.update_or_insert(hash, key, of_value::<E>(update), || value);
        }
        Task::Merge(merge, value) | Task::Add(Addition::Sum(merge), value) => {
            access.merge(hash, key, value, merge);
        }
        Task::Add(Addition::InPlace(add), value) => access.add(hash, key, value, add),
    }
}

/// Makes all queued changes, even if some panic.
impl<M: Writable> Drop for Writer<'_, M> {
    fn drop(&mut self) {
        let mut fallout = Fallout::default();
        // Each panic removes one change.
        for _ in 0..self.queue.group.len() {
            fallout.catch(|| self.flush());
        }
        fallout.resume();
    }
}

/// Shows the number of queued changes.
impl<M: Writable> fmt::Debug for Writer<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("queued", &self.queue.group.len()).finish_non_exhaustive()
    }
}

/// The maps that have writers: all maps of this crate. Nothing else implements it.
///
/// # Examples
/// ```
/// use snaptrie::mode::Writable;
///
/// fn fill(map: &impl Writable<Key = u32, Value = u32>) {
///     let mut writer = map.writer();
///     (0..100).for_each(|i| writer.insert(i, i * i));
/// }
///
/// let map = snaptrie::CopyFlatMap::new();
/// fill(&map);
/// assert_eq!(map.get(&9), Some(81));
/// ```
pub trait Writable: Sized {
    /// Its keys.
    type Key: Hash + Eq;
    /// Its values.
    type Value;
    /// Its hasher.
    type Hasher: BuildHasher;

    /// A writer, as the method of each map.
    fn writer(&self) -> Writer<'_, Self> {
        Writer::new(self)
    }

    #[doc(hidden)]
    type Engine: Engine<Key = Self::Key, Value = Self::Value>;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "what maps are made of concerns no other crate")]
    fn base(&self) -> &Base<Self::Engine, Self::Hasher>;
}

macro_rules! writable {
    ($Map:ident, $Engine:ty, $Example:literal $(, $M:ident: $Place:ident, $bound:ident)?) => {
        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?> $Map<K, V, S $(, $M)?> {
            /// A writer, which queues changes and makes many of them together: see [`Writer`].
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let map = snaptrie::", $Example, "::from([(1, 10)]);")]
            /// let mut writer = map.writer();
            /// writer.insert(2, 20);
            /// writer.add(1, 5);
            /// drop(writer);
            #[doc = concat!("assert_eq!(map, snaptrie::", $Example, "::from([(1, 15), (2, 20)]));")]
            /// ```
            pub fn writer(&self) -> Writer<'_, Self> {
                Writer::new(self)
            }
        }

        #[expect(private_interfaces, reason = "as for the trait")]
        impl<K: Hash + Eq $(+ $bound)?, V $(: $bound)?, S: BuildHasher $(, $M: Kind<K, V, $Place>)?> Writable for $Map<K, V, S $(, $M)?> {
            type Key = K;
            type Value = V;
            type Hasher = S;
            type Engine = $Engine;

            fn base(&self) -> &Base<$Engine, S> {
                &self.base
            }
        }
    };
}

writable!(TrieMap, Trie<Boxed<K, V>>, "TrieMap");
writable!(FlatMap, Flat<Undated<K, V>>, "FlatMap");
writable!(CopyMap, M::Engine, "CopyTrieMap", M: Inline, Plain);
