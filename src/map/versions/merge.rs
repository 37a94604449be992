//! Merging two forks.

use std::hash::{BuildHasher, Hash};

use crate::hash;
use crate::map::Snapshot;
use crate::map::mode::Place;

impl<K, V, S, M> Snapshot<K, V, S, M>
where
    K: Hash + Eq + Clone,
    V: Clone,
    S: BuildHasher + Clone,
    M: Place<K, V>,
{
    /// A map with the changes that `left` and `right` made to this snapshot, which both were forked from.
    ///
    /// If only one side changed a key, that change is taken. `resolve` decides about keys that both sides changed,
    /// unless both removed them. A key counts as changed if its entry was written, even with an equal value: see
    /// [`Self::diff`].
    ///
    /// The result is a fork of `left`, with clones of the changes of `right`: O(changes of `right` · log n), whatever
    /// the size of the map. So `left` should be the side with more changes. Snapshots that were not forked from this
    /// one are merged correctly too, at the cost of their [`diff`](Self::diff).
    ///
    /// # Panics
    /// If `resolve` panics, or `Hash`, `Eq` or `Clone` of a key or value.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{Resolution, TrieMap};
    ///
    /// let base = TrieMap::from([("a", 1), ("b", 1), ("both", 1)]).snapshot();
    /// let (left, right) = (base.fork(), base.fork());
    /// left.pin().insert("a", 2);
    /// right.pin().remove("b");
    /// left.pin().insert("both", 5);
    /// right.pin().insert("both", 7);
    ///
    /// // Both sides count from the base on.
    /// let merged = base.merge(&left.snapshot(), &right.snapshot(), |conflict| {
    ///     let part = |side: Option<&i32>| side.unwrap_or(&0) - conflict.base.unwrap_or(&0);
    ///     let base = conflict.base.unwrap_or(&0);
    ///     Resolution::Put(base + part(conflict.left) + part(conflict.right))
    /// });
    /// assert_eq!(merged, TrieMap::from([("a", 2), ("both", 11)]));
    /// ```
    #[must_use = "the result is a map of its own"]
    pub fn merge(
        &self,
        left: &Self,
        right: &Self,
        mut resolve: impl FnMut(Conflict<'_, K, V>) -> Resolution<V>,
    ) -> M::Map<S> {
        let merged = left.fork();
        let base = M::base(&merged);
        let guard = base.pin();
        let pinned = base.with(&guard);
        for change in self.diff(right) {
            let key = change.key();
            let hashes = (hash::of(self.hasher(), key), hash::of(left.hasher(), key));
            let untouched = self.tree().has_same(left.tree(), hashes, &mut |other| other == key);
            let left = if untouched { None } else { left.get(key) };
            let resolution = if untouched || (left.is_none() && change.after().is_none()) {
                Resolution::Right
            } else {
                resolve(Conflict { key, base: change.before(), left, right: change.after() })
            };
            let value = match resolution {
                Resolution::Left => continue,
                Resolution::Right => change.after().cloned(),
                Resolution::Put(value) => Some(value),
                Resolution::Remove => None,
            };
            match value {
                Some(value) => _ = pinned.insert(hashes.1, key.clone(), value),
                None => _ = pinned.remove_if(key, |_, _| true),
            }
        }
        drop(guard);
        merged
    }
}

/// A key that both sides of a [merge](Snapshot::merge) changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conflict<'s, K, V> {
    /// The key.
    pub key: &'s K,
    /// The value before, if there was one.
    pub base: Option<&'s V>,
    /// The value on the left side, if it has one.
    pub left: Option<&'s V>,
    /// The value on the right side, if it has one.
    pub right: Option<&'s V>,
}

/// How a [merge](Snapshot::merge) resolves a key that both sides changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution<V> {
    /// Take the entry of the left side.
    Left,
    /// Take the entry of the right side.
    Right,
    /// Put this value.
    Put(V),
    /// Remove the key.
    Remove,
}
