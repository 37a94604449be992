//! Chains of operations on one key, like those of the standard map's entries.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use super::Pinned;
use super::mode::{Boxed, Kind, Trie};

/// A key that may or may not be in a map, from [`Pinned::entry`].
///
/// Unlike an entry of a standard map, it holds no lock: other threads may change the key until the last method of the
/// chain is called. Each chain is one atomic operation.
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
    /// The entry of a key, for chains like those of the standard map. Each chain is one atomic operation, see
    /// [`Entry`].
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
    /// The key that was passed to [`Pinned::entry`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::<&str, u32>::new();
    /// assert_eq!(map.pin().entry("one").key(), &"one");
    /// ```
    pub fn key(&self) -> &K {
        &self.key
    }

    /// The value. Inserts this one if the key is not in the map. See [`Pinned::get_or_insert`].
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

    /// The value. Inserts the closure's if the key is not in the map. See [`Pinned::get_or_insert_with`].
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().entry("one").or_insert_with(|| 1), &1);
    /// ```
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'p V {
        self.pinned.get_or_insert_with(self.key, value)
    }

    /// The value. Inserts the closure's value for this key if the key is not in the map. The closure runs at most once.
    /// If another thread inserts the key meanwhile, its value is returned and the closure's is dropped.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::new();
    /// assert_eq!(map.pin().entry("one").or_insert_with_key(|key| key.len()), &3);
    /// ```
    pub fn or_insert_with_key(self, value: impl FnOnce(&K) -> V) -> &'p V {
        let Self { pinned, key } = self;
        match pinned.get(&key) {
            Some(found) => found,
            None => {
                let value = value(&key);
                pinned.get_or_insert(key, value)
            }
        }
    }

    /// The value. Inserts the default if the key is not in the map. See [`Pinned::get_or_default`].
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

    /// Replaces the value by the closure's result, if the key is in the map. This is one step with the insertion at the
    /// end of the chain. The closure may run again, as for [`Pinned::update_or_insert`].
    ///
    /// Values are not changed in place, so the closure returns the new value, where that of a standard map changes the
    /// old one.
    ///
    /// # Examples
    /// ```
    /// let map = snaptrie::TrieMap::from([("one", 1)]);
    /// map.pin().entry("one").and_modify(|value| value + 10).or_insert(0); // std: |value| *value += 10
    /// assert_eq!(map.cloned("one"), Some(11));
    /// ```
    pub fn and_modify<F: FnMut(&V) -> V>(self, modify: F) -> ModifiedEntry<'p, 'm, K, V, S, M, F> {
        ModifiedEntry { entry: self, modify }
    }
}

/// An [`Entry`] whose value is replaced if the key is in the map, from [`Entry::and_modify`].
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
    /// Modifies the value, or inserts this one if the key is not in the map. Returns the new value. See
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

    /// [`Self::or_insert`] with a closure for the first value, which runs at most once.
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
