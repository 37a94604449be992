//! The guards of the process: of one kind, which the feature `membarrier` decides.

#[cfg(not(feature = "membarrier"))]
pub(super) use super::epoch::{GRACE, GlobalPin, clock, prepare};
#[cfg(feature = "membarrier")]
pub(super) use super::process::{GRACE, GlobalPin, clock, prepare};
