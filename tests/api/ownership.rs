//! Where maps may live: across a panic.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Map;
use crate::support::{Tested, finish, over_hashers};

over_hashers!(maps_cross_a_caught_panic);

fn maps_cross_a_caught_panic() {
    let map: Map<u32, u32> = (0..100).map(|key| (key, key)).collect();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let pinned = map.handle();
        let held = pinned.iter().nth(50);
        pinned.insert(1_000, 1_000);
        assert!(held.is_none(), "on purpose");
    }));
    assert!(result.is_err());
    assert_eq!(map.len(), 101);
    finish(map);
}
