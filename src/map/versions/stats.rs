//! The memory and shape of snapshots.

use std::fmt;
use std::hash::{BuildHasher, Hash};

use crate::hash;
use crate::map::Snapshot;
use crate::map::mode::Place;
use crate::trie::{SHAPES, Tally};

impl<K, V, S, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// Memory and shape of the snapshot. O(n): walks over all of it.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::TrieMap<u32, u32> = (0..1_000).map(|i| (i, i)).collect();
    /// let stats = map.snapshot().stats();
    /// assert_eq!(stats.entries, 1_000);
    /// assert_eq!(stats.depths.iter().sum::<usize>(), 1_000);
    /// println!("{stats}");
    /// ```
    pub fn stats(&self) -> TrieStats {
        TrieStats::new(self.generation(), &self.tree().tally(), self.tree().generations())
    }
}

impl<K: Hash, V, S: BuildHasher, M: Place<K, V>> Snapshot<K, V, S, M> {
    /// The parts of this snapshot that another one does not share: the cost of keeping this one beside the other.
    /// O(changes · log n) for snapshots of one map and its forks, as for [`Self::diff`]. Snapshots of unrelated maps
    /// share nothing, so this is [`Self::stats`].
    ///
    /// For an old snapshot and a new one, this is the memory that the old one keeps alive, if it is the only old one.
    ///
    /// # Examples
    /// ```
    /// let map: snaptrie::TrieMap<u32, u32> = (0..100_000).map(|i| (i, i)).collect();
    /// let old = map.snapshot();
    /// map.pin().insert(7, 0);
    /// let held = old.stats_beyond(&map.snapshot());
    /// assert_eq!(held.entries, 1);
    /// assert!(held.bytes() < 10_000);
    /// ```
    pub fn stats_beyond(&self, other: &Self) -> TrieStats {
        let rehash = hash::of_each(self.hasher());
        let tally = self.tree().tally_beyond(other.tree(), &rehash);
        TrieStats::new(self.generation(), &tally, self.tree().generations())
    }
}

/// Memory and shape of a [`TrieMap`](crate::TrieMap), from [`TrieMap::stats`](crate::TrieMap::stats) or
/// [`Snapshot::stats`].
///
/// Bytes are those requested from the allocator, without memory that keys and values own elsewhere. Prints as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrieStats {
    /// Number of entries.
    pub entries: usize,
    /// Number of entries by the number of fans above them: the steps of a lookup.
    pub depths: Vec<usize>,
    /// The nodes, by the kinds that occur.
    pub nodes: Vec<NodeStats>,
    /// Bytes of the entries outside of the nodes.
    pub entry_bytes: usize,
    /// The [generation](Snapshot::generation) of these numbers.
    pub generation: u64,
    /// The generations of the map's live snapshots, newest first. Listing *s* of them is O(s · log s).
    pub snapshots: Vec<u64>,
}

/// The nodes of one kind, in [`TrieStats`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStats {
    /// The kind: fans lead to other nodes, leaves and collision nodes hold entries.
    pub kind: &'static str,
    /// Number of nodes.
    pub count: usize,
    /// Bytes of the nodes.
    pub bytes: usize,
    /// Room for children or entries.
    pub slots: usize,
    /// How much of that is used.
    pub used: usize,
}

/// By number of the shape.
const KINDS: [&str; SHAPES] = [
    "",
    "leaf of 1 bucket",
    "leaf of 2 buckets",
    "leaf of 3 buckets",
    "leaf of 4 buckets",
    "leaf of 6 buckets",
    "leaf of 8 buckets",
    "leaf of 12 buckets",
    "leaf of 16 buckets",
    "leaf of 24 buckets",
    "leaf of 32 buckets",
    "leaf of 48 buckets",
    "leaf of 64 buckets",
    "",
    "fan",
    "collision node",
];

impl TrieStats {
    fn new(generation: u64, tally: &Tally, snapshots: Vec<u64>) -> Self {
        let deepest = tally.depths.iter().rposition(|&entries| entries > 0);
        let nodes = KINDS.into_iter().zip(tally.nodes).filter(|(_, node)| node.count > 0);
        Self {
            entries: tally.depths.iter().sum(),
            depths: tally.depths[..deepest.map_or(0, |deepest| deepest + 1)].to_vec(),
            nodes: nodes
                .map(|(kind, node)| NodeStats {
                    kind,
                    count: node.count,
                    bytes: node.bytes,
                    slots: node.slots,
                    used: node.used,
                })
                .collect(),
            entry_bytes: tally.entry_bytes,
            generation,
            snapshots,
        }
    }

    /// Bytes of nodes and entries.
    pub fn bytes(&self) -> usize {
        self.entry_bytes + self.nodes.iter().map(|node| node.bytes).sum::<usize>()
    }
}

impl fmt::Display for TrieStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, generation, snapshots, .. } = self;
        writeln!(f, "{entries} entries, {} bytes, generation {generation}", self.bytes())?;
        writeln!(f, "{:<20} {:>10} {:>14} {:>6}", "", "count", "bytes", "full")?;
        for NodeStats { kind, count, bytes, slots, used } in &self.nodes {
            let full = (used * 100).checked_div(*slots).unwrap_or(0);
            writeln!(f, "{kind:<20} {count:>10} {bytes:>14} {full:>5}%")?;
        }
        writeln!(f, "{:<20} {entries:>10} {:>14}", "entries", self.entry_bytes)?;
        for (depth, entries) in self.depths.iter().enumerate().filter(|(_, entries)| **entries > 0)
        {
            writeln!(f, "below {depth:>2} fans        {entries:>10}")?;
        }
        write!(f, "{:<20} {:>10}", "snapshots alive", snapshots.len())
    }
}
