//! The header in front of every node, and how nodes are allocated.
//!
//! A node is aligned to a cache line. So the words that lead to it have six spare bits, and no bucket straddles two
//! lines. Asking the allocator for this alignment is slow: glibc takes a longer path above 16 bytes. Instead, a node is
//! placed behind its header in a slightly larger allocation, and the header records where the node begins.
#![expect(unsafe_code, reason = "nodes have sizes known only at run time")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use super::Size;
use crate::bucket::{self, Slot};
use crate::prefetch;
use crate::sync::AtomicUsize;

/// The kind of a node, and the size of a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Leaf(Size),
    /// Words that lead to nodes.
    Fan,
    /// Entries whose hashes are equal.
    Collision,
}

/// Number of words in a fan.
pub(crate) const FAN_WIDTH: usize = 16;

/// The header of a node.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Header {
    /// Generation of the operation that made the node.
    pub(crate) birth: u64,
    /// Number of spill buckets of a leaf that are in use.
    pub(super) spills: AtomicUsize,
    /// Number of entries of a collision node.
    pub(crate) entries: u32,
    shape: Shape,
    /// How far into its allocation the node begins, in units of [`MALLOC_ALIGN`].
    offset: u8,
    /// Bytes of a bucket of a leaf, or of a cell of a collision node, in units of [`UNIT`]. So nodes can be walked over
    /// and freed without knowing the type of their slots.
    part: u8,
}

/// Sizes of buckets and cells are multiples of this.
const UNIT: usize = 4;

const HEADER_BYTES: usize = size_of::<Header>();

/// The alignment that every allocator provides at no extra cost.
const MALLOC_ALIGN: usize = 16;

/// The alignment of nodes.
pub(crate) const NODE_ALIGN: usize = bucket::ALIGN;

/// Upper bound on what header and alignment add to a node.
const SLACK: usize = HEADER_BYTES.next_multiple_of(MALLOC_ALIGN) + NODE_ALIGN - MALLOC_ALIGN;

const _: () = assert!(HEADER_BYTES <= 32 && align_of::<Header>() <= MALLOC_ALIGN);

/// The address of a node. The node may have been freed.
///
/// INVARIANT: came from [`allocate`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawNode(NonNull<u8>);

impl RawNode {
    /// # Safety
    /// - `body` is the body of a node from [`allocate`].
    #[inline]
    pub(crate) unsafe fn from_body(body: NonNull<u8>) -> Self {
        Self(body)
    }

    /// Where its buckets, words or entries begin.
    #[inline]
    pub(crate) fn body(self) -> NonNull<u8> {
        self.0
    }

    /// # Safety
    /// - The node is not freed for `'g`.
    #[inline]
    pub(crate) unsafe fn header<'g>(self) -> &'g Header {
        // SAFETY:
        // - initialized by `allocate`, right before the body; not freed: promised by the caller. Only its atomic
        //   changes.
        unsafe { self.0.sub(HEADER_BYTES).cast().as_ref() }
    }
}

/// Bytes of a bucket or a cell of a node over slots of type `T`.
fn part_bytes<T: Slot>(shape: Shape) -> usize {
    let bytes = match shape {
        Shape::Leaf(_) => bucket::Geometry::<T>::BYTES,
        Shape::Fan => 0,
        Shape::Collision => size_of::<T::Cell>(),
    };
    debug_assert!(bytes % UNIT == 0 && bytes / UNIT <= u8::MAX.into());
    bytes
}

/// Bytes of a node without header.
fn body_bytes(shape: Shape, entries: u32, part: usize) -> usize {
    match shape {
        Shape::Leaf(size) => (size.buckets() + size.spills()) * part,
        Shape::Fan => FAN_WIDTH * size_of::<usize>(),
        Shape::Collision => entries as usize * part,
    }
}

fn layout(shape: Shape, entries: u32, part: usize) -> Layout {
    // PANICS: never: a node takes a few KiB, or a cell for each entry of a collision node.
    Layout::from_size_align(body_bytes(shape, entries, part) + SLACK, MALLOC_ALIGN)
        .expect("node layout")
}

impl Header {
    fn layout(&self) -> Layout {
        layout(self.shape, self.entries, self.part_bytes())
    }

    /// Bytes of a bucket or a cell.
    pub(super) fn part_bytes(&self) -> usize {
        usize::from(self.part) * UNIT
    }
}

/// Allocates a node over slots of type `T` and writes its header; the body is uninitialized.
pub(crate) fn allocate<T: Slot>(shape: Shape, birth: u64, entries: u32) -> RawNode {
    allocate_parts(shape, birth, entries, part_bytes::<T>(shape))
}

fn allocate_parts(shape: Shape, birth: u64, entries: u32, part: usize) -> RawNode {
    let layout = layout(shape, entries, part);
    #[cfg(shuttle)]
    crate::sync::nodes::change(1);
    // SAFETY:
    // - the layout's size is not zero.
    let start = unsafe { alloc(layout) };
    if start.is_null() {
        handle_alloc_error(layout);
    }
    // All of it is about to be written, and the CAS that publishes it waits for these stores.
    prefetch::read_all(start, layout.size());
    let offset = (start.addr() + HEADER_BYTES).next_multiple_of(NODE_ALIGN) - start.addr();
    let offset_units = (offset / MALLOC_ALIGN) as u8;
    let (spills, part) = (AtomicUsize::new(0), (part / UNIT) as u8);
    let header = Header { birth, spills, entries, shape, offset: offset_units, part };
    // SAFETY:
    // - in bounds: header and body fit behind `offset`, because `SLACK` is the largest offset.
    // - valid for writes and aligned: fresh memory.
    unsafe {
        let body = start.add(offset);
        body.sub(HEADER_BYTES).cast::<Header>().write(header);
        RawNode(NonNull::new_unchecked(body))
    }
}

/// Bytes of a node's allocation.
pub(crate) fn allocated_bytes(header: &Header) -> usize {
    header.layout().size()
}

/// Bytes that a walk over a node reads.
pub(crate) fn bytes_to_read<T: Slot>(shape: Shape) -> usize {
    match shape {
        Shape::Leaf(size) => size.buckets() * bucket::Geometry::<T>::BYTES,
        shape => body_bytes(shape, 0, 0),
    }
}

/// Frees a node's memory, but nothing that its slots and words point to.
///
/// # Safety
/// - `node` came from [`allocate`], and is not freed yet.
/// - The node is no longer used.
pub(crate) unsafe fn free(node: RawNode) {
    #[cfg(shuttle)]
    crate::sync::nodes::change(-1);
    // SAFETY:
    // - not freed: promised by the caller.
    // - the allocation begins `offset` units below the body, with this layout: `allocate` computed both from what
    //   the header says.
    unsafe {
        let header = node.header();
        let layout = header.layout();
        dealloc(node.0.as_ptr().sub(usize::from(header.offset) * MALLOC_ALIGN), layout);
    }
}
