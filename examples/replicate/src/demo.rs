//! A leader with three followers, each follower in its own process.

use std::process::{Child, Command};

use clap::Args;

use crate::Failure;
use crate::source::Load;
use crate::{log, tcp};

/// A follower process, killed on drop.
struct Follower {
    name: &'static str,
    child: Child,
}

impl Follower {
    fn start(name: &'static str, arguments: &[&str]) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let child = command.args(arguments).args(["--name", name]).spawn()?;
        Ok(Self { name, child })
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("{}: {status}", self.name).into()) }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        // Usually it has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `demo`.
pub(crate) async fn over_tcp(load: Load) -> Result<(), Failure> {
    let listen = ([127, 0, 0, 1], 0).into();
    let options = tcp::leader::Options { listen, load, followers: 64, patience: 5_000 };
    let mut followers = Vec::new();
    tcp::leader::lead(options, |address| {
        let address = address.to_string();
        let follow = ["follow", "--connect", &address];
        let start =
            |name, arguments: &[&str]| Follower::start(name, &[&follow, arguments].concat());
        followers.push(start("steady", &[])?);
        followers.push(start("slow", &["--pause", "400"])?);
        followers.push(start("away", &["--leave-after", "10", "--away", "300"])?);
        Ok(())
    })
    .await?;
    followers.iter_mut().try_for_each(Follower::finish)
}

#[derive(Args, Clone, Debug)]
pub(crate) struct LogOptions {
    /// URL of the server, for example redis://127.0.0.1:6379 [default: the variable REDIS_URL]
    #[arg(long, value_name = "URL")]
    url: Option<String>,

    #[command(flatten)]
    load: Load,
}

/// `log-demo`.
pub(crate) fn over_log(options: LogOptions) -> Result<(), Failure> {
    let LogOptions { url, load } = options;
    let url = url.map_or_else(|| std::env::var("REDIS_URL"), Ok);
    let url = url.map_err(|_| "no server: use --url, or the script with-redis")?;
    let states = tempfile::tempdir()?;
    // A fresh name: the server may hold other logs.
    let name = format!("snaptrie-demo-{:016x}", crate::source::random());
    let follow = |name_of, arguments: &[&str]| {
        let state = states.path().join(name_of);
        let state = state.to_str().ok_or("a folder whose name is no text")?;
        let follow = ["log-follow", "--url", &url, "--log", &name, "--state", state];
        Follower::start(name_of, &[&follow, arguments].concat())
    };
    let mut steady = follow("steady", &[])?;
    let mut slow = follow("slow", &["--pause", "300"])?;
    let mut killed = follow("killed", &["--die-after", "8", "--save-after", "3"])?;
    let (url, log) = (url.clone(), name.clone());
    let leader = log::leader::Options { url, log, load, image_after: 12 };
    let leading = std::thread::spawn(move || log::leader::lead(&leader));
    if killed.finish().is_ok() {
        return Err("the follower that should have died did not".into());
    }
    let mut killed = follow("killed", &[])?;
    leading.join().map_err(|_| "the leader has panicked")??;
    steady.finish()?;
    slow.finish()?;
    killed.finish()
}
