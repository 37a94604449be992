//! Keys and values that notice when they are used after their end.
//!
//! Those of most worlds are counted, and on the ledger. Those that a map holds inline are [`Copy`],
//! and nobody can tell how many copies there are; they notice when what is read is not what was
//! written.

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
pub(crate) struct Ledger {
    alive: RefCell<Vec<bool>>,
    living: Cell<usize>,
    /// What destructors found. They do not panic: the map would catch that.
    dropped_twice: Cell<usize>,
    /// In a world without trust, keys compare as this says.
    fickle: Option<Mood>,
}

impl Ledger {
    pub(super) fn new(fickle: Option<Mood>) -> Rc<Self> {
        FICKLE.set(fickle.clone());
        let alive = RefCell::default();
        Rc::new(Self { alive, living: Cell::new(0), dropped_twice: Cell::new(0), fickle })
    }

    /// A number that no other object has.
    fn number(&self) -> u32 {
        let mut alive = self.alive.borrow_mut();
        alive.push(true);
        u32::try_from(alive.len() - 1).expect("fewer objects than that")
    }

    /// Number of objects that were made and not dropped.
    pub(super) fn living(&self) -> usize {
        self.living.get()
    }

    pub(super) fn assert_no_double_drop(&self) {
        assert_eq!(self.dropped_twice.get(), 0, "objects that were dropped twice");
    }

    fn lies(&self) -> bool {
        lies(self.fickle.as_ref())
    }
}

fn lies(fickle: Option<&Mood>) -> bool {
    fickle.is_some_and(|mood| mood.next() % 8 == 0)
}

thread_local! {
    /// The same for keys that know no ledger: of the world that is played on this thread.
    static FICKLE: RefCell<Option<Mood>> = const { RefCell::new(None) };
}

/// An object's entry in the ledger.
#[derive(Debug)]
struct Stamp {
    ledger: Rc<Ledger>,
    number: u32,
}

impl Stamp {
    fn new(ledger: &Rc<Ledger>) -> Self {
        ledger.living.set(ledger.living.get() + 1);
        Self { ledger: Rc::clone(ledger), number: ledger.number() }
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

/// A key: equal to others by its id, and different from all others by its stamp. Lookups go by the
/// bare id.
pub(crate) trait AnyKey: Clone + Hash + Eq + Borrow<u16> + fmt::Debug + 'static {
    fn new(ledger: &Rc<Ledger>, id: u16) -> Self;
    fn mark(&self) -> (u16, u32);

    fn stamp(&self) -> u32 {
        self.mark().1
    }
}

/// A value: equal to others by its label, and different from all others by its stamp.
pub(crate) trait AnyValue: Clone + Eq + fmt::Debug + 'static {
    fn new(ledger: &Rc<Ledger>, label: u8) -> Self;
    fn mark(&self) -> Mark;

    fn label(&self) -> u8 {
        self.mark().1
    }
}

/// A value's stamp and label.
pub(crate) type Mark = (u32, u8);

/// A key on the ledger.
pub(crate) struct Key {
    stamp: Stamp,
    id: u16,
}

impl AnyKey for Key {
    fn new(ledger: &Rc<Ledger>, id: u16) -> Self {
        Self { stamp: Stamp::new(ledger), id }
    }

    fn mark(&self) -> (u16, u32) {
        (self.id, self.stamp.number())
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

/// A value on the ledger.
pub(crate) struct Value {
    stamp: Stamp,
    label: u8,
}

impl AnyValue for Value {
    fn new(ledger: &Rc<Ledger>, label: u8) -> Self {
        Self { stamp: Stamp::new(ledger), label }
    }

    fn mark(&self) -> Mark {
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

/// A plain object's content and stamp, and a number by which both are known to be what was written.
#[derive(Clone, Copy)]
#[repr(C)]
struct Sealed<T, P> {
    stamp: u32,
    seal: u32,
    content: T,
    /// Fills the last word.
    _fill: P,
}

impl<T: Copy + Into<u32>, P: Default> Sealed<T, P> {
    fn new(ledger: &Ledger, content: T) -> Self {
        let stamp = ledger.number();
        Self { content, stamp, seal: Self::seal(content, stamp), _fill: P::default() }
    }

    fn seal(content: T, stamp: u32) -> u32 {
        !(content.into() << 16 ^ stamp.wrapping_mul(0x9e37_79b9))
    }

    /// The content and the stamp.
    fn open(&self) -> (T, u32) {
        let seal = Self::seal(self.content, self.stamp);
        assert_eq!(self.seal, seal, "what is read is not what was written");
        (self.content, self.stamp)
    }
}

/// A key that is on no ledger.
#[derive(Clone, Copy)]
pub(crate) struct CopyKey(Sealed<u16, u16>);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - numbers of 4, 4, 2 and 2 bytes.
unsafe impl snaptrie::Plain for CopyKey {}

impl AnyKey for CopyKey {
    fn new(ledger: &Rc<Ledger>, id: u16) -> Self {
        Self(Sealed::new(ledger, id))
    }

    fn mark(&self) -> (u16, u32) {
        self.0.open()
    }
}

impl CopyKey {
    fn lies() -> bool {
        FICKLE.with_borrow(|fickle| lies(fickle.as_ref()))
    }
}

impl Hash for CopyKey {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.mark().0.hash(hasher);
    }
}

impl PartialEq for CopyKey {
    fn eq(&self, other: &Self) -> bool {
        (self.mark().0 == other.mark().0) != Self::lies()
    }
}

impl Eq for CopyKey {}

impl Borrow<u16> for CopyKey {
    fn borrow(&self) -> &u16 {
        self.mark();
        if Self::lies() { &0 } else { &self.0.content }
    }
}

impl fmt::Debug for CopyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, stamp) = self.mark();
        write!(f, "{id}#{stamp}")
    }
}

/// A value that is on no ledger.
#[derive(Clone, Copy)]
pub(crate) struct CopyValue(Sealed<u8, [u8; 3]>);

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - numbers of 4, 4 and 1 byte, and 3 bytes.
unsafe impl snaptrie::Plain for CopyValue {}

impl AnyValue for CopyValue {
    fn new(ledger: &Rc<Ledger>, label: u8) -> Self {
        Self(Sealed::new(ledger, label))
    }

    fn mark(&self) -> Mark {
        let (label, stamp) = self.0.open();
        (stamp, label)
    }
}

impl PartialEq for CopyValue {
    fn eq(&self, other: &Self) -> bool {
        self.label() == other.label()
    }
}

impl Eq for CopyValue {}

impl fmt::Debug for CopyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stamp, label) = self.mark();
        write!(f, "{label}#{stamp}")
    }
}
