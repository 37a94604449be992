//! Programs that real threads run on one map, recorded as a history.
//!
//! On few processors operations seldom overlap by themselves. So keys give way to other threads now
//! and then when they are compared, which is in the middle of an operation: after a search began and
//! before its result is acted upon. Values do so when they are made.
//!
//! For crates that have `linear`, `hashers` and `tested` beside it.
#![allow(unreachable_pub, reason = "part of a test crate")]

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::hashers::Chosen;
use crate::linear::{Clock, Event, KEYS, Numbered, Op, Output, State, perform};
use crate::tested::{Handle, Tested};

thread_local! {
    static PAUSES: Cell<u64> = const { Cell::new(0) };
}

/// Lets other threads run, one time in a few.
fn pause() {
    let state = PAUSES.get();
    if state == 0 {
        return;
    }
    let next = state ^ state << 13;
    let next = next ^ next >> 7;
    let next = next ^ next << 17;
    PAUSES.set(next);
    match next % 16 {
        0..4 => thread::yield_now(),
        4..7 => (0..next >> 32 & 0xff).for_each(|_| hint::spin_loop()),
        _ => {}
    }
}

/// A key at whose comparison other threads may run.
#[derive(Clone, Copy, Debug, PartialOrd, Ord)]
pub struct Key(pub u16);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - a number.
unsafe impl snaptrie::Plain for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.0.into());
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        pause();
        self.0 == other.0
    }
}

impl Eq for Key {}

/// A value for such histories.
pub trait Sample: Numbered {
    fn new(number: u16) -> Self;
}

/// A number in an allocation of its own: a tool that watches memory sees it used after its end.
#[derive(Debug)]
pub struct Value(Box<u16>);

impl Sample for Value {
    fn new(number: u16) -> Self {
        pause();
        Self(Box::new(number))
    }
}

impl Sample for u16 {
    fn new(number: u16) -> Self {
        pause();
        number
    }
}

impl Numbered for Value {
    fn number(&self) -> u16 {
        *self.0
    }
}

/// A kind of map for such histories.
pub trait Subject: Tested<Key = Key, Value: Sample, Hasher = Chosen> + Sync + Sized {}

impl<M: Tested<Key = Key, Value: Sample, Hasher = Chosen> + Sync> Subject for M {}

/// A part of a thread's program.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Do(Op),
    /// Inserts so many keys that the history does not tell of: nodes burst, tables move.
    Crowd(u16, u8),
    /// Removes them.
    Thin(u16, u8),
}

/// Keys from here on are not in histories.
const CROWD: u16 = 1_000;

/// The operations of a program, of all threads together, at most: the checker takes 63 in all.
pub const MOST: usize = 63 - 1 - KEYS;

/// Runs a program a thread on a map of this kind, and returns the history, with a look at everything
/// at the end. Operations that the map does not have are left out.
///
/// # Panics
/// If a version differs between two looks, has a key twice, or if the structure is broken.
pub fn run<M: Subject>(hashing: Chosen, crowd: u16, programs: &[Vec<Step>]) -> Vec<Event> {
    let map = M::with_hasher(hashing);
    for key in 0..crowd {
        map.handle().insert(Key(CROWD + 500 + key), M::Value::new(0));
    }
    let (clock, ready) = (Clock::default(), AtomicUsize::new(0));
    let mut history = Vec::new();
    thread::scope(|scope| {
        let threads: Vec<_> = programs
            .iter()
            .enumerate()
            .map(|(index, program)| {
                let (map, clock, ready) = (&map, &clock, &ready);
                scope.spawn(move || {
                    PAUSES
                        .set(index as u64 * 0x9e37_79b9 + programs.len() as u64 + u64::from(crowd));
                    // All begin together, unless one has panicked.
                    ready.fetch_add(1, Ordering::SeqCst);
                    for _ in 0..10_000 {
                        if ready.load(Ordering::SeqCst) == programs.len() {
                            break;
                        }
                        thread::yield_now();
                    }
                    run_program(map, clock, program)
                })
            })
            .collect();
        for thread in threads {
            history.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    let last = (0..KEYS as u8).map(Op::Get).chain(M::VERSIONS.then_some(Op::Snapshot));
    history.extend(run_program(&map, &clock, &last.map(Step::Do).collect::<Vec<_>>()));
    map.check();
    history
}

fn run_program<M: Subject>(map: &M, clock: &Clock, program: &[Step]) -> Vec<Event> {
    let mut events = Vec::new();
    let mut versions = Vec::new();
    for &step in program {
        let pinned = map.handle();
        let op = match step {
            Step::Crowd(first, count) => {
                (0..u16::from(count)).for_each(|i| {
                    pinned.insert(Key(CROWD + first % 500 + i), M::Value::new(i));
                });
                continue;
            }
            Step::Thin(first, count) => {
                (0..u16::from(count)).for_each(|i| {
                    pinned.remove(&Key(CROWD + first % 500 + i));
                });
                continue;
            }
            Step::Do(op) => op,
        };
        if op.is_whole() && !M::VERSIONS {
            continue;
        }
        events.push(match op {
            Op::Fork => clock.record(
                op,
                || map.fork(),
                |fork| {
                    let fork = fork.expect("a map with versions has forks");
                    // What a fork writes is nobody else's.
                    fork.handle().insert(Key(KEYS as u16), M::Value::new(7));
                    Output::Whole(state_of::<M>(&fork.version()))
                },
            ),
            Op::Snapshot | Op::Take => clock.record(
                op,
                || if op == Op::Take { map.take() } else { map.version() },
                |version| {
                    let state = state_of::<M>(&version);
                    versions.push((version, state));
                    Output::Whole(state)
                },
            ),
            _ => {
                let key = |key: u8| Key(key.into());
                perform(clock, &pinned, op, key, M::Value::new)
            }
        });
    }
    for (version, before) in versions {
        assert_eq!(state_of::<M>(&version), before, "a version changed");
    }
    events
}

fn state_of<M: Subject>(version: &M::Version) -> State {
    let mut state = State::default();
    for (key, value) in M::entries(version) {
        if let Some(seen) = state.get_mut(usize::from(key.0)) {
            assert!(seen.replace(value.number()).is_none(), "{key:?} twice");
        }
    }
    state
}

/// Decodes programs from bytes: a byte for the hasher, one for the crowd, one for the number of
/// threads, then three for each step, dealt to the threads in turn.
pub fn decode(bytes: &[u8]) -> Option<(Chosen, u16, Vec<Vec<Step>>)> {
    let (&[hashing, crowd, threads], bytes) = bytes.split_first_chunk()?;
    let hashing = match hashing % 3 {
        0 => Chosen::Good,
        1 => Chosen::Truncated,
        _ => Chosen::Constant,
    };
    let mut programs = vec![Vec::new(); 2 + usize::from(threads) % 3];
    let mut ops = 0;
    for (index, step) in bytes.chunks_exact(3).enumerate().take(4 * MOST) {
        let &[verb, key, more] = step else { continue };
        let step = decode_step(verb, key, more, index as u16);
        ops += usize::from(matches!(step, Step::Do(_)));
        if ops > MOST {
            break;
        }
        let thread = index % programs.len();
        programs[thread].push(step);
    }
    Some((hashing, crowd.into(), programs))
}

fn decode_step(verb: u8, key: u8, more: u8, index: u16) -> Step {
    // Values tell which step they are from.
    let value = index.wrapping_mul(256).wrapping_add(u16::from(more));
    let crowd = u16::from(key) * 2;
    let key = key % KEYS as u8;
    Step::Do(match verb % 24 {
        0..4 => Op::Insert(key, value),
        4..6 => Op::GetOrInsert(key, value),
        6..8 => Op::Update(key, value),
        8..10 => Op::UpdateOrInsert(key, value),
        10..12 => Op::Flip(key, value),
        12..14 => Op::Remove(key),
        14 => Op::RemoveOdd(key),
        15..17 => Op::Get(key),
        17 => Op::GetMany(key),
        18..20 => Op::Snapshot,
        20 => Op::Fork,
        21 => Op::Take,
        22 => return Step::Crowd(crowd, more % 64),
        _ => return Step::Thin(crowd, more % 64),
    })
}
