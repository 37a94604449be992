//! The workloads. Each takes a [`Job`], fills a fresh map and returns one [`Record`] a phase.
//!
//! All of them build the keys before the map, and keep their buffers until the process ends, so that freeing them does
//! not tune the allocator for the map. Each result is checked by an assertion or a sum, so that no map can be fast by
//! being wrong.

mod batch;
mod bustle;
mod churn;
mod fill;
mod garbage;
mod hot;
mod latency;
mod memory;
mod mix;
mod scan;
mod snapshot;
mod stream;
mod strings;

use crate::keys::Keys;
use crate::maps::{Frozen, MapName, Peer, Visit, VisitFrozen};
use crate::record::Record;
use clap::ValueEnum;
use std::env;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The name of a workload on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Insert from empty, look up present and absent keys, overwrite, remove all.
    Fill,
    /// A full map in which every insert is matched by a remove.
    Churn,
    /// Few keys that all threads overwrite.
    Hot,
    /// A map of constant size, with 100, 95, 50 and 5 percent reads of uniformly drawn keys.
    Mix,
    /// The same with few keys that are used often.
    Zipf,
    /// One by one against 64 at a time.
    Batch,
    /// Many writes in a row, and a map of all entries at once.
    Stream,
    /// Reading all entries.
    Scan,
    /// conc-map-bench: 98 % reads.
    ReadHeavy,
    /// conc-map-bench: as many inserts as removes.
    Exchange,
    /// conc-map-bench: 80 % inserts.
    RapidGrow,
    /// bustle: 94 % reads.
    BustleReadHeavy,
    /// bustle: 80 % inserts.
    BustleInsertHeavy,
    /// bustle: 50 % updates.
    BustleUpdateHeavy,
    /// bustle: all operations alike.
    BustleUniform,
    /// Bytes per entry, full and emptied.
    Memory,
    /// The distribution of single inserts.
    Latency,
    /// The same, in memory that was used before.
    LatencyWarm,
    /// The same, of keys in order.
    Vroom,
    /// The cost of snapshots and of the next write.
    Snapshot,
    /// Writes while snapshots are taken.
    SnapshotLoad,
    /// Insertions while snapshots are taken.
    SnapshotInsert,
    /// Bytes that a snapshot holds.
    SnapshotMemory,
    /// Bytes of overwritten values that are not freed yet, writing without a pause.
    Garbage,
    /// The same, writing in bursts.
    GarbageBursts,
    /// The same, with other work after each write.
    GarbageWork,
    /// `String -> u64`: insert from empty, and hits.
    Strings,
}

impl Workload {
    /// Whether this workload applies to `map`.
    pub fn suits(self, map: MapName) -> bool {
        match self {
            Self::Latency | Self::LatencyWarm | Self::Vroom => true,
            Self::Snapshot | Self::SnapshotLoad | Self::SnapshotInsert | Self::SnapshotMemory => {
                map.has_snapshots()
            }
            Self::Strings => strings::suits(map),
            _ if self.is_garbage() => garbage::suits(map),
            _ => map != MapName::None,
        }
    }

    /// Whether this workload uses more than one thread.
    pub fn is_parallel(self) -> bool {
        !matches!(self, Self::Memory | Self::Vroom | Self::Snapshot | Self::SnapshotMemory)
    }

    /// Whether this needs the allocator that counts.
    pub fn counts_bytes(self) -> bool {
        matches!(self, Self::Memory | Self::SnapshotMemory) || self.is_garbage()
    }

    /// Whether this measures garbage.
    fn is_garbage(self) -> bool {
        matches!(self, Self::Garbage | Self::GarbageBursts | Self::GarbageWork)
    }

    /// Variables of the environment that the measuring process needs from its start.
    pub fn environment(self) -> &'static [(&'static str, &'static str)] {
        if self == Self::LatencyWarm { latency::KEEP_MEMORY } else { &[] }
    }

    /// The binary that measures this: `peers`, or `peers-memory` beside it.
    ///
    /// # Errors
    ///
    /// The system does not tell where the running binary lies.
    pub fn program(self) -> io::Result<PathBuf> {
        let name = if self.counts_bytes() { "peers-memory" } else { "peers" };
        let program = env::current_exe()?.with_file_name(name);
        Ok(program.with_extension(env::consts::EXE_EXTENSION))
    }
}

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.write_str(value.get_name())
    }
}

/// One map in one workload.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The map.
    pub map: MapName,
    /// The workload.
    pub workload: Workload,
    /// Threads that work at once.
    pub threads: usize,
    /// Entries.
    pub size: usize,
    /// The keys.
    pub keys: Keys,
    /// How long `garbage` writes.
    pub time: Duration,
}

impl Job {
    /// Does the job.
    pub fn run(self) -> Vec<Record> {
        match self.workload {
            Workload::Strings => strings::run(&self),
            workload if workload.is_garbage() => garbage::run(&self),
            _ => {
                let frozen = self.map.visit_frozen(Run(self)).flatten();
                frozen.unwrap_or_else(|| self.map.visit(Run(self)))
            }
        }
    }

    /// An empty record of this job.
    fn record(&self, phase: &str, ops: usize) -> Record {
        Record {
            map: self.map.to_string(),
            workload: self.workload.to_string(),
            phase: phase.into(),
            threads: self.threads,
            size: self.size,
            ops: ops as u64,
            ns_total: 0,
            extra: Vec::new(),
        }
    }
}

struct Run(Job);

impl Visit for Run {
    type Output = Vec<Record>;

    fn visit<M: Peer>(self) -> Vec<Record> {
        let job = &self.0;
        match job.workload {
            Workload::Fill => fill::run::<M>(job),
            Workload::Churn => churn::run::<M>(job),
            Workload::Hot => hot::run::<M>(job),
            Workload::Mix => mix::run::<M>(job),
            Workload::Zipf => mix::run_zipf::<M>(job),
            Workload::Batch => batch::run::<M>(job),
            Workload::Stream => stream::run::<M>(job),
            Workload::Scan => scan::run::<M>(job),
            Workload::ReadHeavy => bustle::run::<M>(job, bustle::READ_HEAVY),
            Workload::Exchange => bustle::run::<M>(job, bustle::EXCHANGE),
            Workload::RapidGrow => bustle::run::<M>(job, bustle::RAPID_GROW),
            Workload::BustleReadHeavy => bustle::run::<M>(job, bustle::BUSTLE_READ_HEAVY),
            Workload::BustleInsertHeavy => bustle::run::<M>(job, bustle::BUSTLE_INSERT_HEAVY),
            Workload::BustleUpdateHeavy => bustle::run::<M>(job, bustle::BUSTLE_UPDATE_HEAVY),
            Workload::BustleUniform => bustle::run::<M>(job, bustle::BUSTLE_UNIFORM),
            Workload::Memory => memory::run::<M>(job),
            Workload::Latency => latency::run::<M>(job),
            Workload::LatencyWarm => latency::run_warm::<M>(job),
            Workload::Vroom => latency::run_in_order::<M>(job),
            Workload::Snapshot
            | Workload::SnapshotLoad
            | Workload::SnapshotInsert
            | Workload::SnapshotMemory => unreachable!("needs more than a `Peer`"),
            Workload::Strings => unreachable!("needs other keys"),
            Workload::Garbage | Workload::GarbageBursts | Workload::GarbageWork => {
                unreachable!("needs other values")
            }
        }
    }
}

impl VisitFrozen for Run {
    /// Nothing, if the workload does not need snapshots.
    type Output = Option<Vec<Record>>;

    fn visit<M: Frozen>(self) -> Option<Vec<Record>> {
        let job = &self.0;
        match job.workload {
            Workload::Snapshot => Some(snapshot::costs::<M>(job)),
            Workload::SnapshotLoad => Some(snapshot::load::<M>(job)),
            Workload::SnapshotInsert => Some(snapshot::insert::<M>(job)),
            Workload::SnapshotMemory => Some(snapshot::memory::<M>(job)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_map_runs_every_workload_it_suits() {
        for &workload in Workload::value_variants() {
            for &map in MapName::value_variants() {
                let threads = if workload.is_parallel() { 3 } else { 1 };
                let keys = Keys::new(1);
                let (size, time) = (1000, Duration::from_millis(5));
                let job = Job { map, workload, threads, size, keys, time };
                if workload.suits(map) {
                    assert!(!job.run().is_empty());
                }
            }
        }
    }
}
