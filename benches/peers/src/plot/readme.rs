//! The tables of a README. Each stands between `<!-- peers NAME -->` and `<!-- /peers -->`, and what stands
//! there is replaced: doing it twice changes nothing.

use super::{Data, Spread, Where, extra, ns, short, style, time};
use crate::record::Record;
use std::fmt::Write;

const END: &str = "<!-- /peers -->";

/// The text with its tables made anew.
///
/// # Errors
///
/// No marker, an unknown one, or one without an end.
pub(super) fn fill(old: &str, data: &Data, threads: &[usize]) -> Result<String, String> {
    let (mut text, mut rest) = (String::new(), old);
    let mut tables = 0;
    while let Some((before, after)) = rest.split_once("<!-- peers ") {
        let (name, after) = after.split_once(" -->").ok_or("a marker does not end")?;
        let (_, after) = after.split_once(END).ok_or_else(|| format!("no end of {name}"))?;
        let table = match name {
            "figures" => figures(data),
            "operations" => operations(data, threads),
            "bigrams" => bigrams(data),
            "latency" => latency(data),
            "snapshots" => snapshots(data),
            _ => return Err(format!("no table is called {name}")),
        };
        let _ = write!(text, "{before}<!-- peers {name} -->\n{table}{END}");
        rest = after;
        tables += 1;
    }
    if tables == 0 {
        return Err("no marker `<!-- peers NAME -->`".into());
    }
    Ok(text + rest)
}

/// A row for each map that has a number.
fn table(
    data: &Data,
    corner: &str,
    columns: &[&str],
    cell: impl Fn(&str, usize) -> Option<String>,
) -> String {
    let mut text = format!("| {corner} | {} |\n", columns.join(" | "));
    let _ = writeln!(text, "|---|{}", "---:|".repeat(columns.len()));
    for map in data.maps() {
        let cells: Vec<_> = (0..columns.len()).map(|column| cell(map, column)).collect();
        if cells.iter().all(Option::is_none) {
            continue;
        }
        let cells = cells.into_iter().map(|cell| cell.unwrap_or_else(|| "–".into()));
        let _ = writeln!(text, "| {} | {} |", name(map), cells.collect::<Vec<_>>().join(" | "));
    }
    text
}

/// The repository's own maps in bold; types as code.
fn name(map: &str) -> String {
    let name = style::name(map);
    match name {
        _ if style::is_ours(map) => format!("**`{name}`**"),
        _ if name.contains('<') => format!("`{name}`"),
        _ => name.to_owned(),
    }
}

/// The figures that matter: a row for each, a column for each of a few maps.
fn figures(data: &Data) -> String {
    const MAPS: [&str; 4] = ["snaptrie", "flat", "dashmap", "std-rwlock"];
    type Number = fn(&Record) -> Option<f64>;
    let max: Number = |record| extra("max")(record);
    let rows: [(&str, &str, usize, &str, Number); 3] = [
        (
            "bigrams",
            "count",
            2,
            "count one of N word pairs, two threads (`TrieMap` and `FlatMap` with `writer()`)",
            ns,
        ),
        ("latency", "insert", 1, "the slowest insert while a map grows to N", max),
        ("snapshot", "take-idle", 1, "a snapshot of N entries, and its drop", ns),
    ];
    let mut text = format!("| | {} |\n|---|", MAPS.map(name).join(" | "));
    text.push_str(&"---:|".repeat(MAPS.len()));
    text.push('\n');
    for (workload, phase, threads, title, number) in rows {
        let size = data.main_size(workload);
        let place = Where { workload, phase, threads: Some(threads), size };
        let cells = MAPS.map(|map| {
            let writer = data.spread(&format!("{map}-writer"), place, number);
            let spread = writer.or_else(|| data.spread(map, place, number));
            spread.map_or_else(String::new, |spread| time(spread.median))
        });
        if let Some(size) = size {
            let title = title.replace('N', &short(size as f64));
            let _ = writeln!(text, "| {title} | {} |", cells.join(" | "));
        }
    }
    text
}

fn bigrams(data: &Data) -> String {
    let threads = data.threads("bigrams");
    let titles: Vec<String> = threads.iter().map(usize::to_string).collect();
    let columns: Vec<&str> = titles.iter().map(String::as_str).collect();
    table(data, "threads", &columns, |map, column| {
        let (workload, phase, threads) = ("bigrams", "count", Some(threads[column]));
        let place = Where { workload, phase, threads, size: data.main_size(workload) };
        data.spread(map, place, ns).map(|spread| format!("{:.0}", spread.median))
    })
}

fn operations(data: &Data, threads: &[usize]) -> String {
    const COLUMNS: [(&str, &str, &str); 6] = [
        ("fill", "insert", "insert"),
        ("fill", "hit", "hit"),
        ("fill", "miss", "miss"),
        ("fill", "overwrite", "overwrite"),
        ("fill", "remove", "remove"),
        ("churn", "steady", "churn"),
    ];
    let mut columns: Vec<&str> = COLUMNS.iter().map(|(.., title)| *title).collect();
    columns.push("bytes per entry");
    let cell = |map: &str, column: usize| {
        let Some(&(workload, phase, _)) = COLUMNS.get(column) else {
            return bytes(data, map);
        };
        let size = data.main_size(workload);
        let number = |&threads: &usize| {
            let place = Where { workload, phase, threads: Some(threads), size };
            data.spread(map, place, ns).map(|spread| format!("{:.0}", spread.median))
        };
        let numbers: Vec<_> = threads.iter().filter_map(number).collect();
        (!numbers.is_empty()).then(|| numbers.join(" / "))
    };
    let plural = |&threads: &usize| {
        if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
    };
    let corner = threads.iter().map(plural).collect::<Vec<_>>().join(" / ");
    table(data, &corner, &columns, cell)
}

fn bytes(data: &Data, map: &str) -> Option<String> {
    let size = data.main_size("memory");
    let place = Where { workload: "memory", phase: "full", threads: None, size };
    let number = |record: &Record| extra("usable")(record).or_else(|| extra("requested")(record));
    data.spread(map, place, number).map(|spread| format!("{:.1}", spread.median))
}

fn latency(data: &Data) -> String {
    const NUMBERS: [&str; 5] = ["p50", "p99.9", "p99.99", "p99.999", "max"];
    const TITLES: [&str; 5] = ["p50", "p99.9", "p99.99", "p99.999", "least max of all runs"];
    let place = Where {
        workload: "latency",
        phase: "insert",
        threads: Some(1),
        size: data.main_size("latency"),
    };
    table(data, "insert while growing", &TITLES, |map, column| {
        let spread = data.spread(map, place, extra(NUMBERS[column]))?;
        // What the kernel does to a thread now and then is in the larger maxima.
        let least = |spread: Spread| if column == 4 { spread.min } else { spread.median };
        Some(time(least(spread)))
    })
}

fn snapshots(data: &Data) -> String {
    const COLUMNS: [(&str, &str); 4] = [
        ("take-after-write", "snapshot and drop"),
        ("write", "write"),
        ("first-write", "first write after a snapshot"),
        ("scan-again", "scan, per entry"),
    ];
    let size = data.main_size("snapshot");
    table(data, "", &COLUMNS.map(|(_, title)| title), |map, column| {
        let (phase, _) = COLUMNS[column];
        let place = Where { workload: "snapshot", phase, threads: Some(1), size };
        data.spread(map, place, ns).map(|spread| time(spread.median))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::data;
    use super::*;

    #[test]
    fn filling_twice_changes_nothing() {
        let empty = "a\n<!-- peers operations -->\nold\n<!-- /peers -->\nb\n<!-- peers latency --><!-- /peers -->c";
        let once = fill(empty, &data(), &[1, 2]).unwrap();
        assert!(once.contains("| **`TrieMap`** | 200 / 200 | – |"), "{once}");
        assert!(once.contains("| dashmap | 50 | – |"), "{once}");
        assert!(once.contains("| dashmap | 40 ns | – | – | – | 90 ns |"), "{once}");
        assert!(once.starts_with("a\n") && once.ends_with("c") && !once.contains("old"));
        assert_eq!(fill(&once, &data(), &[1, 2]).unwrap(), once);
    }

    #[test]
    fn figures_are_of_a_few_maps() {
        let text = fill("<!-- peers figures --><!-- /peers -->", &data(), &[1]).unwrap();
        let row = "| the slowest insert while a map grows to 10 |  |  | 90 ns |  |";
        assert!(text.contains(row), "{text}");
        assert!(!text.contains("word pairs"), "{text}");
    }

    #[test]
    fn a_wrong_marker_is_an_error() {
        assert!(fill("none", &data(), &[1]).is_err());
        assert!(fill("<!-- peers what --><!-- /peers -->", &data(), &[1]).is_err());
        assert!(fill("<!-- peers latency -->", &data(), &[1]).is_err());
    }
}
