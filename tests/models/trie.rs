//! `TrieMap`.

pub(crate) type World<H> = crate::AnyWorld<H, crate::Boxed>;

#[path = "core.rs"]
mod core;
