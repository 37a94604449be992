//! The workloads of memory, under an allocator that counts. `peers` starts it. Only `garbage` is timed here.

#![expect(unsafe_code, reason = "the allocator's block sizes are asked through C")]

use peers::cli::{self, Binary};
use peers::count::Counting;
use std::process::ExitCode;

#[cfg(feature = "mimalloc")]
#[global_allocator]
// SAFETY: no function for block sizes is given.
static ALLOCATOR: Counting<mimalloc::MiMalloc> = unsafe { Counting::new(mimalloc::MiMalloc, None) };

#[cfg(all(not(feature = "mimalloc"), target_os = "linux", target_env = "gnu"))]
#[global_allocator]
// SAFETY: on this target `System` is the C allocator that `malloc_usable_size` belongs to.
static ALLOCATOR: Counting<std::alloc::System> =
    unsafe { Counting::new(std::alloc::System, Some(glibc_size)) };

#[cfg(all(not(feature = "mimalloc"), not(all(target_os = "linux", target_env = "gnu"))))]
#[global_allocator]
// SAFETY: no function for block sizes is given.
static ALLOCATOR: Counting<std::alloc::System> = unsafe { Counting::new(std::alloc::System, None) };

/// # Safety
///
/// `block` must be a live block of the C allocator.
#[cfg(all(not(feature = "mimalloc"), target_os = "linux", target_env = "gnu"))]
unsafe fn glibc_size(block: *mut u8) -> usize {
    // SAFETY: the caller promises a live block of this allocator.
    unsafe { libc::malloc_usable_size(block.cast()) }
}

fn main() -> ExitCode {
    cli::main(Binary::Counting)
}
