//! The follower over TCP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Ack, Join, PROTOCOL, frame};
use crate::Failure;
use crate::message::{Message, Received, Replica};

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address of the leader
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) connect: SocketAddr,

    /// Name in the leader's report
    #[arg(long, value_name = "NAME", default_value = "follower", value_parser = name)]
    pub(crate) name: String,

    /// Milliseconds to sleep after each version: a slow follower
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) pause: u64,

    /// Disconnect after this many versions
    #[arg(long, value_name = "N")]
    pub(crate) leave_after: Option<u64>,

    /// Milliseconds until reconnecting
    #[arg(long, value_name = "MS", default_value_t = 500)]
    pub(crate) away: u64,

    /// For tests: ignore removals
    #[arg(long, hide = true)]
    pub(crate) forget: bool,
}

fn name(name: &str) -> Result<String, String> {
    let is_good = !name.is_empty() && name.len() <= 100;
    is_good.then(|| name.to_owned()).ok_or_else(|| "one to 100 bytes".to_owned())
}

/// Why a connection ended.
enum End {
    /// No more versions will follow.
    Bye,
    /// The leader has closed it.
    Lost,
    /// This follower leaves for a while.
    Leave,
}

/// Totals over all connections.
#[derive(Default)]
struct Totals {
    versions: u64,
    full: u64,
    connections: u64,
    digest: u64,
}

/// Follows until the leader says that no more versions will follow.
pub(crate) async fn follow(options: &Options) -> Result<(), Failure> {
    let mut replica = if options.forget { Replica::forgetful() } else { Replica::default() };
    let mut totals = Totals::default();
    loop {
        let mut stream = connect(options.connect).await?;
        totals.connections += 1;
        match stay(&mut stream, &mut replica, &mut totals, options).await {
            Ok(End::Bye) => break,
            Ok(End::Leave) => {
                drop(stream);
                sleep(Duration::from_millis(options.away)).await;
            }
            Ok(End::Lost) => sleep(Duration::from_millis(50)).await,
            // The replica keeps its version and reconnects.
            Err(error) if error.downcast_ref().is_some_and(frame::is_lost) => {
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(error),
        }
        replica.reset();
    }
    let Totals { versions, full, connections, digest } = totals;
    println!(
        "{}: {versions} versions, {full} of them full, in {connections} connections; the content was the \
         leader's each time; {} entries, digest {digest:016x}",
        options.name,
        replica.map().len()
    );
    Ok(())
}

/// Connects, with retries for a few seconds.
async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let mut pause = Duration::from_millis(10);
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) if pause > Duration::from_secs(2) => return Err(error),
            Err(_) => sleep(pause).await,
        }
        pause *= 2;
    }
}

/// Follows on one connection.
async fn stay(
    stream: &mut TcpStream,
    replica: &mut Replica,
    totals: &mut Totals,
    options: &Options,
) -> Result<End, Failure> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let (name, version) = (options.name.clone(), replica.version());
    let join = Join { protocol: PROTOCOL, name, version };
    frame::write(stream, &mut buffer, &join).await?;
    let mut applied = 0;
    loop {
        let Some(message) = frame::read::<Message>(stream, &mut buffer, frame::LARGEST).await?
        else {
            return Ok(End::Lost);
        };
        match replica.receive(message)? {
            Received::Part => {}
            Received::Bye => return Ok(End::Bye),
            // The leader knows the version of this replica.
            Received::Gap { .. } => {
                return Err("a message that does not apply to this version".into());
            }
            Received::Complete { version, digest, is_full } => {
                totals.versions += 1;
                totals.full += u64::from(is_full);
                if is_full {
                    println!("{}: took all entries of version {}", options.name, version.number);
                }
                totals.digest = digest;
                applied += 1;
                sleep(Duration::from_millis(options.pause)).await;
                frame::write(stream, &mut buffer, &Ack { version, digest }).await?;
                if options.leave_after.is_some_and(|versions| applied >= versions) {
                    return Ok(End::Leave);
                }
            }
        }
    }
}
