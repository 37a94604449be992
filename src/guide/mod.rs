//! Guides: how to use the maps, and how they are made. Only in the documentation; each example is run
//! as a test.

#[doc = include_str!("async_code.md")]
pub mod async_code {}
