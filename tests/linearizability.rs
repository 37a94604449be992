//! Thousands of short histories of real threads over few keys, each checked for an order that
//! explains it: for all maps, with good, truncated and constant hashes.
//!
//! Operations on single keys; on a trie also snapshots, forks and takes, each of which returns all keys of one instant.
//! `SNAPTRIE_HISTORIES` sets how many histories a test checks. The checker's own tests (`tests/linear/mod.rs`) show
//! that it refuses wrong histories; `tests/planted/run` shows that this test finds bugs in the maps.

#[path = "support/hashers.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod hashers;
mod linear;
#[path = "common/tested.rs"]
mod tested;
#[path = "linear/threads.rs"]
mod threads;

use hashers::Chosen;
use linear::{Op, assert_linearizable};
use snaptrie::{CopyFlatMap, CopyTrieMap, FlatMap, TrieMap};
use threads::{Key, Step, Subject, Value, decode, run};

type Trie = TrieMap<Key, Value, Chosen>;
type Inline = CopyTrieMap<Key, u16, Chosen>;
type Flat = FlatMap<Key, Value, Chosen>;
type InlineFlat = CopyFlatMap<Key, u16, Chosen>;

/// The code of the constant hash.
const CONSTANT: u8 = 2;

/// Fewer of a constant hash, each of which takes long.
fn histories(hashing: u8) -> u64 {
    let histories = std::env::var("SNAPTRIE_HISTORIES").ok().and_then(|count| count.parse().ok());
    let usual = if hashing == CONSTANT { 100 } else { 300 };
    if cfg!(miri) { 20 } else { histories.unwrap_or(usual) }
}

/// Checks a history of each program.
fn explore<M: Subject>(hashing: u8, program: impl Fn(&mut dyn FnMut() -> u8) -> Vec<u8>) {
    let mut versions = 0;
    for seed in 1..=histories(hashing) {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut byte = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        let mut bytes = vec![hashing];
        bytes.extend(program(&mut byte));
        let (hashing, crowd, programs) = decode(&bytes).expect("enough bytes");
        assert_linearizable(&run::<M>(hashing, crowd, &programs));
        let whole = |step: &&Step| matches!(step, Step::Do(op) if op.is_whole());
        versions += programs.iter().flatten().filter(whole).count();
    }
    assert!(versions > 0, "no history had a version in it");
}

/// Steps of all kinds. Half of the histories begin with a map that is nearly empty.
fn any_steps(byte: &mut dyn FnMut() -> u8) -> Vec<u8> {
    let crowd = if byte() % 2 == 0 { byte() % 4 } else { byte() };
    let (threads, steps) = (byte(), 12 + byte() % 24);
    [crowd, threads].into_iter().chain((0..3 * steps).map(|_| byte())).collect()
}

/// Writes of one key or two against versions: few other keys, and nothing else.
fn writes_and_versions(byte: &mut dyn FnMut() -> u8) -> Vec<u8> {
    const VERBS: [u8; 8] = [0, 1, 4, 6, 12, 18, 18, 20];
    let mut bytes = vec![byte() % 3, byte()];
    for _ in 0..18 + byte() % 18 {
        bytes.extend([VERBS[usize::from(byte() % 8)], byte() % 2, byte()]);
    }
    bytes
}

/// Insertions of the same absent keys by all threads, and their removal.
fn first_insertions(byte: &mut dyn FnMut() -> u8) -> Vec<u8> {
    const VERBS: [u8; 8] = [4, 4, 8, 10, 12, 14, 0, 18];
    let mut bytes = vec![byte() % 8, byte()];
    for _ in 0..24 + byte() % 12 {
        bytes.extend([VERBS[usize::from(byte() % 8)], byte() % 2, byte()]);
    }
    bytes
}

macro_rules! over_hashers {
    ($($module:ident $hashing:literal,)*) => {
        $(mod $module {
            use super::*;

            #[test]
            fn trie_any_steps() {
                explore::<Trie>($hashing, any_steps);
            }
            #[test]
            fn trie_writes_and_versions() {
                explore::<Trie>($hashing, writes_and_versions);
            }
            #[test]
            fn trie_first_insertions() {
                explore::<Trie>($hashing, first_insertions);
            }
            #[test]
            fn inline_any_steps() {
                explore::<Inline>($hashing, any_steps);
            }
            #[test]
            fn inline_writes_and_versions() {
                explore::<Inline>($hashing, writes_and_versions);
            }
            #[test]
            fn inline_first_insertions() {
                explore::<Inline>($hashing, first_insertions);
            }
            #[test]
            fn flat_any_steps() {
                explore::<Flat>($hashing, any_steps);
            }
            #[test]
            fn flat_first_insertions() {
                explore::<Flat>($hashing, first_insertions);
            }
            #[test]
            fn inline_flat_any_steps() {
                explore::<InlineFlat>($hashing, any_steps);
            }
            #[test]
            fn inline_flat_first_insertions() {
                explore::<InlineFlat>($hashing, first_insertions);
            }
        })*
    };
}
over_hashers! { good 0, truncated 1, constant 2, }

#[test]
fn every_operation_is_decoded() {
    let bytes: Vec<u8> = [0, 0, 0].into_iter().chain((0..24).flat_map(|v| [v, 0, 1])).collect();
    let (_, _, programs) = decode(&bytes).expect("enough bytes");
    let has = |is: fn(&Op) -> bool| {
        programs.iter().flatten().any(|step| matches!(step, Step::Do(op) if is(op)))
    };
    assert!(has(|op| matches!(op, Op::Get(_))) && has(|op| matches!(op, Op::GetMany(_))));
    assert!(has(|op| matches!(op, Op::Insert(..))));
    assert!(has(|op| matches!(op, Op::GetOrInsert(..))) && has(|op| matches!(op, Op::Update(..))));
    assert!(has(|op| matches!(op, Op::UpdateOrInsert(..))) && has(|op| matches!(op, Op::Flip(..))));
    assert!(has(|op| matches!(op, Op::Remove(_))) && has(|op| matches!(op, Op::RemoveOdd(_))));
    assert!(
        has(|op| *op == Op::Snapshot) && has(|op| *op == Op::Fork) && has(|op| *op == Op::Take)
    );
}
