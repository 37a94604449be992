//! After rpds: versions are values. What is done to one changes no other.

use std::collections::BTreeMap;

use crate::hashers::Chosen;
use crate::{Subject, conform, ignore, scaled};

conform!(
    insertions_leave_older_versions,
    removals_leave_older_versions,
    versions_of_versions,
    a_tree_of_versions,
);

fn insertions_leave_older_versions<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 600));
    let mut versions = Vec::new();
    for key in 0..size {
        if key % 25 == 0 {
            versions.push((key, map.fork()));
        }
        map.insert(key, key);
        map.insert(key / 2, key);
    }
    for (key, version) in versions {
        let content = |key: u64| -> Vec<(u64, u64)> {
            let mut expected = BTreeMap::new();
            for key in 0..key {
                expected.insert(key, key);
                expected.insert(key / 2, key);
            }
            expected.into_iter().collect()
        };
        assert_eq!(version.entries(), content(key));
        assert_eq!(version.len() as u64, key);
    }
}

fn removals_leave_older_versions<M: Subject>(hashing: Chosen) {
    let (map, size) = (M::new(hashing), scaled(hashing, 600));
    (0..size).for_each(|key| assert_eq!(map.insert(key, key), None));
    let mut versions = Vec::new();
    for key in 0..size {
        if key % 25 == 0 {
            versions.push((key, map.fork()));
        }
        assert_eq!(map.remove(key), Some(key));
    }
    for (first, version) in versions.iter().rev() {
        assert_eq!(version.entries(), (*first..size).map(|key| (key, key)).collect::<Vec<_>>());
        assert!((0..*first).all(|key| version.get(key).is_none()));
    }
}

/// A chain: each version is made from the one before and changed.
fn versions_of_versions<M: Subject>(hashing: Chosen) {
    let mut versions = vec![M::new(hashing)];
    for depth in 0..60 {
        let next = versions[depth as usize].fork();
        next.insert(depth, depth);
        if depth % 3 == 2 {
            assert_eq!(next.remove(depth - 1), Some(depth - 1));
        }
        versions.push(next);
    }
    let expected = |depth: u64| -> Vec<(u64, u64)> {
        let removed = |key: u64| key % 3 == 1 && key + 1 < depth;
        (0..depth).filter(|key| !removed(*key)).map(|key| (key, key)).collect()
    };
    // Half of them are dropped, the others are what they were.
    let mut index = 0;
    versions.retain(|version| {
        assert_eq!(version.entries(), expected(index));
        index += 1;
        index % 2 == 0
    });
    for (index, version) in versions.iter().enumerate() {
        assert_eq!(version.entries(), expected(2 * index as u64 + 1));
    }
}

/// Each version has two that grow from it, and each of these writes the same keys.
fn a_tree_of_versions<M: Subject>(hashing: Chosen) {
    let root = M::new(hashing);
    let size = scaled(hashing, 150);
    (0..size).for_each(|key| assert_eq!(root.insert(key, 0), None));
    let mut leaves = vec![(root, 0_u64)];
    for level in 0..5 {
        leaves = leaves
            .into_iter()
            .flat_map(|(parent, path)| {
                [0, 1].map(|side| {
                    let child = parent.fork();
                    let path = path * 2 + side;
                    (0..size).step_by(7).for_each(|key| ignore(child.insert(key, path)));
                    assert_eq!(child.insert(size + level, path), None);
                    (child, path)
                })
            })
            .collect();
    }
    for (leaf, path) in leaves {
        assert_eq!(leaf.len() as u64, size + 5);
        assert!((0..size).all(|key| leaf.get(key) == Some(if key % 7 == 0 { path } else { 0 })));
        assert!((0..5).all(|level| leaf.get(size + level) == Some(path >> (4 - level))));
    }
}
