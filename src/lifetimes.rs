//! The lifetimes of references and iterators: examples that must not compile, beside ones that must.
//!
//! A `compile_fail` example passes for any error, a misspelt name included. So each names its error, and stands beside
//! an example that compiles and has the same lines: only the last two are exchanged. Which types may be sent and shared
//! is asserted in `tests/api/auto_traits.rs` and `tests/versions/traits.rs`.

/// After some lines, two in this order compile. In the other order they fail with this error.
macro_rules! in_order {
    ($($error:literal: $lines:literal, then $first:literal, $second:literal;)*) => {
        $(
            #[doc = concat!("```\n", $lines, "\n", $first, "\n", $second, "\n```")]
            #[doc = concat!("```compile_fail,", $error, "\n", $lines, "\n", $second, "\n", $first, "\n```")]
        )*
        struct InOrder;
    };
}

in_order! {
    // No handle outlives its map, no reference its handle or snapshot, and no iterator its map or handle.
    "E0505": "let map = snaptrie::FlatMap::from([(1, 1)]); let pinned = map.pin();",
        then "drop(pinned);", "drop(map);";
    "E0505": "let map = snaptrie::FlatMap::from([(1, 1)]); let pinned = map.pin(); let found = pinned.get(&1);",
        then "drop(found);", "drop(pinned);";
    "E0505": "let snapshot = snaptrie::TrieMap::from([(1, 1)]).snapshot(); let found = snapshot.get(&1);",
        then "drop(found);", "drop(snapshot);";
    "E0505": "let map = snaptrie::CopyFlatMap::from([(1, 1)]); let pinned = map.pin();",
        then "drop(pinned);", "drop(map);";
    "E0505": "let map = snaptrie::CopyFlatMap::from([(1, 1)]); let iter = map.iter();",
        then "drop(iter);", "drop(map);";
    "E0505": "let map = snaptrie::CopyFlatMap::from([(1, 1)]); let pinned = map.pin(); let iter = pinned.iter();",
        then "drop(iter);", "drop(pinned);";
    "E0502": "let map = snaptrie::TrieMap::from([(1, 1)]); let mut pinned = map.pin(); let found = pinned.get(&1);",
        then "drop(found);", "pinned.refresh();";

    // Borrowed keys and values outlive their map and its snapshots, which drop them.
    "E0505": "let text = String::new(); let map = snaptrie::TrieMap::from([(text.as_str(), 1)]);",
        then "drop(map);", "drop(text);";
    "E0505": "let text = String::new(); let snapshot = snaptrie::TrieMap::from([(text.as_str(), 1)]).snapshot();",
        then "drop(snapshot);", "drop(text);";

    // Values change in place only while nothing else is borrowed.
    "E0502": "let mut map = snaptrie::FlatMap::from([(1, 1)]); let pinned = map.pin();",
        then "drop(pinned);", "map.get_mut(&1);";
    "E0499": "let mut map = snaptrie::CopyFlatMap::from([(1, 1)]); let value = map.get_mut(&1);",
        then "drop(value);", "map.get_mut(&1);";
    "E0505": "let mut map = snaptrie::TrieMap::from([(1, 1)]); let values = map.values_mut();",
        then "drop(values);", "drop(map.try_into_iter());";
}
