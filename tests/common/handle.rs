//! Handles of any kind of map, by reference, so that each test body is written once.
//!
//! A map that hands out copies has a handle that does so too. [`Lent`] stores each copy and lends it, so a test that
//! holds on to a "reference" sees the copy it was given. What only the interface by value has is in
//! `tests/api/copies.rs`.

use std::cell::RefCell;
use std::fmt::{self, Debug};
use std::hash::{BuildHasher, Hash};
use std::iter::FusedIterator;
use std::ops::Index;
use std::ptr::NonNull;

use snaptrie::mode::{Boxed, Inline, Kind};
use snaptrie::{
    Compute, CopyIter, CopyKeys, CopyMap, CopyPinned, CopyValues, Equivalent, OccupiedError,
    Operation, Pinned,
};

/// What test bodies over any kind of map need of a handle. Of a handle whose type is known, these are its own methods.
pub(crate) trait Handle: Sized {
    type Key;
    type Value;
    type Hasher;

    fn refresh(&mut self);
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool;
    fn iter(&self) -> impl FusedIterator<Item = (&Self::Key, &Self::Value)> + Debug;
    fn keys(&self) -> impl FusedIterator<Item = &Self::Key> + Debug;
    fn values(&self) -> impl FusedIterator<Item = &Self::Value> + Debug;

    fn get<Q: Hash + Equivalent<Self::Key> + ?Sized>(&self, key: &Q) -> Option<&Self::Value>
    where
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn get_key_value<Q>(&self, key: &Q) -> Option<(&Self::Key, &Self::Value)>
    where
        Q: Hash + Equivalent<Self::Key> + ?Sized,
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn contains_key<Q: Hash + Equivalent<Self::Key> + ?Sized>(&self, key: &Q) -> bool
    where
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    /// By `[]`.
    fn at<Q: Hash + Equivalent<Self::Key> + ?Sized>(&self, key: &Q) -> &Self::Value
    where
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    /// By `IntoIterator`.
    fn each(&self) -> impl Iterator<Item = (&Self::Key, &Self::Value)>;

    /// By `Debug`.
    fn show(&self) -> String
    where
        Self::Key: Debug,
        Self::Value: Debug;

    fn get_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = Option<&'p Self::Value>>
    where
        Q: Hash + Equivalent<Self::Key> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        Self::Key: 'p,
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn contains_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = bool>
    where
        Q: Hash + Equivalent<Self::Key> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        Self::Key: 'p,
        Self::Value: 'p,
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn remove<Q: Hash + Equivalent<Self::Key> + ?Sized>(&self, key: &Q) -> Option<&Self::Value>
    where
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn remove_entry<Q>(&self, key: &Q) -> Option<(&Self::Key, &Self::Value)>
    where
        Q: Hash + Equivalent<Self::Key> + ?Sized,
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn remove_if<Q, F>(&self, key: &Q, condition: F) -> Option<(&Self::Key, &Self::Value)>
    where
        Q: Hash + Equivalent<Self::Key> + ?Sized,
        F: FnMut(&Self::Key, &Self::Value) -> bool,
        Self::Key: Hash,
        Self::Hasher: BuildHasher;

    fn retain(&self, keep: impl FnMut(&Self::Key, &Self::Value) -> bool)
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn insert(&self, key: Self::Key, value: Self::Value) -> Option<&Self::Value>
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn insert_many(&self, entries: impl IntoIterator<Item = (Self::Key, Self::Value)>) -> usize
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn update_many<A>(
        &self,
        updates: impl IntoIterator<Item = (Self::Key, A)>,
        update: impl FnMut(&Self::Value, &A) -> Self::Value,
    ) -> usize
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn get_or_insert_many<'p, I>(&'p self, entries: I) -> impl Iterator<Item = &'p Self::Value>
    where
        I: IntoIterator<Item = (Self::Key, Self::Value)>,
        Self::Key: Hash + Eq + 'p,
        Self::Hasher: BuildHasher;

    fn remove_many<'q, Q, I>(&self, keys: I) -> usize
    where
        Q: Hash + Equivalent<Self::Key> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    #[expect(clippy::type_complexity, reason = "that of the maps")]
    fn try_insert(
        &self,
        key: Self::Key,
        value: Self::Value,
    ) -> Result<&Self::Value, OccupiedError<Self::Key, Self::Value, &Self::Value>>
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn get_or_insert(&self, key: Self::Key, value: Self::Value) -> &Self::Value
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn get_or_insert_with(
        &self,
        key: Self::Key,
        value: impl FnOnce() -> Self::Value,
    ) -> &Self::Value
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn try_insert_with(
        &self,
        key: Self::Key,
        value: impl FnOnce() -> Self::Value,
    ) -> Result<&Self::Value, &Self::Value>
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn update(
        &self,
        key: Self::Key,
        update: impl FnMut(&Self::Value) -> Self::Value,
    ) -> Option<&Self::Value>
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn update_or_insert(
        &self,
        key: Self::Key,
        update: impl FnMut(&Self::Value) -> Self::Value,
        value: Self::Value,
    ) -> &Self::Value
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn update_or_insert_with(
        &self,
        key: Self::Key,
        update: impl FnMut(&Self::Value) -> Self::Value,
        value: impl FnOnce() -> Self::Value,
    ) -> &Self::Value
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    fn compute<'p, A>(
        &'p self,
        key: Self::Key,
        compute: impl FnMut(Option<(&'p Self::Key, &'p Self::Value)>) -> Operation<Self::Value, A>,
    ) -> Compute<&'p Self::Key, &'p Self::Value, A>
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;
}

/// Copies that are lent.
struct Arena<T>(RefCell<Vec<NonNull<T>>>);

impl<T> Arena<T> {
    #[expect(unsafe_code, reason = "an arena")]
    fn lend(&self, copy: T) -> &T {
        let copy = NonNull::from(Box::leak(Box::new(copy)));
        self.0.borrow_mut().push(copy);
        // SAFETY:
        // - freed when this is dropped, which is borrowed.
        unsafe { copy.as_ref() }
    }
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Drop for Arena<T> {
    #[expect(unsafe_code, reason = "an arena")]
    fn drop(&mut self) {
        for copy in self.0.get_mut() {
            // SAFETY:
            // - from a box, freed once; what was lent of it was a borrow of this.
            drop(unsafe { Box::from_raw(copy.as_ptr()) });
        }
    }
}

/// A handle that lends the copies that another one hands out.
pub(crate) struct Lent<'m, K: snaptrie::Plain, V: snaptrie::Plain, S, M: Kind<K, V, Inline>> {
    pinned: CopyPinned<'m, K, V, S, M>,
    keys: Arena<K>,
    values: Arena<V>,
}

impl<'m, K: snaptrie::Plain, V: snaptrie::Plain, S, M: Kind<K, V, Inline>> Lent<'m, K, V, S, M> {
    pub(crate) fn new(pinned: CopyPinned<'m, K, V, S, M>) -> Self {
        Self { pinned, keys: Arena::default(), values: Arena::default() }
    }

    fn entry(&self, (key, value): (K, V)) -> (&K, &V) {
        (self.keys.lend(key), self.values.lend(value))
    }

    fn value(&self, value: V) -> &V {
        self.values.lend(value)
    }

    pub(crate) fn map(&self) -> &'m CopyMap<K, V, S, M> {
        self.pinned.map()
    }

    pub(crate) fn refresh(&mut self) {
        self.pinned.refresh();
        // Nothing is lent any more.
        (self.keys, self.values) = (Arena::default(), Arena::default());
    }

    pub(crate) fn len(&self) -> usize {
        self.pinned.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pinned.is_empty()
    }

    pub(crate) fn iter(&self) -> Lending<'_, CopyIter<'_, K, V, M>, (&K, &V)> {
        Lending { copies: self.pinned.iter(), lend: Box::new(|entry| self.entry(entry)) }
    }

    pub(crate) fn keys(&self) -> Lending<'_, CopyKeys<'_, K, V, M>, &K> {
        Lending { copies: self.pinned.keys(), lend: Box::new(|key| self.keys.lend(key)) }
    }

    pub(crate) fn values(&self) -> Lending<'_, CopyValues<'_, K, V, M>, &V> {
        Lending { copies: self.pinned.values(), lend: Box::new(|value| self.value(value)) }
    }
}

/// An iterator over what another one hands out.
pub(crate) struct Lending<'p, I: Iterator, T> {
    copies: I,
    lend: Box<dyn Fn(I::Item) -> T + 'p>,
}

impl<I: Iterator, T> Iterator for Lending<'_, I, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.copies.next().map(&self.lend)
    }

    fn fold<B, F: FnMut(B, T) -> B>(self, init: B, mut f: F) -> B {
        self.copies.fold(init, |result, copy| f(result, (self.lend)(copy)))
    }
}

impl<I: FusedIterator, T> FusedIterator for Lending<'_, I, T> {}

impl<I: Iterator + Debug, T> Debug for Lending<'_, I, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.copies.fmt(f)
    }
}

impl<K: snaptrie::Plain + Hash, V: snaptrie::Plain, S: BuildHasher, M: Kind<K, V, Inline>>
    Lent<'_, K, V, S, M>
{
    pub(crate) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.pinned.get(key).map(|value| self.value(value))
    }

    pub(crate) fn get_key_value<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.pinned.get_key_value(key).map(|entry| self.entry(entry))
    }

    pub(crate) fn contains_key<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool {
        self.pinned.contains_key(key)
    }

    pub(crate) fn get_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = Option<&'p V>>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
        K: 'p,
    {
        self.pinned.get_many(keys).map(|found| found.map(|value| self.value(value)))
    }

    pub(crate) fn contains_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = bool>
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
    {
        self.pinned.contains_many(keys)
    }
}

impl<K: snaptrie::Plain + Hash, V: snaptrie::Plain, S: BuildHasher, M: Kind<K, V, Inline>>
    Lent<'_, K, V, S, M>
{
    pub(crate) fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        self.pinned.remove(key).map(|value| self.value(value))
    }

    pub(crate) fn remove_entry<Q>(&self, key: &Q) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
    {
        self.pinned.remove_entry(key).map(|entry| self.entry(entry))
    }

    pub(crate) fn remove_if<Q, F>(&self, key: &Q, condition: F) -> Option<(&K, &V)>
    where
        Q: Hash + Equivalent<K> + ?Sized,
        F: FnMut(&K, &V) -> bool,
    {
        self.pinned.remove_if(key, condition).map(|entry| self.entry(entry))
    }
}

impl<K: snaptrie::Plain + Hash + Eq, V: snaptrie::Plain, S: BuildHasher, M: Kind<K, V, Inline>>
    Lent<'_, K, V, S, M>
{
    pub(crate) fn retain(&self, keep: impl FnMut(&K, &V) -> bool) {
        self.pinned.retain(keep);
    }

    pub(crate) fn insert(&self, key: K, value: V) -> Option<&V> {
        self.pinned.insert(key, value).map(|value| self.value(value))
    }

    pub(crate) fn insert_many(&self, entries: impl IntoIterator<Item = (K, V)>) -> usize {
        self.pinned.insert_many(entries)
    }

    pub(crate) fn update_many<A>(
        &self,
        updates: impl IntoIterator<Item = (K, A)>,
        mut update: impl FnMut(&V, &A) -> V,
    ) -> usize {
        self.pinned.update_many(updates, |value, with| update(&value, with))
    }

    pub(crate) fn get_or_insert_many<I>(&self, entries: I) -> impl Iterator<Item = &V>
    where
        I: IntoIterator<Item = (K, V)>,
    {
        self.pinned.get_or_insert_many(entries).map(|value| self.value(value))
    }

    pub(crate) fn remove_many<'q, Q, I>(&self, keys: I) -> usize
    where
        Q: Hash + Equivalent<K> + ?Sized + 'q,
        I: IntoIterator<Item = &'q Q>,
    {
        self.pinned.remove_many(keys)
    }

    pub(crate) fn try_insert(&self, key: K, value: V) -> Result<&V, OccupiedError<K, V, &V>> {
        match self.pinned.try_insert(key, value) {
            Ok(value) => Ok(self.value(value)),
            Err(OccupiedError { current, key, value }) => {
                Err(OccupiedError { current: self.value(current), key, value })
            }
        }
    }

    pub(crate) fn get_or_insert(&self, key: K, value: V) -> &V {
        self.value(self.pinned.get_or_insert(key, value))
    }

    pub(crate) fn get_or_insert_with(&self, key: K, value: impl FnOnce() -> V) -> &V {
        self.value(self.pinned.get_or_insert_with(key, value))
    }

    pub(crate) fn get_or_default(&self, key: K) -> &V
    where
        V: Default,
    {
        self.value(self.pinned.get_or_default(key))
    }

    pub(crate) fn get_or_try_insert_with<E>(
        &self,
        key: K,
        value: impl FnOnce() -> Result<V, E>,
    ) -> Result<&V, E> {
        self.pinned.get_or_try_insert_with(key, value).map(|value| self.value(value))
    }

    pub(crate) fn try_insert_with(&self, key: K, value: impl FnOnce() -> V) -> Result<&V, &V> {
        match self.pinned.try_insert_with(key, value) {
            Ok(value) => Ok(self.value(value)),
            Err(value) => Err(self.value(value)),
        }
    }

    pub(crate) fn update(&self, key: K, mut update: impl FnMut(&V) -> V) -> Option<&V> {
        self.pinned.update(&key, |value| update(&value)).map(|value| self.value(value))
    }

    pub(crate) fn update_or_insert(&self, key: K, mut update: impl FnMut(&V) -> V, value: V) -> &V {
        self.value(self.pinned.update_or_insert(key, |value| update(&value), value))
    }

    pub(crate) fn update_or_insert_with(
        &self,
        key: K,
        mut update: impl FnMut(&V) -> V,
        value: impl FnOnce() -> V,
    ) -> &V {
        self.value(self.pinned.update_or_insert_with(key, |value| update(&value), value))
    }

    pub(crate) fn compute<'p, A>(
        &'p self,
        key: K,
        mut compute: impl FnMut(Option<(&'p K, &'p V)>) -> Operation<V, A>,
    ) -> Compute<&'p K, &'p V, A> {
        match self.pinned.compute(key, |entry| compute(entry.map(|entry| self.entry(entry)))) {
            Compute::Inserted(key, value) => {
                let (key, value) = self.entry((key, value));
                Compute::Inserted(key, value)
            }
            Compute::Updated { old, new } => {
                Compute::Updated { old: self.entry(old), new: self.entry(new) }
            }
            Compute::Removed(key, value) => {
                let (key, value) = self.entry((key, value));
                Compute::Removed(key, value)
            }
            Compute::Aborted(with) => Compute::Aborted(with),
            Compute::Absent => Compute::Absent,
        }
    }
}

impl<K: snaptrie::Plain + Hash, V: snaptrie::Plain, S: BuildHasher, M: Kind<K, V, Inline>, Q>
    Index<&Q> for Lent<'_, K, V, S, M>
where
    Q: Hash + Equivalent<K> + ?Sized,
{
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry found for key")
    }
}

impl<'p, K: snaptrie::Plain, V: snaptrie::Plain, S, M: Kind<K, V, Inline>> IntoIterator
    for &'p Lent<'_, K, V, S, M>
{
    type Item = (&'p K, &'p V);
    type IntoIter = Lending<'p, CopyIter<'p, K, V, M>, (&'p K, &'p V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: snaptrie::Plain + Debug, V: snaptrie::Plain + Debug, S, M: Kind<K, V, Inline>> Debug
    for Lent<'_, K, V, S, M>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pinned.fmt(f)
    }
}

/// Forwards to the handle's own methods.
macro_rules! forward {
    () => {
        type Key = K;
        type Value = V;
        type Hasher = S;

        fn refresh(&mut self) {
            self.refresh();
        }
        fn len(&self) -> usize {
            self.len()
        }
        fn is_empty(&self) -> bool {
            self.is_empty()
        }
        fn iter(&self) -> impl FusedIterator<Item = (&K, &V)> + Debug {
            self.iter()
        }
        fn keys(&self) -> impl FusedIterator<Item = &K> + Debug {
            self.keys()
        }
        fn values(&self) -> impl FusedIterator<Item = &V> + Debug {
            self.values()
        }
        fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V>
        where
            K: Hash,
            S: BuildHasher,
        {
            self.get(key)
        }
        fn get_key_value<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
        where
            K: Hash,
            S: BuildHasher,
        {
            self.get_key_value(key)
        }
        fn contains_key<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> bool
        where
            K: Hash,
            S: BuildHasher,
        {
            self.contains_key(key)
        }
        fn at<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> &V
        where
            K: Hash,
            S: BuildHasher,
        {
            &self[key]
        }
        fn each(&self) -> impl Iterator<Item = (&K, &V)> {
            self.into_iter()
        }
        fn show(&self) -> String
        where
            K: Debug,
            V: Debug,
        {
            format!("{self:?}")
        }
        fn get_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = Option<&'p V>>
        where
            Q: Hash + Equivalent<K> + ?Sized + 'q,
            I: IntoIterator<Item = &'q Q>,
            K: 'p,
            K: Hash,
            S: BuildHasher,
        {
            self.get_many(keys)
        }
        fn remove<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V>
        where
            K: Hash,
            S: BuildHasher,
        {
            self.remove(key)
        }
        fn remove_entry<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
        where
            K: Hash,
            S: BuildHasher,
        {
            self.remove_entry(key)
        }
        fn remove_if<Q, F>(&self, key: &Q, condition: F) -> Option<(&K, &V)>
        where
            Q: Hash + Equivalent<K> + ?Sized,
            F: FnMut(&K, &V) -> bool,
            K: Hash,
            S: BuildHasher,
        {
            self.remove_if(key, condition)
        }
        fn retain(&self, keep: impl FnMut(&K, &V) -> bool)
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.retain(keep);
        }
        fn insert(&self, key: K, value: V) -> Option<&V>
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.insert(key, value)
        }
        fn insert_many(&self, entries: impl IntoIterator<Item = (K, V)>) -> usize
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.insert_many(entries)
        }
        fn update_many<A>(
            &self,
            updates: impl IntoIterator<Item = (K, A)>,
            update: impl FnMut(&V, &A) -> V,
        ) -> usize
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.update_many(updates, update)
        }
        fn get_or_insert_many<'p, I>(&'p self, entries: I) -> impl Iterator<Item = &'p V>
        where
            I: IntoIterator<Item = (K, V)>,
            K: Hash + Eq + 'p,
            S: BuildHasher,
        {
            self.get_or_insert_many(entries)
        }
        fn remove_many<'q, Q, I>(&self, keys: I) -> usize
        where
            Q: Hash + Equivalent<K> + ?Sized + 'q,
            I: IntoIterator<Item = &'q Q>,
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.remove_many(keys)
        }
        fn contains_many<'p, 'q, Q, I>(&'p self, keys: I) -> impl Iterator<Item = bool>
        where
            Q: Hash + Equivalent<K> + ?Sized + 'q,
            I: IntoIterator<Item = &'q Q>,
            K: 'p,
            V: 'p,
            K: Hash,
            S: BuildHasher,
        {
            self.contains_many(keys)
        }
        fn try_insert(&self, key: K, value: V) -> Result<&V, OccupiedError<K, V, &V>>
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.try_insert(key, value)
        }
        fn get_or_insert(&self, key: K, value: V) -> &V
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.get_or_insert(key, value)
        }
        fn get_or_insert_with(&self, key: K, value: impl FnOnce() -> V) -> &V
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.get_or_insert_with(key, value)
        }
        fn try_insert_with(&self, key: K, value: impl FnOnce() -> V) -> Result<&V, &V>
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.try_insert_with(key, value)
        }
        fn update(&self, key: K, update: impl FnMut(&V) -> V) -> Option<&V>
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.update(key, update)
        }
        fn update_or_insert(&self, key: K, update: impl FnMut(&V) -> V, value: V) -> &V
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.update_or_insert(key, update, value)
        }
        fn update_or_insert_with(
            &self,
            key: K,
            update: impl FnMut(&V) -> V,
            value: impl FnOnce() -> V,
        ) -> &V
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.update_or_insert_with(key, update, value)
        }
        fn compute<'p, A>(
            &'p self,
            key: K,
            compute: impl FnMut(Option<(&'p K, &'p V)>) -> Operation<V, A>,
        ) -> Compute<&'p K, &'p V, A>
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            self.compute(key, compute)
        }
    };
}

impl<K, V, S, M: Kind<K, V, Boxed>> Handle for Pinned<'_, K, V, S, M> {
    forward!();
}

impl<K: snaptrie::Plain, V: snaptrie::Plain, S, M: Kind<K, V, Inline>> Handle
    for Lent<'_, K, V, S, M>
{
    forward!();
}
