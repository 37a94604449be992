//! What a map or snapshot must hold.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::objects::{AnyKey, AnyValue, Mark};

/// One entry: which key, which of the keys with that id, and which value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(super) id: u16,
    pub(super) key: u32,
    pub(super) value: Mark,
}

impl Row {
    /// Reads an entry. Both objects must be alive.
    pub(super) fn of<K: AnyKey, V: AnyValue>((key, value): (&K, &V)) -> Self {
        let (id, key) = key.mark();
        Self { id, key, value: value.mark() }
    }

    pub(super) fn label(self) -> u8 {
        self.value.1
    }

    pub(super) fn value(self) -> Mark {
        self.value
    }
}

/// Entries in the order of their keys.
pub(super) fn sorted<'e, K: AnyKey, V: AnyValue>(
    entries: impl Iterator<Item = (&'e K, &'e V)>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = entries.map(Row::of).collect();
    rows.sort_unstable();
    rows
}

/// The content of a map or snapshot. Clones share it until one of them changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oracle(Rc<BTreeMap<u32, Row>>);

impl Oracle {
    /// An oracle that was told rather than asked: for a world without trust, where ids may come up
    /// twice. It knows rows only.
    pub(super) fn told(rows: impl Iterator<Item = Row>) -> Self {
        Self(Rc::new(rows.map(|row| (row.key, row)).collect()))
    }

    pub(super) fn get(&self, id: u16) -> Option<Row> {
        self.0.get(&u32::from(id)).copied()
    }

    pub(super) fn put(&mut self, row: Row) -> Option<Row> {
        Rc::make_mut(&mut self.0).insert(u32::from(row.id), row)
    }

    pub(super) fn remove(&mut self, id: u16) -> Option<Row> {
        Rc::make_mut(&mut self.0).remove(&u32::from(id))
    }

    pub(super) fn set(&mut self, id: u16, row: Option<Row>) -> Option<Row> {
        match row {
            Some(row) => self.put(row),
            None => self.remove(id),
        }
    }

    /// Follows a change of a key from one value to an entry, if the map did. Returns whether it did.
    pub(super) fn adopt(
        &mut self,
        id: u16,
        actual: Option<Row>,
        change: (Option<Mark>, Option<Row>),
    ) -> bool {
        let expected = self.get(id);
        if actual == expected {
            return false;
        }
        assert_eq!(
            (expected.map(Row::value), actual),
            change,
            "key {id} is neither as it was nor changed"
        );
        self.set(id, actual);
        true
    }

    pub(super) fn retain(&mut self, mut keep: impl FnMut(Row) -> bool) {
        Rc::make_mut(&mut self.0).retain(|_, row| keep(*row));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows, sorted.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.0.values().copied().collect();
        rows.sort_unstable();
        rows
    }

    /// Whether both have equal keys with equal values, as the maps compare them.
    pub(super) fn equals(&self, other: &Self) -> bool {
        let pairs = |oracle: &Self| -> Vec<_> {
            oracle.rows().iter().map(|row| (row.id, row.label())).collect()
        };
        pairs(self) == pairs(other)
    }
}
