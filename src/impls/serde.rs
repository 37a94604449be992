//! The feature `serde`: maps as maps, sets as sequences.
//!
//! Some formats write the length first, and it must be right. That of a snapshot is exact. For a flat map, the entries
//! of one iteration are collected and counted.

use crate::plain::Plain;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use serde_core::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_core::ser::{Serialize, Serializer};

use crate::mode::Place;
use crate::{
    CopyFlatMap, CopyFlatSet, CopyTrieMap, CopyTrieSet, FlatMap, FlatSet, SetSnapshot, Snapshot,
    TrieMap, TrieSet,
};

/// Writes the entries, as a map.
impl<K: Serialize, V: Serialize, S, M: Place<K, V>> Serialize for Snapshot<K, V, S, M> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_map(self)
    }
}

macro_rules! write_version {
    ($Map:ident $(, $bound:ident)?) => {
        /// Writes the entries of one instant, as a map; other threads may write meanwhile.
        impl<K: Serialize $(+ $bound)?, V: Serialize $(+ $bound)?, S> Serialize for $Map<K, V, S> {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                self.content().serialize(serializer)
            }
        }
    };
}

macro_rules! write_iteration {
    ($Map:ident $(, $bound:ident)?) => {
        /// Writes the entries of one iteration, as a map: weakly consistent, like every iteration. The length is that
        /// of the iteration.
        impl<K: Serialize $(+ $bound)?, V: Serialize $(+ $bound)?, S> Serialize for $Map<K, V, S> {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let pinned = self.pin();
                let seen: Vec<_> = pinned.iter().collect();
                serializer.collect_map(seen)
            }
        }
    };
}

write_version!(TrieMap);
write_version!(CopyTrieMap, Plain);
write_iteration!(FlatMap);
write_iteration!(CopyFlatMap, Plain);

/// Writes the elements, as a sequence.
impl<K: Serialize, S, M: Place<K, ()>> Serialize for SetSnapshot<K, S, M> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_seq(self)
    }
}

macro_rules! write_set_version {
    ($Set:ident $(, $bound:ident)?) => {
        /// Writes the elements of one instant, as a sequence; other threads may write meanwhile.
        impl<K: Serialize $(+ $bound)?, S> Serialize for $Set<K, S> {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                serializer.collect_seq(self.as_map().content().keys())
            }
        }
    };
}

macro_rules! write_set_iteration {
    ($Set:ident $(, $bound:ident)?) => {
        /// Writes the elements of one iteration, as a sequence. The length is that of the iteration.
        impl<K: Serialize $(+ $bound)?, S> Serialize for $Set<K, S> {
            fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let pinned = self.pin();
                let seen: Vec<_> = pinned.iter().collect();
                serializer.collect_seq(seen)
            }
        }
    };
}

write_set_version!(TrieSet);
write_set_version!(CopyTrieSet, Plain);
write_set_iteration!(FlatSet);
write_set_iteration!(CopyFlatSet, Plain);

/// The most memory that is allocated because of a length in the input.
const BELIEVED_BYTES: usize = 1 << 20;

/// The items of an input until its end, or until an error, which is stored.
struct Input<T, E, F> {
    next: F,
    expected: usize,
    error: Option<E>,
    _yields: PhantomData<T>,
}

impl<T, E, F: FnMut() -> Result<Option<T>, E>> Input<T, E, F> {
    fn new(expected: Option<usize>, next: F) -> Self {
        let most = BELIEVED_BYTES / size_of::<T>().max(1);
        Self { next, expected: expected.unwrap_or(0).min(most), error: None, _yields: PhantomData }
    }

    /// The finished collection, if there was no error.
    fn end<M>(self, made: M) -> Result<M, E> {
        self.error.map_or(Ok(made), Err)
    }
}

impl<T, E, F: FnMut() -> Result<Option<T>, E>> Iterator for Input<T, E, F> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.error.is_some() {
            return None;
        }
        (self.next)().unwrap_or_else(|error| {
            self.error = Some(error);
            None
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.expected, None)
    }
}

/// Makes a collection from a map or sequence in the input.
struct Collect<C>(PhantomData<C>);

macro_rules! map {
    ($Map:ident $(, $bound:ident)?) => {
        impl<'de, K, V, S> Visitor<'de> for Collect<$Map<K, V, S>>
        where
            K: Deserialize<'de> + Hash + Eq $(+ $bound)?,
            V: Deserialize<'de> $(+ $bound)?,
            S: BuildHasher + Default,
        {
            type Value = $Map<K, V, S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut input = Input::new(access.size_hint(), || access.next_entry());
                let map = input.by_ref().collect::<Self::Value>();
                input.end(map)
            }
        }

        /// Reads a map. Of entries with equal keys, the last one stays.
        impl<'de, K, V, S> Deserialize<'de> for $Map<K, V, S>
        where
            K: Deserialize<'de> + Hash + Eq $(+ $bound)?,
            V: Deserialize<'de> $(+ $bound)?,
            S: BuildHasher + Default,
        {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map(Collect::<Self>(PhantomData))
            }
        }
    };
}

macro_rules! set {
    ($Set:ident $(, $bound:ident)?) => {
        impl<'de, K, S> Visitor<'de> for Collect<$Set<K, S>>
        where
            K: Deserialize<'de> + Hash + Eq $(+ $bound)?,
            S: BuildHasher + Default,
        {
            type Value = $Set<K, S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a sequence")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut input = Input::new(access.size_hint(), || access.next_element());
                let set = input.by_ref().collect::<Self::Value>();
                input.end(set)
            }
        }

        /// Reads a sequence. Of equal elements, the first one stays.
        impl<'de, K, S> Deserialize<'de> for $Set<K, S>
        where
            K: Deserialize<'de> + Hash + Eq $(+ $bound)?,
            S: BuildHasher + Default,
        {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_seq(Collect::<Self>(PhantomData))
            }
        }
    };
}

map!(TrieMap);
map!(FlatMap);
map!(CopyTrieMap, Plain);
map!(CopyFlatMap, Plain);
set!(TrieSet);
set!(FlatSet);
set!(CopyTrieSet, Plain);
set!(CopyFlatSet, Plain);
