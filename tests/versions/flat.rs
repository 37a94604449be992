//! What flat maps say that they are made of.

use snaptrie::{CopyFlatMap, FlatMap, FlatStats};

use super::boxed::diffs::size;
use crate::support::{Chosen, Handle, Tested, finish, over_hashers};

over_hashers!(numbers_of_a_boxed_table, numbers_of_an_inline_table);

fn numbers_of_a_boxed_table() {
    numbers_add_up::<FlatMap<u32, u32, Chosen>>(16);
}

fn numbers_of_an_inline_table() {
    numbers_add_up::<CopyFlatMap<u32, u32, Chosen>>(0);
}

/// A map that is a table.
trait Table: Tested<Key = u32, Value = u32, Hasher = Chosen> {
    fn stats(&self) -> FlatStats;
    #[cfg(any(debug_assertions, snaptrie_check))]
    fn check_structure(&self) -> snaptrie::Structure;
}

macro_rules! table {
    ($Map:ident) => {
        impl Table for $Map<u32, u32, Chosen> {
            fn stats(&self) -> FlatStats {
                self.stats()
            }
            #[cfg(any(debug_assertions, snaptrie_check))]
            fn check_structure(&self) -> snaptrie::Structure {
                self.check_structure()
            }
        }
    };
}

table!(FlatMap);
table!(CopyFlatMap);

/// Each entry takes so many bytes outside of its leaf.
fn numbers_add_up<M: Table>(outside: usize) {
    let map = M::with_hasher(Chosen::default());
    assert_eq!(map.stats().bytes(), 0);
    let mut moves = 0;
    for key in 0..size() {
        map.handle().insert(key, key);
        let stats = map.stats();
        assert_eq!(stats.entries, map.len());
        assert!(stats.table_bytes > 0 && stats.leaves + stats.collision_nodes > 0);
        assert_eq!(stats.entry_bytes, outside * stats.entries);
        if let Some(progress) = stats.moving {
            assert!(progress.moved <= progress.words);
            moves += 1;
        }
    }
    match Chosen::default() {
        Chosen::Good => assert!(moves > 0, "no move was ever seen"),
        Chosen::Truncated => {}
        Chosen::Constant => assert_eq!(map.stats().collision_nodes, 1),
    }
    let stats = map.stats();
    #[cfg(any(debug_assertions, snaptrie_check))]
    {
        let checked = map.check_structure();
        let nodes = stats.leaves + stats.fans + stats.collision_nodes;
        assert_eq!((stats.words, nodes), (checked.words, checked.nodes));
    }
    assert!(stats.to_string().contains("bytes of entries"));
    (0..size()).for_each(|key| _ = map.handle().insert(key, 0));
    let stats = map.stats();
    assert_eq!(stats.entry_bytes, outside * stats.entries);
    map.handle().retain(|key, _| key % 2 == 0);
    let stats = map.stats();
    assert_eq!(stats.entry_bytes, outside * stats.entries);
    finish(map);
}
