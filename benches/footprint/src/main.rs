//! Uses a map as most programs do. The feature `more` does the same with four more types of keys: the increase of code
//! size and compile time is four times the cost of one type of map.

use std::hint::black_box;

#[cfg(feature = "copyflat")]
use snaptrie::CopyFlatMap as Map;
#[cfg(feature = "copytrie")]
use snaptrie::CopyTrieMap as Map;
#[cfg(feature = "flat")]
use snaptrie::FlatMap as Map;
#[cfg(feature = "trie")]
use snaptrie::TrieMap as Map;

/// Uses the map with a type of keys, made from numbers.
macro_rules! using {
    ($name:ident: $Key:ty, $key:expr) => {
        #[inline(never)]
        fn $name() {
            let key: fn(u64) -> $Key = $key;
            let map = Map::<$Key, u64>::new();
            let pinned = map.pin();
            for i in 0..100 {
                black_box(pinned.insert(key(i), i));
            }
            black_box(pinned.get(&key(1)));
            black_box(pinned.get_or_insert_with(key(2), || 2));
            black_box(pinned.remove(&key(3)));
            black_box(pinned.update_or_insert(key(4), |value| value + 1, 1));
            pinned.retain(|_, value| value % 3 != 0);
            black_box(pinned.iter().count());
            black_box(map.len());
            #[cfg(any(feature = "trie", feature = "copytrie"))]
            {
                let snapshot = map.snapshot();
                black_box(snapshot.get(&key(5)));
                black_box(snapshot.iter().count());
            }
        }
    };
}

// Of different sizes: the linker merges functions that are the same.
using!(one: u64, |i| i);
#[cfg(feature = "more")]
using!(two: [u64; 2], |i| [i; 2]);
#[cfg(feature = "more")]
using!(three: [u32; 3], |i| [i as u32; 3]);
#[cfg(feature = "more")]
using!(four: [u8; 5], |i| [i as u8; 5]);
#[cfg(feature = "more")]
using!(five: [u64; 4], |i| [i; 4]);

fn main() {
    one();
    #[cfg(feature = "more")]
    [two, three, four, five].into_iter().for_each(|run: fn()| run());
}
