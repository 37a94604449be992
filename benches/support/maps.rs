//! The measured maps, behind one trait: every operation pins or locks separately, and every map starts empty, without a
//! capacity, with the same hasher.

use std::collections::HashMap;
use std::convert::identity;
use std::hint::black_box;
use std::sync::{PoisonError, RwLock};

use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, Plain, RandomState, TrieMap};

use super::keys::Key;

/// A concurrent map with numbers as values.
pub(crate) trait Map<K: Key>: Send + Sync + Sized {
    /// The name of the map in the name of a benchmark.
    const NAME: &'static str;

    /// An empty map.
    fn new() -> Self;

    /// Sets the value of a key. Returns whether the key was new.
    fn insert(&self, key: K, value: u64) -> bool;

    /// The value of a key.
    fn get(&self, key: &K) -> Option<u64>;

    /// Removes a key. Returns whether it was there.
    fn remove(&self, key: &K) -> bool;
}

/// Something to do with each map.
pub(crate) trait Visit<K: Key> {
    fn visit<M: Map<K>>(&mut self);
}

/// Visits each map.
pub(crate) fn each<K: Key>(visitor: &mut impl Visit<K>) {
    visitor.visit::<Trie<K>>();
    K::each_special(visitor);
    visitor.visit::<Flat<K>>();
    visitor.visit::<Locked<K>>();
}

/// The trie.
pub(crate) type Trie<K> = TrieMap<K, u64>;

/// The trie, with its entries in the nodes.
pub(crate) type Inline<K> = CopyTrieMap<K, u64>;

/// The flat table.
pub(crate) type Flat<K> = FlatMap<K, u64>;

/// The flat table, with its entries in the lines.
pub(crate) type FlatInline<K> = CopyFlatMap<K, u64>;

/// `$copied` turns the result of a lookup into a number.
macro_rules! map {
    ($Map:ident [$($Copy:ident)?] $name:literal, $new:expr, $copied:ident) => {
        impl<K: Key $(+ $Copy)?> Map<K> for $Map<K> {
            const NAME: &'static str = $name;

            fn new() -> Self {
                $new
            }

            #[inline]
            fn insert(&self, key: K, value: u64) -> bool {
                self.pin().insert(key, value).is_none()
            }

            #[inline]
            fn get(&self, key: &K) -> Option<u64> {
                $copied(self.pin().get(key))
            }

            #[inline]
            fn remove(&self, key: &K) -> bool {
                self.pin().remove(key).is_some()
            }
        }
    };
}

map!(Trie [] "trie", TrieMap::with_hasher(RandomState::default()), copied);
map!(Inline [Plain] "inline", CopyTrieMap::with_hasher(RandomState::default()), identity);
map!(Flat [] "flat", FlatMap::with_hasher(RandomState::default()), copied);
map!(FlatInline [Plain] "flat-inline", CopyFlatMap::with_hasher(RandomState::default()), identity);

#[inline]
fn copied(found: Option<&u64>) -> Option<u64> {
    found.copied()
}

/// The baseline without this library.
pub(crate) type Locked<K> = RwLock<HashMap<K, u64, RandomState>>;

impl<K: Key> Map<K> for Locked<K> {
    const NAME: &'static str = "rwlock-hashmap";

    fn new() -> Self {
        RwLock::new(HashMap::with_hasher(RandomState::default()))
    }

    #[inline]
    fn insert(&self, key: K, value: u64) -> bool {
        self.write().unwrap_or_else(PoisonError::into_inner).insert(key, value).is_none()
    }

    #[inline]
    fn get(&self, key: &K) -> Option<u64> {
        self.read().unwrap_or_else(PoisonError::into_inner).get(key).copied()
    }

    #[inline]
    fn remove(&self, key: &K) -> bool {
        self.write().unwrap_or_else(PoisonError::into_inner).remove(key).is_some()
    }
}

/// No map: the cost of the measurement, and the noise of the machine.
pub(crate) struct Nothing;

impl<K: Key> Map<K> for Nothing {
    const NAME: &'static str = "(empty loop)";

    fn new() -> Self {
        Self
    }

    #[inline]
    fn insert(&self, key: K, value: u64) -> bool {
        black_box((key, value));
        true
    }

    fn get(&self, _key: &K) -> Option<u64> {
        None
    }

    fn remove(&self, _key: &K) -> bool {
        true
    }
}
