//! Snapshots under writers, on real threads: one instant, and always the same.

#[path = "common/tested.rs"]
mod tested;

/// The tests, by kind of map: one body, compiled for each.
#[allow(clippy::duplicate_mod, reason = "one body for all kinds of map")]
mod snapshots {
    mod inline;
    mod trie;
}

fn rounds(rounds: u64) -> u64 {
    let factor = std::env::var("SNAPTRIE_STRESS").ok().and_then(|f| f.parse().ok()).unwrap_or(0.3);
    if cfg!(miri) { 3 } else { (rounds as f64 * factor).ceil() as u64 }
}
