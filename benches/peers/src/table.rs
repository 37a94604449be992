//! Markdown tables of a result file: one per workload, thread count and size, with a row per map and a column per
//! number. A cell is `median (min..max)` over the repetitions.

use crate::record::{BadLine, COLUMNS, Record};
use std::fmt::Write;

/// The records of a result file.
///
/// # Errors
///
/// A line that is neither a comment, nor a header, nor a record.
pub fn records(text: &str) -> Result<Vec<Record>, BadLine> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#') && *line != COLUMNS)
        .map(str::parse)
        .collect()
}

/// The tables of `records`, in order of first appearance; maps in alphabetical order.
pub fn markdown(records: &[Record]) -> String {
    let mut text = String::new();
    for (workload, threads, size) in unique(records.iter().map(place)) {
        let here = |record: &&Record| place(record) == (workload, threads, size);
        let numbers: Vec<Number<'_>> = records.iter().filter(here).flat_map(numbers).collect();
        let unit = match workload {
            "memory" => "bytes per entry",
            "latency" => "ns",
            "garbage" | "garbage-bursts" | "garbage-work" => "ns per operation and thread; bytes",
            _ => "ns per operation and thread",
        };
        let _ = writeln!(text, "### {workload}, {threads} thread(s), size {size}: {unit}\n");
        write_table(&mut text, &numbers);
        text.push('\n');
    }
    text
}

fn place(record: &Record) -> (&str, usize, usize) {
    (&record.workload, record.threads, record.size)
}

/// One number of one run.
struct Number<'a> {
    map: &'a str,
    column: String,
    value: f64,
}

fn numbers(record: &Record) -> Vec<Number<'_>> {
    let number = |column, value| Number { map: &record.map, column, value };
    let mut all = Vec::new();
    if record.ns_total > 0 {
        all.push(number(record.phase.clone(), record.ns_per_op_and_thread()));
    }
    for (name, value) in &record.extra {
        all.push(number(format!("{} {name}", record.phase), *value));
    }
    all
}

fn write_table(text: &mut String, numbers: &[Number<'_>]) {
    let columns = unique(numbers.iter().map(|number| number.column.as_str()));
    let mut maps = unique(numbers.iter().map(|number| number.map));
    maps.sort_unstable();
    let _ = writeln!(text, "| map | {} |", columns.join(" | "));
    let _ = writeln!(text, "|---{}|", "|---:".repeat(columns.len()));
    for map in maps {
        let cell = |column: &&str| {
            let in_cell = |number: &&Number<'_>| number.map == map && number.column == *column;
            let found = numbers.iter().filter(in_cell);
            cell(found.map(|number| number.value).collect())
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let _ = writeln!(text, "| {map} | {} |", cells.join(" | "));
    }
}

/// `median (min..max)`, with a decimal for small numbers.
fn cell(mut values: Vec<f64>) -> String {
    values.sort_unstable_by(f64::total_cmp);
    let (Some(min), Some(max)) = (values.first(), values.last()) else {
        return "-".into();
    };
    let middle = values.len() / 2;
    let median = if values.len() % 2 == 1 {
        values[middle]
    } else {
        f64::midpoint(values[middle - 1], values[middle])
    };
    let digits = usize::from(median.abs() < 100.0);
    if values.len() == 1 {
        return format!("{median:.digits$}");
    }
    format!("{median:.digits$} ({min:.digits$}..{max:.digits$})")
}

/// The items in order of first appearance.
fn unique<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_median_and_spread() {
        let text = format!(
            "# machine\n{COLUMNS}\n\
             b,fill,insert,1,10,10,1000,100.00,\n\
             a,fill,insert,1,10,10,300,30.00,\n\
             # repetition 2\n\
             a,fill,insert,1,10,10,100,10.00,\n\
             a,fill,insert,1,10,10,200,20.00,\n\
             a,fill,hit,1,10,10,50,5.00,x=7.00\n"
        );
        let table = markdown(&records(&text).unwrap());
        let expected = "\
            ### fill, 1 thread(s), size 10: ns per operation and thread\n\n\
            | map | insert | hit | hit x |\n\
            |---|---:|---:|---:|\n\
            | a | 20.0 (10.0..30.0) | 5.0 | 7.0 |\n\
            | b | 100 | - | - |\n\n";
        assert_eq!(table, expected);
    }
}
