//! What optional features add, one feature a file.

#[cfg(feature = "rayon")]
pub(crate) mod rayon;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "serde")]
mod serde_diff;
