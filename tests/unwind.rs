//! Panics in everything that the map calls, keys that break the rules, and odd types.
//!
//! A panic in `Hash`, `Eq` or a closure leaves the map as it was; one in a destructor stops no
//! other destructor. Nothing is leaked or dropped twice, and the map goes on.

mod support;

/// The tests, by what they are about.
mod unwind {
    mod destructors;
    mod fuses;
    mod nonsense;
    mod types;
}
