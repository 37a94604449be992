//! Two forks made one.

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
    /// A map with what `left` and `right` have made of this snapshot, from which both grew.
    ///
    /// What only one of them has changed is as that one has it. For a key that both changed, `resolve`
    /// decides; that both removed it is no conflict. As for [`Self::diff`], a key is changed if it
    /// has another entry, whatever the values.
    ///
    /// The result is a fork of `left` into which the changes of `right` are written, as clones: O(changes
    /// of `right` · log n), whatever the size of the map. So `left` should be the one with more
    /// changes. Snapshots that did not grow from this one are merged correctly too, at the cost of
    /// [`Self::diff`] for such.
    ///
    /// # Panics
    /// If `resolve`, or `Hash`, `Eq` or `Clone` of a key or value does.
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

/// A key that both sides of a [merge](Snapshot::merge) have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conflict<'s, K, V> {
    /// The key.
    pub key: &'s K,
    /// The value that it had, if it was there.
    pub base: Option<&'s V>,
    /// What the left side made of it.
    pub left: Option<&'s V>,
    /// What the right side made of it.
    pub right: Option<&'s V>,
}

/// What a [merge](Snapshot::merge) makes of a key that both sides have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resolution<V> {
    /// What the left side has.
    Left,
    /// What the right side has.
    Right,
    /// This value.
    Put(V),
    /// Nothing.
    Remove,
}
