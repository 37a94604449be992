//! The vocabulary between the map layer and the engines: what a map asks, and what an engine answers.
//!
//! An engine keeps entries and finds them. It knows no hasher and needs no `Hash` or `Eq`: it gets a
//! hash and a way to recognise a key. The map layer (`crate::map`) writes each public method once, in
//! these terms, for all engines.

use std::error::Error;
use std::fmt;

use crate::hash::Rehash;
use crate::reclaim::{Collector, Guard};

/// What an engine keeps: keys and values, and how the two travel into it.
pub(crate) trait Content {
    type Key;
    type Value;
    /// An entry that is not in the map (yet). Owns its key and value.
    type Draft;
    /// What an operation hands out of an entry: references to the key and the value, or copies.
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

    /// Whether two pairs that one operation saw are of one entry. Copies are if they agree in all bytes: then nothing
    /// tells the entries apart.
    fn same_entry<'g>(one: &Self::Pair<'g>, other: &Self::Pair<'g>) -> bool
    where
        Self: 'g;
}

/// A key and value that a store has.
pub(crate) type PairRef<'g, C> = (&'g <C as Content>::Key, &'g <C as Content>::Value);

/// What an engine hands out of an entry.
pub(crate) type PairOf<'g, E> = <<E as Engine>::Content as Content>::Pair<'g>;

/// Keys that an engine is asked about together, at most.
///
/// Somewhat more than the cache misses that a processor keeps in flight.
pub(crate) const BATCH: usize = 32;

/// Entries that an operation on many sees, or objects that it retires, before it gets a new guard: so what it retired
/// can be freed meanwhile.
pub(crate) const PART: usize = if cfg!(any(miri, shuttle)) { 4 } else { 256 };

/// Entries on their way into an engine, each with its hash.
pub(crate) type Hashed<K, V> = Vec<(u64, (K, V))>;

/// The same, into such an engine.
pub(crate) type HashedOf<E> = Hashed<<E as Engine>::Key, <E as Engine>::Value>;

/// How the entries of an engine that is built are divided into parts.
#[derive(Clone, Copy)]
pub(crate) struct Division {
    /// The first bits of a hash, a multiple of four: a part for each value of these.
    pub(crate) bits: u32,
    /// Entries of all parts together.
    pub(crate) entries: usize,
}

/// How an engine is made of all its entries at once.
pub(crate) struct Builder<E: Engine> {
    /// Makes a part of entries in the order of their hashes, no key twice.
    pub(crate) part: fn(Collector, HashedOf<E>, Division) -> E,
    /// Makes one of all parts, in order.
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

    /// How such engines are built.
    const BUILDER: Builder<Self>;

    /// An empty one, whose guards come from this collector.
    fn empty(collector: Collector) -> Self;

    /// A guard, under which the operations below are called.
    fn pin(&self) -> Guard;

    /// Looks up the entry with this hash for which `eq` holds. It may help to move the table, with the hashes that `rehash`
    /// tells.
    fn get<'g>(
        &'g self,
        hash: u64,
        eq: impl FnMut(&Self::Key) -> bool,
        rehash: impl Fn(&[&Self::Key], &mut [u64]),
        guard: &'g Guard,
    ) -> Option<PairOf<'g, Self>>;

    /// [`Self::get`] for up to [`BATCH`] hashes, with their cache misses side by side: `found` gets, for each `i` in
    /// order, the entry with `hashes[i]` for which `eq` of `i` holds. Each lookup takes effect by itself.
    fn get_many<'g>(
        &'g self,
        hashes: &[u64],
        eq: impl FnMut(usize, &Self::Key) -> bool,
        guard: &'g Guard,
        found: impl FnMut(usize, Option<PairOf<'g, Self>>),
    );

    /// Looks a key up, lets `change` decide what to do with it, and does that in one atomic step
    /// with the look. `peek`: the change may decide to change nothing.
    fn modify<'g>(
        &'g self,
        hash: u64,
        peek: bool,
        guard: &'g Guard,
        change: impl Change<'g, Self::Content>,
    ) -> Outcome<PairOf<'g, Self>>;

    /// Prefetches for operations on these hashes, [`BATCH`] at most, so that their cache misses overlap. A hint only.
    fn prefetch(&self, hashes: &[u64], guard: &Guard);

    fn iter<'g>(&'g self, guard: &'g Guard) -> Self::Iter<'g> {
        self.iter_from(0, guard)
    }

    /// The entries whose hashes are at least `first`, in an order in which iterations can go on under another guard:
    /// see [`Self::position`]. May yield entries of hashes before that too.
    fn iter_from<'g>(&'g self, first: u64, guard: &'g Guard) -> Self::Iter<'g>;

    /// The hash to go on with, if all entries whose hashes are below it have been yielded.
    fn position(iter: &Self::Iter<'_>) -> Option<u64>;

    /// Number of entries, exact if no thread writes meanwhile.
    fn len(&self, guard: &Guard) -> usize;

    /// Makes room for this many entries more, if that is something the engine does ahead. `rehash` tells the
    /// hashes of keys.
    fn reserve(&self, _additional: usize, _guard: &Guard, _rehash: Rehash<'_, Self::Key>) {}

    /// Frees garbage that is due.
    fn refresh(&self, guard: &Guard);

    /// Frees what can be freed without waiting for another thread, at the end of an operation that retired much. The
    /// operation holds no guard any more.
    fn collect(&self);

    /// Verifies every invariant, for tests. No thread may change anything meanwhile. `hash` tells the hashes of keys.
    ///
    /// # Panics
    /// If one does not hold.
    #[cfg(any(debug_assertions, snaptrie_check))]
    fn check(&self, hash: impl Fn(&[&Self::Key], &mut [u64])) -> Structure;

    /// [`Self::collect`], and waits a little for guards of other threads. Returns whether no garbage is left.
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

/// The error of methods that need the entries of a map for themselves: snapshots or forks share them.
///
/// It is returned as long as a snapshot of the map is alive, or a fork that began with one; and by a map that is itself
/// a fork of one with entries.
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

/// One change of one key: how to recognise it, and what to do with it.
pub(crate) trait Change<'g, C: Content + 'g> {
    /// Whether `candidate` is the key. If the change gave its key away in a draft, `in_draft` is
    /// that key.
    fn is_key(&self, candidate: &C::Key, in_draft: Option<&C::Key>) -> bool;

    /// The hashes of any keys of the map, for content that does not tell them. Every change that comes from the map
    /// layer can say. Of several keys at once, because it is called through a pointer.
    fn rehash(&self, _keys: &[&C::Key], _hashes: &mut [u64]) {
        unreachable!("the content tells its hashes")
    }

    /// Whether the decision is to put the draft that the change began with, whatever is there.
    fn puts(&self) -> bool {
        false
    }

    /// The draft to begin with, if there is one: as if an earlier answer had been to put it.
    fn first_draft(&mut self) -> Option<C::Draft> {
        None
    }

    /// Decides what to do, given the entry that is there now. Is asked again if another operation changed the key
    /// before the answer could take effect. Then it gets the draft of its last answer back, if that was a `Put`.
    fn decide(&mut self, current: Option<C::Pair<'g>>, spare: Option<C::Draft>)
    -> Action<C::Draft>;
}
