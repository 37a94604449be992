//! A pair of fences of which one costs nothing.
//!
//! Where one thread stores and then loads, and another one does so the other way round, each needs a full
//! fence between the two for one of them to see the other (Dekker). [`light`] and [`heavy`] are such a pair:
//! the light one only keeps the compiler from reordering, and the heavy one makes the operating system
//! interrupt each processor that runs a thread of the process, which is a full fence there (`membarrier(2)`,
//! Linux). The variant "RCU via signal handling" of Desnoyers et al., "User-Level Implementations of Read-Copy
//! Update", IEEE TPDS 23(2), 2012, does the same by signals.
#![allow(unsafe_code, reason = "a system call, where there is one")]

use std::sync::atomic::{AtomicU8, compiler_fence};
use std::thread;
use std::time::Duration;

use crate::sync::{Ordering, fence};

/// Both are ordinary fences, for checkers that know no system call.
const PLAIN: bool = cfg!(any(miri, shuttle));

/// What the kernel said.
static ANSWER: AtomicU8 = AtomicU8::new(UNASKED);
const UNASKED: u8 = 0;
const ASKED: u8 = 1;
const NO: u8 = 2;
const YES: u8 = 3;

/// Whether the heavy fence is to be had, as far as is known.
pub(super) fn supported() -> bool {
    // Acquire: the process is registered; pairs with the Release in `ask`.
    PLAIN || ANSWER.load(Ordering::Acquire) == YES
}

/// Asks for the heavy fence, the first time, and waits for nothing.
///
/// The kernel does, until all processors have noticed: 10 ms where there are several threads. Then a thread asks that
/// has nothing else to do.
pub(super) fn prepare() {
    // Relaxed: only lets one through.
    let asked = ANSWER.compare_exchange(UNASKED, ASKED, Ordering::Relaxed, Ordering::Relaxed);
    if PLAIN || asked.is_err() {
        return;
    }
    if !kernel::takes_long() {
        return ask();
    }
    let thread = thread::Builder::new().name("snaptrie-membarrier".to_string());
    if thread.spawn(ask).is_err() {
        // Release: as in `ask`. It hands on nothing: the process is not registered.
        ANSWER.store(NO, Ordering::Release);
    }
}

fn ask() {
    let answer = if kernel::register() { YES } else { NO };
    // Release: pairs with the Acquire in `supported`.
    ANSWER.store(answer, Ordering::Release);
}

/// [`prepare`], and waits for the answer: for tests.
pub(super) fn settle() {
    prepare();
    // Acquire: as in `supported`.
    while !PLAIN && ANSWER.load(Ordering::Acquire) == ASKED {
        thread::sleep(Duration::from_micros(100));
    }
}

/// Orders the caller's stores before its loads for who executes [`heavy`].
#[inline(always)]
pub(super) fn light() {
    if PLAIN { fence(Ordering::SeqCst) } else { compiler_fence(Ordering::SeqCst) }
}

/// The other half. Returns whether it worked; if not, it was nothing.
#[must_use]
pub(super) fn heavy() -> bool {
    fence(Ordering::SeqCst);
    PLAIN || kernel::barrier()
}

#[cfg(all(target_os = "linux", not(miri), not(shuttle)))]
mod kernel {
    // From the kernel's `include/uapi/linux/membarrier.h`.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY:
        // - both commands take no flags and touch no memory of the process; an older kernel, or one that
        //   forbids it, returns an error.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Whether there are other threads, or may be.
    pub(super) fn takes_long() -> bool {
        std::fs::read_dir("/proc/self/task").map_or(true, |threads| threads.count() != 1)
    }

    pub(super) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    pub(super) fn barrier() -> bool {
        membarrier(PRIVATE_EXPEDITED)
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(shuttle))))]
mod kernel {
    pub(super) fn takes_long() -> bool {
        false
    }

    pub(super) fn register() -> bool {
        false
    }

    pub(super) fn barrier() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_asked_once_and_then_the_fence_works() {
        settle();
        settle();
        assert_eq!(supported(), PLAIN || cfg!(target_os = "linux"));
        assert_eq!(heavy(), supported());
    }
}
