//! How much the tests do.
#![allow(dead_code, reason = "each test uses a part of it")]

/// `SNAPTRIE_STRESS`, which multiplies how much a test does; 0.3 if it is not set.
pub(crate) fn stress() -> f64 {
    std::env::var("SNAPTRIE_STRESS").ok().and_then(|factor| factor.parse().ok()).unwrap_or(0.3)
}

/// A number of operations or rounds, times [`stress`].
pub(crate) fn scaled(number: u64) -> u64 {
    (number as f64 * stress()).ceil() as u64
}
