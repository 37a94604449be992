//! All atomics of the crate are imported from here.
//!
//! Normally these are the standard library's. Under `cfg(shuttle)` each access first hands control to the model
//! checker's scheduler, so that `tests/models.rs` explores interleavings at every shared access. A few words are always
//! the standard library's: numbers of the whole process, which outlive every model (`shards.rs`), and the kind of fence,
//! which no model changes (`reclaim/participants.rs`).
//!
//! Under `cfg(snaptrie_planted)` the environment can weaken the ordering of one access: see `tests/planted/orderings`.

pub(crate) use std::sync::atomic::Ordering;

#[cfg(not(any(shuttle, snaptrie_planted)))]
pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};

#[cfg(any(shuttle, snaptrie_planted))]
pub(crate) use wrapped::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};

/// Whether there is a clock: not in models, whose schedules must repeat, nor in WebAssembly without a system.
pub(crate) const HAS_TIME: bool =
    !cfg!(any(shuttle, all(target_family = "wasm", target_os = "unknown")));

/// A point where the model checker may switch threads: before a shared access that another crate
/// makes on our behalf. Nothing otherwise.
#[inline]
pub(crate) fn shared_access() {
    #[cfg(shuttle)]
    wrapped::schedule();
}

/// A named point between two steps of an operation, where `tests/stalls.rs` lets a thread stall forever. Other threads
/// must be able to continue. Nothing in ordinary builds.
#[inline]
pub(crate) fn stall_point(_name: &'static str) {
    #[cfg(snaptrie_stall)]
    stalls::reached(_name);
}

/// Whether this deliberate bug is active. Only in builds of `tests/planted/run`, which shows that tests find it.
#[inline(always)]
pub(crate) fn planted(_bug: &'static str) -> bool {
    #[cfg(snaptrie_planted)]
    return plants::is_chosen(_bug);
    #[cfg(not(snaptrie_planted))]
    false
}

#[cfg(snaptrie_planted)]
mod plants {
    use std::collections::BTreeSet;
    use std::env;
    use std::panic::Location;
    use std::sync::{Mutex, OnceLock};

    use super::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

    /// Whether the environment selects this bug. One build contains all of them.
    pub(super) fn is_chosen(bug: &'static str) -> bool {
        static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
        CHOSEN.get_or_init(|| env::var("SNAPTRIE_PLANTED").ok()).as_deref() == Some(bug)
    }

    /// The parts of the ordering of a successful access.
    pub(super) const SUCCESS: [&str; 3] = ["acquire", "release", "sequence"];
    /// The same for a compare-and-swap that fails.
    pub(super) const FAILURE: [&str; 1] = ["failure"];

    /// The ordering of an access at the caller's caller, without the part that the environment removes, for example
    /// `SNAPTRIE_WEAKENED=src/bucket/mod.rs:100:acquire`. With `list`, prints each part once.
    #[track_caller]
    pub(super) fn weakened(order: Ordering, parts: &[&str]) -> Ordering {
        static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
        let Some(chosen) = CHOSEN.get_or_init(|| env::var("SNAPTRIE_WEAKENED").ok()) else {
            return order;
        };
        let (file, line) = (Location::caller().file(), Location::caller().line());
        for part in parts {
            let weaker = match (order, *part) {
                (SeqCst, "sequence") => AcqRel,
                (AcqRel, "acquire") => Release,
                (AcqRel, "release") => Acquire,
                (Acquire, "acquire" | "failure") | (Release, "release") => Relaxed,
                _ => continue,
            };
            let name = format!("{}:{line}:{part}", &file[file.rfind("src/").unwrap_or(0)..]);
            if name == *chosen {
                return weaker;
            }
            static LISTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
            if chosen == "list" && LISTED.lock().unwrap().insert(name.clone()) {
                println!("ordering {name}");
            }
        }
        order
    }
}

#[cfg(snaptrie_stall)]
pub mod stalls {
    //! Where threads stall in tests.

    use std::sync::OnceLock;

    static HOOK: OnceLock<fn(&'static str)> = OnceLock::new();

    /// Sets the function that is called with the name of each stall point that a thread reaches. Once per process.
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
pub mod nodes {
    //! Counts nodes, so that models find those that are never freed. All threads of a model run on one system thread.

    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<isize> = const { Cell::new(0) };
    }

    /// Nodes that models of this thread have allocated and not freed.
    pub fn count() -> isize {
        COUNT.get()
    }

    pub(crate) fn change(by: isize) {
        COUNT.set(COUNT.get() + by);
    }
}

#[cfg(any(shuttle, snaptrie_planted))]
mod wrapped {
    use super::Ordering;
    #[cfg(snaptrie_planted)]
    use super::plants::{FAILURE, SUCCESS, weakened};

    /// Lets any other thread of the model run before the access that follows.
    pub(super) fn schedule() {
        // While a panic unwinds, which a test will catch, threads must not be switched.
        #[cfg(shuttle)]
        if !std::thread::panicking() {
            // Shuttle may switch threads at any of its own accesses. Not `yield_now`, which its priority-based
            // scheduler treats as a request to be switched.
            shuttle::sync::atomic::AtomicBool::new(false).load(Ordering::Relaxed);
        }
    }

    #[cfg(not(snaptrie_planted))]
    const SUCCESS: () = ();
    #[cfg(not(snaptrie_planted))]
    const FAILURE: () = ();
    #[cfg(not(snaptrie_planted))]
    fn weakened(order: Ordering, _: &()) -> Ordering {
        order
    }

    #[track_caller]
    pub(crate) fn fence(order: Ordering) {
        schedule();
        match weakened(order, &SUCCESS) {
            Ordering::Relaxed => {}
            order => std::sync::atomic::fence(order),
        }
    }

    macro_rules! wrapped {
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
                #[track_caller]
                pub(crate) fn load(&self, order: Ordering) -> $value {
                    schedule();
                    self.0.load(weakened(order, &SUCCESS))
                }
                #[track_caller]
                pub(crate) fn store(&self, value: $value, order: Ordering) {
                    schedule();
                    self.0.store(value, weakened(order, &SUCCESS));
                }
                #[track_caller]
                pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                    schedule();
                    self.0.swap(value, weakened(order, &SUCCESS))
                }
                #[track_caller]
                pub(crate) fn compare_exchange(
                    &self,
                    current: $value,
                    new: $value,
                    success: Ordering,
                    failure: Ordering,
                ) -> Result<$value, $value> {
                    schedule();
                    let (success, failure) = (weakened(success, &SUCCESS), weakened(failure, &FAILURE));
                    self.0.compare_exchange(current, new, success, failure)
                }
            }
        };
    }

    wrapped!(AtomicBool [] bool);
    wrapped!(AtomicU64 [] u64);
    wrapped!(AtomicUsize [] usize);
    wrapped!(AtomicPtr [T] *mut T);

    impl AtomicU64 {
        #[track_caller]
        pub(crate) fn fetch_or(&self, bits: u64, order: Ordering) -> u64 {
            schedule();
            self.0.fetch_or(bits, weakened(order, &SUCCESS))
        }
        #[track_caller]
        pub(crate) fn fetch_add(&self, value: u64, order: Ordering) -> u64 {
            schedule();
            self.0.fetch_add(value, weakened(order, &SUCCESS))
        }
    }

    impl AtomicUsize {
        #[track_caller]
        pub(crate) fn fetch_add(&self, value: usize, order: Ordering) -> usize {
            schedule();
            self.0.fetch_add(value, weakened(order, &SUCCESS))
        }
        #[track_caller]
        pub(crate) fn fetch_sub(&self, value: usize, order: Ordering) -> usize {
            schedule();
            self.0.fetch_sub(value, weakened(order, &SUCCESS))
        }
    }
}
