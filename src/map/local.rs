//! Keeps handles on their thread, and makes the compiler's error say so.
#![expect(unsafe_code, reason = "`Send` and `Sync` under a condition that never holds")]

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// Why a handle or a live iterator is neither `Send` nor `Sync`: it belongs to the thread that made it.
///
/// Nothing implements this trait. The compiler names it when a handle is sent to another thread, or held across an
/// `.await` of a future that must be `Send`. Let the handle end before that, with a statement or a block of its own (a
/// `drop` is not enough for the compiler). Or use a [`Snapshot`](crate::Snapshot), which any thread may hold.
///
/// ```compile_fail
/// fn spawn(future: impl Future<Output = ()> + Send) { /* as tokio::spawn */ }
///
/// let map = snaptrie::TrieMap::from([("users", 3)]);
/// spawn(async move {
///     let pinned = map.pin();
///     let users = pinned.get("users");
///     std::future::ready(()).await; // the handle is still alive here
///     println!("{users:?}");
/// });
/// ```
/// ```
/// fn spawn(future: impl Future<Output = ()> + Send) { /* as tokio::spawn */ }
///
/// let map = snaptrie::TrieMap::from([("users", 3)]);
/// spawn(async move {
///     let users = map.cloned("users");
///     std::future::ready(()).await;
///     println!("{users:?}");
/// });
/// ```
pub trait HandleStaysOnItsThread {}

/// A value that stays on its thread.
pub(super) struct Local<T>(T);

// SAFETY:
// - Send and Sync: never. A trait object is neither unless its type says so.
unsafe impl<T> Send for Local<T> where for<'a> PhantomData<dyn HandleStaysOnItsThread + 'a>: Send {}
// SAFETY:
// - as for Send.
unsafe impl<T> Sync for Local<T> where for<'a> PhantomData<dyn HandleStaysOnItsThread + 'a>: Sync {}

impl<T> Local<T> {
    pub(super) fn new(value: T) -> Self {
        Self(value)
    }

    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Local<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Local<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
