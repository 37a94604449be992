//! The leader's map, its writers and its versions.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use snaptrie::{FixedState, History};
use tokio::sync::watch;

use crate::message::{Map, Number, State, Version, digest_after};

/// Options for the writers and versions of a leader.
#[derive(Args, Clone, Debug)]
pub(crate) struct Load {
    /// How long the writers write
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: u64,

    /// Threads that write
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1024))]
    pub(crate) writers: u64,

    /// Writes per second of each thread; 0 for no limit
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(crate) rate: u64,

    /// Milliseconds between two versions
    #[arg(long, value_name = "MS", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: u64,

    /// Number of keys of each writer
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) keys: u64,

    /// Number of versions that the leader keeps for followers that are behind
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) history: u64,
}

/// A version and its digest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) version: Version,
    pub(crate) digest: u64,
    pub(crate) taken: Instant,
}

/// The two snapshots between which a follower is to be updated.
pub(crate) struct Update {
    /// `None` if the follower's version is no longer in the history.
    pub(crate) from: Option<State>,
    pub(crate) to: State,
    pub(crate) fact: Fact,
}

/// A map and its most recent versions. The number of versions is bounded by [`Load::history`], whatever the
/// followers do.
pub(crate) struct Source {
    pub(crate) map: Map,
    lineage: u64,
    versions: Mutex<Versions>,
    latest: watch::Sender<Number>,
    /// The latest version is the last.
    is_done: AtomicBool,
    writes: AtomicU64,
}

struct Versions {
    history: History<String, u64>,
    /// One for each version in the history.
    facts: VecDeque<Fact>,
}

/// Totals of [`Source::run`].
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Made {
    pub(crate) versions: u64,
    pub(crate) writes: u64,
    /// The longest time from one version to the next.
    pub(crate) longest_gap: Duration,
}

impl Source {
    /// A new map and its first version.
    pub(crate) fn new(history: u64) -> Self {
        let lineage = random();
        let history = History::new(usize::try_from(history).unwrap_or(usize::MAX));
        let versions = Mutex::new(Versions { history, facts: VecDeque::new() });
        let map = Map::new();
        // Before the first write, all snapshots have generation zero.
        map.pin().insert(String::new(), 0);
        let (is_done, writes) = (AtomicBool::new(false), AtomicU64::new(0));
        let source =
            Self { map, lineage, versions, latest: watch::Sender::new(0), is_done, writes };
        source.publish();
        source
    }

    pub(crate) fn lineage(&self) -> u64 {
        self.lineage
    }

    fn lock(&self) -> MutexGuard<'_, Versions> {
        self.versions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a version of the current content. Must be called by one thread at a time.
    pub(crate) fn publish(&self) -> Fact {
        let (now, taken) = (self.map.snapshot(), Instant::now());
        let before = {
            let versions = self.lock();
            versions.history.latest().cloned().zip(versions.facts.back().copied())
        };
        let digest = match before {
            Some((before, fact)) => digest_after(fact.digest, &before, &now),
            None => crate::message::digest(&now),
        };
        let number = now.generation();
        let fact = Fact { version: Version { lineage: self.lineage, number }, digest, taken };
        let mut versions = self.lock();
        versions.history.push(now);
        versions.facts.push_back(fact);
        if versions.facts.len() > versions.history.len() {
            versions.facts.pop_front();
        }
        drop(versions);
        self.latest.send_replace(number);
        fact
    }

    /// The snapshots that lead from a follower's version to the latest. O(log of the history's length).
    pub(crate) fn update(&self, from: Option<Version>) -> Update {
        let versions = self.lock();
        let from = from.filter(|version| version.lineage == self.lineage);
        let from = from.and_then(|version| versions.history.get(version.number)).cloned();
        let latest = versions.history.latest().cloned().zip(versions.facts.back().copied());
        let (to, fact) = latest.expect("the first version is made with the source");
        Update { from, to, fact }
    }

    /// The number of versions in the history that are newer than this one.
    pub(crate) fn behind(&self, number: Number) -> usize {
        let versions = self.lock();
        versions.facts.iter().filter(|fact| fact.version.number > number).count()
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Number> {
        self.latest.subscribe()
    }

    pub(crate) fn is_done(&self) -> bool {
        self.is_done.load(Relaxed)
    }

    /// Writes to the map and makes versions until the time is up. Calls the closure with each version. If the
    /// closure takes long, the next version is late, but the writers continue.
    pub(crate) fn run<E>(
        &self,
        load: &Load,
        mut on_version: impl FnMut(Fact) -> Result<(), E>,
    ) -> Result<Made, E> {
        let stop = AtomicBool::new(false);
        let mut made = Made { versions: 1, ..Made::default() };
        thread::scope(|scope| {
            for writer in 0..load.writers {
                let stop = &stop;
                scope.spawn(move || {
                    let writes = write(&self.map, writer, load, stop);
                    self.writes.fetch_add(writes, Relaxed)
                });
            }
            let (start, every) = (Instant::now(), Duration::from_millis(load.every));
            let (mut before, mut due) = (start, start + every);
            let mut done = Ok(());
            while done.is_ok() && start.elapsed() < Duration::from_secs(load.seconds) {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                let fact = self.publish();
                made.longest_gap = made.longest_gap.max(fact.taken - before);
                made.versions += 1;
                done = on_version(fact);
                before = fact.taken;
                due = Instant::now().max(due + every);
            }
            stop.store(true, Relaxed);
            done
        })?;
        // Includes the last writes.
        let last = self.publish();
        on_version(last)?;
        made.versions += 1;
        made.writes = self.writes.load(Relaxed);
        self.is_done.store(true, Relaxed);
        // Wakes the tasks that have already sent the last version.
        self.latest.send_replace(last.version.number);
        Ok(made)
    }
}

/// A number that is unlikely to occur in another process.
pub(crate) fn random() -> u64 {
    use std::hash::BuildHasher;

    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = std::hash::RandomState::new().hash_one(std::process::id());
    FixedState::with_seed(seed).hash_one(now.map_or(0, |now| now.as_nanos()))
}

/// Inserts, overwrites and removes keys until told to stop. Returns the number of writes.
fn write(map: &Map, writer: u64, load: &Load, stop: &AtomicBool) -> u64 {
    let mut random = writer + 1;
    let mut writes = 0;
    let start = Instant::now();
    while !stop.load(Relaxed) {
        // Xorshift (Marsaglia, 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let key = format!("{writer}/{}", random % load.keys);
        if random >> 32 & 3 == 0 {
            map.pin().remove(&key);
        } else {
            map.pin().insert(key, writes);
        }
        writes += 1;
        if load.rate != 0 && writes % 64 == 0 {
            let due = start + Duration::from_secs_f64(writes as f64 / load.rate as f64);
            // Sleeps only briefly, so that it notices `stop`.
            let left = due.saturating_duration_since(Instant::now());
            thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
    writes
}
