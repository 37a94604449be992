//! The store for small plain keys and values: a slot is the pair itself.
//!
//! Nothing is allocated for an entry, and nothing has to be freed for it but its node. A slot does not
//! have the hash, which would take half as much memory again: who moves a slot to another node hashes
//! its key anew.
//!
//! A pair is never replaced where it is, since readers hold plain references to it: a slot is written
//! once, before it is published, and stays as it is until its node is freed.
#![expect(unsafe_code, reason = "implements a trait whose methods ask for promises")]

use std::marker::PhantomData;

use super::{Compare, Mover, Store};
use crate::engine::Content;
use crate::reclaim::Garbage;
use crate::trie::{Held, Slot, Swap};

/// The store for pairs of `Copy` types.
pub(crate) struct Inline<K, V>(PhantomData<(K, V)>);

/// The slot of an [`Inline`] store.
#[derive(Clone, Copy)]
pub(crate) struct Pair<K, V> {
    key: K,
    value: V,
}

impl<K: Copy, V: Copy> Slot for Pair<K, V> {
    type Cell = Self;
    const SWAPS: bool = false;

    #[inline]
    fn into_cell(self) -> Self {
        self
    }

    #[inline]
    fn read(cell: &Self) -> Self {
        *cell
    }

    fn seal(cell: &Self) -> Self {
        *cell
    }

    fn seal_as(_cell: &Self, _now: Self) -> bool {
        true
    }

    fn swap(_cell: &Self, _old: Self, _new: Self) -> Swap {
        Swap::Sealed
    }
}

impl<K: Copy, V: Copy> Content for Inline<K, V> {
    type Key = K;
    type Value = V;
    type Draft = Pair<K, V>;
    type Pair<'g>
        = (K, V)
    where
        Self: 'g;

    #[inline]
    fn draft(_hash: u64, key: K, value: V) -> Pair<K, V> {
        Pair { key, value }
    }

    fn into_pair(draft: Pair<K, V>) -> (K, V) {
        (draft.key, draft.value)
    }

    #[inline]
    fn draft_key(draft: &Pair<K, V>) -> &K {
        &draft.key
    }

    #[inline]
    fn pair_key<'a, 'g>(pair: &'a (K, V)) -> &'a K
    where
        Self: 'g,
    {
        &pair.0
    }

    #[inline]
    fn pair_value<'a, 'g>(pair: &'a (K, V)) -> &'a V
    where
        Self: 'g,
    {
        &pair.1
    }

    #[inline]
    fn identity<'g>(_pair: &(K, V)) -> Option<*const ()>
    where
        Self: 'g,
    {
        None
    }
}

impl<K: Copy, V: Copy> Store for Inline<K, V> {
    type Slot = Pair<K, V>;
    type Mover = Hashed<Pair<K, V>>;
    const OWNS: bool = false;

    #[inline]
    fn expose(draft: Pair<K, V>, _birth: u64) -> Pair<K, V> {
        draft
    }

    unsafe fn retract(slot: Pair<K, V>) -> Pair<K, V> {
        slot
    }

    /// Always: the key itself is at hand.
    #[inline]
    fn may_have(_slot: &Pair<K, V>, _hash: u64) -> bool {
        true
    }

    fn mover(slot: Pair<K, V>, rehash: impl FnOnce(&K) -> u64) -> Self::Mover {
        Hashed { hash: rehash(&slot.key), slot }
    }

    unsafe fn birth(_slot: &Pair<K, V>) -> u64 {
        unreachable!("a pair is nothing besides its slot")
    }

    fn is_same(_one: &Pair<K, V>, _other: &Pair<K, V>) -> bool {
        unreachable!("a pair is nothing besides its slot")
    }

    #[inline]
    unsafe fn key(slot: &Pair<K, V>) -> &K {
        &slot.key
    }

    #[inline]
    unsafe fn pair<'g>(slot: Held<'g, Pair<K, V>>) -> (K, V)
    where
        Self: 'g,
    {
        (slot.now.key, slot.now.value)
    }

    #[inline]
    unsafe fn pair_ref<'g>(slot: Held<'g, Pair<K, V>>) -> (&'g K, &'g V)
    where
        K: 'g,
        V: 'g,
    {
        (&slot.cell.key, &slot.cell.value)
    }

    const ENTRY_BYTES: usize = 0;

    #[inline]
    fn prefetch(_slot: &Pair<K, V>) {}

    unsafe fn garbage(_slot: Pair<K, V>) -> Garbage {
        unreachable!("a pair is nothing besides its slot")
    }
}

/// Pairs are where their nodes are, so it is what they say that counts.
impl<K: Copy + Eq, V: Copy + PartialEq> Compare for Inline<K, V> {
    #[inline]
    fn unchanged(one: &Pair<K, V>, other: &Pair<K, V>) -> bool {
        one.key == other.key && one.value == other.value
    }
}

/// A slot with the hash of its key.
#[derive(Clone, Copy)]
pub(crate) struct Hashed<T> {
    hash: u64,
    slot: T,
}

impl<T: Copy> Mover for Hashed<T> {
    type Slot = T;

    fn slot(self) -> T {
        self.slot
    }

    fn hash(self) -> u64 {
        self.hash
    }
}
