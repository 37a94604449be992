//! What flat maps say that they are made of.

use snaptrie::{CopyFlatMap, FlatMap, FlatStats};

use super::boxed::diffs::size;
use crate::support::{Chosen, Handle, Tested, finish, over_hashers};

over_hashers!(numbers_of_a_boxed_table, numbers_of_an_inline_table);

fn numbers_of_a_boxed_table() {
    numbers_add_up::<FlatMap<u32, u32, Chosen>>(16, 16);
}

fn numbers_of_an_inline_table() {
    numbers_add_up::<CopyFlatMap<u32, u32, Chosen>>(0, 16);
}

/// A map that is a table.
trait Table: Tested<Key = u32, Value = u32, Hasher = Chosen> {
    fn stats(&self) -> FlatStats;
    #[cfg(any(debug_assertions, snaptrie_check))]
    fn check_structure(&self) -> snaptrie::FlatStructure;
}

macro_rules! table {
    ($Map:ident) => {
        impl Table for $Map<u32, u32, Chosen> {
            fn stats(&self) -> FlatStats {
                self.stats()
            }
            #[cfg(any(debug_assertions, snaptrie_check))]
            fn check_structure(&self) -> snaptrie::FlatStructure {
                self.check_structure()
            }
        }
    };
}

table!(FlatMap);
table!(CopyFlatMap);

/// Each entry takes so many bytes outside of its line: at first, and once it replaced another.
fn numbers_add_up<M: Table>(first: usize, replaced: usize) {
    let map = M::with_hasher(Chosen::default());
    assert_eq!(map.stats().bytes(), 0);
    let mut moves = 0;
    for key in 0..size() {
        map.handle().insert(key, key);
        let stats = map.stats();
        assert_eq!((stats.entries, stats.slots >= stats.chunks), (map.len(), true));
        assert!(stats.table_bytes > 0 && stats.allocated_segments > 0);
        assert_eq!(stats.entry_bytes, first * stats.entries);
        if let Some(progress) = stats.moving {
            assert!(progress.moved <= progress.chunks);
            moves += 1;
        }
    }
    match Chosen::default() {
        Chosen::Good => assert!(moves > 0, "no move was ever seen"),
        Chosen::Truncated => {}
        Chosen::Constant => assert!(map.stats().buckets > 0, "one hash needs a bucket"),
    }
    let stats = map.stats();
    #[cfg(any(debug_assertions, snaptrie_check))]
    {
        let checked = map.check_structure();
        let counted = (stats.slots, stats.tombstones, stats.buckets, stats.bucket_slots);
        let expected = (checked.slots, checked.tombstones, checked.buckets, checked.bucket_slots);
        assert_eq!(counted, expected);
    }
    assert!(stats.to_string().contains("bytes of entries"));
    (0..size()).for_each(|key| _ = map.handle().insert(key, 0));
    let stats = map.stats();
    assert_eq!(stats.entry_bytes, replaced * stats.entries);
    map.handle().retain(|key, _| key % 2 == 0);
    let stats = map.stats();
    assert_eq!(stats.entry_bytes, replaced * stats.entries);
    finish(map);
}
