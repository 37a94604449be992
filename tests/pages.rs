//! The pages name files, types, functions and tests of this repository. Each of them exists.
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
const ELSEWHERE: [(&str, &str); 4] = [
    ("ResizeMode", "of papaya"),
    ("quick_cache", "another crate"),
    ("_sync", "the end of names of scc"),
    ("_async", "the end of names of scc"),
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

/// A path of Rust, a call without arguments, or a name of several words: not whatever is one word.
fn is_code(name: &str) -> bool {
    let plain = name.strip_suffix("()").unwrap_or(name);
    let segments = plain.split("::");
    let is_word = |word: &str| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let has_hump = |word: &str| {
        let letters: Vec<_> = word.chars().collect();
        letters.windows(2).any(|pair| pair[0].is_lowercase() && pair[1].is_uppercase())
    };
    let is_several =
        plain != name || plain.contains("::") || plain.contains('_') || has_hump(plain);
    segments.clone().all(is_word) && is_several
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
        // Its examples compile.
        let examples = text.split("```").skip(1).step_by(2);
        let examples: HashSet<_> = examples.flat_map(str::lines).flat_map(code_words).collect();
        for name in quoted(&text) {
            let exists = if is_file(name) && !name.contains(' ') {
                let name = name.trim_end_matches('/');
                let end = format!("/{name}");
                files.iter().any(|file| file == name || file.ends_with(&end))
            } else if is_code(name) {
                words(name).all(|word| known.contains(word) || examples.contains(word))
            } else {
                continue;
            };
            if !exists {
                missing.entry(name.to_owned()).or_insert(page);
            }
        }
        // Links to files.
        let folder = Path::new(page).parent().expect("a file is in a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_elsewhere =
                ["#", "http", "crate::"].iter().any(|start| target.starts_with(start));
            if !is_elsewhere && !root.join(folder).join(target).exists() {
                missing.entry(target.to_owned()).or_insert(page);
            }
        }
    }
    for (name, reason) in ELSEWHERE {
        assert!(missing.remove(name).is_some(), "{name} ({reason}) need not be listed any more");
    }
    assert!(missing.is_empty(), "named on a page and not found: {missing:#?}");
}
