//! Concurrent hash maps: one for write-heavy loads, with consistent snapshots in constant time, and one for read-heavy
//! loads.
//!
//! [`TrieMap`] is a lock-free hash trie (a Ctrie). Any number of threads insert, update, remove and look up at once.
//! None of them ever waits for another thread, a lock or a resize. [`TrieMap::snapshot`] takes constant time, and shows
//! the whole map at one instant. Writers continue.
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
//! let snapshot = counts.snapshot(); // one instant; writers may continue
//! assert_eq!(snapshot.len(), 5);
//! assert_eq!(snapshot["the"].load(Relaxed), 4);
//! ```
//!
//! [`FlatMap`] is a flat table with the same methods but no snapshots. It finds an entry in fewer steps, and also grows
//! without pauses. [`CopyTrieMap`] and [`CopyFlatMap`] are their counterparts for small plain pairs, such as `u64 →
//! u64`. They keep the pairs in their nodes, and return copies:
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
    doc = "Coming from the standard map, dashmap, papaya or another one? The guide has a [page on migrating](guide::migrating). It also \
           shows how to [share](guide::sharing) a map, [count](guide::counting), build [caches](guide::caches), look \
           [keys](guide::keys) up by other types, use [locks](guide::holding) and [async code](guide::async_code)."
)]
//!
//! # Overview
//!
//! - [Which map](#which-map): the purpose of each
//! - [Handles](#handles): how entries are read and written
//! - [Consistency](#consistency): the guarantees under concurrency
//! - [Snapshots](#snapshots): snapshots, forks and takes, and their costs
//! - [Versions](#versions): differences, commits, publishing, history
//! - [Features](#features): the Cargo features
//! - [Limits](#limits): costs, bounds, and when to use something else
#![cfg_attr(
    doc,
    doc = "- [`guide`]: how to use the maps, and [how they work inside](guide::internals)"
)]
//!
//! # Which map
//!
//! Use a [`TrieMap`] if you ever need the whole content at one instant: to save it, iterate over it, compare it, drain
//! it, or try something out on a fork. Use it also if many threads write all the time: it grows leaf by leaf. Use a
//! [`FlatMap`] if most operations are lookups and keys are independent: caches, routing tables, interned strings. If a
//! map is filled first and then only read, fill a [`TrieMap`] and turn a snapshot of it into a [`FlatMap`] with
//! [`Snapshot::to_flat`].
//!
//! A [`CopyTrieMap`] is a [`TrieMap`] whose keys and values are small and [`Plain`], mostly numbers. It takes about
//! half of the memory, and scans and lookups touch one cache line less. A [`CopyFlatMap`] is a [`FlatMap`] of such
//! pairs: a lookup takes one cache miss instead of two. See [`CopyMap`] for the details.
//!
//! [`TrieSet`], [`FlatSet`], [`CopyTrieSet`] and [`CopyFlatSet`] are the same maps without values. Two snapshots of a
//! set have an exact union, intersection and difference.
//!
//! # Handles
//!
//! [`TrieMap::pin`] and [`FlatMap::pin`] make a [`Pinned`], a handle for the calling thread. Its methods return plain
//! references, which live as long as the handle is borrowed. They hold no lock: an entry that is replaced or removed
//! meanwhile is freed later. So any method may be called while any reference, iterator or snapshot is held, and inside
//! any closure. Use a handle only briefly: while one is held, removed entries of all maps stay in memory.
//!
//! Single operations that return no reference need no handle: [`TrieMap::insert`], [`with`](TrieMap::with),
//! [`cloned`](TrieMap::cloned), [`remove`](TrieMap::remove) and others are methods of the map. Maps that return copies
//! need no handle for any operation; in loops, [`CopyMap::pin`] makes them a little faster.
//!
//! # Consistency
//!
//! - All operations on entries are linearizable: each takes effect at one instant between its call and its return.
//! - [`snapshot`](TrieMap::snapshot), [`fork`](TrieMap::fork), [`take`](TrieMap::take) and [`clear`](TrieMap::clear) of
//!   a [`TrieMap`] take effect at one instant for all keys. If one thread writes `a` and then `b`, no snapshot has the
//!   new `b` and the old `a`. A [`FlatMap`] is [cleared](FlatMap::clear) leaf by leaf.
//! - Iteration over a live map is weakly consistent: it yields no key twice, and every entry that is present
//!   throughout. It may or may not show changes made meanwhile. [`len`](TrieMap::len) of a live map is exact while no
//!   thread writes. For a snapshot, both are exact.
//! - The entries of a snapshot are fixed. But the inside of a value with interior mutability, such as an `AtomicU64`,
//!   still changes.
//! - Every operation on a map is lock-free, except [`flush`](TrieMap::flush), which waits a few milliseconds for other
//!   threads.
//!
//! # Snapshots
//!
//! A [`Snapshot`] is `Send + Sync + Clone`, holds no guard and outlives the map. Taking one costs a few
//! compare-and-swaps and small allocations, whatever the size of the map. Afterwards the first write to each part of
//! the map copies the nodes on its path, and the first read of each part sets a flag there. A snapshot keeps the
//! entries that it shows in memory, also when the map replaces or removes them.
//!
//! [`fork`](TrieMap::fork) makes a writable copy in the same way, and [`take`](TrieMap::take) takes all entries out at
//! one instant: every write is in the result or in the map afterwards.
//!
//! # Versions
//!
//! Snapshots and forks of one map share their common parts. So the cost of the following depends on the number of
//! changes, and not on the size of the map:
//!
//! - [`Snapshot::diff`] finds the differences between two snapshots, [`OwnedDiff`] updates a replica elsewhere, and
//!   [`Snapshot::merge`] merges two forks.
//! - [`TrieMap::commit_with`] changes several keys at one instant. It commits a fork, and starts again if another
//!   writer was first.
//! - [`Published`] holds the latest published snapshot for many readers, and wakes threads and tasks that wait for the
//!   next one. [`History`] keeps the most recent *n* snapshots.
//! - [`Snapshot::stats_beyond`] counts the memory that a snapshot keeps.
//!
//! # Features
//!
//! - `membarrier` (on by default, used on Linux): handles execute no memory fence.
//! - `rayon`: parallel iteration over snapshots and flat maps, parallel `collect` and `extend` of all maps and sets,
//!   and `Snapshot::par_to_flat` and `par_to_copy_flat`, which make flat maps on all processors.
//! - `serde`: serialization and deserialization of all maps and sets, and of [`OwnedDiff`]. A [`TrieMap`] is serialized
//!   as it is at one instant, whatever other threads write meanwhile. So is a snapshot; it is read back as a map.
//!
//! ## The feature `membarrier`
//!
//! A full fence costs more than the rest of a lookup that hits the cache. With this feature a handle needs none:
//! instead, threads that remove or replace entries now and then ask the kernel to execute one on all processors that
//! run the process (`membarrier(2)`).
//!
//! - The first map of a process registers the process with the kernel. If it already has several threads, this takes
//!   about 10 ms; make a map before you start them if that matters. `with_hasher` is `const` and cannot register: the
//!   first thread that frees something does.
//! - On other systems, or if the kernel refuses the registration, each handle executes a fence.
//! - Without the feature, guards are those of crossbeam-epoch, which execute a fence too.
//! - If the process enters a sandbox later that refuses the system call, handles execute a fence from then on, and
//!   removed entries are freed a few milliseconds later.
//! - If a sandbox kills the process for the system call, set `default-features = false` in every crate of the program
//!   that depends on this one.
//!
//! # Limits
//!
//! - Each entry is allocated separately, except in a [`CopyTrieMap`] and a [`CopyFlatMap`]. If only one thread uses the
//!   map, a standard `HashMap` is faster. If threads seldom use it at the same time, so is one behind an `RwLock`.
//! - Removed and replaced entries are freed by later changes of the same map, a few at a time. A map that is left alone
//!   keeps some. [`flush`](TrieMap::flush) frees them, and so does dropping the map.
//! - The garbage of a map is bounded: besides what handles keep, at most 32 entries for each group of threads, of which
//!   there are at most 64. The map counts the bytes of the entries themselves, but not memory that a
//!   value owns elsewhere, such as the buffer of a `Vec`. If values own much memory, call [`flush`](TrieMap::flush)
//!   after removing many of them.
//! - While a [`Pinned`] is held, entries that any thread removes from any map of the process stay in memory. Drop it
//!   before the thread waits for anything, and [refresh](Pinned::refresh) it in long loops.
//! - Maps need a good hasher. With a bad one they stay correct, but become slow where many hashes are equal.
//! - The default hasher does not protect against an attacker who chooses keys and can observe the map. See
//!   [`RandomState`].
//! - After `fork(2)`, the child may use maps, if the thread that forked had used one before. If other threads held
//!   handles at the fork, the child never frees removed entries. The child should end with `_exit` or `exec`.
//! - The target must have 64-bit atomic operations. Some 32-bit targets lack them, and do not compile.
//! - `no_std` is not supported: the maps need thread-locals, and catch panics of destructors. WebAssembly (`wasm32`)
//!   works, with or without WASI.
//! - Taking a snapshot costs O(log n) in the number *n* of live snapshots of the map. Dropping one also takes time for
//!   the changes made while it was the newest. Each takes about 100 bytes, besides the entries that it keeps.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    private_bounds,
    reason = "kinds of map and places of entries are public, but engines and stores are not: no other crate can add one"
)]

#[cfg(not(target_has_atomic = "64"))]
compile_error!("snaptrie needs a target with atomic operations of 64 bits, such as `AtomicU64`");

mod bucket;
mod count;
mod engine;
mod fallout;
mod flat;
#[cfg(any(doc, doctest))]
pub mod guide;
mod hash;
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
mod shards;
mod store;
mod sync;
mod tree;
mod trie;
mod unprotected;

// Last, so that the pages of types show these methods last.
mod impls;

pub use engine::Shared;
#[cfg(any(debug_assertions, snaptrie_check))]
#[doc(hidden)]
pub use engine::Structure;
pub use equivalent::Equivalent;
pub use hash::{DefaultHasher, FixedState, RandomState};
#[cfg(feature = "rayon")]
pub use impls::rayon::{CopyParIter, ParIter, SnapshotParIter};
pub use map::{
    Change, CommitError, CommitFailure, Compute, Conflict, CopyEntry, CopyFlatMap, CopyFlatPinned,
    CopyIter, CopyKeys, CopyMap, CopyModifiedEntry, CopyPinned, CopySnapshot, CopyTrieMap,
    CopyValues, Current, Diff, Entry, FlatMap, FlatPinned, FlatStats, HandleStaysOnItsThread,
    History, HistoryIter, IntoIter, IntoKeys, Iter, IterMut, Keys, ModifiedEntry, MoveStats, Newer,
    NodeStats, Number, OccupiedError, Operation, OwnedDiff, Pinned, Published, Publisher, Reader,
    Refresher, Resolution, Snapshot, SnapshotEntry, SnapshotIntoIter, SnapshotIter, SnapshotKeys,
    SnapshotValues, TrieMap, TrieStats, Values, ValuesMut, Writer,
};
pub use plain::Plain;
pub use set::{
    CopyFlatPinnedSet, CopyFlatSet, CopyPinnedSet, CopySet, CopySetSnapshot, CopyTrieSet,
    FlatPinnedSet, FlatSet, PinnedSet, SetSnapshot, TrieSet,
};
#[cfg(shuttle)]
#[doc(hidden)]
pub use sync::nodes;
#[cfg(snaptrie_stall)]
#[doc(hidden)]
pub use sync::stalls;

pub mod mode {
    //! The kinds of map, and the places of their entries, as parameters of the types that several maps share.
    //!
    //! The last parameter of [`Pinned`](crate::Pinned), [`CopyMap`](crate::CopyMap), and their iterators and handles is
    //! the kind of map: [`Trie`] or [`Flat`]. That of [`Snapshot`](crate::Snapshot) and related types is the place:
    //! [`Boxed`] or [`Inline`]. You need them only to name those types. Most have a name without a parameter, such as
    //! [`FlatPinned`](crate::FlatPinned) and [`CopySnapshot`](crate::CopySnapshot).

    pub use crate::map::Writable;
    pub use crate::map::mode::{Boxed, Flat, Inline, Kind, Place, Trie};
}

/// The examples of the README, as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
