//! The comment at the top of a result file: what was measured, where and how, so that the file is self-contained. The
//! build script supplies the facts that are known when the binary is built.

use crate::record::COLUMNS;
use std::env;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::SystemTime;

/// The header, with the line of column names at its end.
pub fn text() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let machine = [&cpu_model(), env::consts::OS, env::consts::ARCH].join(", ");
    let date = humantime::format_rfc3339_seconds(SystemTime::now());
    let lines = [
        format!("# machine: {machine}, {cores} cores"),
        format!("# huge pages: {}", huge_pages()),
        format!("# rustc: {}", env!("PEERS_RUSTC")),
        format!("# flags: {:?}", env!("PEERS_RUSTFLAGS")),
        format!("# crates: {}", env!("PEERS_CRATES")),
        format!("# commit: {}", env!("PEERS_COMMIT")),
        format!("# allocator: {}", either(cfg!(feature = "mimalloc"), "mimalloc", "system")),
        format!("# papaya's fast-barrier: {}", either(cfg!(feature = "fast-barrier"), "on", "off")),
        "# hasher: foldhash fast; one pin, guard or lock per operation".into(),
        format!("# date: {date}"),
        format!("# command: {}", command()),
        "# ns_per_op_and_thread = ns_total * threads / ops: a mean, not a latency".into(),
        "# churn: an insert and a remove are two ops; scan: an entry is one".into(),
        "# extra: bytes per entry in memory, bytes in garbage, ns in latency, percent of reads where a rate".into(),
        COLUMNS.into(),
    ];
    lines.map(|line| line + "\n").concat()
}

/// How busy the machine is.
pub fn load() -> String {
    first_line("/proc/loadavg")
}

fn either<'a>(condition: bool, yes: &'a str, no: &'a str) -> &'a str {
    if condition { yes } else { no }
}

fn huge_pages() -> String {
    first_line("/sys/kernel/mm/transparent_hugepage/enabled")
}

/// The command line, without the folder of the program.
fn command() -> String {
    let mut words: Vec<String> = env::args().collect();
    if let Some(program) = words.first_mut() {
        let name = Path::new(program.as_str()).file_name().unwrap_or_default();
        *program = name.to_string_lossy().into_owned();
    }
    words.join(" ")
}

fn cpu_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with("model name"));
    let model = line.and_then(|line| line.split_once(':'));
    model.map_or("unknown".into(), |(_, model)| model.trim().into())
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or("unknown").into()
}
