//! Chains of operations on one key, by value.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::base::Base;
use super::mode::{Inline, Kind, Trie};
use crate::plain::Plain;

/// A key that may or may not be in a map, from [`CopyMap::entry`](crate::CopyMap::entry) or
/// [`CopyPinned::entry`](crate::CopyPinned::entry).
///
/// Unlike an entry of a standard map, it holds no lock: other threads may change the key until the last method of the
/// chain is called. Each chain is one atomic operation. Values are copied in and out.
///
/// # Examples
/// ```
/// let counts = snaptrie::CopyTrieMap::new();
/// for letter in "banana".chars() {
///     counts.entry(letter).and_modify(|count| count + 1).or_insert(1);
/// }
/// assert_eq!(counts.get(&'a'), Some(3));
/// ```
#[must_use = "an entry does nothing by itself"]
pub struct CopyEntry<'p, K: Plain, V: Plain, S, M: Kind<K, V, Inline> = Trie> {
    base: &'p Base<M::Engine, S>,
    key: K,
}

impl<'p, K: Plain, V: Plain, S, M: Kind<K, V, Inline>> CopyEntry<'p, K, V, S, M> {
    pub(super) fn new(base: &'p Base<M::Engine, S>, key: K) -> Self {
        Self { base, key }
    }
}

impl<'p, K: Plain + Hash + Eq, V: Plain, S: BuildHasher, M: Kind<K, V, Inline>>
    CopyEntry<'p, K, V, S, M>
{
    /// The key that was passed to [`CopyMap::entry`](crate::CopyMap::entry).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
    /// assert_eq!(map.entry(1).key(), 1);
    /// ```
    pub fn key(&self) -> K {
        self.key
    }

    /// The value. Inserts this one if the key is not in the map. See
    /// [`CopyMap::get_or_insert`](crate::CopyMap::get_or_insert).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
    /// assert_eq!(map.entry(1).or_insert(11), 10);
    /// assert_eq!(map.entry(2).or_insert(20), 20);
    /// ```
    pub fn or_insert(self, value: V) -> V {
        self.or_insert_with(|| value)
    }

    /// The value. Inserts the closure's if the key is not in the map. See
    /// [`CopyMap::get_or_insert_with`](crate::CopyMap::get_or_insert_with).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::new();
    /// assert_eq!(map.entry(1).or_insert_with(|| 10), 10);
    /// ```
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> V {
        let guard = self.base.pin();
        let access = self.base.with(&guard);
        let entry = access.find_or_insert(access.hash(&self.key), self.key, value);
        let (Ok((_, value)) | Err((_, value))) = entry;
        value
    }

    /// [`Self::or_insert_with`] with a closure that computes the value from the key.
    ///
    /// # Examples
    /// ```
    /// let squares = snaptrie::CopyTrieMap::new();
    /// assert_eq!(squares.entry(7).or_insert_with_key(|key| key * key), 49);
    /// ```
    pub fn or_insert_with_key(self, value: impl FnOnce(K) -> V) -> V {
        let key = self.key;
        self.or_insert_with(|| value(key))
    }

    /// The value. Inserts the default if the key is not in the map. See
    /// [`CopyMap::get_or_default`](crate::CopyMap::get_or_default).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
    /// assert_eq!(map.entry(1).or_default(), 0);
    /// ```
    pub fn or_default(self) -> V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Replaces the value by the closure's result, if the key is in the map. This is one step with the insertion at the
    /// end of the chain. The closure [may run again](crate::CopyMap#closures).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
    /// map.entry(1).and_modify(|value| value + 1).or_insert(0); // std: |value| *value += 1
    /// assert_eq!(map.get(&1), Some(11));
    /// ```
    pub fn and_modify<F: FnMut(V) -> V>(self, modify: F) -> CopyModifiedEntry<'p, K, V, S, M, F> {
        CopyModifiedEntry { entry: self, modify }
    }
}

/// A [`CopyEntry`] whose value is replaced if the key is in the map, from [`CopyEntry::and_modify`].
#[must_use = "an entry does nothing by itself"]
pub struct CopyModifiedEntry<'p, K: Plain, V: Plain, S, M: Kind<K, V, Inline>, F> {
    entry: CopyEntry<'p, K, V, S, M>,
    modify: F,
}

impl<K, V, S, M, F> CopyModifiedEntry<'_, K, V, S, M, F>
where
    K: Plain + Hash + Eq,
    V: Plain,
    S: BuildHasher,
    M: Kind<K, V, Inline>,
    F: FnMut(V) -> V,
{
    /// Modifies the value, or inserts this one if the key is not in the map. Returns the new value. See
    /// [`CopyMap::update_or_insert`](crate::CopyMap::update_or_insert).
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::from([(1, 10)]);
    /// assert_eq!(map.entry(1).and_modify(|value| value + 1).or_insert(0), 11);
    /// assert_eq!(map.entry(2).and_modify(|value| value + 1).or_insert(0), 0);
    /// ```
    pub fn or_insert(self, value: V) -> V {
        self.or_insert_with(|| value)
    }

    /// [`Self::or_insert`] with a closure for the first value, which runs at most once.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::new();
    /// assert_eq!(map.entry(1).and_modify(|value| value + 1).or_insert_with(|| 10), 10);
    /// assert_eq!(map.entry(1).and_modify(|value| value + 1).or_insert_with(|| 10), 11);
    /// ```
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> V {
        let Self { entry: CopyEntry { base, key }, mut modify } = self;
        let guard = base.pin();
        let access = base.with(&guard);
        access.update_or_insert(access.hash(&key), key, |(_, value)| modify(value), value).1
    }

    /// [`Self::or_insert`] with the default value.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::CopyTrieMap::<u32, u32>::new();
    /// assert_eq!(map.entry(1).and_modify(|value| value + 1).or_default(), 0);
    /// ```
    pub fn or_default(self) -> V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Shows the key.
impl<K: Plain + fmt::Debug, V: Plain, S, M: Kind<K, V, Inline>> fmt::Debug
    for CopyEntry<'_, K, V, S, M>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyEntry").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Shows the key.
impl<K: Plain + fmt::Debug, V: Plain, S, M: Kind<K, V, Inline>, F> fmt::Debug
    for CopyModifiedEntry<'_, K, V, S, M, F>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopyModifiedEntry").field("key", &self.entry.key).finish_non_exhaustive()
    }
}
