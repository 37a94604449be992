//! Instructions per operation, counted by callgrind: the same in every run, even on a noisy machine.
//!
//! Each map and phase runs in a separate process. The cost of the loop is counted with the map `none` and subtracted.

use crate::keys::Keys;
use crate::maps::{MapName, Peer, Visit};
use clap::ValueEnum;
use std::env;
use std::error::Error;
use std::fmt;
use std::hint::black_box;
use std::process::Command;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Phase {
    /// Lookups of keys that are present.
    Hit,
    /// Lookups of absent keys.
    Miss,
    /// New values for present keys.
    Overwrite,
    /// Removals of all keys.
    Remove,
    /// Insertions into an empty map, growth included.
    Insert,
    /// An insertion and a removal, at constant size.
    Churn,
    /// Lookups of keys that are present, in batches where the map has them.
    BatchHit,
    /// New values for present keys, in batches where the map has them.
    BatchOverwrite,
    /// New values for present keys, through a writer where the map has one.
    StreamOverwrite,
}

/// Keys in a batch.
const BATCH: usize = 64;

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.write_str(value.get_name())
    }
}

/// Callgrind counts only while this runs.
#[inline(never)]
fn counted(work: &mut dyn FnMut()) {
    work();
}

/// Does this many operations, which callgrind counts.
pub fn work(map: MapName, phase: Phase, size: usize) {
    let done = map.visit(Work { phase, size });
    assert!(
        map == MapName::None || done == size,
        "{done} of {size} operations did what they should"
    );
}

struct Work {
    phase: Phase,
    size: usize,
}

impl Visit for Work {
    /// How many operations had the expected result.
    type Output = usize;

    fn visit<M: Peer>(self) -> usize {
        let keys = Keys::new(1);
        let old = keys.present(self.size);
        let mut absent = old.clone();
        keys.absent(&mut absent, 0);
        let map = M::new();
        if self.phase != Phase::Insert {
            for &key in &old {
                map.insert(key, key);
            }
        }
        let size = self.size as u64;
        let mut done = 0;
        let mut count = |yes: bool| done += usize::from(black_box(yes));
        match self.phase {
            Phase::Hit => {
                counted(&mut || old.iter().for_each(|&key| count(map.get(key).is_some())));
            }
            Phase::Miss => {
                counted(&mut || absent.iter().for_each(|&key| count(map.get(key).is_none())));
            }
            Phase::Overwrite => {
                counted(&mut || old.iter().for_each(|&key| count(map.upsert(key, key >> 1))));
            }
            Phase::Remove => {
                counted(&mut || old.iter().for_each(|&key| count(map.remove(key))));
            }
            Phase::Insert => {
                counted(&mut || old.iter().for_each(|&key| count(map.insert(key, key))));
            }
            Phase::Churn => counted(&mut || {
                for (&old, &new) in old.iter().zip(&absent) {
                    let inserted = map.insert(new, new);
                    count(map.remove(old) && inserted);
                }
            }),
            Phase::BatchHit => {
                map.insert_many(&old, 1);
                let mut found = 0;
                counted(&mut || old.chunks(BATCH).for_each(|keys| found += map.get_many(keys)));
                old.iter().for_each(|_| count(found == size));
            }
            Phase::BatchOverwrite => {
                counted(&mut || old.chunks(BATCH).for_each(|keys| map.insert_many(keys, 1)));
                let found = map.get_many(&old);
                old.iter().for_each(|_| count(found == size));
            }
            Phase::StreamOverwrite => {
                counted(&mut || map.stream(&old, 1));
                let found = map.get_many(&old);
                old.iter().for_each(|_| count(found == size));
            }
        }
        done
    }
}

/// Counts each phase of each map, in separate processes. Returns a table in markdown.
///
/// # Errors
/// If valgrind cannot be started or does not say how much it counted.
pub fn table(maps: &[MapName], size: usize) -> Result<String, Box<dyn Error>> {
    let phases = Phase::value_variants();
    let mut table = "| |".to_owned();
    phases.iter().for_each(|phase| table += &format!(" {phase} |"));
    table += &format!("\n|---|{}\n", "---|".repeat(phases.len()));
    let loops = counts(MapName::None, size)?;
    for &map in maps {
        table += &format!("| {map} |");
        for (count, of_loop) in counts(map, size)?.into_iter().zip(&loops) {
            table += &format!(" {:.0} |", (count - of_loop) / size as f64);
        }
        table.push('\n');
    }
    Ok(table)
}

fn counts(map: MapName, size: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    Phase::value_variants().iter().map(|&phase| count(map, phase, size)).collect()
}

fn count(map: MapName, phase: Phase, size: usize) -> Result<f64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=peers::instructions::counted*")
        .arg(env::current_exe()?)
        .args(["instructions-one", "--map", &map.to_string()])
        .args(["--phase", &phase.to_string(), "--size", &size.to_string()])
        .output()
        .map_err(|error| format!("cannot start valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected =
        said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok());
    let collected = collected.filter(|&count| output.status.success() && count > 0.0);
    collected.ok_or_else(|| format!("no count of {phase} of {map}:\n{said}").into())
}
