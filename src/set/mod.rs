//! Sets: the maps without values. Forwards to the maps; holds no algorithm and no unsafe code.
//!
//! | file | holds |
//! |---|---|
//! | `trie_set`, `flat_set` | [`TrieSet`] and [`FlatSet`], which hand out references |
//! | `copy_set` | [`CopySet`], which hands out copies |
//! | `pinned` | their handles, [`PinnedSet`] and [`CopyPinnedSet`] |
//! | `snapshot`, `operators` | [`SetSnapshot`], and the sets that are made of two of them |
//! | `operations` | the operations on a live set, written once for handles and for `CopySet` |
//! | `collection`, `versions`, `room` | what all sets, those with snapshots and those with a table have alike |
//!
//! What differs from a map: of two equal elements a set keeps the first, as the standard set does,
//! where a map replaces key and value together.

mod collection;
mod copy_set;
mod flat_set;
mod operations;
mod operators;
mod pinned;
mod room;
mod snapshot;
mod trie_set;
mod versions;

pub use copy_set::{CopyFlatSet, CopySet, CopyTrieSet};
pub use flat_set::FlatSet;
pub use pinned::{CopyPinnedSet, PinnedSet};
pub use snapshot::SetSnapshot;
pub use trie_set::TrieSet;
