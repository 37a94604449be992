//! A lock-free stack that is only ever emptied as a whole, so that its CAS knows no ABA.
#![expect(unsafe_code, reason = "letters go through a raw pointer")]

use std::ptr;

use crate::sync::{AtomicPtr, Ordering};

pub(super) struct Inbox<T>(AtomicPtr<Letter<T>>);

struct Letter<T> {
    content: T,
    below: *mut Letter<T>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Inbox<T> {
    pub(super) const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    pub(super) fn post(&self, content: T) {
        let letter = Box::into_raw(Box::new(Letter { content, below: ptr::null_mut() }));
        let mut top = self.0.load(Ordering::Relaxed);
        loop {
            // SAFETY:
            // - this thread's own, until the CAS publishes it.
            unsafe { (*letter).below = top };
            // Release: the letter; pairs with the Acquire of `empty`.
            match self.0.compare_exchange(top, letter, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => top = now,
            }
        }
    }

    /// Whether there is nothing, as of late.
    pub(super) fn is_empty(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Ordering::Relaxed).is_null()
    }

    /// Takes all letters out, the last one first.
    pub(super) fn empty(&self, mut each: impl FnMut(T)) {
        if self.is_empty() {
            return;
        }
        // Acquire: the letters; pairs with the Release of `post`.
        let mut next = self.0.swap(ptr::null_mut(), Ordering::Acquire);
        while !next.is_null() {
            // SAFETY:
            // - made by `post` from a box, and taken out by the swap: nobody else has it.
            let letter = unsafe { Box::from_raw(next) };
            next = letter.below;
            each(letter.content);
        }
    }
}

impl<T> Drop for Inbox<T> {
    fn drop(&mut self) {
        self.empty(drop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_come_out_once_or_go_with_the_box() {
        let (inbox, letter) = (Inbox::new(), std::rc::Rc::new(()));
        let post = |count: usize| (0..count).for_each(|_| inbox.post(std::rc::Rc::clone(&letter)));
        let held = || std::rc::Rc::strong_count(&letter) - 1;
        post(3);
        assert!(!inbox.is_empty());
        let mut taken = Vec::new();
        inbox.empty(|letter| taken.push(letter));
        assert_eq!((taken.len(), held(), inbox.is_empty()), (3, 3, true));
        inbox.empty(|_| unreachable!("empty"));
        drop(taken);
        post(2);
        assert_eq!(held(), 2);
        drop(inbox);
        assert_eq!(held(), 0);
    }
}
