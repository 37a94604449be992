//! What a live snapshot has in the registry: its number, and the list of what it alone still sees.
#![expect(unsafe_code, reason = "the objects of a list are behind raw pointers")]

use std::ptr;

use crate::leaf::RawNode;
use crate::prefetch;
use crate::sync::{AtomicPtr, Ordering, planted};
use crate::tree::node::Detached;

/// The generation of a record, above a number that tells it from others of that generation.
///
/// A thread registers a record before it knows whether it owns the snapshot, so some records of one generation
/// may be here at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u128);

impl Key {
    pub(super) fn new(generation: u64, number: u64) -> Self {
        Self(u128::from(generation) << 64 | u128::from(number))
    }

    /// Below the keys of this generation, and above those of older ones.
    pub(super) fn start_of(generation: u64) -> Self {
        Self::new(generation, 0)
    }

    pub(super) fn generation(self) -> u64 {
        (self.0 >> 64) as u64
    }
}

/// An object that left the live tree.
pub(super) enum Dead {
    /// The shell of a node.
    Node(RawNode),
    /// The address of an entry.
    Entry(*mut ()),
    /// A node with everything below it.
    Tree(Detached<()>),
}

/// The record of one living snapshot.
pub(super) struct Record {
    pub(super) key: Key,
    /// A lock-free stack that can be closed. It is emptied as a whole, so its CAS knows no ABA.
    dead: AtomicPtr<Buried>,
}

/// An object on a dead list.
pub(super) struct Buried {
    pub(super) dead: Dead,
    pub(super) birth: u64,
    below: *mut Buried,
}

/// The content of a closed dead list.
pub(super) struct Burials(*mut Buried);

impl Burials {
    pub(super) fn pop(&mut self) -> Option<Buried> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY:
        // - from a box, by `Record::bury`; the closed list is this value's alone.
        let buried = unsafe { Box::from_raw(self.0) };
        self.0 = buried.below;
        prefetch::read(self.0);
        Some(*buried)
    }
}

impl Record {
    pub(super) fn new(key: Key) -> Self {
        Self { key, dead: AtomicPtr::new(ptr::null_mut()) }
    }

    pub(super) fn generation(&self) -> u64 {
        self.key.generation()
    }

    /// The head of a list that takes nothing more.
    fn closed() -> *mut Buried {
        ptr::without_provenance_mut(1)
    }

    /// Puts an object on the list; gives it back if the list is closed.
    pub(super) fn push(&self, dead: Dead, birth: u64) -> Result<(), Dead> {
        // Acquire, here and on failure: nothing is read behind the head, but `closed` must be seen
        // together with the registry that the closing thread left.
        let mut below = self.dead.load(Ordering::Acquire);
        if below == Self::closed() {
            return if planted("lost_burial") { Ok(()) } else { Err(dead) };
        }
        let buried = Box::into_raw(Box::new(Buried { dead, birth, below }));
        loop {
            // Release: the object; pairs with the Acquire of `close`.
            match self.dead.compare_exchange(below, buried, Ordering::Release, Ordering::Acquire) {
                Ok(_) => return Ok(()),
                Err(now) => below = now,
            }
            // SAFETY:
            // - this thread's own: the CAS that would have published it failed.
            unsafe {
                if below == Self::closed() {
                    return Err(Box::from_raw(buried).dead);
                }
                (*buried).below = below;
            }
        }
    }

    pub(super) fn close(&self) -> Burials {
        // Acquire: the objects; pairs with the Release of `push`.
        let list = self.dead.swap(Self::closed(), Ordering::AcqRel);
        debug_assert_ne!(list, Self::closed(), "a record is withdrawn once");
        Burials(list)
    }
}
