//! Unit tests of leaves: sizes, and what has room in them. A slot is one word, as in the tests of buckets.
#![cfg(not(shuttle))]
#![expect(unsafe_code, reason = "leaves are freed by hand")]

use super::*;

/// The path with this index in a leaf of 64 buckets.
fn path(index: u64) -> u64 {
    index << 58
}

/// For tags that differ.
fn hash(path: u64) -> u64 {
    path ^ path >> 56
}

fn sizes() -> Vec<Size> {
    Size::all().collect()
}

/// A leaf with entries of these paths, as many as have room, and how many they are.
fn filled(size: Size, paths: impl IntoIterator<Item = u64>) -> (LeafDraft<u64>, usize) {
    let mut leaf = LeafDraft::new(size, 0);
    let count =
        paths.into_iter().take_while(|path| leaf.push(*path, hash(*path), *path).is_ok()).count();
    (leaf, count)
}

#[test]
fn sizes_are_powers_of_two_and_half_as_much_again() {
    let buckets: Vec<_> = sizes().into_iter().map(Size::buckets).collect();
    assert_eq!(buckets, [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]);
    let spills: Vec<_> = sizes().into_iter().map(Size::spills).collect();
    assert_eq!(spills, [0, 1, 1, 1, 2, 3, 4, 5, 8, 11, 16, 21]);
    assert_eq!(sizes().first(), Some(&Size::SMALLEST));
    assert_eq!(sizes().last(), Some(&Size::LARGEST));
    assert_eq!(Size::LARGEST.larger(), None);
    for size in sizes() {
        assert_eq!(Size::of_code(size.code()), size);
    }
}

#[test]
fn a_leaf_is_made_for_a_part_of_what_it_takes_and_shrinks_at_a_third_of_that() {
    let entries: Vec<_> = sizes().into_iter().map(Size::entries::<u64>).collect();
    assert_eq!(entries, [3, 6, 10, 13, 20, 26, 40, 53, 80, 107, 160, 214]);
    assert_eq!(Size::for_entries::<u64>(0), Some(Size::SMALLEST));
    for (size, entries) in sizes().into_iter().zip(entries) {
        assert_eq!(Size::for_entries::<u64>(entries), Some(size));
        assert_eq!(Size::for_entries::<u64>(entries + 1), size.larger());
        assert_eq!(size.few::<u64>(), if size == Size::SMALLEST { 0 } else { entries / 3 });
    }
}

#[test]
fn paths_get_the_smallest_leaf_that_has_room() {
    let size = |from: usize, counts: &[(u64, usize)]| {
        let paths = counts.iter().flat_map(|(index, count)| vec![path(*index); *count]);
        Size::of_code(from).for_paths::<u64>(paths).map(Size::buckets)
    };
    assert_eq!(size(1, &[]), Some(1));
    assert_eq!(size(5, &[]), Some(6), "none that is smaller than asked for");
    assert_eq!(size(1, &[(0, 5)]), Some(1));
    assert_eq!(size(1, &[(0, 6)]), Some(2), "one bucket spills");
    assert_eq!(size(1, &[(0, 11)]), Some(2), "the spill bucket is full");
    assert_eq!(size(1, &[(0, 12)]), None);
    assert_eq!(size(1, &[(0, 5), (32, 5)]), Some(2));
    assert_eq!(size(1, &[(0, 6), (32, 6)]), Some(6), "two buckets spill");
    assert_eq!(size(1, &[(0, 5), (1, 5), (2, 1)]), Some(2), "together until there are 64 buckets");
}

#[test]
fn a_leaf_takes_what_its_size_was_chosen_for_and_gives_back_what_has_no_room() {
    for (size, room) in [(1, 5), (2, 11), (12, 11)] {
        let (leaf, count) = filled(Size::of_code(size), [path(0); 12]);
        assert_eq!(count, room);
        drop(leaf);
    }
    // Of two buckets that are full, one can spill.
    let (leaf, count) =
        filled(Size::of_code(2), [0, 32, 0, 32, 0, 32, 0, 32, 0, 32, 0, 32].map(path));
    assert_eq!(count, 11);
    assert!(!leaf.has_room(path(32)));
}

#[test]
fn a_leaf_with_few_spill_buckets_left_has_no_room() {
    // Four spill buckets, of which three may be taken.
    let size = Size::of_code(7);
    assert_eq!((size.buckets(), size.spills()), (12, 4));
    let spilling = |count: u64| (0..count).flat_map(|bucket| [path(bucket * 6); 6]);
    let (leaf, count) = filled(size, spilling(3));
    assert_eq!(count, 18);
    // Of the four taken: room only where nothing is asked of them.
    assert!((0..3).all(|bucket| leaf.has_room(path(bucket * 6))) && leaf.has_room(path(63)));
    let (leaf, _) = filled(size, spilling(4));
    assert!(!leaf.has_room(path(0)) && !leaf.has_room(path(63)));
    let (leaf, _) = filled(Size::SMALLEST, [path(0); 4]);
    assert!(leaf.has_room(path(0)));
    let (leaf, _) = filled(Size::SMALLEST, [path(0); 5]);
    assert!(!leaf.has_room(path(0)));
}

/// Publishes a leaf for the closure, and frees it.
fn with_leaf<R>(leaf: LeafDraft<u64>, f: impl FnOnce(Leaf<'_, u64>) -> R) -> R {
    let (node, size) = leaf.into_node();
    // SAFETY:
    // - from a draft; freed below, after its last use.
    let result = f(unsafe { Leaf::new(node, size) });
    // SAFETY:
    // - from `allocate`, and freed once.
    unsafe { free(node) };
    result
}

#[test]
fn spill_buckets_go_to_one_bucket_each_until_none_is_left() {
    let (leaf, _) = filled(Size::of_code(5), [path(0); 6]);
    with_leaf(leaf, |leaf| {
        let taken = |index: u64| leaf.take_spill(leaf.bucket(path(index)).load()).is_some();
        assert!(!taken(0), "it has one");
        assert!(taken(20), "the second of two");
        assert!(!taken(40), "none is left");
    });
}

#[test]
fn a_leaf_is_far_too_large_if_it_is_empty_or_above_the_least_size_and_holds_few() {
    let is_far_too_large = |size: usize, entries: usize, least: usize| {
        let spread = (0..entries).map(|entry| path((entry * 64 / entries) as u64));
        let (leaf, count) = filled(Size::of_code(size), spread);
        assert_eq!(count, entries);
        with_leaf(leaf, |leaf| {
            assert_eq!(leaf.count(), entries);
            leaf.is_far_too_large(path(0), Size::of_code(least))
        })
    };
    assert!(is_far_too_large(1, 0, 1) && is_far_too_large(12, 0, 12), "empty");
    assert!(!is_far_too_large(1, 1, 1));
    assert!(is_far_too_large(5, 6, 1) && !is_far_too_large(5, 7, 1), "made for 20");
    assert!(!is_far_too_large(5, 6, 5) && is_far_too_large(5, 6, 4), "the least size");
    assert!(is_far_too_large(12, 71, 1) && !is_far_too_large(12, 72, 1), "made for 214");
}

#[test]
fn a_leaf_may_be_far_too_large_if_two_buckets_in_a_row_are_empty() {
    let may_be = |size, entry, index| {
        let leaf = filled(Size::of_code(size), [path(entry)]).0;
        with_leaf(leaf, |leaf| leaf.may_be_far_too_large(path(index)))
    };
    assert!(may_be(12, 30, 32) && !may_be(12, 30, 31));
    assert!(may_be(12, 30, 0) && !may_be(12, 63, 0), "the last is before the first");
    assert!(may_be(12, 62, 63) && may_be(1, 0, 0), "the last one");
}

#[test]
fn unevenly_spread_entries_may_hide_that_a_leaf_is_far_too_large() {
    let (leaf, _) =
        filled(Size::LARGEST, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1].map(path));
    with_leaf(leaf, |leaf| {
        assert!(!leaf.is_far_too_large(path(0), Size::SMALLEST));
        assert!((2..48).all(|index| leaf.is_far_too_large(path(index), Size::SMALLEST)));
    });
}

#[test]
fn a_copy_has_the_entries_and_the_spill_buckets_of_a_leaf() {
    let entries: Vec<u64> =
        (0..6).map(|key| path(20) | key).chain((0..8).map(|key| path(40) | key)).collect();
    let (leaf, count) = filled(Size::of_code(5), entries.iter().copied());
    assert_eq!(count, 14);
    with_leaf(leaf, |leaf| {
        assert_eq!(leaf.freeze(), 14);
        let mut copy = leaf.copy(1);
        assert!(copy.push(path(60), 0, 0).is_ok());
        with_leaf(copy, |copy| {
            assert_eq!(copy.freeze(), 15);
            let mut found = Vec::new();
            copy.for_each(|entry| found.push(*entry));
            assert_eq!(found.split_off(14), [0]);
            assert_eq!(found, entries);
            assert!(copy.take_spill(copy.bucket(path(0)).load()).is_none(), "both are taken");
            let each = |entry: &u64| {
                let seen = copy.bucket(*entry).load();
                let found = seen.find(hash(*entry), |slot| slot == entry);
                assert!(matches!(found, crate::bucket::Search::Found(_)));
            };
            entries.iter().for_each(each);
            #[cfg(any(debug_assertions, snaptrie_check))]
            copy.buckets().for_each(|bucket| bucket.load().check(|slot| hash(*slot)));
        });
    });
}
