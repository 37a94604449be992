//! The operations on a live map.

use std::hash::{BuildHasher, Hash};
use std::ops::Index;

use equivalent::Equivalent;

use super::access::Access;
use super::base::Base;
use super::local::Local;
use super::mode::{Boxed, Flat, Kind, Trie};
use super::{Compute, OccupiedError, Operation, Stays};
use crate::engine::Engine;
use crate::reclaim::Guard;

/// A handle to a map for the calling thread, from [`TrieMap::pin`](crate::TrieMap::pin) or
/// [`FlatMap::pin`](crate::FlatMap::pin).
///
/// `Pinned<'_, K, V, S>` is a handle to a [`TrieMap`](crate::TrieMap). The last parameter is the [kind of
/// map](crate::mode); both kinds have the same methods. A handle to a [`FlatMap`](crate::FlatMap) is a [`FlatPinned`].
/// The handle to a [`CopyMap`](crate::CopyMap) is [`CopyPinned`](crate::CopyPinned).
///
/// The references that its methods return live as long as the handle is borrowed. An entry that is replaced or removed
/// meanwhile stays readable and is freed later.
///
/// While a handle exists, entries that any thread removes from *any* map of the process are not freed. So drop it
/// before the thread waits for anything, such as a lock, and [refresh](Self::refresh) it in long loops. Several handles
/// of one thread count as one, which lasts until the last of them is dropped. The [guide](crate::guide::holding) has
/// examples.
///
/// Making a handle for every operation is fine. On Linux, with the feature
/// [`membarrier`](crate#the-feature-membarrier), it takes a few plain instructions. In return, threads that remove or
/// replace entries now and then interrupt the other processors that run the process. Elsewhere, a handle costs
/// about as much as an uncontended atomic operation.
///
/// Any method may be called while references, iterators, other handles or snapshots are held, and inside any closure:
/// no operation can deadlock. A closure that decides about a key runs again only if the key's entry changed before the
/// decision took effect. A closure that itself changes this key each time runs forever.
///
/// A handle belongs to its thread. To share a view between threads or to keep one across an
/// `.await`, take a [`Snapshot`](crate::Snapshot):
///
/// ```compile_fail
/// let map = snaptrie::TrieMap::<u32, u32>::new();
/// let pinned = map.pin();
/// std::thread::scope(|scope| { scope.spawn(move || pinned.len()); });
/// ```
/// ```
/// let map = snaptrie::TrieMap::<u32, u32>::new();
/// let snapshot = map.snapshot();
/// std::thread::scope(|scope| { scope.spawn(move || snapshot.len()); });
/// ```
///
/// References do not outlive the handle:
///
/// ```compile_fail
/// let map = snaptrie::TrieMap::from([(1, "one".to_string())]);
/// let one = { let pinned = map.pin(); pinned.get(&1) };
/// assert!(one.is_some());
/// ```
/// ```
/// let map = snaptrie::TrieMap::from([(1, "one".to_string())]);
/// let one = { let pinned = map.pin(); pinned.get(&1).cloned() };
/// assert!(one.is_some());
/// ```
pub struct Pinned<'m, K, V, S = crate::RandomState, M: Kind<K, V, Boxed> = Trie> {
    pub(super) map: &'m M::Map<S>,
    pub(super) guard: Local<Guard>,
}

/// A handle to a [`FlatMap`](crate::FlatMap): a [`Pinned`] of that kind.
///
/// # Examples
/// ```
/// use snaptrie::{FlatMap, FlatPinned};
///
/// fn total(handle: &FlatPinned<'_, &str, u64>) -> u64 {
///     handle.values().sum()
/// }
/// assert_eq!(total(&FlatMap::from([("a", 1), ("b", 2)]).pin()), 3);
/// ```
pub type FlatPinned<'m, K, V, S = crate::RandomState> = Pinned<'m, K, V, S, Flat>;

impl<'m, K, V, S, M: Kind<K, V, Boxed>> Pinned<'m, K, V, S, M> {
    #[inline(always)]
    pub(crate) fn new(map: &'m M::Map<S>) -> Self {
        Self { map, guard: Local::new(M::base(map).pin()) }
    }

    pub(super) fn base(&self) -> &'m Base<M::Engine, S> {
        M::base(self.map)
    }

    #[inline(always)]
    pub(crate) fn access(&self) -> Access<'_, M::Engine, S> {
        M::base(self.map).with(&self.guard)
    }
}

/// Lookups. Each is linearizable and lock-free. In a [`TrieMap`](crate::TrieMap) it costs O(log n) with base 16, and
/// one to three cache misses in a map of millions. In a [`FlatMap`](crate::FlatMap) it costs O(1): two cache misses for
/// a key that is present, one for an absent key.
///
/// # Panics
/// These methods panic if `Hash` or `Eq` of the key panics. The map then stays as it was.
impl<K: Hash, V, S: BuildHasher, M: Kind<K, V, Boxed>> Pinned<'_, K, V, S, M> {
    /// The value of a key.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one".to_string(), 1)]);
    /// assert_eq!(map.pin().get("one"), Some(&1));
    /// assert_eq!(map.pin().get("two"), None);
    /// ```
    ///
    /// To look up a key of several parts without making one, use a type that is [`Equivalent`] and has the same hash:
    /// ```
    /// use snaptrie::{Equivalent, TrieMap};
    ///
    /// #[derive(Hash)]
    /// struct Words<'a>(&'a str, &'a str);
    ///
    /// impl Equivalent<(String, String)> for Words<'_> {
    ///     fn equivalent(&self, key: &(String, String)) -> bool {
    ///         self.0 == key.0 && self.1 == key.1
    ///     }
    /// }
    ///
    /// let bigrams = TrieMap::from([(("the".to_string(), "cat".to_string()), 1)]);
    /// assert_eq!(bigrams.pin().get(&Words("the", "cat")), Some(&1));
    /// ```
    #[doc(alias("view", "peek", "read"))]
    #[inline(always)]
    pub fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The key, as it is in the map, and its value.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one".to_string(), 1)]);
    /// assert_eq!(map.pin().get_key_value("one"), Some((&"one".to_string(), &1)));
    /// ```
    #[inline(always)]
    pub fn get_key_value<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)> {
        self.access().get(key)
    }

    /// Whether the key is in the map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([(1, 'a')]);
    /// assert!(map.pin().contains_key(&1));
    /// ```
    #[inline]
    pub fn contains_key<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.get_key_value(key).is_some()
    }
}

/// Insertions and updates. Each is linearizable and lock-free. It costs as much as a lookup, an allocation for the new
/// entry, and a CAS. A [`TrieMap`](crate::TrieMap) rebuilds a branch now and then, which takes at most a few
/// microseconds. Its first write to a part of the map after a snapshot copies the nodes on the path. While a
/// [`FlatMap`](crate::FlatMap) grows or shrinks, many writes and some lookups also move a small part of its table.
///
/// Values are never changed in place: an update replaces the entry, and references and snapshots keep the old one. Only
/// a value with interior mutability, such as an [`AtomicU64`](std::sync::atomic::AtomicU64), can change in place.
///
/// # Panics
/// These methods panic if `Hash` or `Eq` of the key, or the closure, panics. The map then stays as it was, and a key
/// and value that were not inserted are dropped.
impl<'m, K: Hash + Eq, V, S: BuildHasher, M: Kind<K, V, Boxed>> Pinned<'m, K, V, S, M> {
    /// Inserts a key, or replaces its value. Returns the value that it had.
    ///
    /// Key and value are replaced together. So the new key stays, unlike in a standard map. The old entry is dropped
    /// later: see [`flush`](crate::TrieMap::flush).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().insert("one", 1), None);
    /// assert_eq!(map.pin().insert("one", 11), Some(&1));
    /// ```
    #[doc(alias("set", "put", "replace"))]
    #[inline]
    pub fn insert(&self, key: K, value: V) -> Option<&V> {
        let access = self.access();
        access.insert(access.hash(&key), key, value).map(|(_, old)| old)
    }

    /// Inserts a key if it is not in the map. Returns its value.
    ///
    /// # Errors
    /// If the key is in the map: [`OccupiedError`] has its value there, and the key and value that were not inserted.
    /// The error borrows from the handle. To return it from a function, make one of your own from its parts.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().try_insert("one", 1), Ok(&1));
    /// let pinned = map.pin();
    /// let error = pinned.try_insert("one", 11).unwrap_err();
    /// assert_eq!((error.current, error.key, error.value), (&1, "one", 11));
    /// ```
    pub fn try_insert(&self, key: K, value: V) -> Result<&V, OccupiedError<K, V, &V>> {
        let access = self.access();
        match access.try_insert(access.hash(&key), key, value) {
            Ok((_, new)) => Ok(new),
            Err(OccupiedError { current: (_, current), key, value }) => {
                Err(OccupiedError { current, key, value })
            }
        }
    }

    /// The value of a key. Inserts this value if the key is not in the map.
    ///
    /// If the key is in the map, this is a lookup: it allocates nothing and writes nothing. So counters are cheap:
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let counts = snaptrie::TrieMap::new();
    /// for word in "the cat and the dog".split(' ') {
    ///     counts.pin().get_or_insert(word, AtomicU64::new(0)).fetch_add(1, Relaxed);
    /// }
    /// assert_eq!(counts.pin()["the"].load(Relaxed), 2);
    /// ```
    #[doc(alias = "or_insert")]
    #[inline]
    pub fn get_or_insert(&self, key: K, value: V) -> &V {
        self.get_or_insert_with(key, || value)
    }

    /// The value of a key. Inserts the closure's value if the key is not in the map.
    ///
    /// The closure runs at most once. If another thread inserts the key meanwhile, its value is
    /// returned and the closure's is dropped.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().get_or_insert_with("k", || 1), &1);
    /// assert_eq!(map.pin().get_or_insert_with("k", || unreachable!()), &1);
    /// ```
    #[inline]
    pub fn get_or_insert_with(&self, key: K, value: impl FnOnce() -> V) -> &V {
        match self.try_insert_with(key, value) {
            Ok(value) | Err(value) => value,
        }
    }

    /// The value of a key. Inserts the default if the key is not in the map.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let counts = snaptrie::TrieMap::<&str, AtomicU64>::new();
    /// counts.pin().get_or_default("the").fetch_add(1, Relaxed);
    /// assert_eq!(counts.pin()["the"].load(Relaxed), 1);
    /// ```
    #[inline]
    pub fn get_or_default(&self, key: K) -> &V
    where
        V: Default,
    {
        self.get_or_insert_with(key, V::default)
    }

    /// The value of a key that is looked up by another type. Inserts a new key and value if it is not in the map.
    ///
    /// Each closure runs at most once. If the new key is not equal to the one that was looked up, it is still inserted,
    /// unless the map has an equal key: then the value of that key is returned.
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let counts = snaptrie::TrieMap::<String, AtomicU64>::new();
    /// for word in "the cat and the dog".split(' ') {
    ///     let count = |pinned: &snaptrie::Pinned<_, AtomicU64>| {
    ///         pinned.get_or_insert_by(word, str::to_string, AtomicU64::default).fetch_add(1, Relaxed)
    ///     };
    ///     count(&counts.pin());
    /// }
    /// assert_eq!(counts.pin()["the"].load(Relaxed), 2);
    /// ```
    #[inline]
    pub fn get_or_insert_by<Q>(
        &self,
        key: &Q,
        make_key: impl FnOnce(&Q) -> K,
        make_value: impl FnOnce() -> V,
    ) -> &V
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        match self.get(key) {
            Some(value) => value,
            None => self.get_or_insert_with(make_key(key), make_value),
        }
    }

    /// The value of a key. Inserts the closure's value if the key is not in the map and the closure succeeds.
    ///
    /// The closure runs at most once. If another thread inserts the key meanwhile, its value is returned and the
    /// closure's is dropped.
    ///
    /// # Errors
    /// If the key is not in the map and the closure fails. The map then stays as it was.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<&str, u32>::new();
    /// let pinned = map.pin();
    /// assert!(pinned.get_or_try_insert_with("a", || "x".parse::<u32>()).is_err());
    /// assert_eq!(pinned.get_or_try_insert_with("a", || "7".parse::<u32>()), Ok(&7));
    /// assert_eq!(pinned.get_or_try_insert_with("a", || "x".parse::<u32>()), Ok(&7));
    /// ```
    pub fn get_or_try_insert_with<E>(
        &self,
        key: K,
        value: impl FnOnce() -> Result<V, E>,
    ) -> Result<&V, E> {
        match self.get(&key) {
            Some(value) => Ok(value),
            None => value().map(|value| self.get_or_insert(key, value)),
        }
    }

    /// Inserts a key with the closure's value if it is not in the map.
    ///
    /// The closure runs at most once.
    ///
    /// # Errors
    /// If the key is in the map, its value is the error.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().try_insert_with("k", || 1), Ok(&1));
    /// assert_eq!(map.pin().try_insert_with("k", || 2), Err(&1));
    /// ```
    #[inline]
    pub fn try_insert_with(&self, key: K, value: impl FnOnce() -> V) -> Result<&V, &V> {
        let access = self.access();
        match access.find_or_insert(access.hash(&key), key, value) {
            Ok((_, new)) => Ok(new),
            Err((_, current)) => Err(current),
        }
    }

    /// Inserts a key if it is not in the map. Returns whether it was inserted.
    #[inline]
    pub(crate) fn insert_new(&self, key: K, value: V) -> bool {
        let access = self.access();
        access.insert_new(access.hash(&key), key, value)
    }

    /// Inserts many entries. Returns how many of the keys are new.
    pub(crate) fn put_many(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
        stays: Stays,
    ) -> usize {
        self.access().put_many(entries, stays)
    }

    /// The equal key in the map. Inserts this one if there is none.
    #[inline]
    pub(crate) fn find_or_insert(&self, key: K) -> &K
    where
        V: Default,
    {
        let access = self.access();
        let (Ok(entry) | Err(entry)) = access.find_or_insert(access.hash(&key), key, V::default);
        entry.0
    }

    /// Replaces the value of a key by the closure's result, if the key is in the map. Returns the new value.
    ///
    /// The closure runs again if another thread changed the key meanwhile; it should only compute the value. The key is
    /// taken by value, for the new entry. It is dropped if it is not in the map.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1)]);
    /// assert_eq!(map.pin().update("one", |value| value + 10), Some(&11));
    /// assert_eq!(map.pin().update("two", |value| value + 10), None);
    /// ```
    #[doc(alias("alter", "modify", "get_mut"))]
    pub fn update(&self, key: K, mut update: impl FnMut(&V) -> V) -> Option<&V> {
        let access = self.access();
        let updated = access.update(access.hash(&key), key, |(_, value)| update(value));
        updated.map(|(_, value)| value)
    }

    /// Replaces the value of a key by the closure's result, or inserts `value` if the key is not in the map. Returns
    /// the new value.
    ///
    /// The closure may run again, as for [`Self::update`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().update_or_insert("k", |value| value + 1, 1), &1);
    /// assert_eq!(map.pin().update_or_insert("k", |value| value + 1, 1), &2);
    /// ```
    #[doc(alias("upsert", "and_modify"))]
    pub fn update_or_insert(&self, key: K, update: impl FnMut(&V) -> V, value: V) -> &V {
        self.update_or_insert_with(key, update, || value)
    }

    /// [`Self::update_or_insert`] with a closure for the first value, which runs at most once.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// let pinned = map.pin();
    /// let push = |letter: char| {
    ///     let add = |word: &String| format!("{word}{letter}");
    ///     pinned.update_or_insert_with(1, add, || letter.to_string())
    /// };
    /// push('a');
    /// assert_eq!(push('b'), "ab");
    /// ```
    pub fn update_or_insert_with(
        &self,
        key: K,
        mut update: impl FnMut(&V) -> V,
        value: impl FnOnce() -> V,
    ) -> &V {
        let access = self.access();
        let update = |(_, value): (&_, &_)| update(value);
        access.update_or_insert(access.hash(&key), key, update, value).1
    }

    /// Calls the closure with the entry of a key, and then inserts, replaces, removes or keeps the entry as the closure
    /// decides, in one atomic step.
    ///
    /// The closure runs again if another thread changed the key meanwhile; its last answer counts.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{Compute, Operation, TrieMap};
    ///
    /// let map = TrieMap::from([("tickets", 2)]);
    /// let pinned = map.pin();
    /// let buy = || {
    ///     pinned.compute("tickets", |entry| match entry {
    ///         Some((_, 1)) => Operation::Remove,
    ///         Some((_, left)) => Operation::Insert(left - 1),
    ///         None => Operation::Abort("sold out"),
    ///     })
    /// };
    /// assert!(matches!(buy(), Compute::Updated { new: (_, 1), .. }));
    /// assert!(matches!(buy(), Compute::Removed(_, 1)));
    /// assert!(matches!(buy(), Compute::Aborted("sold out")));
    /// ```
    ///
    /// The closure's answer may borrow from the entry:
    /// ```
    /// use snaptrie::{Compute, Operation, TrieMap};
    ///
    /// let map = TrieMap::from([('a', 1)]);
    /// let pinned = map.pin();
    /// let compute = |entry| match entry {
    ///     Some((_key, value)) if value % 2 == 1 => Operation::Abort(value),
    ///     Some((_key, value)) => Operation::Insert(value + 1),
    ///     None => Operation::Insert(0),
    /// };
    /// assert!(matches!(pinned.compute('a', compute), Compute::Aborted(1)));
    /// ```
    #[doc(alias("alter", "rcu", "compare_and_swap", "compute_if_present"))]
    pub fn compute<'p, A>(
        &'p self,
        key: K,
        compute: impl FnMut(Option<(&'p K, &'p V)>) -> Operation<V, A>,
    ) -> Compute<&'p K, &'p V, A> {
        let (outcome, aborted) = self.access().compute(key, compute);
        Compute::new(outcome, aborted)
    }
}

/// Removals. Each is linearizable and lock-free, and costs as much as a lookup and a CAS. A
/// [snapshot](crate::TrieMap::snapshot) keeps removed entries.
///
/// # Panics
/// These methods panic if `Hash` or `Eq` of the key, or the closure, panics. The map then stays as it was.
impl<K: Hash, V, S: BuildHasher, M: Kind<K, V, Boxed>> Pinned<'_, K, V, S, M> {
    /// Removes a key. Returns the value that it had.
    ///
    /// The entry is dropped later: see [`flush`](crate::TrieMap::flush).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1)]);
    /// assert_eq!(map.pin().remove("one"), Some(&1));
    /// assert_eq!(map.pin().remove("one"), None);
    /// ```
    #[inline]
    pub fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes a key. Returns the key, as it was in the map, and its value.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one".to_string(), 1)]);
    /// assert_eq!(map.pin().remove_entry("one"), Some((&"one".to_string(), &1)));
    /// ```
    #[inline]
    pub fn remove_entry<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)> {
        self.remove_if(key, |_, _| true)
    }

    /// Removes a key if the closure returns true for its entry, in one atomic step. Returns the removed entry.
    ///
    /// The closure runs again if another thread replaced the entry meanwhile.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1), ("two", 2)]);
    /// let pinned = map.pin();
    /// assert_eq!(pinned.remove_if("one", |_, value| *value > 1), None);
    /// assert_eq!(pinned.remove_if("two", |_, value| *value > 1), Some((&"two", &2)));
    /// ```
    pub fn remove_if<Q, F>(&self, key: &Q, condition: F) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        F: FnMut(&K, &V) -> bool,
    {
        self.access().remove_if(key, condition)
    }

    /// Removes the entries for which the closure returns false. O(n).
    ///
    /// The closure's answer and the removal are one atomic step: if the value was replaced in between, the closure is
    /// called again. Weakly consistent, like an iteration: see [`Iter`](super::Iter).
    ///
    /// This handle keeps the removed entries until it is dropped. The [`retain`](crate::TrieMap::retain) of the map
    /// frees them as it goes.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::TrieMap<u32, u32> = (0..10).map(|i| (i, i * i)).collect();
    /// map.pin().retain(|key, _| key % 2 == 0);
    /// assert_eq!(map.pin().len(), 5);
    /// ```
    pub fn retain<F>(&self, mut keep: F)
    where
        K: Eq,
        F: FnMut(&K, &V) -> bool,
    {
        self.access().retain(&mut keep);
    }
}

impl<K, V, S, M: Kind<K, V, Boxed>> Pinned<'_, K, V, S, M> {
    /// Renews the handle, and frees garbage of the map.
    ///
    /// A handle keeps all entries that were removed since it was made or last refreshed. No reference from the handle
    /// can be in use any more. So later operations can free those entries, unless the thread holds another handle, to
    /// any map.
    ///
    /// This looks at all garbage of the map, so call it every few hundred operations. To free the rest, drop the handle
    /// and call [`flush`](crate::TrieMap::flush).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// let mut pinned = map.pin();
    /// for i in 0..10_000 {
    ///     pinned.insert("counter", i);
    ///     if i % 1_000 == 0 {
    ///         pinned.refresh();
    ///     }
    /// }
    /// ```
    pub fn refresh(&mut self) {
        self.guard.repin();
        self.base().engine.refresh(&self.guard);
    }

    /// For models: the clock of the map's guards.
    #[cfg(shuttle)]
    #[doc(hidden)]
    pub fn clock(&self) -> u64 {
        self.guard.now()
    }
}

/// `pinned[&key]`: the value of a key, for as long as the handle is borrowed.
///
/// # Panics
/// If the key is not in the map.
impl<K, V, S, M, Q> Index<&Q> for Pinned<'_, K, V, S, M>
where
    K: Hash,
    Q: Hash + Equivalent<K> + ?Sized,
    S: BuildHasher,
    M: Kind<K, V, Boxed>,
{
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}
