//! What was unlinked, and how to free it.
#![expect(unsafe_code, reason = "garbage is a raw pointer")]

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

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
    ///   be dropped, as soon as nobody holds a reference into the object.
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
    /// - Nobody holds a reference into the object or can get one.
    pub(crate) unsafe fn free(self, fallout: &mut Fallout) {
        // SAFETY:
        // - once: this consumes the value, and `new`'s caller promised that it is the only one.
        // - unreferenced: promised by this function's caller.
        fallout.catch(|| unsafe { (self.free)(self.object) });
    }
}

/// Panics of destructors that ran on behalf of another operation.
///
/// The panic hook has reported each by the time it gets here.
#[derive(Default)]
pub(crate) struct Fallout(Option<Box<dyn Any + Send>>);

impl Fallout {
    pub(crate) fn catch(&mut self, step: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(step)) {
            let later = self.0.replace(payload);
            Self::discard(later);
        }
    }

    fn discard(payload: Option<Box<dyn Any + Send>>) {
        // A payload may itself panic when it is dropped; that second payload is leaked.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(again);
        }
    }

    /// Goes on with the panic caught last, unless the thread is panicking already: for the end of a
    /// drop that owned what it destroyed.
    pub(crate) fn resume(mut self) {
        if let Some(payload) = self.0.take() {
            if std::thread::panicking() {
                Self::discard(Some(payload));
            } else {
                resume_unwind(payload);
            }
        }
    }
}

impl Drop for Fallout {
    fn drop(&mut self) {
        Self::discard(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_whose_payload_panics_goes_no_further() {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("in the destructor of what was thrown");
            }
        }
        let mut fallout = Fallout::default();
        for _ in 0..3 {
            fallout.catch(|| std::panic::panic_any(Payload));
        }
        drop(fallout);
    }
}
