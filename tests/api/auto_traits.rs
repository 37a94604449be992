//! What may be sent, shared, and carried across a caught panic.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

use snaptrie::{
    Compute, IntoIter, Iter, Keys, OccupiedError, Operation, Pinned, RandomState, Snapshot,
    SnapshotEntry, SnapshotIter, SnapshotKeys, SnapshotValues, TrieMap, Values,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// A hasher that must stay on its thread.
type LocalHasher = (RandomState, Rc<()>);
/// `Sync`, and not `Send`.
type SyncOnly = MutexGuard<'static, u8>;
/// `Send`, and not `Sync`.
type SendOnly = Cell<u8>;

assert_impl_all!(TrieMap<String, Vec<u8>>: Send, Sync, Unpin);
assert_impl_all!(TrieMap<&'static str, Box<dyn Fn() + Send + Sync>>: Send, Sync, Unpin);
assert_not_impl_any!(TrieMap<Rc<u8>, u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, Rc<u8>>: Send, Sync);
assert_not_impl_any!(TrieMap<SendOnly, u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(TrieMap<SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, SyncOnly>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, *const u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, u8, LocalHasher>: Send, Sync);

assert_not_impl_any!(Pinned<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(Iter<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(Keys<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(Values<'static, u8, u8>: Send, Sync);

assert_impl_all!(Snapshot<String, Vec<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(Snapshot<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(Snapshot<SendOnly, u8>: Send, Sync);
assert_not_impl_any!(Snapshot<u8, SyncOnly>: Send, Sync);
assert_not_impl_any!(Snapshot<SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(Snapshot<Rc<u8>, u8>: Send, Sync);
assert_not_impl_any!(Snapshot<u8, u8, LocalHasher>: Send, Sync);
assert_not_impl_any!(Snapshot<u8, RefCell<u8>>: UnwindSafe, RefUnwindSafe);

assert_impl_all!(SnapshotIter<'static, String, u8>: Send, Sync);
assert_impl_all!(SnapshotKeys<'static, String, u8>: Send, Sync);
assert_impl_all!(SnapshotValues<'static, String, u8>: Send, Sync);
assert_impl_all!(IntoIter<String, u8>: Send, Sync);
assert_impl_all!(SnapshotEntry<String, u8>: Send, Sync);
assert_not_impl_any!(SnapshotIter<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotKeys<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotValues<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(IntoIter<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotEntry<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotIter<'static, SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(IntoIter<SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(SnapshotEntry<SyncOnly, u8>: Send, Sync);

assert_impl_all!(OccupiedError<'static, String, u8>: Send, Sync, std::error::Error);
assert_not_impl_any!(OccupiedError<'static, u8, SendOnly>: Send, Sync);
assert_impl_all!(Compute<'static, String, u8, ()>: Send, Sync);
assert_not_impl_any!(Compute<'static, u8, SendOnly, ()>: Send, Sync);
assert_impl_all!(Operation<u8, u8>: Send, Sync, Copy);

/// Tells at run time whether a type is unwind safe, so that a type that is not fails one test and
/// not the whole file.
struct Probe<T: ?Sized>(PhantomData<T>);

trait Otherwise {
    const UNWIND_SAFE: bool = false;
    const REF_UNWIND_SAFE: bool = false;
}

impl<T: ?Sized> Otherwise for Probe<T> {}

impl<T: UnwindSafe + ?Sized> Probe<T> {
    const UNWIND_SAFE: bool = true;
}

impl<T: RefUnwindSafe + ?Sized> Probe<T> {
    const REF_UNWIND_SAFE: bool = true;
}

#[test]
#[allow(clippy::assertions_on_constants, reason = "a failure is to be one test's, not the build's")]
fn the_probe_tells_types_apart() {
    assert!(Probe::<u8>::UNWIND_SAFE && Probe::<u8>::REF_UNWIND_SAFE);
    assert!(Probe::<Cell<u8>>::UNWIND_SAFE && !Probe::<Cell<u8>>::REF_UNWIND_SAFE);
    assert!(!Probe::<&Cell<u8>>::UNWIND_SAFE);
}

/// As the standard maps, and as snapshots: a caught panic leaves no broken state to be seen.
#[test]
#[allow(clippy::assertions_on_constants, reason = "a failure is to be one test's, not the build's")]
fn maps_are_unwind_safe() {
    assert!(Probe::<TrieMap<String, Vec<u8>>>::UNWIND_SAFE, "by value");
    assert!(Probe::<TrieMap<String, Vec<u8>>>::REF_UNWIND_SAFE, "by reference");
}

/// A map needs no bounds to exist, to be pinned, walked and dropped.
#[test]
fn types_without_any_trait() {
    struct Plain;
    let map = TrieMap::<Plain, Plain, Plain>::with_hasher(Plain);
    let pinned = map.pin();
    assert!(pinned.is_empty() && pinned.iter().next().is_none() && map.is_empty());
    let Plain = map.hasher();
    map.clear();
}
