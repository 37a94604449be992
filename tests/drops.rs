//! Every key and value is dropped exactly once, and when the documentation says so.
//!
//! Keys and values are [`Counted`](support::Counted): using or dropping one after its end aborts the process, and any
//! that is left at the end of a test was leaked.

mod support;

/// The tests, by kind of map and by what they are about. What both kinds do is written once: each of
/// those files is compiled for the one and for the other.
#[allow(clippy::duplicate_mod, reason = "one body for both kinds of map")]
#[allow(clippy::drop_non_drop, reason = "a map without snapshots has versions of nothing")]
mod drops {
    mod flat;
    mod trie;
}
