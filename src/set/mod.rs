//! Sets: maps without values. They forward to the maps, and contain no algorithm and no unsafe code.
//!
//! | file | holds |
//! |---|---|
//! | `trie_set`, `flat_set` | [`TrieSet`] and [`FlatSet`], which return references |
//! | `copy_set` | [`CopySet`], which returns copies |
//! | `pinned` | their handles, [`PinnedSet`] and [`CopyPinnedSet`] |
//! | `snapshot`, `operators` | [`SetSnapshot`], and the operators of two of them, or of two sets |
//! | `operations` | the operations on a live set, written once for handles and for `CopySet` |
//! | `collection`, `trie_operations`, `flat_operations` | what all sets, sets with snapshots and flat sets have in common |
//!
//! One difference from maps: of two equal elements, a set keeps the first, as the standard set does. A map replaces key
//! and value together.

// First, so that its page begins with its basic operations.
mod snapshot;

mod collection;
mod copy_set;
mod flat_operations;
mod flat_set;
mod operations;
mod operators;
mod pinned;
mod trie_operations;
mod trie_set;

pub use copy_set::{CopyFlatSet, CopySet, CopyTrieSet};
pub use flat_set::FlatSet;
pub use pinned::{CopyFlatPinnedSet, CopyPinnedSet, FlatPinnedSet, PinnedSet};
pub use snapshot::{CopySetSnapshot, SetSnapshot};
pub use trie_set::TrieSet;
