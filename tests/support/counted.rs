//! Keys and values that know which of them are alive.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The instances of one test: each has a number of its own, and a tag.
///
/// The books are kept in a static and not in the instances: so that an instance that is dropped
/// twice, or was never made, is recognised without following any pointer that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ledger(usize);

/// For each ledger, the tags of the live instances by their numbers.
static LEDGERS: Mutex<Vec<HashMap<u64, u64>>> = Mutex::new(Vec::new());

fn ledgers() -> MutexGuard<'static, Vec<HashMap<u64, u64>>> {
    LEDGERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    pub(crate) fn new() -> Self {
        let mut ledgers = ledgers();
        ledgers.push(HashMap::new());
        Self(ledgers.len() - 1)
    }

    /// A new instance.
    pub(crate) fn make(self, tag: u64) -> Counted {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        ledgers()[self.0].insert(id, tag);
        Counted { id, tag, ledger: self }
    }

    /// How many instances are alive.
    pub(crate) fn live(self) -> usize {
        ledgers()[self.0].len()
    }

    /// The numbers of the live instances, in order.
    pub(crate) fn ids(self) -> Vec<u64> {
        super::sort(ledgers()[self.0].keys().copied())
    }

    /// The tags of the live instances, in order.
    pub(crate) fn tags(self) -> Vec<u64> {
        super::sort(ledgers()[self.0].values().copied())
    }
}

/// Equal and ordered by tag. An instance that is used or dropped after its end aborts the process:
/// a panic could be caught by the map under test.
pub(crate) struct Counted {
    id: u64,
    tag: u64,
    ledger: Ledger,
}

impl Counted {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The tag. Checks that the instance is alive.
    #[track_caller]
    pub(crate) fn tag(&self) -> u64 {
        let known = ledgers().get(self.ledger.0).and_then(|ledger| ledger.get(&self.id).copied());
        if known != Some(self.tag) {
            fail("used after it was dropped", self);
        }
        self.tag
    }
}

#[track_caller]
fn fail(what: &str, instance: &Counted) -> ! {
    let (id, tag) = (instance.id, instance.tag);
    eprintln!("instance {id} with tag {tag}: {what}");
    eprintln!("{}", std::backtrace::Backtrace::force_capture());
    process::abort();
}

impl Drop for Counted {
    fn drop(&mut self) {
        let known = ledgers().get_mut(self.ledger.0).and_then(|ledger| ledger.remove(&self.id));
        if known != Some(self.tag) {
            fail("dropped, and is not alive", self);
        }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.ledger.make(self.tag)
    }
}

impl PartialEq for Counted {
    fn eq(&self, other: &Self) -> bool {
        self.tag() == other.tag()
    }
}

impl Eq for Counted {}

impl Hash for Counted {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag().hash(state);
    }
}

impl fmt::Debug for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.tag)
    }
}
