//! What optional features add, one feature a file.

#[cfg(feature = "rayon")]
mod rayon;
