//! What may be sent, shared, and carried across a caught panic.

use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard;

use snaptrie::{
    Compute, CopyFlatMap, CopyFlatPinned, CopyFlatPinnedSet, CopyFlatSet, CopyIter, CopyKeys,
    CopyPinned, CopyPinnedSet, CopySetSnapshot, CopySnapshot, CopyTrieMap, CopyValues,
    DefaultHasher, FixedState, FlatMap, FlatPinned, FlatPinnedSet, FlatSet, IntoIter, IntoKeys,
    Iter, IterMut, Keys, OccupiedError, Operation, Pinned, PinnedSet, RandomState, SetSnapshot,
    Shared, Snapshot, SnapshotEntry, SnapshotIntoIter, SnapshotIter, SnapshotKeys, SnapshotValues,
    TrieMap, TrieSet, Values, ValuesMut, mode,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// A hasher that must stay on its thread.
type LocalHasher = (RandomState, Rc<()>);
/// `Sync`, and not `Send`.
type SyncOnly = MutexGuard<'static, u8>;
/// `Send`, and not `Sync`.
type SendOnly = Cell<u8>;

/// A plain type that stays on its thread.
#[derive(Clone, Copy)]
struct OneThread {
    _number: u8,
    _mark: PhantomData<*const u8>,
}

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - a single byte.
unsafe impl snaptrie::Plain for OneThread {}

/// A plain type that a panic may leave broken.
#[derive(Clone, Copy)]
struct Fragile {
    _number: u8,
    _mark: PhantomData<&'static RefCell<u8>>,
}

#[allow(unsafe_code, reason = "a promise about the bytes of a type")]
// SAFETY:
// - a single byte.
unsafe impl snaptrie::Plain for Fragile {}

assert_impl_all!(TrieMap<String, Vec<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(TrieMap<&'static str, Box<dyn Fn() + Send + Sync>>: Send, Sync, Unpin);
assert_not_impl_any!(TrieMap<Rc<u8>, u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, Rc<u8>>: Send, Sync);
assert_not_impl_any!(TrieMap<SendOnly, u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(TrieMap<SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, SyncOnly>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, *const u8>: Send, Sync);
assert_not_impl_any!(TrieMap<u8, u8, LocalHasher>: Send, Sync);

assert_impl_all!(CopyTrieMap<u32, u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(CopyTrieMap<u8, OneThread>: Send, Sync);
assert_not_impl_any!(CopyTrieMap<OneThread, u8>: Send, Sync);
assert_not_impl_any!(CopyTrieMap<u8, OneThread>: Send, Sync);
assert_not_impl_any!(CopyTrieMap<u8, u8, LocalHasher>: Send, Sync);
assert_not_impl_any!(CopyTrieMap<u8, Fragile>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(CopyPinned<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(CopyIter<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(CopyKeys<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(CopyValues<'static, u8, u8>: Send, Sync);
assert_impl_all!(CopySnapshot<u8, u8>: Send, Sync, Unpin, UnwindSafe);
assert_not_impl_any!(CopySnapshot<u8, OneThread>: Send, Sync);
assert_impl_all!(SnapshotIter<'static, u8, u8, mode::Inline>: Send, Sync);
assert_impl_all!(SnapshotIntoIter<u8, u8, mode::Inline>: Send, Sync);
assert_impl_all!(SnapshotEntry<u8, u8, mode::Inline>: Send, Sync);
assert_not_impl_any!(SnapshotIntoIter<u8, OneThread, mode::Inline>: Send, Sync);
assert_not_impl_any!(SnapshotEntry<u8, OneThread, mode::Inline>: Send, Sync);

assert_impl_all!(FlatMap<String, Vec<u8>>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(FlatMap<&'static str, Box<dyn Fn() + Send + Sync>>: Send, Sync, Unpin);
assert_not_impl_any!(FlatMap<Rc<u8>, u8>: Send, Sync);
assert_not_impl_any!(FlatMap<u8, Rc<u8>>: Send, Sync);
assert_not_impl_any!(FlatMap<SendOnly, u8>: Send, Sync);
assert_not_impl_any!(FlatMap<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(FlatMap<SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(FlatMap<u8, SyncOnly>: Send, Sync);
assert_not_impl_any!(FlatMap<u8, *const u8>: Send, Sync);
assert_not_impl_any!(FlatMap<u8, u8, LocalHasher>: Send, Sync);
assert_not_impl_any!(FlatMap<u8, RefCell<u8>>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(FlatMap<RefCell<u8>, u8>: UnwindSafe, RefUnwindSafe);

assert_impl_all!(CopyFlatMap<u32, u64>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(CopyFlatMap<u8, OneThread>: Send, Sync);
assert_not_impl_any!(CopyFlatMap<OneThread, u8>: Send, Sync);
assert_not_impl_any!(CopyFlatMap<u8, OneThread>: Send, Sync);
assert_not_impl_any!(CopyFlatMap<OneThread, u8>: Send, Sync);
assert_not_impl_any!(CopyFlatMap<u8, u8, LocalHasher>: Send, Sync);
assert_not_impl_any!(CopyFlatMap<u8, Fragile>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(CopyFlatMap<Fragile, u8>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(CopyFlatPinned<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(CopyIter<'static, u8, u8, mode::Flat>: Send, Sync);

assert_impl_all!(TrieSet<String>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(FlatSet<String>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_impl_all!(SetSnapshot<String>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(TrieSet<SendOnly>: Send, Sync);
assert_not_impl_any!(TrieSet<SyncOnly>: Send, Sync);
assert_impl_all!(CopyFlatSet<u32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(CopyFlatSet<OneThread>: Send, Sync);
assert_not_impl_any!(CopyFlatSet<OneThread>: Send, Sync);
assert_not_impl_any!(FlatSet<SendOnly>: Send, Sync);
assert_not_impl_any!(FlatSet<SyncOnly>: Send, Sync);
assert_not_impl_any!(SetSnapshot<SendOnly>: Send, Sync);
assert_not_impl_any!(SetSnapshot<SyncOnly>: Send, Sync);
assert_not_impl_any!(TrieSet<u8, LocalHasher>: Send, Sync);
assert_not_impl_any!(TrieSet<RefCell<u8>>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(PinnedSet<'static, u8>: Send, Sync);
assert_not_impl_any!(CopyPinnedSet<'static, u8>: Send, Sync);
assert_not_impl_any!(FlatPinnedSet<'static, u8>: Send, Sync);
assert_not_impl_any!(CopyFlatPinnedSet<'static, u8>: Send, Sync);
assert_impl_all!(CopySetSnapshot<u8>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);

assert_not_impl_any!(Pinned<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(FlatPinned<'static, u8, u8>: Send, Sync);
assert_not_impl_any!(Iter<'static, u8, u8, mode::Flat>: Send, Sync);
assert_not_impl_any!(Keys<'static, u8, u8, mode::Flat>: Send, Sync);
assert_not_impl_any!(Values<'static, u8, u8, mode::Flat>: Send, Sync);
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
assert_not_impl_any!(TrieMap<u8, RefCell<u8>>: UnwindSafe, RefUnwindSafe);
assert_not_impl_any!(TrieMap<RefCell<u8>, u8>: UnwindSafe, RefUnwindSafe);

assert_impl_all!(SnapshotIter<'static, String, u8>: Send, Sync);
assert_impl_all!(SnapshotKeys<'static, String, u8>: Send, Sync);
assert_impl_all!(SnapshotValues<'static, String, u8>: Send, Sync);
assert_impl_all!(SnapshotIntoIter<String, u8>: Send, Sync);
assert_impl_all!(SnapshotEntry<String, u8>: Send, Sync);
assert_not_impl_any!(SnapshotIter<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotKeys<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotValues<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotIntoIter<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotEntry<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(SnapshotIter<'static, SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(SnapshotIntoIter<SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(SnapshotEntry<SyncOnly, u8>: Send, Sync);

assert_impl_all!(IntoIter<String, SendOnly>: Send, Unpin);
assert_not_impl_any!(IntoIter<u8, SendOnly>: Sync);
assert_impl_all!(IntoKeys<SyncOnly>: Sync);
assert_not_impl_any!(IntoKeys<SyncOnly>: Send);
assert_impl_all!(IterMut<'static, u8, SendOnly>: Send);
assert_not_impl_any!(IterMut<'static, SendOnly, u8>: Send, Sync);
assert_not_impl_any!(ValuesMut<'static, u8, Rc<u8>>: Send, Sync);
assert_impl_all!(Shared: Send, Sync, Copy, std::error::Error);
assert_impl_all!(RandomState: Send, Sync, Clone, UnwindSafe, RefUnwindSafe);
assert_impl_all!(FixedState: Send, Sync, Clone, UnwindSafe, RefUnwindSafe);
assert_impl_all!(DefaultHasher: Send, Sync, Clone);

// For an error, nothing is asked of keys and values.
assert_impl_all!(OccupiedError<Rc<u8>, SyncOnly, fn()>: std::error::Error);
assert_impl_all!(OccupiedError<String, u8, &'static u8>: Send, Sync, std::error::Error);
assert_not_impl_any!(OccupiedError<u8, SendOnly, &'static SendOnly>: Send, Sync);
assert_impl_all!(Compute<&'static String, &'static u8, ()>: Send, Sync);
assert_not_impl_any!(Compute<&'static u8, &'static SendOnly, ()>: Send, Sync);
assert_impl_all!(Operation<u8, u8>: Send, Sync, Copy);

/// A map needs no bounds to exist, to be pinned, walked and dropped.
#[test]
fn types_without_any_trait() {
    struct Plain;
    let map = TrieMap::<Plain, Plain, Plain>::with_hasher(Plain);
    let pinned = map.pin();
    assert!(pinned.is_empty() && pinned.iter().next().is_none() && map.is_empty());
    let Plain = map.hasher();
    map.clear();
    let map = FlatMap::<Plain, Plain, Plain>::with_capacity_and_hasher(10, Plain);
    let pinned = map.pin();
    assert!(pinned.is_empty() && pinned.iter().next().is_none() && map.is_empty());
    let Plain = map.hasher();
    assert!(map.flush() && map.capacity() >= 10);
    /// One that is kept inline has to be plain, and no more.
    #[derive(Clone, Copy)]
    struct Bits;
    #[allow(unsafe_code, reason = "a promise about the bytes of a type")]
    // SAFETY:
    // - no bytes at all.
    unsafe impl snaptrie::Plain for Bits {}
    let map = CopyFlatMap::<Bits, Bits, Plain>::with_hasher(Plain);
    let pinned = map.pin();
    assert!(pinned.is_empty() && pinned.iter().next().is_none() && map.is_empty());
    let Plain = map.hasher();
    assert!(map.flush() && map.capacity() == 0);
}
