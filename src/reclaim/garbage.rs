//! Unlinked objects, and how to free them.
#![expect(unsafe_code, reason = "garbage is a raw pointer")]

use std::ptr::NonNull;

use crate::fallout::Fallout;

/// An unlinked object, and how to free it.
pub(crate) struct Garbage {
    object: *mut (),
    free: unsafe fn(*mut ()),
    bytes: usize,
}

impl Garbage {
    /// `bytes`: the size of the object.
    ///
    /// # Safety
    /// - `free(object)` may be called once, from any thread on which the map's keys and values may
    ///   be dropped, as soon as nothing holds a reference into the object.
    pub(crate) unsafe fn new(object: *mut (), free: unsafe fn(*mut ()), bytes: usize) -> Self {
        Self { object, free, bytes }
    }

    /// The content of a leaked box.
    ///
    /// # Safety
    /// - The pointer came from a box, and as for [`Self::new`].
    pub(crate) unsafe fn of_box<T>(object: NonNull<T>) -> Self {
        unsafe fn free<T>(object: *mut ()) {
            // SAFETY:
            // - from a box, by the contract of `of_box`; freed once, by that of `free`.
            drop(unsafe { Box::from_raw(object.cast::<T>()) });
        }
        // SAFETY:
        // - the contract of this function.
        unsafe { Self::new(object.as_ptr().cast(), free::<T>, size_of::<T>()) }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn object(&self) -> *const () {
        self.object
    }

    /// Frees the object; a panic of its destructor goes to `fallout`.
    ///
    /// # Safety
    /// - No thread holds a reference into the object or can get one.
    pub(crate) unsafe fn free(self, fallout: &mut Fallout) {
        // SAFETY:
        // - once: this consumes the value, and `new`'s caller promised that it is the only one.
        // - unreferenced: promised by the caller.
        fallout.catch(|| unsafe { (self.free)(self.object) });
    }
}
