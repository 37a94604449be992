//! The ops that make versions of a map, and those on snapshots.

use std::collections::BTreeSet;

use super::live::{described, parts};
use snaptrie::mode::Place;
use snaptrie::{Snapshot, SnapshotEntry};

use super::hashes::Hashes;
use super::objects::{AnyKey, AnyValue};
use super::oracle::{Oracle, Row, sorted};
use super::world::{Loose, Playable, Shot, World};
use super::{Op, Verb};

impl<K, V, L, M> World<M>
where
    K: AnyKey,
    V: AnyValue,
    L: Place<K, V, Map<Hashes> = M>,
    M: Playable<Key = K, Value = V, Version = Snapshot<K, V, Hashes, L>, Loose = Loose<K, V, L>>
        + Clone,
{
    pub(super) fn step_versions(&mut self, op: Op) {
        match op.verb {
            Verb::Snapshot => self.snapshot(op),
            Verb::Take => self.take(op),
            Verb::Fork => self.fork(op),
            Verb::CloneMap => self.clone_map(op),
            _ => self.step_frozen(op),
        }
    }

    fn snapshot(&mut self, op: Op) {
        let live = self.live(op);
        let frozen = live.map.version();
        live.number(frozen.generation());
        let content = live.oracle.borrow().clone();
        self.add_shot(op, frozen, content);
    }

    fn take(&mut self, op: Op) {
        let live = self.live(op);
        let frozen = live.map.take();
        live.emptied.set(live.emptied.get() + 1);
        live.number(frozen.generation());
        let content = live.oracle.take();
        self.agree(live.map.is_empty(), true);
        self.add_shot(op, frozen, content);
    }

    fn fork(&mut self, op: Op) {
        let live = self.live(op);
        let fork = live.map.fork().expect("a map with versions has forks");
        let oracle = live.oracle.borrow().clone();
        let born = self.next_instant();
        self.add_fork(op, fork, oracle, live.newest(), born);
    }

    fn clone_map(&mut self, op: Op) {
        let live = self.live(op);
        let clone = live.map.clone();
        let oracle = live.oracle.borrow().clone();
        let born = self.next_instant();
        self.add_fork(op, clone, oracle, live.newest(), born);
    }

    /// Ops that need a snapshot do nothing if there is none.
    fn step_frozen(&mut self, op: Op) {
        if op.verb == Verb::Loose {
            return self.go_on(op);
        }
        if self.shots.is_empty() {
            return;
        }
        let index = usize::from(op.pick) % self.shots.len();
        if op.verb == Verb::DropFrozen {
            drop(self.shots.swap_remove(index));
            return;
        }
        // The handle that is used is a clone: ops may drop the other one.
        let shot = self.shots[index].clone();
        match op.verb {
            Verb::FrozenLook => self.frozen_look(op, &shot),
            Verb::FrozenGetMany => self.frozen_get_many(op, &shot),
            Verb::FrozenWalk => self.frozen_walk(op, &shot),
            Verb::FrozenLen => Self::frozen_len(&shot),
            Verb::FrozenShow => self.frozen_show(&shot),
            Verb::FrozenFork => self.frozen_fork(op, &shot),
            Verb::FrozenClone => self.clone_shot(op, &shot),
            Verb::EqualFrozen => self.equal_frozen(op, &shot),
            Verb::IntoIter => self.iterate_owned(op, index, shot),
            other => unreachable!("{other:?} is no op on snapshots"),
        }
    }

    fn frozen_look(&self, op: Op, shot: &Shot<M>) {
        let id = self.id(op);
        shot.see(id);
        let expected = shot.oracle.get(id);
        self.agree(shot.frozen.get(&id).map(V::mark), expected.map(Row::value));
        self.agree(shot.frozen.get_key_value(&id).map(Row::of), expected);
        self.agree(shot.frozen.contains_key(&id), expected.is_some());
        if self.trusts() && expected.is_some() {
            self.agree(Some(shot.frozen[&id].mark()), expected.map(Row::value));
        }
        self.agree(shot.frozen.contains_key(&K::new(&self.ledger, id)), expected.is_some());
    }

    fn frozen_get_many(&mut self, op: Op, shot: &Shot<M>) {
        let ids: Vec<u16> = self.range(op).collect();
        ids.iter().for_each(|id| shot.see(*id));
        let got: Vec<_> = shot.frozen.get_many(&ids).map(|value| value.map(V::mark)).collect();
        let expected = ids.iter().map(|id| shot.oracle.get(*id).map(Row::value)).collect();
        self.agree(got, expected);
    }

    fn frozen_walk(&mut self, op: Op, shot: &Shot<M>) {
        if !self.affords(shot.oracle.len()) {
            return;
        }
        shot.see_all();
        let rows = shot.oracle.rows();
        match op.arg % 4 {
            0 => shot.check(),
            1 => assert_eq!(sorted((&shot.frozen).into_iter()), rows),
            2 => {
                let keys: BTreeSet<_> = shot.frozen.keys().map(K::mark).collect();
                assert_eq!(keys, rows.iter().map(|row| (row.id, row.key)).collect());
            }
            _ => {
                let values: BTreeSet<_> = shot.frozen.values().map(V::mark).collect();
                assert_eq!(values, rows.iter().map(|row| row.value).collect());
            }
        }
    }

    fn frozen_len(shot: &Shot<M>) {
        shot.see_count();
        let len = shot.oracle.len();
        assert_eq!(shot.frozen.is_empty(), len == 0);
        assert_eq!(shot.frozen.iter().len(), len);
        assert_eq!(shot.frozen.len(), len);
        let mut keys = shot.frozen.keys();
        if keys.next().is_some() {
            assert_eq!(keys.len(), len - 1);
        }
        assert_eq!(shot.frozen.values().len(), len);
    }

    fn frozen_show(&mut self, shot: &Shot<M>) {
        if self.affords(shot.oracle.len()) {
            shot.see_all();
            let described = described(&shot.oracle.rows());
            assert_eq!(parts(&format!("{:?}", shot.frozen)), described);
        }
        shot.see_count();
        let left = format!("{{ left: {} }}", shot.oracle.len());
        assert!(format!("{:?}", shot.frozen.iter()).ends_with(&left));
    }

    fn frozen_fork(&mut self, op: Op, shot: &Shot<M>) {
        let fork = shot.frozen.fork();
        self.add_fork(op, fork, shot.oracle.clone(), shot.frozen.generation(), shot.born);
    }

    fn equal_frozen(&mut self, op: Op, shot: &Shot<M>) {
        let other = self.shots[usize::from(op.key) % self.shots.len()].clone();
        assert_eq!(shot.frozen.ptr_eq(&other.frozen), shot.born == other.born);
        if self.affords(shot.oracle.len()) {
            self.agree(shot.frozen == other.frozen, shot.oracle.equals(&other.oracle));
        }
    }

    /// Begins an owned iteration and keeps the last entry and the rest. Some such ops use the
    /// snapshot up.
    fn iterate_owned(&mut self, op: Op, index: usize, shot: Shot<M>) {
        if op.arg & 1 == 1 {
            drop(self.shots.swap_remove(index));
        }
        // Looks at everything, so that nothing changes any more: see `World::commit`.
        shot.see_all();
        assert_eq!(sorted(shot.frozen.iter()), shot.oracle.rows());
        let mut iter = shot.frozen.into_iter();
        assert_eq!(iter.len(), shot.oracle.len());
        let mut yielded = Vec::new();
        let mut last = None;
        for entry in iter.by_ref().take(usize::from(op.arg / 2 % 16)) {
            let row = Row::of(entry.pair());
            yielded.push(row);
            last = Some(Loose::Entry(entry, row));
        }
        if let Some(entry) = last {
            self.add_loose(op, entry);
        }
        self.add_loose(op, Loose::Rest(iter, yielded, shot.oracle));
    }

    /// Goes on with an owned entry or iterator, or drops it.
    fn go_on(&mut self, op: Op) {
        if self.loose.is_empty() {
            return;
        }
        let index = usize::from(op.pick) % self.loose.len();
        let mut loose = self.loose.swap_remove(index);
        match &mut loose {
            Loose::Entry(entry, row) => check_entry::<K, V, L>(entry, *row),
            Loose::Rest(iter, yielded, oracle) => {
                for entry in iter.by_ref().take(usize::from(op.arg / 4)) {
                    yielded.push(Row::of(entry.pair()));
                }
                check_rest(iter.len(), yielded, oracle);
            }
        }
        if op.arg % 4 > 0 {
            self.add_loose(op, loose);
        }
    }
}

fn check_entry<K: AnyKey, V: AnyValue, L: Place<K, V>>(entry: &SnapshotEntry<K, V, L>, row: Row) {
    assert_eq!(Row::of(entry.pair()), row);
    assert_eq!(entry.clone().key().mark(), (row.id, row.key));
    assert_eq!(entry.value().mark(), row.value);
    let described = format!("SnapshotEntry({:?}, {:?})", entry.key(), entry.value());
    assert_eq!(format!("{entry:?}"), described);
}

/// Checks an iterator by what it has yielded and what it says is left.
fn check_rest(left: usize, yielded: &[Row], oracle: &Oracle) {
    assert_eq!(left + yielded.len(), oracle.len());
    let seen: BTreeSet<Row> = yielded.iter().copied().collect();
    assert_eq!(seen.len(), yielded.len(), "an entry came twice");
    let all: BTreeSet<Row> = oracle.rows().into_iter().collect();
    assert!(seen.is_subset(&all));
}
