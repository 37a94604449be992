//! `FlatMap`.

pub(crate) type World<H> = crate::AnyWorld<H, crate::Boxed>;

#[path = "flat.rs"]
mod flat;
#[path = "reclaim.rs"]
mod reclaim;
