//! The branch: a node of entries, as one to eight groups (the paper's C-node with S-nodes).
//!
//! A key belongs to exactly one group, told by three bits of its hash, so that all changes to a key
//! meet in that group's one state word.
#![expect(unsafe_code, reason = "a branch is laid out in raw memory by shape")]

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::group::{Group, RawSlot};
use super::header::{HEADER_BYTES, Header, Shape, allocate_node};
use super::slot::Slot;
use super::tags;
use super::word::Word;
use crate::entry::Mover;
use crate::sync::AtomicU64;

/// Distance between the groups of a branch, and so the most that one may take: a branch of eight is
/// a page, and is copied in about a microsecond.
///
/// ```text
///  0        16      24              56      64                    512
///  | header | state | a tag a slot  | stamp | slots ...           |
/// ```
/// The first group shares its first line with the node's header; the others leave that part unused.
/// With a full-size branch on a line's beginning, all but the slots is one line and no slot straddles
/// two.
const STRIDE: usize = 512;

/// The shapes of branches, smallest first. (Without branches of eight groups, so that a branch bursts at half
/// the size, nothing became faster or slower beyond the spread, at 0.3 to 2.5 million inline pairs.)
#[cfg(not(shuttle))]
const SHAPES: [Shape; 6] =
    [Shape::Small, Shape::Medium, Shape::Single, Shape::Double, Shape::Quad, Shape::Oct];
/// Fewer and smaller ones under the model checker, so that growth and bursts are near.
#[cfg(shuttle)]
const SHAPES: [Shape; 2] = [Shape::Small, Shape::Double];

/// The largest shape of a branch: past it a branch bursts into a fan.
const FULLEST: Shape = SHAPES[SHAPES.len() - 1];

/// Groups of the largest shape.
const MAX_GROUPS: usize = 8;

/// A branch is made large enough that this many of eight slots are taken, at most.
const MAX_FILL: usize = 6;

/// The groups of a branch.
#[derive(Clone, Copy)]
struct GroupLayout {
    groups: usize,
    /// Slots of each.
    slots: usize,
    /// Tag words of each, in pairs.
    tag_pairs: usize,
    /// Where the slots begin, from the beginning of the group.
    slots_at: usize,
}

/// The layout of branches over slots of type `T`.
pub(super) struct Geometry<T>(PhantomData<T>);

impl<T> Geometry<T> {
    /// Slots of a full-size group: 28 for slots of 16 bytes.
    pub(super) const FULL: usize = {
        let mut slots = 56;
        while Self::slots_at(slots, 64) + slots * size_of::<T>() > STRIDE {
            slots -= 1;
        }
        assert!(slots >= 7, "slots of a branch take at most 64 bytes each");
        if cfg!(shuttle) { 3 } else { slots }
    };

    /// What each shape looks like, by its number. A table, and not a `match`: the shape comes from
    /// memory, and a branch on it would be mispredicted.
    const LAYOUTS: [GroupLayout; 8] = [
        Self::of(1, if cfg!(shuttle) { 2 } else { Self::FULL / 7 }, 16),
        Self::of(1, Self::FULL * 3 / 7, 16),
        Self::of(1, Self::FULL, 64),
        Self::of(2, Self::FULL, 64),
        Self::of(4, Self::FULL, 64),
        Self::of(8, Self::FULL, 64),
        // Not branches.
        Self::of(1, 0, 16),
        Self::of(1, 0, 16),
    ];

    #[inline]
    fn layout(shape: Shape) -> GroupLayout {
        const { assert!(align_of::<T>() <= 16 && Self::FULL <= 16 * tags::MOST_PAIRS) };
        Self::LAYOUTS[shape as usize]
    }

    /// Slots of each group of a branch.
    #[inline]
    pub(super) fn slots(shape: Shape) -> usize {
        Self::layout(shape).slots
    }

    #[inline]
    pub(super) fn groups(shape: Shape) -> usize {
        Self::layout(shape).groups
    }

    const fn of(groups: usize, slots: usize, align: usize) -> GroupLayout {
        let tag_pairs = slots.div_ceil(16);
        GroupLayout { groups, slots, tag_pairs, slots_at: Self::slots_at(slots, align) }
    }

    /// Where the slots begin, behind header, state, tags and stamp.
    const fn slots_at(slots: usize, align: usize) -> usize {
        (HEADER_BYTES + 8 + 16 * slots.div_ceil(16) + 8).next_multiple_of(align)
    }

    pub(super) fn node_bytes(shape: Shape) -> usize {
        let GroupLayout { groups, slots, slots_at, .. } = Self::layout(shape);
        (groups - 1) * STRIDE + slots_at + slots * size_of::<T>()
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

impl<'g, T: Slot> Branch<'g, T> {
    /// Makes a branch that holds what this frozen one does, each entry in its place, and whose other slots
    /// are all free; none if that would leave a group with little room, or the branch far too large.
    ///
    /// A tenth of the work of [`Self::allocate`], which asks for hashes and spreads the entries anew.
    pub(crate) fn copy<'n>(self, birth: u64) -> Option<Word<'n, T>> {
        let mut count = 0;
        for group in self.groups() {
            let seen = group.observe();
            if seen.is_nearly_full() {
                return None;
            }
            count += seen.count();
        }
        if count == 0 || is_far_too_large::<T>(self.shape, count) {
            return None;
        }
        let node = allocate_node::<T>(self.shape, birth, 0);
        // SAFETY:
        // - a node of this shape over `T`, with the header written; each group's state and tags are
        //   initialised before it is made, and nobody else has the node before this function returns.
        // - it lives until it is freed as a node of this shape.
        unsafe {
            let copy = Branch::<T>::from_header(node, self.shape);
            for (index, group) in self.groups().enumerate() {
                copy.initialise_group(index);
                copy.nth_group(index).copy(group.observe());
            }
            Some(Word::to_node(node, self.shape))
        }
    }

    /// Makes a branch that holds `items` and returns the word for it.
    ///
    /// # Panics
    /// If a group has no room for the items that belong to it.
    pub(crate) fn allocate<'n>(
        shape: Shape,
        birth: u64,
        items: &[impl Mover<Slot = T>],
    ) -> Word<'n, T> {
        let node = allocate_node::<T>(shape, birth, 0);
        // SAFETY:
        // - a node of this shape over `T`, with the header written; the groups' state and tags are
        //   initialised here, before any `Group` is made.
        let branch = unsafe {
            let branch = Branch::<T>::from_header(node, shape);
            for index in 0..branch.group_count() {
                branch.initialise_group(index);
            }
            branch
        };
        let mut live = [0; MAX_GROUPS];
        for item in items {
            let index = branch.group_index(item.hash());
            // SAFETY:
            // - nobody else has the branch before this function returns; `live` says what is in it.
            unsafe {
                branch.nth_group(index).place(&mut live[index], item.hash(), item.slot());
            }
        }
        for (index, live) in live.into_iter().enumerate().take(branch.group_count()) {
            // SAFETY:
            // - as above.
            unsafe { branch.nth_group(index).set_live(live) };
        }
        // SAFETY:
        // - `node` is a node over `T` of this shape, and lives until it is freed as one.
        unsafe { Word::to_node(node, shape) }
    }
}

impl<'g, T: Slot> Branch<'g, T> {
    /// # Safety
    /// - `node` is a branch over `T` of this shape, and stays allocated for `'g`.
    pub(super) unsafe fn from_header(node: NonNull<Header>, shape: Shape) -> Self {
        debug_assert!(shape < Shape::Fan);
        Self { node, shape, _node: PhantomData }
    }

    pub(crate) fn shape(self) -> Shape {
        self.shape
    }

    /// How many entries the branch could hold if they spread evenly.
    pub(crate) fn capacity(self) -> usize {
        capacity::<T>(self.shape)
    }

    fn group_at(self, index: usize) -> NonNull<u8> {
        debug_assert!(index < Geometry::<T>::groups(self.shape));
        // SAFETY:
        // - in bounds: `node_bytes` counts this many groups at this stride.
        unsafe { self.node.cast::<u8>().add(index * STRIDE) }
    }

    /// # Safety
    /// - The branch was just allocated and nobody else can see it.
    unsafe fn initialise_group(self, index: usize) {
        let GroupLayout { tag_pairs, .. } = Geometry::<T>::layout(self.shape);
        // SAFETY:
        // - in bounds and aligned: state, tags and stamp follow the place of the header.
        // - exclusive: the caller promises that nobody else can see the branch.
        unsafe {
            let state = self.group_at(index).add(HEADER_BYTES).cast::<AtomicU64>();
            for word in 0..2 + 2 * tag_pairs {
                state.add(word).write(AtomicU64::new(0));
            }
        }
    }

    #[inline]
    pub(crate) fn nth_group(self, index: usize) -> Group<'g, T> {
        // SAFETY:
        // - a group of a branch over `T` with this layout, allocated for `'g`.
        unsafe { group_from(self.group_at(index), Geometry::<T>::layout(self.shape)) }
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

/// The group that begins at `start`.
///
/// # Safety
/// - `start` is the beginning of a group of a branch over `T`, laid out like this, and the branch stays
///   allocated for `'g`.
#[inline]
unsafe fn group_from<'g, T: Slot>(start: NonNull<u8>, layout: GroupLayout) -> Group<'g, T> {
    let GroupLayout { slots, tag_pairs, slots_at, .. } = layout;
    // SAFETY:
    // - state, tags and stamp were initialised when the branch was allocated; the slots need no
    //   initialisation, being `MaybeUninit`.
    // - in bounds for `'g`: `node_bytes` counts these bytes for each group.
    unsafe {
        let state = start.add(HEADER_BYTES).cast::<AtomicU64>();
        let first = start.add(slots_at).cast::<RawSlot<T>>();
        Group::new(
            state.as_ref(),
            std::slice::from_raw_parts(state.add(1).cast::<tags::Pair>().as_ptr(), tag_pairs),
            state.add(1 + 2 * tag_pairs).as_ref(),
            std::slice::from_raw_parts(first.as_ptr(), slots),
        )
    }
}

/// A reference to a branch of full-size groups, whose layout needs no look at a table.
pub(crate) struct WideBranch<'g, T> {
    node: NonNull<Header>,
    /// The logarithm of the number of groups.
    log_groups: u32,
    _node: PhantomData<&'g T>,
}

impl<'g, T: Slot> WideBranch<'g, T> {
    /// # Safety
    /// - `node` is a branch over `T` of that many full-size groups, and stays allocated for `'g`.
    #[inline]
    pub(super) unsafe fn from_header(node: NonNull<Header>, log_groups: u32) -> Self {
        Self { node, log_groups, _node: PhantomData }
    }

    /// The group that the hash belongs to.
    #[inline]
    pub(crate) fn group(self, hash: u64) -> Group<'g, T> {
        let index = group_index(hash, 1 << self.log_groups);
        // SAFETY:
        // - in bounds: the branch has groups up to this index, at this stride.
        // - a group of a branch over `T` with this layout, allocated for `'g`: by `from_header`.
        unsafe {
            let start = self.node.cast::<u8>().add(index * STRIDE);
            group_from(start, const { Geometry::<T>::LAYOUTS[Shape::Single as usize] })
        }
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
pub(crate) fn shape_for<T>(count: usize, hashes: impl Iterator<Item = u64>) -> Option<Shape> {
    let smallest = smallest_for::<T>(count)?;
    if Geometry::<T>::groups(smallest) == 1 {
        return Some(smallest);
    }
    let mut load = [0_usize; MAX_GROUPS];
    hashes.for_each(|hash| load[group_index(hash, load.len())] += 1);
    SHAPES.into_iter().filter(|&shape| shape >= smallest).find(|&shape| {
        // The group of fewer bits holds what those of more bits with the same low bits do.
        let groups = Geometry::<T>::groups(shape);
        let group_load = |group| load.iter().skip(group).step_by(groups).sum::<usize>();
        // A group that is full would send the next writer here again at once.
        (0..groups).all(|group| group_load(group) < Geometry::<T>::FULL)
    })
}

/// The smallest shape for this many items if they spread evenly.
fn smallest_for<T>(count: usize) -> Option<Shape> {
    SHAPES.into_iter().find(|&shape| count * 8 <= capacity::<T>(shape) * MAX_FILL)
}

/// Whether so many items would fit into a branch two shapes smaller.
pub(crate) fn is_far_too_large<T>(shape: Shape, count: usize) -> bool {
    shape_for_count::<T>(count) as usize + 2 <= shape as usize
}

/// [`smallest_for`], the fullest for more than that.
fn shape_for_count<T>(count: usize) -> Shape {
    smallest_for::<T>(count).unwrap_or(FULLEST)
}
