//! What do snapshots cost: taking, keeping, reading and dropping them, and writing beside them?
//!
//! ```sh
//! cargo bench --bench snapshot -- --size 1000000
//! cargo bench --bench snapshot -- throughput --millis 5000
//! ```
//!
//! This measures only the library. The workloads `snapshot`, `snapshot-load` and `snapshot-memory` of `benches/peers`
//! compare it with `imbl::HashMap` behind `ArcSwap`, `RwLock<HashMap>` with `clone`, and the iteration of `dashmap`,
//! which is not a snapshot.
//!
//! Keys and values are `u64`; writes overwrite keys drawn uniformly. Cells are medians of the repetitions,
//! with the smallest and the largest.

mod support;

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use snaptrie::{History, RandomState, Snapshot};

use support::alloc;
use support::keys::{Key, Rng};
use support::maps::{Map, Trie};
use support::options::{Options, cell, header};

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;

type Frozen = Snapshot<u64, u64, RandomState>;
type Section = (&'static str, fn(&Options));

/// Snapshots taken in a repetition, and snapshots that are followed by writes.
const TAKES: usize = 10_000;
const FIRST_WRITES: usize = 200;

/// Entries of the map with many live snapshots: few, so that the snapshots dominate.
const MANY_ENTRIES: usize = 10_000;

/// Calls that are timed beside many live snapshots.
const CALLS: usize = 1_000;

fn main() {
    let options = Options::get();
    header(&options);
    let sections: [Section; 8] = [
        ("take", take),
        ("writes-after", writes_after),
        ("throughput", throughput),
        ("bytes", bytes),
        ("scan", scan),
        ("drop", drops),
        ("many", many),
        ("diff", diff),
    ];
    for (name, section) in sections {
        if options.wants(name) {
            println!("\n## {name}\n");
            section(&options);
        }
    }
}

/// A map, and random writes to it.
struct Writer<'m> {
    map: &'m Trie<u64>,
    size: usize,
    rng: Rng,
}

impl<'m> Writer<'m> {
    fn new(map: &'m Trie<u64>, size: usize, stream: u64) -> Self {
        Self { map, size, rng: Rng::new(stream) }
    }

    #[inline]
    fn write(&mut self) {
        let key = u64::nth(self.rng.below(self.size) as u64);
        assert!(!self.map.insert(key, 2), "the key is there");
    }

    fn writes(&mut self, count: usize) {
        (0..count).for_each(|_| self.write());
    }
}

fn filled(size: usize) -> Trie<u64> {
    let map: Trie<u64> = Map::new();
    for index in 0..size as u64 {
        map.insert(u64::nth(index), 1);
    }
    map
}

fn time(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64
}

/// The mean of many calls, each timed separately, including the cost of the clock.
fn mean(calls: usize, mut call: impl FnMut() -> f64) -> f64 {
    (0..calls).map(|_| call()).sum::<f64>() / calls as f64
}

/// Prints a line of a table: what `measure` returns in each repetition.
fn line(options: &Options, name: &str, mut measure: impl FnMut() -> f64) {
    println!("| {name} | {} |", cell((0..options.reps).map(|_| measure()).collect()));
}

/// `snapshot()` and the drop of what it returned, at several sizes.
fn take(options: &Options) {
    println!("Nanoseconds, the clock included.\n");
    println!("| entries | clock | idle | after a write | after a write, 8 others held |");
    println!("|---:|---:|---:|---:|---:|");
    for size in [1_000.min(options.size), options.size] {
        let map = filled(size);
        let mut writer = Writer::new(&map, size, 0);
        let (mut clock, mut idle, mut written, mut others) = (vec![], vec![], vec![], vec![]);
        let snapshot = || time(|| drop(black_box(map.snapshot())));
        for _ in 0..options.reps {
            clock.push(mean(TAKES, || time(|| ())));
            idle.push(mean(TAKES, snapshot));
            written.push(mean(TAKES, || {
                writer.write();
                snapshot()
            }));
            let held: Vec<Frozen> = (0..8).map(|_| map.snapshot()).collect();
            others.push(mean(TAKES, || {
                writer.write();
                snapshot()
            }));
            drop(held);
        }
        let cells = [clock, idle, written, others].map(cell);
        println!("| {size} | {} |", cells.join(" | "));
    }
}

/// The n-th write after a snapshot: the first ones copy nodes.
fn writes_after(options: &Options) {
    const ENDS: [usize; 5] = [1, 10, 100, 1_000, 10_000];
    let map = filled(options.size);
    println!("| writes after a snapshot | ns each, clock included |");
    println!("|---|---:|");
    let mut writer = Writer::new(&map, options.size, 1);
    line(options, "clock", || mean(TAKES, || time(|| ())));
    line(options, "no snapshot", || mean(TAKES, || time(|| writer.write())));
    let mut runs: Vec<Vec<f64>> = vec![Vec::new(); ENDS.len()];
    for _ in 0..options.reps {
        // Equal numbers of late and early writes are timed.
        let mut sums = [0.0; ENDS.len()];
        let mut counts = [0; ENDS.len()];
        let snapshots = FIRST_WRITES.min(options.size);
        for round in 0..snapshots {
            let held = map.snapshot();
            let last = if round % 20 == 0 { ENDS[ENDS.len() - 1] } else { 1_000 };
            for index in 1..=last {
                let step = ENDS.iter().position(|&end| index <= end).expect("below the last");
                sums[step] += time(|| writer.write());
                counts[step] += 1;
            }
            drop(held);
        }
        for (run, (sum, count)) in runs.iter_mut().zip(sums.iter().zip(counts)) {
            run.push(sum / f64::from(count));
        }
    }
    let mut begin = 1;
    for (end, run) in ENDS.iter().zip(runs) {
        println!("| {begin}..={end} | {} |", cell(run));
        begin = end + 1;
    }
}

/// How the snapshots of a measurement of throughput are taken.
#[derive(Clone, Copy)]
enum Snapshots {
    Never,
    /// Each is held until the next is taken.
    Every(Duration),
    /// One, before the first write.
    Held,
}

impl Snapshots {
    fn name(self) -> String {
        match self {
            Self::Never => "none".into(),
            Self::Every(interval) => format!("every {interval:?}"),
            Self::Held => "one held".into(),
        }
    }
}

/// Writes of several threads, while another thread takes snapshots.
fn throughput(options: &Options) {
    let every = |millis| Snapshots::Every(Duration::from_millis(millis));
    let modes = [Snapshots::Never, Snapshots::Held, every(100), every(10), every(1)];
    println!("| million writes a second | 1 thread | 2 threads | 4 threads |");
    println!("|---|---:|---:|---:|");
    let map = filled(options.size);
    // The modes take turns, so that a slow minute affects all of them.
    let mut runs = vec![vec![Vec::new(); 3]; modes.len()];
    for _ in 0..options.reps {
        for (column, threads) in [1, 2, 4].into_iter().enumerate() {
            for (run, mode) in runs.iter_mut().zip(modes) {
                run[column].push(writes_beside(&map, options, mode, threads));
            }
        }
    }
    for (mode, run) in modes.into_iter().zip(runs) {
        let cells: Vec<_> = run.into_iter().map(|values| fine_cell(&values)).collect();
        println!("| {} | {} |", mode.name(), cells.join(" | "));
    }
}

/// With two decimals.
fn fine_cell(values: &[f64]) -> String {
    let (median, min, max) = support::options::median(values.to_vec());
    format!("{median:.2} ({min:.2}..{max:.2})")
}

/// Million writes a second.
fn writes_beside(map: &Trie<u64>, options: &Options, mode: Snapshots, threads: usize) -> f64 {
    // Relaxed, both: a flag to stop and a sum, which nothing depends on.
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Instant::now();
    let held = matches!(mode, Snapshots::Held).then(|| map.snapshot());
    thread::scope(|scope| {
        for thread in 0..threads {
            let (stop, done) = (&stop, &done);
            scope.spawn(move || {
                let mut writer = Writer::new(map, options.size, 2 + thread as u64);
                while !stop.load(Relaxed) {
                    writer.writes(256);
                    done.fetch_add(256, Relaxed);
                }
            });
        }
        let until = start + Duration::from_millis(options.millis);
        let mut last = None;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            match mode {
                Snapshots::Every(interval) => {
                    last = Some(map.snapshot());
                    thread::sleep(interval.min(left));
                }
                Snapshots::Never | Snapshots::Held => thread::sleep(left),
            }
        }
        stop.store(true, Relaxed);
        drop(last);
    });
    drop(held);
    done.into_inner() as f64 / start.elapsed().as_secs_f64() / 1e6
}

/// The memory that a snapshot keeps while writes continue.
fn bytes(options: &Options) {
    println!("| writes since the snapshot | bytes per entry of the map | after the drop |");
    println!("|---|---:|---:|");
    for percent in [0, 1, 10, 50, 100, 200] {
        let (mut held, mut after) = (Vec::new(), Vec::new());
        for _ in 0..options.reps {
            let map = filled(options.size);
            settle(&map);
            let counter = alloc::count();
            let snapshot = map.snapshot();
            Writer::new(&map, options.size, 0).writes(options.size * percent / 100);
            settle(&map);
            held.push(counter.bytes() as f64 / options.size as f64);
            drop(snapshot);
            settle(&map);
            after.push(counter.bytes() as f64 / options.size as f64);
        }
        println!("| {percent} % of the entries | {} | {} |", cell(held), cell(after));
    }
}

/// Frees as much garbage as possible.
fn settle(map: &Trie<u64>) {
    let mut pinned = map.pin();
    for _ in 0..settling(map) {
        pinned.refresh();
    }
}

/// A sufficient number of refreshes: each frees a few objects.
fn settling(map: &Trie<u64>) -> usize {
    1_000 + map.len() / 8
}

/// Reading all entries, live and frozen.
fn scan(options: &Options) {
    let map = filled(options.size);
    let per_entry = |ns: f64| ns / options.size as f64;
    println!("| all entries | ns per entry |");
    println!("|---|---:|");
    line(options, "live", || {
        per_entry(time(|| check(options, map.pin().iter().map(|(_, value)| *value).sum())))
    });
    let frozen = |snapshot: &Frozen| check(options, snapshot.values().sum());
    let mut writer = Writer::new(&map, options.size, 0);
    line(options, "a new snapshot, all written since the last", || {
        for index in 0..options.size as u64 {
            map.insert(u64::nth(index), 1);
        }
        let snapshot = map.snapshot();
        per_entry(time(|| frozen(&snapshot)))
    });
    line(options, "a new snapshot, little written since the last", || {
        writer.writes(1);
        let snapshot = map.snapshot();
        per_entry(time(|| check_most(options, snapshot.values().sum())))
    });
    let snapshot = map.snapshot();
    line(options, "the same snapshot again", || {
        per_entry(time(|| check_most(options, snapshot.values().sum())))
    });
    let mut rng = Rng::new(3);
    line(options, "look-ups in a snapshot, random", || {
        per_entry(time(|| {
            for _ in 0..options.size {
                let key = u64::nth(rng.below(options.size) as u64);
                assert!(black_box(snapshot.get(&key)).is_some(), "the key is there");
            }
        }))
    });
}

fn check(options: &Options, sum: u64) {
    assert_eq!(sum, options.size as u64, "each value is one");
}

/// Some values are two.
fn check_most(options: &Options, sum: u64) {
    assert!((options.size..=2 * options.size).contains(&(sum as usize)), "sum {sum}");
}

/// Dropping the last handle of a snapshot after writes: it frees the entries that only it could see.
fn drops(options: &Options) {
    let map = filled(options.size);
    let mut writer = Writer::new(&map, options.size, 0);
    println!("| dropped after | microseconds |");
    println!("|---|---:|");
    for percent in [0, 1, 10, 50, 100] {
        let name = format!("writes to {percent} % of the entries");
        line(options, &name, || {
            let snapshot = map.snapshot();
            writer.writes(options.size * percent / 100);
            time(|| drop(snapshot)) / 1e3
        });
    }
    line(options, "taking everything out: `clear`", || {
        let map = filled(options.size);
        time(|| map.clear()) / 1e3
    });
}

/// Beside many live snapshots: a write, the drop of one of them, and `History::record`.
///
/// A write follows each snapshot, so that it keeps something alive.
fn many(options: &Options) {
    let size = options.size.min(MANY_ENTRIES);
    println!("Nanoseconds, the clock included ({size} entries).\n");
    println!(
        "| live snapshots | first write after a snapshot | the same after the drop of one | drop, oldest first \
         | newest first | at random | `record` |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for count in [0, 1_000, 10_000].map(|count: usize| count.min(options.size)) {
        let map = filled(size);
        let mut writer = Writer::new(&map, size, 0);
        let mut columns: [Vec<f64>; 6] = Default::default();
        for _ in 0..options.reps {
            let [first, after_drop, drops @ .., record] = &mut columns;
            let mut held = VecDeque::new();
            (0..count).for_each(|_| hold_one_more(&mut held, &mut writer));
            first.push(mean(CALLS, || {
                // Dropped outside of the measured time.
                let _snapshot = map.snapshot();
                time(|| writer.write())
            }));
            let mut rng = Rng::new(count as u64);
            // The write may pay for memory that the drop returned to the allocator.
            after_drop.push(mean(CALLS, || {
                hold_one_more(&mut held, &mut writer);
                held.swap_remove_back(rng.below(held.len()));
                let _snapshot = map.snapshot();
                time(|| writer.write())
            }));
            let picks: [&mut dyn FnMut(usize) -> usize; 3] =
                [&mut |_| 0, &mut |len| len - 1, &mut |len| rng.below(len)];
            for (column, pick) in drops.iter_mut().zip(picks) {
                column.push(mean(CALLS, || {
                    hold_one_more(&mut held, &mut writer);
                    let index = pick(held.len());
                    let snapshot = held.remove(index);
                    time(|| drop(snapshot))
                }));
            }
            drop(held);
            let mut history = History::new(count.max(1));
            let mut record_one = || {
                writer.write();
                time(|| _ = history.push(map.snapshot()))
            };
            (0..count).for_each(|_| _ = record_one());
            record.push(mean(CALLS, record_one));
        }
        println!("| {count} | {} |", columns.map(cell).join(" | "));
    }
}

fn hold_one_more(held: &mut VecDeque<Frozen>, writer: &mut Writer<'_>) {
    held.push_back(writer.map.snapshot());
    writer.write();
}

/// Finding the differences between two snapshots, compared with the alternative: looking up every entry of one in the
/// other.
fn diff(options: &Options) {
    let map = filled(options.size);
    let mut writer = Writer::new(&map, options.size, 0);
    println!("| changes between two snapshots | microseconds | a second time |");
    println!("|---|---:|---:|");
    for changes in [1, 10, 100, 1_000, 10_000] {
        let (mut first, mut again) = (Vec::new(), Vec::new());
        for _ in 0..options.reps {
            let before = map.snapshot();
            writer.writes(changes);
            let after = map.snapshot();
            let mut count = 0;
            // The first comparison freezes the nodes that it reads.
            first.push(time(|| count = black_box(before.diff(&after)).count()) / 1e3);
            again.push(time(|| assert_eq!(before.diff(&after).count(), count)) / 1e3);
            assert!(
                count <= changes && count * 2 > changes.min(options.size / 2),
                "{count} changes"
            );
        }
        println!("| {changes} | {} | {} |", cell(first), cell(again));
    }
    let (before, after) = (map.snapshot(), map.snapshot());
    line(options, "none, by looking all entries up", || {
        let same = before.iter().filter(|(key, value)| after.get(*key) == Some(*value));
        time(|| assert_eq!(same.count(), before.len())) / 1e3
    });
    println!();
    println!("| a commit of so many changed keys | microseconds, without the writes |");
    println!("|---|---:|");
    for changes in [1, 10, 100, 1_000] {
        line(options, &changes.to_string(), || {
            let fork = map.fork();
            for index in 0..changes {
                fork.pin().insert(u64::nth(index), 3);
            }
            time(|| drop(map.try_commit(fork))) / 1e3
        });
    }
}
