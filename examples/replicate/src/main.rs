//! Replicates a map to other processes, over TCP or through a log in Redis. Each replica checks that it equals the
//! leader's map at every version that it reaches.
//!
//! ```text
//! cargo run --release -- demo
//! ./with-redis cargo run --release -- log-demo
//! ```
//!
//! The unit of replication is the difference between two snapshots. The leader takes a snapshot at fixed
//! intervals, in O(1) while writers continue. This is a version, with a number and a digest of the whole content. A
//! follower that has an earlier version receives only the changes. If its version is too old, it receives
//! all entries. After each version the follower computes the digest of its own content and compares.
//!
//! | file | content |
//! |---|---|
//! | `message.rs` | the stream, and the replica that applies it |
//! | `source.rs` | the leader's map, its writers and versions |
//! | `tcp/` | leader and follower over TCP |
//! | `log/` | leader and follower of a log |
//! | `demo.rs` | a leader with three followers, each in its own process |
//!
//! The followers of a log save their state with the module `store` of the example `checkpoint`.
//!
//! Exit status: 0 on success; 1 if a replica differs or something fails; 2 for wrong usage.

mod demo;
mod log;
mod message;
mod source;
#[allow(dead_code, unused_imports, reason = "only a part of it is needed here")]
#[path = "../../checkpoint/store/mod.rs"]
mod store;
mod tcp;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

type Failure = Box<dyn Error + Send + Sync>;

/// Replicates a map to other processes while it is written, and checks the replicas.
#[derive(Parser)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a leader over TCP
    Lead(tcp::leader::Options),
    /// Run a follower over TCP
    Follow(tcp::follower::Options),
    /// Run a leader over TCP with three followers: one keeps up, one is slow, one disconnects now and then
    Demo(source::Load),
    /// Run the leader of a log
    LogLead(log::leader::Options),
    /// Run a follower of a log
    LogFollow(log::follower::Options),
    /// Run the leader of a log with three followers: one keeps up, one is slow, one dies and restarts
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
    // Does not wait for open connections.
    runtime.shutdown_background();
    done
}
