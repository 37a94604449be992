//! The ops on live maps as a whole.

use std::collections::BTreeSet;
use std::rc::Rc;

use super::objects::{AnyKey, AnyValue};
use super::oracle::{Oracle, Row, sorted};
use super::world::{Live, Playable, World};
use super::{Handle, Op, Ops, Tested};

/// Entries for such a map.
type Entries<M> = Vec<(<M as Tested>::Key, <M as Tested>::Value)>;

impl<M: Playable> World<M> {
    pub(super) fn walk(&mut self, op: Op) {
        let live = self.live(op);
        if !self.affords(live.oracle.borrow().len()) {
            return;
        }
        let rows = live.oracle.borrow().rows();
        let pinned = live.map.handle();
        match op.arg % 4 {
            0 => self.agree(sorted(pinned.iter()), rows),
            1 => self.agree(sorted(pinned.each()), rows),
            2 => {
                let keys: BTreeSet<_> = pinned.keys().map(M::Key::mark).collect();
                self.agree(keys, rows.iter().map(|row| (row.id, row.key)).collect());
            }
            _ => {
                let values: BTreeSet<_> = pinned.values().map(M::Value::mark).collect();
                self.agree(values, rows.iter().map(|row| row.value).collect());
            }
        }
    }

    pub(super) fn len(&mut self, op: Op) {
        let live = self.live(op);
        let expected = live.oracle.borrow().len();
        let pinned = live.map.handle();
        self.agree(live.map.is_empty(), expected == 0);
        self.agree(pinned.is_empty(), expected == 0);
        self.agree(live.map.len(), expected);
        self.agree(pinned.len(), expected);
    }

    pub(super) fn show(&mut self, op: Op) {
        let live = self.live(op);
        if !self.affords(live.oracle.borrow().len()) {
            return;
        }
        let pinned = live.map.handle();
        let expected = described(&live.oracle.borrow().rows());
        self.agree(parts(&format!("{:?}", live.map)), expected.clone());
        self.agree(parts(&pinned.show()), expected);
        assert_eq!(format!("{:?}", pinned.iter()).trim_start_matches("Copy"), "Iter { .. }");
    }

    pub(super) fn reflect(&mut self, op: Op) {
        let live = self.live(op);
        let mut pinned = live.map.handle();
        assert!(live.map.is_map_of(&pinned));
        for _ in 0..op.arg % 8 {
            pinned.refresh();
        }
    }

    /// Keeps the entries whose label is not the op's, by three.
    pub(super) fn retain(&mut self, op: Op, meddle: impl FnOnce(&mut Self)) {
        let live = self.live(op);
        let keep = |label: u8| label % 3 != op.arg % 3;
        let before: BTreeSet<Row> = live.oracle.borrow().rows().into_iter().collect();
        let mut meddle = Some(meddle);
        live.map.handle().retain(|_, value| {
            if let Some(meddle) = meddle.take() {
                meddle(self);
            }
            keep(value.label())
        });
        // What came meanwhile may have been asked about or not.
        let now: BTreeSet<Row> = live.map.handle().iter().map(Row::of).collect();
        if self.trusts() {
            live.oracle.borrow_mut().retain(|row| {
                let stays = keep(row.label()) || (now.contains(&row) && !before.contains(&row));
                assert_eq!(now.contains(&row), stays, "{row:?} after retain");
                stays
            });
            assert_eq!(now.len(), live.oracle.borrow().len());
        }
    }

    pub(super) fn clear(&mut self, op: Op) {
        let live = self.live(op);
        live.map.clear();
        live.emptied.set(live.emptied.get() + 1);
        *live.oracle.borrow_mut() = Oracle::default();
        self.agree(live.map.is_empty(), true);
    }

    pub(super) fn insert_range(&mut self, op: Op) {
        let live = self.live(op);
        let pinned = live.map.handle();
        for id in self.range(op) {
            let (key, value, row) = self.fresh(id, op.arg);
            let old = pinned.insert(key, value).map(M::Value::mark);
            let expected = live.oracle.borrow_mut().put(row);
            self.agree(old, expected.map(Row::value));
        }
    }

    pub(super) fn remove_range(&mut self, op: Op) {
        let live = self.live(op);
        let pinned = live.map.handle();
        for id in self.range(op) {
            let old = pinned.remove_entry(&id).map(Row::of);
            self.agree(old, live.oracle.borrow_mut().remove(id));
        }
    }

    /// Entries for a range of keys, the first one twice, and their rows.
    fn entries(&mut self, op: Op) -> (Entries<M>, Vec<Row>) {
        let mut entries = Vec::new();
        let mut rows = Vec::new();
        for id in self.range(op).chain([self.id(op)]) {
            let (key, value, row) = self.fresh(id, op.arg.wrapping_add(rows.len() as u8));
            entries.push((key, value));
            rows.push(row);
        }
        (entries, rows)
    }

    pub(super) fn extend(&mut self, op: Op) {
        let (entries, rows) = self.entries(op);
        if self.maps.is_empty() {
            self.new_map(op);
        }
        let index = usize::from(op.pick) % self.maps.len();
        // The map is shared if an op around this one holds it.
        match Rc::get_mut(&mut self.maps[index]) {
            Some(live) => live.map.extend(entries),
            None => self.maps[index].map.extend_shared(entries),
        }
        for row in rows {
            self.maps[index].oracle.borrow_mut().put(row);
        }
    }

    pub(super) fn collect_map(&mut self, op: Op) {
        let (entries, rows) = self.entries(op);
        let mut oracle = Oracle::default();
        for row in rows {
            oracle.put(row);
        }
        self.add_map(op, Live::new(entries.into_iter().collect::<M>(), oracle));
    }

    pub(super) fn get_many(&mut self, op: Op) {
        let live = self.live(op);
        let ids: Vec<u16> = self.range(op).collect();
        let pinned = live.map.handle();
        let got: Vec<_> = pinned.get_many(&ids).map(|value| value.map(M::Value::mark)).collect();
        let expected = ids.iter().map(|id| live.row(*id).map(Row::value)).collect();
        self.agree(got, expected);
    }

    pub(super) fn insert_many(&mut self, op: Op) {
        let live = self.live(op);
        let (entries, rows) = self.entries(op);
        let new = live.map.handle().insert_many(entries);
        let expected = rows.into_iter().filter(|row| live.oracle.borrow_mut().put(*row).is_none());
        let expected = expected.count();
        self.agree(new, expected);
    }

    pub(super) fn get_or_insert_many(&mut self, op: Op) {
        let live = self.live(op);
        let (entries, rows) = self.entries(op);
        let pinned = live.map.handle();
        let got: Vec<_> = pinned.get_or_insert_many(entries).map(M::Value::mark).collect();
        let mut oracle = live.oracle.borrow_mut();
        let expected = rows.into_iter().map(|row| match oracle.get(row.id) {
            Some(known) => known.value(),
            None => {
                oracle.put(row);
                row.value()
            }
        });
        let expected = expected.collect();
        drop(oracle);
        self.agree(got, expected);
    }

    pub(super) fn remove_many(&mut self, op: Op) {
        let live = self.live(op);
        let ids: Vec<u16> = self.range(op).chain([self.id(op)]).collect();
        let removed = live.map.handle().remove_many(&ids);
        let there = ids.iter().filter(|id| live.oracle.borrow_mut().remove(**id).is_some());
        let there = there.count();
        self.agree(removed, there);
    }

    /// Inserts and removes a range of keys, the first one twice.
    pub(super) fn stream(&mut self, op: Op) {
        let live = self.live(op);
        let (entries, rows) = self.entries(op);
        let is_insertion = |index: usize| index % 3 != usize::from(op.arg % 3);
        for (index, row) in rows.into_iter().enumerate() {
            live.oracle.borrow_mut().set(row.id, is_insertion(index).then_some(row));
        }
        let changes = entries.into_iter().enumerate();
        let changes =
            changes.map(|(index, (key, value))| (key, is_insertion(index).then_some(value)));
        live.map.stream(changes.collect());
    }

    /// Not for a map whose keys nobody can tell apart: its clones are not what it is.
    pub(super) fn convert(&mut self, op: Op) {
        let live = self.live(op);
        if self.trusts() && self.affords(4 * live.oracle.borrow().len()) {
            let expected = live.oracle.borrow().likenesses();
            self.agree(live.map.converted(), [expected.clone(), expected]);
        }
    }

    pub(super) fn drop_map(&mut self, op: Op) {
        if !self.maps.is_empty() {
            let index = usize::from(op.pick) % self.maps.len();
            drop(self.maps.swap_remove(index));
        }
    }

    pub(super) fn reserve(&mut self, op: Op) {
        let live = self.live(op);
        live.map.reserve(usize::from(op.key) % 10_000);
    }

    pub(super) fn shrink(&mut self, op: Op) {
        let live = self.live(op);
        live.map.shrink_to_fit();
    }

    pub(super) fn equal_maps(&mut self, op: Op) {
        let live = self.live(op);
        let other = self.live(Op { pick: op.key as u8, ..op });
        if self.affords(live.oracle.borrow().len()) {
            let expected = live.oracle.borrow().equals(&other.oracle.borrow());
            self.agree(live.map == other.map, expected);
        }
    }

    pub(super) fn check_map(&mut self, op: Op) {
        let live = self.live(op);
        if self.affords(live.oracle.borrow().len()) {
            self.check(&live);
        }
    }

    /// Holds a handle, a reference and an iterator that has begun while the next ops run.
    pub(super) fn hold(&mut self, op: Op, rest: &mut Ops<'_>) {
        let live = self.live(op);
        let before = live.oracle.borrow().clone();
        let pinned = live.map.handle();
        let mut iter = pinned.iter();
        let begun: Vec<Row> = iter.by_ref().take(usize::from(op.arg / 8)).map(Row::of).collect();
        let id = self.id(op);
        let held = if op.arg & 1 == 0 {
            pinned.get_key_value(&id)
        } else {
            live.oracle.borrow_mut().remove(id);
            pinned.remove_entry(&id)
        };
        let row = held.map(Row::of);
        self.agree(row, before.get(id));

        self.run_some(rest, op.arg % 16);

        assert_eq!(held.map(Row::of), row, "an entry changed under a handle");
        let yielded: Vec<Row> = begun.into_iter().chain(iter.map(Row::of)).collect();
        if self.trusts() {
            check_walk(&yielded, &before, &live.oracle.borrow());
        }
    }

    /// A change of one key whose closure runs the next ops.
    pub(super) fn nest(&mut self, op: Op, rest: &mut Ops<'_>) {
        let span = 1 + op.arg / 8 % 4;
        let meddle = |world: &mut Self| world.run_some(rest, span);
        match op.arg % 8 {
            0 => self.get_or_insert_with(op, meddle),
            1 => self.try_insert_with(op, meddle),
            2 => self.update(op, meddle),
            3 => self.update_or_insert(op, meddle),
            4 => self.update_or_insert_with(op, meddle),
            5 => self.remove_if(op, meddle),
            6 => self.retain(op, meddle),
            _ => self.compute(op, meddle),
        }
    }
}

/// Checks what a weakly consistent iterator yielded of a map that changed from `before` to `after`.
fn check_walk(yielded: &[Row], before: &Oracle, after: &Oracle) {
    let ids: BTreeSet<u16> = yielded.iter().map(|row| row.id).collect();
    assert_eq!(ids.len(), yielded.len(), "an iterator yielded a key twice");
    let yielded: BTreeSet<Row> = yielded.iter().copied().collect();
    for row in before.rows() {
        if after.get(row.id) == Some(row) {
            assert!(yielded.contains(&row), "an iterator left {row:?} out, which was there");
        }
    }
}

/// The entries in a map's debug output, sorted.
pub(super) fn parts(map: &str) -> Vec<String> {
    let inside = map.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inside = inside.expect("a map in braces");
    let mut parts: Vec<String> =
        inside.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    parts.sort_unstable();
    parts
}

/// What [`parts`] must find.
pub(super) fn described(rows: &[Row]) -> Vec<String> {
    let describe = |row: &Row| {
        let (stamp, label) = row.value;
        format!("{}#{}: {label}#{stamp}", row.id, row.key)
    };
    let mut parts: Vec<String> = rows.iter().map(describe).collect();
    parts.sort_unstable();
    parts
}
