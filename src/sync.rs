//! The one place where atomics come from.
//!
//! Normally these are the standard library's. Under `cfg(shuttle)` each access first hands control
//! to the model checker's scheduler, so that `tests/models.rs` explores interleavings at every
//! shared access. A few words are always the standard library's: those of the whole process, which outlive every
//! model (`reclaim/guard.rs`, `reclaim/threads.rs`), and how participants are ordered, which no model changes
//! (`reclaim/participants.rs`).

pub(crate) use std::sync::atomic::Ordering;

#[cfg(not(shuttle))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};

#[cfg(shuttle)]
pub(crate) use scheduled::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};

/// Whether there is time, and time to wait. Models know none: a schedule must go the same way each time. WebAssembly
/// without a system has no clock, and no other thread to wait for.
pub(crate) const HAS_TIME: bool =
    !cfg!(any(shuttle, all(target_family = "wasm", target_os = "unknown")));

/// A point where the model checker may switch threads: before a shared access that another crate
/// makes on our behalf. Nothing otherwise.
#[inline]
pub(crate) fn shared_access() {
    #[cfg(shuttle)]
    scheduled::schedule();
}

/// A point with a name, at which `tests/stalls.rs` lets a thread stall forever: between two steps of an operation, where
/// others must go on without it. Nothing in ordinary builds.
#[inline]
pub(crate) fn stall_point(_name: &'static str) {
    #[cfg(snaptrie_stall)]
    stalls::reached(_name);
}

/// Whether this bug is in the library: on purpose, in builds of `tests/planted/run`, which shows that tests find it.
#[inline(always)]
pub(crate) fn planted(_bug: &'static str) -> bool {
    #[cfg(snaptrie_planted)]
    return plants::is_chosen(_bug);
    #[cfg(not(snaptrie_planted))]
    false
}

#[cfg(snaptrie_planted)]
mod plants {
    use std::env;
    use std::sync::OnceLock;

    /// Whether the environment asks for this bug. One build has all of them.
    pub(super) fn is_chosen(bug: &'static str) -> bool {
        static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
        CHOSEN.get_or_init(|| env::var("SNAPTRIE_PLANTED").ok()).as_deref() == Some(bug)
    }
}

#[cfg(snaptrie_stall)]
pub mod stalls {
    //! Where threads stall in tests.

    use std::sync::OnceLock;

    static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

    /// Sets the function that is called with the name of each stall point a thread reaches. Once per process.
    pub fn set_hook(hook: fn(&'static str)) {
        HOOK.get_or_init(|| hook);
    }

    pub(super) fn reached(name: &'static str) {
        if let Some(hook) = HOOK.get() {
            hook(name);
        }
    }
}

#[cfg(shuttle)]
mod scheduled {
    use super::Ordering;

    /// Lets any other thread of the model run before the access that follows.
    pub(super) fn schedule() {
        // A panic that unwinds (one that a test caught on purpose) must not switch threads.
        if !std::thread::panicking() {
            // Any access of shuttle's own is a point where it may switch. Not `yield_now`, which
            // its priority-based scheduler takes as a wish to be switched.
            shuttle::sync::atomic::AtomicBool::new(false).load(Ordering::Relaxed);
        }
    }

    pub(crate) fn fence(order: Ordering) {
        schedule();
        std::sync::atomic::fence(order);
    }

    macro_rules! scheduled {
        ($name:ident [$($generic:ident)?] $value:ty) => {
            #[derive(Debug, Default)]
            #[repr(transparent)]
            pub(crate) struct $name $(<$generic>)? (std::sync::atomic::$name $(<$generic>)?);

            #[allow(dead_code)]
            impl $(<$generic>)? $name $(<$generic>)? {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(std::sync::atomic::$name::new(value))
                }
                pub(crate) fn get_mut(&mut self) -> &mut $value {
                    self.0.get_mut()
                }
                pub(crate) fn load(&self, order: Ordering) -> $value {
                    schedule();
                    self.0.load(order)
                }
                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    schedule();
                    self.0.store(value, order);
                }
                pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                    schedule();
                    self.0.swap(value, order)
                }
                pub(crate) fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    schedule();
                    self.0.compare_exchange(current, new, success, failure)
                }
            }
        };
    }

    scheduled!(AtomicBool [] bool);
    scheduled!(AtomicU64 [] u64);
    scheduled!(AtomicUsize [] usize);
    scheduled!(AtomicPtr [T] *mut T);

    impl AtomicU64 {
        pub(crate) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
            schedule();
            self.0.fetch_or(bits, order)
        }
        pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            schedule();
            self.0.fetch_add(value, order)
        }
    }

    impl AtomicUsize {
        pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
            schedule();
            self.0.fetch_add(value, order)
        }
        pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
            schedule();
            self.0.fetch_sub(value, order)
        }
    }
}
