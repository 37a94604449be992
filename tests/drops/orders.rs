//! All orders of dropping a map, its snapshots, a fork and a take.

use std::collections::BTreeSet;
use std::sync::mpsc::channel;
use std::thread;

use snaptrie::{Snapshot, TrieMap};

use super::Map;
use crate::support::{
    Chosen, Counted, Ledger, Numbers, one_at_a_time, over_hashers, permutations, verify,
};

over_hashers!(
    in_all_orders,
    in_all_orders_while_another_thread_holds_a_handle,
    in_all_orders_each_on_another_thread,
    in_all_orders_with_writes_between,
    in_all_orders_with_entries_taken,
    many_versions_in_random_order,
);

/// A map, or a version of one.
enum Member {
    Map(Map<Counted, Counted>),
    Snapshot(Snapshot<Counted, Counted, Chosen>),
}

impl Member {
    /// The instances it shows, all of which must be alive.
    fn shows(&self) -> BTreeSet<u64> {
        let alive = |(key, value): (&Counted, &Counted)| {
            key.tag();
            value.tag();
            [key.id(), value.id()]
        };
        match self {
            Self::Map(map) => map.pin().iter().flat_map(alive).collect(),
            Self::Snapshot(snapshot) => snapshot.iter().flat_map(alive).collect(),
        }
    }

    /// Ends it: by taking its entries, if it is a snapshot that has them alone. Returns whether it was.
    fn end(self) -> bool {
        let shown = self.shows();
        let Self::Snapshot(snapshot) = self else { return false };
        let Ok(entries) = snapshot.try_into_iter() else { return false };
        let entries: Vec<_> = entries.collect();
        assert_eq!(
            entries.iter().flat_map(|(key, value)| [key.id(), value.id()]).collect::<BTreeSet<_>>(),
            shown
        );
        true
    }

    fn is_map(&self) -> bool {
        matches!(self, Self::Map(_))
    }
}

/// Five members that share most of what they hold: two snapshots of a map, a fork of the first, a
/// take, and the map as it is afterwards.
struct World {
    ledger: Ledger,
    members: [Option<Member>; 5],
    /// What each member shows, and keeps.
    keeps: [BTreeSet<u64>; 5],
}

const MAP: usize = 0;
const FIRST: usize = 1;
const FORK: usize = 3;

impl World {
    fn new() -> Self {
        let ledger = Ledger::new();
        let map = TrieMap::with_hasher(Chosen::default()).collecting_privately();
        let write = |map: &Map<Counted, Counted>, keys: std::ops::Range<u64>, value: u64| {
            for key in keys {
                map.pin().insert(ledger.make(key), ledger.make(value));
            }
        };
        let remove = |map: &Map<Counted, Counted>, keys: std::ops::Range<u64>| {
            keys.for_each(|key| assert!(map.pin().remove(&ledger.make(key)).is_some()));
        };
        write(&map, 0..40, 0);
        let first = map.snapshot();
        write(&map, 0..20, 1);
        remove(&map, 20..25);
        write(&map, 40..50, 1);
        let second = map.snapshot();
        // The fork replaces only what belongs to its base: it makes no garbage of its own.
        let fork = first.fork();
        write(&fork, 5..15, 2);
        remove(&fork, 30..33);
        write(&fork, 100..110, 2);
        write(&map, 10..30, 3);
        write(&map, 10..12, 4);
        let taken = map.take();
        write(&map, 0..5, 5);
        verify(&map);
        verify(&fork);
        let members = [
            Member::Map(map),
            Member::Snapshot(first),
            Member::Snapshot(second),
            Member::Map(fork),
            Member::Snapshot(taken),
        ];
        let mut keeps = members.each_ref().map(Member::shows);
        let of_base = keeps[FIRST].clone();
        keeps[FORK].extend(of_base);
        Self { ledger, members: members.map(Some), keeps }
    }

    /// Checks that exactly what the members show or keep is alive, or, while the map may hold
    /// garbage, at least that.
    fn check(&self) {
        let mut kept = BTreeSet::new();
        for (member, keeps) in self.members.iter().zip(&self.keeps) {
            if let Some(member) = member {
                assert!(member.shows().is_subset(keeps));
                kept.extend(keeps);
            }
        }
        let alive: BTreeSet<u64> = self.ledger.ids().into_iter().collect();
        assert!(kept.is_subset(&alive));
        if self.members[MAP].is_none() {
            assert_eq!(alive, kept, "the map is gone, and something is left that no one sees");
        }
    }

    fn drop_member(&mut self, index: usize) {
        drop(self.members[index].take());
        self.check();
    }

    fn finish(self) {
        assert!(self.members.iter().all(Option::is_none));
        assert_eq!(self.ledger.tags(), [], "left after the last drop");
    }
}

fn in_all_orders() {
    permutations(|order: [usize; 5]| {
        let mut world = World::new();
        world.check();
        order.into_iter().for_each(|index| world.drop_member(index));
        world.finish();
    });
}

fn in_all_orders_while_another_thread_holds_a_handle() {
    let _turn = one_at_a_time();
    let (stop, stopped) = channel::<()>();
    let (ready, started) = channel();
    let other = thread::spawn(move || {
        let map = TrieMap::from([(1, 1)]);
        let pinned = map.pin();
        ready.send(()).unwrap();
        // Until the sender is dropped.
        assert!(stopped.recv().is_err());
        assert_eq!(pinned[&1], 1);
    });
    started.recv().unwrap();
    in_all_orders();
    drop(stop);
    other.join().unwrap();
}

fn in_all_orders_each_on_another_thread() {
    permutations(|order: [usize; 5]| {
        let mut world = World::new();
        for index in order {
            let member = world.members[index].take();
            thread::spawn(move || drop(member)).join().unwrap();
            world.check();
        }
        world.finish();
    });
}

fn in_all_orders_with_writes_between() {
    permutations(|order: [usize; 5]| {
        let mut world = World::new();
        for index in order {
            drop(world.members[index].take());
            for member in world.members.iter().flatten().filter(|member| member.is_map()) {
                let Member::Map(map) = member else { continue };
                (0..60).for_each(|key| {
                    map.pin().insert(world.ledger.make(key), world.ledger.make(6));
                });
                map.pin().retain(|key, _| key.tag() % 5 != 0);
                verify(map);
            }
            let snapshots = world.members.iter().zip(&world.keeps);
            for (member, keeps) in snapshots.filter(|(member, _)| member.is_some()) {
                let member = member.as_ref().unwrap();
                assert!(member.is_map() || member.shows() == *keeps);
            }
        }
        world.finish();
    });
}

fn in_all_orders_with_entries_taken() {
    let mut taken = 0;
    permutations(|order: [usize; 5]| {
        let mut world = World::new();
        for index in order {
            taken += usize::from(world.members[index].take().is_some_and(Member::end));
            world.check();
        }
        world.finish();
    });
    // In each order in which a snapshot is the last member.
    assert_eq!(taken, 3 * 4 * 3 * 2);
}

fn many_versions_in_random_order() {
    for seed in 0..30 {
        let mut numbers = Numbers(seed);
        let ledger = Ledger::new();
        let mut members = vec![Member::Map(Map::default())];
        for _ in 0..600 {
            let at = numbers.below(members.len());
            let key = numbers.below(60) as u64;
            let new = match (&members[at], numbers.below(40)) {
                (Member::Map(map), 0) => Some(Member::Snapshot(map.snapshot())),
                (Member::Map(map), 1) => Some(Member::Snapshot(map.take())),
                (Member::Map(map), 2) => Some(Member::Map(map.fork())),
                (Member::Snapshot(snapshot), 3) => Some(Member::Map(snapshot.fork())),
                (Member::Snapshot(snapshot), 4) => Some(Member::Snapshot(snapshot.clone())),
                (Member::Map(map), 3) => {
                    map.commit_with(|fork| {
                        fork.pin().insert(ledger.make(key), ledger.make(0));
                    });
                    None
                }
                (Member::Map(map), 5..15) => {
                    map.pin().remove(&ledger.make(key));
                    None
                }
                (Member::Map(map), 15..) => {
                    map.pin().insert(ledger.make(key), ledger.make(0));
                    None
                }
                _ => None,
            };
            members.extend(new);
            if numbers.below(60) == 0 && members.len() > 1 {
                members.swap_remove(at);
            }
        }
        numbers.shuffle(&mut members);
        while let Some(member) = members.pop() {
            member.end();
            members.iter().for_each(|member| _ = member.shows());
        }
        assert_eq!(ledger.live(), 0, "with seed {seed}");
    }
}
