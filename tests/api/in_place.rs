//! Plain values that are changed where they are. What boxed maps do is in `tests/drops/taken.rs`.

use super::{Map, in_place, value_mut};
use crate::support::{Chosen, finish, over_hashers, sort, sorted, verify};

over_hashers!(
    values_are_changed_where_they_are,
    changed_values_move_with_their_entries,
    nothing_of_an_empty_map,
);

/// Enough keys that every kind of node is made and a table grows.
const MANY: u32 = 600;

fn values_are_changed_where_they_are() {
    let mut map: Map<u32, u32> = (0..MANY).map(|key| (key, key)).collect();
    (100..150).for_each(|key| _ = map.remove(&key));
    assert!(value_mut(&mut map, &120).is_none());
    *value_mut(&mut map, &7).unwrap() = 1_000;
    let entries: Vec<(u32, u32)> = in_place(&mut map).map(|(key, value)| (*key, *value)).collect();
    assert_eq!(entries.len(), MANY as usize - 50);
    for (key, value) in in_place(&mut map) {
        *value += *key;
    }
    verify(&map);
    let expected = entries.into_iter().map(|(key, value)| (key, value + key));
    assert_eq!(sorted(&map), sort(expected));
    assert_eq!((map.get(&7), map.get(&8)), (Some(1_007), Some(16)));
    // Values that were put in so are changed and removed like any other.
    assert_eq!(map.update(&7, |value| value + 1), Some(1_008));
    assert_eq!(map.remove(&7), Some(1_008));
    finish(map);
}

fn changed_values_move_with_their_entries() {
    let mut map = Map::<u32, u32>::default();
    let mut changed = 0;
    for key in 0..MANY {
        map.insert(key, changed);
        // At every stage of a move.
        if key % 7 == 0 {
            in_place(&mut map).for_each(|(_, value)| *value += 1);
            changed += 1;
        }
        if key % 97 == 0 {
            assert!(map.values().all(|value| value == changed), "at {key}");
        }
    }
    (0..MANY / 2).for_each(|key| *value_mut(&mut map, &key).unwrap() = key);
    (MANY / 2..MANY).for_each(|key| _ = map.remove(&key));
    (2 * MANY..3 * MANY).for_each(|key| _ = map.insert(key, key));
    assert!(map.iter().all(|(key, value)| key == value));
    assert_eq!(map.len(), (MANY + MANY / 2) as usize);
    finish(map);
}

fn nothing_of_an_empty_map() {
    let mut map = Map::<u32, u32>::default();
    assert!(value_mut(&mut map, &1).is_none() && in_place(&mut map).next().is_none());
    map.insert(1, 1);
    map.remove(&1);
    assert!(value_mut(&mut map, &1).is_none() && in_place(&mut map).next().is_none());
    finish(map);
}

/// Values that begin within a word, fill several, or take no room.
#[test]
fn pairs_of_any_layout() {
    fn change<K, V>(keys: impl Iterator<Item = K> + Clone, old: V, new: V)
    where
        K: snaptrie::Plain + Eq + std::hash::Hash + std::fmt::Debug,
        V: snaptrie::Plain + PartialEq + std::fmt::Debug,
    {
        let mut map = Map::<K, V>::with_hasher(Chosen::default());
        keys.clone().for_each(|key| _ = map.insert(key, old));
        in_place(&mut map).for_each(|(_, value)| *value = new);
        keys.clone().for_each(|key| assert_eq!(map.get(&key), Some(new)));
        keys.clone().for_each(|key| *value_mut(&mut map, &key).unwrap() = old);
        // A pair that is unchanged in all its words can be replaced.
        keys.clone().for_each(|key| assert_eq!(map.update(&key, |_| new), Some(new)));
        assert!(map.values().all(|value| value == new));
        finish(map);
    }
    change(0..40_u8, 0_u8, 255);
    change(0..40_u8, 0_u32, u32::MAX);
    change(0..40_u32, [0_u8; 3], [1, 2, 3]);
    change(0..40_u16, [0_u64; 7], [u64::MAX; 7]);
    change(0..40_u64, 0_u128, u128::MAX);
    change(0..40_u64, (), ());
}
