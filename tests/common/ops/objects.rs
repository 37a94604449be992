//! Keys and values that are counted, and that notice when they are used after their drop.

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// Numbers that look random, the same in every run: for what answers now this, now that.
#[derive(Clone, Debug, Default)]
pub(super) struct Mood(Rc<Cell<u32>>);

impl Mood {
    pub(super) fn next(&self) -> u32 {
        // A linear congruential generator; its high bits are the good ones.
        self.0.set(self.0.get().wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        self.0.get() >> 16
    }
}

/// The keys and values of one world, each by its stamp.
#[derive(Debug)]
pub(super) struct Ledger {
    alive: RefCell<Vec<bool>>,
    living: Cell<usize>,
    /// What destructors found. They do not panic: the map would catch that.
    dropped_twice: Cell<usize>,
    /// In a world without trust, keys compare as this says.
    fickle: Option<Mood>,
}

impl Ledger {
    pub(super) fn new(fickle: Option<Mood>) -> Rc<Self> {
        let alive = RefCell::default();
        Rc::new(Self { alive, living: Cell::new(0), dropped_twice: Cell::new(0), fickle })
    }

    /// Number of objects that were made and not dropped.
    pub(super) fn living(&self) -> usize {
        self.living.get()
    }

    pub(super) fn assert_no_double_drop(&self) {
        assert_eq!(self.dropped_twice.get(), 0, "objects that were dropped twice");
    }

    fn lies(&self) -> bool {
        self.fickle.as_ref().is_some_and(|mood| mood.next() % 8 == 0)
    }
}

/// An object's entry in the ledger.
#[derive(Debug)]
struct Stamp {
    ledger: Rc<Ledger>,
    number: u32,
}

impl Stamp {
    fn new(ledger: &Rc<Ledger>) -> Self {
        let mut alive = ledger.alive.borrow_mut();
        let number = u32::try_from(alive.len()).expect("fewer objects than that");
        alive.push(true);
        ledger.living.set(ledger.living.get() + 1);
        Self { ledger: Rc::clone(ledger), number }
    }

    /// The object's number, if it may still be used.
    fn number(&self) -> u32 {
        let alive = self.ledger.alive.borrow()[self.number as usize];
        assert!(alive, "object {} is used after its drop", self.number);
        self.number
    }
}

impl Drop for Stamp {
    fn drop(&mut self) {
        let was_alive =
            std::mem::replace(&mut self.ledger.alive.borrow_mut()[self.number as usize], false);
        if was_alive {
            self.ledger.living.set(self.ledger.living.get() - 1);
        } else {
            self.ledger.dropped_twice.set(self.ledger.dropped_twice.get() + 1);
        }
    }
}

/// A key: equal to others by its id, and different from all others by its stamp.
pub(crate) struct Key {
    stamp: Stamp,
    id: u16,
}

impl Key {
    pub(super) fn new(ledger: &Rc<Ledger>, id: u16) -> Self {
        Self { stamp: Stamp::new(ledger), id }
    }

    pub(super) fn stamp(&self) -> u32 {
        self.stamp.number()
    }

    pub(super) fn mark(&self) -> (u16, u32) {
        (self.id, self.stamp())
    }
}

/// A clone is another object.
impl Clone for Key {
    fn clone(&self) -> Self {
        self.stamp();
        Self::new(&self.stamp.ledger, self.id)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.stamp();
        self.id.hash(hasher);
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.stamp();
        other.stamp();
        (self.id == other.id) != self.stamp.ledger.lies()
    }
}

impl Eq for Key {}

/// Lookups go by the bare id.
impl Borrow<u16> for Key {
    fn borrow(&self) -> &u16 {
        self.stamp();
        if self.stamp.ledger.lies() { &0 } else { &self.id }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.id, self.stamp())
    }
}

/// A value's stamp and label.
pub(super) type Mark = (u32, u8);

/// A value: equal to others by its label, and different from all others by its stamp.
pub(crate) struct Value {
    stamp: Stamp,
    label: u8,
}

impl Value {
    pub(super) fn new(ledger: &Rc<Ledger>, label: u8) -> Self {
        Self { stamp: Stamp::new(ledger), label }
    }

    pub(super) fn label(&self) -> u8 {
        self.mark().1
    }

    pub(super) fn mark(&self) -> Mark {
        (self.stamp.number(), self.label)
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        Self::new(&self.stamp.ledger, self.label())
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.label() == other.label()
    }
}

impl Eq for Value {}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stamp, label) = self.mark();
        write!(f, "{label}#{stamp}")
    }
}
