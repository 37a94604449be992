//! The same of a flat table, of any kind: old directories, leaves and entries go, whatever the hash.

use snaptrie::FixedState;

use super::Map;
use crate::support::alloc::{live, peak, reset_peak};
use crate::support::{Chosen, Tested, one_at_a_time, refresh_until, scaled, verify};
use crate::{
    EMPTY, KIB, LARGE, LEFT, SLACK, assert_churn_does_not_grow, assert_overwriting_does_not_grow,
    assert_removal_gives_memory_back, assert_shrinks_to, filled_as, warm_up,
};

#[test]
fn removing_all_entries_gives_their_memory_back() {
    assert_removal_gives_memory_back::<Map<FixedState>>();
}

#[test]
fn clear_gives_memory_back() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map: Map<FixedState> = filled_as(LARGE);
    map.clear();
    assert_shrinks_to(&map, start + EMPTY);
    verify(&map);
}

/// At any size: while a table moves too, and with fans and collision nodes.
#[test]
fn dropping_a_map_gives_everything_back() {
    let _turn = one_at_a_time();
    for (hash, most) in
        [(Chosen::Good, 20_000), (Chosen::Truncated, 1_000), (Chosen::Constant, 300)]
    {
        let start = warm_up();
        for entries in (0..most).step_by(most as usize / 20) {
            let map = <Map<_> as Tested>::with_hasher(hash);
            for key in 0..entries {
                map.pin().insert(key, key);
            }
            (0..entries / 3).for_each(|key| _ = map.pin().remove(&key));
        }
        assert!(live() <= start + LEFT, "{hash:?}: {} bytes left", live() - start);
    }
}

#[test]
fn churn_at_constant_size_does_not_grow() {
    assert_churn_does_not_grow::<Map<FixedState>>(super::TABLES);
}

#[test]
fn overwriting_does_not_grow() {
    assert_overwriting_does_not_grow::<Map<FixedState>>(1);
}

#[test]
fn overwriting_with_handles_that_are_held_does_not_grow() {
    assert_overwriting_does_not_grow::<Map<FixedState>>(1_000);
}

/// All of them in one collision node, which is made anew again and again.
#[test]
fn keys_with_one_hash_do_not_grow_under_churn() {
    let _turn = one_at_a_time();
    let start = warm_up();
    let map = <Map<_> as Tested>::with_hasher(Chosen::Constant);
    for key in 0..100 {
        map.pin().insert(key, key);
    }
    reset_peak();
    for key in 100..scaled(15_000) {
        map.pin().insert(key, key);
        map.pin().remove(&(key - 100));
    }
    assert_eq!(map.len(), 100);
    assert!(peak() - start < SLACK, "{} KiB", (peak() - start) / KIB);
    refresh_until(&map, 1_000, || false);
    assert!(live() - start < SLACK / 8, "{} KiB", (live() - start) / KIB);
}

/// What `stats` counts is what was asked of the allocator, at any moment of a move.
#[test]
fn stats_tell_the_bytes_that_were_allocated() {
    let _turn = one_at_a_time();
    let cases = [(Chosen::Good, 30_000), (Chosen::Truncated, 800), (Chosen::Constant, 2_000)];
    for (hash, entries) in cases {
        warm_up();
        let map = <Map<_> as Tested>::with_hasher(hash);
        let start = live();
        let mut moving = 0;
        for key in 0..entries {
            map.pin().insert(key, key);
            // Moves are short: so they are looked for.
            if key % (entries / 50) == 0 || moving < 50 && map.stats().moving.is_some() {
                assert!(map.flush());
                let stats = map.stats();
                moving += usize::from(stats.moving.is_some());
                let (told, counted) = (stats.bytes() as isize, live() - start);
                assert!(
                    told <= counted + LEFT,
                    "{hash:?}: {told} and not {counted} bytes, {stats:?}"
                );
                // Shards of the counter and of the limbo. What other maps left goes meanwhile.
                let rest = 8 * KIB + counted / 16;
                assert!(
                    counted <= told + rest,
                    "{hash:?}: {told} and not {counted} bytes, {stats:?}"
                );
            }
        }
        assert!(moving > 0 || hash != Chosen::Good, "no move was ever seen");
    }
}
