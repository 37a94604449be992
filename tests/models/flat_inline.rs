//! `FlatMap` with its entries inline.

pub(crate) type World<H> = crate::AnyWorld<H, crate::Inline>;

#[path = "flat.rs"]
mod flat;
