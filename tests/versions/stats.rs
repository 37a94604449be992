//! What maps say that they are made of.

use snaptrie::TrieStats;

use super::diffs::size;
use crate::support::{Tested, finish, over_hashers};

over_hashers!(the_numbers_add_up, what_is_shared_is_not_counted, versions_that_live_are_listed,);

type Map = super::Map<u32, u32>;

fn entries(stats: &TrieStats) -> usize {
    stats.nodes.iter().filter(|node| node.kind != "fan").map(|node| node.used).sum()
}

fn the_numbers_add_up() {
    assert_eq!(Map::default().stats().bytes(), 0);
    for count in [1, 5, 100, size()] {
        let map: Map = (0..count).map(|key| (key, key)).collect();
        let stats = map.stats();
        let count = count as usize;
        assert_eq!((stats.entries, entries(&stats)), (count, count));
        assert_eq!(stats.depths.iter().sum::<usize>(), count);
        assert_ne!(stats.depths.last(), Some(&0));
        assert!(stats.nodes.iter().all(|node| node.count > 0 && node.used <= node.slots));
        for node in &stats.nodes {
            match node.kind.strip_prefix("leaf of ").and_then(|kind| kind.split(' ').next()) {
                // With a spill bucket for every three.
                Some(buckets) => {
                    let buckets: usize = buckets.parse().expect("a number");
                    assert_eq!(node.slots % (node.count * (buckets + (buckets + 1) / 3)), 0);
                }
                None => assert!(["fan", "collision node"].contains(&node.kind), "{}", node.kind),
            }
        }
        // Hash, birth and pair each, if they are allocated.
        let allocated = std::any::type_name::<super::Mode>().ends_with("Boxed");
        assert_eq!(stats.entry_bytes, if allocated { 24 * count } else { 0 });
        assert!(stats.bytes() > stats.entry_bytes);
        #[cfg(any(debug_assertions, snaptrie_check))]
        {
            let checked = map.check_structure();
            assert_eq!(stats.nodes.iter().map(|node| node.count).sum::<usize>(), checked.nodes);
            // A word of a fan leads to each node but the first.
            let fans = stats.nodes.iter().filter(|node| node.kind == "fan");
            assert_eq!(fans.map(|node| node.used).sum::<usize>(), checked.nodes - 1);
            assert_eq!(stats.depths.len(), checked.depth + 1);
        }
        let printed = stats.to_string();
        assert!(
            printed.contains(&format!("{count} entries, {} bytes", stats.bytes())),
            "{printed}"
        );
        finish(map);
    }
}

fn what_is_shared_is_not_counted() {
    let map: Map = (0..size()).map(|key| (key, key)).collect();
    let old = map.snapshot();
    let now = map.snapshot();
    assert_eq!(old.stats_beyond(&now).bytes(), 0);
    map.handle().insert(0, 1);
    map.handle().insert(size(), 1);
    let new = map.snapshot();
    let (held, gained) = (old.stats_beyond(&new), new.stats_beyond(&old));
    assert_eq!((held.entries, gained.entries), (1, 2));
    // Together with what both have, each is whole.
    let (whole, whole_new) = (old.stats(), new.stats());
    assert_eq!(whole.entries - held.entries, whole_new.entries - gained.entries);
    assert_eq!(whole.bytes() - held.bytes(), whole_new.bytes() - gained.bytes());
    // Strangers have nothing in common.
    let other: Map = (0..10).map(|key| (key, key)).collect();
    let stats = other.snapshot().stats();
    assert_eq!(other.snapshot().stats_beyond(&old).bytes(), stats.bytes());
    finish(map);
}

fn versions_that_live_are_listed() {
    let map: Map = [(1, 1)].into_iter().collect();
    assert!(map.stats().snapshots.is_empty());
    let (first, second) = (map.snapshot(), map.snapshot());
    let fork = second.fork();
    let mut expected = vec![second.generation(), first.generation()];
    assert_eq!(map.stats().snapshots, expected);
    assert!(fork.stats().snapshots.is_empty());
    drop(second);
    assert_eq!(map.stats().snapshots, expected, "the fork keeps its base");
    drop(fork);
    expected.remove(0);
    assert_eq!(map.stats().snapshots, expected);
    assert_eq!(first.stats().snapshots, expected);
    finish(map);
}
