//! A pair of fences of which one costs nothing.
//!
//! Where one thread stores and then loads, and another one does so the other way round, each needs a full
//! fence between the two for one of them to see the other (Dekker). [`light`] and [`heavy`] are such a pair:
//! the light one only keeps the compiler from reordering, and the heavy one makes the operating system
//! interrupt each processor that runs a thread of the process, which is a full fence there (`membarrier`,
//! Linux; Desnoyers et al., "User-Level Implementations of Read-Copy Update", IEEE TPDS 23(2), 2012, section
//! 5.3 does the same by signals).
#![allow(unsafe_code, reason = "a system call, where there is one")]

use std::sync::OnceLock;
use std::sync::atomic::compiler_fence;

use crate::sync::{Ordering, fence};

/// Whether the heavy fence is to be had. From the first call on, if it is.
///
/// The kernel waits until all processors have noticed, up to some milliseconds in a process of several threads:
/// once in its life.
pub(super) fn supported() -> bool {
    static SUPPORTED: OnceLock<bool> = OnceLock::new();
    *SUPPORTED.get_or_init(kernel::register)
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

/// Both are ordinary fences, for checkers that know no system call.
const PLAIN: bool = cfg!(any(miri, shuttle));

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

    pub(super) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    pub(super) fn barrier() -> bool {
        membarrier(PRIVATE_EXPEDITED)
    }
}

#[cfg(not(all(target_os = "linux", not(miri), not(shuttle))))]
mod kernel {
    pub(super) fn register() -> bool {
        super::PLAIN
    }

    pub(super) fn barrier() -> bool {
        false
    }
}
