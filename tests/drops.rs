//! Every key and value is dropped exactly once, and when the documentation says so.
//!
//! Keys and values are [`Counted`](support::Counted): one that is used or dropped after its end
//! aborts the process, and those that are left at the end of a test were leaked.

mod support;

/// The tests, by what they are about.
mod drops {
    mod chains;
    mod orders;
    mod threads;
    mod times;
}
