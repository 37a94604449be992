//! Who may be sent and shared: what must not compile, each beside what must.
//!
//! A `compile_fail` example passes for any error, a misspelt name included. So each has a twin that
//! differs in one word and compiles. `tests/api/auto_traits.rs` has the same for many more types.

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::TrieMap<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::TrieMap<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::TrieMap<String, std::cell::Cell<u8>>>();
/// ```
struct TrieMap;

/// Pointers stay on their thread, though they are `Copy`.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::CopyTrieMap<u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::CopyTrieMap<u8, *const u8>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::CopyTrieMap<u8, *const u8>>();
/// ```
struct CopyTrieMap;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::FlatMap<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::FlatMap<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::FlatMap<String, std::cell::Cell<u8>>>();
/// ```
struct FlatMap;

/// Pointers stay on their thread, though they are `Copy`.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::CopyFlatMap<u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::CopyFlatMap<u8, *const u8>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::CopyFlatMap<u8, *const u8>>();
/// ```
struct CopyFlatMap;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::Snapshot<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::Snapshot<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::Snapshot<String, std::cell::Cell<u8>>>();
/// ```
struct Snapshot;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::SnapshotIter<'static, String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::SnapshotIter<'static, String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::SnapshotIter<'static, String, std::cell::Cell<u8>>>();
/// ```
struct SnapshotIter;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::SnapshotKeys<'static, String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::SnapshotKeys<'static, String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::SnapshotKeys<'static, String, std::cell::Cell<u8>>>();
/// ```
struct SnapshotKeys;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::SnapshotValues<'static, String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::SnapshotValues<'static, String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::SnapshotValues<'static, String, std::cell::Cell<u8>>>();
/// ```
struct SnapshotValues;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::IntoIter<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::IntoIter<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::IntoIter<String, std::cell::Cell<u8>>>();
/// ```
struct IntoIter;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::SnapshotEntry<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::SnapshotEntry<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::SnapshotEntry<String, std::cell::Cell<u8>>>();
/// ```
struct SnapshotEntry;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::OccupiedError<String, u8, &'static u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::OccupiedError<String, u8, &'static std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::OccupiedError<String, u8, &'static std::cell::Cell<u8>>>();
/// ```
struct OccupiedError;

/// Values are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::Compute<&'static String, &'static u8, ()>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::Compute<&'static String, &'static std::cell::Cell<u8>, ()>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::Compute<&'static String, &'static std::cell::Cell<u8>, ()>>();
/// ```
struct Compute;

/// A handle belongs to its thread, whatever the keys and values.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::Pinned<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::Pinned<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::Pinned<'static, u8, u8>>();
/// ```
struct Pinned;

/// A live iterator belongs to its thread, whatever the keys and values.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::Iter<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::Iter<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::Iter<'static, u8, u8>>();
/// ```
struct Iter;

/// A live iterator belongs to its thread, whatever the keys and values.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::Keys<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::Keys<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::Keys<'static, u8, u8>>();
/// ```
struct Keys;

/// A live iterator belongs to its thread, whatever the keys and values.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::Values<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::Values<'static, u8, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::Values<'static, u8, u8>>();
/// ```
struct Values;

/// A handle belongs to its thread, whatever the keys and values.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::Pinned<'static, u8, u8, snaptrie::RandomState, snaptrie::mode::Flat>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::Pinned<'static, u8, u8, snaptrie::RandomState, snaptrie::mode::Flat>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::Pinned<'static, u8, u8, snaptrie::RandomState, snaptrie::mode::Flat>>();
/// ```
struct FlatPinned;

/// A live iterator belongs to its thread, whatever the keys and values.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::Iter<'static, u8, u8, snaptrie::mode::Flat>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::Iter<'static, u8, u8, snaptrie::mode::Flat>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::Iter<'static, u8, u8, snaptrie::mode::Flat>>();
/// ```
struct FlatIter;

/// A handle belongs to its thread, whatever the keys and values; so does a live iterator.
/// ```
/// use snaptrie::mode::Flat;
/// fn any<T>() {}
/// any::<snaptrie::CopyPinned<'static, u8, u8, snaptrie::RandomState, Flat>>();
/// any::<snaptrie::CopyIter<'static, u8, u8, Flat>>();
/// ```
/// ```compile_fail,E0277
/// use snaptrie::mode::Flat;
/// fn any<T: Send>() {}
/// any::<snaptrie::CopyPinned<'static, u8, u8, snaptrie::RandomState, Flat>>();
/// ```
/// ```compile_fail,E0277
/// use snaptrie::mode::Flat;
/// fn any<T: Sync>() {}
/// any::<snaptrie::CopyPinned<'static, u8, u8, snaptrie::RandomState, Flat>>();
/// ```
/// ```compile_fail,E0277
/// use snaptrie::mode::Flat;
/// fn any<T: Send>() {}
/// any::<snaptrie::CopyIter<'static, u8, u8, Flat>>();
/// ```
/// ```compile_fail,E0277
/// use snaptrie::mode::Flat;
/// fn any<T: Sync>() {}
/// any::<snaptrie::CopyIter<'static, u8, u8, Flat>>();
/// ```
struct CopyFlatPinned;

/// Keys are shared with other threads, and dropped there.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::TrieSet<String>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::TrieSet<std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::TrieSet<std::cell::Cell<u8>>>();
/// ```
struct TrieSet;

/// As for [`TrieSet`], in its nodes.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::CopyTrieSet<u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::CopyTrieSet<*const u8>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::CopyTrieSet<*const u8>>();
/// ```
struct CopyTrieSet;

/// As for [`TrieSet`].
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::FlatSet<String>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::FlatSet<std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::FlatSet<std::cell::Cell<u8>>>();
/// ```
struct FlatSet;

/// As for [`FlatSet`], in its lines.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::CopyFlatSet<u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::CopyFlatSet<*const u8>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::CopyFlatSet<*const u8>>();
/// ```
struct CopyFlatSet;

/// A snapshot shares what the set has.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::SetSnapshot<String>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::SetSnapshot<std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::SetSnapshot<std::cell::Cell<u8>>>();
/// ```
struct SetSnapshot;

/// A snapshot of pairs in nodes shares the nodes.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::Snapshot<u8, u8, snaptrie::RandomState, snaptrie::mode::Inline>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::Snapshot<u8, *const u8, snaptrie::RandomState, snaptrie::mode::Inline>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::Snapshot<u8, *const u8, snaptrie::RandomState, snaptrie::mode::Inline>>();
/// ```
struct CopySnapshot;

/// What is published is shared.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::Published<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::Published<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::Published<String, std::cell::Cell<u8>>>();
/// ```
struct Published;

/// What is remembered is shared.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::History<String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::History<String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::History<String, std::cell::Cell<u8>>>();
/// ```
struct History;

/// A difference borrows from two snapshots.
/// ```
/// fn send<T: Send + Sync>() {}
/// send::<snaptrie::Diff<'static, String, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<snaptrie::Diff<'static, String, std::cell::Cell<u8>>>();
/// ```
/// ```compile_fail,E0277
/// fn sync<T: Sync>() {}
/// sync::<snaptrie::Diff<'static, String, std::cell::Cell<u8>>>();
/// ```
struct Diff;

/// A handle on a set stays on its thread, as that on a map does.
/// ```
/// fn any<T>() {}
/// any::<snaptrie::PinnedSet<'static, u8>>();
/// any::<snaptrie::CopyPinnedSet<'static, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::PinnedSet<'static, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::PinnedSet<'static, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Send>() {}
/// any::<snaptrie::CopyPinnedSet<'static, u8>>();
/// ```
/// ```compile_fail,E0277
/// fn any<T: Sync>() {}
/// any::<snaptrie::CopyPinnedSet<'static, u8>>();
/// ```
struct PinnedSet;

/// No reference outlives its handle, no handle its map, and no reference its snapshot.
/// ```
/// let map = snaptrie::FlatMap::from([(1, String::new())]);
/// let pinned = map.pin();
/// let found = pinned.get(&1);
/// drop(found.cloned());
/// drop(pinned);
/// drop(map);
/// ```
/// ```compile_fail,E0505
/// let map = snaptrie::FlatMap::from([(1, String::new())]);
/// let pinned = map.pin();
/// let found = pinned.get(&1);
/// drop(pinned);
/// drop(found.cloned());
/// ```
/// ```compile_fail,E0505
/// let map = snaptrie::FlatMap::from([(1, String::new())]);
/// let pinned = map.pin();
/// drop(map);
/// drop(pinned);
/// ```
/// ```
/// let map = snaptrie::CopyFlatMap::from([(1, 1)]);
/// let found = map.insert(1, 2);
/// let (pinned, iter) = (map.pin(), map.iter());
/// drop((pinned, iter));
/// drop(map);
/// drop(found);
/// ```
/// ```compile_fail,E0505
/// let map = snaptrie::CopyFlatMap::from([(1, 1)]);
/// let pinned = map.pin();
/// drop(map);
/// drop(pinned);
/// ```
/// ```compile_fail,E0505
/// let map = snaptrie::CopyFlatMap::from([(1, 1)]);
/// let iter = map.iter();
/// drop(map);
/// drop(iter);
/// ```
/// ```compile_fail,E0505
/// let map = snaptrie::CopyFlatMap::from([(1, 1)]);
/// let pinned = map.pin();
/// let iter = pinned.iter();
/// drop(pinned);
/// drop(iter);
/// ```
/// ```compile_fail,E0502
/// let map = snaptrie::TrieMap::from([(1, String::new())]);
/// let mut pinned = map.pin();
/// let found = pinned.get(&1);
/// pinned.refresh();
/// drop(found.cloned());
/// ```
/// ```compile_fail,E0505
/// let snapshot = snaptrie::TrieMap::from([(1, String::new())]).snapshot();
/// let found = snapshot.get(&1);
/// drop(snapshot);
/// drop(found.cloned());
/// ```
struct Lifetimes;

/// What a map borrows must outlive it, for a map drops its keys and values.
/// ```
/// let text = String::from("text");
/// let map = snaptrie::TrieMap::new();
/// map.pin().insert(text.as_str(), 1);
/// drop(map);
/// drop(text);
/// ```
/// ```compile_fail,E0505
/// let text = String::from("text");
/// let map = snaptrie::TrieMap::new();
/// map.pin().insert(text.as_str(), 1);
/// drop(text);
/// drop(map);
/// ```
/// ```compile_fail,E0505
/// let text = String::from("text");
/// let map = snaptrie::TrieMap::new();
/// map.pin().insert(text.as_str(), 1);
/// let snapshot = map.snapshot();
/// drop(map);
/// drop(text);
/// drop(snapshot);
/// ```
struct Borrowed;
