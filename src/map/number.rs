//! Numbers that a writer adds to.

use std::sync::atomic::{
    AtomicI8, AtomicI16, AtomicI32, AtomicIsize, AtomicU8, AtomicU16, AtomicU32, AtomicUsize,
    Ordering,
};
#[cfg(target_has_atomic = "64")]
use std::sync::atomic::{AtomicI64, AtomicU64};

/// A value that [`Writer::add`](crate::Writer::add) adds to: an integer or an atomic integer.
///
/// Sums wrap around.
///
/// An atomic number changes in place, by `fetch_add` with relaxed ordering. Any other number is replaced by the sum. In
/// a [`TrieMap`](crate::TrieMap) or [`FlatMap`](crate::FlatMap) that costs an allocation; in a
/// [`CopyMap`](crate::CopyMap) it does not.
///
/// This trait is sealed: only this crate implements it.
#[expect(private_bounds, reason = "seals it")]
pub trait Number: Sealed + Sized {
    /// The integer type of amounts.
    type Amount: Copy;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "concerns the writer alone")]
    const ADDITION: Addition<Self>;

    #[doc(hidden)]
    fn of(amount: Self::Amount) -> Self;

    /// Adds to a number that is not shared.
    #[doc(hidden)]
    fn gain(&mut self, amount: Self::Amount);
}

trait Sealed {}

/// How two numbers are added.
pub(crate) enum Addition<V> {
    /// Adds the second number to the first, which is atomic.
    InPlace(fn(&V, &V)),
    /// Makes a new number.
    Sum(fn(&V, &V) -> V),
}

impl<V> Clone for Addition<V> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<V> Copy for Addition<V> {}

macro_rules! plain {
    ($($N:ty)*) => {
        $(
            impl Sealed for $N {}

            impl Number for $N {
                type Amount = $N;

                #[expect(private_interfaces, reason = "concerns the writer alone")]
                const ADDITION: Addition<$N> = Addition::Sum(|one, other| one.wrapping_add(*other));

                fn of(amount: $N) -> $N {
                    amount
                }

                fn gain(&mut self, amount: $N) {
                    *self = self.wrapping_add(amount);
                }
            }
        )*
    };
}

macro_rules! atomic {
    ($($Atomic:ident($N:ty))*) => {
        $(
            impl Sealed for $Atomic {}

            impl Number for $Atomic {
                type Amount = $N;

                // Relaxed: only a number, which publishes nothing.
                #[expect(private_interfaces, reason = "concerns the writer alone")]
                const ADDITION: Addition<$Atomic> = Addition::InPlace(|one, other| {
                    one.fetch_add(other.load(Ordering::Relaxed), Ordering::Relaxed);
                });

                fn of(amount: $N) -> Self {
                    Self::new(amount)
                }

                fn gain(&mut self, amount: $N) {
                    self.get_mut().gain(amount);
                }
            }
        )*
    };
}

plain!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);
atomic!(AtomicU8(u8) AtomicU16(u16) AtomicU32(u32) AtomicUsize(usize));
atomic!(AtomicI8(i8) AtomicI16(i16) AtomicI32(i32) AtomicIsize(isize));
#[cfg(target_has_atomic = "64")]
atomic!(AtomicU64(u64) AtomicI64(i64));
