//! What optional features add, one feature a file.

#[cfg(feature = "rayon")]
mod rayon;
#[cfg(feature = "serde")]
mod serde_diff;
