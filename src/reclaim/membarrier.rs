//! The heavy fence: a fence on every processor that runs a thread of this process (`membarrier(2)`, Linux).

use std::ffi::c_int;

// From the kernel's `include/uapi/linux/membarrier.h`.
const PRIVATE_EXPEDITED: c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: c_int = 1 << 4;

/// Registers the process; returns whether the system let it. Takes about 10 ms if the process has several threads.
pub(super) fn register() -> bool {
    membarrier(REGISTER_PRIVATE_EXPEDITED)
}

/// The fence. Returns whether it worked.
pub(super) fn heavy_fence() -> bool {
    membarrier(PRIVATE_EXPEDITED)
}

#[cfg(all(feature = "membarrier", target_os = "linux", not(miri), not(shuttle)))]
#[expect(unsafe_code, reason = "a system call")]
fn membarrier(command: c_int) -> bool {
    // SAFETY:
    // - both commands take no flags and touch no memory of the process; a kernel that does not know them or a filter
    //   that forbids them returns an error.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

#[cfg(not(all(feature = "membarrier", target_os = "linux", not(miri), not(shuttle))))]
fn membarrier(_: c_int) -> bool {
    false
}
