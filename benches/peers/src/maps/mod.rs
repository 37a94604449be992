//! The maps under test: one trait, one small adapter a map, and the way from a name to a type.
//!
//! Rules for an adapter: use the map as its documentation recommends, pin or lock **once per operation**,
//! start empty without a capacity, and hash with [`Hasher`].

mod contrie;
mod dashmap;
mod flurry;
mod leapfrog;
mod none;
mod papaya;
mod scc_index;
mod scc_map;
#[cfg(feature = "snaptrie")]
mod snaptrie;
mod std_rwlock;

pub use self::contrie::Contrie;
pub use self::dashmap::Dashmap;
pub use self::flurry::Flurry;
pub use self::leapfrog::Leapfrog;
pub use self::none::Nothing;
pub use self::papaya::Papaya;
pub use self::scc_index::SccIndex;
pub use self::scc_map::SccMap;
#[cfg(feature = "snaptrie")]
pub use self::snaptrie::Snaptrie;
pub use self::std_rwlock::StdRwlock;

use clap::ValueEnum;
use std::fmt;

/// The hasher of every map.
pub type Hasher = foldhash::fast::RandomState;

/// A concurrent map, `u64 -> u64`.
pub trait Peer: Sync {
    /// An empty map, not pre-sized.
    fn new() -> Self;

    /// Inserts a key that the caller knows to be absent; returns whether it was.
    fn insert(&self, key: u64, value: u64) -> bool;

    /// The value of `key`.
    fn get(&self, key: u64) -> Option<u64>;

    /// Sets the value of `key`, present or not; returns whether it replaced one.
    fn upsert(&self, key: u64, value: u64) -> bool;

    /// Removes `key`; returns whether it was there.
    fn remove(&self, key: u64) -> bool;

    /// Asks the reclamation to free what the calling thread removed, where the map offers that.
    fn settle(&self) {}
}

/// The name of a map on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MapName {
    /// This repository's trie.
    #[cfg(feature = "snaptrie")]
    Snaptrie,
    /// `dashmap::DashMap`: locked shards.
    Dashmap,
    /// `papaya::HashMap`: open addressing over boxed entries.
    Papaya,
    /// `scc::HashMap`: locked buckets.
    SccMap,
    /// `scc::HashIndex`: locked buckets, lock-free reads.
    SccIndex,
    /// `flurry::HashMap`: a port of Java's `ConcurrentHashMap`.
    Flurry,
    /// `contrie::ConMap`: a trie of boxed entries.
    Contrie,
    /// `leapfrog::LeapMap`: open addressing over atomic values.
    Leapfrog,
    /// `std::sync::RwLock<std::collections::HashMap>`.
    StdRwlock,
    /// No map: what the measurement of a latency costs by itself.
    None,
}

impl fmt::Display for MapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.write_str(value.get_name())
    }
}

/// Something to do with a map, whichever it is.
pub trait Visit {
    /// What comes of it.
    type Output;

    /// Does it with `M`.
    fn visit<M: Peer>(self) -> Self::Output;
}

impl MapName {
    /// Calls `visitor` with the type of this name.
    pub fn visit<V: Visit>(self, visitor: V) -> V::Output {
        match self {
            #[cfg(feature = "snaptrie")]
            Self::Snaptrie => visitor.visit::<Snaptrie>(),
            Self::Dashmap => visitor.visit::<Dashmap>(),
            Self::Papaya => visitor.visit::<Papaya>(),
            Self::SccMap => visitor.visit::<SccMap>(),
            Self::SccIndex => visitor.visit::<SccIndex>(),
            Self::Flurry => visitor.visit::<Flurry>(),
            Self::Contrie => visitor.visit::<Contrie>(),
            Self::Leapfrog => visitor.visit::<Leapfrog>(),
            Self::StdRwlock => visitor.visit::<StdRwlock>(),
            Self::None => visitor.visit::<Nothing>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Check;

    impl Visit for Check {
        type Output = ();

        fn visit<M: Peer>(self) {
            let map = M::new();
            assert_eq!(map.get(1), None);
            assert!(map.insert(1, 10));
            assert_eq!(map.get(1), Some(10));
            assert!(map.upsert(1, 11));
            assert!(!map.upsert(2, 20));
            assert_eq!((map.get(1), map.get(2)), (Some(11), Some(20)));
            assert!(map.remove(1));
            assert!(!map.remove(1));
            assert_eq!((map.get(1), map.get(2)), (None, Some(20)));
            map.settle();
        }
    }

    #[test]
    fn every_adapter_is_a_map() {
        for name in MapName::value_variants() {
            if *name != MapName::None {
                name.visit(Check);
            }
        }
    }
}
