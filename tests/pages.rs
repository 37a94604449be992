//! The pages name files, types, functions and tests of this repository. Each of them exists, except those that
//! CHANGELOG lists as removed.
#![cfg(not(any(miri, shuttle)))]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;

/// Pages outside of the guide.
const PAGES: [&str; 8] = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "benches/README.md",
    "benches/peers/README.md",
    "tests/AUDIT.md",
    "tests/MUTANTS.md",
];

/// Names that are not in this repository's code, and why a page has them.
const ELSEWHERE: [(&str, &str); 8] = [
    ("ResizeMode", "of papaya"),
    ("moka", "another crate"),
    ("quick_cache", "another crate"),
    ("Mutex<im::HashMap>", "another crate"),
    ("ArcSwap<im::HashMap>", "another crate"),
    ("_sync", "the end of names of scc"),
    ("_async", "the end of names of scc"),
    ("latency-warm", "what clap makes of `LatencyWarm`"),
];

/// All files of the repository by path, and all folders.
fn walk(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if ["target", ".git", "corpus", "artifacts"].contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{path}/"), found);
        }
        found.insert(path);
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Without those of comments, which may be as old as pages.
fn code_words(line: &str) -> impl Iterator<Item = &str> {
    words(line.split("//").next().expect("a part before the first comment"))
}

/// What stands between backticks on a page, but not in blocks of code.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    let mut in_block = false;
    let prose = page.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_block ^= fence;
        !fence && !in_block
    });
    prose.flat_map(|line| line.split('`').skip(1).step_by(2))
}

fn is_file(name: &str) -> bool {
    let ends = [".rs", ".md", ".csv", ".toml", ".yml", ".svg"];
    name.contains('/') || ends.iter().any(|end| name.ends_with(end))
}

/// Whether a name is an identifier, a path or a call, and not a command or a symbol.
fn is_code(name: &str) -> bool {
    let is_command = name.contains(" -") || name.contains('=');
    let is_comment = name.starts_with("//");
    name.contains(|c: char| c.is_ascii_alphabetic()) && !is_command && !is_comment
}

/// The anchor of a heading, as GitHub and rustdoc make it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || ['-', '_', ' '].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn what_pages_name_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeSet::new();
    walk(root, "", &mut files);
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a file in UTF-8");

    let mut known = HashSet::new();
    let is_source = |path: &str| path.ends_with(".rs") || path.ends_with("Cargo.toml");
    for path in files.iter().filter(|path| is_source(path) && *path != "tests/pages.rs") {
        for line in read(path).lines() {
            known.extend(code_words(line).map(str::to_owned));
        }
    }

    let in_guide =
        files.iter().filter(|path| path.starts_with("src/guide/") && path.ends_with(".md"));
    let pages: Vec<_> = PAGES.into_iter().chain(in_guide.map(String::as_str)).collect();
    let mut missing = BTreeMap::new();
    for page in pages {
        let text = read(page);
        let text = text.split("\nRemoved:\n").next().expect("the first part");
        // Its examples compile.
        let examples = text.split("```").skip(1).step_by(2);
        let examples: HashSet<_> = examples.flat_map(str::lines).flat_map(code_words).collect();
        for name in quoted(text) {
            let first = name.split(' ').next().expect("a first word");
            let exists = if is_file(first) && is_code(first) {
                let path = first.trim_end_matches('/');
                let end = format!("/{path}");
                files.iter().any(|file| file == path || file.ends_with(&end))
            } else {
                let exists = |word: &str| known.contains(word) || examples.contains(word);
                let is_number = |word: &str| word.starts_with(|c: char| c.is_ascii_digit());
                !is_code(name) || words(name).all(|word| is_number(word) || exists(word))
            };
            if !exists {
                missing.entry(name.to_owned()).or_insert(page);
            }
        }
        // Links to files and headings.
        let folder = Path::new(page).parent().expect("a file is in a folder");
        let headings: HashSet<_> =
            text.lines().filter(|line| line.starts_with('#')).map(anchor).collect();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_elsewhere = ["http", "crate::"].iter().any(|start| target.starts_with(start));
            let exists = match target.strip_prefix('#') {
                Some(heading) => headings.contains(heading),
                None => is_elsewhere || root.join(folder).join(target).exists(),
            };
            if !exists {
                missing.entry(target.to_owned()).or_insert(page);
            }
        }
    }
    for (name, reason) in ELSEWHERE {
        assert!(missing.remove(name).is_some(), "{name} ({reason}) need not be listed any more");
    }
    assert!(missing.is_empty(), "named on a page and not found: {missing:#?}");
}
