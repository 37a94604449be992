//! Sets: the maps without values. Forwards to the maps; holds no algorithm and no unsafe code.
//!
//! | file | holds |
//! |---|---|
//! | `trie_set` | [`TrieSet`]: construction and versions |
//! | `flat_set` | [`FlatSet`]: construction and room |
//! | `pinned` | [`PinnedSet`]: the operations on a live set, by reference |
//! | `copy_set` | [`CopySet`] and its handle, by value |
//! | `snapshot` | [`SetSnapshot`], and what can be made of two of them |
//! | `collection` | the traits of a collection, for all sets |
//!
//! What differs from a map: of two equal elements a set keeps the first, as the standard set does,
//! where a map replaces key and value together.

mod collection;
mod copy_set;
mod flat_set;
mod pinned;
mod snapshot;
mod trie_set;

pub use copy_set::{CopyFlatSet, CopyPinnedSet, CopySet, CopyTrieSet};
pub use flat_set::FlatSet;
pub use pinned::PinnedSet;
pub use snapshot::SetSnapshot;
pub use trie_set::TrieSet;
