//! Sequences of operations and the world they are played in, for `tests/model.rs` and the fuzz
//! targets.
//!
//! An [`Op`] is a verb and three numbers, so it can be drawn at random, shrunk and decoded from bytes. The numbers
//! select a map, a key and so on among those that exist at that moment, so every sequence of ops has a meaning.
//! [`play`] runs one in a world of maps, forks and snapshots, each beside an oracle: a plain ordered map with the
//! expected entries.
//!
//! | file | holds |
//! |---|---|
//! | `ops/objects.rs` | keys and values that know when they are dead |
//! | `ops/hashes.rs` | hashers from good to fickle |
//! | `ops/oracle.rs` | what a map or snapshot must hold |
//! | `ops/world.rs` | the world: what lives, its full check, its end |
//! | `ops/live.rs`, `ops/change.rs` | the ops on live maps: those on the whole, and those on one key |
//! | `ops/frozen.rs` | the ops that make versions of a map, and those on snapshots |
//! | `tested.rs` | what all kinds of map have |
#![allow(dead_code, unused_imports, reason = "each crate that includes this uses a part of it")]

#[path = "ops/change.rs"]
mod change;
#[path = "ops/frozen.rs"]
mod frozen;
#[path = "ops/hashes.rs"]
mod hashes;
#[path = "ops/live.rs"]
mod live;
#[path = "ops/objects.rs"]
mod objects;
#[path = "ops/oracle.rs"]
mod oracle;
#[path = "tested.rs"]
mod tested;
#[path = "ops/world.rs"]
mod world;

pub(crate) use hashes::{Hashes, Hashing};
pub(crate) use world::{Flat, Inline, InlineFlat, Playable, Setup, Trie};

use tested::{Handle, Tested};
use world::World;

/// One operation. What `pick`, `key` and `arg` mean depends on the verb; any value is valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Op {
    pub(crate) verb: Verb,
    /// Which map or snapshot.
    pub(crate) pick: u8,
    /// Which key, or which other map or snapshot.
    pub(crate) key: u16,
    /// The label of a new value, the size of a range, or how to go about it.
    pub(crate) arg: u8,
}

/// The ops that are yet to be played. An op that spans others takes them from here.
type Ops<'o> = std::slice::Iter<'o, Op>;

macro_rules! verbs {
    ($($(#[$meta:meta])* $verb:ident $general:literal $snapshots:literal $resize:literal,)*) => {
        /// What an [`Op`] does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Verb {
            $($(#[$meta])* $verb,)*
        }

        /// Each verb with its weights in [`Mix::General`], [`Mix::Snapshots`] and [`Mix::Resize`].
        const WEIGHTS: &[(Verb, [usize; 3])] =
            &[$((Verb::$verb, [$general, $snapshots, $resize])),*];
    };
}

verbs! {
    /// Every way to look one key up.
    Look 12 4 4,
    /// Every iterator over a live map.
    Walk 5 2 3,
    Len 3 2 3,
    Show 1 1 1,
    /// The hasher, the handle's map, and `refresh`.
    Reflect 3 2 2,
    Insert 24 16 8,
    TryInsert 5 1 2,
    GetOrInsert 4 1 2,
    GetOrInsertWith 3 1 1,
    TryInsertWith 4 1 1,
    Update 8 4 2,
    UpdateOrInsert 4 1 2,
    UpdateOrInsertWith 4 1 1,
    /// Inserts, removes or aborts, as `arg` says.
    Compute 10 4 3,
    Remove 14 8 8,
    RemoveEntry 4 2 1,
    RemoveIf 5 2 1,
    Retain 2 1 2,
    Clear 1 2 2,
    InsertRange 4 8 16,
    RemoveRange 5 8 16,
    Extend 2 2 3,
    FromIter 1 1 1,
    NewMap 1 2 1,
    DropMap 2 10 1,
    Snapshot 8 24 0,
    Take 1 8 0,
    Fork 2 8 0,
    CloneMap 1 2 0,
    EqualMaps 2 2 1,
    CheckMap 1 2 2,
    /// Holds a handle, a reference and an iterator while the next ops run.
    Hold 5 5 6,
    /// A change of a key whose closure runs the next ops.
    Nest 8 4 6,
    FrozenLook 5 10 0,
    FrozenWalk 4 8 0,
    FrozenLen 3 4 0,
    FrozenShow 1 1 0,
    FrozenFork 2 8 0,
    FrozenClone 2 6 0,
    EqualFrozen 2 3 0,
    /// Owned iterators and entries: begins one, and keeps what it yields.
    IntoIter 3 8 0,
    /// Goes on with one of these.
    Loose 4 8 0,
    DropFrozen 5 20 0,
    /// More room, in a map that can make room beforehand; the next verb, less of it.
    Reserve 1 0 3,
    Shrink 1 0 3,
    /// Many keys at once.
    GetMany 4 2 2,
    InsertMany 4 2 3,
    GetOrInsertMany 2 1 1,
    RemoveMany 2 1 2,
    /// Insertions and removals through a writer.
    Stream 5 4 6,
    FrozenGetMany 3 3 0,
    /// A map of the other kind with clones of the content, and one of the same kind.
    Convert 1 1 1,
}

/// How often each verb comes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mix {
    /// Everything, mostly changes of single keys.
    General,
    /// Mostly snapshots, forks, takes and drops.
    Snapshots,
    /// Mostly growing and shrinking, and no versions.
    Resize,
}

impl Mix {
    /// The verbs, each as many times as it weighs.
    pub(crate) fn verbs(self) -> Vec<Verb> {
        let weigh = |(verb, weights): &(Verb, [usize; 3])| {
            let weight = weights[self as usize];
            std::iter::repeat_n(*verb, weight)
        };
        WEIGHTS.iter().flat_map(weigh).collect()
    }
}

/// Plays `ops` in a new world of such maps, checks everything, and drops what is left in an order that `order`
/// tells.
///
/// # Panics
/// If a map or snapshot does not agree with its oracle, if a structure is broken, if an object is
/// used after its drop, dropped twice, or still there at the end.
pub(crate) fn play<M: Playable>(setup: Setup, ops: &[Op], order: &[u8]) {
    let mut world = World::<M>::new(setup);
    world.run(&mut ops.iter());
    world.finish(order);
}

/// Domains of keys for [`play_bytes`]: all collide, one branch, a few fans, many.
const KEYS: [u16; 4] = [8, 40, 200, 600];

/// The same for [`Mix::Resize`] with good hashes: one chunk of a flat table, some, many. (Others put
/// most keys into one chunk, which is searched from one end to the other.)
const SIZES: [u16; 4] = [40, 600, 3_000, 20_000];

/// Entries that [`play_bytes`] moves or looks at in bulk, at most: so that each input is fast.
const BULK: usize = 3_000;

/// The same for [`Mix::Resize`], for a table to grow and shrink a few times.
const BULK_RESIZE: usize = 60_000;

/// Decodes a sequence and plays it: the hasher, the rest of the setup, four bytes for the order of
/// drops, then five bytes for each op.
pub(crate) fn play_bytes<M: Playable>(bytes: &[u8], mix: Mix) {
    let Some((&[hashing, flags, a, b, c, d], bytes)) = bytes.split_first_chunk() else { return };
    let hashing = Hashing::ALL[usize::from(hashing) % Hashing::ALL.len()];
    let private = flags & 1 == 1;
    let (domains, bulk) = match mix {
        Mix::Resize if hashing == Hashing::Good => (SIZES, BULK_RESIZE),
        _ => (KEYS, BULK),
    };
    let keys = domains[usize::from(flags >> 1) % domains.len()];
    let verbs = mix.verbs();
    let ops: Vec<Op> = bytes
        .chunks_exact(5)
        .map(|op| Op {
            verb: verbs[usize::from(op[0]) % verbs.len()],
            pick: op[1],
            key: u16::from_le_bytes([op[2], op[3]]),
            arg: op[4],
        })
        .collect();
    play::<M>(Setup { hashing, private, keys, bulk }, &ops, &[a, b, c, d]);
}
