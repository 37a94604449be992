//! `tests/AUDIT.md` lists every file of the library that has unsafe code, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn with_unsafe(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            with_unsafe(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            if text.contains("(unsafe_code, reason") {
                let root = Path::new(env!("CARGO_MANIFEST_DIR"));
                let path = path.strip_prefix(root).expect("inside of the package");
                found.insert(path.display().to_string());
            }
        }
    }
}

/// Unsafe blocks below a folder, without unit tests.
fn blocks(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).expect("a folder");
    let count = |path: &Path| {
        if path.is_dir() {
            return blocks(path);
        }
        if ["tests.rs", "races.rs", "orderings.rs"].iter().any(|tests| path.ends_with(tests)) {
            return 0;
        }
        let text = fs::read_to_string(path).expect("a source file");
        let tests = ["\nmod tests {", "\nmod orderings {"];
        let code =
            tests.iter().find_map(|tests| text.split_once(tests)).map_or(&*text, |(code, _)| code);
        let code = code.lines().map(|line| line.split("//").next().expect("a first part"));
        code.map(|line| line.matches("unsafe {").count()).sum()
    };
    entries.map(|entry| count(&entry.expect("an entry").path())).sum()
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn there_are_no_more_unsafe_blocks_than_the_page_tells() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("tests/AUDIT.md")).expect("the page");
    let words: Vec<_> = page.split_whitespace().collect();
    let told = words.windows(3).find(|words| words[1..] == ["unsafe", "blocks"]);
    let told: usize = told.expect("a number of unsafe blocks")[0].parse().expect("a number");
    let found = blocks(&root.join("src"));
    assert!(found <= told, "{found} unsafe blocks, and the page tells of {told}");
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn every_file_with_unsafe_code_is_audited() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    with_unsafe(&root.join("src"), &mut found);
    let page = fs::read_to_string(root.join("tests/AUDIT.md")).expect("the page");
    let listed = page.lines().filter_map(|line| line.strip_prefix("| `src/"));
    let listed = listed.filter_map(|rest| rest.split_once('`'));
    let listed: BTreeSet<_> = listed.map(|(path, _)| format!("src/{path}")).collect();
    assert_eq!(listed, found, "listed in tests/AUDIT.md, and found to have unsafe code");
}
