//! `plot`: turns result files into pictures (SVG) and into the tables of a README. It leaves nothing out: every map of
//! the files is in every picture and table for which it has a number.
//!
//! The pictures have no background and mid-tone ink, so that they can be read on white and on black. Each map has one
//! colour and one mark in all of them. Points and bars are medians of the repetitions, with a line from the smallest to
//! the largest.

mod draw;
mod figures;
mod readme;
mod style;

use crate::record::Record;
use crate::table;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Draws all pictures that the files have numbers for into the folder `out`, and fills the tables of `readmes`.
/// The tables show `threads`.
///
/// # Errors
///
/// Files that cannot be read or written, or a README without markers.
pub fn run(
    files: &[PathBuf],
    out: &Path,
    readmes: &[PathBuf],
    threads: &[usize],
) -> Result<(), Box<dyn Error>> {
    let mut records = Vec::new();
    for file in files {
        records.extend(table::records(&fs::read_to_string(file)?)?);
    }
    let data = Data { records };
    fs::create_dir_all(out)?;
    for figure in figures::all(&data) {
        let path = out.join(format!("{}.svg", figure.name));
        fs::write(&path, draw::svg(&figure)?)?;
        println!("{}", path.display());
    }
    for path in readmes {
        let old = fs::read_to_string(path)?;
        fs::write(path, readme::fill(&old, &data, threads)?)?;
        println!("{}", path.display());
    }
    Ok(())
}

/// All records, with the queries of pictures and tables.
struct Data {
    records: Vec<Record>,
}

/// A number with its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

impl Spread {
    /// Of one value or more.
    fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (&min, &max) = (values.first()?, values.last()?);
        let last = values.len() - 1;
        let median = f64::midpoint(values[last / 2], values[last.div_ceil(2)]);
        Some(Self { median, min, max })
    }
}

/// Which records; what is `None` does not matter.
#[derive(Clone, Copy, Default)]
struct Where<'a> {
    workload: &'a str,
    phase: &'a str,
    threads: Option<usize>,
    size: Option<usize>,
}

impl Data {
    fn at<'a>(&'a self, place: Where<'a>) -> impl Iterator<Item = &'a Record> {
        self.records.iter().filter(move |record| {
            record.workload == place.workload
                && record.phase == place.phase
                && place.threads.is_none_or(|threads| threads == record.threads)
                && place.size.is_none_or(|size| size == record.size)
        })
    }

    /// A number of each repetition of a map, if there is any.
    fn spread(
        &self,
        map: &str,
        place: Where<'_>,
        number: impl Fn(&Record) -> Option<f64>,
    ) -> Option<Spread> {
        let records = self.at(place).filter(|record| record.map == map);
        Spread::of(records.filter_map(number).collect())
    }

    /// The maps of the records, in the order of their colours.
    fn maps(&self) -> Vec<&str> {
        let mut maps: Vec<&str> = self.records.iter().map(|record| record.map.as_str()).collect();
        maps.sort_by_key(|map| (style::rank(map), *map));
        maps.dedup();
        maps
    }

    /// The size that a workload has the most records of, the larger one if two have as many.
    fn main_size(&self, workload: &str) -> Option<usize> {
        let sizes = self.sizes(workload);
        let count = |size: usize| {
            let here = |r: &&Record| r.workload == workload && r.size == size;
            self.records.iter().filter(here).count()
        };
        sizes.into_iter().max_by_key(|&size| (count(size), size))
    }

    fn sizes(&self, workload: &str) -> Vec<usize> {
        self.numbers(workload, |record| record.size)
    }

    fn threads(&self, workload: &str) -> Vec<usize> {
        self.numbers(workload, |record| record.threads)
    }

    fn numbers(&self, workload: &str, number: impl Fn(&Record) -> usize) -> Vec<usize> {
        let records = self.records.iter().filter(|record| record.workload == workload);
        let mut numbers: Vec<usize> = records.map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

/// Million operations a second, of all threads together.
fn mops(record: &Record) -> Option<f64> {
    (record.ns_total > 0).then(|| record.ops as f64 * 1e3 / record.ns_total as f64)
}

/// Nanoseconds that an operation costs its thread.
fn ns(record: &Record) -> Option<f64> {
    (record.ns_total > 0).then(|| record.ns_per_op_and_thread())
}

/// One of the further results.
fn extra(name: &str) -> impl Fn(&Record) -> Option<f64> + '_ {
    move |record| record.extra.iter().find(|(n, _)| n == name).map(|(_, value)| *value)
}

/// A number for people: `1234567` is `1.2 M`.
fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        v if v >= 1e9 => (value / 1e9, " G"),
        v if v >= 1e6 => (value / 1e6, " M"),
        v if v >= 1e3 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = usize::from(value.abs() < 10.0 && value.fract().abs() > 0.049);
    format!("{value:.digits$}{unit}")
}

/// A time for people.
fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns >= 1e9 => (ns / 1e9, "s"),
        ns if ns >= 1e6 => (ns / 1e6, "ms"),
        ns if ns >= 1e3 => (ns / 1e3, "µs"),
        _ => (ns, "ns"),
    };
    let digits = usize::from(value < 10.0 && value.fract() > 0.049);
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::COLUMNS;

    /// A few lines of each workload that is drawn.
    pub(super) fn data() -> Data {
        let text = format!(
            "# machine\n{COLUMNS}\n\
             snaptrie,fill,insert,1,10,10,1000,100.00,\n\
             snaptrie,fill,insert,1,10,10,3000,300.00,\n\
             snaptrie,fill,insert,2,10,10,1000,200.00,\n\
             dashmap,fill,insert,1,10,10,500,50.00,\n\
             dashmap,mix,reads-95,1,10,20,500,25.00,hit%=50.00\n\
             dashmap,latency,insert,1,10,10,500,50.00,p50=40.00;max=90.00\n\
             dashmap,latency,growth,1,10,10,0,0.00,to-5=40.00;to-10=90.00\n\
             dashmap,memory,full,1,10,10,0,0.00,requested=30.00;usable=40.00\n\
             snaptrie,snapshot,first-write,1,10,10,5000,500.00,\n"
        );
        Data { records: table::records(&text).unwrap() }
    }

    #[test]
    fn a_spread_is_of_all_repetitions() {
        let data = data();
        let place = Where { workload: "fill", phase: "insert", threads: Some(1), size: None };
        let spread = data.spread("snaptrie", place, ns).unwrap();
        assert_eq!(spread, Spread { median: 200.0, min: 100.0, max: 300.0 });
        assert_eq!(data.spread("papaya", place, ns), None);
        assert_eq!(data.maps(), ["snaptrie", "dashmap"]);
    }

    #[test]
    fn every_picture_says_what_it_shows() {
        let figures = figures::all(&data());
        let names: Vec<_> = figures.iter().map(|figure| figure.name).collect();
        assert_eq!(
            names,
            ["threads", "reads", "sizes", "latency", "spikes", "memory", "snapshots"]
        );
        for figure in &figures {
            let svg = draw::svg(figure).unwrap();
            for panel in &figure.panels {
                assert!(svg.contains(&panel.title), "{}: {}", figure.name, panel.title);
                assert!(svg.contains(&panel.unit), "{}: {}", figure.name, panel.unit);
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(short(1_000_000.0), "1 M");
        assert_eq!(short(1_250.0), "1.2 k");
        assert_eq!(short(64.0), "64");
        assert_eq!(time(1_500.0), "1.5 µs");
        assert_eq!(time(250.0), "250 ns");
    }
}
