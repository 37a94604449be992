//! Histories of a map.

use snaptrie::{History, Snapshot};

use super::diffs::content;
use crate::support::{Tested, finish, over_hashers, panics};

over_hashers!(versions_are_found, differences_between_versions);

type Map = super::Map<u32, u32>;

fn versions_are_found() {
    let map = Map::default();
    let mut history = History::new(4);
    assert!(history.at(u64::MAX).is_none() && history.latest().is_none() && history.is_empty());
    let mut recorded = Vec::new();
    for round in 0..10 {
        map.handle().insert(round, round);
        // Versions that nobody records come between.
        drop(map.snapshot());
        recorded.push((history.push(map.snapshot()), round as usize + 1));
    }
    let kept = &recorded[6..];
    assert_eq!((history.len(), history.capacity()), (4, 4));
    for &(version, len) in kept {
        assert_eq!(history.get(version).unwrap().len(), len);
        assert_eq!(history.at(version + 1).unwrap().len(), len);
        let before = history.at(version - 1).map(Snapshot::len);
        assert_eq!(before, (len > 7).then_some(len - 1));
    }
    assert!(recorded[..6].iter().all(|(version, _)| history.get(*version).is_none()));
    assert_eq!(history.oldest().unwrap().len(), 7);
    assert_eq!(history.latest().unwrap().len(), 10);
    assert!(history.get(history.latest().unwrap().generation() + 1).is_none());
    let oldest = history.oldest().unwrap().clone();
    assert_eq!(history.push(oldest.clone()), oldest.generation(), "older than the latest");
    assert_eq!(history.iter().map(Snapshot::len).collect::<Vec<_>>(), [7, 8, 9, 10]);
    let copy = history.clone();
    history.push(map.snapshot());
    assert_eq!((copy.oldest().unwrap().len(), history.oldest().unwrap().len()), (7, 8));
    assert!(panics(|| _ = history.push([(1, 1)].into_iter().collect::<Map>().snapshot())));
    finish(map);
}

fn differences_between_versions() {
    let map: Map = (0..500).map(|key| (key, 0)).collect();
    let mut history = History::new(8);
    let versions: Vec<u64> = (1..6)
        .map(|round| {
            (0..round).for_each(|key| _ = map.handle().insert(key, round));
            history.push(map.snapshot())
        })
        .collect();
    for (from, &before) in versions.iter().enumerate() {
        for (to, &after) in versions.iter().enumerate() {
            let changes: Vec<_> = history.diff(before, after).unwrap().collect();
            let touched = if from == to { 0 } else { from.max(to) + 1 };
            assert_eq!(changes.len(), touched);
            let now = content(history.get(after).unwrap());
            assert!(changes.iter().all(|change| change.after() == now.get(change.key())));
        }
    }
    assert!(history.diff(versions[0], versions[4] + 1).is_none());
    finish(map);
}
