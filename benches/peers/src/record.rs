//! One measurement, and its line in a result file. No aggregation.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The first line of the data in a result file.
pub const COLUMNS: &str = "map,workload,phase,threads,size,ops,ns_total,ns_per_op_and_thread,extra";

/// What one phase of one run measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The map's name on the command line.
    pub map: String,
    /// The workload's name on the command line.
    pub workload: String,
    /// The phase within the workload.
    pub phase: String,
    /// Threads that worked at once.
    pub threads: usize,
    /// Entries in the map (see the workload).
    pub size: usize,
    /// Operations of all threads together.
    pub ops: u64,
    /// From the first thread's start to the last one's end; 0 if time is not measured.
    pub ns_total: u64,
    /// Further results, as `(name, number)`.
    pub extra: Vec<(String, f64)>,
}

impl Record {
    /// The mean time that a thread spent on an operation: `ns_total * threads / ops`.
    pub fn ns_per_op_and_thread(&self) -> f64 {
        self.ns_total as f64 * self.threads as f64 / self.ops.max(1) as f64
    }

    /// This record with the time filled in.
    pub fn timed(mut self, elapsed: Duration) -> Self {
        self.ns_total = elapsed.as_nanos() as u64;
        self
    }

    /// This record with one more result.
    pub fn with(mut self, name: &str, value: f64) -> Self {
        self.extra.push((name.into(), value));
        self
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { map, workload, phase, threads, size, ops, ns_total, extra } = self;
        let mean = self.ns_per_op_and_thread();
        write!(f, "{map},{workload},{phase},{threads},{size},{ops},{ns_total},{mean:.2},")?;
        for (i, (name, value)) in extra.iter().enumerate() {
            let separator = if i == 0 { "" } else { ";" };
            write!(f, "{separator}{name}={value:.2}")?;
        }
        Ok(())
    }
}

/// The line is not one of a result file.
#[derive(Debug)]
pub struct BadLine(String);

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a result line: {}", self.0)
    }
}

impl std::error::Error for BadLine {}

impl FromStr for Record {
    type Err = BadLine;

    fn from_str(line: &str) -> Result<Self, BadLine> {
        parse(line).ok_or_else(|| BadLine(line.into()))
    }
}

fn parse(line: &str) -> Option<Record> {
    let fields: Vec<&str> = line.split(',').collect();
    let &[map, workload, phase, threads, size, ops, ns_total, _, extra] = fields.as_slice() else {
        return None;
    };
    let pair = |text: &str| {
        let (name, value) = text.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    let pairs = extra.split(';').filter(|text| !text.is_empty());
    Some(Record {
        map: map.into(),
        workload: workload.into(),
        phase: phase.into(),
        threads: threads.parse().ok()?,
        size: size.parse().ok()?,
        ops: ops.parse().ok()?,
        ns_total: ns_total.parse().ok()?,
        extra: pairs.map(pair).collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_parses_back() {
        let record = Record {
            map: "papaya".into(),
            workload: "mix".into(),
            phase: "mixed".into(),
            threads: 2,
            size: 10,
            ops: 20,
            ns_total: 300,
            extra: vec![("a".into(), 1.5), ("b".into(), 2.0)],
        };
        let line = record.to_string();
        assert_eq!(line, "papaya,mix,mixed,2,10,20,300,30.00,a=1.50;b=2.00");
        assert_eq!(line.parse::<Record>().unwrap(), record);
        assert!("papaya,mix".parse::<Record>().is_err());
    }
}
