//! Random sequences of all operations, on maps, forks and snapshots, against an oracle.
//!
//! What a sequence may do and what is checked is in `common/ops.rs`; the fuzz targets share it. If a
//! sequence fails, a shorter one that fails is printed. `SNAPTRIE_STRESS` multiplies the number of
//! sequences, and `PROPTEST_CASES` sets it for each test.

#[path = "common/ops.rs"]
mod ops;
#[path = "common/scale.rs"]
mod scale;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestRunner;
use snaptrie::TrieMap;

use ops::{Flat, Hashes, Hashing, Inline, InlineFlat, Mix, Op, Playable, Setup, Trie, play};

fn any_op(mix: Mix) -> impl Strategy<Value = Op> {
    let numbers = (any::<u8>(), any::<u16>(), any::<u8>());
    (select(mix.verbs()), numbers).prop_map(|(verb, (pick, key, arg))| Op { verb, pick, key, arg })
}

/// Plays `cases` sequences of about `len` ops over each number of `keys`, with private collectors
/// and without.
fn play_many<M: Playable>(hashing: Hashing, mix: Mix, keys: &[u16], len: usize, cases: u32) {
    let set = std::env::var("PROPTEST_CASES").ok().and_then(|number| number.parse::<f64>().ok());
    let cases = set.unwrap_or(f64::from(cases) * scale::stress()) as u32;
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let setup = (any::<bool>(), select(keys.to_vec())).prop_map(move |(private, keys)| Setup {
        hashing,
        private,
        keys,
        bulk: 200_000,
    });
    let sequence = (setup, vec(any_op(mix), len / 4..len), vec(any::<u8>(), 1..40));
    let result = TestRunner::new(config).run(&sequence, |(setup, ops, order)| {
        play::<M>(setup, &ops, &order);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Domains of keys: few, so that the same ones come up again and again; or enough for some fans.
const KEYS: &[u16] = &[6, 30, 200, 80];

macro_rules! for_each_hashing {
    ($($name:ident $hashing:ident),*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn all_ops() {
                play_many::<Trie>(Hashing::$hashing, Mix::General, KEYS, 400, 30);
            }

            #[test]
            fn all_ops_inline() {
                play_many::<Inline>(Hashing::$hashing, Mix::General, KEYS, 400, 30);
            }

            #[test]
            fn all_ops_flat() {
                play_many::<Flat>(Hashing::$hashing, Mix::General, KEYS, 400, 25);
            }

            #[test]
            fn all_ops_inline_flat() {
                play_many::<InlineFlat>(Hashing::$hashing, Mix::General, KEYS, 400, 25);
            }

            #[test]
            fn resizing_flat() {
                play_many::<Flat>(Hashing::$hashing, Mix::Resize, &[40, 600, 3_000], 200, 8);
            }

            #[test]
            fn resizing_inline_flat() {
                play_many::<InlineFlat>(Hashing::$hashing, Mix::Resize, &[40, 600, 3_000], 200, 8);
            }

            #[test]
            fn versions() {
                play_many::<Trie>(Hashing::$hashing, Mix::Snapshots, KEYS, 300, 35);
            }

            #[test]
            fn versions_inline() {
                play_many::<Inline>(Hashing::$hashing, Mix::Snapshots, KEYS, 300, 35);
            }
        }
    )*};
}

for_each_hashing!(good Good, low Low, high High, deep Deep, constant Constant, fickle Inconsistent);

#[test]
fn long_sequences_over_many_keys() {
    play_many::<Trie>(Hashing::Good, Mix::General, &[4096], 2_000, 2);
}

#[test]
fn long_sequences_over_many_keys_inline() {
    play_many::<Inline>(Hashing::Good, Mix::General, &[4096], 2_000, 2);
    play_many::<Inline>(Hashing::Deep, Mix::General, &[4096], 2_000, 2);
}

#[test]
fn long_sequences_over_many_keys_flat() {
    play_many::<Flat>(Hashing::Good, Mix::General, &[4096], 2_000, 2);
    play_many::<Flat>(Hashing::Good, Mix::Resize, &[20_000], 300, 2);
}

#[test]
fn long_sequences_over_many_keys_inline_flat() {
    play_many::<InlineFlat>(Hashing::Good, Mix::General, &[4096], 2_000, 2);
    play_many::<InlineFlat>(Hashing::Good, Mix::Resize, &[20_000], 300, 2);
}

#[test]
fn long_sequences_over_many_keys_deep_down() {
    play_many::<Trie>(Hashing::Deep, Mix::General, &[4096], 2_000, 2);
}

#[test]
fn many_versions_of_many_keys() {
    play_many::<Trie>(Hashing::Good, Mix::Snapshots, &[4096], 1_000, 3);
}

#[test]
fn many_versions_of_many_keys_inline() {
    play_many::<Inline>(Hashing::Good, Mix::Snapshots, &[4096], 1_000, 3);
}

/// The bad hashers are as bad as they are meant to be.
#[test]
fn cut_hashes_shape_the_trie() {
    let depth = |hashing| {
        let map = TrieMap::with_hasher(Hashes::new(hashing));
        for i in 0..2_000_u16 {
            map.pin().insert(i, i);
        }
        map.check_structure().depth
    };
    assert!((1..4).contains(&depth(Hashing::Good)));
    assert_eq!(depth(Hashing::Low), 16);
    assert_eq!(depth(Hashing::High), 16);
    assert!((13..16).contains(&depth(Hashing::Deep)));
    assert_eq!(depth(Hashing::Constant), 16);
}

/// In a chain, a key that is removed and inserted again comes to stand behind all others.
#[test]
fn a_live_iterator_yields_no_key_twice() {
    let map = TrieMap::with_hasher(Hashes::new(Hashing::Constant));
    for key in 0..100_u16 {
        map.pin().insert(key, 0);
    }
    let pinned = map.pin();
    let mut iter = pinned.iter();
    let first = *iter.next().expect("an entry").0;
    pinned.remove(&first);
    pinned.insert(first, 1);
    assert!(iter.all(|(key, _)| *key != first), "{first} came twice");
}
