//! Panics in all user code that a map calls, keys that break the rules, and odd types.
//!
//! A panic in `Hash`, `Eq` or a closure leaves the map as it was; one in a destructor stops no other destructor.
//! Nothing is leaked or dropped twice, and the map can still be used. `SNAPTRIE_STRESS` multiplies how many cases some
//! tests try.

mod support;

/// The tests, by kind of map and by what they are about. What several kinds do is written once: each of
/// those files is compiled for each of them.
#[allow(clippy::duplicate_mod, reason = "one body for all kinds of map")]
#[allow(clippy::drop_non_drop, reason = "a map without snapshots has versions of nothing")]
mod unwind {
    mod flat;
    mod inline;
    mod inline_flat;
    mod trie;
}
