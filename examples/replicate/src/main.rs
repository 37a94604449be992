//! Replicas of a map in other processes, which are the leader's map at each version they have: over TCP,
//! and through a log of Redis.
//!
//! ```text
//! cargo run --release -- demo
//! ./with-redis cargo run --release -- log-demo
//! ```
//!
//! The unit of replication is the difference between two snapshots. The leader takes a snapshot every so
//! often (O(1), the writers go on): a version, with a number and a digest of the whole content. A follower
//! says which version it has, and gets the changes to a newer one, which costs as much as what changed; or
//! all entries if its version is too old. After each version it compares the digest of what it holds.
//!
//! | file | what |
//! |---|---|
//! | `message.rs` | the stream, and the replica that applies it |
//! | `source.rs` | the leader's map, its writers and versions |
//! | `tcp/` | a leader that serves followers over TCP |
//! | `log/` | the same stream through a log with offsets |
//! | `demo.rs` | a leader and some followers, as processes |
//!
//! Exit status: 0 if all went well; 1 if a follower was wrong, or something failed; 2 for wrong usage.

mod demo;
mod log;
mod message;
mod source;
#[allow(dead_code, unused_imports, reason = "the tests of the checkpoint example use the rest")]
#[path = "../../checkpoint/store/mod.rs"]
mod store;
mod tcp;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

type Failure = Box<dyn Error + Send + Sync>;

/// Keeps copies of a map in other processes up to date while it is written, and checks them.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A leader over TCP
    Lead(tcp::leader::Options),
    /// A follower over TCP
    Follow(tcp::follower::Options),
    /// A leader over TCP and three followers: one that keeps up, a slow one, and one that comes and goes
    Demo(source::Load),
    /// A leader that writes to a log
    LogLead(log::leader::Options),
    /// A follower of the log
    LogFollow(log::follower::Options),
    /// A log with a leader and three followers: one that keeps up, a slow one, and one that is killed
    LogDemo(demo::LogOptions),
}

fn main() -> ExitCode {
    let done = match Options::parse().command {
        Command::Lead(options) => wait(async {
            tcp::leader::lead(options, |address| {
                println!("listening on {address}");
                Ok(())
            })
            .await
        }),
        Command::Follow(options) => wait(tcp::follower::follow(&options)),
        Command::Demo(load) => wait(demo::over_tcp(load)),
        Command::LogLead(options) => log::leader::lead(&options),
        Command::LogFollow(options) => log::follower::follow(&options),
        Command::LogDemo(options) => demo::over_log(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn wait(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(work);
    // Connections that are still served do not keep the process.
    runtime.shutdown_background();
    done
}
