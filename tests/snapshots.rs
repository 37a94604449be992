//! Snapshots under writers, on real threads: one instant, and always the same.

#[path = "common/scale.rs"]
mod scale;
#[path = "common/tested.rs"]
mod tested;

/// The tests, by kind of map: one body, compiled for each.
#[allow(clippy::duplicate_mod, reason = "one body for all kinds of map")]
mod snapshots {
    mod inline;
    mod trie;
}

fn rounds(rounds: u64) -> u64 {
    if cfg!(miri) { 3 } else { scale::scaled(rounds) }
}
