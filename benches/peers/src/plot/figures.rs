//! The pictures and their contents. A panel without numbers is left out, and so is a picture without panels.

use super::{Data, Spread, Where, extra, mops, ns, short, style, time};
use crate::record::Record;

/// A picture: panels side by side.
pub(super) struct Figure {
    pub(super) name: &'static str,
    pub(super) panels: Vec<Panel>,
    /// Whether the panels are small, one a map.
    pub(super) small: bool,
}

fn figure(name: &'static str, panels: Vec<Panel>) -> Figure {
    Figure { name, panels, small: false }
}

pub(super) struct Panel {
    pub(super) title: String,
    /// The unit of the numbers.
    pub(super) unit: String,
    /// The label of the other axis.
    pub(super) along: &'static str,
    /// The places at that axis.
    pub(super) places: Vec<String>,
    pub(super) log: bool,
    pub(super) kind: Kind,
    pub(super) series: Vec<Series>,
    /// How a number is written at the axis.
    pub(super) label: fn(f64) -> String,
    /// The ends of the axis, if all panels have the same.
    pub(super) range: Option<(f64, f64)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line for each map, through all places.
    Lines,
    /// The same without marks.
    Trace,
    /// The same without lines: the places have no order.
    Points,
    /// A bar for each map at each place.
    Bars,
}

impl Kind {
    /// Lines, or bars if there is only one place.
    fn over(places: &[Where<'_>]) -> Self {
        if places.len() == 1 { Self::Bars } else { Self::Lines }
    }
}

/// The numbers of a map, at each place or not.
pub(super) struct Series {
    pub(super) map: String,
    pub(super) points: Vec<Option<Spread>>,
}

/// All pictures that there are numbers for.
pub(super) fn all(data: &Data) -> Vec<Figure> {
    let figures = [
        figure("threads", threads(data)),
        figure("reads", reads(data)),
        figure("sizes", sizes(data)),
        figure("mixes", mixes(data)),
        figure("latency", latency(data)),
        Figure { name: "spikes", panels: spikes(data), small: true },
        figure("memory", memory(data)),
        figure("snapshots", snapshots(data)),
        figure("bigrams", bigrams(data)),
    ];
    let filled = figures.into_iter().map(|mut figure| {
        figure.panels.retain(|panel| !panel.series.is_empty());
        figure
    });
    filled.filter(|figure| !figure.panels.is_empty()).collect()
}

/// The series of all maps that have a number at one of the places.
fn series<'a>(
    data: &'a Data,
    places: &[Where<'a>],
    number: impl Fn(&Record) -> Option<f64>,
) -> Vec<Series> {
    let of_map = |map: &str| {
        let points = places.iter().map(|place| data.spread(map, *place, &number)).collect();
        Series { map: map.into(), points }
    };
    let all = data.maps().into_iter().map(of_map);
    all.filter(|series| series.points.iter().any(Option::is_some)).collect()
}

fn threads(data: &Data) -> Vec<Panel> {
    let phases = [
        ("fill", "insert", "insert from empty"),
        ("fill", "hit", "look up, present"),
        ("churn", "steady", "insert and remove, steady"),
        ("mix", "reads-50", "half reads, steady"),
    ];
    let panel = |(workload, phase, title): (&'static str, &'static str, &str)| {
        let size = data.main_size(workload);
        let threads = data.threads(workload);
        let place = |&threads: &usize| Where { workload, phase, threads: Some(threads), size };
        let places: Vec<_> = threads.iter().map(place).collect();
        Panel {
            title: sized(title, size),
            unit: "million operations per second".into(),
            along: "threads",
            places: threads.iter().map(ToString::to_string).collect(),
            log: false,
            kind: Kind::over(&places),
            series: series(data, &places, mops),
            label: short,
            range: None,
        }
    };
    phases.map(panel).into()
}

fn reads(data: &Data) -> Vec<Panel> {
    const PHASES: [(&str, &str); 4] =
        [("reads-5", "5 %"), ("reads-50", "50 %"), ("reads-95", "95 %"), ("reads-100", "100 %")];
    let mut panels = Vec::new();
    for (workload, keys) in [("mix", "uniform keys"), ("zipf", "Zipf 0.99")] {
        let size = data.main_size(workload);
        let all = data.threads(workload);
        let mut ends = [all.first(), all.last()].into_iter().flatten().collect::<Vec<_>>();
        ends.dedup();
        for &threads in ends {
            let place = |(phase, _)| Where { workload, phase, threads: Some(threads), size };
            let plural = if threads == 1 { "" } else { "s" };
            panels.push(Panel {
                title: sized(&format!("{keys}, {threads} thread{plural}"), size),
                unit: "million operations per second".into(),
                along: "reads",
                places: PHASES.map(|(_, name)| name.into()).into(),
                log: false,
                kind: Kind::Lines,
                series: series(data, &PHASES.map(place), mops),
                label: short,
                range: None,
            });
        }
    }
    panels
}

fn sizes(data: &Data) -> Vec<Panel> {
    let phases =
        [("insert", "insert from empty"), ("hit", "look up, present"), ("miss", "look up, absent")];
    let panel = |(phase, title): (&'static str, &str)| {
        let sizes = data.sizes("fill");
        let threads = Some(1);
        let place = |&size: &usize| Where { workload: "fill", phase, threads, size: Some(size) };
        let places: Vec<_> = sizes.iter().map(place).collect();
        Panel {
            title: format!("{title}, 1 thread"),
            unit: "nanoseconds per operation".into(),
            along: "entries",
            places: sizes.iter().map(|&size| short(size as f64)).collect(),
            log: true,
            kind: Kind::Lines,
            series: series(data, &places, ns),
            label: time,
            range: None,
        }
    };
    phases.map(panel).into()
}

fn mixes(data: &Data) -> Vec<Panel> {
    let workloads = [
        ("read-heavy", "98 % reads"),
        ("exchange", "40 % inserts, 40 % removes"),
        ("rapid-grow", "80 % inserts"),
    ];
    let mut panels = Vec::new();
    for (workload, title) in workloads {
        for phase in ["pre-sized", "from-empty"] {
            let size = data.main_size(workload);
            let threads = data.threads(workload);
            let place = |&threads: &usize| Where { workload, phase, threads: Some(threads), size };
            let places: Vec<_> = threads.iter().map(place).collect();
            let title = match threads[..] {
                [1] => format!("{title}, {phase}, 1 thread"),
                [one] => format!("{title}, {phase}, {one} threads"),
                _ => format!("{title}, {phase}"),
            };
            panels.push(Panel {
                title,
                unit: "million operations per second".into(),
                along: "threads",
                places: threads.iter().map(ToString::to_string).collect(),
                log: false,
                kind: Kind::over(&places),
                series: series(data, &places, mops),
                label: short,
                range: None,
            });
        }
    }
    panels
}

fn latency(data: &Data) -> Vec<Panel> {
    const QUANTILES: [&str; 6] = ["p50", "p99", "p99.9", "p99.99", "p99.999", "max"];
    let size = data.main_size("latency");
    let place = |phase| Where { workload: "latency", phase, threads: Some(1), size };
    let quantile = |map: &str| {
        let points = QUANTILES.map(|name| data.spread(map, place("insert"), extra(name)));
        Series { map: map.into(), points: points.into() }
    };
    let percentiles = data.maps().into_iter().map(quantile);
    let percentiles = percentiles.filter(|series| series.points.iter().any(Option::is_some));

    vec![Panel {
        title: sized("single inserts while growing", size),
        unit: "time per insert".into(),
        along: "percentile",
        places: QUANTILES.map(Into::into).into(),
        log: true,
        kind: Kind::Lines,
        series: percentiles.collect(),
        label: time,
        range: None,
    }]
}

/// A panel per map, all with the same axes: lines in one panel could not be told apart.
fn spikes(data: &Data) -> Vec<Panel> {
    let size = data.main_size("latency");
    let place = Where { workload: "latency", phase: "growth", threads: Some(1), size };
    // The names of the stretches are in the records.
    let stretches: Vec<&str> = data
        .at(place)
        .next()
        .map_or(Vec::new(), |record| record.extra.iter().map(|(name, _)| name.as_str()).collect());
    let spike = |map: &str| {
        // Not all runs have an interruption by the kernel, but all have the resizes.
        let least = |name: &&str| {
            let spread = data.spread(map, place, extra(name))?;
            Some(Spread { median: spread.min, ..spread })
        };
        Series { map: map.into(), points: stretches.iter().map(least).collect() }
    };
    let spikes: Vec<Series> = data.maps().into_iter().map(spike).collect();
    let points = || spikes.iter().flat_map(|series| series.points.iter().flatten());
    let low = points().map(|spread| spread.median).fold(f64::INFINITY, f64::min);
    let high = points().map(|spread| spread.median).fold(0.0, f64::max);
    let entries = |name: &&str| short(name.trim_start_matches("to-").parse().unwrap_or(0.0));
    let places: Vec<String> = stretches.iter().map(entries).collect();
    let panel = |series: Series| Panel {
        title: style::label(&series.map).into(),
        unit: "slowest insert".into(),
        along: "entries so far",
        places: places.clone(),
        log: true,
        kind: Kind::Trace,
        series: vec![series],
        label: time,
        range: Some((low, high)),
    };
    let filled = spikes.into_iter().filter(|s| s.points.iter().any(Option::is_some));
    filled.map(panel).collect()
}

fn memory(data: &Data) -> Vec<Panel> {
    let size = data.main_size("memory");
    let place = |phase| Where { workload: "memory", phase, threads: None, size };
    // If the allocator does not report the bytes taken, those requested.
    let bytes = |record: &Record| extra("usable")(record).or_else(|| extra("requested")(record));
    let panel = |(phase, title): (&'static str, &str)| Panel {
        title: sized(title, size),
        unit: "bytes per entry".into(),
        along: "",
        places: vec![String::new()],
        log: false,
        kind: Kind::Bars,
        series: series(data, &[place(phase)], bytes),
        label: short,
        range: None,
    };
    [("full", "memory, full"), ("emptied", "memory, all removed")].map(panel).into()
}

fn snapshots(data: &Data) -> Vec<Panel> {
    let place = |workload, phase| Where {
        workload,
        phase,
        threads: Some(1),
        size: data.main_size(workload),
    };
    let costs = [
        ("write", "write, none taken"),
        ("first-write", "first write after"),
        ("take-after-write", "snapshot and drop"),
    ];
    let loads = [
        ("none", "none"),
        ("held", "one, held"),
        ("every-100-ms", "100 ms"),
        ("every-10-ms", "10 ms"),
        ("every-1-ms", "1 ms"),
    ];
    let bytes = [
        ("writes-0%", "0 %"),
        ("writes-1%", "1 %"),
        ("writes-10%", "10 %"),
        ("writes-50%", "50 %"),
        ("writes-100%", "100 %"),
    ];
    let names = |all: &[(&str, &str)]| all.iter().map(|(_, name)| (*name).into()).collect();
    let places = |workload, all: &[(&'static str, &str)]| -> Vec<_> {
        all.iter().map(|(phase, _)| place(workload, phase)).collect()
    };
    vec![
        Panel {
            title: sized("single calls", data.main_size("snapshot")),
            unit: "time per call".into(),
            along: "",
            places: names(&costs),
            log: true,
            kind: Kind::Points,
            series: series(data, &places("snapshot", &costs), ns),
            label: time,
            range: None,
        },
        Panel {
            title: "writes while snapshots are taken, 1 thread".into(),
            unit: "million writes per second".into(),
            along: "a snapshot every …",
            places: names(&loads),
            log: true,
            kind: Kind::Lines,
            series: series(data, &places("snapshot-load", &loads), mops),
            label: short,
            range: None,
        },
        Panel {
            title: "held by a snapshot".into(),
            unit: "bytes per entry of the map".into(),
            along: "writes since, of the entries",
            places: names(&bytes),
            log: false,
            kind: Kind::Lines,
            series: series(data, &places("snapshot-memory", &bytes), extra("requested")),
            label: short,
            range: None,
        },
    ]
}

fn bigrams(data: &Data) -> Vec<Panel> {
    let threads = data.threads("bigrams");
    let place = |&threads: &usize| Where {
        workload: "bigrams",
        phase: "count",
        threads: Some(threads),
        size: data.main_size("bigrams"),
    };
    let places: Vec<_> = threads.iter().map(place).collect();
    vec![Panel {
        title: "pairs of words counted in real text".into(),
        unit: "million pairs per second".into(),
        along: "threads",
        places: threads.iter().map(ToString::to_string).collect(),
        log: false,
        kind: Kind::over(&places),
        series: series(data, &places, mops),
        label: short,
        range: None,
    }]
}

fn sized(title: &str, size: Option<usize>) -> String {
    size.map_or(title.into(), |size| format!("{title}, {} entries", short(size as f64)))
}
