//! Helpers that the integration tests of the public interface share.
//!
//! | file | holds |
//! |---|---|
//! | `hashers` | the hashers that each test body runs over |
//! | `counted` | keys and values that know which of them are alive |
//! | `hooks` | keys and values that run code when they are hashed, compared or dropped |
//! | `script` | single operations, on a map and on a model of it |
//! | `../common/tested.rs` | what all kinds of map have |
//! | `../common/scale.rs` | how much the tests do |
//! | `alloc` | an allocator that counts, thread by thread |
#![allow(dead_code, unused_imports, unused_macros, reason = "each test uses a part of it")]

pub(crate) mod alloc;
pub(crate) mod counted;
pub(crate) mod hashers;
pub(crate) mod hooks;
#[path = "../common/scale.rs"]
mod scale;
pub(crate) mod script;
#[path = "../common/tested.rs"]
mod tested;

use std::any::Any;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, Hasher};
use std::panic::{self, AssertUnwindSafe, catch_unwind, panic_any, resume_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, fmt};

use snaptrie::Plain;

pub(crate) use counted::{Counted, Ledger};
pub(crate) use hashers::{Chosen, Placed};
pub(crate) use scale::{scaled, stress};
pub(crate) use tested::{Handle, Lent, Tested, with_and_without_version};

/// How long a test body that must not hang may take on a slow and busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Tries until it works, beside tests whose threads hold handles.
pub(crate) fn eventually(mut works: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if works() {
            return true;
        }
        if start.elapsed() > PATIENCE / 4 {
            return false;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// The calls of user code at which a test lets an operation panic: each of the first, and some of the many in large
/// maps.
pub(crate) fn calls() -> impl Iterator<Item = u32> {
    (0..8).chain((8..).step_by(one_in(12)))
}

/// Tests with many similar cases run one in this many: all of them once [`stress`] reaches `number`.
pub(crate) fn one_in(number: usize) -> usize {
    (number as f64 / stress()).ceil().max(1.0) as usize
}

/// A short text that is plain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Text {
    bytes: [u8; 27],
    len: u8,
}

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - single bytes alone.
unsafe impl Plain for Text {}

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        let mut bytes = [0; 27];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self { bytes, len: text.len() as u8 }
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len.into()]).unwrap()
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// Equal by the first part alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered(pub(crate) u32, pub(crate) u32);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - two numbers of four bytes.
unsafe impl Plain for Numbered {}

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Numbered {}
impl Hash for Numbered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// The value, of what hands out copies or references.
pub(crate) fn plain<T: Copy>(found: impl Borrow<T>) -> T {
    *found.borrow()
}

/// Ends a test: verifies the structure of the map, and drops it.
pub(crate) fn finish<M: Tested<Key: Hash, Hasher: BuildHasher>>(map: M) {
    map.check();
}

/// Verifies the structure of a map that nobody changes meanwhile.
pub(crate) fn verify<M: Tested<Key: Hash, Hasher: BuildHasher>>(map: &M) {
    map.check();
}

/// The entries, sorted.
pub(crate) fn sorted<M: Tested<Key: Copy + Ord, Value: Copy + Ord>>(
    map: &M,
) -> Vec<(M::Key, M::Value)> {
    sort(map.handle().iter().map(|(key, value)| (*key, *value)))
}

pub(crate) fn sort<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut items: Vec<T> = items.into_iter().collect();
    items.sort_unstable();
    items
}

/// Refreshes a handle until `done`, at most `times` times. Returns whether it was.
///
/// A grace period waits for the handles of other tests. So this waits too, if it takes long.
pub(crate) fn refresh_until<M: Tested>(map: &M, times: usize, done: impl Fn() -> bool) -> bool {
    const AT_ONCE: usize = 4_000;
    let mut pinned = map.handle();
    (0..times).any(|index| {
        pinned.refresh();
        // Threads that read are asked no more than once in a millisecond or so whether they are done.
        if index >= AT_ONCE || index % 50 == 49 {
            thread::sleep(Duration::from_millis(1));
        }
        done()
    })
}

/// Runs a body on a thread of its own. Panics if it takes longer than [`PATIENCE`].
#[track_caller]
pub(crate) fn watched(body: impl FnOnce() + Send + 'static) {
    watched_for(PATIENCE, body);
}

/// [`watched`] with another limit.
#[track_caller]
pub(crate) fn watched_for(limit: Duration, body: impl FnOnce() + Send + 'static) {
    let (done, finished) = channel::<()>();
    let hash = Chosen::default();
    let thread = thread::spawn(move || {
        let _done = done;
        hash.during(body);
    });
    // The body sends nothing: the channel is closed when it ends, whichever way.
    match finished.recv_timeout(limit) {
        Err(RecvTimeoutError::Timeout) => panic!("still running after {limit:?}"),
        _ => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
    }
}

/// Runs a body in a process of its own, for what would spoil other tests, or this process.
///
/// `module` and `test` name the test that calls this, and does nothing else.
#[track_caller]
pub(crate) fn alone(module: &str, test: &str, body: impl FnOnce()) {
    // Tests are called by their paths without the crate.
    let test = match module.split_once("::") {
        Some((_, module)) => format!("{module}::{test}"),
        None => test.to_owned(),
    };
    const CHILD: &str = "SNAPTRIE_TEST_ALONE";
    if env::var_os(CHILD).is_some_and(|name| name == *test) {
        return body();
    }
    let program = env::current_exe().expect("the path of the test");
    let mut child = Command::new(program);
    let output = child.args(["--exact", &test, "--nocapture"]).env(CHILD, &test).output();
    let output = output.expect("a process of the test's own");
    let (out, err) = (&output.stdout, &output.stderr);
    let text = [String::from_utf8_lossy(out), String::from_utf8_lossy(err)].concat();
    assert!(output.status.success(), "{}\n{text}", output.status);
    assert!(text.contains("1 passed"), "no test of that name\n{text}");
}

/// Tests that depend on grace periods take turns: a handle on another thread would delay them.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a body panics. What it throws is dropped.
pub(crate) fn panics(body: impl FnOnce()) -> bool {
    catch(body).is_err()
}

/// Runs a body that may panic on purpose.
pub(crate) fn catch<T>(body: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    quieten();
    catch_unwind(AssertUnwindSafe(body))
}

/// A panic that a test causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OnPurpose(pub(crate) u32);

/// Panics on purpose.
pub(crate) fn panic_on_purpose(number: u32) -> ! {
    panic_any(OnPurpose(number))
}

/// Whether this is what [`panic_on_purpose`] throws.
pub(crate) fn is_on_purpose(payload: &(dyn Any + Send)) -> bool {
    payload.is::<OnPurpose>()
}

/// Keeps panics on purpose from being printed: there are many thousands.
pub(crate) fn quieten() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !is_on_purpose(info.payload()) {
                print(info);
            }
        }));
    });
}

/// Runs a body while another thread calls `write` with ever new numbers. The body begins when some are
/// written; when it ends, or panics, the other thread ends too.
pub(crate) fn beside_a_writer(write: impl Fn(u32) + Sync, body: impl FnOnce()) {
    /// Sets a flag, also when a panic unwinds.
    struct SetOnDrop<'a>(&'a AtomicBool);

    impl Drop for SetOnDrop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Relaxed);
        }
    }

    let (stop, begun) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let _begun = SetOnDrop(begun);
            for number in (0..).take_while(|_| !stop.load(Relaxed)) {
                write(number);
                begun.store(number > 500, Relaxed);
            }
        });
        let _stop = SetOnDrop(stop);
        while !begun.load(Relaxed) {
            thread::yield_now();
        }
        body();
    });
}

/// A sequence of numbers that looks random and is always the same (SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

/// Calls `visit` with every order of `0..N`.
pub(crate) fn permutations<const N: usize>(mut visit: impl FnMut([usize; N])) {
    fn go<const N: usize>(order: &mut [usize; N], at: usize, visit: &mut impl FnMut([usize; N])) {
        if at == N {
            return visit(*order);
        }
        for other in at..N {
            order.swap(at, other);
            go(order, at + 1, visit);
            order.swap(at, other);
        }
    }
    go(&mut std::array::from_fn(|index| index), 0, &mut visit);
}

/// Makes three tests of each body named: one for each of the hashes that [`Chosen`] can be.
macro_rules! over_hashers {
    ($($body:ident),* $(,)?) => {
        mod good { $(#[test] fn $body() { crate::support::Chosen::Good.during(super::$body); })* }
        mod truncated {
            $(#[test] fn $body() { crate::support::Chosen::Truncated.during(super::$body); })*
        }
        mod constant {
            $(#[test] fn $body() { crate::support::Chosen::Constant.during(super::$body); })*
        }
    };
}
pub(crate) use over_hashers;
