//! Slots on their way from a node to its copy.
#![expect(unsafe_code, reason = "an array of which only the beginning is initialised")]

use std::marker::PhantomData;
use std::mem::MaybeUninit;

use super::node::{Branch, Slot};
use crate::entry::Mover;

/// Bytes that the slots of the largest branch take with their hashes, at most.
const BYTES: usize = 8 << 10;

/// Room for what one branch holds. On the stack: the allocator takes its slow path for as much as this
/// (glibc gathers up all that was freed in small pieces before it serves a request of a KiB or more).
#[repr(C, align(16))]
pub(super) struct Room(MaybeUninit<[u8; BYTES]>);

impl Room {
    #[inline]
    pub(super) fn new() -> Self {
        Self(MaybeUninit::uninit())
    }
}

/// What one branch held. (The room is apart from it: together with a length, which is initialised, the
/// compiler would set it all to zero.)
pub(super) struct Movers<'r, M> {
    room: &'r mut Room,
    /// INVARIANT: as many movers are at the beginning of the room, initialised.
    len: usize,
    _movers: PhantomData<M>,
}

impl<'r, M: Mover<Slot: Slot>> Movers<'r, M> {
    const CAPACITY: usize = {
        assert!(align_of::<M>() <= align_of::<Room>());
        assert!(Branch::<'_, M::Slot>::MOST <= BYTES / size_of::<M>());
        BYTES / size_of::<M>()
    };

    #[inline]
    pub(super) fn new(room: &'r mut Room) -> Self {
        Self { room, len: 0, _movers: PhantomData }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [M] {
        // SAFETY:
        // - aligned, by the assertion above, and initialised; borrowed from `self`.
        unsafe { std::slice::from_raw_parts_mut((&raw mut *self.room).cast(), self.len) }
    }
}

impl<M: Mover<Slot: Slot>> Extend<M> for Movers<'_, M> {
    /// # Panics
    /// If there are more than a branch holds.
    #[inline]
    fn extend<I: IntoIterator<Item = M>>(&mut self, movers: I) {
        for mover in movers {
            assert!(self.len < Self::CAPACITY, "one branch holds less");
            // SAFETY:
            // - in bounds, as was just asserted, and aligned.
            unsafe { (&raw mut *self.room).cast::<M>().add(self.len).write(mover) };
            self.len += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Content;
    use crate::entry::{Inline, Store};

    fn fill<T: Copy + 'static>(value: T) {
        type Of<T> = <Inline<T, ()> as Store>::Mover;
        let mut room = Room::new();
        let mut movers = Movers::<Of<T>>::new(&mut room);
        let most = Branch::<'_, <Inline<T, ()> as Store>::Slot>::MOST;
        let mover = |hash: usize| {
            Inline::<T, ()>::mover(Inline::<T, ()>::draft(0, value, ()), |_| hash as u64)
        };
        movers.extend((0..most).map(mover));
        assert!(movers.as_mut_slice().iter().map(|mover| mover.hash()).eq(0..most as u64));
    }

    #[test]
    fn there_is_room_for_the_largest_branch_of_every_size() {
        fill(());
        fill(0_u8);
        fill([0_u8; 5]);
        fill([0_u8; 9]);
        fill([0_u8; 17]);
        fill(0_u64);
        fill(0_u128);
        fill([0_u8; 33]);
        fill([0_u64; 8]);
    }
}
