//! What is built on snapshots: differences, merges, commits, history, publishing. And the statistics of maps.

mod support;

/// The tests, by where a map keeps its entries. What all maps do is written once: each of those files is
/// compiled for both.
#[allow(clippy::duplicate_mod, reason = "one body for both kinds of map")]
mod versions {
    mod boxed;
    mod flat;
    mod inline;
}
