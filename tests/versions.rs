//! What is built on snapshots: differences, merges, commits, and what keeps or passes versions on.

mod support;

mod versions {
    mod commits;
    mod diffs;
    mod history;
    mod merges;
    mod published;
    mod stats;
}
