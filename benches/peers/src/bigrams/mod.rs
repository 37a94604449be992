//! `bigrams`: a job instead of single operations. Real text is cut into words, and every pair of neighbours is
//! counted, in one map that all threads share or in private maps that are joined at the end.
//!
//! The text is read, made lower case and cut into pieces before the clock starts; the pieces are dealt out by `rayon`,
//! the same way for every counter. Keys are pairs of string slices into the text. The time includes splitting the text
//! into words, hashing and counting. The counts must add up to the number of bigrams read, and all counters must find
//! the same number of distinct ones.

mod counters;
mod text;

use crate::record::Record;
use clap::ValueEnum;
use counters::Counter;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How bigrams are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CounterName {
    /// This repository's trie, with atomic counters.
    #[cfg(feature = "snaptrie")]
    Snaptrie,
    /// This repository's flat table, with atomic counters.
    #[cfg(feature = "snaptrie")]
    Flat,
    /// The trie through a writer for each piece of text.
    #[cfg(feature = "snaptrie")]
    SnaptrieWriter,
    /// The flat table through a writer for each piece of text.
    #[cfg(feature = "snaptrie")]
    FlatWriter,
    /// `dashmap`, through its entry.
    Dashmap,
    /// `papaya`, with atomic counters.
    Papaya,
    /// `scc::HashMap`, through its entry.
    SccMap,
    /// `RwLock<HashMap>` with atomic counters: the write lock is taken only for new bigrams.
    StdRwlock,
    /// No shared map: `rayon` folds into private ones and joins them.
    RayonFold,
}

impl fmt::Display for CounterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.write_str(value.get_name())
    }
}

/// What is counted.
#[derive(Clone, Debug)]
pub struct Input {
    /// Files and folders; the sources in cargo's registry if there are none.
    pub paths: Vec<PathBuf>,
    /// About how much is read, in MiB: files drawn at random, but always the same ones.
    pub mib: u64,
}

/// Two words.
type Bigram = (&'static str, &'static str);

/// The totals of a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    distinct: u64,
    sum: u64,
}

/// Counts once.
///
/// # Errors
///
/// Text that cannot be read, threads that cannot be started, or counts that do not add up.
pub fn run(name: CounterName, threads: usize, input: &Input) -> Result<Record, Box<dyn Error>> {
    // Leaked: it lives as long as the process anyway, and every map accepts `'static` keys.
    let pieces: &'static [String] = text::read(input)?.leak();
    let expected: u64 = pieces.iter().map(|piece| bigrams(piece).count() as u64).sum();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let (took, totals) = pool.install(|| count(name, pieces));
    if totals.sum != expected {
        let sum = totals.sum;
        return Err(format!("{name}: {expected} bigrams read, but the counts sum to {sum}").into());
    }
    let bytes = pieces.iter().map(|piece| piece.len() as f64).sum();
    let record = Record {
        map: name.to_string(),
        workload: "bigrams".into(),
        phase: "count".into(),
        threads,
        size: expected as usize,
        ops: expected,
        ns_total: took.as_nanos() as u64,
        extra: Vec::new(),
    };
    Ok(record.with(DISTINCT, totals.distinct as f64).with("bytes", bytes))
}

const DISTINCT: &str = "distinct";

/// Whether all counters found as many distinct bigrams.
///
/// # Errors
///
/// Two that did not.
pub fn check(records: &[Record]) -> Result<(), String> {
    let distinct = |record: &Record| {
        let found = record.extra.iter().find(|(name, _)| name == DISTINCT);
        found.map(|(_, number)| *number)
    };
    for pair in records.windows(2) {
        let [one, other] = [&pair[0], &pair[1]].map(|record| (&record.map, distinct(record)));
        if one.1 != other.1 {
            return Err(format!("distinct bigrams: {one:?} and {other:?}"));
        }
    }
    Ok(())
}

fn count(name: CounterName, pieces: &'static [String]) -> (Duration, Totals) {
    match name {
        #[cfg(feature = "snaptrie")]
        CounterName::Snaptrie => shared::<counters::Snaptrie>(pieces),
        #[cfg(feature = "snaptrie")]
        CounterName::Flat => shared::<counters::Flat>(pieces),
        #[cfg(feature = "snaptrie")]
        CounterName::SnaptrieWriter => shared::<counters::SnaptrieWriter>(pieces),
        #[cfg(feature = "snaptrie")]
        CounterName::FlatWriter => shared::<counters::FlatWriter>(pieces),
        CounterName::Dashmap => shared::<counters::Dashmap>(pieces),
        CounterName::Papaya => shared::<counters::Papaya>(pieces),
        CounterName::SccMap => shared::<counters::SccMap>(pieces),
        CounterName::StdRwlock => shared::<counters::StdRwlock>(pieces),
        CounterName::RayonFold => folded(pieces),
    }
}

/// Into one map.
fn shared<C: Counter>(pieces: &'static [String]) -> (Duration, Totals) {
    let counter = C::new();
    let start = Instant::now();
    pieces.par_iter().for_each(|piece| counter.count(bigrams(piece)));
    (start.elapsed(), counter.totals())
}

/// Into private maps, which are joined: the smaller into the larger.
fn folded(pieces: &'static [String]) -> (Duration, Totals) {
    let start = Instant::now();
    let counts = pieces
        .par_iter()
        .fold(counters::Private::default, |mut counts, piece| {
            for bigram in bigrams(piece) {
                *counts.entry(bigram).or_insert(0) += 1;
            }
            counts
        })
        .reduce(counters::Private::default, counters::join);
    let took = start.elapsed();
    (took, counters::totals(counts.into_values()))
}

/// The bigrams of a text in lower case.
fn bigrams(text: &'static str) -> impl Iterator<Item = Bigram> {
    let words = || text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    words().zip(words().skip(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_counts_alike() {
        let pieces: &'static [String] =
            vec!["a b a b".to_string(), "b, a; b".to_string(), "é".to_string()].leak();
        for &name in CounterName::value_variants() {
            // "a b" three times, "b a" twice.
            assert_eq!(count(name, pieces).1, Totals { distinct: 2, sum: 5 }, "{name}");
        }
    }
}
