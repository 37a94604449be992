//! Merges of forks.

use std::collections::BTreeMap;

use snaptrie::Resolution;

use super::diffs::{content, size};
use crate::support::{Numbers, Tested, finish, over_hashers};

over_hashers!(merges_match_a_model, a_merge_of_strangers);

type Map = super::Map<u32, u32>;

/// Changes some keys at random; no value is written twice.
fn scribble(map: &Map, numbers: &mut Numbers, value: &mut u32, times: usize) {
    for _ in 0..times {
        let key = numbers.below(size() as usize) as u32;
        *value += 1;
        if numbers.below(3) == 0 {
            map.handle().remove(&key);
        } else {
            map.handle().insert(key, *value);
        }
    }
}

fn merges_match_a_model() {
    for seed in 0..10 {
        let mut numbers = Numbers(seed);
        let mut value = 0;
        let map = Map::default();
        scribble(&map, &mut numbers, &mut value, size() as usize);
        let base = map.snapshot();
        // One side may be the map itself.
        let (left, right) = (map, base.fork());
        let (some, more) = (numbers.below(300), numbers.below(900));
        scribble(&left, &mut numbers, &mut value, some);
        scribble(&right, &mut numbers, &mut value, more);
        let (left, right) = (left.snapshot(), right.snapshot());

        let mut expected = BTreeMap::new();
        let [b, l, r] = [&base, &left, &right].map(content);
        let mut conflicts = 0;
        for key in 0..size() {
            let [b, l, r] = [&b, &l, &r].map(|side| side.get(&key).copied());
            let value = match (l == b, r == b) {
                (_, true) => l,
                (true, false) => r,
                (false, false) if l.is_none() && r.is_none() => None,
                (false, false) => {
                    conflicts += 1;
                    match key % 4 {
                        0 => l,
                        1 => r,
                        2 => Some(u32::MAX - key),
                        _ => None,
                    }
                }
            };
            value.map(|value| expected.insert(key, value));
        }
        let merged = base.merge(&left, &right, |conflict| {
            let key = conflict.key;
            let sides = [conflict.base, conflict.left, conflict.right].map(Option::<&u32>::copied);
            assert_eq!(sides, [&b, &l, &r].map(|side| side.get(key).copied()));
            conflicts -= 1;
            match key % 4 {
                0 => Resolution::Left,
                1 => Resolution::Right,
                2 => Resolution::Put(u32::MAX - key),
                _ => Resolution::Remove,
            }
        });
        assert_eq!(conflicts, 0, "each conflict is asked about once");
        assert_eq!(content(&merged.snapshot()), expected);
        finish(merged);
    }
}

fn a_merge_of_strangers() {
    let [base, left, right] = [[(1, 1), (2, 1)], [(1, 2), (3, 2)], [(2, 3), (3, 3)]]
        .map(|entries| entries.into_iter().collect::<Map>().snapshot());
    // Every entry is another one: 1 went on the right and is another on the left, and so on.
    let merged = base.merge(&left, &right, |conflict| match conflict.key {
        1 => Resolution::Left,
        2 => Resolution::Right,
        _ => Resolution::Put(7),
    });
    let entries = [(1, 2), (2, 3), (3, 7)];
    assert_eq!(content(&merged.snapshot()), BTreeMap::from(entries));
    finish(merged);
}
