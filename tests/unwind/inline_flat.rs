//! Panics in a `FlatMap` with its entries inline, which hashes keys again when they move.

use crate::support::hooks::{CopyTouchy, Event, Eventful, arm, disarm};
use crate::support::{Chosen, Ledger, Tested, catch, finish, over_hashers, verify};

type TouchyMap = snaptrie::CopyFlatMap<CopyTouchy, u32, Chosen>;

fn values_mut(map: &mut TouchyMap) -> snaptrie::ValuesMut<'_, CopyTouchy, u32> {
    map.values_mut()
}

#[path = "copies.rs"]
mod copies;

over_hashers!(a_move_whose_hasher_panics_loses_nothing);

/// At the n-th key that is hashed, for every n; and the next operation does what was left.
fn a_move_whose_hasher_panics_loses_nothing() {
    let (keys, ledger) = (if Chosen::default() == Chosen::Good { 600 } else { 60 }, Ledger::new());
    let key = |tag| CopyTouchy::make(ledger, tag);
    let moves: [fn(&TouchyMap); 3] =
        [|map| map.reserve(10_000), |map| map.shrink_to_fit(), |map| map.clear()];
    let mut panics = 0;
    for spared in (0..keys).step_by(7) {
        let mut map = TouchyMap::default();
        map.reserve(2_000);
        (0..keys).for_each(|tag| _ = map.handle().insert(key(tag), tag as u32));
        for (number, step) in moves.into_iter().enumerate() {
            arm(Event::Hash, spared as u32);
            panics += u32::from(catch(|| step(&map)).is_err());
            disarm();
            if number < 2 {
                assert_eq!(map.len() as u64, keys);
                assert!((0..keys).all(|tag| map.handle().get(&key(tag)) == Some(&(tag as u32))));
                assert_eq!(map.handle().iter().count() as u64, keys);
                map.values_mut().for_each(|value| *value += 1);
                (0..keys).for_each(|tag| assert_eq!(map.remove(&key(tag)), Some(tag as u32 + 1)));
                (0..keys).for_each(|tag| _ = map.handle().insert(key(tag), tag as u32));
            }
            verify(&map);
        }
        map.clear();
        assert!(map.is_empty());
        finish(map);
    }
    assert!(panics > 10, "{panics} panics");
}
