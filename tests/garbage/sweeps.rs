//! Operations on a whole map free what they remove as they go.

use crate::support::alloc::{live, peak, reset_peak};
use crate::support::{Handle, verify};
use crate::{Alive, CopyFlat, CopyTrie, Flat, Fresh, KIB, Subject, Trie, alive, begin};

const MANY: u64 = 50_000;
const MORE: u64 = 250_000;

fn filled<M: Subject<Value: Fresh>>(entries: u64) -> M {
    let map = M::default();
    for key in 0..entries {
        map.handle().insert(key, M::Value::fresh(key));
    }
    map
}

#[test]
fn clear_leaves_no_value_of_a_trie_alive() {
    clear_leaves_no_value_alive(Trie::clear);
}

#[test]
fn clear_leaves_no_value_of_a_flat_map_alive() {
    clear_leaves_no_value_alive(Flat::clear);
}

#[test]
fn what_was_taken_and_dropped_leaves_no_value_alive() {
    clear_leaves_no_value_alive::<Trie<Alive<u64>>>(|map| drop(map.take()));
}

fn clear_leaves_no_value_alive<M: Subject<Value = Alive<u64>>>(clear: impl Fn(&M)) {
    let _turn = begin();
    // In a map that had no garbage, and in one that has.
    for overwritten in [0, 1_000] {
        let map = filled::<M>(MANY);
        (0..overwritten).for_each(|key| _ = map.handle().insert(key, Alive::new(key)));
        assert!(alive() as u64 >= MANY);
        clear(&map);
        assert!(map.is_empty());
        assert_eq!(alive(), 0);
        verify(&map);
    }
}

#[test]
fn retain_frees_what_it_removes_from_a_trie() {
    retain_frees_what_it_removes::<Trie<Alive<u64>>>(20);
}

#[test]
fn retain_frees_what_it_removes_from_a_flat_map() {
    retain_frees_what_it_removes::<Flat<Alive<u64>>>(20);
}

#[test]
fn retain_frees_what_it_removes_from_a_copy_trie() {
    retain_frees_what_it_removes::<CopyTrie>(20);
}

/// The table is most of the map, and while it shrinks there is a smaller one beside it.
#[test]
fn retain_frees_what_it_removes_from_a_copy_flat_map() {
    retain_frees_what_it_removes::<CopyFlat>(1);
}

/// Keeps one entry in twenty, and takes no more memory meanwhile than one in `part` of the map's.
fn retain_frees_what_it_removes<M: Subject<Value: Fresh>>(part: isize) {
    let _turn = begin();
    let before = live();
    let map = filled::<M>(MORE);
    map.flush();
    let counted = alive() > 0;
    let (size, full) = (live() - before, live());
    reset_peak();
    map.retain(|key, _| key % 20 == 0);
    let more = peak() - full;
    assert!(more <= size / part, "{} KiB more, for {} KiB", more / KIB, size / KIB);
    assert_eq!(map.len() as u64, MORE / 20);
    assert_eq!(alive(), if counted { map.len() } else { 0 });
    // A table that was on its way to a smaller one arrives.
    map.shrink_to_fit();
    assert!(map.flush());
    let left = live() - before;
    assert!(left <= size / 4, "{} of {} KiB are left", left / KIB, size / KIB);
    verify(&map);
}

#[test]
fn extend_frees_what_it_replaces_in_a_trie() {
    extend_frees_what_it_replaces::<Trie<Alive<u64>>>(|mut map, entries| map.extend(entries));
}

#[test]
fn extend_frees_what_it_replaces_in_a_flat_map() {
    extend_frees_what_it_replaces::<Flat<Alive<u64>>>(|mut map, entries| map.extend(entries));
}

type Entries<'a> = &'a mut dyn Iterator<Item = (u64, Alive<u64>)>;

fn extend_frees_what_it_replaces<M: Subject<Value = Alive<u64>>>(extend: fn(&M, Entries<'_>)) {
    let _turn = begin();
    let before = live();
    let map = filled::<M>(MANY);
    let again = || extend(&map, &mut (0..MANY).map(|key| (key, Alive::new(key))));
    // Reserves room for half as many entries again.
    again();
    map.flush();
    let (size, full) = (live() - before, live());
    reset_peak();
    again();
    again();
    let more = peak() - full;
    // Optimised, more is retired in one pause of the clock.
    let part = if cfg!(debug_assertions) { 20 } else { 4 };
    assert!(more <= size / part, "{} KiB more, for {} KiB", more / KIB, size / KIB);
    assert!(map.flush());
    assert_eq!(alive() as u64, MANY);
}
