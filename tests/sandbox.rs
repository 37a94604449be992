//! Sandboxes that forbid `membarrier(2)`: garbage goes all the same, whenever the kernel begins to refuse.
//!
//! A process cannot take a filter of system calls off again, so each test runs in a process of its own.
#![cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#![expect(unsafe_code, reason = "filters of system calls")]

mod support;

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use snaptrie::{FixedState, FlatMap, TrieMap};
use support::alloc::{reset_total_peak, total, total_peak};
use support::{Handle, Tested, alone, beside_a_writer, one_at_a_time, stress, verify};

#[global_allocator]
static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;

const MIB: isize = 1 << 20;

/// Garbage that may wait. All that is overwritten is three times as much or more.
const MOST: isize = 16 * MIB;

/// What the filter does to the call.
#[derive(Clone, Copy)]
enum Answer {
    /// Refuses it, with EPERM.
    Refuse,
    /// Kills the process.
    Kill,
}

/// Forbids `membarrier` to all threads of the process, present and future.
fn forbid_membarrier(answer: Answer) {
    let answer = match answer {
        Answer::Refuse => libc::SECCOMP_RET_ERRNO | libc::EPERM as u32,
        Answer::Kill => libc::SECCOMP_RET_KILL_PROCESS,
    };
    let instruction = |code: u32, on_true, on_false, k| libc::sock_filter {
        code: code as u16,
        jt: on_true,
        jf: on_false,
        k,
    };
    let mut program = [
        // The number of the call is the first field of `seccomp_data`.
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        instruction(libc::BPF_JMP | libc::BPF_JEQ, 0, 1, libc::SYS_membarrier as u32),
        instruction(libc::BPF_RET, 0, 0, answer),
        instruction(libc::BPF_RET, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program =
        libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr().cast() };
    // SAFETY:
    // - takes numbers alone.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
    // SAFETY:
    // - the program and its instructions outlive the call, and the kernel copies them.
    let done = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_TSYNC,
            &raw const program,
        )
    };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

fn refuse_membarrier() {
    const QUERY: libc::c_int = 0;
    forbid_membarrier(Answer::Refuse);
    // SAFETY:
    // - takes numbers alone, and only asks which commands there are.
    let answer = unsafe { libc::syscall(libc::SYS_membarrier, QUERY, 0, 0) };
    assert_eq!(answer, -1, "the filter does nothing");
}

static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A value that is counted while it is alive.
struct Alive(u64);

impl Alive {
    fn new(number: u64) -> Self {
        ALIVE.fetch_add(1, Relaxed);
        Self(number)
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        assert!(ALIVE.fetch_sub(1, Relaxed) > 0, "dropped twice");
    }
}

/// A map of these tests.
trait Subject:
    Tested<Key = u64, Value = Alive, Hasher = FixedState> + Default + Sync + 'static
{
}

impl<M> Subject for M where
    M: Tested<Key = u64, Value = Alive, Hasher = FixedState> + Default + Sync + 'static
{
}

type Trie = TrieMap<u64, Alive, FixedState>;
type Flat = FlatMap<u64, Alive, FixedState>;

/// Overwrites a hundred keys beside a thread that looks them up and one that is idle, and checks that garbage goes.
///
/// Calls `once_begun` when all of them have used the map for a while.
fn overwrite<M: Subject>(once_begun: impl FnOnce()) {
    const KEYS: u64 = 100;
    let overwrites = (1_000_000.0 * stress()) as u64;
    let map: &'static M = Box::leak(Box::default());
    let write = |number| _ = map.handle().insert(number % KEYS, Alive::new(number));
    let finds = |key: &u64| map.handle().get(key).is_some_and(|value| value.0 % KEYS == *key);
    (0..KEYS.max(overwrites / 10)).for_each(write);
    idle_after(move || _ = (0..10_000).filter(|key| map.handle().get(key).is_some()).count());
    let look = |_| assert_eq!((0..KEYS).filter(finds).count() as u64, KEYS);
    beside_a_writer(look, || {
        // By then, whatever another thread asks of the kernel is answered.
        thread::sleep(Duration::from_millis(50));
        once_begun();
        let before = total();
        reset_total_peak();
        (0..overwrites).for_each(write);
        let most = total_peak() - before;
        println!("{} KiB of garbage at most", most >> 10);
        assert!(most < MOST, "{} MiB of garbage", most / MIB);
    });
    assert!(map.flush(), "garbage is left");
    assert_eq!(ALIVE.load(Relaxed), map.len(), "values besides those in the map");
    verify(map);
    map.clear();
    assert!(map.flush(), "garbage is left");
    assert_eq!(ALIVE.load(Relaxed), 0);
}

/// Runs a body on another thread, which then does nothing until the process ends.
fn idle_after(body: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    thread::spawn(move || {
        body();
        done.send(()).expect("the test waits");
        loop {
            thread::park();
        }
    });
    is_done.recv().expect("a thread that is idle now");
}

/// Runs a test in a process of its own, and no other one meanwhile.
#[track_caller]
fn in_sandbox(test: &str, body: impl FnOnce()) {
    let _turn = one_at_a_time();
    alone(module_path!(), test, body);
}

fn refused_from_the_start<M: Subject>() {
    refuse_membarrier();
    overwrite::<M>(|| ());
}

#[test]
fn refused_from_the_start_with_a_trie() {
    in_sandbox("refused_from_the_start_with_a_trie", refused_from_the_start::<Trie>);
}

#[test]
fn refused_from_the_start_with_a_flat_map() {
    in_sandbox("refused_from_the_start_with_a_flat_map", refused_from_the_start::<Flat>);
}

fn refused_when_threads_have_begun<M: Subject>() {
    overwrite::<M>(refuse_membarrier);
}

#[test]
fn refused_when_threads_have_begun_with_a_trie() {
    let body = refused_when_threads_have_begun::<Trie>;
    in_sandbox("refused_when_threads_have_begun_with_a_trie", body);
}

#[test]
fn refused_when_threads_have_begun_with_a_flat_map() {
    let body = refused_when_threads_have_begun::<Flat>;
    in_sandbox("refused_when_threads_have_begun_with_a_flat_map", body);
}

/// Registering can take 10 ms. So a map does it when it is made, or the first thread that frees something.
#[cfg(feature = "membarrier")]
mod lookups_do_not_wait_for_the_kernel {
    use super::*;

    fn look_up(trie: &Trie, flat: &Flat) {
        forbid_membarrier(Answer::Kill);
        let absent = || trie.pin().get(&1).is_none() && flat.pin().get(&1).is_none();
        thread::scope(|scope| assert!(scope.spawn(absent).join().expect("a thread that lives")));
    }

    #[test]
    fn in_new_maps() {
        in_sandbox("lookups_do_not_wait_for_the_kernel::in_new_maps", || {
            look_up(&Trie::default(), &Flat::default());
        });
    }

    #[test]
    fn in_statics() {
        static TRIE: Trie = TrieMap::with_hasher(FixedState::with_seed(1));
        static FLAT: Flat = FlatMap::with_hasher(FixedState::with_seed(1));
        in_sandbox("lookups_do_not_wait_for_the_kernel::in_statics", || look_up(&TRIE, &FLAT));
    }
}

/// A filter may kill the process for the call, so a library built without the feature must never make it.
#[cfg(not(feature = "membarrier"))]
mod without_the_feature {
    use super::*;

    fn never_called<M: Subject>() {
        forbid_membarrier(Answer::Kill);
        overwrite::<M>(|| ());
    }

    #[test]
    fn never_called_by_a_trie() {
        in_sandbox("without_the_feature::never_called_by_a_trie", never_called::<Trie>);
    }

    #[test]
    fn never_called_by_a_flat_map() {
        in_sandbox("without_the_feature::never_called_by_a_flat_map", never_called::<Flat>);
    }
}
