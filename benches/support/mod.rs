//! The common parts of the library's benchmarks.
//!
//! | file | holds |
//! |---|---|
//! | `maps` | the maps that are measured, behind one trait |
//! | `keys` | keys, random numbers and distributions, the same for every map |
//! | `alloc` | an allocator that counts when it is told to |
//! | `team` | threads that run rounds together, and the clock over each round |
//! | `options` | the command line of the benchmarks that criterion does not drive |
#![allow(dead_code, unused_imports, reason = "each benchmark uses a part of it")]

pub(crate) mod alloc;
pub(crate) mod keys;
pub(crate) mod maps;
pub(crate) mod options;
pub(crate) mod team;
