//! Keys and values that run code when they are hashed, compared or dropped, a hasher that does when it
//! is cloned, and a fuse that makes any of these panic at the n-th time.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};

use super::{Chosen, Counted, Ledger, panic_on_purpose};

/// Where a test can make something happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Hash,
    Eq,
    Closure,
    Drop,
    /// Of a [`TouchyHasher`].
    Clone,
}

thread_local! {
    static FUSE: Cell<Option<(Event, u32)>> = const { Cell::new(None) };
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

struct Hook {
    event: Event,
    spared: u32,
    run: Box<dyn FnOnce()>,
}

/// Lets the event after `spared` others of its kind panic, on this thread, once.
pub(crate) fn arm(event: Event, spared: u32) {
    FUSE.set(Some((event, spared)));
}

/// Takes the fuse out again. Returns whether it had not blown.
pub(crate) fn disarm() -> bool {
    FUSE.take().is_some()
}

/// Runs `run` once on this thread: at the event after `spared` others of its kind.
pub(crate) fn hook(event: Event, spared: u32, run: impl FnOnce() + 'static) {
    HOOK.set(Some(Hook { event, spared, run: Box::new(run) }));
}

/// Removes the hook. Returns whether it ran.
pub(crate) fn unhook() -> bool {
    HOOK.take().is_none()
}

/// To be called where the event happens.
pub(crate) fn happens(event: Event) {
    run_hook(event);
    match FUSE.get() {
        Some((armed, 0)) if armed == event => {
            FUSE.set(None);
            panic_on_purpose(0);
        }
        Some((armed, spared)) if armed == event => FUSE.set(Some((event, spared - 1))),
        _ => {}
    }
}

fn run_hook(event: Event) {
    let due = |hook: &mut Hook| {
        let mine = hook.event == event;
        let due = mine && hook.spared == 0;
        hook.spared -= u32::from(mine && !due);
        due
    };
    // Taken out before it runs, so that what it does itself runs no hook.
    if let Some(hook) = HOOK.with_borrow_mut(|hook| hook.take_if(due)) {
        (hook.run)();
    }
}

/// A key at whose hashing and comparison things happen.
pub(crate) trait Eventful: Hash + Eq + fmt::Debug + 'static {
    fn make(ledger: Ledger, tag: u64) -> Self;
    fn tag(&self) -> u64;
}

/// A key or value at whose hashing, comparison and drop things happen.
#[derive(Clone)]
pub(crate) struct Touchy(pub(crate) Counted);

impl Eventful for Touchy {
    fn make(ledger: Ledger, tag: u64) -> Self {
        Self(ledger.make(tag))
    }

    fn tag(&self) -> u64 {
        self.0.tag()
    }
}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        happens(Event::Hash);
        self.0.hash(state);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        happens(Event::Eq);
        self.0 == other.0
    }
}

impl Eq for Touchy {}

impl Drop for Touchy {
    fn drop(&mut self) {
        happens(Event::Drop);
    }
}

impl fmt::Debug for Touchy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A hasher at whose cloning things happen.
#[derive(Debug, Default)]
pub(crate) struct TouchyHasher(Chosen);

impl Clone for TouchyHasher {
    fn clone(&self) -> Self {
        happens(Event::Clone);
        Self(self.0)
    }
}

impl BuildHasher for TouchyHasher {
    type Hasher = <Chosen as BuildHasher>::Hasher;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

/// A plain key at whose hashing and comparison things happen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CopyTouchy(u64);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - a number.
unsafe impl snaptrie::Plain for CopyTouchy {}

impl Eventful for CopyTouchy {
    fn make(_ledger: Ledger, tag: u64) -> Self {
        Self(tag)
    }

    fn tag(&self) -> u64 {
        self.0
    }
}

impl Hash for CopyTouchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        happens(Event::Hash);
        self.0.hash(state);
    }
}

impl PartialEq for CopyTouchy {
    fn eq(&self, other: &Self) -> bool {
        happens(Event::Eq);
        self.0 == other.0
    }
}

impl Eq for CopyTouchy {}
