//! Benchmarks of concurrent hash maps, `u64 -> u64`, against each other.
//!
//! One process measures one map in one workload ([`workloads`]), so no map inherits the heap or threads of another. A
//! suite ([`suite`]) starts such processes in turn and collects their lines ([`record`]). A table ([`table`]) condenses
//! them, and pictures ([`plot`]) show them. [`bigrams`] measures a job instead of single operations, and
//! [`instructions`] are counted, not timed. [`maps`] has one small adapter per map. The package's README states the
//! rules that make the numbers comparable.

pub mod bigrams;
pub mod cli;
pub mod count;
pub mod header;
pub mod instructions;
pub mod keys;
pub mod maps;
pub mod plot;
pub mod record;
pub mod suite;
pub mod table;
pub mod team;
pub mod workloads;
