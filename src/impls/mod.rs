//! The optional features, one per file or folder.

#[cfg(feature = "rayon")]
pub(crate) mod rayon;
#[cfg(feature = "serde")]
mod serde;
#[cfg(feature = "serde")]
mod serde_diff;
