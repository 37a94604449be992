//! Handling of panics in destructors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

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

    /// Resumes the panic caught last, unless the thread is already panicking. For the end of a drop of a map or
    /// snapshot.
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
