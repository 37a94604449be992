//! A suite: one new process per measurement, the maps in turn, all raw lines in one file.

use crate::header;
use crate::keys::Keys;
use crate::maps::MapName;
use crate::workloads::Workload;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running process is polled: seldom, because polling takes a core from it.
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
    /// How long `garbage` writes.
    pub time: Duration,
    /// Repetitions of everything.
    pub reps: usize,
}

/// One process of a suite.
#[derive(Clone, Debug)]
pub struct Step {
    /// The repetition that it belongs to, from 1.
    pub rep: usize,
    /// What it measures, as text.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

/// A map in a workload, as a process.
fn step(rep: usize, job: (Workload, MapName, usize, usize), time: Duration) -> io::Result<Step> {
    let (workload, map, threads, size) = job;
    let name = format!("{workload} {map}, {threads} threads, size {size}");
    let options = [
        ("--map", map.to_string()),
        ("--workload", workload.to_string()),
        ("--threads", threads.to_string()),
        ("--size", size.to_string()),
        ("--seconds", time.as_secs_f64().to_string()),
        ("--seed", rep.to_string()),
    ];
    let options = options.into_iter().flat_map(|(option, value)| [option.to_owned(), value]);
    let args = ["one".to_owned()].into_iter().chain(options).collect();
    Ok(Step { rep, name, program: workload.program()?, args })
}

impl Suite {
    /// All processes, in the order in which they run.
    ///
    /// # Errors
    ///
    /// The system does not tell where the running binary lies.
    pub fn steps(&self) -> io::Result<Vec<Step>> {
        let jobs = self.jobs();
        jobs.into_iter().map(|(rep, job)| step(rep, job, self.time)).collect()
    }

    fn jobs(&self) -> Vec<(usize, (Workload, MapName, usize, usize))> {
        let mut jobs = Vec::new();
        for rep in 1..=self.reps {
            for &workload in &self.workloads {
                let threads = if workload.is_parallel() { &self.threads[..] } else { &[1] };
                for &threads in threads {
                    for &size in &self.sizes {
                        let mut maps = self.maps.clone();
                        shuffle(&mut maps, rep, jobs.len());
                        maps.retain(|&map| workload.suits(map));
                        let job = |map| (rep, (workload, map, threads, size));
                        jobs.extend(maps.into_iter().map(job));
                    }
                }
            }
        }
        jobs
    }
}

/// A different order in every repetition and at every place.
pub fn shuffle<T>(items: &mut [T], rep: usize, place: usize) {
    Keys::new(rep as u64).rng(place).shuffle(items);
}

/// Runs the steps and appends their lines to `out`. A process that fails leaves a comment and no line.
///
/// # Errors
///
/// A file that cannot be written, or a program that cannot be started.
pub fn run(steps: &[Step], timeout: Duration, out: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(out)?;
    write!(file, "{}", header::text())?;
    let reps = steps.last().map_or(0, |step| step.rep);
    let mut rep = 0;
    for (i, step) in steps.iter().enumerate() {
        if step.rep != rep {
            rep = step.rep;
            let load = header::load();
            writeln!(file, "# repetition {rep} of {reps}, load {load}")?;
        }
        let name = &step.name;
        eprintln!("[{}/{}] rep {rep}: {name}", i + 1, steps.len());
        match measure(step, timeout)? {
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
    let mut child = Command::new(&step.program).args(&step.args).stdout(Stdio::piped()).spawn()?;
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
            time: Duration::ZERO,
            reps: 2,
        };
        let jobs = suite.jobs();
        // Per repetition: two maps at two thread counts, then three maps with one thread.
        assert_eq!(jobs.len(), 2 * (2 * 2 + 3));
        assert!(jobs.iter().all(|(_, (workload, map, ..))| workload.suits(*map)));
        for pair in jobs.windows(2) {
            let [(rep, (workload, map, threads, _)), (next_rep, next)] = [pair[0], pair[1]];
            let apart = (workload, threads) != (next.0, next.2);
            assert!(map != next.1 || apart || rep != next_rep);
        }
    }
}
