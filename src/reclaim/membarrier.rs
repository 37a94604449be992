//! The heavy fence: a fence on every processor that runs a thread of this process (`membarrier(2)`, Linux).

#[cfg(all(feature = "membarrier", target_os = "linux", not(miri), not(shuttle)))]
mod kernel {
    #![expect(unsafe_code, reason = "a system call")]

    // From the kernel's `include/uapi/linux/membarrier.h`.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY:
        // - both commands take no flags and touch no memory of the process; a kernel that does not know them or a
        //   filter that forbids them returns an error.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }

    /// Registers the process; returns whether the system let it. Takes about 10 ms if the process has several threads.
    pub(in super::super) fn register() -> bool {
        membarrier(REGISTER_PRIVATE_EXPEDITED)
    }

    /// The fence. Returns whether it worked.
    pub(in super::super) fn heavy_fence() -> bool {
        membarrier(PRIVATE_EXPEDITED)
    }
}

#[cfg(not(all(feature = "membarrier", target_os = "linux", not(miri), not(shuttle))))]
mod kernel {
    pub(in super::super) fn register() -> bool {
        false
    }

    pub(in super::super) fn heavy_fence() -> bool {
        false
    }
}

pub(super) use kernel::*;
