//! The vocabulary between the map layer and the engines: the requests of a map and the answers of an engine.
//!
//! An engine keeps entries and finds them. It does not know hashers and needs no `Hash` or `Eq`: it is given a hash and
//! a way to recognise a key. In these terms the map layer (`crate::map`) writes each public method once for all
//! engines.

use std::error::Error;
use std::fmt;

use crate::hash::Rehash;
use crate::reclaim::{Collector, Guard};

/// The keys and values of an engine, and their types on the way in and out.
pub(crate) trait Content {
    type Key;
    type Value;
    /// An entry that is not in the map (yet). Owns its key and value.
    type Draft;
    /// The key and value that an operation returns: references or copies.
    type Pair<'g>: Copy
    where
        Self: 'g;

    fn draft(hash: u64, key: Self::Key, value: Self::Value) -> Self::Draft;
    fn into_pair(draft: Self::Draft) -> (Self::Key, Self::Value);
    fn draft_key(draft: &Self::Draft) -> &Self::Key;

    fn pair_key<'a, 'g>(pair: &'a Self::Pair<'g>) -> &'a Self::Key
    where
        Self: 'g;
    fn pair_value<'a, 'g>(pair: &'a Self::Pair<'g>) -> &'a Self::Value
    where
        Self: 'g;

    /// Whether two pairs that one operation saw belong to the same entry. Copies count as the same if all their bytes
    /// are equal.
    fn same_entry<'g>(one: &Self::Pair<'g>, other: &Self::Pair<'g>) -> bool
    where
        Self: 'g;
}

/// References to a key and a value.
pub(crate) type PairRef<'g, C> = (&'g <C as Content>::Key, &'g <C as Content>::Value);

/// The key and value of an entry, as an engine returns them.
pub(crate) type PairOf<'g, E> = <<E as Engine>::Content as Content>::Pair<'g>;

/// The most keys that are passed to an engine together: a little more than the cache misses a processor can overlap.
pub(crate) const BATCH: usize = 32;

/// How many entries a long operation visits, or objects it retires, before it renews its guard: bounds garbage.
pub(crate) const PART: usize = if cfg!(any(miri, shuttle)) { 4 } else { 256 };

/// Entries to put into an engine, each with its hash.
pub(crate) type Hashed<K, V> = Vec<(u64, (K, V))>;

/// [`Hashed`] with the keys and values of an engine.
pub(crate) type HashedOf<E> = Hashed<<E as Engine>::Key, <E as Engine>::Value>;

/// How entries are divided into parts, to build an engine from them.
#[derive(Clone, Copy)]
pub(crate) struct Division {
    /// The number of first bits of a hash that choose the part. A multiple of four.
    pub(crate) bits: u32,
    /// Entries of all parts together.
    pub(crate) entries: usize,
}

/// How an engine is built from all its entries at once.
pub(crate) struct Builder<E: Engine> {
    /// Makes a part from entries in the order of their hashes, without duplicate keys.
    pub(crate) part: fn(Collector, HashedOf<E>, Division) -> E,
    /// Joins all parts, in order.
    pub(crate) join: fn(Collector, Vec<E>) -> E,
}

/// A concurrent hash table.
///
/// Everything reached under a guard from [`Self::pin`] stays allocated until the guard is dropped.
pub(crate) trait Engine: Sized {
    type Key;
    type Value;
    type Content: Content<Key = Self::Key, Value = Self::Value>;
    /// Weakly consistent: yields no key twice, and every entry that is present throughout.
    type Iter<'g>: Iterator<Item = PairOf<'g, Self>>
    where
        Self: 'g;

    /// How this engine is built.
    const BUILDER: Builder<Self>;

    /// An empty engine whose guards come from this collector.
    fn empty(collector: Collector) -> Self;

    /// A guard for the operations below.
    fn pin(&self) -> Guard;

    /// Looks up the entry with this hash for which `eq` returns true. May help to move the table, for which it needs
    /// `rehash`.
    fn get<'g>(
        &'g self,
        hash: u64,
        eq: impl FnMut(&Self::Key) -> bool,
        rehash: impl Fn(&[&Self::Key], &mut [u64]),
        guard: &'g Guard,
    ) -> Option<PairOf<'g, Self>>;

    /// [`Self::get`] for at most [`BATCH`] hashes, with overlapping cache misses: for each `i` in order, `found`
    /// gets the entry with `hashes[i]` for which `eq` of `i` returns true. Each lookup takes effect separately.
    fn get_many<'g>(
        &'g self,
        hashes: &[u64],
        eq: impl FnMut(usize, &Self::Key) -> bool,
        guard: &'g Guard,
        found: impl FnMut(usize, Option<PairOf<'g, Self>>),
    );

    /// Looks a key up, lets `change` decide what to do with it, and does that, all in one atomic step. `peek`: the
    /// change may decide to change nothing.
    fn modify<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, Self::Content>,
    ) -> Outcome<PairOf<'g, Self>>;

    /// Prefetches for operations on at most [`BATCH`] hashes, so that their cache misses overlap. Only a hint.
    fn prefetch(&self, hashes: &[u64], guard: &Guard);

    fn iter<'g>(&'g self, guard: &'g Guard) -> Self::Iter<'g> {
        self.iter_from(0, guard)
    }

    /// The entries whose hashes are at least `first`, in an order in which an iteration can continue under another
    /// guard: see [`Self::position`]. May also yield entries with lower hashes.
    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Self::Iter<'g>;

    /// The hash to continue with, if all entries with lower hashes have been yielded.
    fn position(iter: &Self::Iter<'_>) -> Option<u64>;

    /// Number of entries, exact if no thread writes meanwhile.
    fn len(&self, guard: &Guard) -> usize;

    /// Makes room for this many more entries, if the engine can. `rehash` computes the hashes of keys.
    fn reserve(&self, _additional: usize, _guard: &Guard, _rehash: Rehash<'_, Self::Key>) {}

    /// Frees garbage that is due.
    fn refresh(&self, guard: &Guard);

    /// Frees garbage without waiting for other threads. Called at the end of an operation that retired much, without a
    /// guard.
    fn collect(&self);

    /// Verifies every invariant, for tests. No thread may change anything meanwhile. `hash` tells the hashes of keys.
    ///
    /// # Panics
    /// If one does not hold.
    #[cfg(any(debug_assertions, snaptrie_check))]
    fn check(&self, hash: impl Fn(&[&Self::Key], &mut [u64])) -> Structure;

    /// [`Self::collect`], but waits a little for guards of other threads. Returns true if no garbage is left.
    fn flush(&self) -> bool;
}

/// What the checker of an engine counted.
#[cfg(any(debug_assertions, snaptrie_check))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Structure {
    /// Nodes that hold words or entries, where entries are now.
    pub nodes: usize,
    /// Entries.
    pub entries: usize,
    /// Levels of fans above the deepest entry.
    pub depth: usize,
    /// Snapshots that are registered with a trie.
    pub snapshots: usize,
    /// Words of the directory of a table, or of the one that it moves to.
    pub words: usize,
    /// Whether a move of a table is under way.
    pub moving: bool,
}

/// The error of methods that need exclusive access to the entries of a map: snapshots or forks share them.
///
/// It is returned while a snapshot or a fork of the map is alive. A map that is itself a fork of a map with entries
/// always returns it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shared;

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("snapshots or forks share the entries of the map")
    }
}

impl Error for Shared {}

/// What to do with a key.
pub(crate) enum Action<D> {
    /// Nothing.
    Keep,
    /// Insert the draft, or replace the entry with it.
    Put(D),
    /// Remove the entry, if there is one.
    Remove,
}

/// What was done with a key.
pub(crate) enum Outcome<P> {
    Kept(Option<P>),
    Put { old: Option<P>, new: P },
    Removed(P),
}

impl<P> Outcome<P> {
    pub(crate) fn map<R>(self, mut f: impl FnMut(P) -> R) -> Outcome<R> {
        match self {
            Self::Kept(pair) => Outcome::Kept(pair.map(f)),
            Self::Put { old, new } => Outcome::Put { old: old.map(&mut f), new: f(new) },
            Self::Removed(pair) => Outcome::Removed(f(pair)),
        }
    }
}

/// A change of one key: how to recognise the key, and what to do with it.
pub(crate) trait Change<'g, C: Content + 'g> {
    /// Whether `candidate` is the key. If the change has passed its key on in a draft, `in_draft` is that key.
    fn is_key(&self, candidate: &C::Key, in_draft: Option<&C::Key>) -> bool;

    /// Computes the hashes of any keys of the map, for content that does not keep them. Every change of the map layer
    /// implements it. It takes several keys at once, because it is called through a pointer.
    fn rehash(&self, _keys: &[&C::Key], _hashes: &mut [u64]) {
        unreachable!("the content tells its hashes")
    }

    /// Whether the first draft is to be put, present key or not.
    fn puts(&self) -> bool {
        false
    }

    /// The first draft, if there is one, as if an earlier answer had been to put it.
    fn first_draft(&mut self) -> Option<C::Draft> {
        None
    }

    /// Decides what to do, given the present entry. It is called again if another operation changed the key before the
    /// answer could take effect. It then gets the draft of its last answer back, if that was a `Put`.
    fn decide(&mut self, current: Option<C::Pair<'g>>, spare: Option<C::Draft>)
    -> Action<C::Draft>;
}
