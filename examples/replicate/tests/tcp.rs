//! Replication over TCP, between processes, and with peers that violate the protocol.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::{LOAD, Process, digest, number, program, succeed, table, text};

/// A leader and its address.
fn leader(arguments: &[&str]) -> (Process, String) {
    let mut leader = Process::start(program(&["lead"]).args(LOAD).args(arguments));
    let line = leader.line();
    let address = line.strip_prefix("listening on ").expect("where it listens");
    (leader, address.to_owned())
}

fn follower(address: &str, arguments: &[&str]) -> Process {
    Process::start(program(&["follow", "--connect", address]).args(arguments))
}

/// One follower keeps up, one sleeps, and one disconnects now and then.
#[test]
fn followers_have_the_leaders_content_at_each_version() {
    let load = ["--seconds", "3", "--history", "100"];
    let (leader, address) = leader(&load);
    let steady = follower(&address, &["--name", "steady"]);
    let slow = follower(&address, &["--name", "slow", "--pause", "500"]);
    let away = follower(&address, &["--name", "away", "--leave-after", "8", "--away", "100"]);
    let printed = leader.finish();
    println!("{printed}");
    let leader = table(&printed);
    let versions = number(leader["leader"], " versions");
    for (name, process) in [("steady", steady), ("slow", slow), ("away", away)] {
        let of_leader = leader[name];
        assert!(of_leader.ends_with("; has the last version"), "{of_leader}");
        let printed = process.finish();
        let of_follower = table(&printed)[name];
        assert_eq!(digest(of_follower), digest(leader["leader"]), "{name}");
        assert_eq!(number(of_follower, " versions"), number(of_leader, " versions"), "{name}");
        // Its version was always in the history.
        assert_eq!(number(of_follower, " of them full"), 1, "{name}: {of_follower}");
    }
    assert!(number(leader["away"], " connections") > 1, "{printed}");
    assert!(number(leader["steady"], " versions") > 8, "{printed}");
    // The leader never waited for the slow follower, which sleeps for half a second after each version.
    let of_slow = number(leader["slow"], " versions");
    assert!((2..=10).contains(&of_slow), "{printed}");
    assert!(versions >= 4 * of_slow, "{printed}");
}

#[test]
fn a_follower_whose_version_is_gone_gets_all_entries() {
    let (leader, address) = leader(&["--seconds", "2", "--history", "2"]);
    let follower = follower(&address, &["--leave-after", "3", "--away", "300"]);
    let printed = leader.finish();
    let full = number(table(&printed)["follower"], " of them full");
    assert!(full > 1, "{printed}");
    let of_follower = follower.finish();
    assert_eq!(number(table(&of_follower)["follower"], " of them full"), full);
    assert_eq!(digest(table(&of_follower)["follower"]), digest(table(&printed)["leader"]));
}

/// Versions of another process have the same numbers and different content.
#[test]
fn a_follower_of_a_leader_that_was_killed_takes_all_entries_of_the_next() {
    let (mut first, address) = leader(&["--seconds", "60"]);
    let mut follower = follower(&address, &[]);
    assert!(follower.line().contains("took all entries"));
    std::thread::sleep(Duration::from_millis(300));
    first.kill();
    let (second, _) = leader(&["--seconds", "2", "--listen", &address]);
    let printed = second.finish();
    let of_follower = follower.finish();
    assert!(number(table(&of_follower)["follower"], " of them full") > 1, "{of_follower}");
    assert_eq!(digest(table(&of_follower)["follower"]), digest(table(&printed)["leader"]));
}

#[test]
fn a_killed_follower_does_not_disturb_others() {
    let (leader, address) = leader(&["--seconds", "2", "--patience", "1000"]);
    let mut killed = follower(&address, &["--name", "killed"]);
    let steady = follower(&address, &["--name", "steady"]);
    assert!(killed.line().contains("took all entries"));
    killed.kill();
    let printed = leader.finish();
    assert!(table(&printed)["steady"].ends_with("; has the last version"), "{printed}");
    assert!(table(&printed)["killed"].ends_with("does not have the last version"), "{printed}");
    steady.finish();
}

#[test]
fn a_follower_detects_wrong_content() {
    let (_leader, address) = leader(&["--seconds", "30"]);
    let output =
        program(&["follow", "--forget", "--connect", &address]).output().expect("it starts");
    let (stdout, stderr) = text(&output);
    assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
    assert!(stderr.contains("the content has digest"), "{stderr}");
}

/// The first frame of a follower.
fn join(protocol: u32, name: &str) -> Vec<u8> {
    let join =
        postcard::to_allocvec(&(protocol, name, None::<(u64, u64)>)).expect("it can be encoded");
    [&(join.len() as u32).to_le_bytes(), &join[..]].concat()
}

/// Sends bytes to the leader. Returns the length of the answer, once the leader has closed the connection.
fn say(address: &str, what: &[u8]) -> usize {
    let mut stream = TcpStream::connect(address).expect("the leader listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
    // It may be closed already.
    let _ = stream.write_all(what);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("{error}"),
        _ => answer.len(),
    }
}

#[test]
fn the_leader_survives_peers_that_violate_the_protocol() {
    let (leader, address) = leader(&["--seconds", "5", "--patience", "400"]);
    // Frames that are too large: by far, and by one byte.
    assert_eq!(say(&address, &u32::MAX.to_le_bytes()), 0);
    assert_eq!(say(&address, &[&1025_u32.to_le_bytes()[..], &[0; 1025]].concat()), 0);
    // An invalid message, another protocol, an empty frame, nothing at all, half a frame.
    assert_eq!(say(&address, &[&4_u32.to_le_bytes()[..], &[0xff; 4]].concat()), 0);
    assert_eq!(say(&address, &join(2, "from the future")), 0);
    assert_eq!(say(&address, &0_u32.to_le_bytes()), 0);
    assert_eq!(say(&address, b""), 0);
    assert_eq!(say(&address, &join(1, "half")[..5]), 0);
    // A valid start, then nonsense.
    let nonsense = [&join(1, "nonsense")[..], &u32::MAX.to_le_bytes()].concat();
    assert!(say(&address, &nonsense) > 0);
    // A follower that never reads and never answers.
    let start = Instant::now();
    let mut silent = TcpStream::connect(&address).expect("the leader listens");
    silent.write_all(&join(1, "silent")).expect("the leader reads");
    std::thread::sleep(Duration::from_millis(800));
    let mut answer = Vec::new();
    let _ = silent.read_to_end(&mut answer);
    assert!(start.elapsed() < Duration::from_secs(20));
    silent.shutdown(Shutdown::Both).ok();

    let good = follower(&address, &["--name", "good"]);
    let printed = leader.finish();
    assert!(table(&printed)["good"].ends_with("; has the last version"), "{printed}");
    good.finish();
}

#[test]
fn a_follower_rejects_invalid_frames() {
    for (answer, expected) in [
        (u32::MAX.to_le_bytes().to_vec(), "a frame of 4294967295 bytes; at most"),
        ([&3_u32.to_le_bytes()[..], &[0xff; 3]].concat(), "error: "),
        // A part without a beginning.
        (
            [&3_u32.to_le_bytes()[..], &[2, 0, 0]].concat(),
            "a message that does not apply to this version",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("an address").to_string();
        let follower = program(&["follow", "--connect", &address])
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (mut stream, _) = listener.accept().expect("the follower connects");
        stream.write_all(&answer).expect("the follower reads");
        let output = follower.wait_with_output().expect("a child");
        let (stdout, stderr) = text(&output);
        assert_eq!(output.status.code(), Some(1), "{stdout}{stderr}");
        assert!(stderr.contains(expected), "{stderr:?} does not say {expected:?}");
    }
}

#[test]
fn the_demo_runs() {
    let printed = succeed(program(&["demo", "--seconds", "1"]).args(LOAD));
    assert!(table(&printed)["steady"].contains("versions"), "{printed}");
}
