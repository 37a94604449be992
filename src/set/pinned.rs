//! Handles to live sets.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use equivalent::Equivalent;

use super::operations::operations;
use crate::map::Stays;
use crate::mode::{Boxed, Flat, Inline, Kind, Trie};
use crate::plain::Plain;
use crate::{Compute, CopyKeys, CopyPinned, Keys, Operation, Pinned, RandomState};

/// A handle to a set for the calling thread, from [`TrieSet::pin`](crate::TrieSet::pin) or
/// [`FlatSet::pin`](crate::FlatSet::pin).
///
/// Like a [`Pinned`] of a map: references live as long as the handle is borrowed, no operation waits, and any method
/// may be called while references, handles or snapshots are held.
///
/// # Examples
/// ```
/// let set = snaptrie::TrieSet::from(["a"]);
/// let pinned = set.pin();
/// let a = pinned.get("a");
/// assert!(pinned.remove("a"));
/// assert_eq!(a, Some(&"a")); // freed only later
/// ```
pub struct PinnedSet<'m, K, S = RandomState, M: Kind<K, (), Boxed> = Trie> {
    map: Pinned<'m, K, (), S, M>,
}

/// A handle to a [`CopySet`](crate::CopySet) for the calling thread, from [`CopySet::pin`](crate::CopySet::pin).
///
/// It has the operations of the set, for loops. See [`CopyPinned`].
///
/// # Examples
/// ```
/// let set: snaptrie::CopyTrieSet<u32> = (0..100).collect();
/// let pinned = set.pin();
/// assert_eq!((50..150).filter(|i| pinned.contains(i)).count(), 50);
/// ```
pub struct CopyPinnedSet<'m, K: Plain, S = RandomState, M: Kind<K, (), Inline> = Trie> {
    map: CopyPinned<'m, K, (), S, M>,
}

/// A handle to a [`FlatSet`](crate::FlatSet): a [`PinnedSet`] of that kind.
///
/// # Examples
/// ```
/// use snaptrie::{FlatPinnedSet, FlatSet};
///
/// fn total(handle: &FlatPinnedSet<'_, u64>) -> u64 {
///     handle.iter().sum()
/// }
/// assert_eq!(total(&FlatSet::from([1, 2]).pin()), 3);
/// ```
pub type FlatPinnedSet<'m, K, S = RandomState> = PinnedSet<'m, K, S, Flat>;

/// A handle to a [`CopyFlatSet`](crate::CopyFlatSet): a [`CopyPinnedSet`] of that kind.
///
/// # Examples
/// ```
/// use snaptrie::{CopyFlatPinnedSet, CopyFlatSet};
///
/// fn total(handle: &CopyFlatPinnedSet<'_, u64>) -> u64 {
///     handle.iter().sum()
/// }
/// assert_eq!(total(&CopyFlatSet::from([1, 2]).pin()), 3);
/// ```
pub type CopyFlatPinnedSet<'m, K, S = RandomState> = CopyPinnedSet<'m, K, S, Flat>;

operations!(PinnedSet['_] of Boxed, &K = &'p K, Keys, "TrieSet", ".pin()", "&");
operations!(CopyPinnedSet['_] of Inline, K = K, CopyKeys, "CopyTrieSet", ".pin()", "", Plain);

/// Implements the other methods of a handle.
macro_rules! handle {
    ($Type:ident of $Place:ident, $Pinned:ident, $Set:literal $(, $bound:ident)?) => {
        impl<'m, K $(: $bound)?, S, M: Kind<K, (), $Place>> $Type<'m, K, S, M> {
            #[inline]
            pub(super) fn new(map: $Pinned<'m, K, (), S, M>) -> Self {
                Self { map }
            }

            #[cfg(feature = "rayon")]
            pub(crate) fn as_pinned_map(&self) -> &$Pinned<'m, K, (), S, M> {
                &self.map
            }

            #[doc = concat!("Renews the handle, and frees garbage of the set. See [`", stringify!($Pinned), "::refresh`].")]
            ///
            /// # Examples
            /// ```
            #[doc = concat!("let set = snaptrie::", $Set, "::new();")]
            /// let mut pinned = set.pin();
            /// for i in 0..10_000 {
            ///     pinned.insert(i);
            ///     pinned.remove(&i);
            ///     if i % 1_000 == 0 {
            ///         pinned.refresh();
            ///     }
            /// }
            /// ```
            pub fn refresh(&mut self) {
                self.map.refresh();
            }
        }

        /// Lists the elements, weakly consistent.
        impl<K: fmt::Debug $(+ $bound)?, S, M: Kind<K, (), $Place>> fmt::Debug for $Type<'_, K, S, M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_set().entries(self).finish()
            }
        }
    };
}

handle!(PinnedSet of Boxed, Pinned, "TrieSet");
handle!(CopyPinnedSet of Inline, CopyPinned, "CopyTrieSet", Plain);
