//! What every node begins with, and how nodes are allocated.
//!
//! Indirection words keep five bits of their own below a node's address, so nodes are aligned to 32
//! bytes; branches of full-size groups to 64, so that nothing in them straddles two cache lines.
//! Asking the allocator for such alignment is slow (glibc takes a far longer path above 16 bytes),
//! so a node is placed inside a slightly larger allocation and remembers how far in it begins.
#![expect(unsafe_code, reason = "nodes have sizes known only at run time")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::branch::Geometry;
use super::{chain, fan, slab};
use crate::prefetch;

/// The kind of a node and, for a branch, its size. Fits the three bits a word has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Shape {
    /// A branch of one very small group.
    Small = 0,
    /// A branch of one middling group.
    Medium = 1,
    /// A branch of one full-size group.
    Single = 2,
    /// A branch of two full-size groups.
    Double = 3,
    /// A branch of four full-size groups.
    Quad = 4,
    /// A branch of eight full-size groups.
    Oct = 5,
    /// An array of indirection words.
    Fan = 6,
    /// A collision branch, below the last hash bit.
    Chain = 7,
}

impl Shape {
    /// The shape with this number.
    #[inline]
    pub(super) fn of_bits(bits: usize) -> Self {
        // A `match` and not a table: this compiles to nothing at all.
        match bits {
            0 => Self::Small,
            1 => Self::Medium,
            2 => Self::Single,
            3 => Self::Double,
            4 => Self::Quad,
            5 => Self::Oct,
            6 => Self::Fan,
            _ => Self::Chain,
        }
    }
}

/// The first 16 bytes of every node.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    /// Generation of the operation that made the node.
    pub(crate) birth: u64,
    /// Number of words of a chain; unused by other shapes.
    pub(super) capacity: u32,
    pub(super) shape: Shape,
    /// How far into its allocation the node begins, in units of [`MALLOC_ALIGN`]; or [`IN_SLAB`].
    offset: u8,
}

impl Header {
    fn new(birth: u64, capacity: u32, shape: Shape, offset: u8) -> Self {
        Self { birth, capacity, shape, offset }
    }
}

/// The offset of a fan that has no allocation of its own.
const IN_SLAB: u8 = u8::MAX;

pub(super) const HEADER_BYTES: usize = 16;
const _: () = assert!(size_of::<Header>() == HEADER_BYTES);

/// The alignment that every allocator gives without effort.
const MALLOC_ALIGN: usize = 16;

/// The least alignment of a node: what [`super::word`] needs for its bits.
pub(super) const NODE_ALIGN: usize = 32;

/// The alignment of branches of full-size groups: a cache line.
const WIDE_ALIGN: usize = 64;

const fn alignment(shape: Shape) -> usize {
    match shape {
        Shape::Single | Shape::Double | Shape::Quad | Shape::Oct => WIDE_ALIGN,
        _ => NODE_ALIGN,
    }
}

/// Bytes of a node over slots of type `T`, its header included.
pub(super) fn node_bytes<T>(shape: Shape, capacity: u32) -> usize {
    match shape {
        Shape::Fan => fan::NODE_BYTES,
        Shape::Chain => chain::node_bytes(capacity as usize),
        branch => Geometry::<T>::node_bytes(branch),
    }
}

fn layout<T>(shape: Shape, capacity: u32) -> Layout {
    let slack = alignment(shape) - MALLOC_ALIGN;
    let bytes = node_bytes::<T>(shape, capacity) + slack;
    // PANICS: never: sizes are a few KiB, or 8 bytes for each entry of a chain that is in memory.
    Layout::from_size_align(bytes, MALLOC_ALIGN).expect("node layout")
}

/// Allocates a node and writes its header; the rest is uninitialised.
pub(super) fn allocate_node<T>(shape: Shape, birth: u64, capacity: u32) -> NonNull<Header> {
    const { assert!(align_of::<T>() <= MALLOC_ALIGN, "slots of nodes have at most 16-byte alignment") };
    let layout = layout::<T>(shape, capacity);
    // SAFETY:
    // - the layout's size is not zero: every node has a header.
    let start = unsafe { alloc(layout) };
    if start.is_null() {
        handle_alloc_error(layout);
    }
    // All of it is about to be written, and the CAS that publishes it waits for these stores.
    prefetch::read_all(start, layout.size());
    let offset = start.addr().next_multiple_of(alignment(shape)) - start.addr();
    let header = Header::new(birth, capacity, shape, (offset / MALLOC_ALIGN) as u8);
    // SAFETY:
    // - in bounds: `offset` is at most the slack that the layout adds to the node's bytes.
    // - valid for writes and aligned: fresh memory, rounded up to at least 32 bytes.
    unsafe {
        let node = start.add(offset).cast::<Header>();
        node.write(header);
        NonNull::new_unchecked(node)
    }
}

/// Writes the header of a fan whose room came from a slab.
pub(super) fn fan_in_slab(node: NonNull<Header>, birth: u64) -> NonNull<Header> {
    // SAFETY:
    // - room for a fan, aligned, and nobody else's yet.
    unsafe { node.write(Header::new(birth, 0, Shape::Fan, IN_SLAB)) };
    node
}

/// Bytes of a node's memory, with what its alignment cost.
pub(crate) fn allocated_bytes<T>(header: &Header) -> usize {
    if header.offset == IN_SLAB {
        return slab::STRIDE;
    }
    layout::<T>(header.shape, header.capacity).size()
}

/// Frees a node's memory. What its slots and words point to is left alone.
///
/// # Safety
/// - `node` came from [`allocate_node`] with the same `T`, or from [`fan_in_slab`], and was not freed before.
/// - Nobody uses the node any more.
pub(crate) unsafe fn free_node<T>(node: NonNull<Header>) {
    // SAFETY:
    // - the header is initialised and readable: the caller promises a node that is not freed.
    let (shape, capacity, offset) = unsafe {
        let header = node.as_ref();
        (header.shape, header.capacity, header.offset)
    };
    if offset == IN_SLAB {
        // SAFETY:
        // - a fan that came from a slab, and by this function's contract freed once and unused.
        unsafe { slab::free(node) };
        return;
    }
    // SAFETY:
    // - the allocation begins `offset` units below the node, with this layout: `allocate_node`
    //   computed both from the same shape, capacity and `T`.
    unsafe {
        let start = node.as_ptr().cast::<u8>().sub(usize::from(offset) * MALLOC_ALIGN);
        dealloc(start, layout::<T>(shape, capacity));
    }
}
