//! The maps under test: one trait, one small adapter per map, and the mapping from names to types.
//!
//! Rules for an adapter: use the map as its documentation recommends, pin or lock **once per operation** or once per
//! batch, start empty, without a capacity unless one is requested, and hash with [`Hasher`].

mod contrie;
mod dashmap;
mod evmap;
mod flurry;
mod griddle;
mod hashbrown;
mod imbl_swap;
mod kovan_hopscotch;
mod kovan_map;
mod leapfrog;
mod locked;
mod none;
mod papaya;
mod scc_index;
mod scc_map;
#[cfg(feature = "snaptrie")]
mod snaptrie;
mod std_mutex;
mod std_rwlock;

pub use self::contrie::Contrie;
pub use self::dashmap::Dashmap;
pub use self::evmap::Evmap;
pub use self::flurry::Flurry;
pub use self::griddle::Griddle;
pub use self::hashbrown::Hashbrown;
pub use self::imbl_swap::ImblSwap;
pub use self::kovan_hopscotch::KovanHopscotch;
pub use self::kovan_map::KovanMap;
pub use self::leapfrog::Leapfrog;
pub use self::none::Nothing;
pub use self::papaya::Papaya;
pub use self::scc_index::SccIndex;
pub use self::scc_map::SccMap;
pub(crate) use self::scc_map::advance as advance_scc;
#[cfg(feature = "snaptrie")]
pub use self::snaptrie::{Flat, FlatInline, Inline, Snaptrie};
pub use self::std_mutex::StdMutex;
pub use self::std_rwlock::StdRwlock;

use crate::keys::share;
use crate::team;
use clap::ValueEnum;
use std::fmt;

/// The hasher of every map.
pub type Hasher = foldhash::fast::RandomState;

/// A concurrent map, `u64 -> u64`.
pub trait Peer: Sync + Sized {
    /// An empty map, not pre-sized.
    fn new() -> Self;

    /// An empty map with room for this many entries, if the map supports that.
    fn sized(_entries: usize) -> Self {
        Self::new()
    }

    /// Inserts a key that the caller knows to be absent; returns whether it was.
    fn insert(&self, key: u64, value: u64) -> bool;

    /// The value of `key`.
    fn get(&self, key: u64) -> Option<u64>;

    /// Sets the value of `key`, present or not; returns whether it replaced one.
    fn upsert(&self, key: u64, value: u64) -> bool;

    /// Sets the value of `key` if it is present; returns whether it was.
    fn update(&self, key: u64, value: u64) -> bool;

    /// Removes `key`; returns whether it was there.
    fn remove(&self, key: u64) -> bool;

    /// The sum of the values of `keys`, with one pin, guard or lock for all where the map offers that.
    fn get_many(&self, keys: &[u64]) -> u64 {
        sum(keys.iter().map(|&key| self.get(key)))
    }

    /// Sets the value of all `keys`, with one pin, guard or lock for all where the map offers that.
    fn insert_many(&self, keys: &[u64], value: u64) {
        for &key in keys {
            self.upsert(key, value);
        }
    }

    /// Sets the value of all `keys`, through a writer where the map has one.
    fn stream(&self, keys: &[u64], value: u64) {
        self.insert_many(keys, value);
    }

    /// A map of all `keys` with this value, built as a whole by this many threads if the map supports that.
    fn build(keys: &[u64], value: u64, threads: usize) -> Self {
        let map = Self::new();
        team::run(threads, |thread, clock| {
            let mine = share(keys.len(), threads, thread);
            clock.phase(|| map.insert_many(&keys[mine], value));
        });
        map
    }

    /// Reads all entries.
    fn scan(&self) -> Sum;

    /// Asks the reclamation to free what the calling thread removed, where the map offers that.
    fn settle(&self) {}
}

/// A map that can return its content at one instant (or, for `dashmap`, the closest to it).
pub trait Frozen: Peer {
    /// The content.
    type Snapshot: Send + Sync;

    /// Takes a snapshot.
    fn snapshot(&self) -> Self::Snapshot;

    /// Reads all its entries.
    fn scan_snapshot(snapshot: &Self::Snapshot) -> Sum;
}

/// What a scan saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Entries.
    pub entries: u64,
    /// The sum of their values, wrapped.
    pub values: u64,
}

impl Sum {
    /// Reads all values.
    pub fn of(values: impl Iterator<Item = u64>) -> Self {
        let mut sum = Self::default();
        values.for_each(|value| sum.add(value));
        sum
    }

    /// One more value.
    #[inline]
    pub fn add(&mut self, value: u64) {
        self.entries += 1;
        self.values = self.values.wrapping_add(value);
    }
}

/// The wrapped sum of the values that were found.
#[inline]
fn sum(found: impl Iterator<Item = Option<u64>>) -> u64 {
    found.flatten().fold(0, u64::wrapping_add)
}

/// The name of a map on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MapName {
    /// This repository's trie.
    #[cfg(feature = "snaptrie")]
    Snaptrie,
    /// This repository's trie, with its entries in the nodes.
    #[cfg(feature = "snaptrie")]
    Inline,
    /// This repository's flat table.
    #[cfg(feature = "snaptrie")]
    Flat,
    /// This repository's flat table, with its entries in the lines.
    #[cfg(feature = "snaptrie")]
    FlatInline,
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
    /// `kovan_map::HashMap`: lock-free chains.
    KovanMap,
    /// `kovan_map::HopscotchMap`: open addressing over boxed entries.
    KovanHopscotch,
    /// `evmap`: two copies, the writer's and the readers'.
    Evmap,
    /// `imbl::HashMap` behind `ArcSwap`: a persistent map.
    ImblSwap,
    /// `std::sync::RwLock<std::collections::HashMap>`.
    StdRwlock,
    /// `std::sync::Mutex<std::collections::HashMap>`.
    StdMutex,
    /// `std::sync::RwLock<hashbrown::HashMap>`.
    Hashbrown,
    /// `std::sync::RwLock<griddle::HashMap>`: grows a little at a time.
    Griddle,
    /// No map: the cost of measuring a latency.
    None,
}

impl fmt::Display for MapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.write_str(value.get_name())
    }
}

/// An operation on any map.
pub trait Visit {
    /// Its result.
    type Output;

    /// Runs it with `M`.
    fn visit<M: Peer>(self) -> Self::Output;
}

/// An operation on any map with snapshots.
pub trait VisitFrozen {
    /// Its result.
    type Output;

    /// Runs it with `M`.
    fn visit<M: Frozen>(self) -> Self::Output;
}

impl MapName {
    /// Calls `visitor` with the type of this name, if it has snapshots.
    pub fn visit_frozen<V: VisitFrozen>(self, visitor: V) -> Option<V::Output> {
        match self {
            #[cfg(feature = "snaptrie")]
            Self::Snaptrie => Some(visitor.visit::<Snaptrie>()),
            #[cfg(feature = "snaptrie")]
            Self::Inline => Some(visitor.visit::<Inline>()),
            Self::Dashmap => Some(visitor.visit::<Dashmap>()),
            Self::ImblSwap => Some(visitor.visit::<ImblSwap>()),
            Self::StdRwlock => Some(visitor.visit::<StdRwlock>()),
            _ => None,
        }
    }

    /// Whether [`MapName::visit_frozen`] calls anything.
    pub fn has_snapshots(self) -> bool {
        struct Nothing;
        impl VisitFrozen for Nothing {
            type Output = ();
            fn visit<M: Frozen>(self) {}
        }
        self.visit_frozen(Nothing).is_some()
    }

    /// Calls `visitor` with the type of this name.
    pub fn visit<V: Visit>(self, visitor: V) -> V::Output {
        match self {
            #[cfg(feature = "snaptrie")]
            Self::Snaptrie => visitor.visit::<Snaptrie>(),
            #[cfg(feature = "snaptrie")]
            Self::Inline => visitor.visit::<Inline>(),
            #[cfg(feature = "snaptrie")]
            Self::Flat => visitor.visit::<Flat>(),
            #[cfg(feature = "snaptrie")]
            Self::FlatInline => visitor.visit::<FlatInline>(),
            Self::Dashmap => visitor.visit::<Dashmap>(),
            Self::Papaya => visitor.visit::<Papaya>(),
            Self::SccMap => visitor.visit::<SccMap>(),
            Self::SccIndex => visitor.visit::<SccIndex>(),
            Self::Flurry => visitor.visit::<Flurry>(),
            Self::Contrie => visitor.visit::<Contrie>(),
            Self::Leapfrog => visitor.visit::<Leapfrog>(),
            Self::KovanMap => visitor.visit::<KovanMap>(),
            Self::KovanHopscotch => visitor.visit::<KovanHopscotch>(),
            Self::Evmap => visitor.visit::<Evmap>(),
            Self::ImblSwap => visitor.visit::<ImblSwap>(),
            Self::StdRwlock => visitor.visit::<StdRwlock>(),
            Self::StdMutex => visitor.visit::<StdMutex>(),
            Self::Hashbrown => visitor.visit::<Hashbrown>(),
            Self::Griddle => visitor.visit::<Griddle>(),
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
            assert!(map.update(2, 21));
            assert!(!map.update(1, 10));
            assert_eq!((map.get(1), map.get(2)), (None, Some(21)));
            map.insert_many(&[2, 3, 4], 5);
            assert_eq!(map.get_many(&[1, 2, 3, 4]), 15);
            assert_eq!(map.scan(), Sum { entries: 3, values: 15 });
            map.settle();
            assert!(M::sized(100).insert(1, 10));
        }
    }

    impl VisitFrozen for Check {
        type Output = ();

        fn visit<M: Frozen>(self) {
            let map = M::new();
            map.insert_many(&[1, 2], 5);
            let snapshot = map.snapshot();
            map.insert_many(&[2, 3], 6);
            assert_eq!(M::scan_snapshot(&snapshot), Sum { entries: 2, values: 10 });
        }
    }

    #[test]
    fn every_snapshot_is_frozen() {
        let names = MapName::value_variants().iter();
        let frozen = names.filter_map(|name| name.visit_frozen(Check));
        assert!(frozen.count() >= 3);
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
