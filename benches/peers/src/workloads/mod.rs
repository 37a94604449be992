//! The workloads. Each takes a [`Job`], fills a fresh map and returns one [`Record`] a phase.
//!
//! What they share: the keys are built before the map, and their buffers live until the process ends, so
//! that freeing them does not tune the allocator for the map; each result is checked by an assertion or a
//! sum, so that no map can be fast by being wrong.

mod churn;
mod fill;
mod latency;
mod memory;
mod mix;
#[cfg(feature = "snaptrie")]
mod snapshot;

use crate::keys::Keys;
use crate::maps::{MapName, Peer, Visit};
use crate::record::Record;
use clap::ValueEnum;
use std::env;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// The name of a workload on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// Insert from empty, look up present and absent keys, overwrite, remove all.
    Fill,
    /// A full map in which every insert is matched by a remove.
    Churn,
    /// Half reads, a quarter inserts, a quarter removes, on shared keys.
    Mix,
    /// Bytes per entry, full and emptied.
    Memory,
    /// The distribution of single inserts.
    Latency,
    /// What snapshots cost, and what they make the next write cost.
    #[cfg(feature = "snaptrie")]
    Snapshot,
}

impl Workload {
    /// Whether this workload says something about `map`.
    pub fn suits(self, map: MapName) -> bool {
        match self {
            Self::Fill | Self::Churn | Self::Mix | Self::Memory => map != MapName::None,
            Self::Latency => true,
            #[cfg(feature = "snaptrie")]
            Self::Snapshot => map == MapName::Snaptrie,
        }
    }

    /// Whether this workload uses more than one thread.
    pub fn is_parallel(self) -> bool {
        matches!(self, Self::Fill | Self::Churn | Self::Mix)
    }

    /// The binary that measures this: `peers`, or `peers-memory` beside it.
    ///
    /// # Errors
    ///
    /// The system does not tell where the running binary lies.
    pub fn program(self) -> io::Result<PathBuf> {
        let name = match self {
            Self::Memory => "peers-memory",
            _ => "peers",
        };
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
}

impl Job {
    /// Does the job.
    pub fn run(self) -> Vec<Record> {
        match self.workload {
            #[cfg(feature = "snaptrie")]
            Workload::Snapshot => snapshot::run(&self),
            _ => self.map.visit(Run(self)),
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
            Workload::Mix => mix::run::<M>(job),
            Workload::Memory => memory::run::<M>(job),
            Workload::Latency => latency::run::<M>(job),
            #[cfg(feature = "snaptrie")]
            Workload::Snapshot => unreachable!("needs more than a `Peer`"),
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
                let size = 1000;
                let job = Job { map, workload, threads, size, keys };
                if workload.suits(map) {
                    assert!(!job.run().is_empty());
                }
            }
        }
    }
}
