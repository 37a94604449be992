//! The set over the trie.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::collection::{by_reference, collection};
use super::trie_operations::trie_operations;
use super::{PinnedSet, SetSnapshot};
use crate::map::Stays;
use crate::mode::{self, Boxed};
use crate::{IntoKeys, RandomState, TrieMap};

/// A concurrent hash set for write-heavy loads, with snapshots in constant time.
///
/// A [`TrieMap`] without values, with the same cost, consistency and reclamation. Operations that return no reference
/// are methods of the set; all are methods of the handle that [`pin`](Self::pin) returns. Unions, intersections and
/// differences are operations on two [snapshots](SetSnapshot), and so exact. The operators `|`, `&`, `-` and `^` of two
/// sets take a snapshot of each.
///
/// # Examples
/// ```
/// use snaptrie::TrieSet;
///
/// let seen = TrieSet::new();
/// std::thread::scope(|scope| {
///     for pages in [["/", "/about"], ["/", "/news"]] {
///         let seen = &seen;
///         scope.spawn(move || pages.into_iter().for_each(|page| _ = seen.pin().insert(page)));
///     }
/// });
/// let before = seen.snapshot(); // one instant; writers may continue
/// seen.pin().insert("/shop");
/// let new: Vec<_> = seen.snapshot().difference(&before).copied().collect();
/// assert_eq!((before.len(), new), (3, vec!["/shop"]));
/// ```
pub struct TrieSet<K, S = RandomState> {
    pub(crate) map: TrieMap<K, (), S>,
}

collection!(TrieSet, TrieMap, PinnedSet<mode::Trie>, "TrieSet");
by_reference!(TrieSet, TrieMap);
trie_operations!(TrieSet, TrieMap, Boxed);
