//! Programs that real threads run at once on one map, of each kind; the history is checked for an
//! order of operations that explains it.
//!
//! From the root of the repository:
//!
//! ```sh
//! cargo +nightly fuzz run concurrent fuzz/corpus/concurrent fuzz/seeds/concurrent -- -max_total_time=180
//! ```
//!
//! An input that failed may pass when it is run again: the schedule is not part of it.
#![no_main]

#[path = "../../tests/support/hashers.rs"]
#[allow(dead_code, reason = "tests use the rest of it")]
mod hashers;
#[path = "../../tests/linear/mod.rs"]
mod linear;
#[path = "../../tests/common/tested.rs"]
mod tested;
#[path = "../../tests/linear/threads.rs"]
mod threads;

use hashers::Chosen;
use libfuzzer_sys::fuzz_target;
use linear::assert_linearizable;
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap};
use threads::{Key, Value, decode, run};

fuzz_target!(|bytes: &[u8]| {
    if let Some((hashing, crowd, programs)) = decode(bytes) {
        assert_linearizable(&run::<TrieMap<Key, Value, Chosen>>(hashing, crowd, &programs));
        assert_linearizable(&run::<CopyTrieMap<Key, u16, Chosen>>(hashing, crowd, &programs));
        assert_linearizable(&run::<FlatMap<Key, Value, Chosen>>(hashing, crowd, &programs));
        assert_linearizable(&run::<CopyFlatMap<Key, u16, Chosen>>(hashing, crowd, &programs));
    }
});
