//! Bakes what was built into the binary: the compiler, its flags, the crate versions and the commit.
//! It does not describe the machine; that is done when a suite starts.

use std::env;
use std::fs;
use std::process::Command;

/// The crates whose versions belong in the header of a result file.
const NAMED: [&str; 19] = [
    "arc-swap",
    "contrie",
    "crossbeam-epoch",
    "dashmap",
    "evmap",
    "flurry",
    "foldhash",
    "griddle",
    "hashbrown",
    "imbl",
    "kovan",
    "kovan-map",
    "leapfrog",
    "mimalloc",
    "papaya",
    "rayon",
    "scc",
    "seize",
    "snaptrie",
];

fn main() {
    for path in [
        "build.rs",
        "Cargo.lock",
        "../../Cargo.toml",
        "../../src",
        // Grows with every commit.
        "../../.git/logs/HEAD",
    ] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=CARGO_ENCODED_RUSTFLAGS");

    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    bake("PEERS_RUSTC", &output(&rustc, &["--version"]));
    bake("PEERS_RUSTFLAGS", &flags.replace('\u{1f}', " "));
    bake("PEERS_CRATES", &versions(&lock).join(" "));
    let commit = output("git", &["describe", "--always", "--dirty"]);
    bake("PEERS_COMMIT", &commit);
}

fn bake(name: &str, value: &str) {
    println!("cargo::rustc-env={name}={value}");
}

/// The first line that `program` prints, or `unknown`.
fn output(program: &str, args: &[&str]) -> String {
    let run = Command::new(program).args(args).output();
    let line = run
        .ok()
        .and_then(|out| String::from_utf8(out.stdout).ok())
        .and_then(|text| text.lines().next().map(str::to_owned));
    line.unwrap_or_else(|| "unknown".into())
}

/// `name version` for each named package of a lock file, in its order.
fn versions(lock: &str) -> Vec<String> {
    let field = |line: &str, name: &str| {
        let value = line.strip_prefix(name)?.strip_prefix(" = \"")?;
        value.strip_suffix('"').map(str::to_owned)
    };
    let mut found = Vec::new();
    let mut package = None;
    for line in lock.lines() {
        if let Some(name) = field(line, "name") {
            package = NAMED.contains(&name.as_str()).then_some(name);
        } else if let (Some(name), Some(version)) = (&package, field(line, "version")) {
            found.push(format!("{name}-{version}"));
            package = None;
        }
    }
    found
}
