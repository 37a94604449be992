//! The example `checkpoint`: kills at any point, damaged files, and folders that are used for something else.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::{example, folder, names, run};

const HEADER: usize = 36;
const BLOCK_HEAD: usize = 16;

/// The output of `--check`.
struct Checked {
    number: u64,
    digest: String,
}

fn check(state: &Path) -> Result<Checked, String> {
    let (output, stdout, stderr) =
        run(example("checkpoint").arg("--check").arg("--folder").arg(state));
    if !output.status.success() {
        assert_eq!((output.status.code(), &*stdout), (Some(1), ""), "{stderr}");
        return Err(stderr);
    }
    let words: Vec<_> = stdout.split([' ', ':']).collect();
    let ["checked", "checkpoint", number, "with", "digest", digest, ..] = words[..] else {
        panic!("not what --check prints: {stdout}")
    };
    Ok(Checked { number: number.parse().expect("a number"), digest: digest.to_owned() })
}

/// A run that saves as often as possible, with three diffs after each full checkpoint, and prints each step.
fn busy(state: &Path) -> Command {
    blind(state, "600", "1", "3")
}

fn blind(state: &Path, seconds: &str, every: &str, diffs: &str) -> Command {
    let mut command = example("checkpoint");
    command.args(["--blind", "--trace", "--writers", "2", "--seconds", seconds]);
    command.args(["--every", every, "--diffs", diffs, "--folder"]).arg(state);
    command
}

/// The output of runs with `--trace`: the digest of each checkpoint that was attempted, and the newest that was
/// saved. A number is attempted again if its checkpoint was lost.
#[derive(Default)]
struct Told {
    tried: HashMap<u64, String>,
    saved: u64,
}

impl Told {
    fn add(&mut self, output: &str) {
        // The last line may be incomplete.
        for line in output.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["trying", number, digest] => {
                    self.tried.insert(number.parse().expect("a number"), digest.to_owned());
                }
                ["saved", number] => self.saved = number.parse().expect("a number"),
                _ => {}
            }
        }
    }

    /// Checks that the folder holds the newest checkpoint that was saved, or the attempt after it, with the content
    /// that the map had at that version.
    #[track_caller]
    fn compare(&self, state: &Path) -> u64 {
        match check(state) {
            Ok(Checked { number, digest }) => {
                assert!(number >= self.saved, "{number}, but {} was saved", self.saved);
                assert_eq!(Some(&digest), self.tried.get(&number), "the content of {number}");
                number
            }
            Err(error) => {
                let nothing = ["no checkpoint", "No such file"].iter().any(|e| error.contains(e));
                assert!(nothing && self.saved == 0, "{} was saved, but: {error}", self.saved);
                0
            }
        }
    }
}

/// Each run continues from the state that the previous one left when it was killed. `SNAPTRIE_KILLS` sets the number
/// of kills.
#[cfg(unix)]
#[test]
fn survives_kills_at_random_points() {
    let kills = std::env::var("SNAPTRIE_KILLS").map_or(8, |kills| kills.parse().expect("a number"));
    let folder = folder("checkpoint-kills");
    let (state, log) = (folder.join("state"), folder.join("log"));
    let mut told = Told::default();
    let mut random = 0x2545_f491_4f6c_dd1d_u64 ^ u64::from(std::process::id());
    let (mut newest, mut first, mut ahead) = (0, 0, 0);
    let (mut empty, mut leftovers) = (0, 0);
    for kill in 0..kills {
        // Xorshift (Marsaglia, 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // From the very start to some way into the chain.
        let (saves, delay) = ((random >> 32) % 5, Duration::from_micros(random % 100_000));
        let output = File::create(&log).expect("a file can be made");
        let mut child = busy(&state)
            .args(["--items", "2000"])
            .stdout(output)
            .spawn()
            .expect("the example starts");
        wait_for(&log, saves as usize);
        std::thread::sleep(delay);
        assert_eq!(child.try_wait().expect("a child"), None, "kill {kill}: it stopped by itself");
        child.kill().expect("the child can be killed");
        child.wait().expect("the child is gone");
        told.add(&fs::read_to_string(&log).expect("the log is there"));
        if state.exists() {
            let left = names(&state).iter().filter(|name| name.ends_with(".tmp")).count();
            leftovers += usize::from(left > 0);
        }
        let found = told.compare(&state);
        assert!(found >= newest, "kill {kill}: {found} after {newest}");
        ahead += usize::from(found > told.saved);
        empty += usize::from(found == newest);
        newest = found;
        told.saved = found;
        if kill == 0 {
            first = newest;
        }
    }
    println!(
        "{kills} kills: checkpoint {newest} at the end, {first} after the first kill; {empty} runs saved nothing, \
         {leftovers} were killed while writing a file, {ahead} between a rename and its report"
    );
    // A complete run removes the leftovers of killed ones.
    let (output, stdout, stderr) = run(&mut blind(&state, "1", "1", "3"));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(!names(&state).iter().any(|name| name.ends_with(".tmp")));
    assert!(names(&state).len() <= 4, "a full checkpoint and three diffs: {:?}", names(&state));
}

/// Waits until this many checkpoints are saved, or for a few seconds.
fn wait_for(log: &Path, saves: usize) {
    let start = Instant::now();
    let saved = || fs::read_to_string(log).expect("the log is there").matches("saved ").count();
    while saved() < saves && start.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Aborts at each step of the first five checkpoints: a full one, three diffs, and a full one that replaces them. On a
/// slow machine all of these are small, and it goes on until one is not. Each time, another run continues from there.
#[test]
fn survives_a_stop_at_each_step() {
    let mut steps = Vec::new();
    for at in 0..200 {
        let state = folder("checkpoint-steps").join("state");
        let mut told = Told::default();
        let step = stop_at(at, &state, &mut told);
        let saved = told.compare(&state);
        // Twelve steps are enough to save a checkpoint.
        stop_at(12, &state, &mut told);
        assert!(told.compare(&state) > saved, "stopped after {step}, step {at}");
        if !steps.contains(&step) {
            steps.push(step);
        }
        if saved > 5 && steps.iter().any(|stop| stop == "Writing") {
            break;
        }
    }
    for step in ["Created", "Writing", "Written", "Synced", "Named", "Saved", "Removed"] {
        assert!(steps.iter().any(|stop| stop == step), "no stop at {step}: {steps:?}");
    }
}

/// A run that aborts at this step. Returns the name of the step.
fn stop_at(at: u32, state: &Path, told: &mut Told) -> String {
    let mut command = busy(state);
    command.args(["--items", "2000", "--die-at", &at.to_string()]);
    let (output, stdout, stderr) = run(&mut command);
    assert!(!output.status.success(), "{stdout}{stderr}");
    told.add(&stdout);
    let step = stdout.lines().last().and_then(|line| line.strip_prefix("dying at "));
    step.unwrap_or_else(|| panic!("{stdout}{stderr}")).split(' ').next().expect("a word").to_owned()
}

/// A folder with a full checkpoint and some diffs.
fn chain(name: &str) -> PathBuf {
    let state = folder(name).join("state");
    loop {
        let (output, stdout, stderr) = run(&mut blind(&state, "1", "200", "1000000"));
        assert!(output.status.success(), "{stdout}{stderr}");
        if names(&state).len() > 3 {
            return state;
        }
    }
}

fn path_of(state: &Path, number: u64) -> PathBuf {
    state.join(format!("{number:020}.checkpoint"))
}

/// The offsets of the blocks of a file, and of its end.
fn blocks(file: &[u8]) -> Vec<usize> {
    let mut starts = vec![HEADER];
    let mut at = HEADER;
    while at < file.len() {
        let length: [u8; 4] = file[at..at + 4].try_into().expect("four bytes");
        at += BLOCK_HEAD + u32::from_le_bytes(length) as usize;
        starts.push(at);
    }
    assert_eq!(at, file.len());
    starts
}

#[test]
fn names_the_damaged_block() {
    let state = chain("checkpoint-damage");
    for number in [1, 3] {
        let path = path_of(&state, number);
        let good = fs::read(&path).expect("the file is there");
        let starts = blocks(&good);
        let last = starts.len() - 2;
        assert!(last > 0);
        // Flips bits of the header and, in some blocks, of the head, the first and the last byte.
        let mut places: Vec<_> = [12, 17, 30, 35].map(|at| (at, "the header".to_owned())).into();
        for block in BTreeSet::from([0, 1, last]) {
            let (start, end) = (starts[block], starts[block + 1]);
            for at in
                [start, start + 3, start + 5, start + 9, start + 13, start + BLOCK_HEAD, end - 1]
            {
                places.push((at, format!("block {block}")));
            }
        }
        for (at, part) in places {
            let mut damaged = good.clone();
            damaged[at] ^= 1 << (at % 8);
            fs::write(&path, damaged).expect("a file can be written");
            let error =
                check(&state).err().unwrap_or_else(|| panic!("{number}, byte {at}: not noticed"));
            let expected = format!("{number:020}.checkpoint: {part} is damaged");
            assert!(error.contains(&expected), "byte {at}: {error:?} and not {expected:?}");
        }
        fs::write(&path, &good).expect("a file can be written");
    }
    check(&state).unwrap_or_else(|error| panic!("all is right again, but: {error}"));
}

#[test]
fn tells_that_a_file_is_truncated_or_too_long() {
    let state = chain("checkpoint-truncated");
    let path = path_of(&state, 2);
    let good = fs::read(&path).expect("the file is there");
    let starts = blocks(&good);
    let last = starts.len() - 2;
    for (length, part) in [
        (0, "the header".to_owned()),
        (7, "the header".to_owned()),
        (HEADER - 1, "the header".to_owned()),
        (HEADER, "block 0".to_owned()),
        (HEADER + BLOCK_HEAD + 1, "block 0".to_owned()),
        (starts[last] - 1, format!("block {}", last - 1)),
        // Cut between two blocks.
        (starts[last], format!("block {last}")),
        (good.len() - 1, format!("block {last}")),
    ] {
        fs::write(&path, &good[..length]).expect("a file can be written");
        let error = check(&state).err().unwrap_or_else(|| panic!("{length} bytes: not noticed"));
        let expected = format!("truncated: the file ends within {part}");
        assert!(error.contains(&expected), "{length} bytes: {error:?} and not {expected:?}");
    }
    let long = [&good[..], b"x"].concat();
    fs::write(&path, long).expect("a file can be written");
    let error = check(&state).err().expect("noticed");
    assert!(error.contains("the end is damaged: bytes follow the last block"), "{error}");
}

#[test]
fn tells_what_version_it_does_not_know() {
    let state = chain("checkpoint-version");
    let path = path_of(&state, 2);
    let mut file = fs::read(&path).expect("the file is there");
    file[8] = 2;
    fs::write(&path, &file).expect("a file can be written");
    let error = check(&state).err().expect("noticed");
    let expected = "unknown version 2 of the format; this program knows version 1";
    assert!(error.contains(expected), "{error}");
    // It does not write there either.
    let (output, _, stderr) = run(&mut busy(&state));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(expected), "{stderr}");
    assert_eq!(fs::read(&path).expect("the file is there"), file);
}

#[test]
fn tells_which_link_is_missing() {
    let state = chain("checkpoint-missing");
    for missing in [2, 1] {
        let path = path_of(&state, missing);
        let aside = state.with_file_name("aside");
        fs::rename(&path, &aside).expect("a file can be moved");
        let error = check(&state).err().expect("noticed");
        let expected =
            format!("checkpoint {missing} is missing; checkpoint {} builds on it", missing + 1);
        assert!(error.contains(&expected), "{error}");
        fs::rename(&aside, &path).expect("a file can be moved");
    }
    // A file with the right number from another chain, and a file that was renamed.
    let other = chain("checkpoint-other");
    fs::copy(path_of(&other, 3), path_of(&state, 3)).expect("a file can be copied");
    let error = check(&state).err().expect("noticed");
    assert!(error.contains("a diff to some other content"), "{error}");
    fs::copy(path_of(&state, 2), path_of(&state, 3)).expect("a file can be copied");
    let error = check(&state).err().expect("noticed");
    assert!(error.contains("it has the number of another checkpoint"), "{error}");
}

/// Checks that the folder is refused and its files are left.
#[track_caller]
fn refuses(state: &Path, expected: &str) {
    let before = state.is_dir().then(|| names(state));
    let start = Instant::now();
    let (output, stdout, stderr) = run(&mut busy(state));
    assert_eq!((output.status.code(), &*stdout), (Some(1), ""), "{stderr}");
    assert!(stderr.contains(expected), "{stderr:?} does not say {expected:?}");
    assert_eq!(state.is_dir().then(|| names(state)), before);
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn refuses_what_it_has_not_made() {
    let folder = folder("checkpoint-foreign");
    let file = folder.join("file");
    fs::write(&file, "text").expect("a file can be written");
    refuses(&file, "not a folder");
    refuses(&folder, "file: not a checkpoint: the folder is used for something else");
    assert_eq!(fs::read_to_string(&file).expect("the file is there"), "text");
    refuses(&folder.join("missing").join("state"), "making the folder failed");

    for name in ["00000000000000000007.checkpoint", "new-file.tmp"] {
        let state = folder.join(format!("of-{name}"));
        fs::create_dir(&state).expect("a folder can be made");
        let path = state.join(name);
        fs::write(&path, "text").expect("a file can be written");
        let expected = if name.ends_with("tmp") { "but has other content" } else { "but is none" };
        refuses(&state, expected);
        assert_eq!(fs::read_to_string(&path).expect("the file is there"), "text");

        fs::remove_file(&path).expect("a file can be removed");
        fs::create_dir(&path).expect("a folder can be made");
        refuses(&state, "is not a regular file");
        #[cfg(unix)]
        for target in ["/dev/full", "/dev/zero"] {
            fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).expect("it can be removed");
            std::os::unix::fs::symlink(target, &path).expect("a link can be made");
            refuses(&state, "is not a regular file");
            assert!(path.is_symlink());
        }
    }
    #[cfg(target_os = "linux")]
    refuses(Path::new("/dev/full"), "not a folder");
}

/// With a limit for the size of files, writing fails in the middle of one.
#[cfg(target_os = "linux")]
#[test]
fn keeps_the_last_checkpoint_if_it_cannot_write_the_next() {
    let state = folder("checkpoint-limit").join("state");
    let mut told = Told::default();
    // The first one, while there is no limit: on a slow machine it may exceed it.
    stop_at(12, &state, &mut told);
    let busy = busy(&state);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$@\"", "sh"]);
    let (output, stdout, stderr) = run(limited.arg(busy.get_program()).args(busy.get_args()));
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    assert!(stderr.contains("writing failed: File too large"), "{stderr}");
    told.add(&stdout);
    assert!(told.saved > 0, "{stdout}");
    assert_eq!(told.compare(&state), told.saved);
    assert!(!names(&state).iter().any(|name| name.ends_with(".tmp")), "{:?}", names(&state));
}

#[test]
fn verifies_and_leaves_nothing_behind() {
    let temporary = folder("checkpoint-tmp");
    let mut command = example("checkpoint");
    command.args(["--seconds", "1", "--every", "100", "--diffs", "2"]);
    // Where `temp_dir` looks: on Unix, and on Windows.
    let (output, stdout, stderr) =
        run(command.env("TMPDIR", &temporary).env("TMP", &temporary).env("TEMP", &temporary));
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("checkpoints verified"), "{stdout}");
    assert_eq!(fs::read_dir(temporary).expect("the folder is there").count(), 0);
}

#[test]
fn goes_on_while_writers_write() {
    let state = folder("checkpoint-writers").join("state");
    let mut command = example("checkpoint");
    command.args(["--seconds", "1", "--writers", "2", "--every", "0", "--diffs", "2", "--folder"]);
    let (output, stdout, stderr) = run(command.arg(&state));
    assert!(output.status.success(), "{stdout}{stderr}");
    let meanwhile = stdout.lines().find_map(|line| {
        line.strip_suffix(" rounds while checkpoints were written")?
            .rsplit(' ')
            .next()?
            .parse()
            .ok()
    });
    assert!(meanwhile.is_some_and(|rounds: u64| rounds > 100), "{stdout}");
    // The number of writers is part of the checkpoint.
    command.args(["--writers", "3"]);
    let (output, _, stderr) =
        run(example("checkpoint").args(["--writers", "3", "--folder"]).arg(&state));
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("has 2 writers, and not 3"), "{stderr}");
}
