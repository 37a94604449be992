//! Writers against each other, and against readers and snapshots.

use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use shuttle::thread;
use snaptrie::mode::Writable;
use snaptrie::{CopyTrieMap, Number, TrieMap};

use super::items::{Constant, FewBits, Good};
use crate::schedules::explore;
use crate::tested::{Handle, Tested};

/// Two writers add to one key, each twice, with another change in between; sums only grow, and nothing is lost.
fn two_writers_add<M, V>(number: fn(&V) -> u32, hasher: <M as Tested>::Hasher)
where
    M: Tested<Key = u8, Value = V, Hasher: std::hash::BuildHasher>
        + Writable<Key = u8, Value = V>
        + Send
        + Sync
        + 'static,
    V: Number<Amount = u32> + 'static,
{
    let map = Arc::new(M::with_private_collector(hasher));
    let writers = [1, 10].map(|amount| {
        let map = Arc::clone(&map);
        thread::spawn(move || {
            let mut writer = map.writer();
            writer.add(0, amount);
            writer.flush();
            writer.insert(amount as u8, V::of(7));
            writer.add(0, amount);
            writer.add(0, amount);
            drop(writer);
            let pinned = map.handle();
            assert!(pinned.get(&0).is_some_and(|sum| number(sum) >= 3 * amount));
        })
    });
    let sum = || map.handle().get(&0).map_or(0, number);
    let first = sum();
    let version = map.version();
    assert!(sum() >= first);
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(sum(), 33);
    assert_eq!(map.len(), 3);
    drop(version);
    map.check();
}

fn both<H: Default + Hasher + 'static>() {
    explore(|| {
        two_writers_add::<CopyTrieMap<u8, u32, BuildHasherDefault<H>>, u32>(
            |value| *value,
            BuildHasherDefault::default(),
        );
    });
    explore(|| {
        two_writers_add::<TrieMap<u8, AtomicU32, BuildHasherDefault<H>>, AtomicU32>(
            |value| value.load(Ordering::Relaxed),
            BuildHasherDefault::default(),
        );
    });
}

#[test]
fn two_writers_add_to_one_key() {
    both::<Good>();
}

#[test]
fn two_writers_add_to_one_key_of_a_collision_node() {
    both::<Constant>();
}

#[test]
fn two_writers_add_where_leaves_grow() {
    both::<FewBits>();
}
