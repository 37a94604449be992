//! Runs the program and parses its output.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_replicate"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A small load, for machines that are busy with other tests.
pub(crate) const LOAD: [&str; 6] = ["--keys", "500", "--rate", "20000", "--every", "20"];

pub(crate) fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8 output");
    (text(&output.stdout), text(&output.stderr))
}

/// Runs a command that must succeed. Returns its output.
#[track_caller]
pub(crate) fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("the program starts");
    let (stdout, stderr) = text(&output);
    assert!(output.status.success(), "{stdout}{stderr}");
    stdout
}

/// A process that is killed on drop.
pub(crate) struct Process {
    pub(crate) child: Child,
    lines: BufReader<ChildStdout>,
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    /// The next line, or an empty one at the end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("UTF-8 output");
        line.trim_end().to_owned()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }

    /// Waits for the process, which must succeed. Returns the rest of its output.
    #[track_caller]
    pub(crate) fn finish(mut self) -> String {
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).expect("UTF-8 output");
        let status = self.child.wait().expect("a child");
        assert!(status.success(), "{status}: {rest}");
        rest
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Maps the names before the first colon of each line to the rest of the line. The last line of each name wins.
pub(crate) fn table(stdout: &str) -> HashMap<&str, &str> {
    stdout.lines().filter_map(|line| line.split_once(": ")).collect()
}

/// The number in front of some words.
#[track_caller]
pub(crate) fn number(line: &str, words: &str) -> u64 {
    let before = line.split(words).next().filter(|before| before.len() < line.len());
    let digits = before.and_then(|before| before.split(' ').next_back());
    let number = digits.and_then(|digits| digits.parse().ok());
    number.unwrap_or_else(|| panic!("no number before {words:?} in {line:?}"))
}

/// The digest at the end of a line.
#[track_caller]
pub(crate) fn digest(line: &str) -> &str {
    line.split_once("digest ").map(|(_, digest)| digest).expect("a digest")
}
