//! The examples as users run them: their output, files and exit status.
//!
//! Cargo builds examples for `cargo test`, but not if only some test targets are selected.
#![cfg(not(any(miri, shuttle)))]

#[path = "examples/checkpoint.rs"]
mod checkpoint;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs an example without a terminal.
fn example(name: &str) -> Command {
    let this = std::env::current_exe().expect("tests know where they are");
    let profile = this.ancestors().nth(2).expect("tests are in target/PROFILE/deps");
    let path = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "example {name} is not built: run `cargo build --examples` first");
    Command::new(path)
}

/// A new, empty folder.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the folder of the last run can go");
    }
    fs::create_dir_all(&path).expect("a folder can be made");
    path
}

fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("a path in a folder")).expect("a folder can be made");
    fs::write(path, content).expect("a file can be written");
}

/// The names of a folder's entries, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name in UTF-8");
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

fn run(command: &mut Command) -> (Output, String, String) {
    let output = command.output().expect("the example starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8 output");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    (output, stdout, stderr)
}

/// The lines of the JSON file, after a successful run over `input`.
fn bigrams(input: &Path, threads: &str) -> (Vec<(u64, String)>, String, String) {
    let json = input.with_extension("json");
    let mut command = example("bigrams");
    command.args(["--threads", threads, "--every", "1"]).arg("--json").arg(&json).arg(input);
    let (output, stdout, stderr) = run(&mut command);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(!format!("{stdout}{stderr}").contains('\x1b'), "control characters without a terminal");
    let content = fs::read_to_string(json).expect("the JSON file is there");
    let parsed: serde_json::Value = serde_json::from_str(&content).expect("valid JSON");
    let counts = parsed.as_array().expect("an array").iter().map(|element| {
        let count = element["count"].as_u64().expect("a count");
        let words = [0, 1].map(|index| element["words"][index].as_str().expect("a word"));
        (count, words.join(" "))
    });
    (counts.collect(), stdout, stderr)
}

fn counts<const N: usize>(expected: [(u64, &str); N]) -> Vec<(u64, String)> {
    expected.map(|(count, words)| (count, words.to_owned())).to_vec()
}

#[test]
fn bigrams_counts_exactly() {
    let input = folder("text");
    write(&input, "a.txt", "The cat, the CAT -- the\ncat2cat\n");
    write(&input, "deep/er/b", "Ärger über ÄRGER über alles");
    write(&input, "one.txt", "alone");
    write(&input, "invalid.txt", b"mis\xfftaken");
    write(&input, "empty", "");
    write(&input, "binary", b"not this \0 file");
    write(&input, ".hidden/file", "nor this");
    #[cfg(unix)]
    std::os::unix::fs::symlink("..", input.join("deep/loop")).expect("a link can be made");

    let (found, stdout, _) = bigrams(&input, "2");
    let expected = [
        (3, "the cat"),
        (2, "cat the"),
        (2, "ärger über"),
        (1, "cat cat"),
        (1, "mis taken"),
        (1, "über alles"),
        (1, "über ärger"),
    ];
    assert_eq!(found, counts(expected));
    for line in [
        "files      5 read, 1 binary and 0 unreadable skipped",
        "words      15 read, 8 distinct",
        "bigrams    11 read, 7 distinct",
        "check      the counts of the last snapshot add up to the bigrams read",
    ] {
        assert!(stdout.lines().any(|printed| printed == line), "no {line:?} in\n{stdout}");
    }
}

/// Pieces may be cut anywhere, in words with characters of one to four bytes.
#[test]
fn bigrams_counts_large_files_as_small_ones() {
    const TIMES: u64 = 150_000;
    let input = folder("large");
    write(&input, "large", "One Zwölf 三 𐐀𐐁 ".repeat(TIMES as usize));
    let expected = counts([
        (TIMES, "one zwölf"),
        (TIMES, "zwölf 三"),
        (TIMES, "三 𐐨𐐩"),
        (TIMES - 1, "𐐨𐐩 one"),
    ]);
    for threads in ["1", "4"] {
        assert_eq!(bigrams(&input, threads).0, expected);
    }
    // It cannot be cut: its only ASCII characters are letters.
    let input = folder("uncuttable");
    let text = "三。x、".repeat(400_000);
    write(&input, "large", &text);
    assert_eq!(bigrams(&input, "2").0, counts([(400_000, "三 x"), (399_999, "x 三")]));
}

#[test]
fn bigrams_refuses_when_there_is_nothing_to_read() {
    let empty = folder("empty");
    let (output, stdout, stderr) = run(example("bigrams").arg(&empty));
    assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("no file to read"), "{stderr}");

    let (output, stdout, stderr) = run(example("bigrams").arg(&empty).arg(empty.join("missing")));
    assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("missing"), "{stderr}");
}

#[test]
fn bigrams_refuses_when_nothing_was_read() {
    let input = folder("nothing");
    write(&input, "binary", b"not this \0 file");
    write(&input, "another", b"\0");
    let results = folder("no-results");
    let json = results.join("counts");
    let (output, stdout, stderr) = run(example("bigrams").arg(&input).arg("--json").arg(json));
    assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("nothing was read") && stderr.contains("2 binary"), "{stderr}");
    assert_eq!(names(&results), [""; 0]);
}

/// Some files can be opened but not read: this one not even by the superuser.
#[cfg(target_os = "linux")]
#[test]
fn bigrams_refuses_a_named_file_that_cannot_be_read() {
    let input = folder("named");
    write(&input, "good", "to be");
    let json = input.join("counts");
    fs::write(&json, "old").expect("a file can be written");
    let mut command = example("bigrams");
    command.arg(input.join("good")).arg("/proc/self/mem").arg("--json").arg(&json);
    let (output, stdout, stderr) = run(&mut command);
    assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{stderr}");
    assert!(stderr.contains("error: cannot read /proc/self/mem"), "{stderr}");
    assert_eq!(names(&input), ["counts", "good"]);
    assert_eq!(fs::read_to_string(json).expect("the file is there"), "old");
}

#[cfg(unix)]
#[test]
fn bigrams_refuses_named_paths_without_permission() {
    use std::os::unix::fs::PermissionsExt;

    let input = folder("closed");
    write(&input, "good", "to be");
    write(&input, "file", "secret secret");
    write(&input, "folder/file", "secret secret");
    for closed in ["file", "folder"].map(|name| input.join(name)) {
        let mode = |mode| fs::set_permissions(&closed, fs::Permissions::from_mode(mode));
        mode(0o000).expect("permissions can be taken");
        // The superuser may read everything.
        if fs::File::open(&closed).is_err() {
            let (output, stdout, stderr) =
                run(example("bigrams").arg(input.join("good")).arg(&closed));
            assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{stderr}");
            assert!(stderr.contains("error: cannot read"), "{stderr}");
        }
        mode(0o755).expect("permissions can be given");
    }
}

#[cfg(unix)]
#[test]
fn bigrams_goes_on_after_an_unreadable_file() {
    use std::os::unix::fs::PermissionsExt;

    let input = folder("unreadable");
    write(&input, "good", "to be or not to be");
    write(&input, "closed", "secret secret");
    let none = fs::Permissions::from_mode(0o000);
    fs::set_permissions(input.join("closed"), none).expect("permissions can be taken");
    if fs::File::open(input.join("closed")).is_ok() {
        // The superuser may read everything.
        return;
    }
    let (found, stdout, stderr) = bigrams(&input, "2");
    assert_eq!(found, counts([(2, "to be"), (1, "be or"), (1, "not to"), (1, "or not")]));
    assert!(stdout.contains("1 unreadable"), "{stdout}");
    assert!(stderr.contains("closed"), "{stderr}");
}

#[test]
fn bigrams_tells_when_it_cannot_write() {
    let input = folder("unwritable");
    write(&input, "good", "to be");
    let json = input.join("missing").join("counts.json");
    let (output, _, stderr) = run(example("bigrams").arg(&input).arg("--json").arg(json));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("counts.json"), "{stderr}");
}

/// A reader of the file sees either the old content or the new, complete.
#[test]
fn bigrams_puts_the_json_file_in_the_place_of_the_old_one() {
    let (input, results) = (folder("replaced"), folder("results"));
    write(&input, "text", "to be or not to be");
    let json = results.join("counts");
    fs::write(&json, "old").expect("a file can be written");
    let mut old = fs::File::open(&json).expect("the file is there");
    let (output, _, stderr) = run(example("bigrams").arg(&input).arg("--json").arg(&json));
    assert!(output.status.success(), "{stderr}");
    assert_eq!(std::io::read_to_string(&mut old).expect("an open file can be read"), "old");
    assert!(fs::read_to_string(&json).expect("the file is there").starts_with("[\n{\"count\":2,"));
    assert_eq!(names(&results), ["counts"]);

    let (output, _, stderr) = run(example("bigrams").arg(&input).arg("--json").arg(&results));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(names(&results), ["counts"]);
}

#[cfg(unix)]
#[test]
fn bigrams_writes_through_links_and_to_what_is_no_file() {
    let (input, results) = (folder("linked"), folder("links"));
    write(&input, "text", "to be");
    write(&results, "counts", "old");
    let link = results.join("link");
    std::os::unix::fs::symlink("counts", &link).expect("a link can be made");
    let (output, _, stderr) = run(example("bigrams").arg(&input).arg("--json").arg(&link));
    assert!(output.status.success(), "{stderr}");
    assert!(link.is_symlink());
    let found = fs::read_to_string(results.join("counts")).expect("the file is there");
    assert_eq!(found, "[\n{\"count\":1,\"words\":[\"to\",\"be\"]}\n]\n");

    let (output, stdout, stderr) =
        run(example("bigrams").arg(&input).args(["--json", "/dev/stdout"]));
    assert!(output.status.success(), "{stderr}");
    assert!(stdout.starts_with(&found), "{stdout}");
}

#[test]
fn soak_refuses_no_keys_and_no_threads() {
    for option in ["--keys", "--threads"] {
        let (output, stdout, stderr) =
            run(example("soak").args(["--seconds", "1"]).args([option, "0"]));
        assert_eq!((output.status.code(), &*stdout), (Some(2), ""), "{stderr}");
        assert!(stderr.contains(&format!("invalid value '0' for '{option}")), "{stderr}");
    }
}

#[test]
fn soak_passes() {
    let (output, stdout, stderr) =
        run(example("soak").args(["--seconds", "1", "--keys", "1", "--threads", "1"]));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("all checks passed"), "{stdout}");
}
