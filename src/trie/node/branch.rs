//! The branch: a node of entries, as one to eight groups (the paper's C-node with S-nodes).
//!
//! A key belongs to exactly one group, told by three bits of its hash, so that all changes to a key
//! meet in that group's one state word.
#![expect(unsafe_code, reason = "a branch is laid out in raw memory by shape")]

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

use super::group::{Group, place_unshared};
use super::header::{HEADER_BYTES, Header, Shape, allocate_node};
use super::word::Word;
use crate::sync::AtomicU64;

/// Bytes a group may take at most: its state and tags share a cache line, and a branch of eight
/// groups is copied in about a microsecond.
const GROUP_BYTES: usize = 512;

/// The shapes of branches, smallest first.
#[cfg(not(shuttle))]
const SHAPES: [Shape; 6] =
    [Shape::Small, Shape::Medium, Shape::Single, Shape::Double, Shape::Quad, Shape::Oct];
/// Fewer and smaller ones under the model checker, so that growth and bursts are near.
#[cfg(shuttle)]
const SHAPES: [Shape; 2] = [Shape::Small, Shape::Double];

/// The largest shape of a branch: past it a branch bursts into a fan.
pub(crate) const FULLEST: Shape = SHAPES[SHAPES.len() - 1];

/// A branch is made large enough that this many of eight slots are taken, at most.
/// Six: 8 made every second insert rebuild again, 5 took 10 % more memory and no less time.
pub(crate) const MAX_FILL: usize = 6;

/// The layout of branches over slots of type `T`.
pub(super) struct Geometry<T>(PhantomData<T>);

impl<T> Geometry<T> {
    /// Slots of a full-size group: as many as fit [`GROUP_BYTES`], 29 for slots of 16 bytes.
    pub(super) const FULL: usize = {
        let mut slots = 56;
        while slots > 1 && Self::bytes_of(slots) > GROUP_BYTES {
            slots -= 1;
        }
        if cfg!(shuttle) { 3 } else { slots }
    };

    const fn at_most_full(slots: usize) -> usize {
        if slots < Self::FULL { slots } else { Self::FULL }
    }

    /// Slots of each group of a branch.
    pub(super) const fn slots(shape: Shape) -> usize {
        match shape {
            Shape::Small => Self::at_most_full(if cfg!(shuttle) { 2 } else { 4 }),
            Shape::Medium => Self::at_most_full(13),
            _ => Self::FULL,
        }
    }

    pub(super) const fn groups(shape: Shape) -> usize {
        match shape {
            Shape::Double => 2,
            Shape::Quad => 4,
            Shape::Oct => 8,
            _ => 1,
        }
    }

    const fn tag_words(slots: usize) -> usize {
        slots.div_ceil(8)
    }

    /// Where the slots begin within a group.
    const fn slots_at(slots: usize) -> usize {
        (8 + 8 * Self::tag_words(slots)).next_multiple_of(align_of::<T>())
    }

    const fn bytes_of(slots: usize) -> usize {
        (Self::slots_at(slots) + slots * size_of::<T>()).next_multiple_of(8)
    }

    /// Distance between groups: a multiple of the cache line, so that with the branch on a line's
    /// beginning every group's state and tags lie within one line.
    const STRIDE: usize = Self::bytes_of(Self::FULL).next_multiple_of(64);

    pub(super) const fn node_bytes(shape: Shape) -> usize {
        match Self::groups(shape) {
            1 => HEADER_BYTES + Self::bytes_of(Self::slots(shape)),
            groups => HEADER_BYTES + (groups - 1) * Self::STRIDE + Self::bytes_of(Self::FULL),
        }
    }
}

/// A reference to a branch.
pub(crate) struct Branch<'g, T> {
    node: NonNull<Header>,
    shape: Shape,
    _node: PhantomData<&'g T>,
}

impl<T> Clone for Branch<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Branch<'_, T> {}

impl<'g, T: Copy> Branch<'g, T> {
    /// Makes a branch that holds `items`, each with its hash, and returns the word for it.
    ///
    /// # Panics
    /// If a group has no room for the items that belong to it.
    pub(crate) fn allocate<'n>(
        shape: Shape,
        birth: u64,
        items: &[T],
        hash: impl Fn(&T) -> u64,
    ) -> Word<'n, T> {
        let node = allocate_node::<T>(shape, birth, 0);
        // SAFETY:
        // - a node of this shape over `T`, with the header written; the groups' state and tags are
        //   initialised here, before any `Group` is made.
        let branch = unsafe {
            let branch = Branch::<T>::from_header(node, shape);
            for index in 0..Geometry::<T>::groups(shape) {
                branch.initialise_group(index);
            }
            branch
        };
        for item in items {
            let hash = hash(item);
            place_unshared(&branch.group(hash), hash, *item);
        }
        // SAFETY:
        // - `node` is a node over `T` of this shape, and lives until it is freed as one.
        unsafe { Word::to_node(node, shape) }
    }
}

impl<'g, T> Branch<'g, T> {
    /// # Safety
    /// - `node` is a branch over `T` of this shape, and stays allocated for `'g`.
    pub(super) unsafe fn from_header(node: NonNull<Header>, shape: Shape) -> Self {
        debug_assert!(shape < Shape::Fan);
        Self { node, shape, _node: PhantomData }
    }

    pub(crate) fn shape(self) -> Shape {
        self.shape
    }

    pub(crate) fn birth(self) -> u64 {
        // SAFETY:
        // - the node is allocated for `'g`, which contains this call; headers never change.
        unsafe { self.node.as_ref() }.birth
    }

    /// How many entries the branch could hold if they spread evenly.
    pub(crate) fn capacity(self) -> usize {
        capacity::<T>(self.shape)
    }

    fn group_at(self, index: usize) -> NonNull<u8> {
        debug_assert!(index < Geometry::<T>::groups(self.shape));
        // SAFETY:
        // - in bounds: `node_bytes` counts this many groups at this stride.
        unsafe { self.node.cast::<u8>().add(HEADER_BYTES + index * Geometry::<T>::STRIDE) }
    }

    /// # Safety
    /// - The branch was just allocated and nobody else can see it.
    unsafe fn initialise_group(self, index: usize) {
        let start = self.group_at(index).cast::<AtomicU64>();
        // SAFETY:
        // - in bounds and aligned: state and tags are the first words of the group.
        // - exclusive: the caller promises that nobody else can see the branch.
        unsafe {
            for word in 0..=Geometry::<T>::tag_words(Geometry::<T>::slots(self.shape)) {
                start.add(word).write(AtomicU64::new(0));
            }
        }
    }

    #[inline]
    pub(crate) fn nth_group(self, index: usize) -> Group<'g, T> {
        let start = self.group_at(index);
        let slots = Geometry::<T>::slots(self.shape);
        // SAFETY:
        // - state and tags were initialised when the branch was allocated; the slots need no
        //   initialisation, being `MaybeUninit`.
        // - in bounds for `'g`: `node_bytes` counts these bytes for each group.
        unsafe {
            let words = start.cast::<AtomicU64>();
            let first = start.add(Geometry::<T>::slots_at(slots));
            Group::new(
                words.as_ref(),
                std::slice::from_raw_parts(
                    words.add(1).as_ptr(),
                    Geometry::<T>::tag_words(slots),
                ),
                std::slice::from_raw_parts(
                    first.cast::<UnsafeCell<MaybeUninit<T>>>().as_ptr(),
                    slots,
                ),
            )
        }
    }

    /// The group that the hash belongs to.
    #[inline]
    pub(crate) fn group(self, hash: u64) -> Group<'g, T> {
        self.nth_group(self.group_index(hash))
    }

    #[inline]
    pub(crate) fn group_index(self, hash: u64) -> usize {
        group_index(hash, Geometry::<T>::groups(self.shape))
    }

    pub(crate) fn group_count(self) -> usize {
        Geometry::<T>::groups(self.shape)
    }

    pub(crate) fn groups(self) -> impl Iterator<Item = Group<'g, T>> {
        (0..Geometry::<T>::groups(self.shape)).map(move |index| self.nth_group(index))
    }
}

#[inline]
fn group_index(hash: u64, groups: usize) -> usize {
    (hash >> 8) as usize & (groups - 1)
}

fn capacity<T>(shape: Shape) -> usize {
    Geometry::<T>::groups(shape) * Geometry::<T>::slots(shape)
}

/// The smallest shape that holds items with these hashes and leaves room for more in every group;
/// none if they need a fan.
pub(crate) fn shape_for<T>(count: usize, hashes: impl Iterator<Item = u64> + Clone) -> Option<Shape> {
    SHAPES.into_iter().find(|&shape| {
        if count * 8 > capacity::<T>(shape) * MAX_FILL {
            return false;
        }
        let groups = Geometry::<T>::groups(shape);
        if groups == 1 {
            return true;
        }
        let mut load = [0_usize; 8];
        hashes.clone().for_each(|hash| load[group_index(hash, groups)] += 1);
        // A group that is nearly full would send the branch here again at once.
        load.iter().all(|&load| load < Geometry::<T>::FULL)
    })
}

/// The smallest shape for this many items if they spread evenly.
pub(crate) fn shape_for_count<T>(count: usize) -> Shape {
    let fits = |&shape: &Shape| count * 8 <= capacity::<T>(shape) * MAX_FILL;
    SHAPES.into_iter().find(fits).unwrap_or(FULLEST)
}
