//! Panics in a `FlatMap` with its entries inline, which keeps the hashes of keys.

use crate::support::hooks::{CopyTouchy, Event, Eventful, arm, disarm};
use crate::support::{Chosen, Ledger, Tested, finish, over_hashers};

type TouchyMap = snaptrie::CopyFlatMap<CopyTouchy, u32, Chosen>;

/// Whether keys are hashed when their entries move.
const HASHES_ANEW: bool = false;

#[path = "copies.rs"]
mod copies;

over_hashers!(moves_hash_nothing);

fn moves_hash_nothing() {
    let keys = if Chosen::default() == Chosen::Good { 3_000 } else { 400 };
    let ledger = Ledger::new();
    let key = |tag| CopyTouchy::make(ledger, tag);
    let hashes_at_most = |most, body: &dyn Fn()| {
        arm(Event::Hash, most);
        body();
        assert!(disarm());
    };
    let map = TouchyMap::default();
    for tag in 0..keys {
        hashes_at_most(1, &|| _ = map.handle().insert(key(tag), 0));
        hashes_at_most(1, &|| _ = map.handle().insert(key(tag / 2), 1));
    }
    hashes_at_most(0, &|| map.reserve(10_000));
    for tag in 10..keys {
        hashes_at_most(1, &|| _ = map.handle().remove(&key(tag)));
        hashes_at_most(1, &|| _ = map.handle().update(key(tag / 2), |value| value + 1));
    }
    hashes_at_most(0, &|| map.shrink_to_fit());
    assert_eq!(map.len(), 10);
    hashes_at_most(0, &|| map.clear());
    finish(map);
}
