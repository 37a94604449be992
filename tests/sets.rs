//! Every public method and trait implementation of all kinds of set, and the algebra of two snapshots, over a good
//! hash, one truncated to four bits, and a constant one. Property tests compare with the standard set. One race on real
//! threads.

mod support;

#[allow(clippy::duplicate_mod, reason = "one body for all kinds of set")]
mod sets {
    mod algebra;
    mod copy;
    mod copy_flat;
    mod flat;
    mod trie;
}
