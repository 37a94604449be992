//! What of versions may be sent and shared.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::MutexGuard;

use snaptrie::{
    Change, CommitError, Current, Diff, History, Newer, OwnedDiff, Published, Publisher,
    RandomState, Reader, Refresher, mode,
};
use static_assertions::{assert_impl_all, assert_not_impl_any};

/// `Sync`, and not `Send`.
type SyncOnly = MutexGuard<'static, u8>;
/// `Send`, and not `Sync`.
type SendOnly = Cell<u8>;

assert_impl_all!(Diff<'static, String, u8>: Send, Sync, Clone);
assert_impl_all!(Diff<'static, u8, u8, RandomState, mode::Inline>: Send, Sync, Clone);
assert_not_impl_any!(Diff<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(Diff<'static, SyncOnly, u8>: Send, Sync);
assert_not_impl_any!(Diff<'static, u8, Rc<u8>>: Send, Sync);
assert_impl_all!(Change<'static, String, Rc<u8>>: Copy);
assert_impl_all!(OwnedDiff<String, SendOnly>: Send);

assert_impl_all!(Published<String, u8>: Send, Sync);
assert_not_impl_any!(Published<u8, SendOnly>: Send, Sync);
assert_not_impl_any!(Published<u8, SyncOnly>: Send, Sync);
assert_impl_all!(Newer<'static, String, u8>: Send, Sync, Unpin);
assert_not_impl_any!(Newer<'static, u8, SendOnly>: Send, Sync);
assert_not_impl_any!(Current<u8, SendOnly>: Send, Sync);
assert_impl_all!(Reader<'static, String, u8>: Send, Clone);
assert_not_impl_any!(Reader<'static, u8, SendOnly>: Send);
// It counts in a plain cell.
assert_impl_all!(Publisher<'static, u8, u8>: Send);
assert_not_impl_any!(Publisher<'static, u8, u8>: Sync);
assert_impl_all!(Refresher: Send);

assert_impl_all!(History<String, u8>: Send, Sync, Clone);
assert_not_impl_any!(History<u8, SendOnly>: Send, Sync);
assert_impl_all!(CommitError<String, u8>: Send, Sync, std::error::Error);
assert_not_impl_any!(CommitError<u8, SendOnly>: Send, Sync);
