//! The differences between two snapshots, and their application to a replica.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::iter::FusedIterator;

use crate::RandomState;
use crate::hash;
use crate::map::Snapshot;
use crate::map::mode::{Boxed, Place};
use crate::store::Store;
use crate::trie::{FrozenIter, TreeChange, TreeDiff};

impl<K: Hash + Eq, V, S: BuildHasher, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// The changes that turn this snapshot's content into that of `newer`.
    ///
    /// There is one for each key that differs, in no particular order. An entry is unchanged if it was not written.
    /// Values are not compared, so a key that was written again with an equal value counts as changed. An entry of a
    /// [`CopyTrieMap`](crate::CopyTrieMap) is unchanged if its bytes are.
    ///
    /// The two may be of one map, in either order, or of different forks of it. The parts that both share are skipped:
    /// the cost is O(changes · log n), whatever the size of the map. For snapshots of unrelated maps, every entry
    /// counts as changed, and every key is looked up in the other snapshot, with that snapshot's hasher: O(n).
    ///
    /// # Panics
    /// The iterator panics if `Hash` or `Eq` of a key panics.
    ///
    /// # Examples
    /// ```
    /// use snaptrie::{Change, TrieMap};
    ///
    /// let map: TrieMap<u32, &str> = (0..10_000).map(|i| (i, "old")).collect();
    /// let before = map.snapshot();
    /// map.pin().insert(7, "new");
    /// map.pin().remove(&8);
    /// let after = map.snapshot();
    ///
    /// let mut changes: Vec<_> = before.diff(&after).collect();
    /// changes.sort_by_key(|change| *change.key());
    /// assert_eq!(changes, [
    ///     Change::Changed { key: &7, old: &"old", new: &"new" },
    ///     Change::Removed { key: &8, old: &"old" },
    /// ]);
    /// ```
    pub fn diff<'s>(&'s self, newer: &'s Self) -> Diff<'s, K, V, S, M> {
        let (old, new) = (self.tree(), newer.tree());
        let walk = if old.may_share(new) {
            Walk::Trees(TreeDiff::new(old, new))
        } else {
            Walk::Lookups { entries: old.iter(), in_new: false, looked_up: 0 }
        };
        Diff { walk, old: self, new: newer }
    }
}

/// One difference between two snapshots, from [`Snapshot::diff`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Change<'s, K, V> {
    /// The key was added.
    Added {
        /// The key.
        key: &'s K,
        /// Its value.
        new: &'s V,
    },
    /// The key was removed.
    Removed {
        /// The key.
        key: &'s K,
        /// The value that it had.
        old: &'s V,
    },
    /// The key has another entry.
    Changed {
        /// The key, as it is in the newer snapshot.
        key: &'s K,
        /// The value that it had.
        old: &'s V,
        /// The value that it has now.
        new: &'s V,
    },
}

impl<'s, K, V> Change<'s, K, V> {
    /// The key.
    pub fn key(&self) -> &'s K {
        match self {
            Self::Added { key, .. } | Self::Removed { key, .. } | Self::Changed { key, .. } => key,
        }
    }

    /// The value before; `None` if the key was added.
    pub fn before(&self) -> Option<&'s V> {
        match self {
            Self::Added { .. } => None,
            Self::Removed { old, .. } | Self::Changed { old, .. } => Some(old),
        }
    }

    /// The value after; `None` if the key was removed.
    pub fn after(&self) -> Option<&'s V> {
        match self {
            Self::Removed { .. } => None,
            Self::Added { new, .. } | Self::Changed { new, .. } => Some(new),
        }
    }
}

impl<K, V> Clone for Change<'_, K, V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K, V> Copy for Change<'_, K, V> {}

/// An iterator over the differences between two snapshots, from [`Snapshot::diff`].
///
/// Finds them lazily. It borrows both snapshots and holds nothing else, so it is `Send` and `Sync` as they are.
pub struct Diff<'s, K, V, S = RandomState, M: Place<K, V> = Boxed> {
    walk: Walk<'s, M::Store<u64>>,
    old: &'s Snapshot<K, V, S, M>,
    new: &'s Snapshot<K, V, S, M>,
}

enum Walk<'s, St: Store> {
    Trees(TreeDiff<'s, St>),
    /// Looks up the entries of each snapshot in the other one.
    Lookups {
        entries: FrozenIter<'s, St>,
        in_new: bool,
        looked_up: usize,
    },
}

impl<K, V, S, M: Place<K, V>> Diff<'_, K, V, S, M> {
    /// What the iteration has cost so far: the number of pairs of nodes that were compared. For snapshots of unrelated
    /// maps, the number of keys that were looked up.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::TrieMap<u32, u32> = (0..100_000).map(|i| (i, i)).collect();
    /// let before = map.snapshot();
    /// map.insert(7, 0);
    /// let after = map.snapshot();
    /// let mut diff = before.diff(&after);
    /// assert_eq!(diff.by_ref().count(), 1);
    /// assert!(diff.steps() < 10);
    /// ```
    pub fn steps(&self) -> usize {
        match &self.walk {
            Walk::Trees(trees) => trees.visited(),
            Walk::Lookups { looked_up, .. } => *looked_up,
        }
    }
}

impl<'s, K: Hash + Eq, V, S: BuildHasher, M: Place<K, V>> Iterator for Diff<'s, K, V, S, M> {
    type Item = Change<'s, K, V>;

    fn next(&mut self) -> Option<Change<'s, K, V>> {
        match &mut self.walk {
            Walk::Trees(trees) => {
                let rehash = hash::of_each(self.old.hasher());
                trees.next(&rehash).map(Change::new)
            }
            Walk::Lookups { entries, in_new, looked_up } => loop {
                let Some((key, value)) = entries.next() else {
                    if *in_new {
                        return None;
                    }
                    (*entries, *in_new) = (self.new.tree().iter(), true);
                    continue;
                };
                *looked_up += 1;
                if !*in_new {
                    let now = self.new.get_key_value(key);
                    let removed = Change::Removed { key, old: value };
                    return Some(now.map_or(removed, |(key, new)| Change::Changed {
                        key,
                        old: value,
                        new,
                    }));
                }
                if !self.old.contains_key(key) {
                    return Some(Change::Added { key, new: value });
                }
            },
        }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher, M: Place<K, V>> FusedIterator for Diff<'_, K, V, S, M> {}

impl<'s, K, V> Change<'s, K, V> {
    fn new(change: TreeChange<'s, K, V>) -> Self {
        match change {
            TreeChange::Added((key, new)) => Self::Added { key, new },
            TreeChange::Removed((key, old)) => Self::Removed { key, old },
            TreeChange::Changed { old: (_, old), new: (key, new) } => {
                Self::Changed { key, old, new }
            }
        }
    }
}

impl<K, V, S, M: Place<K, V>> Clone for Diff<'_, K, V, S, M> {
    fn clone(&self) -> Self {
        Self { walk: self.walk.clone(), old: self.old, new: self.new }
    }
}

impl<St: Store> Clone for Walk<'_, St> {
    fn clone(&self) -> Self {
        match self {
            Self::Trees(trees) => Self::Trees(trees.clone()),
            Self::Lookups { entries, in_new, looked_up } => {
                let (in_new, looked_up) = (*in_new, *looked_up);
                Self::Lookups { entries: entries.clone(), in_new, looked_up }
            }
        }
    }
}

/// Lists the remaining differences.
impl<K, V, S, M> fmt::Debug for Diff<'_, K, V, S, M>
where
    K: Hash + Eq + fmt::Debug,
    V: fmt::Debug,
    S: BuildHasher,
    M: Place<K, V>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}

/// The differences between two snapshots with owned keys and values, which a replica needs to follow a map.
///
/// Collect it from a [`Diff`] (`before.diff(&after).collect()`), send it to another place, and apply it there with
/// [`TrieMap::apply`](crate::TrieMap::apply). With the feature `serde` it can be serialized, as a list of entries to
/// put and a list of keys to remove.
///
/// It does not record what it applies to: apply each one, in order, to the content that it was made from. Applying one
/// twice in a row does no harm.
///
/// # Examples
/// ```
/// use snaptrie::{OwnedDiff, TrieMap};
///
/// let map = TrieMap::from([("a", 1), ("b", 2)]);
/// let replica = TrieMap::from([("a", 1), ("b", 2)]);
/// let before = map.snapshot();
/// map.pin().insert("c", 3);
/// map.pin().remove("a");
/// let diff: OwnedDiff<_, _> = before.diff(&map.snapshot()).collect();
/// replica.apply(diff);
/// assert_eq!(replica, map);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedDiff<K, V> {
    /// Entries to insert, or to replace those with equal keys.
    pub put: Vec<(K, V)>,
    /// Keys to remove.
    pub removed: Vec<K>,
}

impl<K, V> OwnedDiff<K, V> {
    /// Number of keys that differ.
    pub fn len(&self) -> usize {
        self.put.len() + self.removed.len()
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K, V> Default for OwnedDiff<K, V> {
    fn default() -> Self {
        Self { put: Vec::new(), removed: Vec::new() }
    }
}

impl<'s, K: Clone, V: Clone> FromIterator<Change<'s, K, V>> for OwnedDiff<K, V> {
    fn from_iter<I: IntoIterator<Item = Change<'s, K, V>>>(changes: I) -> Self {
        let mut diff = Self::default();
        diff.extend(changes);
        diff
    }
}

impl<'s, K: Clone, V: Clone> Extend<Change<'s, K, V>> for OwnedDiff<K, V> {
    fn extend<I: IntoIterator<Item = Change<'s, K, V>>>(&mut self, changes: I) {
        for change in changes {
            match change.after() {
                Some(new) => self.put.push((change.key().clone(), new.clone())),
                None => self.removed.push(change.key().clone()),
            }
        }
    }
}
