//! The ops on one key of a live map.
//!
//! Some take a closure `meddle`, which plays other ops inside the map's call, as another thread
//! might between the call's look at the key and its change. [`World::commit`] says what may come of
//! that.

use std::cell::Cell;
use std::rc::Rc;

use snaptrie::{Compute, Operation};

use super::objects::{AnyKey, AnyValue, Ledger, Mark};
use super::oracle::Row;
use super::world::{Pending, Playable, World};
use super::{Handle, Op};

/// What a closure does the first time that it is called.
struct Once<F>(Cell<Option<F>>);

impl<F: FnOnce()> Once<F> {
    fn new(action: F) -> Self {
        Self(Cell::new(Some(action)))
    }

    fn run(&self) {
        if let Some(action) = self.0.take() {
            action();
        }
    }
}

/// What an update saw at its last call, and what it made of it.
type Updated = (Mark, Mark);

impl<M: Playable> World<M> {
    pub(super) fn look(&mut self, op: Op) {
        let (live, id) = self.target(op);
        let expected = live.row(id);
        let pinned = live.map.handle();
        self.agree(pinned.get(&id).map(M::Value::mark), expected.map(Row::value));
        self.agree(pinned.get_key_value(&id).map(Row::of), expected);
        self.agree(pinned.contains_key(&id), expected.is_some());
        if self.trusts() && expected.is_some() {
            self.agree(Some(pinned.at(&id).mark()), expected.map(Row::value));
        }
        // By a key of the map's own type.
        self.agree(pinned.contains_key(&M::Key::new(&self.ledger, id)), expected.is_some());
    }

    pub(super) fn insert(&mut self, op: Op) {
        let (live, id) = self.target(op);
        let (key, value, row) = self.fresh(id, op.arg);
        let pinned = live.map.handle();
        let old = pinned.insert(key, value);
        let expected = live.oracle.borrow_mut().put(row);
        self.agree(old.map(M::Value::mark), expected.map(Row::value));
    }

    pub(super) fn try_insert(&mut self, op: Op) {
        let (live, id) = self.target(op);
        let (key, value, row) = self.fresh(id, op.arg);
        let pinned = live.map.handle();
        let expected = live.row(id);
        match pinned.try_insert(key, value) {
            Ok(value) => {
                self.agree((value.mark(), None), (row.value, expected));
                live.oracle.borrow_mut().put(row);
            }
            Err(error) => {
                self.agree(Some(error.current.mark()), expected.map(Row::value));
                assert_eq!(Row::of((&error.key, &error.value)), row, "given back");
            }
        }
    }

    pub(super) fn get_or_insert(&mut self, op: Op) {
        let (live, id) = self.target(op);
        let (key, value, row) = self.fresh(id, op.arg);
        let pinned = live.map.handle();
        let got = pinned.get_or_insert(key, value).mark();
        let now = live.row(id).unwrap_or(row);
        self.agree(got, now.value);
        live.oracle.borrow_mut().put(now);
    }

    pub(super) fn get_or_insert_with(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let (key, value, row) = self.fresh(id, op.arg);
        let call = self.begin(&live, id);
        let pinned = live.map.handle();
        let got = pinned.get_or_insert_with(key, || {
            meddle(self);
            value
        });
        let got = got.mark();
        if got == row.value {
            self.commit(&call, None, Some(row));
        } else if call.is_strict() {
            self.agree(Some(got), live.row(id).map(Row::value));
        }
    }

    pub(super) fn try_insert_with(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let (key, value, row) = self.fresh(id, op.arg);
        let call = self.begin(&live, id);
        let pinned = live.map.handle();
        let result = pinned.try_insert_with(key, || {
            meddle(self);
            value
        });
        match result {
            Ok(value) => {
                assert_eq!(value.mark(), row.value);
                self.commit(&call, None, Some(row));
            }
            Err(value) if call.is_strict() => {
                self.agree(Some(value.mark()), live.row(id).map(Row::value));
            }
            Err(_) => {}
        }
    }

    pub(super) fn update(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let (key, ledger) = (M::Key::new(&self.ledger, id), Rc::clone(&self.ledger));
        let stamp = key.stamp();
        let call = self.begin(&live, id);
        let updated = Cell::new(None);
        let pinned = live.map.handle();
        let new = {
            let once = Once::new(|| meddle(self));
            pinned.update(key, updating(&ledger, op.arg, &once, &updated))
        };
        match new {
            Some(new) => {
                // An update of copies keeps the key: that of the entry it saw, at first or when it was asked again.
                let seen = updated.get().map(|(old, _)| old);
                let mut rows = [call.before, live.row(id)].into_iter().flatten();
                let kept = rows.find(|row| M::COPIES && Some(row.value) == seen);
                let new = Row { id, key: kept.map_or(stamp, |row| row.key), value: new.mark() };
                self.settle(&call, new, updated.get(), None);
            }
            None if call.is_strict() => self.agree(live.row(id), None),
            None => {}
        }
    }

    pub(super) fn update_or_insert(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let (key, first, row) = self.fresh(id, op.arg);
        let ledger = Rc::clone(&self.ledger);
        let call = self.begin(&live, id);
        let updated = Cell::new(None);
        let pinned = live.map.handle();
        let new = {
            let once = Once::new(|| meddle(self));
            pinned.update_or_insert(key, updating(&ledger, op.arg, &once, &updated), first)
        };
        let new = Row { value: new.mark(), ..row };
        self.settle(&call, new, updated.get(), Some(row.value));
    }

    pub(super) fn update_or_insert_with(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let (key, ledger) = (M::Key::new(&self.ledger, id), Rc::clone(&self.ledger));
        let stamp = key.stamp();
        let call = self.begin(&live, id);
        let (updated, first) = (Cell::new(None), Cell::new(None));
        let pinned = live.map.handle();
        let new = {
            let once = Once::new(|| meddle(self));
            let make_first = || {
                once.run();
                let value = M::Value::new(&ledger, op.arg);
                first.set(Some(value.mark()));
                value
            };
            let update = updating(&ledger, op.arg, &once, &updated);
            pinned.update_or_insert_with(key, update, make_first)
        };
        let new = Row { id, key: stamp, value: new.mark() };
        self.settle(&call, new, updated.get(), first.get());
    }

    /// Checks the result of an update or insertion: the update of an entry, or the first value.
    fn settle(
        &mut self,
        call: &Pending<M>,
        new: Row,
        updated: Option<Updated>,
        first: Option<Mark>,
    ) {
        match updated {
            Some((old, value)) if value == new.value => self.commit(call, Some(old), Some(new)),
            _ => {
                self.agree(Some(new.value), first);
                self.commit(call, None, Some(new));
            }
        }
    }

    pub(super) fn compute(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let (key, ledger) = (M::Key::new(&self.ledger, id), Rc::clone(&self.ledger));
        let stamp = key.stamp();
        let call = self.begin(&live, id);
        let (seen, made) = (Cell::new(None), Cell::new(None));
        let pinned = live.map.handle();
        let outcome = {
            let once = Once::new(|| meddle(self));
            pinned.compute(key, |current| {
                once.run();
                seen.set(current.map(Row::of));
                match op.arg % 4 {
                    0 => Operation::Remove,
                    1 => Operation::Abort(op.arg),
                    _ => {
                        let value = M::Value::new(&ledger, op.arg);
                        made.set(Some(Row { id, key: stamp, value: value.mark() }));
                        Operation::Insert(value)
                    }
                }
            })
        };
        let (old, new) = match outcome {
            Compute::Inserted(key, value) => (None, Some(Row::of((key, value)))),
            Compute::Updated { old, new } => (Some(Row::of(old)), Some(Row::of(new))),
            Compute::Removed(key, value) => (Some(Row::of((key, value))), None),
            Compute::Absent | Compute::Aborted(_) => {
                let asked =
                    if op.arg % 4 == 0 { Compute::Absent } else { Compute::Aborted(op.arg) };
                assert!(outcome == asked);
                return self.check_look(&call, seen.get());
            }
        };
        self.agree((seen.get(), made.get()), (old, new));
        self.commit(&call, old.map(Row::value), new);
    }

    /// Checks what a call saw that changed nothing: the entry before or after the meddling.
    fn check_look(&self, call: &Pending<M>, seen: Option<Row>) {
        if call.is_strict() {
            self.agree(seen == call.before || seen == call.live.row(call.id), true);
        }
    }

    pub(super) fn remove(&mut self, op: Op) {
        let (live, id) = self.target(op);
        let pinned = live.map.handle();
        let old = pinned.remove(&id).map(M::Value::mark);
        let expected = live.oracle.borrow_mut().remove(id);
        self.agree(old, expected.map(Row::value));
    }

    pub(super) fn remove_entry(&mut self, op: Op) {
        let (live, id) = self.target(op);
        let pinned = live.map.handle();
        let old = pinned.remove_entry(&id).map(Row::of);
        self.agree(old, live.oracle.borrow_mut().remove(id));
    }

    /// Removes a key if its label is as even or odd as the op's.
    pub(super) fn remove_if(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let (live, id) = self.target(op);
        let goes = |label: u8| label % 2 == op.arg % 2;
        let call = self.begin(&live, id);
        let seen = Cell::new(None);
        let pinned = live.map.handle();
        let removed = {
            let once = Once::new(|| meddle(self));
            pinned.remove_if(&id, |key, value| {
                once.run();
                seen.set(Some(Row::of((key, value))));
                goes(value.label())
            })
        };
        if let Some(row) = removed.map(Row::of) {
            self.agree((seen.get(), goes(row.label())), (Some(row), true));
            return self.commit(&call, Some(row.value), None);
        }
        // It was not asked about, or last said to stay; or it went meanwhile.
        let kept = seen.get().filter(|row| !goes(row.label()));
        self.check_look(&call, kept);
    }
}

/// An update that adds to the label, and notes what it saw and made.
fn updating<'a, V: AnyValue>(
    ledger: &'a Rc<Ledger>,
    by: u8,
    once: &'a Once<impl FnOnce()>,
    updated: &'a Cell<Option<Updated>>,
) -> impl FnMut(&V) -> V + 'a {
    move |old| {
        once.run();
        let value = V::new(ledger, old.label().wrapping_add(by));
        updated.set(Some((old.mark(), value.mark())));
        value
    }
}
