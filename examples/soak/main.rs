//! A long run under a mixed load that checks invariants all the time.
//!
//! ```sh
//! cargo run --release --example soak -- --seconds 60 --threads 4
//! ```
//!
//! Worker threads write to maps of three kinds: transfers between accounts, marks that are written in order, and churn
//! that makes the maps grow and shrink. Observers take snapshots, forks and takes, and check them. A failed check ends
//! the run with a panic and a nonzero exit status.

mod alloc;
mod load;
mod observe;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use snaptrie::{CopyTrieMap, FlatMap, TrieMap};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

#[derive(Parser)]
struct Options {
    /// Length of the run, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Worker threads, besides two observers
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: u64,
    /// Keys that are inserted and removed
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    keys: u64,
}

/// The maps, and their expected contents.
pub(crate) struct World {
    boxed: TrieMap<u64, u64>,
    inline: CopyTrieMap<u64, u64>,
    flat: FlatMap<u64, u64>,
    /// Workers put entries here, and an observer takes them out.
    queue: TrieMap<u64, u64>,
    queued: AtomicU64,
    taken: AtomicU64,
    operations: AtomicU64,
    snapshots: AtomicU64,
    workers: u64,
    keys: u64,
    stop: AtomicBool,
}

impl World {
    fn new(options: &Options) -> Self {
        let world = Self {
            boxed: TrieMap::new(),
            inline: CopyTrieMap::new(),
            flat: FlatMap::new(),
            queue: TrieMap::new(),
            queued: AtomicU64::new(0),
            taken: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            snapshots: AtomicU64::new(0),
            workers: options.threads,
            keys: options.keys,
            stop: AtomicBool::new(false),
        };
        load::open_accounts(&world.boxed);
        load::open_accounts(&world.inline);
        load::open_accounts(&world.flat);
        world
    }

    fn goes_on(&self) -> bool {
        !self.stop.load(Relaxed)
    }

    /// Called when all threads are done.
    fn check_at_the_end(&self) {
        load::check_accounts(&self.boxed);
        load::check_accounts(&self.inline);
        load::check_accounts(&self.flat);
        self.taken.fetch_add(self.queue.take().len() as u64, Relaxed);
        assert_eq!(self.taken.load(Relaxed), self.queued.load(Relaxed), "takes lost something");
        #[cfg(debug_assertions)]
        {
            self.boxed.check_structure();
            self.inline.check_structure();
            self.flat.check_structure();
            self.queue.check_structure();
        }
    }
}

/// Stops the other threads when its thread ends, even by a panic.
struct StopOthers<'w>(&'w World);

impl Drop for StopOthers<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop.store(true, Relaxed);
        }
    }
}

fn main() {
    let options = Options::parse();
    let world = World::new(&options);
    let start = Instant::now();
    thread::scope(|scope| {
        for id in 0..options.threads {
            let world = &world;
            scope.spawn(move || {
                let _stop = StopOthers(world);
                load::work(world, id);
            });
        }
        scope.spawn(|| {
            let _stop = StopOthers(&world);
            observe::watch(&world, &world.boxed);
        });
        scope.spawn(|| {
            let _stop = StopOthers(&world);
            observe::watch(&world, &world.inline);
        });
        while world.goes_on() && start.elapsed() < Duration::from_secs(options.seconds) {
            thread::sleep(Duration::from_millis(50));
        }
        world.stop.store(true, Relaxed);
    });
    world.check_at_the_end();
    let (seconds, mib) = (start.elapsed().as_secs(), |bytes: isize| bytes as f64 / 1_048_576.0);
    let sizes = (world.boxed.len(), world.inline.len(), world.flat.len());
    println!("{seconds} s, {} workers and 2 observers: all checks passed", options.threads);
    println!("operations   {}", world.operations.load(Relaxed));
    println!("snapshots    {} (with forks and takes)", world.snapshots.load(Relaxed));
    println!("taken        {} entries", world.taken.load(Relaxed));
    println!("entries left {sizes:?} in the boxed, the inline and the flat map");
    println!(
        "memory       {:.1} MiB at the end, {:.1} at most",
        mib(alloc::live()),
        mib(alloc::peak())
    );
    drop(world);
    println!("             {:.1} MiB when the maps are gone", mib(alloc::live()));
}
