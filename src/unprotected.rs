//! References that may end before the function returns that they were passed to.
#![expect(unsafe_code, reason = "a reference is kept as a pointer")]

use std::marker::PhantomData;
use std::ptr::NonNull;

/// A shared reference without a *protector* (Villani et al., Tree Borrows, PLDI 2025): an argument of type `&T`, also
/// within another value, has to be valid until the function returns. But an iterator that owns its guard is dropped by
/// the function that it is passed to. The guard ends there, and then what it kept may be freed.
pub(crate) struct Unprotected<'a, T: ?Sized>(NonNull<T>, PhantomData<&'a T>);

impl<'a, T: ?Sized> Unprotected<'a, T> {
    #[inline]
    pub(crate) fn new(reference: &'a T) -> Self {
        Self(NonNull::from(reference), PhantomData)
    }

    #[inline]
    pub(crate) fn get(self) -> &'a T {
        // SAFETY:
        // - from a reference of this lifetime.
        unsafe { self.0.as_ref() }
    }
}

impl<T: ?Sized> Clone for Unprotected<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: ?Sized> Copy for Unprotected<'_, T> {}
