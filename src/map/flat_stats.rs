//! The memory and shape of flat maps.

use std::fmt;

use crate::flat::FlatTally;

/// Memory and shape of a [`FlatMap`](crate::FlatMap), from [`FlatMap::stats`](crate::FlatMap::stats).
///
/// Bytes are those requested from the allocator, without memory that keys and values own elsewhere. Prints as a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlatStats {
    /// Number of entries.
    pub entries: usize,
    /// Number of entries before the table grows.
    pub capacity: usize,
    /// Words of the directory, each of which leads to a leaf. During a move, of the next directory.
    pub words: usize,
    /// Leaves, which hold the entries.
    pub leaves: usize,
    /// Slots in the leaves.
    pub slots: usize,
    /// Fans of leaves, made where too many hashes begin with the same bits.
    pub fans: usize,
    /// Collision nodes, each with the entries of one hash.
    pub collision_nodes: usize,
    /// Progress of the move to another directory, if one is under way.
    pub moving: Option<MoveStats>,
    /// Bytes of directories, leaves and other nodes.
    pub table_bytes: usize,
    /// Bytes of the entries outside of the leaves.
    pub entry_bytes: usize,
}

/// Progress of a [`FlatMap`](crate::FlatMap)'s move to another directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MoveStats {
    /// Words whose entries have moved.
    pub moved: usize,
    /// Words of the old directory.
    pub words: usize,
}

impl FlatStats {
    pub(super) fn new(entries: usize, entry_bytes: usize, tally: &FlatTally) -> Self {
        Self {
            entries,
            capacity: tally.capacity,
            words: tally.words,
            leaves: tally.leaves,
            slots: tally.slots,
            fans: tally.fans,
            collision_nodes: tally.collisions,
            moving: tally.moving.map(|(moved, words)| MoveStats { moved, words }),
            table_bytes: tally.table_bytes,
            entry_bytes: entries * entry_bytes,
        }
    }

    /// Entries per slot of the leaves.
    pub fn load(&self) -> f64 {
        if self.slots == 0 { 0.0 } else { self.entries as f64 / self.slots as f64 }
    }

    /// Bytes of table and entries.
    pub fn bytes(&self) -> usize {
        self.table_bytes + self.entry_bytes
    }
}

impl fmt::Display for FlatStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, slots, .. } = self;
        writeln!(f, "{entries} entries, {} bytes", self.bytes())?;
        let mut line = |name: &str, value: usize| writeln!(f, "{name:<20} {value:>14}");
        line("capacity", self.capacity)?;
        line("words", self.words)?;
        line("leaves", self.leaves)?;
        line("slots", *slots)?;
        line("fans", self.fans)?;
        line("collision nodes", self.collision_nodes)?;
        line("bytes of the table", self.table_bytes)?;
        line("bytes of entries", self.entry_bytes)?;
        if let Some(MoveStats { moved, words }) = self.moving {
            writeln!(f, "{:<20} {:>13}%", "moved", percent(moved, words))?;
        }
        write!(f, "{:<20} {:>13}%", "load", percent(*entries, *slots))
    }
}

fn percent(part: usize, whole: usize) -> usize {
    (part * 100).checked_div(whole).unwrap_or(0)
}
