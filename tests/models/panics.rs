//! A comparison that panics in the middle of an operation, where only another thread can bring it there.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use snaptrie::TrieMap;

use crate::explore;

/// A key that throws when it is compared with another; it counts itself.
struct Touchy {
    number: u8,
    live: Arc<AtomicIsize>,
}

impl Touchy {
    fn new(number: u8, live: &Arc<AtomicIsize>) -> Self {
        live.fetch_add(1, Ordering::SeqCst);
        Self { number, live: Arc::clone(live) }
    }
}

impl Drop for Touchy {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Keys 1 and 2 have the same hash.
#[derive(Default)]
struct Touch(u64);

impl Hasher for Touch {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(bytes[0].max(2));
    }
    fn finish(&self) -> u64 {
        self.0
    }
}

impl Hash for Touchy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u8(self.number);
    }
}

impl PartialEq for Touchy {
    fn eq(&self, other: &Self) -> bool {
        if self.number != other.number {
            // Not `panic!`: the checker takes what the hook reports for a failure.
            resume_unwind(Box::new("compared"));
        }
        true
    }
}

impl Eq for Touchy {}

/// The second of two insertions meets the key of the first: when it looks, or when it has an entry of its
/// own ready and the state has changed under it.
#[test]
fn a_comparison_that_panics_in_an_insertion_leaves_nothing_behind() {
    explore(|| {
        let live = Arc::<AtomicIsize>::default();
        let hasher = BuildHasherDefault::<Touch>::default();
        let map = Arc::new(TrieMap::<Touchy, u8, _>::with_hasher(hasher).collecting_privately());
        // So many that a branch has room for both threads' entries, if they are not in the group where all
        // of these are.
        let first = thread_rng().gen_range(3..100);
        for number in first..first + 3 {
            map.pin().insert(Touchy::new(number, &live), number);
        }
        let threads = [1, 2].map(|number| {
            let (map, live) = (Arc::clone(&map), Arc::clone(&live));
            thread::spawn(move || {
                let key = Touchy::new(number, &live);
                catch_unwind(AssertUnwindSafe(|| _ = map.pin().insert(key, number))).is_ok()
            })
        });
        let done = threads.map(|thread| thread.join().unwrap());
        assert_ne!(done[0], done[1], "one came first");
        assert_eq!(map.len(), 4);
        drop(Arc::into_inner(map).unwrap());
        assert_eq!(live.load(Ordering::SeqCst), 0, "keys that were never dropped");
    });
}
