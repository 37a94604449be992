//! The record of a live snapshot in the registry: its key, and its dead list.
#![expect(unsafe_code, reason = "the objects of a list are behind raw pointers")]

use std::ptr;

use crate::leaf::RawNode;
use crate::prefetch;
use crate::sync::{AtomicPtr, Ordering, planted};
use crate::tree::node::Detached;

/// The generation of a record in the upper bits, and below it a number that no other record has.
///
/// A thread registers a record before it knows whether it owns the snapshot, so a generation may have several records
/// at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(pub(super) u128);

impl Key {
    pub(super) fn new(generation: u64, number: u64) -> Self {
        Self(u128::from(generation) << 64 | u128::from(number))
    }

    /// Less than the keys of this generation, and greater than those of older ones.
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
    /// The dead list: a lock-free stack that can be closed. It is emptied as a whole, so its CAS has no ABA problem.
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
        // - from a box, by `Record::push`; only this value has the closed list.
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

    /// The head of a closed list.
    fn closed() -> *mut Buried {
        ptr::without_provenance_mut(1)
    }

    /// Puts an object on the list, or returns it if the list is closed.
    pub(super) fn push(&self, dead: Dead, birth: u64) -> Result<(), Dead> {
        // Acquire, here and on failure: nothing is read behind the head. But where the list is closed, the reads of its
        // snapshot are over; pairs with the Release of `close`.
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
            // - only this thread has it: the CAS that would have published it failed.
            unsafe {
                if below == Self::closed() {
                    return Err(Box::from_raw(buried).dead);
                }
                (*buried).below = below;
            }
        }
    }

    pub(super) fn close(&self) -> Burials {
        // Acquire: the objects; pairs with the Release of `push`. Release: what this thread has read in the snapshot.
        let list = self.dead.swap(Self::closed(), Ordering::AcqRel);
        debug_assert_ne!(list, Self::closed(), "a record is withdrawn once");
        Burials(list)
    }
}

#[cfg(all(test, not(shuttle)))]
mod orderings {
    //! As `src/reclaim/orderings.rs`.

    use std::ptr::NonNull;

    use super::*;
    use crate::reclaim::orderings::{at_once, until};

    fn push(record: &Record) -> bool {
        // SAFETY:
        // - not a node, and never used as one.
        let node = Dead::Node(unsafe { RawNode::from_body(NonNull::dangling()) });
        record.push(node, 7).is_ok()
    }

    fn close(record: &Record) {
        let mut list = record.close();
        while let Some(buried) = list.pop() {
            assert_eq!(buried.birth, 7);
        }
    }

    /// The memory of a list is plain: Miri reports accesses that nothing orders.
    #[test]
    fn what_is_on_a_list_is_whole() {
        let record = Record::new(Key::new(1, 0));
        let closes = || {
            // Relaxed: tells nothing.
            until(|| !record.dead.load(Ordering::Relaxed).is_null());
            close(&record);
        };
        at_once(|| assert!(push(&record)), closes);
    }

    /// The reads of a snapshot come before it closes its list. What is not kept there is freed.
    fn free_what_is_not_kept(comes_to_its_end: impl Fn(&Record) + Sync) {
        let record = Record::new(Key::new(1, 0));
        let entry = AtomicPtr::new(Box::into_raw(Box::new(7)));
        let reads = || {
            // SAFETY:
            // - freed by the other thread alone, once it sees that the list is closed.
            assert_eq!(unsafe { *entry.load(Ordering::Relaxed) }, 7);
            close(&record);
        };
        let frees = || {
            comes_to_its_end(&record);
            // SAFETY:
            // - from a box; the other thread is done with it.
            drop(unsafe { Box::from_raw(entry.load(Ordering::Relaxed)) });
        };
        at_once(reads, frees);
    }

    #[test]
    fn a_list_that_is_closed_tells_what_came_before_its_end() {
        free_what_is_not_kept(|record| {
            // Relaxed: tells nothing.
            until(|| record.dead.load(Ordering::Relaxed) == Record::closed());
            assert!(!push(record));
        });
    }

    #[test]
    fn a_list_that_closes_tells_what_came_before_its_end() {
        free_what_is_not_kept(|record| until(|| !push(record)));
    }
}
