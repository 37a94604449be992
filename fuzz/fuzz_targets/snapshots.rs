//! Mostly snapshots, forks, takes and drops, against an oracle; what is left at the end is dropped
//! in an order that the input tells.
//!
//! From the root of the repository:
//!
//! ```sh
//! cargo +nightly fuzz run snapshots fuzz/corpus/snapshots fuzz/seeds/snapshots -- -max_total_time=180
//! ```
#![no_main]

#[path = "../../tests/common/ops.rs"]
mod ops;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The same sequence on each kind of map that has snapshots.
    ops::play_bytes::<ops::Trie>(bytes, ops::Mix::Snapshots);
    ops::play_bytes::<ops::Inline>(bytes, ops::Mix::Snapshots);
});
