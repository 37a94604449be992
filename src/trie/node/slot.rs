//! What a group holds for an entry, and how an entry is replaced in place.
//!
//! A slot that has its pointer in one atomic word can be given another entry with one CAS, and
//! nothing else of the group changes: no new slot is used up, so no branch is ever rebuilt for it.
//! A slot is *sealed* before it is relied upon not to change: by who removes its entry, and by who
//! freezes its group. Sealed slots stay as they are for ever.

/// What a slot of a node says: a few plain words.
pub(crate) trait Slot: Copy {
    /// The memory that holds it, of the same size.
    type Cell;

    /// Whether [`Self::swap`] ever succeeds.
    const SWAPS: bool;

    fn into_cell(self) -> Self::Cell;

    /// Reads a cell as it is.
    fn read(cell: &Self::Cell) -> Self;

    /// Seals a cell if it is not sealed yet, and reads it.
    fn seal(cell: &Self::Cell) -> Self;

    /// Seals a cell if it (still) says `now`. Returns whether it does and is sealed.
    fn seal_as(cell: &Self::Cell, now: Self) -> bool;

    /// Replaces `old` by `new`, if the cell says `old` and is not sealed.
    fn swap(cell: &Self::Cell, old: Self, new: Self) -> Swap;
}

/// How a replacement in place went.
pub(crate) enum Swap {
    Done,
    /// The cell says something else by now.
    Changed,
    /// It says what was expected, for ever.
    Sealed,
}

/// A slot as it was found: what it said, and the cell that said so.
pub(crate) struct Held<'g, T: Slot> {
    pub(crate) cell: &'g T::Cell,
    pub(crate) now: T,
}

impl<T: Slot> Clone for Held<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Slot> Copy for Held<'_, T> {}

impl<'g, T: Slot> Held<'g, T> {
    #[inline]
    pub(crate) fn read(cell: &'g T::Cell) -> Self {
        Self { cell, now: T::read(cell) }
    }

    #[inline]
    pub(crate) fn seal(cell: &'g T::Cell) -> Self {
        Self { cell, now: T::seal(cell) }
    }
}
