//! Replication through a log. `with-redis` starts the server. Where that cannot be installed, these tests print a
//! message and do nothing.

mod support;

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use support::{LOAD, Process, digest, number, program, succeed, table, text};

/// A server that is stopped on drop.
struct Server {
    script: Process,
    url: String,
}

impl Server {
    /// Returns `None` and prints a message if there is no server.
    fn start() -> Option<Self> {
        // It serves until its input ends, so it also stops if this process is killed.
        let mut script = Process::start(script().stdin(Stdio::piped()));
        let url = script.line();
        if url.starts_with("skipped") {
            println!("{url}");
            return None;
        }
        assert!(url.starts_with("redis://127.0.0.1:"), "{url:?}");
        Some(Self { script, url })
    }

    fn leader(&self, arguments: &[&str]) -> Process {
        Process::start(program(&["log-lead", "--url", &self.url]).args(LOAD).args(arguments))
    }

    fn follower(&self, state: &Path, arguments: &[&str]) -> Process {
        let mut command = program(&["log-follow", "--url", &self.url, "--state"]);
        Process::start(command.arg(state).args(arguments))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.script.child.stdin.take());
        let _ = self.script.child.wait();
        assert!(is_gone(&self.url) || std::thread::panicking(), "the server is still there");
    }
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("with-redis"))
}

fn is_gone(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("redis://")).is_err()
}

/// An empty folder for the checkpoints of one test.
fn states(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if path.exists() {
        fs::remove_dir_all(&path).expect("the folder of the last run can go");
    }
    fs::create_dir_all(&path).expect("a folder can be made");
    path
}

#[test]
fn the_script_stops_its_server_whatever_happens() {
    let output =
        script().args(["sh", "-c", "echo $REDIS_URL; exit 3"]).output().expect("it starts");
    let (stdout, stderr) = text(&output);
    if stdout.starts_with("skipped") {
        println!("{stdout}");
        return;
    }
    assert_eq!(output.status.code(), Some(3), "{stdout}{stderr}");
    assert!(is_gone(stdout.trim_end()));
}

/// With a path on which there is neither the server nor a way to install it.
#[test]
fn the_script_says_that_it_is_skipped_where_there_is_no_server() {
    let path = states("no-redis");
    let find = Command::new("sh").args(["-c", "command -v id; command -v bash"]).output();
    let (found, _) = text(&find.expect("a shell"));
    let [id, bash] = found.lines().collect::<Vec<_>>()[..] else { panic!("no id, or no bash") };
    std::os::unix::fs::symlink(id, path.join("id")).expect("a link can be made");
    let script = script();
    let output =
        Command::new(bash).arg(script.get_program()).arg("false").env("PATH", &path).output();
    let output = output.expect("it starts");
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stdout, "skipped: redis-server is missing and cannot be installed here\n");
}

/// One follower keeps up, one is too slow for the trimmed log, and one dies and continues from its checkpoint.
#[test]
fn followers_have_the_leaders_content_at_each_version() {
    let Some(server) = Server::start() else { return };
    let mut command = program(&["log-demo", "--url", &server.url, "--seconds", "3"]);
    let printed = succeed(command.args(LOAD));
    println!("{printed}");
    let last = table(&printed);
    for name in ["steady", "slow", "killed"] {
        assert_eq!(digest(last[name]), digest(last["leader"]), "{printed}");
    }
    assert!(number(last["steady"], " versions") > number(last["slow"], " versions"), "{printed}");
    assert!(number(last["slow"], " images") > 1, "{printed}");
    assert!(printed.contains("killed: continues with version "), "{printed}");
    // The log is bounded.
    let longest = number(last["leader"], " entries at most");
    assert!(longest * 2 < number(last["leader"], " entries of "), "{printed}");
}

#[test]
fn a_follower_whose_offset_was_trimmed_takes_an_image() {
    let Some(server) = Server::start() else { return };
    let state = states("trimmed").join("state");
    let leader = server.leader(&["--seconds", "2", "--image-after", "5"]);
    let arguments = ["--save-after", "2", "--die-after", "5"];
    let mut first = server.follower(&state, &arguments);
    first.child.wait().expect("a child");
    let printed = leader.finish();
    let of_second = server.follower(&state, &[]).finish();
    assert!(of_second.contains("continues with version "), "{of_second}");
    assert_eq!(number(table(&of_second)["follower"], " images"), 1, "{of_second}");
    assert_eq!(digest(table(&of_second)["follower"]), digest(table(&printed)["leader"]));
    // A further restart finds nothing to do.
    let of_third = server.follower(&state, &[]).finish();
    assert_eq!(number(table(&of_third)["follower"], " images"), 0, "{of_third}");
    assert_eq!(digest(table(&of_third)["follower"]), digest(table(&printed)["leader"]));
}

#[test]
fn a_follower_goes_on_after_kills() {
    let Some(server) = Server::start() else { return };
    let state = states("kills").join("state");
    let leader = server.leader(&["--seconds", "4", "--image-after", "1000"]);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64 ^ u64::from(std::process::id());
    for _ in 0..8 {
        let mut follower = server.follower(&state, &["--save-after", "3"]);
        // Xorshift (Marsaglia, 2003).
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(100 + random % 300));
        follower.kill();
    }
    let of_last = server.follower(&state, &["--save-after", "3"]).finish();
    let printed = leader.finish();
    assert!(of_last.contains("continues with version"), "{of_last}");
    assert_eq!(digest(table(&of_last)["follower"]), digest(table(&printed)["leader"]));
}

/// Versions of another process have the same numbers and different content.
#[test]
fn a_follower_of_a_leader_that_was_killed_takes_the_image_of_the_next() {
    let Some(server) = Server::start() else { return };
    let states = states("leaders");
    let mut first = server.leader(&["--seconds", "60", "--image-after", "3"]);
    let mut follower = server.follower(&states.join("state"), &[]);
    assert!(follower.line().contains("took the image"));
    std::thread::sleep(Duration::from_millis(300));
    first.kill();
    let printed = server.leader(&["--seconds", "1", "--image-after", "1000"]).finish();
    let of_follower = follower.finish();
    assert!(number(table(&of_follower)["follower"], " images") > 1, "{of_follower}");
    assert_eq!(digest(table(&of_follower)["follower"]), digest(table(&printed)["leader"]));
    // A new follower starts with the new leader.
    let of_new = server.follower(&states.join("new"), &["--name", "new"]).finish();
    assert_eq!(digest(table(&of_new)["new"]), digest(table(&printed)["leader"]));
}
