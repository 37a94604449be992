//! Imports point downwards: no group of source files imports in a circle.
//!
//! A file depends on the files that define what its paths within the crate name. Re-exports are followed to the
//! definition, and a file does not depend on what it only re-exports: so a `mod.rs` that declares its children and
//! re-exports counts for nothing. Neither do comments, unit tests and the guide.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A path from the root of the crate.
type Segments = Vec<String>;

#[derive(Default)]
struct File {
    module: Segments,
    tokens: Vec<String>,
    /// Paths by the names that they have here.
    imports: BTreeMap<String, Segments>,
    /// All paths but those that are re-exported.
    uses: Vec<Segments>,
}

/// The files, by their modules and by their names.
#[derive(Default)]
struct Crate {
    names: BTreeMap<Segments, String>,
    files: BTreeMap<String, File>,
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else {
            found.push(path.display().to_string().replace('\\', "/"));
        }
    }
}

/// Words, `::`, and other characters one by one; no comments, and no unit tests.
fn tokens(text: &str) -> Vec<String> {
    let tests = ["\nmod tests {", "\nmod orderings {"];
    let code = tests.iter().find_map(|tests| text.split_once(tests)).map_or(text, |(code, _)| code);
    let code: String =
        code.lines().flat_map(|line| [line.split("//").next().unwrap(), "\n"]).collect();
    let mut tokens: Vec<String> = Vec::new();
    let mut joins = false;
    for c in code.chars() {
        let is_word = c.is_alphanumeric() || c == '_';
        match tokens.last_mut() {
            Some(last) if joins && (is_word || (c == ':' && last == ":")) => last.push(c),
            _ if c.is_whitespace() => {}
            _ => tokens.push(c.to_string()),
        }
        let word = tokens
            .last()
            .is_some_and(|last| last.starts_with(|c: char| c.is_alphanumeric() || c == '_'));
        joins =
            if word { is_word } else { c == ':' && tokens.last().is_some_and(|last| last == ":") };
    }
    tokens
}

/// The paths of a tree such as `a::{b, c::d as e}` below `prefix`, each with its name. Returns what follows.
fn tree<'t>(
    mut rest: &'t [String],
    prefix: &[String],
    found: &mut Vec<(String, Segments)>,
) -> &'t [String] {
    let mut path = prefix.to_vec();
    while let [word, after @ ..] = rest {
        if word == "{" {
            rest = after;
            while rest.first().is_some_and(|word| word != "}") {
                let left = tree(rest, &path, found);
                rest = if left.len() < rest.len() { left } else { &rest[1..] };
            }
            return rest.get(1..).unwrap_or_default();
        }
        if !word.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            break;
        }
        path.push(word.clone());
        rest = after;
        match rest {
            [word, after @ ..] if word == "::" => rest = after,
            _ => break,
        }
    }
    if path.len() > prefix.len() {
        let mut name = path.last().expect("a word").clone();
        if let [word, alias, after @ ..] = rest {
            if word == "as" {
                (name, rest) = (alias.clone(), after);
            }
        }
        found.push((name, path));
    }
    rest
}

impl Crate {
    fn read() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut paths = Vec::new();
        sources(&source, &mut paths);
        let root = source.display().to_string().replace('\\', "/");
        let mut this = Self::default();
        for path in paths {
            let name = path[root.len() + 1..].to_string();
            let is_test = ["tests.rs", "races.rs", "orderings.rs", "lifetimes.rs"]
                .iter()
                .any(|test| name.ends_with(test));
            if is_test || name.starts_with("guide/") || !name.ends_with(".rs") {
                continue;
            }
            let mut module: Segments =
                name[..name.len() - 3].split('/').map(str::to_string).collect();
            if module.last().is_some_and(|last| last == "mod" || last == "lib") {
                module.pop();
            }
            let tokens = tokens(&fs::read_to_string(path).expect("a source file"));
            this.names.insert(module.clone(), name.clone());
            this.files.insert(name, File { module, tokens, ..File::default() });
        }
        let modules: BTreeSet<Segments> = this.names.keys().cloned().collect();
        this.files.values_mut().for_each(|file| file.find_paths(&modules));
        this
    }

    /// The file that defines what a path names.
    fn definition(&self, path: &[String], depth: usize) -> Option<&str> {
        let known =
            (0..=path.len()).rev().find(|&length| self.names.contains_key(&path[..length]))?;
        let name = &self.names[&path[..known]];
        if let Some(target) = path.get(known).and_then(|item| self.files[name].imports.get(item)) {
            let target: Segments = target.iter().chain(&path[known + 1..]).cloned().collect();
            if depth > 0 && target != path {
                return self.definition(&target, depth - 1);
            }
        }
        Some(name)
    }

    fn dependencies(&self) -> BTreeMap<&str, BTreeSet<&str>> {
        let of = |name: &str, file: &File| -> BTreeSet<&str> {
            let found = file.uses.iter().filter_map(|path| self.definition(path, 5));
            found.filter(|other| *other != name).collect()
        };
        self.files.iter().map(|(name, file)| (name.as_str(), of(name, file))).collect()
    }
}

impl File {
    fn find_paths(&mut self, modules: &BTreeSet<Segments>) {
        let mut rest = self.tokens.as_slice();
        let mut before: [&str; 2] = ["", ""];
        let mut uses = Vec::new();
        while let [word, after @ ..] = rest {
            let is_use = word == "use";
            let starts =
                is_use || (after.first().is_some_and(|next| next == "::") && before[1] != "::");
            let mut found = Vec::new();
            let left = match (starts, is_use) {
                (false, _) => after,
                (true, false) => tree(rest, &[], &mut found),
                (true, true) => tree(after, &[], &mut found),
            };
            let next = if left.len() < rest.len() { left } else { after };
            // `pub use` and `pub(crate) use`.
            let re_exports = is_use
                && (before[1] == "pub" || before == ["crate", ")"] || before == ["super", ")"]);
            for (name, path) in found {
                let Some(path) = self.absolute(&path, modules) else { continue };
                if is_use {
                    self.imports.insert(name, path.clone());
                }
                if !re_exports {
                    uses.push(path);
                }
            }
            before = [before[1], word];
            rest = next;
        }
        self.uses = uses;
    }

    /// A path from the root of the crate; none if it leads out of it.
    fn absolute(&self, path: &[String], modules: &BTreeSet<Segments>) -> Option<Segments> {
        let mut base = self.module.clone();
        match path[0].as_str() {
            "crate" => base.clear(),
            "self" => {}
            "super" => _ = base.pop(),
            child => {
                base.push(child.to_string());
                return modules.contains(&base).then(|| [&base, &path[1..]].concat());
            }
        }
        Some([&base, &path[1..]].concat())
    }
}

/// Groups of files of which each depends on each, if only by others.
fn circles(graph: &BTreeMap<&str, BTreeSet<&str>>) -> BTreeSet<Vec<String>> {
    let reach = |from: &str| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from.to_string()]);
        while let Some(name) = todo.pop() {
            for other in &graph[name.as_str()] {
                if seen.insert(other.to_string()) {
                    todo.push(other.to_string());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        graph.keys().map(|&name| (name, reach(name))).collect();
    let circle = |name: &&str| -> Vec<String> {
        reached[name]
            .iter()
            .filter(|other| reached[other.as_str()].contains(*name))
            .cloned()
            .collect()
    };
    graph.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn imports_point_downwards() {
    let all = Crate::read();
    let graph = all.dependencies();
    assert!(
        graph["map/trie_map.rs"].contains("trie/mod.rs")
            && graph["trie/mod.rs"].contains("engine.rs")
    );
    let found = circles(&graph);
    for circle in &found {
        eprintln!("a circle: {circle:#?}");
        for name in circle {
            let within =
                graph[name.as_str()].iter().filter(|other| circle.contains(&other.to_string()));
            eprintln!("  {name} imports {:?}", within.collect::<Vec<_>>());
        }
    }
    assert!(found.is_empty(), "files that import in a circle");
}

#[test]
fn circles_are_found() {
    let graph = [("a", vec!["b"]), ("b", vec!["c"]), ("c", vec!["b", "d"]), ("d", vec![])];
    let graph =
        graph.into_iter().map(|(name, others)| (name, others.into_iter().collect())).collect();
    assert_eq!(circles(&graph), BTreeSet::from([vec!["b".to_string(), "c".to_string()]]));
}

#[test]
fn paths_are_found() {
    let text = "use super::{a, b::{C as D, e}}; // use x::y\nfn f() { crate::g::h(1); child::i::<u8>() } pub use self::child::J;";
    let modules = BTreeSet::from([vec!["m".to_string(), "child".to_string()]]);
    let mut file = File { module: vec!["m".to_string()], tokens: tokens(text), ..File::default() };
    file.find_paths(&modules);
    let uses: Vec<String> = file.uses.iter().map(|path| path.join("::")).collect();
    assert_eq!(uses, ["a", "b::C", "b::e", "g::h", "m::child::i"]);
    let imports: Vec<&str> = file.imports.keys().map(String::as_str).collect();
    assert_eq!(imports, ["D", "J", "a", "e"]);
}
