//! `TrieMap` with its entries inline.

pub(crate) type World<H> = crate::AnyWorld<H, crate::Inline>;

#[path = "commits.rs"]
mod commits;
#[path = "core.rs"]
mod core;
