//! All operations, mostly changes of single keys, on all kinds of map, against an oracle.
//!
//! From the root of the repository:
//!
//! ```sh
//! cargo +nightly fuzz run ops fuzz/corpus/ops fuzz/seeds/ops -- -max_total_time=180
//! ```
#![no_main]

#[path = "../../tests/common/ops.rs"]
mod ops;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The same sequence on each kind of map.
    ops::play_bytes::<ops::Trie>(bytes, ops::Mix::General);
    ops::play_bytes::<ops::Inline>(bytes, ops::Mix::General);
    ops::play_bytes::<ops::Flat>(bytes, ops::Mix::General);
    ops::play_bytes::<ops::InlineFlat>(bytes, ops::Mix::General);
});
