//! Types that consist only of their bytes.
#![expect(unsafe_code, reason = "declares an unsafe trait, and reads bytes")]

use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize, Saturating, Wrapping,
};

/// A type that consists only of its bytes. A [`CopyMap`](crate::CopyMap) keeps such keys and values.
///
/// Such a map reads a slot while another thread may write it, and discards the result if one did. In Rust this is sound
/// only if slots are accessed as atomic words. So values must be divisible into words: all their bytes are initialized,
/// and none belongs to a pointer.
///
/// Integers, floats, `bool`, `char`, `()`, non-zero integers and options of them, arrays, and tuples of up to four
/// parts are plain. A tuple with padding, such as `(u8, u32)`, does not compile as a key or value.
///
/// # Safety
/// - All bytes of all values are initialized: the type has no padding.
/// - No byte belongs to a pointer or reference.
/// - A copy of the bytes, made in any way, is a copy of the value.
///
/// # Examples
/// ```
/// use snaptrie::{CopyTrieMap, Plain};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// struct Point {
///     x: f32,
///     y: f32,
/// }
///
/// // SAFETY: two numbers of four bytes each, with no room between them.
/// unsafe impl Plain for Point {}
///
/// let map = CopyTrieMap::from([(1, Point { x: 0.5, y: 2.0 })]);
/// assert_eq!(map.get(&1), Some(Point { x: 0.5, y: 2.0 }));
/// ```
///
/// ```compile_fail
/// snaptrie::CopyTrieMap::new().insert((1_u8, 1_u32), 1_u64);
/// ```
///
/// ```compile_fail
/// snaptrie::CopyTrieMap::new().insert(1_u64, "text");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept in a map of plain pairs",
    note = "keys and values of a `CopyTrieMap` or `CopyFlatMap` are `Plain`; others go into a `TrieMap` or `FlatMap`",
    note = "a type without padding and without pointers can implement it: see the page of `Plain`"
)]
pub unsafe trait Plain: Copy {
    /// Whether the type has no padding, as far as its implementation can tell. Asserted by the maps.
    #[doc(hidden)]
    const CHECKED: bool = true;
}

/// Whether two values agree in all bytes.
#[inline]
pub(crate) fn is_same<T: Plain>(one: &T, other: &T) -> bool {
    let bytes = |value: &T| {
        // SAFETY:
        // - all bytes of plain types are initialized, and borrowed as long as the value.
        unsafe {
            std::slice::from_raw_parts(std::ptr::from_ref(value).cast::<u8>(), size_of::<T>())
        }
    };
    bytes(one) == bytes(other)
}

macro_rules! plain {
    ($($Type:ty),*) => {$(
        // SAFETY:
        // - without padding, and without pointers.
        unsafe impl Plain for $Type {}
    )*};
}

plain!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64, bool, char, ());

macro_rules! non_zero {
    ($($Type:ty),*) => {$(
        plain!($Type, Option<$Type>);
    )*};
}

non_zero!(
    NonZeroU8,
    NonZeroU16,
    NonZeroU32,
    NonZeroU64,
    NonZeroU128,
    NonZeroUsize,
    NonZeroI8,
    NonZeroI16,
    NonZeroI32,
    NonZeroI64,
    NonZeroI128,
    NonZeroIsize
);

// SAFETY:
// - laid out as `T`.
unsafe impl<T: Plain> Plain for Wrapping<T> {
    const CHECKED: bool = T::CHECKED;
}

// SAFETY:
// - laid out as `T`.
unsafe impl<T: Plain> Plain for Saturating<T> {
    const CHECKED: bool = T::CHECKED;
}

// SAFETY:
// - consists only of values of `T`, one after another.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {
    const CHECKED: bool = T::CHECKED;
}

macro_rules! tuple {
    ($($Part:ident),*) => {
        // SAFETY:
        // - consists only of its parts, which are plain: `CHECKED` is false if there is padding between them.
        unsafe impl<$($Part: Plain),*> Plain for ($($Part,)*) {
            const CHECKED: bool = size_of::<Self>() == 0 $(+ size_of::<$Part>())* $(&& $Part::CHECKED)*;
        }
    };
}

tuple!(A);
tuple!(A, B);
tuple!(A, B, C);
tuple!(A, B, C, D);
