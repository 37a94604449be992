//! A hint to the processor that memory is about to be read. Does nothing where there is no such
//! instruction.
#![allow(unsafe_code, reason = "the intrinsic, where there is one, is unsafe on older compilers")]

/// [`read`] for all cache lines of this many bytes.
#[inline]
pub(crate) fn read_all<T>(address: *const T, bytes: usize) {
    (0..bytes).step_by(64).for_each(|at| read(address.cast::<u8>().wrapping_add(at)));
}

/// Fetches the cache line of `address` into all levels.
#[inline]
#[allow(unused_unsafe, reason = "newer compilers know that this is safe")]
pub(crate) fn read<T>(address: *const T) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse", not(miri)))]
    // SAFETY:
    // - needs SSE, which the target has; a prefetch never faults, whatever the address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse", not(miri))))]
    let _ = address;
}
