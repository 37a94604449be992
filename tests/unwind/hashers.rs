//! Panics in the `Clone` of a hasher: at the n-th call, for every n.

use std::future::Future;
use std::panic::panic_any;
use std::pin::pin;
use std::task::{Context, Waker};

use snaptrie::{FlatMap, History, Published, TrieMap, TrieSet};

use crate::support::hooks::{Event, TouchyHasher, arm, disarm};
use crate::support::{OnPurpose, Tested, alone, catch, panics, sort, sorted, verify};

type Map = TrieMap<u32, u32, TouchyHasher>;
type Flat = FlatMap<u32, u32, TouchyHasher>;
type Set = TrieSet<u32, TouchyHasher>;

const ENTRIES: u32 = 100;

fn entries() -> impl Iterator<Item = (u32, u32)> {
    (0..ENTRIES).map(|key| (key, key))
}

/// A collection that can be filled with [`entries`].
trait Filled {
    fn fill() -> Self;
    fn content(&self) -> Vec<(u32, u32)>;
}

impl Filled for Map {
    fn fill() -> Self {
        entries().collect()
    }

    fn content(&self) -> Vec<(u32, u32)> {
        verify(self);
        sorted(self)
    }
}

impl Filled for Flat {
    fn fill() -> Self {
        entries().collect()
    }

    fn content(&self) -> Vec<(u32, u32)> {
        verify(self);
        sorted(self)
    }
}

impl Filled for Set {
    fn fill() -> Self {
        entries().map(|(key, _)| key).collect()
    }

    fn content(&self) -> Vec<(u32, u32)> {
        verify(self.as_map());
        sort(self.pin().iter().map(|key| (*key, *key)))
    }
}

/// Calls `run` once for each hasher that it clones, and lets that clone panic. The collection stays as it was.
fn at_each_clone<C: Filled, T>(run: impl Fn(&C) -> T) {
    for spared in 0.. {
        let collection = C::fill();
        arm(Event::Clone, spared);
        let panicked = panics(|| _ = run(&collection));
        assert_eq!(panicked, !disarm());
        if !panicked {
            assert_ne!(spared, 0, "no hasher was cloned");
            return;
        }
        let content = collection.content();
        assert!(content.iter().copied().eq(entries()), "{} entries left", content.len());
    }
}

#[test]
fn take_loses_nothing_where_the_hasher_cannot_be_cloned() {
    at_each_clone(Map::take);
    at_each_clone(Set::take);
}

#[test]
fn versions_and_copies_change_nothing_where_the_hasher_cannot_be_cloned() {
    at_each_clone(Map::snapshot);
    at_each_clone(Map::fork);
    at_each_clone(Map::clone);
    at_each_clone(Map::stats);
    at_each_clone(Set::snapshot);
    at_each_clone(Set::fork);
    at_each_clone(Flat::clone);
    at_each_clone(Flat::to_trie);
    at_each_clone(|map: &Map| map.snapshot().clone());
    at_each_clone(|map: &Map| map.snapshot().fork());
    at_each_clone(|map: &Map| map.snapshot().to_flat());
    at_each_clone(|map: &Map| map.commit_with(|fork| _ = fork.handle().insert(ENTRIES, 0)));
    at_each_clone(|map: &Map| {
        let (base, left, right) = (map.snapshot(), map.fork(), map.fork());
        left.handle().insert(0, 1);
        right.handle().insert(1, 0);
        base.merge(&left.snapshot(), &right.snapshot(), |_| unreachable!("no conflict"))
    });
}

/// The operation after the panic finds everything as it was before.
#[test]
fn histories_and_publications_go_on_where_the_hasher_cannot_be_cloned() {
    at_each_clone(|map: &Map| {
        let mut history = History::new(2);
        history.push(map.snapshot())
    });
    at_each_clone(|map: &Map| Published::new(map.snapshot()).publish(map.snapshot()));
    let map = Map::fill();
    let (mut history, published) = (History::new(2), Published::new(map.snapshot()));
    let seen = published.load().generation();
    history.push(map.snapshot());
    let mut newer = pin!(published.newer_than(seen));
    let mut context = Context::from_waker(Waker::noop());
    for key in 0..3 {
        map.handle().insert(ENTRIES + key, 0);
        let panic_in_clone = |run: &mut dyn FnMut()| {
            arm(Event::Clone, 0);
            assert!(panics(run) && !disarm());
        };
        panic_in_clone(&mut || _ = history.push(map.snapshot()));
        assert_eq!(history.latest().unwrap().len(), (ENTRIES + key) as usize);
        history.push(map.snapshot());
        panic_in_clone(&mut || _ = published.publish(map.snapshot()));
        assert_eq!(published.load().len(), (ENTRIES + key) as usize);
        published.publish(map.snapshot());
        panic_in_clone(&mut || drop(newer.as_mut().poll(&mut context)));
    }
    assert!(newer.poll(&mut context).is_ready());
}

#[test]
fn a_publisher_publishes_later_where_the_hasher_cannot_be_cloned() {
    let map = Map::fill();
    let published = Published::new(map.snapshot());
    let publisher = published.publisher(&map, 10);
    for key in 0..10 {
        map.handle().insert(ENTRIES + key, 0);
    }
    arm(Event::Clone, 0);
    assert!(panics(|| publisher.wrote(10)) && !disarm());
    assert_eq!(published.load().len(), ENTRIES as usize);
    drop(publisher);
    assert_eq!(published.load().len(), ENTRIES as usize + 10);
}

/// Two panics at once would end the process.
#[test]
fn a_publisher_dropped_while_panicking_does_not_panic_again() {
    alone(module_path!(), "a_publisher_dropped_while_panicking_does_not_panic_again", || {
        let map = Map::fill();
        let published = Published::new(map.snapshot());
        let payload = catch(|| {
            let publisher = published.publisher(&map, 10);
            publisher.wrote(1);
            arm(Event::Clone, 0);
            panic_any(OnPurpose(424_242));
        });
        let payload = payload.map(|_: ()| ()).unwrap_err();
        assert_eq!(payload.downcast_ref::<OnPurpose>(), Some(&OnPurpose(424_242)));
        assert!(!disarm());
    });
}
