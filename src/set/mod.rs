//! Sets: the maps without values. Forwards to the maps; holds no algorithm and no unsafe code.
//!
//! | file | holds |
//! |---|---|
//! | `trie_set` | [`TrieSet`]: construction and versions |
//! | `flat_set` | [`FlatSet`]: construction and room |
//! | `pinned` | [`PinnedSet`]: the operations on a live set |
//! | `snapshot` | [`SetSnapshot`], and what can be made of two of them |
//! | `collection` | the traits of a collection, for both sets |
//!
//! What differs from a map: of two equal elements a set keeps the first, as the standard set does,
//! where a map replaces key and value together.

mod collection;
mod flat_set;
mod pinned;
mod snapshot;
mod trie_set;

pub use flat_set::{CopyFlatSet, FlatSet};
pub use pinned::PinnedSet;
pub use snapshot::SetSnapshot;
pub use trie_set::{CopyTrieSet, TrieSet};
