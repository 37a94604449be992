//! A suite: one fresh process for each measurement, the maps in turn, all raw lines in one file.
//! It measures nothing itself.

use crate::header;
use crate::keys::Keys;
use crate::maps::MapName;
use crate::workloads::Workload;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running process is looked after: seldom, because the look costs the process a core.
const POLL: Duration = Duration::from_millis(50);

/// What to measure.
#[derive(Debug)]
pub struct Suite {
    /// Maps, measured in turn in an order that changes with every repetition.
    pub maps: Vec<MapName>,
    /// Workloads.
    pub workloads: Vec<Workload>,
    /// Thread counts, for the workloads that use threads.
    pub threads: Vec<usize>,
    /// Sizes.
    pub sizes: Vec<usize>,
    /// Repetitions of everything.
    pub reps: usize,
    /// When to give up on one process.
    pub timeout: Duration,
}

/// One process of a suite.
#[derive(Clone, Copy, Debug)]
struct Step {
    rep: usize,
    workload: Workload,
    threads: usize,
    size: usize,
    map: MapName,
}

impl Suite {
    /// All processes, in the order in which they run.
    fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for rep in 1..=self.reps {
            for &workload in &self.workloads {
                let threads = if workload.is_parallel() { &self.threads[..] } else { &[1] };
                for &threads in threads {
                    for &size in &self.sizes {
                        let mut maps = self.maps.clone();
                        Keys::new(rep as u64).rng(steps.len()).shuffle(&mut maps);
                        maps.retain(|&map| workload.suits(map));
                        let step = |map| Step { rep, workload, threads, size, map };
                        steps.extend(maps.into_iter().map(step));
                    }
                }
            }
        }
        steps
    }
}

/// Runs `suite` and appends its lines to `out`. A process that fails leaves a comment and no line.
pub fn run(suite: &Suite, out: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(out)?;
    write!(file, "{}", header::text())?;
    let steps = suite.steps();
    let mut rep = 0;
    for (i, step) in steps.iter().enumerate() {
        if step.rep != rep {
            rep = step.rep;
            let load = header::load();
            writeln!(file, "# repetition {rep} of {}, load {load}", suite.reps)?;
        }
        let Step { workload, threads, size, map, .. } = step;
        let name = format!("{workload} {map}, {threads} threads, size {size}");
        eprintln!("[{}/{}] rep {rep}: {name}", i + 1, steps.len());
        match measure(step, suite.timeout)? {
            Outcome::Lines(lines) => file.write_all(lines.as_bytes())?,
            Outcome::Failed(reason) => {
                eprintln!("    failed: {reason}");
                writeln!(file, "# FAILED {name}: {reason}")?;
            }
        }
    }
    Ok(())
}

enum Outcome {
    Lines(String),
    Failed(String),
}

/// Runs one process to its end or its timeout.
fn measure(step: &Step, timeout: Duration) -> io::Result<Outcome> {
    let mut child = Command::new(step.workload.program()?)
        .arg("one")
        .args(["--map", &step.map.to_string()])
        .args(["--workload", &step.workload.to_string()])
        .args(["--threads", &step.threads.to_string()])
        .args(["--size", &step.size.to_string()])
        .args(["--seed", &step.rep.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let start = Instant::now();
    // A few lines fit the pipe, so the process never waits for them to be read.
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > timeout {
            child.kill()?;
            child.wait()?;
            return Ok(Outcome::Failed(format!("no end after {timeout:?}")));
        }
        thread::sleep(POLL);
    };
    if !status.success() {
        return Ok(Outcome::Failed(status.to_string()));
    }
    let mut lines = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut lines)?;
    }
    Ok(Outcome::Lines(lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_take_turns_within_a_repetition() {
        let suite = Suite {
            maps: vec![MapName::Dashmap, MapName::Papaya, MapName::None],
            workloads: vec![Workload::Fill, Workload::Vroom],
            threads: vec![1, 2],
            sizes: vec![10],
            reps: 2,
            timeout: Duration::ZERO,
        };
        let steps = suite.steps();
        // Per repetition: two maps at two thread counts, then three maps with one thread.
        assert_eq!(steps.len(), 2 * (2 * 2 + 3));
        assert!(steps.iter().all(|step| step.workload.suits(step.map)));
        for pair in steps.windows(2) {
            let same = pair[0].map == pair[1].map;
            let apart = pair[0].threads != pair[1].threads || pair[0].workload != pair[1].workload;
            assert!(!same || apart || pair[0].rep != pair[1].rep);
        }
    }
}
