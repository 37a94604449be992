//! Concurrent hash maps: one for write-heavy loads, with consistent snapshots in constant time, and one for read-heavy
//! loads.
//!
//! [`TrieMap`] is a lock-free hash trie (a Ctrie). Any number of threads insert, update, remove and look up at once. None
//! of them ever waits for another, for a lock or for a resize. At any moment [`TrieMap::snapshot`] gives the whole map as
//! it is at one instant, in constant time, while writers go on.
//!
//! ```
//! use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
//! use snaptrie::TrieMap;
//!
//! let counts = TrieMap::new();
//! std::thread::scope(|scope| {
//!     for text in ["the cat and the dog", "the dog and the bird"] {
//!         let counts = &counts;
//!         scope.spawn(move || {
//!             for word in text.split(' ') {
//!                 counts.pin().get_or_insert(word, AtomicU64::new(0)).fetch_add(1, Relaxed);
//!             }
//!         });
//!     }
//! });
//! let snapshot = counts.snapshot(); // one instant; writers could go on
//! assert_eq!(snapshot.len(), 5);
//! assert_eq!(snapshot["the"].load(Relaxed), 4);
//! ```
//!
//! [`FlatMap`] is a flat table with the same methods but no snapshots. It finds an entry in fewer steps, and grows
//! without pauses too. [`CopyTrieMap`] and [`CopyFlatMap`] are the same two for small plain pairs, such as `u64 → u64`.
//! They keep the pairs in their nodes, and hand them out by value:
//!
//! ```
//! use snaptrie::CopyTrieMap;
//!
//! let stock = CopyTrieMap::new();
//! stock.insert(17, 3);
//! assert_eq!(stock.update(&17, |count| count - 1), Some(2));
//! assert_eq!(stock.get(&17), Some(2));
//! ```
//!
#![cfg_attr(
    doc,
    doc = "Coming from dashmap, papaya or another map? The guide has a [page on migrating](guide::migrating). It also \
           shows how to [share](guide::sharing) a map, [count](guide::counting), build [caches](guide::caches), look \
           [keys](guide::keys) up by other types, use [locks](guide::holding) and [async code](guide::async_code)."
)]
//!
//! # Overview
//!
//! - [Which map](#which-map): what each is for
//! - [Handles](#handles): how entries are read and written
//! - [Consistency](#consistency): what is guaranteed under concurrency
//! - [Snapshots](#snapshots): snapshots, forks, takes, and what they cost
//! - [Versions](#versions): differences, commits, publishing, history
//! - [Features](#features): what can be switched on and off
//! - [Limits](#limits): when to use something else
#![cfg_attr(
    doc,
    doc = "- [`guide`]: how to use the maps, and [how they are made](guide::internals)"
)]
//!
//! # Which map
//!
//! Take a [`TrieMap`] if you ever need the whole content at one instant: to save it, to iterate over it, to compare, to
//! drain it, to try something out on a fork. Take it also if many threads write all the time: it grows leaf by leaf. Take
//! a [`FlatMap`] if lookups are most of the work and each key stands for itself: caches, routing tables, interned
//! strings. To fill a map first and serve it afterwards, fill a [`TrieMap`] and turn a snapshot of it into a [`FlatMap`]
//! with [`Snapshot::to_flat`].
//!
//! A [`CopyTrieMap`] is a [`TrieMap`] whose keys and values are small and [`Plain`], mostly numbers. It takes about half
//! of the memory; scans and lookups touch one cache line less. A [`CopyFlatMap`] is a [`FlatMap`] of such pairs: a lookup
//! takes one cache miss and not two. See [`CopyMap`] for the fine print.
//!
//! [`TrieSet`] and [`FlatSet`] are the two without values, [`CopyTrieSet`] and [`CopyFlatSet`] those of small plain
//! elements. Two snapshots of a [`TrieSet`] have an exact union, intersection and differences.
//!
//! # Handles
//!
//! [`TrieMap::pin`] and [`FlatMap::pin`] make a [`Pinned`], a handle for the calling thread. Its methods return plain
//! references, which live as long as the handle is borrowed. They hold no lock: an entry that is replaced or removed
//! meanwhile is freed later. So any method may be called while any reference, iterator or snapshot is held, and inside
//! any closure. Handles are for short use: while one is held, removed entries of all maps stay in memory.
//!
//! Single operations that return no reference need no handle: [`TrieMap::insert`], [`with`](TrieMap::with),
//! [`cloned`](TrieMap::cloned), [`remove`](TrieMap::remove) and others are methods of the map. Maps that hand out copies
//! have all their operations there. [`CopyMap::pin`] makes a handle all the same, for loops.
//!
//! # Consistency
//!
//! - All operations on entries are linearizable: there is one order of them all, in which each takes effect at one instant
//!   between its call and its return.
//! - [`snapshot`](TrieMap::snapshot), [`fork`](TrieMap::fork), [`take`](TrieMap::take) and [`clear`](TrieMap::clear) of a
//!   [`TrieMap`] take effect at one instant for all keys. If one thread writes `a` and then `b`, no snapshot has the new
//!   `b` and the old `a`. A [`FlatMap`] is [cleared](FlatMap::clear) one entry after the other.
//! - Iteration over a live map is weakly consistent: it yields no key twice, and every entry that is present throughout.
//!   Changes made meanwhile may or may not show. [`len`](TrieMap::len) of a live map is exact while no thread writes. Over
//!   a snapshot both are exact.
//! - A snapshot freezes which entries there are. A value that changes through a shared reference, such as an `AtomicU64`,
//!   goes on changing inside it.
//! - Every operation on a map is lock-free, except that [`flush`](TrieMap::flush) waits some milliseconds for other
//!   threads.
//!
//! # Snapshots
//!
//! A [`Snapshot`] is `Send + Sync + Clone`, holds no guard and outlives the map. Taking one costs a few compare-and-swaps
//! and small allocations, whatever the size of the map. Afterwards the first write to each part of the map copies the nodes
//! on its path, and the first read of each part sets a flag there. A snapshot keeps the memory of what has changed since
//! it was taken.
//!
//! [`fork`](TrieMap::fork) gives a writable copy the same way, and [`take`](TrieMap::take) takes all entries out at one
//! instant: every write is in the result or in the map afterwards.
//!
//! # Versions
//!
//! Snapshots and forks of one map share what they have in common. So the following costs as much as what changed,
//! whatever the size of the map:
//!
//! - [`Snapshot::diff`] tells what differs between two snapshots, and [`OwnedDiff`] brings a replica in another place up
//!   to date; [`Snapshot::merge`] makes one map of two forks.
//! - [`TrieMap::commit_with`] changes several keys at one instant: it commits a fork, if no other writer was first.
//! - [`Published`] holds the latest published snapshot for many readers, and wakes threads and tasks that wait for the
//!   next one. [`History`] keeps the most recent *n*.
//! - [`TrieMap::stats`] and [`Snapshot::stats_beyond`] tell what all this costs.
//!
//! # Features
//!
//! - `membarrier` (on by default, used on Linux): handles execute no memory fence.
//! - `rayon`: parallel iteration over snapshots, parallel `collect` and `extend` of all maps and sets,
//!   and `Snapshot::par_to_flat` and `par_to_copy_flat`, which make a [`FlatMap`] on all processors.
//! - `serde`: serialization and deserialization of all maps and sets, and of [`OwnedDiff`]. A [`TrieMap`] is written as it
//!   is at one instant, whatever other threads write meanwhile.
//!
//! ## The feature `membarrier`
//!
//! A full fence costs more than the rest of a lookup that hits the cache. With this feature a handle needs none:
//! threads that remove or replace entries make the kernel execute it now and then, on all processors that run the
//! process (`membarrier(2)`).
//!
//! - The first map of a process registers it with the kernel. If the process has several threads by then, this takes
//!   about 10 ms. Make a map before you start them if that matters. `with_hasher`, a constant function, leaves it to
//!   the first thread that frees something.
//! - If the kernel refuses to register the process, each handle executes a fence. The same holds on other systems.
//! - Without the feature, guards are those of crossbeam-epoch, which execute a fence too.
//! - If a sandbox that is entered later refuses the fence, handles execute one from then on, and removed entries wait
//!   some milliseconds longer.
//! - If a sandbox kills the process for the call, set `default-features = false` in every crate of the program that
//!   depends on this one.
//!
//! # Limits
//!
//! - Each entry is an allocation of its own, except in a [`CopyTrieMap`] and a [`CopyFlatMap`]. If one thread writes
//!   the map, a standard `HashMap` is faster. If writes are rare, so is one behind an `RwLock`.
//! - Removed and replaced entries are freed by later changes of the same map, a few at a time. A map that is left
//!   alone keeps some; [`flush`](TrieMap::flush) frees them, and so does dropping the map.
//! - The garbage of a map is bounded: entries removed before the handles of that time are dropped, and up to 32 entries
//!   for each of a few dozen groups of threads. The map counts the bytes of the entries themselves, and not memory that
//!   a value owns elsewhere, such as the buffer of a `Vec`. If values own much, call [`flush`](TrieMap::flush) after
//!   removing many of them.
//! - A [`Pinned`] that is held keeps everything that any thread removes meanwhile, from all maps of the process. Drop
//!   it before the thread waits for anything, and [refresh](Pinned::refresh) it in long loops.
//! - Maps need a hasher that spreads keys well. They stay correct with a bad one, and become slow where many hashes
//!   are all the same.
//! - The default hasher is no protection against an adversary who chooses keys and can observe the map. See
//!   [`RandomState`].
//! - The child of a `fork(2)` may use maps from its only thread, which should have used one before the fork. If other
//!   threads held handles at the fork, the child never frees removed entries. It should end by `_exit` or `exec`.
//! - The target needs atomic operations of 64 bits, which some with pointers of 32 bits lack. Others do not compile.
//! - There is no `no_std`. Handles, and the shards of counters and garbage, need thread-locals. Panics of destructors
//!   are caught, so that one of them stops no other. Both need the standard library. WebAssembly (`wasm32`) works, with
//!   or without a system.
//! - Taking or dropping a snapshot costs O(log n) in the number *n* of live snapshots of the map. Each takes some 100
//!   bytes, besides what it keeps.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    private_bounds,
    reason = "kinds of map and places of entries are public, and made of engines and stores, which are not: so no other \
              crate can add one"
)]

#[cfg(not(target_has_atomic = "64"))]
compile_error!("snaptrie needs a target with atomic operations of 64 bits, such as `AtomicU64`");

mod bucket;
mod count;
mod engine;
mod entry;
mod fallout;
mod flat;
#[cfg(any(doc, doctest))]
pub mod guide;
mod hash;
mod impls;
mod leaf;
#[cfg(doctest)]
mod lifetimes;
mod map;
mod once;
mod plain;
mod prefetch;
mod reclaim;
mod request;
mod set;
mod sync;
mod tree;
mod trie;

pub use engine::Shared;
#[cfg(any(debug_assertions, snaptrie_check))]
#[doc(hidden)]
pub use engine::Structure;
pub use equivalent::Equivalent;
pub use hash::{DefaultHasher, FixedState, RandomState};
#[cfg(feature = "rayon")]
pub use impls::rayon::{CopyParIter, ParIter, SnapshotParIter};
pub use map::{
    Change, CommitError, CommitFailure, Compute, Conflict, CopyFlatMap, CopyIter, CopyKeys,
    CopyMap, CopyPinned, CopyTrieMap, CopyValues, Current, Diff, Entry, FlatMap, FlatStats,
    HandleStaysOnItsThread, History, HistoryIter, IntoIter, IntoKeys, Iter, IterMut, Keys,
    ModifiedEntry, MoveStats, Newer, NodeStats, Number, OccupiedError, Operation, OwnedDiff,
    Pinned, Published, Publisher, Reader, Refresher, Resolution, Snapshot, SnapshotEntry,
    SnapshotIntoIter, SnapshotIter, SnapshotKeys, SnapshotValues, TrieMap, TrieStats, Values,
    ValuesMut, Writer,
};
pub use plain::Plain;
pub use set::{
    CopyFlatSet, CopyPinnedSet, CopySet, CopyTrieSet, FlatSet, PinnedSet, SetSnapshot, TrieSet,
};
#[cfg(shuttle)]
#[doc(hidden)]
pub use sync::nodes;
#[cfg(snaptrie_stall)]
#[doc(hidden)]
pub use sync::stalls;

pub mod mode {
    //! The kinds of map, and the places where entries are, as the types that several maps share name them.
    //!
    //! [`Pinned`](crate::Pinned), [`CopyMap`](crate::CopyMap), their iterators and handles have the kind of map as last
    //! parameter: [`Trie`] or [`Flat`]. [`Snapshot`](crate::Snapshot) and everything that is made of snapshots has the
    //! place: [`Boxed`] or [`Inline`]. They are needed only to name those types.

    pub use crate::map::Writable;
    pub use crate::map::mode::{Boxed, Flat, Inline, Kind, Place, Trie};
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
