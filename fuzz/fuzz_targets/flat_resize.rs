//! Growth, shrinking and churn of flat maps, against an oracle; the structure is checked at the end.
//!
//! From the root of the repository:
//!
//! ```sh
//! cargo +nightly fuzz run flat_resize fuzz/corpus/flat_resize fuzz/seeds/flat_resize -- -max_total_time=180
//! ```
#![no_main]

#[path = "../../tests/common/ops.rs"]
mod ops;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The same sequence on each kind of flat map.
    ops::play_bytes::<ops::Flat>(bytes, ops::Mix::Resize);
    ops::play_bytes::<ops::InlineFlat>(bytes, ops::Mix::Resize);
});
