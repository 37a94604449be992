//! Batches, writers and maps that are built as a whole do what single operations do.

mod support;

mod streams {
    pub(crate) mod bulk;
    pub(crate) mod differential;
    pub(crate) mod panics;
    pub(crate) mod threads;
    pub(crate) mod writers;
}

use snaptrie::mode::Writable;
use support::{Chosen, Tested};

/// A map of numbers, of any kind.
trait Numbers:
    Tested<Key = u64, Value = u64, Hasher = Chosen>
    + Writable<Key = u64, Value = u64>
    + FromIterator<(u64, u64)>
    + Default
{
}
impl<M> Numbers for M where
    M: Tested<Key = u64, Value = u64, Hasher = Chosen>
        + Writable<Key = u64, Value = u64>
        + FromIterator<(u64, u64)>
        + Default
{
}

/// Makes a test of each body over each kind of map and each kind of hash.
macro_rules! over_maps {
    ($($body:ident),* $(,)?) => {
        mod over_maps {
            use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap};
            use crate::support::Chosen;

            $(
                #[test]
                fn $body() {
                    for hash in [Chosen::Good, Chosen::Truncated, Chosen::Constant] {
                        hash.during(|| {
                            super::$body::<TrieMap<u64, u64, Chosen>>();
                            super::$body::<CopyTrieMap<u64, u64, Chosen>>();
                            super::$body::<FlatMap<u64, u64, Chosen>>();
                            super::$body::<CopyFlatMap<u64, u64, Chosen>>();
                        });
                    }
                }
            )*
        }
    };
}
use over_maps;
