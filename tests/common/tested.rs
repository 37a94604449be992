//! What the tests need of any kind of map.

#![allow(dead_code, reason = "each crate that includes this uses a part of it")]

use std::hash::{BuildHasher, Hash};

use snaptrie::mode;
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, Pinned, Snapshot, TrieMap};

#[path = "handle.rs"]
mod handle;
pub(crate) use handle::{Handle, Lent};

/// A kind of map with its keys, values and hasher.
///
/// For test bodies and helpers over any kind. Of a map whose type is known, these are the map's own
/// methods.
pub(crate) trait Tested {
    type Key;
    type Value;
    type Hasher;
    type Handle<'m>: Handle<Key = Self::Key, Value = Self::Value, Hasher = Self::Hasher>
    where
        Self: 'm;
    /// The content at one instant; nothing for a map that has no snapshots.
    type Version;

    /// Whether there are snapshots.
    const VERSIONS: bool;

    /// Whether entries are handed out as copies: then updates keep the key, and closures may be asked again when
    /// nothing happened to their key.
    const COPIES: bool;

    fn with_hasher(hasher: Self::Hasher) -> Self;
    fn with_private_collector(hasher: Self::Hasher) -> Self;
    /// A handle, by reference.
    fn handle(&self) -> Self::Handle<'_>;
    fn len(&self) -> usize;
    fn is_empty(&self) -> bool;
    fn clear(&self);

    /// Frees the garbage of an idle map. Returns whether none is left.
    fn flush(&self) -> bool;

    /// Removes the entries for which the closure does not hold.
    fn retain(&self, keep: impl FnMut(&Self::Key, &Self::Value) -> bool)
    where
        Self::Key: Hash + Eq,
        Self::Hasher: BuildHasher;

    /// A snapshot, if there are any.
    fn version(&self) -> Self::Version;

    /// Takes everything out.
    fn take(&self) -> Self::Version;

    /// A map of its own with the content of one instant, if there are any.
    fn fork(&self) -> Option<Self>
    where
        Self: Sized,
    {
        None
    }

    /// What is in a version.
    fn entries<'v>(
        version: &'v Self::Version,
    ) -> impl Iterator<Item = (&'v Self::Key, &'v Self::Value)>
    where
        Self: 'v;

    /// Whether this is the map of that handle, with its hasher.
    fn is_map_of(&self, handle: &Self::Handle<'_>) -> bool;

    /// Makes room for so many more, in a map that can.
    fn reserve(&self, _additional: usize) {}

    /// Gives memory back, in a map that has any to give.
    fn shrink_to_fit(&self) {}

    /// Verifies the structure, which nobody may change meanwhile.
    fn check(&self)
    where
        Self::Key: Hash,
        Self::Hasher: BuildHasher;
}

/// What a map has instead of a snapshot that has none.
#[derive(Clone)]
pub(crate) struct NoVersion;

/// Whether a test sets out from a map alone, and from one that has a snapshot.
pub(crate) fn with_and_without_version<M: Tested>() -> &'static [bool] {
    if M::VERSIONS { &[false, true] } else { &[false] }
}

macro_rules! forward {
    ($Map:ident) => {
        type Key = K;
        type Value = V;
        type Hasher = S;

        fn with_hasher(hasher: S) -> Self {
            $Map::with_hasher(hasher)
        }
        fn with_private_collector(hasher: S) -> Self {
            $Map::with_hasher(hasher).collecting_privately()
        }
        fn len(&self) -> usize {
            $Map::len(self)
        }
        fn is_empty(&self) -> bool {
            $Map::is_empty(self)
        }
        fn clear(&self) {
            $Map::clear(self);
        }
        fn flush(&self) -> bool {
            $Map::flush(self)
        }
        fn retain(&self, keep: impl FnMut(&K, &V) -> bool)
        where
            K: Hash + Eq,
            S: BuildHasher,
        {
            $Map::retain(self, keep);
        }
        fn is_map_of(&self, handle: &Self::Handle<'_>) -> bool {
            std::ptr::eq(self, handle.map()) && std::ptr::eq(self.hasher(), handle.map().hasher())
        }
        fn check(&self)
        where
            K: Hash,
            S: BuildHasher,
        {
            #[cfg(any(debug_assertions, snaptrie_check))]
            self.check_structure();
        }
    };
}

macro_rules! by_reference {
    ($Mode:ty) => {
        type Handle<'m>
            = Pinned<'m, K, V, S, $Mode>
        where
            Self: 'm;
        const COPIES: bool = false;

        fn handle(&self) -> Self::Handle<'_> {
            self.pin()
        }
    };
}

macro_rules! by_value {
    ($Mode:ty) => {
        type Handle<'m>
            = Lent<'m, K, V, S, $Mode>
        where
            Self: 'm;
        const COPIES: bool = true;

        fn handle(&self) -> Self::Handle<'_> {
            Lent::new(self.pin())
        }
    };
}

macro_rules! forward_versions {
    ($Map:ident, $Mode:ty) => {
        type Version = Snapshot<K, V, S, $Mode>;
        const VERSIONS: bool = true;

        fn version(&self) -> Self::Version {
            self.snapshot()
        }

        fn take(&self) -> Self::Version {
            $Map::take(self)
        }

        fn fork(&self) -> Option<Self>
        where
            Self: Sized,
        {
            Some($Map::fork(self))
        }

        fn entries<'v>(version: &'v Self::Version) -> impl Iterator<Item = (&'v K, &'v V)>
        where
            Self: 'v,
        {
            version.iter()
        }
    };
}

macro_rules! forward_room {
    ($Map:ident) => {
        type Version = NoVersion;
        const VERSIONS: bool = false;

        fn version(&self) -> NoVersion {
            NoVersion
        }

        fn take(&self) -> NoVersion {
            self.clear();
            NoVersion
        }

        fn entries<'v>(NoVersion: &'v NoVersion) -> impl Iterator<Item = (&'v K, &'v V)>
        where
            Self: 'v,
        {
            std::iter::empty()
        }

        fn reserve(&self, additional: usize) {
            $Map::reserve(self, additional);
        }

        fn shrink_to_fit(&self) {
            $Map::shrink_to_fit(self);
        }
    };
}

impl<K, V, S: Clone> Tested for TrieMap<K, V, S> {
    forward!(TrieMap);
    by_reference!(mode::Trie);
    forward_versions!(TrieMap, mode::Boxed);
}

impl<K: snaptrie::Plain, V: snaptrie::Plain, S: Clone> Tested for CopyTrieMap<K, V, S> {
    forward!(CopyTrieMap);
    by_value!(mode::Trie);
    forward_versions!(CopyTrieMap, mode::Inline);
}

impl<K: Hash, V, S: BuildHasher> Tested for FlatMap<K, V, S> {
    forward!(FlatMap);
    by_reference!(mode::Flat);
    forward_room!(FlatMap);
}

impl<K: snaptrie::Plain + Hash, V: snaptrie::Plain, S: BuildHasher> Tested
    for CopyFlatMap<K, V, S>
{
    forward!(CopyFlatMap);
    by_value!(mode::Flat);
    forward_room!(CopyFlatMap);
}
