//! A boxed value that is made when it is first needed.
#![expect(unsafe_code, reason = "an atomic pointer that owns a box")]

use std::ptr;

use crate::sync::{AtomicPtr, Ordering};

/// A boxed value that is made when it is first needed. Unlike with `OnceLock`, no thread waits for another one: of
/// several values made at once, all but one are dropped.
pub(crate) struct OnceBox<T: ?Sized>(AtomicPtr<Box<T>>);

impl<T: ?Sized> OnceBox<T> {
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire: the value; pairs with the Release of `get_or_make`.
        let value = self.0.load(Ordering::Acquire);
        // SAFETY:
        // - null, or made by `get_or_make`, and freed only by drop.
        unsafe { value.as_ref() }.map(|value| &**value)
    }

    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> Box<T>) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let made = Box::into_raw(Box::new(make()));
        // Release: the value. Acquire on failure: the other thread's value.
        let (before, new) = (ptr::null_mut(), made);
        match self.0.compare_exchange(before, new, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY:
            // - just made; from now on freed only by drop.
            Ok(_) => unsafe { &*made },
            Err(other) => {
                // SAFETY:
                // - `made` was never shared; `other` was made by another call of this function.
                unsafe {
                    drop(Box::from_raw(made));
                    &*other
                }
            }
        }
    }
}

impl<T: ?Sized> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let value = *self.0.get_mut();
        if !value.is_null() {
            // SAFETY:
            // - made by `get_or_make` from a box; it cannot be used any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}
