//! The memory of a segment: made before others see it, freed when nobody does any more.
#![expect(unsafe_code, reason = "allocates memory by size")]

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

use super::bucket::Head;
use super::line::Line;
use super::shape::Shape;
use super::store::Store;
use crate::sync::AtomicUsize;

/// Header of a segment. It takes a cache line, so that the lines are some too.
#[repr(C, align(64))]
pub(super) struct Header {
    /// What the allocator returned, and how much was asked for.
    memory: *mut u8,
    size: usize,
    /// Bytes at the beginning that are zeroed, or the header's.
    zeroed: usize,
    /// Chunks at the beginning that are known to be moved.
    pub(super) moved: AtomicUsize,
}

impl Header {
    /// Bytes that the allocator was asked for.
    pub(super) fn size(&self) -> usize {
        self.size
    }
}

/// When a new segment's pages become the process's own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pages {
    /// As each is written to: by who writes before it reads.
    Later,
    /// At once, 40 µs in a segment of 96 KiB and 100 in one of 256. For whoever looks at slots before it fills
    /// one: a fresh page that is read first is mapped twice, and the second time all processors of the process
    /// are interrupted. (The workload `rapid-grow`, a million keys in a table that was made for them, took two
    /// threads 261 ns an operation with `Later` and takes 163, and 414 and 159 where entries are in the lines:
    /// medians of three alternating runs.)
    Now,
}

/// The alignment that the allocator is asked for. More, and it would give no zeroed pages but write
/// the zeros itself.
const ALIGN: usize = 16;

/// Bytes of the header, and room to move it to where a line begins.
const BEFORE_LINES: usize = size_of::<Header>() + align_of::<Header>() - ALIGN;

/// Bytes of a page, or of a part of one where they are larger.
pub(super) const PAGE: usize = if cfg!(shuttle) { 64 } else { 4096 };

/// The memory of a segment that nobody else can see. INVARIANT: allocated by `new` or `of_zeros`; there is a header,
/// and what is behind it up to byte `zeroed` is zeros.
pub(super) struct Raw(NonNull<Header>);

impl Raw {
    pub(super) fn size<S: Store>(shape: Shape<S>) -> usize {
        let chunk = shape.chunk_lines() * size_of::<Line<S>>() + size_of::<Head<S>>();
        // No overflow: a shape's bytes can be counted.
        shape.segment_chunks() * chunk + BEFORE_LINES
    }

    /// Of `size` bytes. `zeroed`: whether `alloc` zeros them.
    fn allocated(size: usize, alloc: unsafe fn(Layout) -> *mut u8, zeroed: bool) -> Self {
        let layout = layout_of(size);
        // SAFETY:
        // - the size is not zero.
        let memory = unsafe { alloc(layout) };
        if memory.is_null() {
            handle_alloc_error(layout);
        }
        let pad = memory.addr().next_multiple_of(align_of::<Header>()) - memory.addr();
        let zeroed = if zeroed { size } else { pad + size_of::<Header>() };
        // SAFETY:
        // - at most `align - ALIGN` bytes of padding, for the allocator aligns to `ALIGN`: so header,
        //   lines and heads fit behind it, and the header is aligned.
        unsafe {
            let start = memory.add(pad).cast::<Header>();
            start.write(Header { memory, size, zeroed, moved: AtomicUsize::new(0) });
            Self(NonNull::new_unchecked(start))
        }
    }

    /// For a table of this shape, all zeros.
    pub(super) fn of_zeros<S: Store>(shape: Shape<S>, pages: Pages) -> Self {
        let raw = Self::allocated(Self::size(shape), alloc_zeroed, true);
        if pages == Pages::Now {
            let Header { memory, size, .. } = *raw.header();
            for at in (BEFORE_LINES..size).step_by(PAGE) {
                // SAFETY:
                // - in bounds, behind the header, and this function's own so far; zero by zero. Volatile, so that it
                //   is done.
                unsafe { memory.add(at).write_volatile(0) };
            }
        }
        raw
    }

    /// For a table of this shape, to be zeroed.
    pub(super) fn new<S: Store>(shape: Shape<S>) -> Self {
        Self::allocated(Self::size(shape), alloc, false)
    }

    fn header(&self) -> &Header {
        // SAFETY:
        // - allocated and initialised: invariant.
        unsafe { self.0.as_ref() }
    }

    /// Zeros so many bytes, or the rest. Returns whether it is whole now.
    pub(super) fn zero(&mut self, bytes: usize) -> bool {
        let Header { memory, size, zeroed, .. } = *self.header();
        let bytes = bytes.min(size - zeroed);
        // SAFETY:
        // - in bounds, behind the header, and nobody else can see it.
        unsafe {
            memory.add(zeroed).write_bytes(0, bytes);
            (*self.0.as_ptr()).zeroed = zeroed + bytes;
        }
        zeroed + bytes == size
    }

    pub(super) fn whole(mut self) -> Self {
        self.zero(usize::MAX);
        self
    }

    /// What is behind the header, of one that is whole.
    #[cfg(all(test, not(shuttle)))]
    pub(super) fn content(&self) -> &[u8] {
        let Header { memory, size, zeroed, .. } = *self.header();
        assert_eq!(size, zeroed);
        let first = self.0.addr().get() + size_of::<Header>() - memory.addr();
        // SAFETY:
        // - in bounds; initialised, as `zeroed` says; and nobody else can see it.
        unsafe { std::slice::from_raw_parts(memory.add(first), size - first) }
    }

    pub(super) fn into_start(self) -> *mut Header {
        ManuallyDrop::new(self).0.as_ptr()
    }

    /// # Safety
    /// - `start` came from [`Self::into_start`], once, and nobody else reaches the segment any more.
    pub(super) unsafe fn from_start(start: *mut Header) -> Self {
        // SAFETY:
        // - what `into_start` returned is not null.
        Self(unsafe { NonNull::new_unchecked(start) })
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let Header { memory, size, .. } = *self.header();
        // SAFETY:
        // - what was allocated, with this layout; freed once.
        unsafe { dealloc(memory, layout_of(size)) };
    }
}

fn layout_of(size: usize) -> Layout {
    // PANICS: never: a shape's bytes can be counted in an `isize`, and then some.
    Layout::from_size_align(size, ALIGN).expect("capacity overflow")
}
