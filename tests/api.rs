//! Every public method and trait implementation, on one thread, over a good hash, one truncated to
//! four bits, and a constant one.
//!
//! What happens between threads is in `stress.rs` and `models.rs`, what happens to values at their
//! end in `drops.rs`, and what a panic leaves behind in `unwind.rs`.

mod support;

/// The tests, by what they are about.
mod api {
    mod allocations;
    mod auto_traits;
    mod changes;
    mod collection;
    mod entries;
    mod iterators;
    mod nesting;
    mod ownership;
    mod reentrancy;
    mod snapshots;
}

#[global_allocator]
static ALLOCATOR: support::alloc::Counting = support::alloc::Counting;
