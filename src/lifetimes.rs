//! The lifetimes of references and iterators: examples that must not compile, beside ones that must.
//!
//! A `compile_fail` example passes for any error, a misspelt name included. So each names its error, and stands beside
//! an example that differs in one place and compiles. Which types may be sent and shared is asserted in
//! `tests/api/auto_traits.rs` and `tests/versions/traits.rs`.

/// No reference outlives its handle or snapshot, and no handle outlives its map.
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
struct Lent;

/// Borrowed keys and values must outlive their map, because the map drops them.
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

/// Values change in place only while nothing else is borrowed, and entries by value borrow nothing.
/// ```
/// let mut map = snaptrie::FlatMap::from([(1, String::new())]);
/// map.pin();
/// let value = map.get_mut(&1);
/// drop(value);
/// let entries = map.into_iter();
/// drop(entries);
/// ```
/// ```compile_fail,E0502
/// let mut map = snaptrie::FlatMap::from([(1, String::new())]);
/// let pinned = map.pin();
/// let value = map.get_mut(&1);
/// drop(pinned);
/// ```
/// ```compile_fail,E0499
/// let mut map = snaptrie::FlatMap::from([(1, String::new())]);
/// let (one, other) = (map.get_mut(&1), map.get_mut(&1));
/// drop((one, other));
/// ```
/// ```compile_fail,E0505
/// let mut map = snaptrie::TrieMap::from([(1, String::new())]);
/// let values = map.values_mut().unwrap();
/// let entries = map.try_into_iter();
/// drop(values);
/// ```
struct Exclusive;
