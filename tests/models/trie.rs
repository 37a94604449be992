//! `TrieMap`.

pub(crate) type World<H> = crate::AnyWorld<H, crate::Boxed>;

#[path = "commits.rs"]
mod commits;
#[path = "core.rs"]
mod core;
#[path = "reclaim.rs"]
mod reclaim;
