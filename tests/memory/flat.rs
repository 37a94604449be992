//! `FlatMap`.

/// The map of these tests.
type Map<S> = snaptrie::FlatMap<u64, u64, S>;

/// An old table and the one that it moves to, at most twice as large, are less than the entries.
const TABLES: isize = 3;

#[path = "tables.rs"]
mod tables;
