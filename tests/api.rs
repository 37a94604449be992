//! Every public method and trait implementation of all kinds of map, on one thread, over a good hash, one truncated to
//! four bits, and a constant one. `SNAPTRIE_STRESS` multiplies how many cases some of them try (default 0.3).
//!
//! What happens between threads is in `stress.rs` and `models.rs`, what happens to values at their
//! end in `drops.rs`, and what a panic leaves behind in `unwind.rs`.

mod support;

/// The tests, by kind of map and by what they are about. What several kinds do is written once: each
/// of those files is compiled for each of them.
#[allow(clippy::duplicate_mod, reason = "one body for all kinds of map")]
#[allow(clippy::drop_non_drop, reason = "a map without snapshots has versions of nothing")]
mod api {
    mod auto_traits;
    mod flat;
    mod inline;
    mod inline_flat;
    mod trie;
}

#[global_allocator]
static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;
