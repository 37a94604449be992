//! Chains of operations on one key, as those of the standard map's entries.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::Pinned;
use super::mode::{Boxed, Kind, Trie};

/// A key of a map that may or may not be there, from [`Pinned::entry`].
///
/// Unlike an entry of a standard map it holds nothing: other threads may change the key until one of the methods that
/// end the chain is called. Each chain is one atomic operation.
///
/// # Examples
/// ```
/// let map = snaptrie::TrieMap::new();
/// let pinned = map.pin();
/// for word in ["the", "cat", "the"] {
///     pinned.entry(word).and_modify(|count| count + 1).or_insert(1);
/// }
/// assert_eq!(pinned.get("the"), Some(&2));
/// ```
#[must_use = "an entry does nothing by itself"]
pub struct Entry<'p, 'm, K, V, S, M: Kind<K, V, Boxed> = Trie> {
    pinned: &'p Pinned<'m, K, V, S, M>,
    key: K,
}

impl<'m, K: Hash + Eq, V, S: BuildHasher, M: Kind<K, V, Boxed>> Pinned<'m, K, V, S, M> {
    /// The entry of a key, for chains as with the standard map. Each chain is one atomic operation: see [`Entry`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// map.pin().entry("one").or_insert(1);
    /// map.pin().entry("one").and_modify(|value| value + 10).or_insert(1);
    /// assert_eq!(map.pin()["one"], 11);
    /// ```
    pub fn entry(&self, key: K) -> Entry<'_, 'm, K, V, S, M> {
        Entry { pinned: self, key }
    }
}

impl<'p, 'm, K: Hash + Eq, V, S: BuildHasher, M: Kind<K, V, Boxed>> Entry<'p, 'm, K, V, S, M> {
    /// The key, as it was given to [`Pinned::entry`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<&str, u32>::new();
    /// assert_eq!(map.pin().entry("one").key(), &"one");
    /// ```
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value, which is inserted if the key is not there. As [`Pinned::get_or_insert`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1)]);
    /// assert_eq!(map.pin().entry("one").or_insert(11), &1);
    /// assert_eq!(map.pin().entry("two").or_insert(2), &2);
    /// ```
    pub fn or_insert(self, value: V) -> &'p V {
        self.pinned.get_or_insert(self.key, value)
    }

    /// The value, for which the closure's is inserted if the key is not there. As [`Pinned::get_or_insert_with`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().entry("one").or_insert_with(|| 1), &1);
    /// ```
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'p V {
        self.pinned.get_or_insert_with(self.key, value)
    }

    /// The value, for which the default is inserted if the key is not there. As [`Pinned::get_or_default`].
    ///
    /// # Examples
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    ///
    /// let counts = snaptrie::TrieMap::<&str, AtomicU64>::new();
    /// counts.pin().entry("one").or_default().fetch_add(1, Relaxed);
    /// assert_eq!(counts.pin()["one"].load(Relaxed), 1);
    /// ```
    pub fn or_default(self) -> &'p V
    where
        V: Default,
    {
        self.pinned.get_or_default(self.key)
    }

    /// Replaces the value by what the closure makes of it, if the key is there: in one step with the insertion that
    /// the chain ends with. The closure may run again, as for [`Pinned::update_or_insert`].
    pub fn and_modify<F: FnMut(&V) -> V>(self, modify: F) -> ModifiedEntry<'p, 'm, K, V, S, M, F> {
        ModifiedEntry { entry: self, modify }
    }
}

/// An [`Entry`] whose value is replaced if the key is there, from [`Entry::and_modify`].
#[must_use = "an entry does nothing by itself"]
pub struct ModifiedEntry<'p, 'm, K, V, S, M: Kind<K, V, Boxed>, F> {
    entry: Entry<'p, 'm, K, V, S, M>,
    modify: F,
}

impl<'p, K, V, S, M, F> ModifiedEntry<'p, '_, K, V, S, M, F>
where
    K: Hash + Eq,
    S: BuildHasher,
    M: Kind<K, V, Boxed>,
    F: FnMut(&V) -> V,
{
    /// Modifies the value, or inserts this one if the key is not there. Returns the value that is there now. As
    /// [`Pinned::update_or_insert`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1)]);
    /// assert_eq!(map.pin().entry("one").and_modify(|value| value + 10).or_insert(0), &11);
    /// assert_eq!(map.pin().entry("two").and_modify(|value| value + 10).or_insert(0), &0);
    /// ```
    pub fn or_insert(self, value: V) -> &'p V {
        self.or_insert_with(|| value)
    }

    /// [`Self::or_insert`] with a closure for the first value, which runs once at most.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<u32, String>::new();
    /// let pinned = map.pin();
    /// let add = |word: &String| format!("{word}!");
    /// assert_eq!(pinned.entry(1).and_modify(add).or_insert_with(String::new), "");
    /// assert_eq!(pinned.entry(1).and_modify(add).or_insert_with(String::new), "!");
    /// ```
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'p V {
        let Self { entry: Entry { pinned, key }, modify } = self;
        pinned.update_or_insert_with(key, modify, value)
    }

    /// [`Self::or_insert`] with the default value.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<&str, u32>::new();
    /// assert_eq!(map.pin().entry("one").and_modify(|value| value + 1).or_default(), &0);
    /// ```
    pub fn or_default(self) -> &'p V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Shows the key.
impl<K: fmt::Debug, V, S, M: Kind<K, V, Boxed>> fmt::Debug for Entry<'_, '_, K, V, S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Shows the key.
impl<K: fmt::Debug, V, S, M: Kind<K, V, Boxed>, F> fmt::Debug
    for ModifiedEntry<'_, '_, K, V, S, M, F>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModifiedEntry").field("key", &self.entry.key).finish_non_exhaustive()
    }
}
