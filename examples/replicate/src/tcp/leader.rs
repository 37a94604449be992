//! The leader over TCP.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Ack, Join, PROTOCOL, frame};
use crate::Failure;
use crate::message::{Message, Version, parts};
use crate::source::{Load, Made, Source, Update};

#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// Address to listen on; with port 0 a free port is chosen and printed
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,

    #[command(flatten)]
    pub(crate) load: Load,

    /// Limit for concurrent followers; further ones wait
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub(crate) followers: usize,

    /// Milliseconds that a follower may take for one step: joining, accepting a part, applying a version
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    pub(crate) patience: u64,
}

/// Statistics of a follower over all of its connections.
#[derive(Clone, Debug, Default)]
struct Follower {
    connections: u64,
    versions: u64,
    /// Those that were sent with all entries.
    full: u64,
    /// Sum of the times from the making of a version to its acknowledgement.
    lag: Duration,
    longest_lag: Duration,
    /// Largest number of newer versions when one was acknowledged.
    behind: usize,
    /// It has acknowledged the last version.
    is_done: bool,
}

/// State that the tasks share.
struct Shared {
    source: Source,
    followers: Mutex<BTreeMap<String, Follower>>,
    patience: Duration,
}

impl Shared {
    fn is_everybody_done(&self) -> bool {
        let followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        followers.values().all(|follower| follower.is_done)
    }

    fn note(&self, name: &str, change: impl FnOnce(&mut Follower)) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        // The number of names is bounded here, their length by the size of a frame.
        if followers.contains_key(name) || followers.len() < 1_000 {
            change(followers.entry(name.to_owned()).or_default());
        }
    }
}

/// Serves followers until the writers are done and all known followers have the last version.
pub(crate) async fn lead(
    options: Options,
    on_listen: impl FnOnce(SocketAddr) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(options.listen).await?;
    on_listen(listener.local_addr()?)?;
    let shared = Arc::new(Shared {
        source: Source::new(options.load.history),
        followers: Mutex::default(),
        patience: Duration::from_millis(options.patience),
    });

    // Versions are made on a separate thread, so a follower cannot delay them.
    let (leader, load) = (Arc::clone(&shared), options.load.clone());
    let mut making =
        tokio::task::spawn_blocking(move || leader.source.run(&load, |_| Ok::<(), Failure>(())));
    let places = Arc::new(Semaphore::new(options.followers));
    let mut serving = JoinSet::new();
    let mut made = None;
    // Followers that are away when the last version is made get some time to come back.
    let mut deadline = Instant::now();
    while made.is_none() || Instant::now() < deadline && !shared.is_everybody_done() {
        tokio::select! {
            result = &mut making, if made.is_none() => {
                made = Some(result??);
                deadline = Instant::now() + shared.patience;
            }
            (stream, address, place) = accept(&listener, &places) => {
                let shared = Arc::clone(&shared);
                serving.spawn(async move {
                    // A follower may leave at any time.
                    if let Err(error) = serve(&shared, stream).await
                        && !error.downcast_ref().is_some_and(frame::is_lost)
                    {
                        eprintln!("follower at {address} disconnected: {error}");
                    }
                    drop(place);
                });
            }
            Some(_) = serving.join_next() => {}
            () = sleep(Duration::from_millis(20)), if made.is_some() => {}
        }
    }
    report(&shared, made.unwrap_or_default());
    Ok(())
}

fn report(shared: &Shared, made: Made) {
    println!(
        "leader: {} versions, {} writes; {:.1} ms at most from one version to the next; digest {:016x}",
        made.versions,
        made.writes,
        made.longest_gap.as_secs_f64() * 1e3,
        shared.source.update(None).fact.digest
    );
    let followers = shared.followers.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, follower) in &*followers {
        let Follower { connections, versions, full, lag, longest_lag, behind, is_done } = follower;
        let mean = lag.as_secs_f64() * 1e3 / (*versions).max(1) as f64;
        let end = if *is_done { "has the last version" } else { "does not have the last version" };
        println!(
            "{name}: {versions} versions, {full} of them full, in {connections} connections; behind by \
             {mean:.1} ms on average, {:.1} ms and {behind} versions at most; {end}",
            longest_lag.as_secs_f64() * 1e3
        );
    }
}

/// Waits for a free place first, so that excess connections stay in the backlog of the operating system.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
    let place = Arc::clone(places).acquire_owned().await.expect("places are never closed");
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, address, place),
            // The connection may be closed already, or there are too many open files.
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Limits the time of one step.
async fn within<T>(patience: Duration, step: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "timed out");
    timeout(patience, step).await.map_err(late)?
}

/// Serves one connection until it ends.
async fn serve(shared: &Shared, mut stream: TcpStream) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    let mut latest = shared.source.subscribe();
    let join = frame::read(&mut stream, &mut buffer, frame::LARGEST_FROM_FOLLOWER);
    let Some(Join { protocol, name, version }) = within(shared.patience, join).await? else {
        return Err("closed before joining".into());
    };
    if protocol != PROTOCOL {
        return Err(format!("protocol {protocol}; this is protocol {PROTOCOL}").into());
    }
    shared.note(&name, |follower| follower.connections += 1);
    let mut has = version;
    loop {
        // Read before the latest version, so that the last one is not missed.
        let is_done = shared.source.is_done();
        latest.borrow_and_update();
        let update = shared.source.update(has);
        if has == Some(update.fact.version) {
            if is_done {
                frame::write(&mut stream, &mut buffer, &Message::Bye).await?;
                shared.note(&name, |follower| follower.is_done = true);
                return Ok(());
            }
            latest.changed().await?;
            continue;
        }
        let (is_full, fact) = (update.from.is_none(), update.fact);
        send(&mut stream, &mut buffer, update, has, shared.patience).await?;
        let ack = frame::read(&mut stream, &mut buffer, frame::LARGEST_FROM_FOLLOWER);
        let Some(ack): Option<Ack> = within(shared.patience, ack).await? else {
            return Ok(());
        };
        let expected = Ack { version: fact.version, digest: fact.digest };
        if ack != expected {
            return Err(format!("{name} has {ack:?}, and not {expected:?}").into());
        }
        has = Some(fact.version);
        let (lag, behind) = (fact.taken.elapsed(), shared.source.behind(fact.version.number));
        shared.note(&name, |follower| {
            follower.versions += 1;
            follower.full += u64::from(is_full);
            follower.lag += lag;
            follower.longest_lag = follower.longest_lag.max(lag);
            follower.behind = follower.behind.max(behind);
        });
    }
}

/// Sends a version, part by part, as fast as the follower accepts it.
async fn send(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    update: Update,
    has: Option<Version>,
    patience: Duration,
) -> Result<(), Failure> {
    let Update { from, to, fact } = update;
    let number = from.as_ref().and(has).map(|version| version.number);
    let begin = Message::Begin { to: fact.version, from: number };
    within(patience, frame::write(stream, buffer, &begin)).await?;
    let mut count = 0;
    for part in parts(from.as_ref(), &to) {
        count += 1;
        within(patience, frame::write(stream, buffer, &Message::Part(part))).await?;
    }
    let end = Message::End { to: fact.version, parts: count, digest: fact.digest };
    within(patience, frame::write(stream, buffer, &end)).await?;
    Ok(())
}
